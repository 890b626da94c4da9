"""The gradients of what a step of the user's differentiates, by all variables that are trained."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from pytest_converge.training.state.snapshot import as_tf_variable, method_replaced

__all__ = ["GradientsOfAll"]


class GradientsOfAll:
    """What the tapes of a step are asked for by some variables, noted for all of them.

    Args:
        variables: the `tf.Variable`s that are trained.

    Attributes:
        gradients: of the losses of a step by them, added up; None where there is none.
    """

    def __init__(self, variables: Sequence[Any]) -> None:
        self._variables = list(variables)
        self.gradients: list[Any] = [None for _ in variables]

    def noted(self) -> contextlib.AbstractContextManager[None]:
        """Notes them for as long as the context lasts."""
        original = tf.GradientTape.gradient
        known = {id(variable) for variable in self._variables}

        @functools.wraps(original)
        def gradient(tape: Any, target: Any, sources: Any, *args: Any, **kwargs: Any) -> Any:
            asked = [as_tf_variable(s) for s in tf.nest.flatten(sources) if hasattr(s, "assign")]
            if not any(id(variable) in known for variable in asked):
                return original(tape, target, sources, *args, **kwargs)
            both = [sources, self._variables]
            found, every = original(tape, target, both, *args, **kwargs)
            pairs = zip(self.gradients, every, strict=True)
            self.gradients = [_sum(one, other) for one, other in pairs]
            return found

        return method_replaced(tf.GradientTape, "gradient", gradient)


def _sum(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    return tf.convert_to_tensor(one) + tf.convert_to_tensor(other)
