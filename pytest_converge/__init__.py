"""Convergence tests for TensorFlow in pytest: train, look at the loss curve, pass or fail.

PYTEST_DONT_REWRITE, because there is no assert here, and pytest warns where it comes too late.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_converge.core.baseline import (
        Baseline,
        BaselineReport,
        BaselineVerdict,
        EnvironmentChange,
        StoredRun,
    )
    from pytest_converge.core.calibration import Calibration, Candidate, LossBound
    from pytest_converge.core.curve import LossCurve, LossSurface
    from pytest_converge.core.data_report import ColumnProfile, DataFinding, DataReport
    from pytest_converge.core.diagnosis import Diagnosis, NamedCause, RateBracket, Trial
    from pytest_converge.core.errors import InvalidTrainingError
    from pytest_converge.core.expectation import Expectation
    from pytest_converge.core.failures import (
        ConvergenceError,
        LearningRateError,
        PreprocessingError,
        StudyError,
    )
    from pytest_converge.core.finding import Finding
    from pytest_converge.core.input_scales import ColumnScale, InputScales
    from pytest_converge.core.overlap import RowOverlap
    from pytest_converge.core.pipeline_comparison import Exchange, PipelineComparison, PipelineRun
    from pytest_converge.core.pipeline_report import Difference, PipelineReport, PipelineTrial
    from pytest_converge.core.rate_range import RatePoint, RateRange, ScheduleRun
    from pytest_converge.core.record import NonFinite, TrainingRecord
    from pytest_converge.core.result import ConvergenceResult, Run
    from pytest_converge.core.sensitivity import Sensitivity, TriedMutation
    from pytest_converge.core.study import Study
    from pytest_converge.plugin.converge_fixture import Converge
    from pytest_converge.plugin.learning_rate_fixture import LearningRate
    from pytest_converge.plugin.preprocessing_fixture import Preprocessing
    from pytest_converge.plugin.typed_marker import converges
    from pytest_converge.report.figures import plot

    __version__: str

__all__ = [
    "Baseline",
    "BaselineReport",
    "BaselineVerdict",
    "Calibration",
    "Candidate",
    "ColumnProfile",
    "ColumnScale",
    "Converge",
    "ConvergenceError",
    "ConvergenceResult",
    "DataFinding",
    "DataReport",
    "Diagnosis",
    "Difference",
    "EnvironmentChange",
    "Exchange",
    "Expectation",
    "Finding",
    "InputScales",
    "InvalidTrainingError",
    "LearningRate",
    "LearningRateError",
    "LossBound",
    "LossCurve",
    "LossSurface",
    "NamedCause",
    "NonFinite",
    "PipelineComparison",
    "PipelineReport",
    "PipelineRun",
    "PipelineTrial",
    "Preprocessing",
    "PreprocessingError",
    "RateBracket",
    "RatePoint",
    "RateRange",
    "RowOverlap",
    "Run",
    "ScheduleRun",
    "Sensitivity",
    "StoredRun",
    "Study",
    "StudyError",
    "TrainingRecord",
    "Trial",
    "TriedMutation",
    "__version__",
    "converges",
    "plot",
]

# Loaded at first use, so that pytest starts as fast with the plugin as without.
_HOMES = {
    "Baseline": "core.baseline",
    "BaselineReport": "core.baseline",
    "BaselineVerdict": "core.baseline",
    "Calibration": "core.calibration",
    "Candidate": "core.calibration",
    "ColumnProfile": "core.data_report",
    "ColumnScale": "core.input_scales",
    "Converge": "plugin.converge_fixture",
    "ConvergenceError": "core.failures",
    "ConvergenceResult": "core.result",
    "DataFinding": "core.data_report",
    "DataReport": "core.data_report",
    "Diagnosis": "core.diagnosis",
    "Difference": "core.pipeline_report",
    "EnvironmentChange": "core.baseline",
    "Exchange": "core.pipeline_comparison",
    "Expectation": "core.expectation",
    "Finding": "core.finding",
    "InputScales": "core.input_scales",
    "InvalidTrainingError": "core.errors",
    "LearningRate": "plugin.learning_rate_fixture",
    "LearningRateError": "core.failures",
    "LossBound": "core.calibration",
    "LossCurve": "core.curve",
    "LossSurface": "core.curve",
    "NamedCause": "core.diagnosis",
    "NonFinite": "core.record",
    "PipelineComparison": "core.pipeline_comparison",
    "PipelineReport": "core.pipeline_report",
    "PipelineRun": "core.pipeline_comparison",
    "PipelineTrial": "core.pipeline_report",
    "Preprocessing": "plugin.preprocessing_fixture",
    "PreprocessingError": "core.failures",
    "RateBracket": "core.diagnosis",
    "RatePoint": "core.rate_range",
    "RateRange": "core.rate_range",
    "RowOverlap": "core.overlap",
    "Run": "core.result",
    "ScheduleRun": "core.rate_range",
    "Sensitivity": "core.sensitivity",
    "StoredRun": "core.baseline",
    "Study": "core.study",
    "StudyError": "core.failures",
    "TrainingRecord": "core.record",
    "Trial": "core.diagnosis",
    "TriedMutation": "core.sensitivity",
    "converges": "plugin.typed_marker",
    "plot": "report.figures",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("pytest-converge")
    except metadata.PackageNotFoundError:
        # Run from a source tree that was never installed.
        return "0+unknown"
