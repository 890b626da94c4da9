"""What a study is: a look at data or at learning rates that is no training to be judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

__all__ = ["Study"]


class Study(Protocol):
    """What the fixtures `preprocessing` and `learning_rate` leave behind for the reports.

    Implemented by frozen dataclasses of plain Python values, which cross to another process.

    Attributes:
        kind: a stable kebab-case name, by which `report.studies` finds class and renderer.
    """

    kind: ClassVar[str]

    @property
    def test(self) -> str:
        """The id of the test."""

    @property
    def number(self) -> int:
        """Which study of its test this is, counted from 1."""

    @property
    def passed(self) -> bool:
        """True where nothing that the test asked for failed."""

    def to_dict(self) -> dict[str, Any]:
        """Primitives only, for reports that cross processes and for JSON."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Study:
        """The inverse of `to_dict`."""
