"""What a graph does beside computing: what it writes, and what of it nothing can put back."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

__all__ = ["Effects", "effects_of", "lasting"]

#: How operations begin that write a variable.
WRITES = (
    "Assign",
    "ResourceApply",
    "ResourceScatter",
    "ResourceSparseApply",
    "ResourceStridedSliceAssign",
    "Rng",
    "Stateful",
)
#: Operations that call a function, whose own operations are looked at.
CALLS = ("StatefulPartitionedCall",)
#: How operations begin whose state is no variable, and what that is called.
LASTING = {
    "Barrier": "a queue",
    "EagerPyFunc": "Python code in tf.py_function",
    "Iterator": "an iterator",
    "LookupTableImport": "a table",
    "LookupTableInsert": "a table",
    "LookupTableRemove": "a table",
    "OneShotIterator": "an iterator",
    "PyFuncStateless": "",  # it says itself that it has none
    "PyFunc": "Python code in tf.numpy_function",
    "Queue": "a queue",
    "Reader": "a reader of files",
    "Stage": "a queue",
    "Unstage": "a queue",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What a graph does beside computing.

    Attributes:
        writes: how many of its operations write a variable.
        lasting: what it changes beside variables, in words; empty for nothing.
    """

    writes: int
    lasting: str


def effects_of(graph: Any) -> Effects:
    """The effects of a traced function, those of the functions within it included."""
    definition = graph.as_graph_def()
    kinds = [node.op for node in definition.node]
    for function in definition.library.function:
        kinds += [node.op for node in function.node_def]
    kinds = [kind for kind in kinds if kind not in CALLS]
    return Effects(
        writes=sum(kind.startswith(WRITES) for kind in kinds), lasting=lasting(dict.fromkeys(kinds))
    )


def lasting(kinds: Iterable[str]) -> str:
    """The first state beside variables that operations of these kinds change, in words, or ""."""
    found = (next((n for k, n in LASTING.items() if kind.startswith(k)), "") for kind in kinds)
    return next(filter(None, found), "")
