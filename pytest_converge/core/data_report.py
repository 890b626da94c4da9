"""What `preprocessing.check` measured and found: columns, targets, findings."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

from pytest_converge.core.finding import Evidence
from pytest_converge.core.serialisation import Serialisable
from pytest_converge.core.study import Study

__all__ = [
    "ColumnProfile",
    "DataFinding",
    "DataReport",
    "FindingsReport",
    "GroupProfile",
    "TargetProfile",
]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """Statistics of one column over all rows, and over steps or pixels where there are some.

    Attributes:
        name: as a user would write it: `x[:, 3]`, `x[..., 0]`, or the column's own name.
        dtype: of the values, as the data have it.
        kind: "continuous", "constant", "binary", "one-hot", "categorical" (numbers of classes),
            "ordinal" (small whole numbers), "cyclic" (a sine beside its cosine), "tokens",
            "pixels", "text", "dates" or "empty" (no finite value).
        values: how many there are, missing ones included.
        missing, infinite: how many are NaN or None, and how many infinite.
        overflow: True where float32, in which networks calculate, makes infinities of values.
        mean, deviation, low, high: of the finite values, in the data's unit.
        zeros: share of values that are exactly 0.
        median, spread: of a sample; `spread` is the interquartile range / 1.349, which is the
            standard deviation of a normal distribution.
        distinct: different values in the sample.
        common, common_share: the most frequent value in the sample, and its share.
        far: values farther than 10 spreads from the median, exactly; 0 where none was suspected.
        sentinel: one value, far from all others, that is repeated, as 999 for "unknown".
        twin: the name of an earlier column that holds the same values.
        twin_scaled: True where the twin is the same up to a factor and an offset.
        wrong: what is wrong with the type, in words; empty where nothing is.
    """

    name: str
    dtype: str
    kind: str
    values: int
    missing: int = 0
    infinite: int = 0
    overflow: bool = False
    mean: float = 0.0
    deviation: float = 0.0
    low: float = 0.0
    high: float = 0.0
    zeros: float = 0.0
    median: float = 0.0
    spread: float = 0.0
    distinct: int = 0
    common: float = 0.0
    common_share: float = 0.0
    far: int = 0
    sentinel: float | None = None
    twin: str = ""
    twin_scaled: bool = False
    wrong: str = ""

    @property
    def rms(self) -> float:
        """Root mean square."""
        return math.hypot(self.mean, self.deviation)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GroupProfile:
    """The columns of one array or table, which a layer takes together.

    Attributes:
        name: `x`, `y`, or the key under which the array was given.
        shape: "table", "image" or "sequence".
        normed: True where all rows have length 1, or add up to 1.
        columns: one a feature or channel.
        target: True for an array of targets.
    """

    name: str
    shape: str
    normed: bool
    columns: tuple[ColumnProfile, ...]
    target: bool = False

    @property
    def low(self) -> float:
        """The smallest value of all columns."""
        return min((column.low for column in self.columns), default=0.0)

    @property
    def high(self) -> float:
        """The largest value of all columns."""
        return max((column.high for column in self.columns), default=0.0)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TargetProfile:
    """The targets.

    Attributes:
        task: "classes" (one label a row), "one-hot" (one column a class), "labels" (several
            independent labels a row) or "values".
        columns: statistics of each column.
        rows: how many there are.
        classes: (label, rows) of every class, by label; empty for values.
        off_rows: one-hot rows that do not add up to 1.
        row_sum: the sum that most one-hot rows have.
        changes: how often the class changes from a row to the next.
        expected_changes: how often it would in random order.
        sorted_share: share of neighbouring rows whose values rise (or fall, if more do).
        conflicts: rows with the same features as others and another target.
        repeated: rows with the same features as others.
    """

    task: str
    columns: tuple[ColumnProfile, ...]
    rows: int
    classes: tuple[tuple[str, int], ...] = ()
    off_rows: int = 0
    row_sum: float = 1.0
    changes: int = 0
    expected_changes: float = 0.0
    sorted_share: float = 0.5
    conflicts: int = 0
    repeated: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DataFinding(Serialisable):
    """One thing that is wrong with the data, or with what makes them.

    Attributes:
        code: stable kebab-case name.
        message: one sentence with the numbers that matter.
        columns: the columns concerned, the worst first.
        evidence: the numbers behind the sentence.
    """

    code: str
    message: str
    columns: tuple[str, ...] = ()
    evidence: Evidence = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FindingsReport(Study):
    """A study of data, or of what makes them, which passes where it found nothing.

    Attributes:
        findings: what is wrong and was not ignored; empty where nothing is.
        seconds: wall time.
    """

    findings: tuple[DataFinding, ...] = ()
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """True where nothing was found."""
        return not self.findings

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the findings, in their order."""
        return tuple(finding.code for finding in self.findings)

    @property
    def scalars(self) -> dict[str, float | int | str]:
        """The few numbers and words that say what came of it, by name."""
        return {"findings": ", ".join(self.codes), "seconds": round(self.seconds, 3)}

    def columns_of(self, code: str) -> tuple[str, ...]:
        """The columns of the finding with this code; none where it was not found."""
        return next((found.columns for found in self.findings if found.code == code), ())


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DataReport(FindingsReport):
    """What `preprocessing.check` returns, and what `PreprocessingError.study` holds.

    Attributes:
        rows: rows that were looked at.
        width: columns that were looked at.
        columns: their statistics, targets last; of very wide data those with findings first.
        task: what the targets are; empty without targets.
        classes: (label, rows) of every class of the targets.
    """

    kind: ClassVar[str] = "data"

    rows: int
    width: int
    columns: tuple[ColumnProfile, ...]
    task: str = ""
    classes: tuple[tuple[str, int], ...] = ()
