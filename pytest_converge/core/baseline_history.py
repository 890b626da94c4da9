"""What the commits of a repository recorded for one training."""

from __future__ import annotations

import dataclasses

from pytest_converge.core.baseline import Baseline

__all__ = ["BaselineHistory", "RecordedVersion"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecordedVersion:
    """A baseline as one commit left it.

    Attributes:
        commit: its short id; empty for a change that is not committed.
        date: its day, as `2026-11-29`; empty where it is not committed.
        training: what was recorded; None where nothing was, or it cannot be read.
        problem: why it cannot be read; empty where it can.
        changed: names of settings that are not those of the version before; then the numbers of
            both mean different things.
        other_data: True where it was recorded on other rows than the version before.
    """

    commit: str
    date: str
    training: Baseline | None = None
    problem: str = ""
    changed: tuple[str, ...] = ()
    other_data: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BaselineHistory:
    """The versions of the baseline of one training.

    Attributes:
        test: the id that its test has now.
        number: which training of its test this is, counted from 1.
        versions: the oldest first; at least one was read.
    """

    test: str
    number: int
    versions: tuple[RecordedVersion, ...]

    @property
    def read(self) -> tuple[RecordedVersion, ...]:
        """The versions that hold a baseline."""
        return tuple(version for version in self.versions if version.training is not None)
