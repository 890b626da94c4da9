"""What `preprocessing.fit_once` tried with a pipeline, and what came of it."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from pytest_converge.core.data_report import FindingsReport

__all__ = ["FITTED", "Difference", "PipelineReport", "PipelineTrial"]

#: The trial of a pipeline that came fitted, against a copy fitted to the training rows.
FITTED = "fitted to training rows alone"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How the same rows came out of a pipeline in two ways.

    Attributes:
        columns: the features that differ, those that differ most first.
        largest: the largest difference, in the unit of the feature; NaN where one way gave a
            number and the other none.
        rows: how many rows differ.
        compared: how many rows were compared.
        problem: what went wrong where the two could not be compared, in words.
    """

    columns: tuple[str, ...] = ()
    largest: float = 0.0
    rows: int = 0
    compared: int = 0
    problem: str = ""

    @property
    def is_none(self) -> bool:
        """True where both ways gave the same."""
        return not self.columns and not self.problem


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PipelineTrial:
    """One thing that was tried.

    Attributes:
        code: the code of the finding if it fails.
        what: what was tried, in words.
        difference: what differed; None where it could not be tried.
        why_not: why it could not be tried.
        columns: the input columns that were changed for it, if any.
    """

    code: str
    what: str
    difference: Difference | None = None
    why_not: str = ""
    columns: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """True where something differed."""
        return self.difference is not None and not self.difference.is_none

    @property
    def outcome(self) -> str:
        """`passed`, `failed` or `not tried`."""
        if self.difference is None:
            return "not tried"
        return "failed" if self.failed else "passed"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PipelineReport(FindingsReport):
    """What `preprocessing.fit_once` returns, and what `PreprocessingError.study` holds.

    Attributes:
        pipeline: the pipeline, in a few words.
        rows: training rows and other rows that were used.
        features: names of the features that the pipeline makes.
        trials: what was tried, in order.
    """

    kind: ClassVar[str] = "pipeline"

    pipeline: str
    rows: tuple[int, int]
    features: tuple[str, ...] = ()
    trials: tuple[PipelineTrial, ...] = ()
