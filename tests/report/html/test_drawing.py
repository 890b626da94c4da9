"""From charts to what the plotting library takes."""

from __future__ import annotations

import json
import math

import pytest

from pytest_converge.report.html.charts import Band, Chart, Line, Mark, Stretch
from pytest_converge.report.html.drawing import drawn
from tests.pages import HOSTILE


def line(*losses, name="loss", **changes):
    values = {"x": range(1, len(losses) + 1), "y": losses, "color": "--loss", **changes}
    return Line(name=name, **values)


def layout(*lines, **changes):
    (chart,) = drawn([Chart(title="Loss", lines=lines, **changes)])["charts"]
    return chart["layout"]


def signs(*lines, **changes):
    """What stands at the edges of a chart."""
    return [note["text"] for note in layout(*lines, **changes)["annotations"]]


def test_a_list_of_numbers_that_two_lines_share_is_written_once():
    found = drawn([Chart(title="a", lines=[line(1.0, 2.0), line(2.0, 1.0, name="other")])])
    first, second = found["charts"][0]["traces"]
    assert first["x"] == second["x"]
    assert found["columns"] == [[1, 2], [1, 2], [2, 1]][1:]
    assert [found["columns"][trace["y"]] for trace in (first, second)] == [[1, 2], [2, 1]]


def test_losses_are_rounded_and_what_is_not_finite_is_left_out():
    found = drawn([Chart(title="a", lines=[line(0.123456789, math.nan, math.inf, 12345678.0)])])
    (trace,) = found["charts"][0]["traces"]
    assert found["columns"][trace["y"]] == [0.1235, None, None, 12345678]
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize(
    ("losses", "kind"),
    [
        ((1.0, 0.5), "linear"),
        ((1000.0, 1.0), "log"),
        ((1000.0, 0.0, 1.0), "log"),
        ((1000.0, 1.0, -1.0), "linear"),
        ((math.nan, math.inf), "linear"),
    ],
)
def test_the_axis_is_logarithmic_where_the_losses_ask_for_it(losses, kind):
    assert layout(line(*losses))["yaxis"]["type"] == kind


def test_a_bound_that_is_far_away_asks_for_it_too():
    bound = Mark(axis="y", at=1e-4, text="max_loss", color="--bound")
    assert layout(line(1.0, 0.9), marks=[bound])["yaxis"]["type"] == "log"


def test_what_has_no_place_on_the_axis_stands_at_its_edge():
    assert signs(line(1000.0, 0.0, 1.0, math.nan)) == ["▾ 0", "\N{MULTIPLICATION SIGN} nan"]
    assert signs(line(1.0, 50.0, math.inf), top=10.0) == ["▴ 50"]
    assert signs(line(1.0, 0.0)) == []


def test_an_axis_ends_above_what_is_to_be_seen():
    low, high = layout(line(1.0, 0.5, 1e9), top=10.0)["yaxis"]["range"]
    assert math.log10(0.5) - 1 < low < math.log10(0.5)
    assert 1.0 < high < 1.2
    assert "range" not in layout(line(1.0, 0.5), top=10.0)["yaxis"]


def test_a_line_across_is_placed_by_value_and_its_text_by_exponent():
    bound = Mark(axis="y", at=0.1, text="max_loss 0.1", color="--bound")
    found = layout(line(1000.0, 0.01), marks=[bound])
    (shape,), (note,) = found["shapes"], found["annotations"]
    assert (shape["y0"], shape["y1"], shape["xref"]) == (0.1, 0.1, "paper")
    assert note["y"] == pytest.approx(-1)
    # 0 has no logarithm.
    none = Mark(axis="y", at=0.0, text="max_loss 0", color="--bound")
    assert layout(line(1000.0, 0.01), marks=[none])["shapes"] == []


def test_texts_of_upright_lines_stand_above_each_other():
    marks = [Mark(axis="x", at=at, text=str(at), color="--bound") for at in (2.0, 2.1)]
    assert [note["yshift"] for note in layout(line(1.0, 2.0), marks=marks)["annotations"]] == [
        0,
        14,
    ]


def test_another_unit_has_an_axis_of_its_own():
    lines = [line(1.0, 2.0), line(300.0, 2.0, name="b", unit=True)]
    (found,) = drawn([Chart(title="a", lines=lines, unit_title="another")])["charts"]
    assert found["layout"]["yaxis2"]["title"]["text"] == "another"
    assert [trace.get("yaxis") for trace in found["traces"]] == [None, "y2"]
    assert found["layout"]["yaxis"]["type"] == "linear"


def test_names_make_an_axis_of_rows():
    found = layout(line("a", "b"), nearest=True)
    assert found["yaxis"]["type"] == "category"
    assert found["height"] > layout(line("a"))["height"]


def test_bands_and_stretches_are_in_the_legend():
    band = Band(text="recorded", color="--band", x=(1, 2), low=(0.5, 0.4), high=(2.0, 1.0))
    stretch = Stretch(text="passing", color="--pass-tint", low=1.0, high=2.0)
    found = drawn([Chart(title="a", lines=[line(1.0, 0.5)], bands=[band], stretches=[stretch])])
    (chart,) = found["charts"]
    listed = [t["name"] for t in chart["traces"] if t.get("showlegend") is not False]
    assert listed == ["passing", "recorded", "loss"]
    assert [t.get("fill") for t in chart["traces"]] == [None, None, "tonexty", None]
    assert (chart["layout"]["shapes"][0]["x0"], chart["layout"]["shapes"][0]["x1"]) == (1.0, 2.0)


def test_texts_are_letters_to_the_library():
    """It reads tags, also links."""
    mark = Mark(axis="x", at=1.0, text=HOSTILE, color="--bound")
    named = line(1.0, name=HOSTILE, texts=[HOSTILE])
    found = drawn([Chart(title="a", lines=[named], marks=[mark])])
    (chart,) = found["charts"]
    (trace,) = chart["traces"]
    shown = [
        trace["name"],
        chart["layout"]["annotations"][0]["text"],
        *found["columns"][trace["text"]],
    ]
    assert not any("<" in text for text in shown)
    # A name in a template would be read as one itself: %{x} as a value.
    assert trace["hovertemplate"] == "%{y:.4~g} %{text}<extra>%{fullData.name}</extra>"
