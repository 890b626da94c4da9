"""Means and spreads of large arrays."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from pytest_converge.columns import moments as module
from pytest_converge.columns.frames import read_parts
from pytest_converge.columns.moments import moments


def measured(array, shift=0.0):
    part = read_parts(array, "x")[0]
    return moments(part, np.full(part.width, float(shift)))


@pytest.mark.parametrize("width", [1, 3, 40])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "uint8", "bool"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_statistics_are_those_of_numpy(width, dtype, order):
    x = (np.random.default_rng(0).normal(3, 2, (5000, width)) * 2).clip(0, 9)
    x = np.asarray(x.astype(dtype), order=order)
    found, exact = measured(x, 1.0), x.astype(np.float64)
    assert found.mean == pytest.approx(exact.mean(axis=0), rel=1e-9)
    assert found.deviation == pytest.approx(exact.std(axis=0), rel=1e-9)
    assert found.low.tolist() == exact.min(axis=0).tolist()
    assert found.high.tolist() == exact.max(axis=0).tolist()
    assert found.count.tolist() == [5000.0] * width


def test_columns_far_from_zero_keep_their_digits():
    x = (1e8 + np.random.default_rng(0).normal(size=(100_000, 2))).astype(np.float64)
    assert measured(x, 1e8).deviation == pytest.approx(x.std(axis=0), rel=1e-9)


@pytest.mark.parametrize("width", [2, 40])
def test_values_that_are_not_finite_are_counted_and_left_out(width):
    x = np.random.default_rng(0).normal(size=(3000, width)).astype("float32")
    x[::10, 1] = np.nan
    x[1::100, 1] = np.inf
    found, held = measured(x), x[:, 1][np.isfinite(x[:, 1])].astype(np.float64)
    assert found.missing.tolist()[:2] == [0, 300]
    assert found.infinite.tolist()[:2] == [0, 30]
    assert found.mean[1] == pytest.approx(held.mean())
    assert found.deviation[1] == pytest.approx(held.std())
    assert found.high[1] == held.max()


def test_two_threads_find_the_same(monkeypatch):
    x = np.random.default_rng(0).normal(size=(9001, 5))
    alone = measured(x)
    monkeypatch.setattr(module, "THREADS_FROM", 10)
    shared = measured(x)
    assert shared.mean == pytest.approx(alone.mean, rel=1e-12)
    assert shared.deviation == pytest.approx(alone.deviation, rel=1e-12)


def test_images_and_sequences_are_measured_by_channel():
    x = np.random.default_rng(0).normal(size=(50, 9, 9, 3)) * [1, 2, 3]
    assert measured(x).deviation == pytest.approx(x.std(axis=(0, 1, 2)))


def test_an_array_is_not_copied():
    x = np.ones((200_000, 20), dtype="float32")
    tracemalloc.start()
    measured(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < x.nbytes / 4


@pytest.mark.filterwarnings("error")
def test_a_spread_beyond_float64_is_infinite():
    found = measured(np.array([[1e200, 1.0], [-1e200, 2.0], [0.0, 3.0], [1e308, 4.0]]))
    assert found.deviation.tolist() == [np.inf, pytest.approx(1.118, rel=1e-3)]
