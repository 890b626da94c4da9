"""Curves as small as a word."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree as ET

import pytest

from pytest_converge.report.html.small_curve import EDGE, HEIGHT, WIDTH, small_curve


def places(points):
    """The lines of a drawing as lists of (x, y)."""
    path = ET.fromstring(small_curve(points)).find("path").attrib["d"]  # noqa: S314 - ours
    lines = [line for line in path.split("M") if line]
    return [
        [tuple(map(float, pair)) for pair in re.findall(r"([\d.]+) ([\d.]+)", line)]
        for line in lines
    ]


def test_a_curve_spans_the_drawing_from_its_first_step_to_its_last():
    ((start, middle, end),) = places([(0, 3.0), (5, 2.0), (10, 1.0)])
    assert start == (EDGE, pytest.approx(1.3, abs=0.05))
    assert middle == (WIDTH / 2, HEIGHT / 2)
    assert end == (WIDTH - EDGE, pytest.approx(HEIGHT - 1.3, abs=0.05))


def test_decades_are_drawn_on_a_logarithmic_scale():
    ((_, middle, _),) = places([(0, 1000.0), (1, 10.0), (2, 0.1)])
    assert middle[1] == HEIGHT / 2


def test_what_is_not_finite_leaves_a_gap():
    first, second = places([(0, 1.0), (1, 0.5), (2, math.nan), (3, 2.0), (4, math.inf)])
    assert len(first) == 2
    assert set(second) == {second[0]}  # a point, which a round end makes visible


def test_noise_of_a_curve_that_stands_still_is_drawn_flat():
    ((*points,),) = places([(0, 1.0), (1, 1.0001), (2, 0.9999)])
    assert all(y == pytest.approx(HEIGHT / 2, abs=0.3) for _, y in points)


def test_a_loss_off_the_scale_runs_along_the_edge():
    ((*points,),) = places([(0, 10.0), (1, 5.0), (2, 1e9), (3, 1.0), (4, 0.5), (5, 0.0), (6, 0.1)])
    assert points[2][1] == 0.0
    assert points[5][1] == HEIGHT


@pytest.mark.parametrize("points", [[], [(0, math.nan)], [(0, math.inf), (1, -math.inf)]])
def test_without_a_finite_loss_there_is_nothing(points):
    assert small_curve(points) == ""


def test_the_largest_numbers_have_a_place():
    ((start, end),) = places([(0, 1.7e308), (1, -1.7e308)])
    assert (start[1], end[1]) == (0.0, HEIGHT)
