"""The object behind the fixture `preprocessing`."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from pytest_converge.core.data_limits import DataLimits
from pytest_converge.core.data_report import DataReport
from pytest_converge.core.errors import invalid, shown
from pytest_converge.core.failures import PreprocessingError
from pytest_converge.core.pipeline_comparison import PipelineComparison
from pytest_converge.core.pipeline_report import PipelineReport
from pytest_converge.plugin import runtest
from pytest_converge.plugin.fixture_calls import make_study, refuse_unknown, runner_context
from pytest_converge.report.findings import findings_message
from pytest_converge.report.pipeline_comparison import failure

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pytest_converge.core.expectation import ExpectationArguments

__all__ = ["Preprocessing"]

Report = TypeVar("Report", DataReport, PipelineReport)


class Preprocessing:
    """Checks features, and the pipeline that makes them, inside a test.

    `check` looks at data as they go into a network; `fit_once` at what makes them. Neither trains
    anything, as `compare` does; none changes what it is given. Each returns a report or raises
    `PreprocessingError`, an `AssertionError` whose `study` is the report.
    """

    def __init__(self, item: pytest.Item) -> None:
        self._item = item

    def __repr__(self) -> str:
        return f"<Preprocessing of {self._item.nodeid}>"

    def check(
        self,
        data: Any,
        targets: Any = None,
        *,
        held_out: Any = None,
        names: Sequence[str] | None = None,
        kinds: Mapping[str, str] | None = None,
        task: str | None = None,
        max_ratio: float = 1000.0,
        image_range: tuple[float, float] | None = None,
        min_balance: float = 0.05,
        max_conflicts: float = 0.01,
        ignore: Sequence[str] = (),
    ) -> DataReport:
        """Look at features and targets as they go into a network, without training.

        Args:
            data: features: arrays, tensors, tables of pandas or polars, sparse matrices, dicts of
                these, or a `tf.data.Dataset`.
            targets: the targets, where `data` does not bring them.
            held_out: the features of rows kept for evaluation; none of them may be in `data`,
                beyond what repeats anyway.
            names: of the columns of an array.
            kinds: kinds of single columns by name, where the numbers do not tell: "categorical",
                "tokens", "continuous", ...
            task: "classes" or "values": what the targets are, where the numbers do not tell.
            max_ratio: how many times the spread of a column may be above or below that of most.
            image_range: the range of the pixels, where it is not 0 to 1, -1 to 1 or standardised.
            min_balance: rows of the rarest class, relative to those it would have if all classes
                were equally frequent.
            max_conflicts: share of rows that may have the features of another row and another
                label.
            ignore: codes not to report.

        Raises:
            PreprocessingError: something was found.
            InvalidTrainingError: data or arguments cannot be read.
        """

        def make(number: int) -> DataReport:
            from pytest_converge.features.reports import check_data

            limits = DataLimits(
                max_ratio=max_ratio,
                image_range=image_range,
                min_balance=min_balance,
                max_conflicts=max_conflicts,
                task=task,
                kinds=kinds or {},
                ignore=ignore,
            )
            test = self._item.nodeid
            return check_data(
                data,
                targets,
                held_out=held_out,
                names=names,
                limits=limits,
                test=test,
                number=number,
            )

        return self._judged(make)

    def fit_once(
        self,
        pipeline: Any,
        train: Any,
        other: Any,
        *,
        targets: Any = None,
        missing: bool | None = None,
        ignore: Sequence[str] = (),
    ) -> PipelineReport:
        """Try whether a pipeline learns from training rows alone and treats every row alike.

        Args:
            pipeline: a transformer or pipeline of scikit-learn, a preprocessing layer or model of
                Keras, a `FeatureSpace`, an object with `adapt` and a call, a function of the data,
                or a function of training data and other data that returns the features of both.
            train: the data that it is fitted to.
            other: data that it then transforms, as those of the validation.
            targets: of the training data.
            missing: whether missing values are tried; `None`: in the columns that have some.
            ignore: codes not to report.

        Raises:
            PreprocessingError: something was found.
            InvalidTrainingError: pipeline or data are nothing that can be tried.
        """

        def make(number: int) -> PipelineReport:
            from pytest_converge.features.reports import check_pipeline

            return check_pipeline(
                pipeline,
                train,
                other,
                targets=targets,
                missing=missing,
                ignore=ignore,
                test=self._item.nodeid,
                number=number,
            )

        return self._judged(make)

    def compare(
        self,
        build: Callable[..., Any],
        pipelines: Mapping[str, Any],
        targets: Any,
        *,
        judged: str | None = None,
        tolerance: float = 1.0,
        batch_size: int = 32,
        **expectation: Unpack[ExpectationArguments],
    ) -> PipelineComparison:
        """Train on several preparations of the same features, beside z-scored ones.

        All have the same starts and batches. The reference is the first one z-scored, apart from
        coded columns.

        Args:
            build: a function that builds the compiled model; it takes nothing, or the shape of
                the features without the rows where pipelines differ in width.
            pipelines: the features by name, as `{"raw": x, "ours": scaled}`.
            targets: the targets.
            judged: the pipeline under test; `None` for the last one.
            tolerance: by what share its loss may lie above that of the reference, on average over
                the course: 1.0 allows twice the loss.
            batch_size: rows of a batch.
            **expectation: arguments of `Expectation`: `steps`, `max_loss` as the target, `seed`.

        Raises:
            PreprocessingError: the judged pipeline converges worse, from each of three starts.
            InvalidTrainingError: the trainings cannot be run as asked.
        """

        def make(number: int) -> PipelineComparison:
            name = _judged_name(build, pipelines, judged, tolerance)
            known = ("judged", "tolerance", "batch_size")
            refuse_unknown("preprocessing.compare", known, expectation)
            runtest.isolate(self._item)
            expected = runtest.expectation_of(self._item, expectation)
            with runner_context(self._item, number, expected) as context:
                from pytest_converge.features.comparison.study import compared_pipelines

                return compared_pipelines(
                    context,
                    build,
                    pipelines,
                    targets,
                    judged=name,
                    tolerance=tolerance,
                    batch_size=batch_size,
                )

        study = make_study(self._item, make)
        if not study.passed:
            raise PreprocessingError(failure(study), study)
        return study

    def _judged(self, make: Callable[[int], Report]) -> Report:
        """The report, kept for the summary; raised where something was found."""
        report = make_study(self._item, make)
        if not report.passed:
            command = shlex.join(["pytest", self._item.nodeid])
            raise PreprocessingError(findings_message(report, reproduce=command), report)
        return report


def _judged_name(build: Any, pipelines: Any, judged: Any, tolerance: Any) -> str:
    """The name of the pipeline under test, when all arguments can be used."""
    # A model can be called too, and is one start alone.
    if not callable(build) or hasattr(type(build), "compile"):
        remedy = "Pass the function itself: compare(build, {...}, targets)."
        expected = "a function that builds the compiled model"
        raise invalid(f"build={shown(build)}", expected, remedy)
    named = isinstance(pipelines, Mapping) and all(isinstance(name, str) for name in pipelines)
    if not named or not pipelines:
        remedy = 'Write {"raw": x, "ours": pipeline.fit_transform(x)}.'
        expected = "a dict of features by name"
        raise invalid(f"pipelines={shown(pipelines)}", expected, remedy)
    number = isinstance(tolerance, (int, float)) and not isinstance(tolerance, bool)
    if not number or not 0 <= tolerance < math.inf:
        remedy = "1.0 allows twice the loss of the reference, on average over the course."
        expected = "a number of at least 0"
        raise invalid(f"tolerance={shown(tolerance)}", expected, remedy)
    names = list(pipelines)
    if judged is not None and judged not in names:
        expected = f"one of {', '.join(map(repr, names))}"
        remedy = "Name the pipeline under test, or leave judged out for the last one."
        raise invalid(f"judged={shown(judged)}", expected, remedy)
    return names[-1] if judged is None else str(judged)
