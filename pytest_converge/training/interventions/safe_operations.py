"""Roots, logarithms and quotients that stay finite where they, or their derivatives, are not."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.own_operations import norm_changed, operations_changed
from pytest_converge.training.keras_internals import calls_of_operation
from pytest_converge.training.measures.nonfinite_origin import ENDS
from pytest_converge.training.state.snapshot import attributes_set, shadowed
from pytest_converge.training.training import Training

__all__ = ["SAFE", "safe"]

#: The least argument of a root, a logarithm or a power: Keras' epsilon.
LEAST = 1e-7
#: Each operation as code that stays finite.
SAFE = {
    "Acos": "tf.acos(tf.clip_by_value(x, -1 + 1e-7, 1 - 1e-7))",
    "Asin": "tf.asin(tf.clip_by_value(x, -1 + 1e-7, 1 - 1e-7))",
    "Atanh": "tf.atanh(tf.clip_by_value(x, -1 + 1e-7, 1 - 1e-7))",
    "Div": "tf.math.divide_no_nan(a, b)",
    "Log": "tf.math.log(tf.maximum(x, 1e-7))",
    "Log1p": "tf.math.log1p(tf.maximum(x, -1 + 1e-7))",
    "Pow": "tf.pow(tf.maximum(x, 1e-7), p)",
    "RealDiv": "tf.math.divide_no_nan(a, b)",
    "Reciprocal": "tf.math.divide_no_nan(1.0, x)",
    "Rsqrt": "tf.math.rsqrt(tf.maximum(x, 1e-7))",
    "Sqrt": "tf.sqrt(tf.maximum(x, 1e-7))",
}


def safe(
    user: Training, kind: str, layer: str, where: str, *, at: tuple[str, int] | None = None
) -> Intervention:
    """One kind of operation kept away from 0, or from its end, everywhere but in the optimizers.

    Args:
        user: the training, for the line to paste.
        kind: one of `SAFE`.
        layer: whose call it was seen in; empty for the loss or the step.
        where: the layer or loss that it was seen in; empty for a loss without a name.
        at: (file, line) of one of them, where that is known.
    """

    @contextlib.contextmanager
    def variant(training: Training) -> Iterator[None]:
        inside: list[bool] = []
        settings = calls_of_operation(kind, lambda original: _safe(kind, original, inside))
        with contextlib.ExitStack() as stack:
            stack.enter_context(attributes_set(settings))
            for observed in training.optimizers:
                stack.enter_context(_as_it_was(observed.optimizer, inside))
            yield

    own = operations_changed(user, layer, kind, SAFE[kind], at=at)
    if not own and kind == "Sqrt":
        own = norm_changed(user, layer, LEAST, at=at)
    return Intervention(
        code="exploding-gradient",
        change=SAFE[kind],
        fix=own or f"{SAFE[kind]}  # in {where or 'the loss'}",
        where=(where,) if where else (),
        variant=variant,
        in_words=not own,
    )


def _safe(kind: str, original: Callable[..., Any], inside: list[bool]) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        if inside or not args:
            return original(*args, **kwargs)
        first = tf.convert_to_tensor(args[0])
        if not first.dtype.is_floating:
            return original(*args, **kwargs)
        if kind in ("Div", "RealDiv"):
            return tf.math.divide_no_nan(*args, **kwargs)
        if kind == "Reciprocal":
            return tf.math.divide_no_nan(tf.ones_like(first), first)
        return original(_kept(kind, first, *args[1:2]), *args[1:], **kwargs)

    return call


def _kept(kind: str, first: Any, *power: Any) -> Any:
    """An argument kept within what an operation has a value and a slope of."""
    if kind in ENDS:
        end = tf.cast(1 - LEAST, first.dtype)
        kept = tf.maximum(first, -end)
        return kept if kind == "Log1p" else tf.minimum(kept, end)
    kept = tf.maximum(first, tf.cast(LEAST, first.dtype))
    if kind == "Pow":  # whole powers take any number
        exponent = tf.cast(power[0], first.dtype)
        kept = tf.where(tf.equal(exponent, tf.round(exponent)), first, kept)
    return kept


def _as_it_was(optimizer: Any, inside: list[bool]) -> contextlib.AbstractContextManager[None]:
    """The updates of an optimizer made with the operations as they are: Adam takes roots."""
    name = "apply" if hasattr(optimizer, "apply") else "apply_gradients"
    original = getattr(optimizer, name)

    def apply(*args: Any, **kwargs: Any) -> Any:
        inside.append(True)
        try:
            return original(*args, **kwargs)
        finally:
            inside.pop()

    return shadowed([(optimizer, name, apply)])
