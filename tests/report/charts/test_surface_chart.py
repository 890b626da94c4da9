"""The chart of a loss surface."""

from __future__ import annotations

import dataclasses
import math

from pytest_converge.core.curve import LossSurface
from pytest_converge.report.charts.surface_chart import NO_COLOR, surface_chart

PLANE = LossSurface(
    x=(0.0, 1.0, 2.0),
    y=(0.0, 1.0),
    losses=((4.0, 1.0, 3.0), (100.0, 0.1, 0.5)),
    names=("a", "b"),
    path=((0.0, 0.0, 4.0), (1.0, 1.0, 0.1)),
)


def test_one_parameter_is_a_curve_with_the_path_on_it():
    line = LossSurface(
        x=(0.0, 1.0, 2.0), losses=((4.0, 1.0, 0.0),), names=("w",), path=((0.0, 0.0, 4.0),)
    )
    chart = surface_chart(line)
    assert (chart.x_title, chart.y_title) == ("w", "loss")
    assert [each.name for each in chart.lines] == ["loss", "path", "start", "end"]


def test_two_parameters_are_a_plane_whose_axes_have_their_names():
    chart = surface_chart(PLANE)
    assert (chart.x_title, chart.y_title, chart.note) == ("a", "b", "")
    assert [each.name for each in chart.lines] == ["path", "start", "end"]
    assert chart.field.axis.log


def test_colours_are_linear_where_the_losses_span_less_than_a_factor_of_ten():
    surface = dataclasses.replace(PLANE, losses=((1.0, 2.0, 9.0), (1.0, 2.0, 3.0)), path=())
    assert not surface_chart(surface).field.axis.log


def test_a_loss_that_is_not_finite_is_said():
    surface = dataclasses.replace(PLANE, losses=((4.0, 1.0, math.nan), (100.0, 0.1, 0.5)))
    assert surface_chart(surface).note == NO_COLOR


def test_a_slice_says_along_what_it_goes():
    surface = dataclasses.replace(
        PLANE, names=("direction 1", "direction 2"), path=(), slice_of_model=True
    )
    chart = surface_chart(surface)
    assert chart.x_title == "direction 1 (lengths of the weights)"
    assert [each.name for each in chart.lines] == ["end of the training"]
    assert "two random directions" in chart.note
