"""Failures as the lines by which GitHub Actions marks code: `::error file=...::message`."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_converge.core.failed_test import FailedTest
from pytest_converge.report.layout import command_line, one_line

__all__ = ["annotation_lines"]


def annotation_lines(failed: Sequence[FailedTest]) -> str:
    """A line for each failure, at the line of its test; empty without failures."""
    return "".join(map(_command, failed))


def _command(failure: FailedTest) -> str:
    place = {"file": failure.path, "line": str(failure.line)} if failure.path else {}
    said = {**place, "title": one_line(failure.name)}
    properties = ",".join(f"{name}={_of_property(value)}" for name, value in said.items())
    # The runner reads one line; what it shows may have several.
    message = "\n".join(map(command_line, failure.message.splitlines()))
    return f"::error {properties}::{_of_data(message)}\n"


def _of_data(text: str) -> str:
    """Escaped as the runner takes it back; the percent sign first, for it begins the others."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _of_property(text: str) -> str:
    """Properties end at a comma, and all of them at a colon."""
    return _of_data(text).replace(":", "%3A").replace(",", "%2C")
