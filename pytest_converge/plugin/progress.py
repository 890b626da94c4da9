"""The progress of a long training, on a terminal and nowhere else."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TextIO

import pytest

from pytest_converge.plugin.options import SETTINGS
from pytest_converge.plugin.terminal import OUTPUT

__all__ = ["progress"]

#: Trainings shorter than this show nothing.
PATIENCE_SECONDS = 2.0
#: Between two changes of the text.
INTERVAL_SECONDS = 0.2


class ProgressText:
    """A text behind what pytest has already written on the line, replaced and at last erased.

    The cursor is always left where it was found, by backspaces, so that whatever is written next
    lands where it would have without the text. That also keeps to terminals of every kind.

    Args:
        stream: the terminal.
        room: cells left on the current line.
        clock: seconds from any fixed moment.
    """

    def __init__(
        self, stream: TextIO, room: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._room = room
        self._clock = clock
        self._next = clock() + PATIENCE_SECONDS
        self._cells = 0

    def due(self) -> bool:
        """True where it is time to show or renew the text."""
        return self._clock() >= self._next

    def show(self, done: int, steps: int, loss: float) -> None:
        """Replace the text."""
        self._next = self._clock() + INTERVAL_SECONDS
        text = _text(done, steps, loss, self._room)
        if text is None:
            return
        rest = max(self._cells - len(text), 0)
        self._stream.write(text + " " * rest + "\b" * (len(text) + rest))
        self._stream.flush()
        self._cells = len(text)

    def erase(self) -> None:
        """Leave the line as it was found."""
        if self._cells:
            self._stream.write(" " * self._cells + "\b" * self._cells)
            self._stream.flush()
            self._cells = 0

    @property
    def visible(self) -> bool:
        """True while a text stands on the terminal."""
        return self._cells > 0


@contextlib.contextmanager
def progress(config: pytest.Config) -> Iterator[Callable[[int, int, float], None]]:
    """A function to be told of progress, which shows it if there is somebody to see it."""
    text = _text_for(config)
    if text is None:
        yield lambda done, steps, loss: None
        return
    capture = config.pluginmanager.getplugin("capturemanager")

    def report(done: int, steps: int, loss: float) -> None:
        if text.due():
            with capture.global_and_fixture_disabled():
                text.show(done, steps, loss)

    try:
        yield report
    finally:
        if text.visible:
            with capture.global_and_fixture_disabled():
                text.erase()


def _text_for(config: pytest.Config) -> ProgressText | None:
    output = config.stash[OUTPUT]
    plugins = config.pluginmanager
    if (
        config.stash[SETTINGS].progress == "off"
        or hasattr(config, "workerinput")
        or not plugins.has_plugin("terminalreporter")
        or not plugins.has_plugin("capturemanager")
        # Without capturing, what the training itself prints would run into the text.
        or config.getoption("capture") == "no"
        or config.get_verbosity() < 0
        or not output.terminal
    ):
        return None
    writer = config.get_terminal_writer()
    # The last cell stays empty: a full line would wrap, and no backspace leads back from there.
    return ProgressText(output.stream, writer.fullwidth - writer.width_of_current_line - 1)


def _text(done: int, steps: int, loss: float, room: int) -> str | None:
    """The longest text that fits, or None."""
    share = f"step {done}/{steps}"
    texts = (f" {share}, loss {loss:.3g} ", f" {share} ", f" {100 * done // max(steps, 1)} % ")
    return next((text for text in texts if len(text) <= room), None)
