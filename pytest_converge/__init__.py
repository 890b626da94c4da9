"""Convergence tests for TensorFlow in pytest: train, look at the loss curve, pass or fail.

PYTEST_DONT_REWRITE, because there is no assert here, and pytest warns where it comes too late.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_converge.core.curve import LossCurve
    from pytest_converge.core.data_report import DataFinding, DataReport
    from pytest_converge.core.errors import InvalidTrainingError
    from pytest_converge.core.expectation import Expectation
    from pytest_converge.core.failures import (
        ConvergenceError,
        LearningRateError,
        PreprocessingError,
        StudyError,
    )
    from pytest_converge.core.finding import Finding
    from pytest_converge.core.pipeline_comparison import PipelineComparison
    from pytest_converge.core.pipeline_report import PipelineReport
    from pytest_converge.core.rate_range import RateRange
    from pytest_converge.core.record import NonFinite, TrainingRecord
    from pytest_converge.core.result import ConvergenceResult, Run
    from pytest_converge.plugin.converge_fixture import Converge
    from pytest_converge.plugin.learning_rate_fixture import LearningRate
    from pytest_converge.plugin.preprocessing_fixture import Preprocessing
    from pytest_converge.report.figures import plot

    __version__: str

__all__ = [
    "Converge",
    "ConvergenceError",
    "ConvergenceResult",
    "DataFinding",
    "DataReport",
    "Expectation",
    "Finding",
    "InvalidTrainingError",
    "LearningRate",
    "LearningRateError",
    "LossCurve",
    "NonFinite",
    "PipelineComparison",
    "PipelineReport",
    "Preprocessing",
    "PreprocessingError",
    "RateRange",
    "Run",
    "StudyError",
    "TrainingRecord",
    "__version__",
    "plot",
]

# Loaded at first use, so that pytest starts as fast with the plugin as without.
_HOMES = {
    "Converge": "plugin.converge_fixture",
    "ConvergenceError": "core.failures",
    "ConvergenceResult": "core.result",
    "DataFinding": "core.data_report",
    "DataReport": "core.data_report",
    "Expectation": "core.expectation",
    "Finding": "core.finding",
    "InvalidTrainingError": "core.errors",
    "LearningRate": "plugin.learning_rate_fixture",
    "LearningRateError": "core.failures",
    "LossCurve": "core.curve",
    "NonFinite": "core.record",
    "PipelineComparison": "core.pipeline_comparison",
    "PipelineReport": "core.pipeline_report",
    "Preprocessing": "plugin.preprocessing_fixture",
    "PreprocessingError": "core.failures",
    "RateRange": "core.rate_range",
    "Run": "core.result",
    "StudyError": "core.failures",
    "TrainingRecord": "core.record",
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
