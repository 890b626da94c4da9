"""Logits of a larger range, as of cosines divided by a temperature."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.own_operations import logits_changed
from pytest_converge.training.keras_internals import calls_of_operation
from pytest_converge.training.measures.bounded_logits import BoundedLogits
from pytest_converge.training.state.snapshot import attributes_set
from pytest_converge.training.training import Training

__all__ = ["sharper"]


def sharper(user: Training, found: BoundedLogits, times: float) -> Intervention:
    """The logits of a cross-entropy over classes times a number.

    Args:
        user: the training, for the line to paste.
        found: the operations that take them.
        times: the number.
    """

    def multiplied(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def call(features: Any, *args: Any, **settings: Any) -> Any:
            logits = tf.convert_to_tensor(features)
            return original(tf.cast(times, logits.dtype) * logits, *args, **settings)

        return call

    @contextlib.contextmanager
    def variant(_: Training) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for kind in sorted(found.kinds):
                stack.enter_context(attributes_set(calls_of_operation(kind, multiplied)))
            yield

    return Intervention(
        code="output-loss-mismatch",
        change=f"logits times {times:g}",
        fix=logits_changed(user, lambda code: f"{times:g} * {code}")
        or f"logits = {times:g} * logits",
        variant=variant,
    )
