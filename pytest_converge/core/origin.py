"""Where a report comes from: when it was made, of which code, by what."""

from __future__ import annotations

import dataclasses

from pytest_converge.core.serialisation import Serialisable

__all__ = ["Origin"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Origin(Serialisable):
    """What a report says of its session beside trainings and studies.

    Attributes:
        version: of the plugin.
        created: the end of the session in UTC, as `2026-01-31T12:00:00Z`.
        commit: the git revision that was checked out; empty where there is none.
    """

    version: str
    created: str
    commit: str = ""
