"""The progress of a long training: shown on a terminal, gone afterwards, never in the way."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_converge.plugin.progress import (
    INTERVAL_SECONDS,
    PATIENCE_SECONDS,
    ProgressText,
)

SLOW = """
from pytest_converge.plugin import progress

progress.PATIENCE_SECONDS = progress.INTERVAL_SECONDS = 0
"""
TESTS = """
import os, sys

def test_it(converge):
    print("out before")
    os.write(2, b"err before")
    converge.fit("long", steps=30)
    print("out after")
    raise KeyError("failed")

def test_more(converge, capsys):
    print("before")
    converge.fit("long", steps=30)
    print("after")
    assert capsys.readouterr().out == "before\\nafter\\n"
"""


class Screen(io.StringIO):
    """A terminal of one line that knows backspaces."""

    def __init__(self, width: int, text: str = "") -> None:
        super().__init__()
        self.width = width
        self.cells = list(text)
        self.cursor = len(text)

    def write(self, text: str) -> int:
        for character in text:
            if character == "\b":
                self.cursor -= 1
                continue
            assert self.cursor < self.width - 1, "the last cell wraps on some terminals"
            self.cells[self.cursor : self.cursor + 1] = character
            self.cursor += 1
        return len(text)

    @property
    def line(self) -> str:
        return "".join(self.cells)


def test_short_trainings_show_nothing() -> None:
    now = [0.0]
    text = ProgressText(Screen(80), 80, clock=lambda: now[0])
    assert not text.due()
    now[0] = PATIENCE_SECONDS - 0.1
    assert not text.due()
    now[0] = PATIENCE_SECONDS
    assert text.due()
    text.show(1, 10, 0.5)
    assert not text.due()
    now[0] += INTERVAL_SECONDS
    assert text.due()


def test_the_text_is_replaced_and_erased() -> None:
    screen = Screen(80, "test_a.py ..")
    text = ProgressText(screen, 80 - screen.cursor - 1)
    text.show(1234, 10000, 0.123456)
    assert screen.line == "test_a.py .. step 1234/10000, loss 0.123 "
    text.show(9, 10000, float("nan"))
    assert screen.line.rstrip() == "test_a.py .. step 9/10000, loss nan"
    assert text.visible
    text.erase()
    assert not text.visible
    assert screen.line.rstrip() == "test_a.py .."
    assert screen.cursor == len("test_a.py ..")


@pytest.mark.parametrize(
    ("room", "shown"),
    [
        (30, " step 50/100, loss 0.5 "),
        (20, " step 50/100 "),
        (10, " 50 % "),
        (4, ""),
        (0, ""),
        (-3, ""),
    ],
)
def test_the_text_fits_the_line(room: int, shown: str) -> None:
    screen = Screen(room + 1)
    text = ProgressText(screen, room)
    text.show(50, 100, 0.5)
    assert screen.line == shown
    text.erase()


def on_screen(text: str) -> list[str]:
    lines = []
    for line in text.split("\n"):
        screen = Screen(1000)
        screen.write(line)
        lines.append(screen.line.rstrip())
    return lines


@pytest.fixture
def slow(faked: pytest.Pytester) -> pytest.Pytester:
    conftest = Path(faked.path / "conftest.py")
    conftest.write_text(conftest.read_text() + SLOW)
    faked.makepyfile(test_a=TESTS)
    return faked


@pytest.mark.parametrize("verbosity", [(), ("-v",)], ids=["", "-v"])
def test_it_shows_on_a_terminal_and_spoils_nothing(
    slow: pytest.Pytester, on_terminal: Callable[..., str], verbosity: tuple[str, ...]
) -> None:
    text = on_terminal(*verbosity)
    assert " step 17/30, loss 0.0588 " in text
    lines = on_screen(text)
    assert not [line for line in lines if "step 17/30" in line]
    expected = ["test_a.py::test_more PASSED", "test_a.py::test_it FAILED"]
    if not verbosity:
        expected = ["test_a.py F."]
    for beginning in expected:
        assert any(line.startswith(beginning) for line in lines), lines
    for captured in ("out before\nout after\n", "err before\n"):
        assert captured in text


@pytest.mark.parametrize(
    "arguments",
    [("-q",), ("-s",), ("--converge-progress=off",), ("-o", "converge_progress=off"), ("-n1",)],
    ids=" ".join,
)
def test_it_does_not_show(
    slow: pytest.Pytester, on_terminal: Callable[..., str], arguments: tuple[str, ...]
) -> None:
    if "-n1" in arguments:
        pytest.importorskip("xdist")
    assert "step 17/30, " not in on_terminal(*arguments)


def test_it_does_not_show_without_a_terminal(slow: pytest.Pytester) -> None:
    result = slow.runpytest_subprocess()
    assert "step 17/30, " not in result.stdout.str() + result.stderr.str()
