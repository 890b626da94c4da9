"""Checks of scale."""

from __future__ import annotations

import pytest

from pytest_converge.core.data_limits import DataLimits
from pytest_converge.features.checks.scales import (
    features_are_scaled,
    images_in_range,
    targets_are_scaled,
)
from tests.features.checks.profiles import column, group, target

LIMITS = DataLimits()


def scaled(*columns, normed=False, limits=LIMITS):
    found = features_are_scaled(group(*columns, normed=normed), limits)
    return found.columns if found else ()


OTHERS = [column(f"o{index}") for index in range(9)]


@pytest.mark.parametrize(
    ("values", "reported"),
    [
        ({}, False),
        ({"mean": 5.0}, False),
        ({"deviation": 25.0}, True),
        ({"deviation": 18.0}, False),
        ({"mean": 21.0}, True),
        ({"mean": 5.0, "deviation": 0.04}, True),  # 125 standard deviations from 0
        ({"mean": 3.0, "deviation": 0.04}, False),
        ({"deviation": 1e-5}, True),  # a hundred-thousandth of most
        ({"deviation": 0.01}, False),
        ({"mean": 2000.0, "deviation": 30.0, "kind": "categorical"}, False),
        ({"mean": 2000.0, "deviation": 30.0, "kind": "tokens"}, False),
        ({"mean": 2000.0, "deviation": 30.0, "wrong": "dates"}, False),
        ({"mean": 2.0, "deviation": 5.0, "zeros": 0.9}, False),  # sparse: rms 17 but for zeros
        ({"mean": 5.0, "deviation": 15.0, "zeros": 0.9}, True),
    ],
)
def test_one_column_among_standardised_ones(values, reported):
    assert scaled(*OTHERS, column("a", **values)) == (("a",) if reported else ())


def test_all_columns_together():
    large = [column(f"l{index}", deviation=8.0) for index in range(4)]
    assert scaled(*large) == ("l0", "l1", "l2", "l3")
    small = [column(f"s{index}", deviation=0.01) for index in range(4)]
    assert scaled(*small) == ("s0", "s1", "s2", "s3")
    assert scaled(*small, normed=True) == ()
    far = [column(f"f{index}", mean=1.0, deviation=0.1) for index in range(4)]
    assert scaled(*far) == ("f0", "f1", "f2", "f3")


def test_the_ratio_is_a_limit():
    columns = [*OTHERS, column("a", deviation=0.02)]
    assert scaled(*columns) == ()
    assert scaled(*columns, limits=DataLimits(max_ratio=10)) == ("a",)


def test_the_sentence_has_the_numbers():
    found = features_are_scaled(group(column("area", mean=1900.0, deviation=500.0)), LIMITS)
    assert found.message == "area has mean 1900, standard deviation 500"


def image(low, high, deviation, limits=LIMITS):
    pixels = column("x[..., 0]", kind="pixels", low=low, high=high, deviation=deviation)
    return images_in_range(group(pixels, shape="image"), limits)


@pytest.mark.parametrize(
    ("low", "high", "deviation"), [(0.0, 1.0, 0.3), (-1.0, 1.0, 0.5), (-2.1, 2.6, 1.0)]
)
def test_pixels_on_a_scale_for_networks_pass(low, high, deviation):
    assert image(low, high, deviation) is None


@pytest.mark.parametrize(
    ("low", "high", "deviation", "said"),
    [
        (0.0, 255.0, 70.0, "0 to 1 suits a network"),
        (0.0, 255.0, 5.0, "0 to 1 suits a network"),  # a few of them not divided
        (0.0, 0.0039, 0.001, "divided twice"),
        (-124.0, 15.0, 5.0, "far below"),
    ],
)
def test_pixels_on_another_scale_are_reported(low, high, deviation, said):
    assert said in image(low, high, deviation).message


def test_a_stated_range_counts():
    assert image(0.0, 255.0, 70.0, DataLimits(image_range=(0, 255))) is None
    found = image(0.0, 255.0, 70.0, DataLimits(image_range=(0, 1)))
    assert found.message == "x: pixels from 0 to 255, outside 0 to 1"


@pytest.mark.parametrize(
    ("values", "reported"),
    [
        ({}, False),
        ({"mean": 25.0}, True),
        ({"deviation": 25.0}, True),
        ({"deviation": 1e-5}, True),
        ({"mean": 15.0, "deviation": 15.0}, False),
        ({"mean": 3000.0, "kind": "tokens"}, False),
    ],
)
def test_values_to_be_predicted_are_scaled(values, reported):
    found = targets_are_scaled(
        target(task="values", classes=(), columns=(column("y", **values),)), LIMITS
    )
    assert (found is not None) == reported
