"""Rows of tables that belong together, drawn by random indices of their own for each table."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from pytest_converge.training.measures.compared import comparisons
from pytest_converge.training.measures.flow import Flow
from pytest_converge.training.measures.recording import Operation

__all__ = ["INDICES", "DrawnApart", "drawn_apart"]

#: Operations that draw whole numbers, and where among their inputs it says from which.
INDICES = {
    "RandomShuffle": slice(0, 1),
    "RandomUniformInt": slice(1, 3),
    "StatelessRandomUniformIntV2": slice(4, 6),
}
#: What predictions and known values are compared by, where these are classes.
CROSS_ENTROPIES = frozenset(
    {"SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits"}
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DrawnApart:
    """Indices that a step draws anew for each of several tables of one length.

    Attributes:
        kind: the type of the operation that draws them.
        rows: of each table.
        numbers: which of the operations of that kind in a step draw them.
        of: how many there are in a step.
        places: (file, line) of the user's code that draws each; None where nobody knows.
        unrelated: True where what is compared has no row in common with what is predicted.
    """

    kind: str
    rows: int
    numbers: tuple[int, ...]
    of: int
    places: tuple[tuple[str, int] | None, ...]
    unrelated: bool


@dataclasses.dataclass(frozen=True, slots=True)
class _Drawn:
    """One drawing, and what is gathered by it."""

    draw: Operation
    table: Any
    gathered: Any


def drawn_apart(flow: Flow) -> DrawnApart | None:
    """Drawings of indices of one shape and range that meet where predictions are compared.

    Tables of one length whose rows do not meet there, as those of two domains, or that both sides
    of the comparison are made of, may be drawn from one by one. Two rows of one table are a pair
    that somebody wants.

    Args:
        flow: of a step.
    """
    drawn = list(_gathered(flow))
    if len({id(each.draw) for each in drawn}) <= 1:
        return None
    reached = {id(x.draw): set[int]() for x in drawn}
    for each in drawn:
        reached[id(each.draw)] |= flow.depending([id(each.gathered)])
    rows = set().union(*reached.values())
    for known, predicted in _compared(flow, rows):
        one, other = (
            [each for each in drawn if id(tensor) in reached[id(each.draw)]]
            for tensor in (known, predicted)
        )
        compared, given = ({id(each.draw) for each in side} for side in (one, other))
        together = _alike([*one, *other])
        if compared != given and len({id(each.draw) for each in together}) > 1:
            return _told(flow, together, unrelated=compared.isdisjoint(given))
    return None


def _gathered(flow: Flow) -> Iterator[_Drawn]:
    """Rows that are taken by indices as they are drawn."""
    for operation in flow.needed:
        if operation.kind != "GatherV2" or operation.backward:
            continue
        table, indices = operation.inputs[:2]
        draw = flow.origin(indices)
        if draw is not None and draw.kind in INDICES and draw.outputs[0].dtype.is_integer:
            yield _Drawn(draw, table, operation.outputs[0])


def _compared(flow: Flow, rows: set[int]) -> Iterator[tuple[Any, Any]]:
    """(rows, predictions) wherever the loss compares them."""
    known, predicted = rows - flow.trained, rows & flow.trained
    for _, one, other in comparisons(flow, known, predicted):
        yield one, other
    for operation in flow.needed:
        if operation.kind in CROSS_ENTROPIES and not operation.backward:
            logits, labels = operation.inputs[:2]
            if id(labels) in known and id(logits) in predicted:
                yield labels, logits


def _alike(drawn: Iterable[_Drawn]) -> list[_Drawn]:
    """Those like the first by the drawing, each of tables of its own; empty for any other."""
    every = list({id(each.gathered): each for each in drawn}.values())
    first = every[0].draw
    alike = [each for each in every if _is_alike(each.draw, first)]
    if any(each.table.shape[:1] != alike[0].table.shape[:1] for each in alike):
        return []
    shared = any(
        one.draw is not other.draw and _same(one.table, other.table)
        for number, one in enumerate(alike)
        for other in alike[:number]
    )
    return [] if shared else alike


def _is_alike(one: Operation, other: Operation) -> bool:
    if one.kind != other.kind or one.outputs[0].shape != other.outputs[0].shape:
        return False
    ranges = (each.inputs[INDICES[one.kind]] for each in (one, other))
    return all(_same(a, b) for a, b in zip(*ranges, strict=True))


def _same(one: Any, other: Any) -> bool:
    return one is other or (
        one.shape == other.shape
        and one.dtype == other.dtype
        and bool(np.array_equal(_values(one), _values(other)))
    )


def _values(tensor: Any) -> Any:
    return np.asarray(tensor.numpy())


def _told(flow: Flow, together: list[_Drawn], *, unrelated: bool) -> DrawnApart:
    kind = together[0].draw.kind
    every = [each for each in flow.recording.operations if each.kind == kind]
    ids = {id(each.draw) for each in together}
    numbers = tuple(n for n, each in enumerate(every) if id(each) in ids)
    return DrawnApart(
        kind=kind,
        rows=int(together[0].table.shape[0]),
        numbers=numbers,
        of=len(every),
        places=tuple(every[n].place for n in numbers),
        unrelated=unrelated,
    )
