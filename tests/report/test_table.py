"""The table of all reports: what gives way, shrinks and grows with the width."""

from __future__ import annotations

import pytest

from pytest_converge.report.layout import cell_width
from pytest_converge.report.table import Column, Table, fact_lines

ROWS = [("dense", "0.1", "1"), ("a longer name", "12", "200")]
COLUMNS = (
    Column(title="name"),
    Column(title="loss", right=True, gives_way=2),
    Column(title="steps", right=True, gives_way=1),
)
TABLE = Table.of(COLUMNS, ROWS)


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (
            80,
            [
                "name           loss  steps",
                "dense           0.1      1",
                "a longer name    12    200",
            ],
        ),
        (25, ["name           loss", "dense           0.1", "a longer name    12"]),
        (18, ["name", "dense", "a longer name"]),
        (6, ["name", "dense", "a lon…"]),
    ],
)
def test_columns_give_way_in_their_order_and_lines_are_cut_last(width, lines):
    assert TABLE.lines(width, unicode=True) == lines


def test_a_table_without_rows_has_its_titles():
    assert Table.of(COLUMNS, []).lines(80, unicode=True) == ["name  loss  steps"]


def test_a_table_fits_where_what_must_stay_has_room():
    assert TABLE.fits(13)
    assert not TABLE.fits(12)


def test_ascii_has_another_mark():
    assert TABLE.lines(6, unicode=False)[2] == "a l..."


def elastic(**name):
    first = Column(title="id", cells=["x" * 30], least=5, **name)
    curve = Column(title="c", least=4, usual=6, most=20, draw=lambda size: ["#" * size])
    return Table(columns=(first, curve, Column(title="last", cells=["1"])))


@pytest.mark.parametrize(
    ("width", "sizes"),
    [
        (14, [2, 4, 4]),  # the first shrinks below its least
        (17, [5, 4, 4]),
        (19, [7, 4, 4]),
        (24, [10, 6, 4]),  # both have their usual size
        (26, [12, 6, 4]),
        (60, [30, 20, 4]),
        (99, [30, 20, 4]),
    ],
)
def test_columns_grow_to_their_usual_size_before_one_takes_all_it_needs(width, sizes):
    table = elastic(usual=10)
    assert [*table.sizes(width).values()] == sizes
    assert all(cell_width(line) <= width for line in table.lines(width, unicode=True))


def test_the_cells_of_a_row_make_its_line():
    (titles, row) = elastic().rows(40, unicode=True)
    assert titles[-1] == "last"
    assert "".join(row) == elastic().lines(40, unicode=True)[1]


def test_facts_stand_beside_their_names():
    facts = [("seed", "7"), ("driver", "loop and some more")]
    assert fact_lines(facts, 20) == ["seed    7", "driver  loop and", "        some more"]
    assert fact_lines(facts[:1], 20, least=10) == ["seed      7"]
