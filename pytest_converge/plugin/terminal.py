"""The terminal that texts are made for: its width, and whether it can show block characters."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple, TextIO

import pytest

__all__ = ["OUTPUT", "Output", "Screen", "remember_output", "screen_of", "tell_worker"]

#: Where there is no terminal at all.
USUAL_WIDTH = 80
WORKER_KEY = "converge_screen"


class Output(NamedTuple):
    """The stream that the terminal reporter writes to, and whether a terminal is behind it."""

    stream: TextIO
    terminal: bool


OUTPUT = pytest.StashKey[Output]()


class Screen(NamedTuple):
    """Cells of a line, and whether text beyond ASCII may be used."""

    width: int
    unicode: bool


def remember_output(config: pytest.Config) -> None:
    """Keep what the terminal reporter writes to, and look behind it while nothing captures it."""
    config.stash[OUTPUT] = Output(sys.stdout, sys.stdout.isatty())


def screen_of(config: pytest.Config) -> Screen:
    """The terminal of the session, in a worker process that of its controller."""
    told = getattr(config, "workerinput", {}).get(WORKER_KEY)
    if told is not None:
        return Screen(*told)
    if not config.pluginmanager.has_plugin("terminalreporter"):
        return Screen(USUAL_WIDTH, unicode=False)
    return Screen(config.get_terminal_writer().fullwidth, _can_encode(config.stash[OUTPUT].stream))


def tell_worker(config: pytest.Config, workerinput: dict[str, Any]) -> None:
    """Let a worker process make its texts for this terminal."""
    screen = screen_of(config)
    workerinput[WORKER_KEY] = [screen.width, screen.unicode]


def _can_encode(stream: TextIO) -> bool:
    from pytest_converge.report.layout import ellipsis
    from pytest_converge.report.sparkline import BLOCKS, NOT_FINITE

    try:
        (BLOCKS + NOT_FINITE + ellipsis(True)).encode(stream.encoding or "ascii")
    except (AttributeError, LookupError, UnicodeEncodeError):
        return False
    return True
