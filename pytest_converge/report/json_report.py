"""Results for machines: a JSON document and JUnit properties."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_converge.core.result import ConvergenceResult
from pytest_converge.core.study import Study
from pytest_converge.report.studies import study_to_dict

__all__ = ["json_report", "junit_properties", "study_properties"]

#: Raised when a reader of the previous version would misread the document.
SCHEMA_VERSION = 1


def json_report(
    results: Sequence[ConvergenceResult], *, studies: Sequence[Study] = (), version: str
) -> str:
    """One line of strict JSON: the same text for the same results in any order.

    Keys are sorted; numbers that are not finite are the strings "NaN", "Infinity" and
    "-Infinity"; curves are thinned to 512 steps. Each training has `verdict`, `initial_loss`,
    `final_loss`, `steps` and `seconds` beside what `ConvergenceResult.to_dict` gives, and `cause`
    where there is a diagnosis. Each study has its `kind` and whether it `passed` beside what its
    `to_dict` gives; without studies there is no such list.

    Args:
        results: every training of the session.
        studies: every study of data or learning rates.
        version: the version of the plugin.
    """
    ordered = sorted(results, key=lambda result: (result.test, result.number))
    document = {
        "schema_version": SCHEMA_VERSION,
        "version": version,
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


def _scalars(result: ConvergenceResult) -> dict[str, float | int | str]:
    cause = {} if result.diagnosis is None else {"cause": result.diagnosis.cause}
    return {
        **cause,
        **_of_baseline(result),
        "final_loss": result.final_loss,
        "initial_loss": result.initial_loss,
        "seconds": round(result.seconds, 3),
        "steps": result.steps,
        "verdict": _verdict(result.passed),
    }


def _verdict(passed: bool) -> str:
    return "passed" if passed else "failed"


def _of_baseline(result: ConvergenceResult) -> dict[str, float | int | str]:
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
