"""The blocks of a page, and the comments before them that say what they are; pure.

    <!-- in test_wine.py -->          Python that is appended to this file
    <!-- in test_wine.py:             ... after lines that the page does not show
    import keras
    -->
    <!-- prints: pytest -vv -->       what this command prints
    <!-- prints from "E  " to "fix:": pytest -->
                                      ... from the line with the one to the next with the other
    <!-- passes: git init -->         a command whose output is not shown; without one, the block's
    <!-- fails: pytest -->            ... one that must fail
    <!-- fragment: reason -->         a block that does not run alone

A part of an output begins at the column of the text that it begins with.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from collections.abc import Iterator

#: Blocks in these languages say what they are; others may.
LANGUAGES = frozenset({"diff", "python", "text"})
#: A comment, a block, or both.
_STEP = re.compile(
    r'^(?:<!-- (?P<kind>in|prints|passes|fails|fragment)\b(?: from (["`])(?P<first>.+?)\2)?'
    r'(?: to (["`])(?P<last>.+?)\4)?:?\s*(?P<what>.*?)\s*-->\n+)?'
    r"(?:```(?P<language>\w+)\n(?P<text>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)
#: Two numbers are the same when they differ by no more than this share. Other instruction sets and
#: numbers of threads change the last digits of a loss after some hundred steps.
TOLERANCE = 0.02
_TIME = r"\b\d+(\.\d+)? s\b|\bin \d+\.\d+s( \(\d+:\d\d:\d\d\))?"
#: What another day, machine or version prints otherwise, and what stands for it. All of it is
#: compared without regard to where lines are broken and columns begin.
_MASKS = (
    (_TIME, "TIME"),
    (r"[▁▂▃▄▅▆▇█]+", "CURVE"),
    (r"[-=_]{3,}", "RULE"),
    (r"environment device .*? threads \d+", "ENVIRONMENT"),
    (r"(?<=commit )[0-9a-f]{7,}( -> [0-9a-f]{7,})?|(?<=\d\d-\d\d )[0-9a-f]{7}\b", "COMMIT"),
    (r"\b(digest) [0-9a-f]{16}\b", "DIGEST"),
    (r"\bdense(_\d+)?\b", "LAYER"),  # Keras counts the layers of a process
)
_NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?(?!\w)")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block of a page, a comment that says what one is, or both.

    Attributes:
        line: where it begins in the page, from 1.
        start: where its text begins, as an index of the page; -1 for a comment alone.
        language: None for a comment alone.
        text: what stands between the fences; None for a comment alone.
        kind: "in", "prints", "passes", "fails" or "fragment"; None without a comment.
        what: the rest of the comment: file, command or reason.
        first: what the first line of the shown part holds.
        last: what the last one holds.
    """

    line: int
    start: int
    language: str | None
    text: str | None
    kind: str | None
    what: str | None
    first: str | None
    last: str | None


def blocks(page: str) -> Iterator[Block]:
    """The blocks of a page in order, each with the comment right before it."""
    for found in _STEP.finditer(page):
        if found[0].strip():
            line = page.count("\n", 0, found.start()) + 1
            yield Block(line=line, start=found.start("text"), **found.groupdict())


def part(output: str, first: str | None, last: str | None) -> str:
    """The lines of an output from the first with one text to the next with another.

    Raises:
        ValueError: no line holds one of them.
    """
    lines = output.splitlines()
    if first is not None:
        start = next((n for n, line in enumerate(lines) if first in line), None)
        if start is None:
            raise ValueError(f"no line with {first!r} in\n{output}")
        column = lines[start].index(first)
        lines = [line[column:] for line in lines[start:]]
    if last is not None:
        end = next((n for n, line in enumerate(lines) if last in line), None)
        if end is None:
            raise ValueError(f"no line with {last!r} in\n{output}")
        lines = lines[: end + 1]
    return "".join(f"{line.rstrip()}\n" for line in lines).strip("\n") + "\n"


def pasted(page: str, printed: dict[Block, str]) -> str:
    """The page with other texts in some of its blocks."""
    for block in sorted(printed, key=lambda block: block.start, reverse=True):
        end = block.start + len(block.text or "")
        page = page[: block.start] + printed[block] + page[end:]
    return page


def without_times(text: str) -> str:
    """A text without what is another each time, and the columns and rules that depend on it."""
    return re.sub(rf" *({_TIME})", " TIME", re.sub("[-=]{3,}", "RULE", text))


def difference(shown: str, printed: str) -> str | None:
    """The first place where two outputs differ by more than times, machines and last digits."""
    words, numbers = _masked(shown)
    other_words, other_numbers = _masked(printed)
    for mine, other in itertools.zip_longest(words.split(" "), other_words.split(" ")):
        if mine != other:
            return f"shown {mine!r}, printed {other!r}"
    for mine, other in zip(numbers, other_numbers, strict=True):
        if not _same(mine, other):
            return f"shown {mine}, printed {other}"
    return None


def _masked(text: str) -> tuple[str, list[str]]:
    text = " ".join(text.split())
    for pattern, name in _MASKS:
        text = re.sub(pattern, name, text)
    return _NUMBER.sub("NUMBER", text), _NUMBER.findall(text)


def _same(mine: str, other: str) -> bool:
    values = [float(number.replace(",", "")) for number in (mine, other)]
    return mine == other or math.isclose(*values, rel_tol=TOLERANCE)
