"""The object behind the fixture `converge`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from pytest_converge.core.calls import Call, FitCall, MinimizeCall, StepCall
from pytest_converge.core.failures import ConvergenceError
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.plugin import runtest
from pytest_converge.plugin.baselines import policy_of
from pytest_converge.plugin.fixture_calls import refuse_unknown, runner_context, without_frames
from pytest_converge.plugin.options import SETTINGS
from pytest_converge.plugin.plots import TrainingPicture
from pytest_converge.report.json_report import junit_properties
from pytest_converge.report.message import failure_message

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pytest_converge.plugin.fixture_calls import ExpectationArguments

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
        *,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        validation_data: Any = None,
        **expectation: Unpack[ExpectationArguments],
    ) -> ConvergenceResult:
        """Train as `model.fit` does.

        Args:
            model: a compiled Keras model, or a function without arguments that builds one, which
                several seeds need.
            x: inputs: arrays, tensors, a structure of these, a `tf.data.Dataset`, a
                `keras.utils.PyDataset` or a generator of batches.
            y: targets, where `x` does not bring them.
            batch_size: rows of a batch, where `x` does not bring batches.
            shuffle: a new order of the rows in every epoch.
            sample_weight: one weight a row.
            class_weight: weights by class.
            validation_data: held-out data, evaluated once after the last step: `(x, y)`,
                `(x, y, sample_weight)`, or a dataset that ends.
            **expectation: arguments of `Expectation`.

        Raises:
            ConvergenceError: the training did not converge as expected.
            InvalidTrainingError: it cannot be run or judged as asked.
        """
        __tracebackhide__ = True
        call = FitCall(
            model=model,
            x=x,
            y=y,
            batch_size=batch_size,
            shuffle=shuffle,
            sample_weight=sample_weight,
            class_weight=class_weight,
            validation_data=validation_data,
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
        __tracebackhide__ = True
        call = MinimizeCall(loss=loss, variables=variables, optimizer=optimizer)
        return self._train(call, expectation)

    def step(
        self,
        step: Callable[..., Any],
        *,
        variables: Any,
        data: Any = None,
        optimizer: Any = None,
        **expectation: Unpack[ExpectationArguments],
    ) -> ConvergenceResult:
        """Train with a hand-written training step.

        Args:
            step: does one update and returns the loss; takes a batch where there is `data`.
            variables: the `tf.Variable`s that it trains.
            data: where its batches come from.
            optimizer: the optimizer that it uses, so that it can be observed and restored.
            **expectation: arguments of `Expectation`.

        Raises:
            ConvergenceError: the training did not converge as expected.
            InvalidTrainingError: it cannot be run or judged as asked.
        """
        __tracebackhide__ = True
        call = StepCall(step=step, variables=variables, data=data, optimizer=optimizer)
        return self._train(call, expectation)

    def _train(self, call: Call, expectation: Mapping[str, Any]) -> ConvergenceResult:
        __tracebackhide__ = True
        state = runtest.state_of(self._item)
        state.calls += 1
        picture = TrainingPicture(self._item)
        result = without_frames(self._item, lambda: self._run(call, expectation, picture))
        state.results.append(result)
        picture.draw(result)
        self._item.user_properties.extend(junit_properties(result))
        self._item.ihook.pytest_converge_result(result=result, item=self._item)
        if not result.passed:
            raise ConvergenceError(failure_message(result, reproduce=self._command()), result)
        return result

    def _run(
        self, call: Call, expectation: Mapping[str, Any], picture: TrainingPicture
    ) -> ConvergenceResult:
        refuse_unknown(f"converge.{call.verb}", call.names(), expectation)
        item, settings = self._item, self._item.config.stash[SETTINGS]
        expected = runtest.expectation_of(item, expectation)
        options = {
            "diagnose": _how_to_diagnose(item),
            "baseline": policy_of(item, wanted=expected.baseline),
            "power": settings.power,
            "calibrate": settings.calibrate,
            "keep": lambda study: runtest.keep(item, study),
            "surface": picture.wanted,
        }
        number = len(runtest.state_of(item).results) + 1
        with runner_context(item, number, expected, **options) as context:
            from pytest_converge.runner import run

            return run(context, call)

    def _command(self) -> str:
        """The command that runs this test again with the same seed and steps."""
        settings = self._item.config.stash[SETTINGS]
        words = ["pytest", *getattr(self._item, "selection", [self._item.nodeid])]
        if settings.seed:
            words.append(f"--converge-seed={settings.seed}")
        words += settings.expectation
        if settings.ab is not None:
            words.append(f"--converge-ab={settings.ab}")
        return shlex.join(words)


def _how_to_diagnose(item: pytest.Item) -> str:
    """As set, but not for a failure that the test expects: nobody reads why."""
    mode = item.config.stash[SETTINGS].diagnose
    expected = item.get_closest_marker("xfail") and not item.config.getoption("runxfail", False)
    return "off" if expected and mode != "full" else mode
