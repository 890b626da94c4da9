"""Whether a source shuffles the inputs and the targets of its rows apart from each other."""

from __future__ import annotations

import collections
from collections.abc import Iterator, Sequence

from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.data.batches import Array, ArrayData

__all__ = ["shuffled_apart"]

#: The share of the rows with a target that is not theirs, against that of a random pairing: of
#: two classes a fifth of which is drawn anew in each pass it is 0.64.
APART = 0.8
#: Targets that are drawn anew in each pass, as noise to be predicted, are those of no other row.
KNOWN = 0.9
#: So few rows that are read both ways tell nothing; of a source that is read in part there are few.
FEWEST_ROWS = 30


def shuffled_apart(data: ArrayData, in_order: ArrayData) -> bool:
    """Whether the same inputs stand beside other targets of the data than without its shuffles.

    Args:
        data: the rows as they are trained on.
        in_order: those of the same source, which shuffles nothing.
    """
    target_of: dict[int, int] = {}
    torn: set[int] = set()  # inputs with several targets say nothing
    targets = collections.Counter[int]()
    for inputs, target in _pairs(in_order):
        targets[target] += 1
        if target_of.setdefault(inputs, target) != target:
            torn.add(inputs)
    pairs = [(x, y) for x, y in _pairs(data) if x in target_of and x not in torn]
    known = [target != target_of[inputs] for inputs, target in pairs if target in targets]
    if len(known) < max(FEWEST_ROWS, KNOWN * len(pairs)):
        return False
    rows = sum(targets.values())
    by_chance = 1.0 - sum((count / rows) ** 2 for count in targets.values())
    return sum(known) / len(known) > APART * by_chance > 0


def _pairs(data: ArrayData) -> list[tuple[int, int]]:
    """(inputs, targets) of each row as numbers, the same for equal ones; empty without targets."""
    leaves = [(name, array) for name, array in batch_leaves(data.arrays) if name[0] != "s"]
    x, y = ([a for name, a in leaves if (name[0] == "y") == of] for of in (False, True))
    return list(zip(_hashes(x), _hashes(y), strict=True)) if x and y else []


def _hashes(arrays: Sequence[Array]) -> Iterator[int]:
    return (hash(tuple(row.tobytes() for row in rows)) for rows in zip(*arrays, strict=True))
