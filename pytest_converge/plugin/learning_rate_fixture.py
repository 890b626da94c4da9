"""The object behind the fixture `learning_rate`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from pytest_converge.core.calls import Call, FitCall, MinimizeCall
from pytest_converge.core.errors import invalid, shown
from pytest_converge.core.rate_range import RateRange
from pytest_converge.plugin import runtest
from pytest_converge.plugin.fixture_calls import make_study, refuse_unknown, runner_context

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pytest_converge.core.expectation import ExpectationArguments

__all__ = ["LearningRate"]

#: Fewer do not show where a range ends; more than 32-bit floats have would be meaningless.
FEWEST_DECADES, MOST_DECADES = 2, 40


class LearningRate:
    """Finds which learning rates work for a training inside a test.

    What passes is what would pass as a training of the fixture `converge`, by the same marker and
    arguments.
    """

    def __init__(self, item: pytest.Item) -> None:
        self._item = item

    def __repr__(self) -> str:
        return f"<LearningRate of {self._item.nodeid}>"

    def range(
        self,
        build: Callable[[], Any],
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
        *,
        schedules: Mapping[str, Any] | None = None,
        decades: int = 8,
        **expectation: Unpack[ExpectationArguments],
    ) -> RateRange:
        """Train at rates over decades around the user's own, and look for the edges.

        All trainings have the same start and the same batches and go through one trace. One whose
        course leaves no hope is broken off.

        Args:
            build: a function without arguments that builds a compiled Keras model; or, without
                `x`, one that builds and returns loss, variables and optimizer, as for
                `converge.minimize`.
            x: inputs, as for `converge.fit`; `None` for a function that is minimised.
            y: targets, where `x` does not bring them.
            batch_size: these and the following as for `converge.fit`.
            epochs: another way to give `steps`.
            verbose: taken and not used.
            callbacks: they take part in the training at every rate, but for those that write.
            validation_split: the share of the rows, the last ones, that is held out.
            validation_data: held-out data.
            shuffle: a new order of the rows in every epoch.
            class_weight: weights by class.
            sample_weight: one weight a row.
            initial_epoch: the number of the first epoch.
            steps_per_epoch: updates of an epoch.
            validation_steps: batches of held-out data.
            validation_batch_size: rows of a batch of held-out arrays.
            validation_freq: after which epochs callbacks see held-out data.
            loss: the entry of the logs that is judged.
            schedules: `keras.optimizers.schedules` by name, to be shown beside the constant rates.
            decades: how many to sweep, half of them above the user's rate and half below.
            **expectation: arguments of `Expectation`, which say what passes.

        Raises:
            InvalidTrainingError: the training cannot be run or judged as asked.
        """
        fitted = FitCall(
            model=build,
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

        def make(number: int) -> RateRange:
            call = fitted if x is not None else _minimized(fitted)
            known = [*call.names(), "schedules", "decades"]
            refuse_unknown("learning_rate.range", known, expectation)
            _check(schedules, decades)
            expected = runtest.expectation_of(self._item, expectation)
            steps = expectation.get("steps")
            with runner_context(self._item, number, expected, steps=steps) as context:
                from pytest_converge.learning_rate.study import range_of_rates

                return range_of_rates(context, call, schedules=schedules, decades=decades)

        return make_study(self._item, make)


def _minimized(call: FitCall) -> Call:
    """The call without data, which is that of a function to minimise."""
    for field in dataclasses.fields(call):
        given = getattr(call, field.name)
        # By their types first: what is equal to an array is an array.
        if field.name != "model" and (type(given), given) != (type(field.default), field.default):
            remedy = "Pass the data, or leave it out where the function returns loss and variables."
            raise invalid(f"{field.name} without x", "the inputs beside it", remedy)
    return MinimizeCall(loss=call.model)


def _check(schedules: Any, decades: Any) -> None:
    # A bool is an int for Python, and not for anybody else.
    if type(decades) is not int or not FEWEST_DECADES <= decades <= MOST_DECADES:
        given = f"decades={shown(decades)}"
        expected = f"an integer from {FEWEST_DECADES} to {MOST_DECADES}"
        raise invalid(given, expected, "Eight are the default.")
    if schedules is not None and not isinstance(schedules, Mapping):
        remedy = 'Write schedules={"cosine": keras.optimizers.schedules.CosineDecay(0.1, 200)}.'
        given = f"schedules={shown(schedules)}"
        raise invalid(given, "a dict of schedules by name", remedy)
