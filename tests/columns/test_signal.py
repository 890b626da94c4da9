"""Whether inputs say anything about targets, without any model."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.columns.signal import MOST_ROWS, MOST_SHIFT, SOME, read_signal

ROWS = 600


def table(columns=5, rows=ROWS, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, columns))


def plane(x):
    return x @ np.arange(1.0, x.shape[1] + 1)


@pytest.mark.parametrize(
    ("targets", "task"),
    [
        (plane, None),
        (lambda x: (plane(x) > 0).astype(int), None),
        (lambda x: np.eye(2)[(plane(x) > 0).astype(int)], None),
        (lambda x: x[:, 0] * x[:, 1], None),
        (lambda x: (x[:, 0] * x[:, 1] > 0).astype(int), "classes"),
        (lambda x: np.stack([plane(x), x[:, 0]], axis=1) * 1e6, None),
    ],
    ids=["amounts", "classes", "one-hot", "product", "exclusive or", "two columns"],
)
def test_what_is_there_is_seen(targets, task):
    x = table()
    signal = read_signal([x], targets(x), task)
    assert signal.skill > 0.3
    assert signal.some
    assert signal.shift == 0
    assert not signal.none


@pytest.mark.parametrize("seed", range(6))
def test_noise_and_targets_of_other_rows_are_none(seed):
    x = table(seed=seed)
    for y in (plane(x), (plane(x) > 0).astype(int)):
        shuffled = np.random.default_rng(seed).permutation(y)
        signal = read_signal([x], shuffled)
        assert signal.skill <= SOME
        assert signal.none
        assert signal.shift == 0


@pytest.mark.parametrize("shift", [-3, -1, 1, 2, 5, -16])
def test_rows_that_lie_apart_are_found(shift):
    x = table(rows=ROWS + MOST_SHIFT)
    y = np.roll(plane(x), shift)
    signal = read_signal([x], y)
    assert signal.shift == shift
    assert not signal.some


@pytest.mark.parametrize("kept", [0.3, 0.6])
def test_so_are_those_of_rows_that_follow_from_each_other(kept):
    steps = table(rows=ROWS + 7)
    for row in range(1, len(steps)):
        steps[row] += kept * steps[row - 1]
    assert read_signal([steps[7:]], plane(steps)[:-7]).shift == 7


@pytest.mark.parametrize("kept", [0.5, 0.95])
def test_rows_that_follow_from_each_other_are_not_taken_for_a_shift(kept):
    for seed in range(4):
        steps = table(columns=4, rows=400, seed=seed)
        for row in range(1, len(steps)):
            steps[row] += kept * steps[row - 1]
        assert read_signal([steps[:, :3]], steps[:, 3]).shift == 0


def test_of_few_rows_only_the_next_ones_are_looked_at():
    x = table(rows=107)
    assert sorted(read_signal([x], plane(x)).skills) == list(range(-3, 4))


def test_a_series_that_cannot_be_forecast_is_not_misaligned():
    """The targets of the row before are the last value of its window."""
    series = np.random.default_rng(0).normal(size=ROWS + 4)
    windows = np.stack([series[i : i + 4] for i in range(ROWS)])
    signal = read_signal([windows], series[4:])
    assert signal.lagged
    assert signal.shift == 0


def test_sums_over_a_window_tell_the_targets_of_several_rows():
    steps = np.random.default_rng(0).normal(size=ROWS + 4)
    prices = np.cumsum(steps)
    windows = np.stack([prices[i : i + 4] for i in range(ROWS)])
    assert read_signal([windows], np.diff(prices)[3 : ROWS + 3]).shift == 0


def windows_of(rows, length):
    """Windows of rows, each beginning one row after the one before."""
    return np.stack([rows[i : len(rows) - length + 1 + i] for i in range(length)], axis=1)


@pytest.mark.parametrize("flat", [False, True], ids=["windows", "their columns"])
def test_targets_from_before_their_windows_belong_to_the_last_row_of_these(flat):
    """Windows that overlap tell the target of each of their rows: none of these shifts is alone."""
    steps = table(columns=3)
    x = windows_of(steps, 2)[2:]
    signal = read_signal([x.reshape(len(x), -1) if flat else x], plane(steps)[: len(x)])
    assert min(signal.skills[2], signal.skills[3]) > 0.9
    assert signal.shift == 3


def test_what_comes_after_a_window_is_a_forecast_and_no_mistake():
    steps = np.random.default_rng(0).normal(size=(ROWS, 1))
    signs = (steps[:, 0] > 0).astype(int)  # no column is the targets themselves
    signal = read_signal([windows_of(steps, 3)[:-1]], signs[3:])
    assert max(signal.skills.values()) > 0.5
    assert signal.shift == 0


def test_flags_of_the_hour_are_no_windows():
    hours = np.eye(24)[np.arange(ROWS) % 24]
    assert read_signal([np.hstack([hours, table()])], plane(table())).overlap == 0


def test_two_inputs_of_one_shape_are_compared():
    a, b = table(seed=1), table(seed=2)
    same = np.arange(ROWS) % 2 == 0
    b = np.where(same[:, None], a + 0.1 * b, b)
    assert read_signal([a, b], same.astype(int)).skill > 0.8


def test_words_count():
    words = np.random.default_rng(0).integers(0, 200, (ROWS, 20))
    y = ((words < 20).sum(axis=1) > 1).astype(int)
    signal = read_signal([words], y)
    assert signal.some
    assert not signal.tells


def test_pictures_do_not_tell_that_there_is_nothing():
    pictures = np.random.default_rng(0).normal(size=(150, 16, 16, 3)).astype("float32")
    signal = read_signal([pictures], np.arange(150) % 3)
    assert not signal.some
    assert not signal.none


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (table(rows=50), plane(table(rows=50))),
        (table().astype(str), plane(table())),
        (np.ones((ROWS, 2)), plane(table())),
        (table(), np.ones(ROWS)),
        (table(), np.full(ROWS, "a")),
    ],
    ids=["few rows", "text", "constant inputs", "constant targets", "named classes"],
)
def test_what_cannot_be_told_is_not(x, y):
    assert read_signal([x], y) is None


def test_values_that_are_missing_or_far_out_do_not_matter():
    x = table()
    y = plane(x)
    x[::7, 0] = np.nan
    x[3, 1] = 1e9
    assert read_signal([x], y).skill > 0.5


def test_of_many_rows_a_sample_is_read():
    x = table(rows=20_000)
    assert read_signal([x], plane(x)).rows == MOST_ROWS


def test_rows_that_come_again_do_not_tell_their_own_answers():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 3)), rng.normal(size=200)
    once, thrice = read_signal([x], y), read_signal([np.tile(x, (3, 1))], np.tile(y, 3))
    assert thrice == once
    assert once.none


def pictures(rows=300, size=12):
    """Squares in noise, and their masks."""
    rng = np.random.default_rng(0)
    masks = np.zeros((rows, size, size, 1))
    for mask, (high, wide) in zip(masks, rng.integers(0, size - 5, (rows, 2)), strict=True):
        mask[high : high + 5, wide : wide + 5] = 1
    return 0.7 * masks + 0.2 * rng.normal(size=masks.shape), masks


def rims(x, masks):
    """A target that no single place tells: where something begins."""
    return x, np.abs(np.diff(masks, axis=1, prepend=0.0))


@pytest.mark.parametrize("targets", [lambda x, m: (x, m), rims, lambda x, m: (x, m[..., 0] > 0.5)])
def test_masks_are_predicted_from_what_is_around_each_place(targets):
    x, y = targets(*pictures())
    signal = read_signal([x], y)
    assert signal.some
    assert signal.places


def test_masks_of_other_pictures_say_nothing():
    x, masks = pictures()
    other = masks[np.random.default_rng(1).permutation(len(masks))]
    assert read_signal([x], other).none
    # That most masks are in the middle is no skill.
    assert read_signal([np.random.default_rng(2).normal(size=x.shape)], masks).none


def test_every_step_of_a_series_is_a_place():
    x = table(40, rows=300)[..., None]
    y = x[..., 0] + np.roll(x[..., 0], 1, axis=1)
    assert read_signal([x], y).some
    assert read_signal([x], y[::-1]).none
    assert not read_signal([x], y[:, :1]).places


@pytest.mark.parametrize("one_hot", [False, True])
def test_a_rare_class_is_told_from_as_many_others(one_hot):
    rng = np.random.default_rng(0)
    y = (np.arange(3000) % 33 == 0).astype(int)
    x = rng.normal(size=(3000, 6)) + 0.6 * y[:, None] * [1, 1, 1, 0.5, 0, 0]
    order = rng.permutation(3000)
    x, y = x[order], y[order]
    targets = np.eye(2)[y] if one_hot else y
    assert read_signal([x], targets).some
    assert read_signal([rng.normal(size=(3000, 6))], targets).none
