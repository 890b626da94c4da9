"""Masks that are turned otherwise than their pictures."""

import numpy as np
import pytest

from pytest_converge.columns.turned_apart import TURNS, turned, turned_apart
from tests.columns.test_order_of_axes import pictures


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("squeezed", [False, True])
def test_masks_that_are_mirrored_in_some_rows_are_told_row_by_row(axis, squeezed):
    x, y = pictures(400, size=(10, 10))
    y = y[..., 0] if squeezed else y
    tossed = np.random.default_rng(3).random(400) < 0.5
    y[tossed] = np.flip(y[tossed], axis)
    found = turned_apart({"x": x}, {"y": y})
    assert (found.name, found.axis) == ("y", axis)
    assert np.mean((np.array(found.ways) > 0) == tossed) > 0.97
    assert found.share == pytest.approx(tossed.mean(), abs=0.03)


def test_masks_that_are_all_one_way_are_not_turned_apart():
    x, y = pictures(400)
    assert turned_apart({"x": x}, {"y": y}) is None
    assert turned_apart({"x": x}, {"y": np.flip(y, 2)}) is None
    assert turned_apart({"x": x}, {"y": np.random.default_rng(0).permutation(y)}) is None
    assert turned_apart({"x": x[..., 0]}, {"y": y[:, 0]}) is None
    assert turned_apart({"x": x[:8]}, {"y": y[:8]}) is None


def test_masks_that_are_turned_any_way_are_told_row_by_row():
    x, y = pictures(400, size=(10, 10))
    ways = np.random.default_rng(3).integers(0, 8, 400)
    found = turned_apart({"x": x}, {"y": turned(y, ways)})
    assert found.axis == 0
    back = turned(turned(y, ways), np.array(found.ways))
    assert np.mean([np.array_equal(*pair) for pair in zip(back, y, strict=True)]) > 0.95


def test_every_way_is_another_and_is_taken_back_by_one():
    picture = np.arange(12.0).reshape(1, 2, 2, 3)
    seen = {turn(picture).tobytes() for turn in TURNS}
    assert len(seen) == len(TURNS)
    for turn in TURNS:
        assert any(np.array_equal(back(turn(picture)), picture) for back in TURNS)


@pytest.mark.parametrize("noise", [0.5, 2.0])
@pytest.mark.parametrize(("size", "rows"), [((2, 2), 200), ((5, 5), 24), ((6, 6), 60)])
def test_noisy_targets_and_small_pictures_are_not_turned(noise, size, rows):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(rows, *size, 2))
        y = 0.5 * x[..., :1] + noise * rng.normal(size=(rows, *size, 1))
        assert turned_apart({"x": x}, {"y": y}) is None
