"""A pipeline with the data for its trials, and how a trial is run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from pytest_converge.columns.rows import count_rows, input_columns, take
from pytest_converge.core.pipeline_report import Difference, PipelineTrial
from pytest_converge.features.pipelines.output import FeatureMatrix, features_of
from pytest_converge.features.pipelines.pipeline import Pipeline

__all__ = ["TriedPipeline", "prepare", "said", "tried"]

#: Rows that are tried; a batch-wise statistic shows in a few.
MOST_ROWS = 256


@dataclasses.dataclass(slots=True)
class TriedPipeline:
    """A pipeline with the data for its trials.

    Attributes:
        pipeline: not fitted.
        fitted: fitted to the training data.
        train, other: the data.
        targets: of the training data, if any.
        few: the rows of `other` that are tried.
        base: their features.
        names: of the features, where the pipeline or its input names them.
    """

    pipeline: Pipeline
    fitted: Pipeline
    train: Any
    other: Any
    targets: Any
    few: Any
    base: FeatureMatrix
    names: tuple[str, ...]

    def features(self, pipeline: Pipeline, data: Any) -> FeatureMatrix:
        """The features that a pipeline makes of `data`."""
        return features_of(pipeline.transform(data), self.names)

    def again(self) -> Pipeline:
        """Another pipeline in the state right after fitting."""
        return self.fitted.copy()


def prepare(pipeline: Pipeline, train: Any, other: Any, targets: Any = None) -> TriedPipeline:
    """Fits a copy to the training data and transforms the first of the other rows.

    An error of the user's own code is raised as it is.
    """
    fitted = pipeline.fitted(train, targets)
    few = take(other, np.arange(min(count_rows(other), MOST_ROWS)))
    output = fitted.copy().transform(few)
    names = fitted.names()
    found = features_of(output, names)
    inputs = tuple(column.name for column in input_columns(few))
    if not names and len(inputs) == len(found.names):
        names = inputs
        found = features_of(output, names)
    return TriedPipeline(pipeline, fitted, train, other, targets, few, found, names)


def tried(code: str, what: str, run: Callable[[], Difference | str]) -> PipelineTrial:
    """The trial; an error of the pipeline is a difference as well, a text says why it was not."""
    try:
        found = run()
    except Exception as error:  # noqa: BLE001 - whatever the user's code raises is the finding
        found = Difference(problem=said(error))
    if isinstance(found, str):
        return PipelineTrial(code=code, what=what, why_not=found)
    return PipelineTrial(code=code, what=what, difference=found)


def said(error: Exception) -> str:
    """The first telling line of an error."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith("Exception encountered")]
    text = (telling or lines or [""])[0].replace("\x1b[1m", "").replace("\x1b[0m", "")
    return f"{type(error).__name__}: {text[:120]}".removesuffix(": ")
