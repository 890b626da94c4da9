"""Cells, cutting and columns."""

from __future__ import annotations

import ast
import textwrap

import pytest

from pytest_converge.report import layout

WIDE = "手書き"


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("abc", 3),
        (WIDE, 6),
        ("\N{FULLWIDTH LATIN CAPITAL LETTER A}", 2),
        ("é", 1),
        ("e\N{COMBINING ACUTE ACCENT}", 1),
        ("▁█", 2),
        ("", 0),
    ],
)
def test_cell_width(text, cells):
    assert layout.cell_width(text) == cells


def test_one_line_leaves_no_control_character():
    assert layout.one_line(" a\n\tb \x1b[31mc\ud800") == "a b \\x1b[31mc\\ud800"


def test_printable_escapes_only_without_unicode():
    assert layout.printable("é", unicode=True) == "é"
    assert layout.printable("é", unicode=False) == "\\xe9"


def test_pad_counts_cells():
    assert layout.pad(WIDE, 8) == WIDE + "  "
    assert layout.pad(WIDE, 8, right=True) == "  " + WIDE


@pytest.mark.parametrize(
    ("width", "text"),
    [(6, WIDE), (5, "手書…"), (4, "手…"), (3, "手…"), (2, "…"), (1, ""), (0, "")],
)
def test_cut_never_splits_a_wide_character(width, text):
    assert layout.cut(WIDE, width, mark="…") == text


@pytest.mark.parametrize(
    ("width", "text"), [(11, "test_abcdef"), (10, "test_…cdef"), (4, "te…f"), (2, "te")]
)
def test_cut_middle_keeps_both_ends(width, text):
    assert layout.cut_middle("test_abcdef", width, mark="…") == text


NODE_ID = "tests/unit/test_models.py::TestDeep::test_wine[adam]"


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (52, NODE_ID),
        (51, "…/unit/test_models.py::TestDeep::test_wine[adam]"),
        (47, "…/test_models.py::TestDeep::test_wine[adam]"),
        (42, "…::TestDeep::test_wine[adam]"),
        (27, "…::test_wine[adam]"),
        (17, "test_wine[adam]"),
        (14, "test_wi…[adam]"),
    ],
)
def test_a_node_id_keeps_the_name_of_its_test_longest(width, text):
    assert layout.elide_node_id(NODE_ID, width, mark="…") == text


@pytest.mark.parametrize("node_id", [NODE_ID, "README.md", f"tests/{WIDE}.py::{WIDE}[{WIDE}::a/b]"])
def test_a_node_id_fits_every_width(node_id):
    for mark in ("…", "..."):
        for width in range(1, 70):
            text = layout.elide_node_id(node_id, width, mark=mark)
            assert 0 < layout.cell_width(text) <= width or (width == 1 and text == "")


def test_colons_in_parameters_do_not_split_a_name():
    assert layout.elide_node_id("a/b.py::test_x[p::q]", 14, mark="…") == "test_x[p::q]"


def test_wrap_breaks_at_blanks_and_inside_long_words():
    assert layout.wrap("one two three", 9, first="- ", rest="  ") == ["- one two", "  three"]
    assert layout.wrap("abcdefgh ij", 5, rest=" ") == ["abcde", " fgh", " ij"]
    assert layout.wrap("", 5, first="x ") == ["x "]
    assert layout.wrap("exact", 5) == ["exact"]


@pytest.mark.parametrize("width", range(4, 30))
def test_wrap_keeps_every_character_within_the_width(width):
    text = f"the loss {WIDE}{WIDE} of a_very_long_variable_name is nan"
    lines = layout.wrap(text, width, first="> ", rest="  ")
    assert max(map(layout.cell_width, lines)) <= width
    assert "".join(line[2:] for line in lines).replace(" ", "") == text.replace(" ", "")


def test_fill_breaks_between_parts():
    assert layout.fill(["one two", "three", "four"], 16, indent="  ") == [
        "  one two, three",
        "  four",
    ]
    assert layout.fill(["one two three"], 8, indent=" ") == [" one two", " three"]
    assert layout.fill([], 8) == []


@pytest.mark.parametrize(
    ("most", "lines"),
    [
        (9, ["- one two", "  three", "  four"]),
        (3, ["- one two", "  three", "  four"]),
        (2, ["- one two", "  three .."]),
        (1, ["- one .."]),
    ],
)
def test_wrap_at_most_marks_what_it_cut(most, lines):
    text = "one two three four"
    assert layout.wrap_at_most(text, 11, most, mark="..", first="- ", rest="  ") == lines


def test_the_name_of_a_column_is_not_broken():
    assert layout.wrap("in x[:, 12] and x[:, 3]", 13) == ["in x[:, 12]", "and x[:, 3]"]
    assert layout.wrap("see x[:, 12]", 9) == ["see", "x[:, 12]"]


def test_wrap_at_most_cuts_a_full_line():
    assert layout.wrap_at_most("one two three", 7, 1, mark="..") == ["one .."]


CODE = """
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9), "a, b", metrics=[f(1, 2), "c"],  # d, e
    )
    model.fit(x, y, epochs=3)
"""


@pytest.mark.parametrize("width", [10, 20, 30, 47, 60, 200])
def test_broken_code_is_the_same_code(width):
    whole = textwrap.dedent(CODE).strip()
    lines = layout.code_lines(CODE, width)
    assert ast.dump(ast.parse("\n".join(lines))) == ast.dump(ast.parse(whole))
    assert width < 200 or lines == whole.split("\n")
    assert width > 60 or len(lines) > 4


def test_code_is_broken_after_commas_within_brackets():
    assert layout.code_lines("a, b = f(one, [two, three], 'x, y')", 18) == [
        "a, b = f(one,",
        "    [two, three],",
        "    'x, y')",
    ]


@pytest.mark.parametrize(
    "code",
    [
        "a = 'no comma in brackets, but long'",
        "first, second = third, fourth",
        "not ( python, at, all",
        "x = ''' a, (b, c",
    ],
)
def test_code_that_cannot_be_broken_stays_whole(code):
    assert layout.code_lines(code, 9) == [code]


def test_code_keeps_its_indentation_and_loses_control_characters():
    code = "  if a:\r\n\n\tb('é\x1b')\r\n"
    assert layout.code_lines(code, 80, unicode=True) == ["if a:", "", "  b('é\\x1b')"]
    assert layout.code_lines("'é'", 80, unicode=False) == ["'\\xe9'"]


def test_a_command_keeps_its_blanks_and_no_control_characters():
    assert layout.command_line("pytest 'a::b[  c  ]'") == "pytest 'a::b[  c  ]'"
    assert layout.command_line("a\nb") == r"a\nb"
