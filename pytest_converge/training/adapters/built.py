"""What a builder has built: every start of its own, nothing shared between two of them."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from pytest_converge.core.errors import invalid
from pytest_converge.training.state.snapshot import name_of, unique_variables

__all__ = ["Built", "updated"]


class Built:
    """The variables that the calls of one builder returned so far, as long as they live.

    A builder that returns one of them again goes on training the same model, or draws no start of
    its own; several starts would then be one.
    """

    def __init__(self) -> None:
        # By id, for variables have no hash; what is gone cannot be returned again.
        self._seen: weakref.WeakValueDictionary[int, tf.Variable] = weakref.WeakValueDictionary()

    def keep(self, variables: Iterable[Any]) -> None:
        """Remembers variables of the latest call, some of them perhaps again."""
        self._seen.update({id(each): each for each in unique_variables(variables)})

    def require_new(self, variables: Iterable[Any]) -> None:
        """Refuses a variable of an earlier call.

        Args:
            variables: of what a later call returned.

        Raises:
            InvalidTrainingError: an earlier call returned one of them.
        """
        for variable in variables:
            (inner,) = unique_variables([variable])
            if self._seen.get(id(inner)) is inner:
                given = f"a builder that returned the same variable again ({name_of(variable)!r})"
                expected = "a function that makes variables, layers and optimizer anew each time"
                remedy = "Create them inside the function, and do not cache what it returns."
                raise invalid(given, expected, remedy)


def updated(trainable: Iterable[Any], optimizer: Any) -> list[Any]:
    """What updates change: the trainable variables, and slots and counter of the optimizer.

    Others may be shared: a frozen part or an adapted layer, which every start leaves alone.

    Args:
        trainable: variables that are trained.
        optimizer: of Keras or of `tf.compat.v1.train`; None for none.
    """
    variables = [] if optimizer is None else optimizer.variables
    return [*trainable, *(variables() if callable(variables) else variables)]
