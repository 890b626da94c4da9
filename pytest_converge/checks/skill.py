"""Gate: the model is better than the best constant prediction."""

from __future__ import annotations

import math

from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import Finding
from pytest_converge.core.numbers import beyond, loss, number
from pytest_converge.core.record import TrainingRecord

__all__ = ["skill_suffices"]


def skill_suffices(record: TrainingRecord, expectation: Expectation) -> Finding | None:
    """The skill, 1 - loss / loss of the best constant prediction, is at least `min_skill`.

    The mean squared error skill score of Murphy (1988), doi:10.1175/1520-0493(1988)116<2417:SSBOTM>
    2.0.CO;2, with the training loss in place of the squared error.
    """
    demanded, skill = expectation.min_skill, record.skill
    if demanded is None or (skill is not None and skill >= demanded):
        return None
    if skill is None or not math.isfinite(skill):
        message = f"the skill is not known, min_skill={number(demanded)}"
    else:
        message = (
            f"skill {beyond(skill, demanded, number)} over the best constant prediction"
            f" (loss {loss(record.constant_loss or 0.0)}),"
            f" min_skill={beyond(demanded, skill, number)}"
        )
    return Finding(
        code="skill-too-low",
        message=message,
        evidence={"skill": skill, "constant_loss": record.constant_loss, "min_skill": demanded},
    )
