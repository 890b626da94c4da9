"""Results for machines: a JSON document and JUnit properties."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from pytest_converge.core.origin import Origin
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.core.study import Study
from pytest_converge.report import diagnosis as words
from pytest_converge.report.studies import study_to_dict

__all__ = [
    "SCHEMA_VERSION",
    "TrainingScalars",
    "json_report",
    "junit_properties",
    "study_properties",
]

#: Raised when a reader of the previous version would misread the document; new fields do not.
SCHEMA_VERSION = 1
#: What a report says of the whole session; each training has all that is known of its machine.
VERSIONS = ("keras", "numpy", "tensorflow")


class _SomeScalars(TypedDict, total=False):
    baseline_action: str
    baseline_effect: float
    baseline_look: str
    cause: str


class TrainingScalars(_SomeScalars):
    """What a training says in a few numbers and words.

    Attributes:
        baseline_action: what became of the baseline, where there is one.
        baseline_effect: the largest effect of the comparison, as a ratio minus one.
        baseline_look: after how many runs it was decided.
        cause: the code of the cause, where there is a diagnosis; "unknown" where it found none.
        final_loss: the loss that bounds are compared with.
        initial_loss: the loss before the first update.
        outcome: "passed", else the cause where it is known, else the gate that failed first.
        seconds: wall time of all runs.
        steps: optimizer updates done.
        verdict: "passed" or "failed".
    """

    final_loss: float
    initial_loss: float
    outcome: str
    seconds: float
    steps: int
    verdict: Literal["passed", "failed"]


def json_report(
    results: Sequence[ConvergenceResult], *, studies: Sequence[Study] = (), origin: Origin
) -> str:
    """One line of strict JSON: the same text for the same results in any order.

    `json_schema.report_schema` describes it. Keys are sorted; numbers that are not finite are the
    strings "NaN", "Infinity" and "-Infinity"; curves are thinned to 512 steps. Without studies
    there is no list of them.

    Args:
        results: every training of the session.
        studies: every study of data, of learning rates or of a test.
        origin: where the report comes from.
    """
    ordered = sorted(results, key=lambda result: (result.test, result.number))
    document = {
        "schema_version": SCHEMA_VERSION,
        **origin.to_dict(),
        "environment": _environment(ordered),
        "trainings": [{**result.to_dict(), **_scalars(result)} for result in ordered],
    }
    if studies:
        in_order = sorted(studies, key=lambda study: (study.test, study.number))
        document["studies"] = [study_to_dict(study) for study in in_order]
    return json.dumps(_strict(document), sort_keys=True, allow_nan=False) + "\n"


def junit_properties(result: ConvergenceResult) -> list[tuple[str, str]]:
    """Scalars of one training as names and texts; from the second training on, numbered."""
    return _properties("", _scalars(result), result.number)


def study_properties(study: Study) -> list[tuple[str, str]]:
    """Verdict and scalars of one study, named by its kind; from the second study on, numbered."""
    scalars = {**study.scalars, "verdict": _verdict(study.passed)}
    return _properties(f"{study.kind.replace('-', '_')}_", scalars, study.number)


def _properties(kind: str, scalars: Mapping[str, Any], number: int) -> list[tuple[str, str]]:
    suffix = f"_{number}" if number > 1 else ""
    return [
        (f"converge_{kind}{name}{suffix}", str(_strict(scalars[name]))) for name in sorted(scalars)
    ]


def _environment(results: Sequence[ConvergenceResult]) -> dict[str, str]:
    """The versions of Python, and of what trained: of the first training that tells."""
    told = {
        name: str(result.environment[name])
        for result in reversed(results)
        for name in VERSIONS
        if name in result.environment
    }
    return {"python": platform.python_version(), **told}


def _scalars(result: ConvergenceResult) -> TrainingScalars:
    scalars: TrainingScalars = {
        **_of_baseline(result),
        "final_loss": result.final_loss,
        "initial_loss": result.initial_loss,
        "outcome": words.verdict(result),
        "seconds": round(result.seconds, 3),
        "steps": result.steps,
        "verdict": _verdict(result.passed),
    }
    if result.diagnosis is not None:
        scalars["cause"] = result.diagnosis.cause
    return scalars


def _verdict(passed: bool) -> Literal["passed", "failed"]:
    return "passed" if passed else "failed"


def _of_baseline(result: ConvergenceResult) -> _SomeScalars:
    """What came of the comparison with the baseline: the look and the largest effect."""
    report = result.baseline
    if report is None:
        return {}
    if report.verdict is None:
        return {"baseline_action": report.action}
    return {
        "baseline_action": report.action,
        "baseline_effect": max(report.verdict.effect, key=abs),
        "baseline_look": report.verdict.look,
    }


def _strict(value: Any) -> Any:
    """`value` with the numbers that JSON has no spelling for as strings."""
    if isinstance(value, Mapping):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
