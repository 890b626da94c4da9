"""Numbers of pictures and series that are elsewhere than they belong."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.columns.order_of_axes import (
    Reordering,
    misplaced,
    transposed,
    turned,
)


def smooth(rng, *shape, places):
    """Noise that is alike side by side."""
    values = rng.normal(size=shape)
    for axis in range(1, 1 + places):
        for _ in range(4):
            values = values + np.roll(values, 1, axis)
    return values / values.std()


def pictures(rows=120, *, size=(8, 8), channels=3):
    """Pictures, and masks of two channels that follow from each place."""
    rng = np.random.default_rng(0)
    x = smooth(rng, rows, *size, channels, places=len(size))
    return x, (x @ rng.normal(size=(channels, 2)) > 0).astype("float32")


def reshaped(array):
    """Stored channels first and reshaped to channels last."""
    return np.moveaxis(array, -1, 1).reshape(array.shape)


def orders(x, y=None):
    found = misplaced({"x": x}, {} if y is None else {"y": y})
    return [each.order.code(each.name) for each in found]


@pytest.mark.parametrize("size", [(8, 8), (6, 10), (24,)])
def test_sound_arrays_have_no_better_order(size):
    x, y = pictures(size=size)
    assert orders(x, y) == []
    assert orders(x) == []
    assert orders(x, y[..., 0]) == []


WRONG = {
    "reshaped": (reshaped, "y.reshape(-1, 2, 8, 8).transpose(0, 2, 3, 1)"),
    "exchanged": (lambda y: y.swapaxes(1, 2), "y.swapaxes(1, 2)"),
    "upside down": (lambda y: y[:, ::-1], "y[:, ::-1]"),
    "mirrored": (lambda y: y[:, :, ::-1], "y[:, :, ::-1]"),
    "class numbers": (lambda y: (y[..., 0] + 2 * y[..., 1])[:, ::-1].astype(int), "y[:, ::-1]"),
    "one channel": (lambda y: y[:, :, ::-1, :1], "y[:, :, ::-1]"),
}


@pytest.mark.parametrize("name", WRONG)
def test_masks_that_lie_elsewhere_are_brought_to_their_places(name):
    change, code = WRONG[name]
    x, y = pictures()
    (found,) = misplaced({"x": x}, {"y": change(y)})
    assert (found.name, found.by_place) == ("y", True)
    assert found.order.code("y") == code
    assert found.before < 0.3
    assert found.after > 0.45


def test_series_are_transposed_and_never_mirrored():
    x, y = pictures(size=(24,))
    assert orders(x, reshaped(y)) == ["y.reshape(-1, 2, 24).transpose(0, 2, 1)"]
    assert orders(x, y[:, ::-1]) == []


def test_inputs_are_told_by_their_neighbours():
    x, _ = pictures()
    (found,) = misplaced({"x": reshaped(x)}, {})
    assert (found.name, found.by_place) == ("x", False)
    assert found.before < found.after
    np.testing.assert_array_equal(found.order.of(reshaped(x)), x)


def test_inputs_without_smoothness_are_told_by_their_targets():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 8, 8, 3))
    y = x.sum(axis=-1)
    assert orders(reshaped(x), y) == ["x.reshape(-1, 3, 8, 8).transpose(0, 2, 3, 1)"]
    assert orders(reshaped(x)) == []


def test_inputs_and_targets_can_both_be_elsewhere():
    x, y = pictures()
    assert len(orders(reshaped(x), reshaped(y))) == 2
    assert len(orders(reshaped(x), reshaped(x))) == 2


def test_targets_that_follow_from_the_given_places_keep_them():
    """As where a series is cut into pieces on purpose: its channels are steps in time."""
    x, _ = pictures()
    scattered = reshaped(x)
    assert orders(scattered, (scattered[..., 0] > 0).astype(int)) == []


def test_channels_that_are_alike_are_no_neighbours():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 24, 1)) + 0.1 * rng.normal(size=(200, 24, 3))
    assert orders(x) == []
    assert orders(smooth(rng, 200, 60, 1, places=1).reshape(200, 20, 3)) == []  # pieces of a series


def test_what_cannot_be_told_is_left_as_it_is():
    x, y = pictures()
    assert orders(reshaped(x)[:20], y[:20]) == []
    assert orders(x[:, 0, 0], reshaped(y)) == []
    assert orders(x, np.zeros_like(y)) == []
    assert orders(x, y[:, :4]) == []
    assert misplaced({}, {}) == ()


@pytest.mark.parametrize("shape", [(6, 10, 3), (6, 10), (8, 8, 1), (12, 4)])
def test_the_code_does_what_the_order_does(shape):
    array = np.random.default_rng(0).normal(size=(5, *shape))
    places = 1 if shape == (12, 4) else 2
    tried = [*turned(shape, places), transposed(shape, places)]
    for order in filter(None, tried):
        code = order.code("a")
        np.testing.assert_array_equal(eval(code, {"a": array}), order.of(array))  # noqa: S307
        assert order.of(array).shape == array.shape


def test_one_channel_was_not_transposed():
    assert transposed((8, 8, 1), 2) is None
    assert transposed((8, 8), 2) is None
    assert transposed((1, 1, 3), 2) is None
    assert transposed((8, 8, 3), 2) == Reordering(
        words="{a} transposed, not reshaped", shape=(3, 8, 8), axes=(0, 2, 3, 1)
    )
    assert list(turned((1, 8, 3), 2)) == []
