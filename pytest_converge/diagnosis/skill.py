"""What the best constant prediction leaves of a loss, and what a training gains on it."""

from __future__ import annotations

import math

from pytest_converge.diagnosis.cause import FailedTraining
from pytest_converge.diagnosis.trials import LINEAR_LOSSES
from pytest_converge.training.measures.best_constant import ConstantLoss, best_constant
from pytest_converge.training.model.losses import loss_names

__all__ = ["BY_CHANCE", "constant_loss", "learnt_nothing", "least_loss", "skill_in_squares"]

#: Skill beyond what chance makes: the most that noise reached on 400 tables was 0.07.
BY_CHANCE = 0.1


def learnt_nothing(failed: FailedTraining) -> bool:
    """Whether a run has no more skill than chance makes; False where nobody knows."""
    skill = failed.record.skill
    return skill is not None and skill <= BY_CHANCE


def constant_loss(failed: FailedTraining) -> float | None:
    """The loss of the best constant prediction, fitted where no formula gives it."""
    known = failed.record.constant_loss
    if known is not None:
        return known
    found = _without_the_model(failed)
    return None if found is None else found.constant


def skill_in_squares(failed: FailedTraining) -> float | None:
    """The advantage of the best run over the best constant, as of squared errors.

    Losses that grow with the error, as those of quantiles, leave a larger share of that of the
    constant than its square; of one that nobody names the better of both is taken.
    """
    constant, training = constant_loss(failed), failed.training
    if not constant or not constant > 0 or not math.isfinite(failed.best):
        return None
    left = failed.best / constant
    known = [] if training.model is None else loss_names(training.model.loss)
    linear = [name for name, _ in known if name in LINEAR_LOSSES or not name]
    return 1.0 - (min(left, left**2) if linear or training.own_train_step else left)


def least_loss(failed: FailedTraining) -> float:
    """The loss that no prediction gets below, as the entropy of targets that are no classes."""
    found = _without_the_model(failed)
    return 0.0 if found is None else found.least


def _without_the_model(failed: FailedTraining) -> ConstantLoss | None:
    return failed.trials.guard.measured(
        "the best constant prediction", lambda: best_constant(failed.training)
    )
