"""Kinds of columns."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.columns.frames import read_parts
from pytest_converge.columns.profile import profile_columns, profile_groups

RNG = np.random.default_rng(0)
N = 600


def kinds(data):
    return [column.kind for column in profile_columns(read_parts(data, "x"))]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (RNG.normal(size=N), "continuous"),
        (np.full(N, 3.0), "constant"),
        (RNG.random(N) < 0.3, "binary"),
        ((RNG.random(N) < 0.3) * 2.0 - 1, "binary"),
        ((RNG.random(N) < 0.3) * 1000.0, "continuous"),
        (RNG.integers(0, 40, N), "categorical"),
        (RNG.integers(1, 5000, N), "categorical"),
        (RNG.integers(600, 5000, N), "continuous"),
        (RNG.integers(1900, 2021, N), "continuous"),
        (RNG.integers(1, 8, N).astype(float), "ordinal"),
        (RNG.integers(1, 80, N).astype(float), "continuous"),
        (RNG.integers(-1, 30, N), "categorical"),
    ],
)
def test_the_kind_of_a_single_column(column, kind):
    assert kinds({"a": column, "b": RNG.normal(size=N)})[0] == kind


def test_one_hot_columns_are_neighbours_that_add_up_to_one():
    first, second = np.eye(3)[RNG.integers(0, 3, N)], np.eye(2)[RNG.integers(0, 2, N)]
    flag = (RNG.random(N) < 0.2).astype(float)
    x = np.column_stack([RNG.normal(size=N), first, second, flag])
    assert kinds(x) == ["continuous", *["one-hot"] * 5, "binary"]


def test_flags_that_do_not_add_up_to_one_are_flags():
    assert kinds((RNG.random((N, 3)) < 0.4).astype(float)) == ["binary"] * 3


def test_a_sine_beside_its_cosine_is_cyclic():
    angle = RNG.uniform(0, 6, N)
    x = np.column_stack([np.sin(angle), np.cos(angle), np.sin(2 * angle)])
    assert kinds(x) == ["cyclic", "cyclic", "continuous"]


@pytest.mark.parametrize("low", [0, 1])
def test_integers_of_one_vocabulary_are_tokens(low):
    assert set(kinds(RNG.integers(low, 3000, (N, 10)))) == {"tokens"}


def test_letters_are_tokens():
    assert set(kinds(RNG.integers(97, 123, (N, 30), dtype="uint8"))) == {"tokens"}


def test_integers_of_several_columns_are_no_tokens():
    x = np.column_stack([RNG.integers(600, 5000, N), RNG.integers(700, 9000, N)])
    assert kinds(x) == ["continuous"] * 2


def test_flat_images_of_bytes_are_amounts():
    assert set(kinds(RNG.integers(0, 256, (N, 64), dtype="uint8"))) == {"continuous"}


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        ((9, 5), "table"),
        ((9, 12, 12, 3), "image"),
        ((9, 12, 3), "sequence"),
        ((9, 4, 4, 2), "sequence"),
    ],
)
def test_the_shape_of_a_group(shape, found):
    (group,) = profile_groups(read_parts(RNG.normal(size=shape), "x"))
    assert group.shape == found
    assert (group.columns[0].kind == "pixels") == (found == "image")
