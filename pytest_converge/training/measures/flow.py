"""What depends on what in a recorded step."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from pytest_converge.training.measures.recording import Operation, Recording

__all__ = ["COMPARING", "SAME_VALUES", "SHAPES_ALONE", "Flow"]

#: Operations whose outputs say nothing of the values of their inputs.
SHAPES_ALONE = frozenset({"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"})
#: Operations that compare their inputs; what multiplies or divides a loss may be its weights.
COMPARING = frozenset(
    {
        "SoftmaxCrossEntropyWithLogits",
        "SparseSoftmaxCrossEntropyWithLogits",
        "SquaredDifference",
        "Sub",
    }
)
#: Operations that hand on the values of their first input, or some of them.
SAME_VALUES = frozenset(
    {
        "Cast",
        "ConcatV2",
        "EnsureShape",
        "ExpandDims",
        "GatherV2",
        "Identity",
        "IdentityN",
        "Reshape",
        "Slice",
        "Squeeze",
        "StopGradient",
        "StridedSlice",
        "Transpose",
    }
)


def _is_value(tensor: Any, value: Any) -> bool:
    if tensor.dtype.as_numpy_dtype != value.dtype or tensor.shape != value.shape:
        return False
    return bool(np.array_equal(tensor.numpy(), value))


class Flow:
    """The graph of a recorded step; tensors and handles of variables go by their ids."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.producers: dict[int, Operation] = {
            id(tensor): operation
            for operation in recording.operations
            for tensor in operation.outputs
        }

    @functools.cached_property
    def targets(self) -> tuple[Any, ...]:
        """The tensors that were differentiated, as the loss."""
        return tuple(t for each in self.recording.differentiations for t in each.targets)

    @functools.cached_property
    def needed(self) -> list[Operation]:
        """The operations on whose values these depend, in the order in which they were made."""
        seen: set[int] = set()
        waiting = [self.producers[id(t)] for t in self.targets if id(t) in self.producers]
        while waiting:
            operation = waiting.pop()
            if id(operation) in seen:
                continue
            seen.add(id(operation))
            if operation.kind in SHAPES_ALONE:
                continue
            for tensor in operation.inputs:
                before = self.producers.get(id(tensor))
                if before is not None:
                    waiting.append(before)
        return [operation for operation in self.recording.operations if id(operation) in seen]

    @functools.cached_property
    def by_variables(self) -> set[int]:
        """The ids of all tensors that depend on the variables by which the step differentiates."""
        return self.depending(self.read)

    @functools.cached_property
    def read(self) -> list[int]:
        """The ids of these variables' handles, and of what holds them and was not seen read."""
        sources = [v for each in self.recording.differentiations for v in each.sources]
        return [*(id(v.handle) for v in sources), *self._read_unseen(sources)]

    @functools.cached_property
    def stopped(self) -> list[int]:
        """The ids of the operations through which no gradient goes."""
        made = self.recording.operations
        return [id(each) for each in made if each.kind in ("PreventGradient", "StopGradient")]

    @functools.cached_property
    def trained(self) -> set[int]:
        """The ids of all tensors through which a gradient reaches these variables."""
        return self.depending(self.read, stops=self.stopped)

    def _read_unseen(self, variables: Iterable[Any]) -> Iterator[int]:
        """The ids of tensors that hold a variable without an operation that read it.

        TensorFlow reads what is handed to an operation directly, as in `tf.expand_dims(w, 1)`,
        where nobody sees it: they are told by their values. A number that was seen read is not
        looked for: a constant may be the same, as 0.
        """
        seen = {id(t) for each in self.recording.operations for t in each.inputs}
        values = [
            np.asarray(variable.numpy())
            for variable in variables
            if variable.shape.rank or id(variable.handle) not in seen
        ]
        known = {*self.producers, *(id(leaf) for leaf in self.recording.leaves.values())}
        for operation in self.recording.operations:
            for tensor in () if operation.backward else operation.inputs:
                if id(tensor) in known or tensor.dtype == tf.resource:
                    continue
                known.add(id(tensor))
                if any(_is_value(tensor, value) for value in values):
                    yield id(tensor)

    @functools.cached_property
    def given(self) -> set[int]:
        """The ids of all tensors that depend on the arrays of the batch."""
        return self.depending(id(leaf) for leaf in self.recording.leaves.values())

    def depending(self, sources: Iterable[int], *, stops: Collection[int] = ()) -> set[int]:
        """The ids of all tensors whose values depend on sources.

        Args:
            sources: ids of tensors, or of handles of variables.
            stops: ids of operations through which nothing goes.
        """
        found = set(sources)
        for operation in self.recording.operations:
            if operation.kind in SHAPES_ALONE or id(operation) in stops:
                continue
            if any(id(tensor) in found for tensor in operation.inputs):
                found.update(id(tensor) for tensor in operation.outputs)
        return found

    def behind(self, tensor: Any) -> tuple[list[Operation], list[Any]]:
        """The operations that a tensor's value is made by, and what they begin with.

        What tells a shape alone ends there, as a trained variable does where it is read.
        """
        trained, seen, waiting = set(self.read), set(), [tensor]
        operations, leaves = [], []
        while waiting:
            each = waiting.pop()
            if id(each) in seen:
                continue
            seen.add(id(each))
            made = self.producers.get(id(each))
            if made is None or made.kind in SHAPES_ALONE or not made.inputs or id(each) in trained:
                leaves.append(each)
            else:
                operations.append(made)
                waiting.extend(made.inputs)
        return operations, leaves

    def source(self, tensor: Any) -> Any:
        """The tensor whose values another one holds, handed on as they are."""
        operation = self.producers.get(id(tensor))
        while operation is not None and operation.kind in SAME_VALUES and operation.inputs:
            tensor = operation.inputs[0]
            operation = self.producers.get(id(tensor))
        return tensor

    def origin(self, tensor: Any) -> Operation | None:
        """The operation whose values a tensor holds, handed on as they are; None for an input."""
        return self.producers.get(id(self.source(tensor)))

    def leaf_behind(self, tensor: Any) -> str:
        """The array of the batch that a tensor is made of, value by value; empty for none.

        If the array gets another shape, so does the tensor.
        """
        names = {id(leaf): name for name, leaf in self.recording.leaves.items()}
        while id(tensor) not in names:
            operation = self.producers.get(id(tensor))
            inputs = () if operation is None else operation.inputs
            arrays = [each for each in inputs if each.shape.rank]
            if len(arrays) != 1 or arrays[0].shape != tensor.shape:
                return ""
            tensor = arrays[0]
        return names[id(tensor)]
