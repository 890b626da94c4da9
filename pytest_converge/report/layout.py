"""Text in terminal cells: measuring, cutting, wrapping, and columns that give way."""

from __future__ import annotations

import io
import itertools
import re
import textwrap
import tokenize
import unicodedata
from collections.abc import Sequence
from typing import TextIO

__all__ = [
    "cell_width",
    "code_lines",
    "command_line",
    "cut",
    "cut_middle",
    "elide_node_id",
    "ellipsis",
    "encodable",
    "fill",
    "one_line",
    "pad",
    "printable",
    "wrap",
    "wrap_at_most",
]


#: A blank at which a line may be broken: not within the name of a column, `x[:, 3]`.
BREAK = re.compile(r"(?<!\[:,) ")


def cell_width(text: str) -> int:
    """Terminal cells that `text` takes: two for wide characters, none for combining ones."""
    return sum(map(_cells, text))


def one_line(text: str) -> str:
    """`text` with every run of white space as one blank and control characters escaped."""
    return "".join(map(_escaped, " ".join(text.split())))


def command_line(text: str) -> str:
    """A command with control characters escaped and every blank kept: it is there to be pasted."""
    return "".join(map(_escaped, text))


def printable(text: str, unicode: bool) -> str:
    r"""`one_line`, and without `unicode` everything beyond ASCII escaped, as in `\xe9`."""
    line = one_line(text)
    return line if unicode else line.encode("ascii", "backslashreplace").decode("ascii")


def encodable(text: str, stream: TextIO) -> str:
    r"""`text` with what the stream cannot encode escaped, as in `\xe9`."""
    encoding = stream.encoding or "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def ellipsis(unicode: bool) -> str:
    """What stands for text that was left out."""
    return "…" if unicode else "..."


def pad(text: str, width: int, *, right: bool = False) -> str:
    """`text` with blanks up to `width` cells; `right` puts them in front."""
    blanks = " " * (width - cell_width(text))
    return blanks + text if right else text + blanks


def cut(text: str, width: int, *, mark: str) -> str:
    """The beginning of `text` and `mark`, in at most `width` cells; `text` itself if it fits."""
    if cell_width(text) <= width:
        return text
    room = width - cell_width(mark)
    if room < 1:
        return _head(text, width)
    return _head(text, room).rstrip() + mark


