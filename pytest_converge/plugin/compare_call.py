"""`preprocessing.compare`: several preparations of the features, trained side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pytest_converge.core.errors import InvalidTrainingError, complaint, shown
from pytest_converge.core.failures import PreprocessingError
from pytest_converge.core.pipeline_comparison import PipelineComparison
from pytest_converge.plugin import converge_fixture, runtest
from pytest_converge.plugin.plots import draw
from pytest_converge.plugin.progress import progress
from pytest_converge.report.pipeline_comparison import failure

__all__ = ["compare"]

ARGUMENTS = ("judged", "tolerance", "batch_size")


def compare(
    item: pytest.Item,
    build: Callable[..., Any],
    pipelines: Mapping[str, Any],
    targets: Any,
    *,
    judged: str | None,
    tolerance: float,
    batch_size: int,
    expectation: Mapping[str, Any],
) -> PipelineComparison:
    """Trains on each pipeline, keeps the study, and fails where the judged one is worse.

    Args:
        item: the test.
        build: builds the compiled model; takes nothing, or the shape of the features without rows.
        pipelines: features by name.
        targets: the targets.
        judged: the name of the pipeline under test; None for the last.
        tolerance: by what share its loss may lie above that of the reference.
        batch_size: rows of a batch.
        expectation: arguments of `Expectation`.

    Raises:
        PreprocessingError: the judged pipeline converges worse than the reference.
        InvalidTrainingError: the trainings cannot be run as asked.
    """
    __tracebackhide__ = True
    state = runtest.state_of(item)
    state.calls += 1
    try:
        name = _checked(build, pipelines, judged, tolerance)
        options = {"judged": name, "tolerance": float(tolerance), "batch_size": batch_size}
        study = _run(item, build, pipelines, targets, options, expectation)
    except InvalidTrainingError as error:
        if item.config.getoption("fulltrace", False):
            raise
        # The frames and causes within the plugin say nothing about the user's own call.
        raise error.with_traceback(None) from None
    state.studies.append(study)
    draw(item, study)
    if not study.passed:
        raise PreprocessingError(failure(study), study)
    return study


def _run(
    item: pytest.Item,
    build: Callable[..., Any],
    pipelines: Mapping[str, Any],
    targets: Any,
    options: dict[str, Any],
    expectation: Mapping[str, Any],
) -> PipelineComparison:
    # Imports TensorFlow, which takes seconds: never before a test needs it.
    from pytest_converge.features.comparison.study import compared_pipelines
    from pytest_converge.runner import Context

    converge_fixture.refuse_unknown("preprocessing.compare", ARGUMENTS, expectation)
    runtest.isolate(item)
    with progress(item.config) as report:
        context = Context(
            test=item.nodeid,
            number=len(runtest.state_of(item).studies) + 1,
            expectation=runtest.expectation_of(item, expectation),
            hooks=item.ihook,
            progress=report,
        )
        return compared_pipelines(context, build, pipelines, targets, **options)


def _checked(build: Any, pipelines: Any, judged: Any, tolerance: Any) -> str:
    """The name of the judged pipeline."""
    if not callable(build):
        remedy = "Pass the function itself: compare(build, {...}, targets)."
        expected = "a function that builds the compiled model"
        raise InvalidTrainingError(complaint(f"build={shown(build)}", expected, remedy))
    if not isinstance(pipelines, Mapping) or not pipelines:
        remedy = 'Write {"raw": x, "ours": pipeline.fit_transform(x)}.'
        expected = "a dict of features by name"
        raise InvalidTrainingError(complaint(f"pipelines={shown(pipelines)}", expected, remedy))
    number = isinstance(tolerance, (int, float)) and not isinstance(tolerance, bool)
    if not number or not 0 <= tolerance < math.inf:
        remedy = "1.0 allows twice the loss of the reference, on average over the course."
        expected = "a number of at least 0"
        raise InvalidTrainingError(complaint(f"tolerance={shown(tolerance)}", expected, remedy))
    names = [str(name) for name in pipelines]
    if judged is not None and judged not in names:
        expected = f"one of {', '.join(map(repr, names))}"
        remedy = "Name the pipeline under test, or leave judged out for the last one."
        raise InvalidTrainingError(complaint(f"judged={shown(judged)}", expected, remedy))
    return names[-1] if judged is None else str(judged)
