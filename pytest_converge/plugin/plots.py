"""`--converge-plots`: a picture of every training and study, as files."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_converge.plugin.options import SETTINGS

__all__ = ["draw"]

#: Characters of a test's id that a file's name keeps.
MOST_OF_NAME = 120


def draw(item: pytest.Item, subject: Any) -> None:
    """Draws a result or a study to the folder of the option; nothing without the option.

    What a picture fails of changes no verdict, and is said in the terminal summary.

    Args:
        item: the test.
        subject: what to draw; what there is no picture of is left out.
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
        plot(subject, folder / name)

    guard = Guard()
    guard.tried(f"could not draw to {folder}", drawn)
    state_of(item).problems += [f"{problem}: {error}" for problem, error in guard.failed]


def _slug(test: str) -> str:
    """What file systems take of a test's id, and a digest where that is not all of it."""
    from pytest_converge.core.files import digest, slug

    kept = slug(test.replace(".py::", "-"), besides=".=-").strip("-")[-MOST_OF_NAME:]
    unlike = kept != test.replace(".py::", "-").replace("::", "-").replace("/", "-")
    return f"{kept}-{digest(test)}" if unlike else kept
