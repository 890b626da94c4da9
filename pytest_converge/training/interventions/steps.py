"""More steps: the control of every change that makes a training faster."""

from __future__ import annotations

import dataclasses

import keras

from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.state.snapshot import attributes_set

__all__ = ["more", "not_stopped", "without_callback"]


def more(steps: int, factor: int) -> Intervention:
    """The training goes on for `factor` times as many steps."""
    return Intervention(
        code="too-few-steps",
        change=f"{factor * steps} steps",
        fix=f"steps={factor * steps}",
        steps_factor=factor,
    )


def not_stopped(name: str, *, after: int, steps: int) -> Intervention:
    """The callback that ended the training is left out.

    Args:
        name: the class of the one that ended it.
        after: how many updates.
        steps: that were asked for.
    """
    fault = f"{name} ended the training after {after} of {steps} steps"
    return dataclasses.replace(without_callback(name, fault), code="too-few-steps")


def without_callback(name: str, fault: str) -> Intervention:
    """A callback is left out.

    Args:
        name: of its class.
        fault: what is wrong with it, in words.
    """
    known = f"keras.callbacks.{name}" if hasattr(keras.callbacks, name) else name
    return Intervention(
        code="harmful-callback",
        change=f"the callback {name} left out",
        fix=f"callbacks=[each for each in callbacks if not isinstance(each, {known})]",
        fault=fault,
        variant=lambda of: attributes_set([(of, "callbacks", of.callbacks.without(name))]),
    )
