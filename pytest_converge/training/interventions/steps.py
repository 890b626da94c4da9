"""More steps: the control of every change that makes a training faster."""

from __future__ import annotations

from pytest_converge.training.interventions.intervention import Intervention

__all__ = ["more"]


def more(steps: int, factor: int) -> Intervention:
    """The training goes on for `factor` times as many steps."""
    return Intervention(
        code="too-few-steps",
        change=f"{factor * steps} steps",
        fix=f"steps={factor * steps}",
        steps_factor=factor,
    )
