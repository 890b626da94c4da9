"""The variables that code uses outside of any graph, with the values that they had before."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pytest_converge.training.keras_internals import (
    functions_watched,
    operations_watched,
    resource_types,
    writes_watched,
)
from pytest_converge.training.state.snapshot import HeldVariable, unique_variables

__all__ = ["Touched", "UsedVariable"]

#: The operation that gives a new variable its first value.
FIRST_VALUE = "AssignVariableOp"


class UsedVariable(HeldVariable):
    """A variable that is known only by the handle that operations got.

    Args:
        handle: a tensor of type `tf.resource`.
        dtype: of its values.
    """

    def __init__(self, handle: Any, dtype: Any) -> None:
        self.handle = handle
        self.dtype = dtype
        self.name = "a variable of the step"

    @property
    def is_initialised(self) -> bool:
        """False before its first value was assigned."""
        told = tf.raw_ops.VarIsInitializedOp(resource=self.handle)
        return bool(np.asarray(told))  # unlike `bool(told)` no read that anybody counts

    @property
    def shape(self) -> Any:
        """Of its present value."""
        return self.value().shape

    def value(self) -> Any:
        """Its present value as a tensor."""
        return tf.raw_ops.ReadVariableOp(resource=self.handle, dtype=self.dtype)

    def numpy(self) -> Any:
        """Its present value."""
        return self.value().numpy()

    def assign(self, value: Any) -> None:
        """Sets its value."""
        tensor = tf.convert_to_tensor(value, self.dtype)
        tf.raw_ops.AssignVariableOp(resource=self.handle, value=tensor)


class Touched:
    """What the operations of some code use, and which variables they may change.

    Attributes:
        kinds: the types of all operations in order, those of graphs traced meanwhile included.
    """

    def __init__(self) -> None:
        self.kinds: dict[str, None] = {}
        self._used: set[int] = set()
        self._before: dict[int, tuple[Any, Any]] = {}

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Notes what the code within uses."""
        with (
            operations_watched(self._note),
            functions_watched(self._called),
            writes_watched(self._written),
        ):
            yield

    def any_of(self, variables: Sequence[Any]) -> bool:
        """True where one of these was used."""
        return any(id(v.handle) in self._used for v in unique_variables(variables))

    def apart_from(self, known: Sequence[Any]) -> dict[int, tuple[Any, Any]]:
        """The others that may have changed, by their handles: each with its value before.

        One that was made meanwhile had its first value.
        """
        handles = {id(v.handle) for v in known}
        return {key: pair for key, pair in self._before.items() if key not in handles}

    def _note(self, kind: str, inputs: Sequence[Any], _: Any) -> None:
        self.kinds[kind] = None
        self._used.update(id(tensor) for tensor in inputs if tensor.dtype == tf.resource)
        # All other writes of Python were told before: this is the first value of a new variable.
        if kind == FIRST_VALUE and id(inputs[0]) not in self._before and _has_value(inputs[1]):
            variable = UsedVariable(inputs[0], inputs[1].dtype)
            self._before[id(inputs[0])] = (variable, inputs[1])

    def _called(self, inputs: Sequence[Any]) -> None:
        """A compiled function is about to run; what it does to a variable is not told."""
        for tensor in inputs:
            types = resource_types(tensor)
            if len(types) == 1 and id(tensor) not in self._before:
                variable = UsedVariable(tensor, types[0])
                if variable.is_initialised:
                    self._before[id(tensor)] = (variable, variable.value())

    def _written(self, variable: Any) -> None:
        """A variable is about to be written by Python."""
        if tf.executing_eagerly() and id(variable.handle) not in self._before:
            self._before[id(variable.handle)] = (variable, tf.identity(variable))


def _has_value(tensor: Any) -> bool:
    return not tf.is_symbolic_tensor(tensor)
