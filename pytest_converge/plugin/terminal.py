"""The terminal that texts are made for: its width, and whether it can show block characters."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple, TextIO

import pytest

__all__ = ["OUTPUT", "TerminalFormat", "remember_output", "tell_worker", "terminal_format"]

#: Where there is no terminal at all.
USUAL_WIDTH = 80
WORKER_KEY = "converge_terminal"


class Output(NamedTuple):
    """The stream that the terminal reporter writes to, and whether a terminal is behind it."""

    stream: TextIO
    terminal: bool


OUTPUT = pytest.StashKey[Output]()


class TerminalFormat(NamedTuple):
    """Cells of a line, and whether text beyond ASCII may be used."""

    width: int
    unicode: bool


def remember_output(config: pytest.Config) -> None:
    """Keep what the terminal reporter writes to, and look behind it while nothing captures it."""
    config.stash[OUTPUT] = Output(sys.stdout, sys.stdout.isatty())


def terminal_format(config: pytest.Config) -> TerminalFormat:
    """The terminal of the session, in a worker process that of its controller."""
    told = getattr(config, "workerinput", {}).get(WORKER_KEY)
    if told is not None:
        return TerminalFormat(*told)
    if not config.pluginmanager.has_plugin("terminalreporter"):
        return TerminalFormat(USUAL_WIDTH, unicode=False)
    from pytest_converge.report.sparkline import can_show

    width = config.get_terminal_writer().fullwidth
    return TerminalFormat(width, can_show(config.stash[OUTPUT].stream))


def tell_worker(config: pytest.Config, workerinput: dict[str, Any]) -> None:
    """Let a worker process make its texts for this terminal."""
    workerinput[WORKER_KEY] = list(terminal_format(config))
