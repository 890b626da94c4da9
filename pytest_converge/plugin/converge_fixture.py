"""The object behind the fixture `converge`."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from pytest_converge.core.calls import Call, FitCall, MinimizeCall, StepCall
from pytest_converge.core.failures import ConvergenceError
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.plugin import runtest
from pytest_converge.plugin.baselines import as_reported, policy_of, with_obtained_kept
from pytest_converge.plugin.fixture_calls import refuse_unknown, runner_context, without_frames
from pytest_converge.plugin.options import SETTINGS, Settings
from pytest_converge.plugin.plots import draw
from pytest_converge.report.json_report import junit_properties
from pytest_converge.report.message import failure_message

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pytest_converge.core.curve import SurfaceMode
    from pytest_converge.core.diagnosis import DiagnosisMode
    from pytest_converge.core.expectation import ExpectationArguments

__all__ = ["Converge"]


class Converge:
    """Trains TensorFlow models inside a test and judges their loss curves.

    Each verb trains, and either returns a `ConvergenceResult` or raises `ConvergenceError`, an
    `AssertionError` that carries the result. What is expected is stated by the marker
    `converges`, by the keyword arguments of the call (see `Expectation`), or by both; the call
    overrides the marker.
    """

    def __init__(self, item: pytest.Item) -> None:
        self._item = item

    def __repr__(self) -> str:
        return f"<Converge of {self._item.nodeid}>"

    def fit(
        self,
        model: Any,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int | None = None,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
        loss: str | None = None,
        **expectation: Unpack[ExpectationArguments],
    ) -> ConvergenceResult:
        """Train as `model.fit` does, whose arguments it takes in the same order.

        Args:
            model: a compiled Keras model, or a function without arguments that builds one, which
                several seeds need.
            x: inputs: arrays, tensors, a structure of these, a `tf.data.Dataset`, a
                `keras.utils.PyDataset` or a generator of batches.
            y: targets, where `x` does not bring them.
            batch_size: rows of a batch, 32 by default, where `x` does not bring batches.
            epochs: another way to give `steps`: so many epochs of `steps_per_epoch` updates.
            verbose: taken and not used; pytest shows the progress.
            callbacks: Keras callbacks, or a function without arguments that builds them anew for
                every run.
            validation_split: the share of the rows, the last ones, that is held out.
            validation_data: held-out data, evaluated after the last step, and for callbacks after
                every epoch: `(x, y)`, `(x, y, sample_weight)`, or a dataset that ends.
            shuffle: a new order of the rows in every epoch.
            class_weight: weights by class.
            sample_weight: one weight a row.
            initial_epoch: the number of the first epoch; the last one has number `epochs`.
            steps_per_epoch: updates of an epoch; one pass over the data where None.
            validation_steps: batches of held-out data; all of them where None.
            validation_batch_size: rows of a batch of held-out arrays; as `batch_size` where None.
            validation_freq: after which epochs callbacks see held-out data: every so many, or a
                list of their numbers.
            loss: the entry of the logs that is judged, where a `train_step` of the model's own
                returns no "loss".
            **expectation: arguments of `Expectation`.

        Raises:
            ConvergenceError: the training did not converge as expected.
            InvalidTrainingError: it cannot be run or judged as asked.
        """
        call = FitCall(
            model=model,
            x=x,
            y=y,
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            validation_split=validation_split,
            validation_data=validation_data,
            shuffle=shuffle,
            class_weight=class_weight,
            sample_weight=sample_weight,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
            validation_batch_size=validation_batch_size,
            validation_freq=validation_freq,
            loss=loss,
        )
        return self._train(call, expectation)

    def minimize(
        self,
        loss: Callable[..., Any],
        variables: Any = None,
        optimizer: Any = None,
        **expectation: Unpack[ExpectationArguments],
    ) -> ConvergenceResult:
        """Train as `optimizer.minimize` does.

        Args:
            loss: a function without arguments that returns the loss; or, given alone, a function
                that builds and returns the three: loss, variables, optimizer.
            variables: the `tf.Variable`s to train.
            optimizer: a Keras optimizer, or one of `tf.compat.v1.train`.
            **expectation: arguments of `Expectation`.

        Raises:
            ConvergenceError: the training did not converge as expected.
            InvalidTrainingError: it cannot be run or judged as asked.
        """
        call = MinimizeCall(loss=loss, variables=variables, optimizer=optimizer)
        return self._train(call, expectation)

    def step(
        self,
        step: Callable[..., Any],
        *,
        variables: Any,
        data: Any = None,
        optimizer: Any = None,
        session: Any = None,
        **expectation: Unpack[ExpectationArguments],
    ) -> ConvergenceResult:
        """Train with a hand-written training step.

        Args:
            step: does one update and returns the loss; takes a batch where there is `data`.
            variables: the `tf.Variable`s that it trains, or those of a graph of TensorFlow 1.
            data: where its batches come from.
            optimizer: the optimizer that it uses, or a list of them, so that they can be observed
                and restored.
            session: the one that it runs, where the variables are of a graph; found where the step
                names it, or where it is the default one.
            **expectation: arguments of `Expectation`.

        Raises:
            ConvergenceError: the training did not converge as expected.
            InvalidTrainingError: it cannot be run or judged as asked.
        """
        call = StepCall(
            step=step, variables=variables, data=data, optimizer=optimizer, session=session
        )
        return self._train(call, expectation)

    def _train(self, call: Call, expectation: Mapping[str, Any]) -> ConvergenceResult:
        state = runtest.state_of(self._item)
        with self._item.config.stash[runtest.TURN]:
            result = without_frames(self._item, lambda: self._run(call, expectation))
            result = with_obtained_kept(self._item, result, state.problems)
            result = dataclasses.replace(result, command=self._command(result))
            state.results.append(as_reported(result))
            draw(self._item, result)
        self._item.user_properties.extend(junit_properties(result))
        self._item.ihook.pytest_converge_result(result=result, item=self._item)
        if not result.passed:
            raise ConvergenceError(failure_message(result, reproduce=result.command), result)
        return result

    def _run(self, call: Call, expectation: Mapping[str, Any]) -> ConvergenceResult:
        refuse_unknown(f"converge.{call.verb}", call.names(), expectation)
        item, settings = self._item, self._item.config.stash[SETTINGS]
        expected = runtest.expectation_of(item, expectation)
        options = {
            "diagnose": _how_to_diagnose(item),
            "baseline": policy_of(item, wanted=bool(expected.baseline)),
            "power": settings.power,
            "calibrate": settings.calibrate,
            "keep": lambda study: runtest.keep(item, study),
            "surface": _surfaces_wanted(settings),
            "scales": settings.html is not None,
            "steps": expectation.get("steps"),
            "timeout": settings.timeout,
        }
        number = len(runtest.state_of(item).results) + 1
        with runner_context(item, number, expected, **options) as context:
            from pytest_converge.runner import run

            return run(context, call)

    def _command(self, result: ConvergenceResult) -> str:
        """What runs this test again with the same seed and steps, and against its baseline."""
        settings = self._item.config.stash[SETTINGS]
        words = ["pytest", *getattr(self._item, "selection", [self._item.nodeid])]
        if settings.seed:
            words.append(f"--converge-seed={settings.seed}")
        words += settings.expectation
        words += settings.baseline_flags if result.expectation.baseline else ()
        if settings.ab is not None:
            words.append(f"--converge-ab={settings.ab}")
        return shlex.join(words)


def _surfaces_wanted(settings: Settings) -> SurfaceMode:
    """For the page of what failed alone: a slice through a model takes as long as its training."""
    if settings.plots is not None:
        return "all"
    return "off" if settings.html is None else "failed"


def _how_to_diagnose(item: pytest.Item) -> DiagnosisMode:
    """As set, but not for a failure that the test expects: nobody reads why."""
    mode = item.config.stash[SETTINGS].diagnose
    expected = item.get_closest_marker("xfail") and not item.config.getoption("runxfail", False)
    return "off" if expected and mode != "full" else mode