def cut_middle(text: str, width: int, *, mark: str) -> str:
    """Both ends of `text` with `mark` between, in at most `width` cells, or `text` itself."""
    if cell_width(text) <= width:
        return text
    room = width - cell_width(mark)
    if room < 2:
        return _head(text, width)
    tail = _head(text[::-1], room // 2)[::-1]
    return _head(text, room - cell_width(tail)) + mark + tail


def elide_node_id(node_id: str, width: int, *, mark: str) -> str:
    """A test's id in at most `width` cells, its name kept longest.

    Folders go first, from the left, then the file, then the classes; a name that is too long by
    itself loses its middle, because the parameters stand at its end.
    """
    if cell_width(node_id) <= width:
        return node_id
    head, bracket, parameters = node_id.partition("[")
    path, *names = head.split("::")
    if not names:
        return cut_middle(node_id, width, mark=mark)
    names[-1] += bracket + parameters
    folders = path.split("/")
    shorter = [
        mark + "/" + "::".join(["/".join(folders[i:]), *names]) for i in range(1, len(folders))
    ]
    shorter += [mark + "::" + "::".join(names[i:]) for i in range(len(names))]
    shorter.append(names[-1])
    fitting = (text for text in shorter if cell_width(text) <= width)
    return next(fitting, cut_middle(names[-1], width, mark=mark))


def wrap(text: str, width: int, *, first: str = "", rest: str = "") -> list[str]:
    """`text` in lines of at most `width` cells, broken at blanks, or inside words too long.

    Args:
        text: one paragraph; an empty one gives one line with `first` alone.
        width: cells of a line, prefix included; at least one cell is left for the text.
        first: prefix of the first line.
        rest: prefix of the others.
    """
    lines: list[str] = []
    line, words = first, BREAK.split(text)
    empty = True
    while words:
        word = words.pop(0)
        joined = line + word if empty else f"{line} {word}"
        if cell_width(joined) <= width:
            line, empty = joined, False
        elif not empty:
            lines.append(line)
            line, empty = rest, True
            words.insert(0, word)
        else:
            piece = _head(word, max(width - cell_width(line), 1)) or word[:1]
            lines.append(line + piece)
            line, empty = rest, True
            if word[len(piece) :]:
                words.insert(0, word[len(piece) :])
    return lines if empty and lines else [*lines, line]


def wrap_at_most(
    text: str, width: int, most: int, *, mark: str, first: str = "", rest: str = ""
) -> list[str]:
    """Like `wrap`, but what goes beyond `most` lines is left out, whole words, and that marked."""
    lines = wrap(text, width, first=first, rest=rest)
    if len(lines) <= most:
        return lines
    last = wrap(lines[most - 1], max(width - cell_width(mark) - 1, 1))[0]
    return [*lines[: most - 1], cut(f"{last} {mark}", width, mark=mark)]


def code_lines(code: str, width: int, *, unicode: bool = True) -> list[str]:
    """Python code in lines of at most `width` cells, where they can be had.

    It is there to be pasted: lines are broken after commas within brackets and nowhere else, so
    that a line without such a comma may stay longer. Common indentation goes; without `unicode`
    text beyond ASCII is escaped.
    """
    lines: list[str] = []
    source = textwrap.dedent("\n".join(code.expandtabs(4).splitlines())).strip("\n").rstrip()
    commas = _commas(source)
    for number, line in enumerate(source.split("\n"), start=1):
        edges = [0, *sorted(column for row, column in commas if row == number), len(line)]
        pieces = [line[a:b] for a, b in itertools.pairwise(edges)]
        indent = " " * (len(line) - len(line.lstrip()) + 4)
        shown = _code_shown(pieces[0], unicode)
        for piece in (_code_shown(piece, unicode) for piece in pieces[1:]):
            if cell_width(shown + piece.rstrip()) <= width:
                shown += piece
            else:
                lines.append(shown.rstrip())
                shown = indent + piece.lstrip()
        lines.append(shown.rstrip())
    return lines


def fill(parts: Sequence[str], width: int, *, indent: str = "") -> list[str]:
    """`parts` joined by commas in lines of at most `width` cells, broken between parts.

    A part that is too long for a line by itself is wrapped. No parts give no lines.
    """
    lines: list[str] = []
    for part in parts:
        joined = f"{lines[-1]}, {part}" if lines else indent + part
        if lines and cell_width(joined) <= width:
            lines[-1] = joined
        else:
            lines += wrap(part, width, first=indent, rest=indent)
    return lines


def _cells(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def _commas(code: str) -> set[tuple[int, int]]:
    """Line and column behind every comma within brackets; none for what is not Python."""
    found, depth = set(), 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type == tokenize.OP:
                depth += (token.string in "([{") - (token.string in ")]}")
                if token.string == "," and depth > 0:
                    found.add(token.end)
    except (SyntaxError, tokenize.TokenError):
        return set()
    return found


def _code_shown(text: str, unicode: bool) -> str:
    shown = "".join(map(_escaped, text))
    return shown if unicode else shown.encode("ascii", "backslashreplace").decode("ascii")


def _escaped(character: str) -> str:
    if unicodedata.category(character) in {"Cc", "Cs"}:
        return character.encode("unicode_escape", "surrogatepass").decode("ascii")
    return character


def _head(text: str, width: int) -> str:
    """The longest beginning of `text` that takes at most `width` cells."""
    used = 0
    for index, character in enumerate(text):
        used += _cells(character)
        if used > width:
            return text[:index]
    return text
