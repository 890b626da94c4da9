"""One way to primitives and back, for every value of the core."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import pytest

from pytest_converge.core.serialisation import Serialisable, primitives, written_as


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    at: tuple[int, float]
    name: str = ""


def halved(points):
    return points[: len(points) // 2]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Drawing(Serialisable):
    title: str
    points: tuple[Point, ...] = ()
    corner: Point | None = None
    rows: tuple[tuple[int, ...], ...] = ()
    bounds: Mapping[str, tuple[float | None, float | None]] = dataclasses.field(
        default_factory=dict
    )
    limits: bool | Mapping[str, tuple[float, ...]] = False
    legend: tuple[str, Point] | None = None
    single: tuple[int] = (0,)
    size: float | None = None
    kept: tuple[int, ...] = dataclasses.field(default=(), metadata=written_as(halved))


WHOLE = Drawing(
    title="all",
    points=(Point(at=(1, 2.5)), Point(at=(3, math.inf), name="far")),
    corner=Point(at=(0, 0.0)),
    rows=((1, 2), (), (3,)),
    bounds={"accuracy": (0.9, None)},
    limits={"tolerance": (0.1,)},
    legend=("far", Point(at=(3, 1.0))),
    size=2.0,
)


@pytest.mark.parametrize("value", [WHOLE, Drawing(title="empty")], ids=lambda each: each.title)
def test_a_value_comes_back_from_json_as_it_was(value):
    assert Drawing.from_dict(json.loads(json.dumps(value.to_dict()))) == value


def test_primitives_are_lists_and_dicts_by_the_names_of_the_fields():
    assert WHOLE.to_dict() == {
        "title": "all",
        "points": [{"at": [1, 2.5], "name": ""}, {"at": [3, math.inf], "name": "far"}],
        "corner": {"at": [0, 0.0], "name": ""},
        "rows": [[1, 2], [], [3]],
        "bounds": {"accuracy": [0.9, None]},
        "limits": {"tolerance": [0.1]},
        "legend": ["far", {"at": [3, 1.0], "name": ""}],
        "single": [0],
        "size": 2.0,
        "kept": [],
    }


def test_a_field_may_say_what_is_written_of_it():
    assert Drawing(title="", kept=(1, 2, 3, 4)).to_dict()["kept"] == [1, 2]


def test_what_is_not_there_gets_its_default_and_what_is_not_known_is_refused():
    assert Drawing.from_dict({"title": "new"}) == Drawing(title="new")
    with pytest.raises(TypeError, match="colour"):
        Drawing.from_dict({"title": "new", "colour": "red"})


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float64(0.5), 0.5),
        (np.int32(3), 3),
        (np.bool_(True), True),
        (np.complex128(1j), "1j"),
        (Fraction(1, 2), 0.5),
        ({1: (2, None)}, {"1": [2, None]}),
        (np.array([1, 2]), "[1 2]"),
    ],
)
def test_what_a_hook_measured_crosses_to_another_process(value, plain):
    assert primitives(value) == plain
    assert type(primitives(value)) is type(plain)
