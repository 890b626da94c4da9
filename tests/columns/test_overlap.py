"""Rows in two sets: copies are told from rows that repeat by nature."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.sparse

from pytest_converge.columns import overlap as overlaps
from pytest_converge.columns.fingerprint import row_numbers
from pytest_converge.columns.frames import read_parts
from pytest_converge.columns.overlap import numbers_of_parts, row_overlap

RNG = np.random.default_rng(3)
SETS = {
    "apart": RNG.normal(size=(400, 5)),
    "flags": RNG.integers(0, 2, (400, 3)),
    "categories": RNG.integers(0, 6, (400, 4)),
    "skewed": RNG.geometric(0.5, (400, 6)),
    "rounded": RNG.normal(size=(400, 2)).round(1),
    "one row": np.ones((400, 2)),
}


def split(rows, share=0.2, leaked=0.0, rng=RNG):
    numbers = rng.permutation(row_numbers([rows]))
    count = round(share * len(rows))
    held_out, trained = numbers[:count], numbers[count:]
    return row_overlap(np.concatenate([trained, held_out[: round(leaked * count)]]), held_out)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_a_split_at_random_shares_what_chance_shares(name, share):
    found = [split(SETS[name], share) for _ in range(60)]
    assert not any(overlap.is_no_chance for overlap in found)
    shared = sum(overlap.shared for overlap in found)
    expected = sum(overlap.expected for overlap in found)
    assert shared == pytest.approx(expected, rel=0.2, abs=6)


@pytest.mark.parametrize(
    ("name", "leaked"), [("apart", 0.25), ("apart", 1.0), ("categories", 1.0), ("skewed", 1.0)]
)
def test_copies_are_no_chance(name, leaked):
    assert all(split(SETS[name], leaked=leaked).is_no_chance for _ in range(20))


@pytest.mark.parametrize(("name", "leaked"), [("apart", 0.05), ("flags", 1.0), ("one row", 1.0)])
def test_what_cannot_be_told_from_chance_is_not_said(name, leaked):
    assert not any(split(SETS[name], leaked=leaked).is_no_chance for _ in range(20))


def test_the_numbers():
    found = row_overlap(np.array([1, 2, 3, 3], "uint64"), np.array([3, 4], "uint64"))
    assert (found.shared, found.rows) == (1, 2)
    # of three equal rows, a third of which are held out, one and not all are
    assert found.expected == pytest.approx(3 * (1 / 3) * (1 - 1 / 9))


def test_the_bound_is_above_the_probability_and_near_it():
    chances = np.array([0.3, 0.5, 0.2, 0.4, 0.35, 0.45, 0.3, 0.25])
    for found in range(len(chances) + 1):
        exact = sum(
            math.prod(p if i in chosen else 1 - p for i, p in enumerate(chances))
            for count in range(found, len(chances) + 1)
            for chosen in itertools.combinations(range(len(chances)), count)
        )
        bound = overlaps._bound(chances, found)
        assert exact <= bound * (1 + 1e-9)
        assert bound <= 1.0
        if exact < 0.05:
            assert bound < 8 * exact


def test_sparse_rows_are_the_same_as_dense_ones(monkeypatch):
    monkeypatch.setattr(overlaps, "DENSE_ROWS", 7)
    dense = RNG.integers(0, 2, (40, 6)).astype(float)
    sparse = read_parts(scipy.sparse.csr_matrix(dense), "x")
    assert (numbers_of_parts(sparse) == numbers_of_parts(read_parts(dense, "x"))).all()
