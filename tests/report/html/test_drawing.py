"""From charts to what the plotting library takes."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest

from pytest_converge.core.curve import LossSurface
from pytest_converge.report.charts.chart import Band, Chart, Line, Mark, Stretch
from pytest_converge.report.charts.surface_chart import surface_chart
from pytest_converge.report.html.drawing import drawn
from tests.pages import HOSTILE


def line(*losses, name="loss", **changes):
    values = {"x": range(1, len(losses) + 1), "y": losses, "color": "--loss", **changes}
    return Line(name=name, **values)


def made(*lines, **changes):
    (chart,) = drawn([Chart(title="Loss", lines=lines, **changes)])["charts"]
    return chart


def signs(*lines, **changes):
    """What stands at the edges of a chart."""
    return [sign["text"] for sign in made(*lines, **changes).get("signs", [])]


def test_a_list_of_numbers_that_two_lines_share_is_written_once():
    found = drawn([Chart(title="a", lines=[line(1.0, 2.0), line(2.0, 1.0, name="other")])])
    (style,) = found["charts"][0]["lines"]
    assert found["columns"] == ["1,2", "2,1"]
    assert style == {"color": "--loss", "of": [["loss", 0, 0], ["other", 0, 1]]}


def test_lines_that_look_alike_are_one_entry_in_their_order():
    lines = [line(1.0), line(2.0, color="--batch"), line(3.0), line(4.0)]
    assert [len(style["of"]) for style in made(*lines)["lines"]] == [1, 1, 2]


def test_texts_are_what_the_page_has_for_them():
    (chart,) = drawn([Chart(title="a", note="b", lines=[line(1.0)])], text=len)["charts"]
    assert (chart["title"], chart["note"], chart["lines"][0]["of"][0][0]) == (1, 1, 4)


@pytest.mark.parametrize(
    ("losses", "column"),
    [
        ((0.123456789, math.nan, math.inf, 0.2), [0.1235, None, None, 0.2]),
        ((0.123456789, 12345678.4), [0.123, 12300000]),  # no screen shows more
        ((12345678.0, 12345679.0), [12345678, 12345679]),
        ((12345678.0, math.nan, 12345679), [12345678, None, 12345679]),
        ((1e300, -1e300), [1e300, -1e300]),
        ((0.0, 0.0), [0, 0]),
        ((math.nan,), [None]),
        ((), []),
    ],
)
def test_losses_are_rounded_and_what_is_not_finite_is_left_out(losses, column):
    found = drawn([Chart(title="a", lines=[line(*losses)])])
    text = found["columns"][-1]
    assert json.loads(f"[{text}]") == column
    json.dumps(found, allow_nan=False)


def test_the_axis_is_that_of_its_losses():
    found = made(line(1000.0, 1.0))
    assert found["y"] == {"log": True, "range": pytest.approx([-0.18, 3.18])}
    assert "log" not in made(line(1.0, 0.5))["y"]
    assert found["toggle"]
    assert "toggle" not in made(line(1.0, 0.0))


def test_what_is_usual_is_left_out():
    assert made(line(1.0, 0.5)).keys() == {"title", "y", "lines", "toggle"}
    found = made(line(1.0, 0.5, dash="dot", width=0), log_x=True, x_title="rate", half=True)
    assert found["x"] == {"log": True, "title": "rate"}
    assert found["half"]
    assert (found["lines"][0]["dash"], found["lines"][0]["width"]) == ("dot", 0)


def test_what_has_no_place_on_the_axis_stands_at_its_edge():
    assert signs(line(1000.0, 0.0, 1.0, math.nan)) == ["▾ 0", "\N{MULTIPLICATION SIGN} nan"]
    assert signs(line(1.0, 50.0, math.inf), top=10.0) == ["▴ 50.00"]
    assert signs(line(1.0, 0.0)) == []


def test_a_mark_has_its_place_where_the_axis_has_one():
    bound = Mark(axis="y", at=0.1, text="max_loss 0.1", color="--bound")
    (mark,) = made(line(1000.0, 0.01), marks=[bound])["marks"]
    assert mark == {"axis": "y", "at": 0.1, "text": "max_loss 0.1", "color": "--bound"}
    below = dataclasses.replace(bound, below=True)
    assert made(line(1000.0, 0.01), marks=[below])["marks"] == [{**mark, "below": True}]
    # 0 has no logarithm.
    none = Mark(axis="y", at=0.0, text="max_loss 0", color="--bound")
    assert "marks" not in made(line(1000.0, 0.01), marks=[none])


def test_another_unit_has_an_axis_of_its_own():
    found = made(line(1.0, 2.0), line(300.0, 2.0, name="b", unit=True), unit_title="another")
    assert found["unit"] == "another"
    assert [style.get("unit") for style in found["lines"]] == [None, True]
    assert "log" not in found["y"]


def test_names_make_an_axis_of_rows():
    assert made(line("a", "b", "a"), nearest=True)["y"] == {"names": 2}


def test_bands_and_stretches_have_names():
    band = Band(text="recorded", color="--band", x=(1, 2), low=(0.5, 0.4), high=(2.0, 1.0))
    stretch = Stretch(text="passing", color="--pass-tint", low=1.0, high=2.0)
    found = made(line(1.0, 0.5), bands=[band], stretches=[stretch])
    assert [each["name"] for each in found["bands"] + found["stretches"]] == ["recorded", "passing"]
    assert (found["stretches"][0]["low"], found["stretches"][0]["high"]) == (1, 2)


def test_a_field_is_thinned_and_keeps_its_edges_and_its_holes():
    places = tuple(i / 40 for i in range(41))
    losses = [[1.0 + x + y for x in places] for y in places]
    losses[0][40] = math.nan
    surface = LossSurface(x=places, y=places, losses=tuple(map(tuple, losses)), names=("a", "b"))
    found = drawn([surface_chart(surface)])
    (chart,) = found["charts"]
    columns = [json.loads(f"[{text}]") for text in found["columns"]]
    field = chart["field"]
    assert (columns[field["x"]][0], columns[field["x"]][-1], len(columns[field["x"]])) == (0, 1, 21)
    assert len(columns[field["losses"]]) == 21 * 21
    assert columns[field["losses"]][19:21] == [1.95, None]
    assert "range" not in chart["y"]


def test_texts_are_letters_to_the_library():
    """It reads tags, also links."""
    mark = Mark(axis="x", at=1.0, text=HOSTILE, color="--bound")
    named = line(1.0, name=HOSTILE, texts=[HOSTILE])
    found = drawn([Chart(title="a", lines=[named], marks=[mark], x_title=HOSTILE)])
    (chart,) = found["charts"]
    ((name, _, _, texts),) = chart["lines"][0]["of"]
    shown = [
        name,
        chart["x"]["title"],
        chart["marks"][0]["text"],
        *found["columns"][texts],
    ]
    assert not any("<" in text for text in shown)
