"""Operations that an update repeats for every variable, added to its graph once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import tensorflow as tf

from pytest_converge.training.keras_internals import (
    additions_through,
    adds_at_will,
    is_stateless,
)

__all__ = ["repeats_shared"]

CONSTANT, READ = "Const", "ReadVariableOp"
#: What writes the variable of its first input, and nothing else.
WRITES = ("AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp")
#: Attributes that are longer in all, as of a large constant, are not compared.
MOST_BYTES = 256


@contextlib.contextmanager
def repeats_shared() -> Iterator[None]:
    """Adds an operation to the graph of a function once meanwhile, however often it is asked for.

    Keras' optimizers compute the rate, the powers of the decay and the like anew for each variable:
    of Adam's operations nearly half. An operation without a state that has the same inputs and
    attributes has the same value; a variable has one until it may have been written. A session's
    graph does not order its reads and writes, so that nothing is shared there.
    """
    graph = None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()
    if graph is None or not graph.building_function or tf.distribute.has_strategy():
        yield
        return
    with additions_through(graph, _Sharing(graph)):
        yield


class _Sharing:
    """Adds operations to a graph, or gives those that it has added."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        # With their inputs, so that no id is that of a later one.
        self._values: dict[Hashable, tuple[Any, list[Any]]] = {}
        self._reads: dict[Hashable, tuple[Any, list[Any]]] = {}

    def __call__(
        self, add: Callable[..., Any], kind: str, inputs: list[Any], *args: Any, **settings: Any
    ) -> Any:
        """The operation.

        Args:
            add: the graph's own method.
            kind: of the operation.
            inputs: its tensors.
            *args: whatever else the method takes.
            **settings: the same.
        """
        if kind != READ and not is_stateless(kind):
            self._forget(kind, inputs)
        # A placeholder has no inputs, and is never another one.
        elif (inputs or kind == CONSTANT) and adds_at_will(self._graph):
            key, known = _key(kind, inputs, settings), self._values
            if kind == READ:
                known = self._reads
            if key is not None and key not in known:
                known[key] = add(kind, inputs, *args, **settings), inputs
            if key is not None:
                return known[key][0]
        return add(kind, inputs, *args, **settings)

    def _forget(self, kind: str, inputs: list[Any]) -> None:
        """Forgets the values of variables that such an operation may write."""
        if kind not in WRITES:
            self._reads.clear()
            return
        reads = self._reads.items()
        self._reads = {key: read for key, read in reads if read[1][0] is not inputs[0]}


def _key(kind: str, inputs: list[Any], settings: dict[str, Any]) -> Hashable:
    """What the value of an operation depends on; None for what is too long to compare."""
    attributes = settings.get("attrs") or {}
    texts = {name: value.SerializeToString() for name, value in attributes.items()}
    if sum(map(len, texts.values())) > MOST_BYTES:
        return None
    return kind, tuple(map(id, inputs)), tuple(sorted(texts.items()))
