"""`--converge-plots`: a picture of every training and study, as files."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from pytest_converge.plugin.options import SETTINGS

if TYPE_CHECKING:
    from pytest_converge.core.curve import LossSurface

__all__ = ["TrainingPicture", "draw"]

#: Characters of a test's id that a file's name keeps.
MOST_OF_NAME = 120


class TrainingPicture:
    """Keeps the loss surface of a training until its result is drawn.

    Attributes:
        wanted: receives the surface; None where no pictures are asked for, so that nobody takes
            the time to measure it.
    """

    def __init__(self, item: pytest.Item) -> None:
        self._item = item
        self._surface: LossSurface | None = None
        asked = item.config.stash[SETTINGS].plots is not None
        self.wanted: Callable[[LossSurface], None] | None = self._keep if asked else None

    def draw(self, subject: Any) -> None:
        """Draws the result with its surface."""
        draw(self._item, subject, surface=self._surface)

    def _keep(self, surface: LossSurface) -> None:
        self._surface = surface


def draw(item: pytest.Item, subject: Any, *, surface: LossSurface | None = None) -> None:
    """Draws a result or a study to the folder of the option; nothing without the option.

    What a picture fails of changes no verdict, and is said in the terminal summary.

    Args:
        item: the test.
        subject: what to draw; what there is no picture of is left out.
        surface: the loss around the path of a training.
    """
    folder = item.config.stash[SETTINGS].plots
    if folder is None:
        return
    from pytest_converge.core.guard import Guard
    from pytest_converge.plugin.runtest import state_of
    from pytest_converge.report.figures import can_draw, plot

    if not can_draw(subject):
        return
    kind = getattr(subject, "kind", None) or subject.verb
    name = f"{_slug(subject.test)}-{subject.number}-{kind}.png"

    def drawn() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        plot(subject, folder / name, surface=surface)

    guard = Guard()
    guard.tried(f"could not draw to {folder}", drawn)
    state_of(item).problems += [f"{problem}: {error}" for problem, error in guard.failed]


def _slug(test: str) -> str:
    """What file systems take of a test's id, and a digest where that is not all of it."""
    from pytest_converge.core.files import digest, slug

    kept = slug(test.replace(".py::", "-"), besides=".=-").strip("-")[-MOST_OF_NAME:]
    unlike = kept != test.replace(".py::", "-").replace("::", "-").replace("/", "-")
    return f"{kept}-{digest(test)}" if unlike else kept
