"""All gates in the order in which their findings are reported: causes before consequences."""

from __future__ import annotations

from collections.abc import Callable

from pytest_converge.checks import decrease, finite, metrics, notes, skill, target, trained, truth
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import IGNORABLE_GATES, Finding
from pytest_converge.core.record import TrainingRecord

__all__ = ["judge"]

Gate = Callable[[TrainingRecord, Expectation], Finding | None]

GATES: tuple[Gate, ...] = (
    finite.data_is_finite,
    finite.loss_is_finite,
    finite.weights_are_finite,
    trained.something_is_trained,
    truth.loss_is_not_negative,
    truth.loss_is_that_of_the_predictions,
    target.loss_reaches_target,
    decrease.loss_decreases,
    decrease.loss_falls_monotonically,
    metrics.metrics_within_bounds,
    skill.skill_suffices,
    notes.inference_differs,
    notes.features_vary,
    notes.rate_is_stable,
    notes.units_are_alive,
    notes.held_out_rows_are_new,
)


def judge(record: TrainingRecord, expectation: Expectation) -> tuple[Finding, ...]:
    """Every finding of the built-in gates and notes, without the ones to ignore."""
    found = (gate(record, expectation) for gate in GATES)
    return tuple(
        finding for finding in found if finding is not None and not is_ignored(finding, expectation)
    )


def is_ignored(finding: Finding, expectation: Expectation) -> bool:
    """True where the user asked not to hear this code and it is not an outcome."""
    listed = finding.code in expectation.ignore
    return listed and (not finding.fails or finding.code in IGNORABLE_GATES)
