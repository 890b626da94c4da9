"""Random numbers that predictions are to be, and that are none of those in their inputs."""

from __future__ import annotations

import dataclasses
from typing import Any

from pytest_converge.training.measures.compared import DIFFERENCES, comparisons
from pytest_converge.training.measures.drawn_weights import DRAWING
from pytest_converge.training.measures.flow import Flow
from pytest_converge.training.measures.recording import Operation

__all__ = ["DrawnTwice", "drawn_twice"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DrawnTwice:
    """Noise of the inputs, and other noise that predictions are compared with.

    Attributes:
        kind: the type of the operation that draws both.
        shape: of either.
        first, second: which of the operations of that kind in a step draw them.
        of: how many there are in a step.
        places: (file, line) of the user's code that draws each; None where nobody knows.
    """

    kind: str
    shape: tuple[int, ...]
    first: int
    second: int
    of: int
    places: tuple[tuple[str, int] | None, tuple[str, int] | None] = (None, None)


def drawn_twice(flow: Flow) -> DrawnTwice | None:
    """The only such pair, or None.

    What has a part of the batch in it, as a noisy copy of the inputs, can be predicted, and so can
    the mean of what is drawn: a sample of a prior is compared with all others, not with its own.

    Args:
        flow: of a step.
    """
    operations = flow.recording.operations
    draws = [each for each in operations if _draws(each)]
    found = []
    for compared in draws:
        drawn = flow.depending(id(t) for t in compared.outputs)
        known = drawn - flow.trained - flow.given
        for operation, one, other in comparisons(flow, known, flow.trained - drawn):
            if operation.kind not in DIFFERENCES or one.shape != other.shape:
                continue
            inputs = [
                each
                for each in draws
                if _alike(each, compared) and id(other) in flow.depending(map(id, each.outputs))
            ]
            if len(inputs) == 1 and id(one) not in flow.depending(map(id, inputs[0].outputs)):
                found.append((inputs[0], compared))
    pairs = {(id(given), id(compared)) for given, compared in found}
    return _told(operations, *found[0]) if len(pairs) == 1 else None


def _draws(operation: Operation) -> bool:
    drawn = any(part in operation.kind for part in DRAWING) and len(operation.outputs) == 1
    return drawn and operation.outputs[0].dtype.is_floating and not operation.backward


def _alike(one: Operation, other: Operation) -> bool:
    shapes: list[Any] = [each.outputs[0].shape for each in (one, other)]
    return one is not other and one.kind == other.kind and shapes[0] == shapes[1]


def _told(operations: list[Operation], *drawing: Operation) -> DrawnTwice:
    every = [id(each) for each in operations if each.kind == drawing[0].kind]
    one, other = sorted(drawing, key=lambda each: every.index(id(each)))
    return DrawnTwice(
        kind=one.kind,
        shape=tuple(one.outputs[0].shape),
        first=every.index(id(one)),
        second=every.index(id(other)),
        of=len(every),
        places=(one.place, other.place),
    )
