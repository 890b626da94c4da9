"""A finding: one thing that a gate or a rule has to say about a training."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from pytest_converge.core.serialisation import Serialisable

__all__ = ["GATE_CODES", "NOTE_CODES", "Finding"]

#: Codes of the gates: outcomes that turn a test red.
GATE_CODES = (
    "nonfinite-data",
    "nonfinite-loss",
    "nonfinite-weights",
    "negative-loss",
    "loss-disagrees",
    "target-missed",
    "not-decreasing",
    "not-monotone",
    "metric-out-of-bounds",
    "skill-too-low",
    "worse-than-baseline",
)

#: Codes of the notes: observations that never turn a test red.
NOTE_CODES = (
    "inference-gap",
    "constant-feature",
    "edge-of-stability",
    "dead-units",
    "better-than-baseline",
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finding(Serialisable):
    """What was found, in a sentence and in numbers.

    Attributes:
        code: stable kebab-case name; hooks may add codes of their own.
        message: one sentence with the numbers that matter, at most 160 characters.
        fails: True for a gate's finding, which turns the test red; False for a note.
        evidence: the numbers behind the sentence, plain Python values.
    """

    code: str
    message: str
    fails: bool = True
    evidence: Mapping[str, float | int | str | None] = dataclasses.field(default_factory=dict)
