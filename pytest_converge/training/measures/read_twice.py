"""A part of a batch that a layer is given twice, beside another one that nothing reads."""

from __future__ import annotations

import dataclasses
from typing import Any

from pytest_converge.training.measures.flow import Flow

__all__ = ["ReadTwice", "read_twice"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReadTwice:
    """Two calls of a layer on the same array, and an array of its shape that nothing reads.

    Attributes:
        layer: that is called.
        twice: the name of the array that it is given twice.
        unread: that of the other one.
        number, of: which of the calls of the layer in a step is the last one on it.
    """

    layer: Any
    twice: str
    unread: str
    number: int
    of: int


def read_twice(flow: Flow, unread: tuple[str, ...]) -> ReadTwice | None:
    """The only such pair of arrays, or None.

    Args:
        flow: of a step.
        unread: the names of the arrays that do not reach the loss.
    """
    leaves = flow.recording.leaves
    names = {id(leaf): name for name, leaf in leaves.items()}
    calls: dict[int, list[str]] = {}
    layers: dict[int, Any] = {}
    for call in flow.recording.calls:
        taken = names.get(id(flow.source(call.inputs[0])), "") if call.inputs else ""
        calls.setdefault(id(call.layer), []).append(taken)
        layers[id(call.layer)] = call.layer
    found = []
    for key, given in calls.items():
        for name in set(given) - {""}:
            alike = [each for each in unread if leaves[each].shape == leaves[name].shape]
            if given.count(name) > 1 and len(alike) == 1:
                last = len(given) - 1 - given[::-1].index(name)
                found.append(
                    ReadTwice(
                        layer=layers[key], twice=name, unread=alike[0], number=last, of=len(given)
                    )
                )
    # A model's calls are known behind those of its layers.
    return found[-1] if len({(each.twice, each.unread) for each in found}) == 1 else None
