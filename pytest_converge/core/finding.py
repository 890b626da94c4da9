"""A finding: one thing that a gate or a rule has to say about a training."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_converge.core.errors import InvalidTrainingError, complaint, nearest, shown
from pytest_converge.core.serialisation import Serialisable

__all__ = [
    "GATE_CODES",
    "IGNORABLE_GATES",
    "NOTE_CODES",
    "SHOWN_NOTES",
    "Evidence",
    "Finding",
    "check_codes",
]

#: Codes of the gates: outcomes that turn a test red.
GATE_CODES = (
    "nonfinite-data",
    "nonfinite-loss",
    "nonfinite-weights",
    "nothing-trained",
    "negative-loss",
    "loss-disagrees",
    "target-missed",
    "not-decreasing",
    "not-monotone",
    "metric-out-of-bounds",
    "skill-too-low",
    "worse-than-baseline",
)

#: Outcomes that may be ignored all the same: NaN as a mask in the inputs is no fault where the loss
#: knows about it.
IGNORABLE_GATES = frozenset({"nonfinite-data"})

#: Codes of the notes: observations that never turn a test red.
NOTE_CODES = (
    "inference-gap",
    "constant-feature",
    "edge-of-stability",
    "dead-units",
    "validation-overlap",
    "better-than-baseline",
    "perhaps-worse",
)

#: Notes that are shown without being asked for: a merge may hang on them.
SHOWN_NOTES = frozenset({"better-than-baseline", "perhaps-worse", "validation-overlap"})

#: The numbers and words behind a sentence, by name.
Evidence = Mapping[str, float | int | str | bool | None]

#: A name this similar to a known code (difflib's ratio) is a typing error and no code of a hook:
#: one letter exchanged leaves 0.9 of the shortest code, two 0.85 of those of usual length.
TYPING_ERROR = 0.85


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
    evidence: Evidence = dataclasses.field(default_factory=dict)


def check_codes(ignore: Any, known: Sequence[str], *, others: bool = False) -> tuple[str, ...]:
    """The codes not to report, as a tuple.

    Args:
        ignore: what the user passed.
        known: the codes that there are.
        others: hooks may report codes of their own; of what is not known only a typing error in a
            known code is refused.

    Raises:
        InvalidTrainingError: `ignore` is no collection of codes, or holds one that cannot be.
    """
    collection = isinstance(ignore, (tuple, list, set, frozenset))
    if not collection or not all(isinstance(code, str) for code in ignore):
        remedy = f'Write, for example, ignore=("{known[0]}",).'
        given = f"ignore={shown(ignore)}"
        raise InvalidTrainingError(complaint(given, "a tuple of finding codes", remedy))
    for code in ignore:
        like = difflib.get_close_matches(code, known, n=1, cutoff=TYPING_ERROR)
        if code not in known and (like or not others):
            given, expected = f"the code {code!r} in ignore", "a code that can be reported here"
            raise InvalidTrainingError(complaint(given, expected, nearest(code, known)))
    return tuple(ignore)
