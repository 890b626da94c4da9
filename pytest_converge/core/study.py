"""What a study is: a look at data, learning rates or a test that judges no training."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from pytest_converge.core.serialisation import Serialisable

__all__ = ["Study"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Study(Serialisable):
    """What the fixtures `preprocessing` and `learning_rate` and some options leave for reports.

    Attributes:
        kind: a stable kebab-case name, by which `report.studies` finds class and renderer.
        always_shown: the summary shows it though nothing failed: somebody asked for it.
        test: the id of the test.
        number: which study of its test this is, counted from 1.
    """

    kind: ClassVar[str]
    always_shown: ClassVar[bool] = False

    test: str
    number: int = 1

    @property
    def passed(self) -> bool:
        """True where nothing that the test asked for failed."""
        return True

    @property
    def scalars(self) -> dict[str, float | int | str]:
        """The few numbers and words that say what came of it, by name."""
        return {}
