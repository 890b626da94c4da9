"""Where the command writes: width, encoding and colour of the terminal."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

from pytest_converge.report.layout import encodable, one_line
from pytest_converge.report.sparkline import can_show
from pytest_converge.report.summary import Segment

__all__ = ["Terminal"]

#: Cells of a line that go to no terminal, and the fewest that are made use of.
USUAL_WIDTH, LEAST_WIDTH = 80, 20
#: Select Graphic Rendition, ECMA-48 section 8.3.117.
CODES = {"bold": "1", "light": "2", "red": "31", "green": "32", "yellow": "33"}


class Terminal:
    """Writes lines to a stream, as far as it can show them.

    Args:
        out: the stream for results.
        err: the stream for complaints.
        environ: NO_COLOR and FORCE_COLOR overrule what the stream is (no-color.org,
            force-color.org), NO_COLOR first; COLUMNS overrules its width.
    """

    def __init__(self, out: TextIO, err: TextIO, environ: Mapping[str, str] | None = None) -> None:
        self._out, self._err = out, err
        environ = os.environ if environ is None else environ
        self.width = _width(out, environ)
        self.unicode = can_show(out)
        self._colour = _wants_colour(out, environ)

    def write(self, lines: Iterable[Sequence[Segment]]) -> None:
        """Write lines of styled pieces of text."""
        for line in lines:
            self.say("".join(map(self._styled, line)))

    def say(self, text: str = "") -> None:
        """Write a line of plain text."""
        self._out.write(encodable(text, self._out) + "\n")

    def complain(self, text: str) -> None:
        """Write one line about what went wrong."""
        # What was written so far comes first where both go to one place.
        self._out.flush()
        self._err.write(encodable(f"converge: {one_line(text)}\n", self._err))

    def _styled(self, segment: Segment) -> str:
        if not self._colour or not segment.markup:
            return segment.text
        codes = ";".join(CODES[name] for name in segment.markup)
        return f"\x1b[{codes}m{segment.text}\x1b[0m"


def _width(out: TextIO, environ: Mapping[str, str]) -> int:
    text = environ.get("COLUMNS", "")
    if text.isascii() and text.isdigit() and int(text) > 0:
        return max(int(text), LEAST_WIDTH)
    if not out.isatty():
        return USUAL_WIDTH
    return max(shutil.get_terminal_size((USUAL_WIDTH, 24)).columns, LEAST_WIDTH)


def _wants_colour(out: TextIO, environ: Mapping[str, str]) -> bool:
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return out.isatty() and environ.get("TERM") != "dumb"
