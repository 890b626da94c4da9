"""The object behind the fixture `learning_rate`."""

from __future__ import annotations

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
        *,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        validation_data: Any = None,
        loss: str | None = None,
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
            batch_size: rows of a batch, where `x` does not bring batches.
            shuffle: a new order of the rows in every epoch.
            sample_weight: one weight a row.
            class_weight: weights by class.
            validation_data: held-out data, as for `converge.fit`.
            loss: the entry of the logs that is judged, as for `converge.fit`.
            schedules: `keras.optimizers.schedules` by name, to be shown beside the constant rates.
            decades: how many to sweep, half of them above the user's rate and half below.
            **expectation: arguments of `Expectation`, which say what passes.

        Raises:
            InvalidTrainingError: the training cannot be run or judged as asked.
        """
        call: Call = MinimizeCall(loss=build)
        if x is not None:
            call = FitCall(
                model=build,
                x=x,
                y=y,
                batch_size=batch_size,
                shuffle=shuffle,
                sample_weight=sample_weight,
                class_weight=class_weight,
                validation_data=validation_data,
                loss=loss,
            )

        def make(number: int) -> RateRange:
            refuse_unknown(
                "learning_rate.range", [*call.names(), "schedules", "decades"], expectation
            )
            _check(schedules, decades)
            expected = runtest.expectation_of(self._item, expectation)
            with runner_context(self._item, number, expected) as context:
                from pytest_converge.learning_rate.study import range_of_rates

                return range_of_rates(context, call, schedules=schedules, decades=decades)

        return make_study(self._item, make)


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
