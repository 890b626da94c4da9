"""Markdown that shows a text as it is: read back by a parser of it where there is one."""

from __future__ import annotations

import html
import re

import pytest

from pytest_converge.report.markdown import code_block, code_span, escaped, table_rows
from pytest_converge.report.table import Column, Table

ODD = [
    "a|b",
    "a\\|b",
    "a`b``c",
    "`",
    "<script>alert(1)</script>",
    "a & b &amp; c",
    "[x](http://a) *b* _c_ ~~d~~ $e$ #1",
    "test_a.py::test_it[__init__]",
]


def rendered(markdown):
    """The text of a document, by the parser of CommonMark with tables."""
    parser = pytest.importorskip("markdown_it").MarkdownIt("gfm-like", {"linkify": False})
    page = parser.render(markdown)
    assert "<script" not in page
    return html.unescape(re.sub("<[^>]*>", "", page)).strip()


def cells_of(markdown):
    parser = pytest.importorskip("markdown_it").MarkdownIt("gfm-like", {"linkify": False})
    found = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", parser.render(markdown))
    return [html.unescape(re.sub("<[^>]*>", "", cell)) for cell in found]


@pytest.mark.parametrize("text", ODD)
def test_text_and_code_are_shown_as_they_are(text):
    assert rendered(f"x {escaped(text)} x") == f"x {text} x"
    assert rendered(f"x {code_span(text)} x") == f"x {text} x"


@pytest.mark.parametrize("text", [*ODD, "````", "a\n```\nb"])
def test_a_block_of_code_ends_where_the_text_does(text):
    lines = [*code_block(text), "", "after"]
    assert rendered("\n".join(lines)) == f"{text}\n\nafter"


def test_simple_code_is_readable_before_it_is_rendered():
    assert code_span("test_a.py::test_it[raw]") == "`test_a.py::test_it[raw]`"


def test_a_table_has_a_cell_for_each_of_its_own():
    columns = (
        Column(title="test", cells=ODD),
        Column(title="loss|unit", cells=["1"] * len(ODD), right=True),
        Column(title="cause", cells=["", *ODD[1:]]),
    )
    rows = table_rows(Table(columns=columns), 10**4, spans=("test",))
    assert rows[1] == "| --- | ---: | --- |"
    cells = cells_of("\n".join(rows))
    assert cells[:3] == ["test", "loss|unit", "cause"]
    assert cells[3::3] == ODD
    assert cells[5::3] == ["", *ODD[1:]]


def test_columns_without_room_are_left_out():
    columns = (Column(title="a", cells=["1"]), Column(title="b", cells=["2"], gives_way=1))
    assert table_rows(Table(columns=columns), 2) == ["| a |", "| --- |", "| 1 |"]
