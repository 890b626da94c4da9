"""Rows are told from others by numbers that do not depend on their order or type."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.columns import fingerprint
from pytest_converge.columns.fingerprint import Fingerprint, row_numbers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 5)).astype("float32")
Y = RNG.integers(0, 3, size=200)


def facts(x=X, y=Y, size=None):
    found = Fingerprint(("x", "y"))
    size = size or len(x)
    for start in range(0, len(x), size):
        found.add({"x": [x[start : start + size]], "y": [y[start : start + size]]})
    return found.facts()


def test_the_same_rows_are_the_same_in_any_order_type_and_batch():
    order = RNG.permutation(200)
    same = facts()
    assert same["rows"] == 200
    for others in (
        facts(X[order], Y[order]),
        facts(X.astype("float64"), Y.astype("int8")),
        facts(X, Y.astype("float32")[:, None]),
        facts(X, Y, size=7),
    ):
        assert others["digest"] == same["digest"]
        for name in ("x_mean", "x_deviation", "y_mean", "link"):
            assert others[name] == pytest.approx(same[name], rel=1e-4, abs=1e-6)


def test_rows_in_blocks_are_the_same(monkeypatch):
    expected = facts()
    monkeypatch.setattr(fingerprint, "BLOCK_VALUES", 30)
    assert facts()["digest"] == expected["digest"]


@pytest.mark.parametrize(
    "change",
    [
        lambda x, y: (x[:-1], y[:-1]),
        lambda x, y: (np.roll(x, 1, axis=0), y),
        lambda x, y: (x[:, ::-1], y),
        lambda x, y: (np.concatenate([x, x[:1]]), np.concatenate([y, y[:1]])),
        lambda x, y: (np.where(np.arange(200)[:, None] == 3, x + 1e-3, x), y),
        lambda x, y: (-x, y),
        lambda x, y: (x, y[::-1]),
    ],
)
def test_other_rows_are_others(change):
    assert facts(*change(X, Y))["digest"] != facts()["digest"]


def test_moments_are_those_of_all_values():
    found = facts(X + 1000, Y, size=13)
    assert found["x_mean"] == pytest.approx(float(X.mean()) + 1000, rel=1e-6)
    assert found["x_deviation"] == pytest.approx(float(X.std()), rel=1e-3)
    assert (found["x_shape"], found["y_shape"]) == ("5", "1")


def test_text_and_missing_values_have_numbers():
    text = np.array([["a"], ["b"], ["a"]])
    numbers = row_numbers([text])
    assert numbers[0] == numbers[2] != numbers[1]
    assert (row_numbers([text.astype(object)]) == numbers).all()
    odd = np.array([[np.nan, 0.0], [-np.nan, -0.0], [np.inf, 0.0]], "float32")
    first, second, third = row_numbers([odd])
    assert first == second != third


def test_rows_hardly_ever_share_a_number():
    grid = np.stack(np.meshgrid(*[np.arange(40)] * 3), axis=-1).reshape(-1, 3)
    assert len(np.unique(row_numbers([grid]))) == len(grid)


def test_lists_in_a_column_are_texts():
    column = np.empty(2, dtype=object)
    column[:] = [[True], [False]]
    assert len(set(row_numbers([column]).tolist())) == 2
