"""What became of the baseline of a training: compared, recorded, replaced or kept."""

from __future__ import annotations

import dataclasses

from pytest_converge.core.baseline import BaselineVerdict
from pytest_converge.core.serialisation import Serialisable

__all__ = ["ACTIONS", "WRITTEN", "BaselineReport", "Difference"]

#: What can become of a baseline.
ACTIONS = ("checked", "recorded", "updated", "unchanged", "refused", "absent")
#: Of these the ones that wrote the file.
WRITTEN = frozenset({"recorded", "updated"})

Value = float | int | str | bool | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something that was not the same when the baseline was recorded.

    Attributes:
        name: of the setting, or of what the environment is made of.
        recorded: its value then; None where it was not known.
        present: its value now.
    """

    name: str
    recorded: Value
    present: Value


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BaselineReport(Serialisable):
    """The comparison of a training with its baseline, or the recording of one.

    Attributes:
        action: "checked" against it; "recorded" for the first time; "updated", "unchanged" or
            "refused" by an update; "absent" where the other revision does not have the test.
        path: the file, as it is shown; empty for a comparison with another revision.
        revision: that revision, else empty.
        commit: the revision of the code that the baseline was recorded at; empty if unknown.
        verdict: what the gate says; None where there was nothing to compare with.
        metric: what was compared in place of the loss curve; empty for the curve.
        environment: what differs from where the baseline was recorded.
        before: what was recorded, median over the runs: the geometric mean loss over the whole
            curve and over its last half, or the metric.
        after: the same of the runs that were made.
        runs: how many runs were made.
        seconds: wall time of the runs that only the baseline needed.
    """

    action: str
    path: str = ""
    revision: str = ""
    commit: str = ""
    verdict: BaselineVerdict | None = None
    metric: str = ""
    environment: tuple[Difference, ...] = ()
    before: tuple[float, ...] = ()
    after: tuple[float, ...] = ()
    runs: int = 0
    seconds: float = 0.0

    @property
    def written(self) -> bool:
        """True where the file was written."""
        return self.action in WRITTEN
