"""Gradients that are not finite left out of the updates."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.optimizers import made_anew
from pytest_converge.training.training import Training

__all__ = ["FIX", "finite"]

#: What the change does, for an optimizer that was made before.
FIX = """apply = optimizer.apply
finite = lambda g: tf.where(tf.math.is_finite(g), g, 0.0)
optimizer.apply = lambda grads, v=None: apply([finite(g) for g in grads], v)"""


def finite() -> Intervention:
    """Every value of a gradient that is not finite set to 0, for a Keras optimizer.

    The branch of `tf.where` that was not taken has the gradient 0, and 0 times an infinite slope is
    NaN.
    """

    @contextlib.contextmanager
    def variant(training: Training) -> Iterator[None]:
        with made_anew(training):
            for each in training.optimizers:
                each.optimizer.__dict__["apply"] = _made_finite(each.optimizer.apply)
            yield

    return Intervention(
        code="exploding-gradient",
        change="gradients that are not finite set to 0",
        fix=FIX,
        variant=variant,
    )


def _made_finite(observed: Callable[..., Any]) -> Callable[..., Any]:
    def apply(grads: Any, trainable_variables: Any = None) -> Any:
        return observed([_finite(gradient) for gradient in grads], trainable_variables)

    return apply


def _finite(gradient: Any) -> Any:
    if gradient is None or isinstance(gradient, tf.IndexedSlices):
        return gradient
    return tf.where(tf.math.is_finite(gradient), gradient, tf.zeros_like(gradient))
