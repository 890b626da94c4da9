"""The terminal: width, colour and encoding, and what overrules them."""

from __future__ import annotations

import io
import os

import pytest

from pytest_converge.command.terminal import LEAST_WIDTH, Terminal
from pytest_converge.report.summary import Segment


class Stream(io.TextIOWrapper):
    def __init__(self, encoding="utf-8", tty=False):
        super().__init__(io.BytesIO(), encoding=encoding, newline="\n")
        self._tty = tty

    def isatty(self):
        return self._tty

    def text(self):
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)


@pytest.mark.parametrize(
    ("tty", "environ", "coloured"),
    [
        (False, {}, False),
        (True, {}, True),
        (True, {"TERM": "dumb"}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (False, {"FORCE_COLOR": "1"}, True),
        (False, {"FORCE_COLOR": ""}, False),
        (True, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colour_is_for_terminals_unless_told_otherwise(tty, environ, coloured):
    out = Stream(tty=tty)
    Terminal(out, Stream(), environ).write([[Segment("a", ("red", "bold")), Segment("b")]])
    assert out.text() == ("\x1b[31;1ma\x1b[0mb\n" if coloured else "ab\n")


@pytest.mark.parametrize(
    ("environ", "width"),
    [
        ({}, 80),
        ({"COLUMNS": "133"}, 133),
        ({"COLUMNS": "1"}, LEAST_WIDTH),
        ({"COLUMNS": "0"}, 80),
        ({"COLUMNS": "wide"}, 80),
        ({"COLUMNS": "\N{SUPERSCRIPT TWO}"}, 80),
    ],
)
def test_columns_overrules_the_usual_width(environ, width):
    assert Terminal(Stream(), Stream(), environ).width == width


def test_the_width_is_that_of_the_terminal(monkeypatch):
    monkeypatch.setattr("shutil.get_terminal_size", lambda *_, **__: os.terminal_size((99, 24)))
    assert Terminal(Stream(tty=True), Stream(), {}).width == 99
    assert Terminal(Stream(tty=False), Stream(), {}).width == 80


@pytest.mark.parametrize(("encoding", "unicode"), [("utf-8", True), ("ascii", False)])
def test_the_encoding_decides_about_unicode(encoding, unicode):
    assert Terminal(Stream(encoding), Stream(), {}).unicode is unicode


def test_what_cannot_be_encoded_is_escaped():
    out, err = Stream("ascii"), Stream("ascii")
    terminal = Terminal(out, err, {})
    terminal.say("\u00e9")
    terminal.complain("two\nlines \u00e9 \x1b[31m")
    assert out.text() == "\\xe9\n"
    assert err.text() == "converge: two lines \\xe9 \\x1b[31m\n"
