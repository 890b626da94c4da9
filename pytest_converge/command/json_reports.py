"""JSON reports as `--converge-json` writes them, read for their trainings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pytest_converge.core.errors import InvalidTrainingError, complaint
from pytest_converge.core.trend import ReportedTraining, ReportedTrend, ReportName
from pytest_converge.report.json_report import SCHEMA_VERSION

__all__ = ["JsonReport", "read_report", "trends_of"]

#: Which training of which test.
Key = tuple[str, int]


class JsonReport(NamedTuple):
    """A report that was read.

    Attributes:
        name: of the file, with what it says of itself.
        trainings: by test and number.
    """

    name: ReportName
    trainings: Mapping[Key, ReportedTraining]


def read_report(path: Path) -> JsonReport:
    """The report in a file.

    Raises:
        InvalidTrainingError: it cannot be read, or is no report of a version that is known.
    """
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise _refusal(path, f"which cannot be read ({error.strerror})") from None
    except ValueError:
        raise _refusal(path, "which is no JSON") from None
    version = document.get("schema_version") if isinstance(document, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        given = f"{path} of schema_version {version}"
        remedy = "Upgrade it: pip install --upgrade pytest-converge."
        raise InvalidTrainingError(
            complaint(given, f"at most {SCHEMA_VERSION}, which this version knows", remedy)
        )
    try:
        if version != SCHEMA_VERSION:
            raise _refusal(path, "which has no schema_version of one")
        trainings = {
            (str(each["test"]), int(each["number"])): _training(each)
            for each in document["trainings"]
        }
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InvalidTrainingError):
            raise
        raise _refusal(path, f"in which {error} is missing or wrong") from None
    name = ReportName(
        name=str(path),
        created=str(document.get("created", "")),
        commit=str(document.get("commit", "")),
    )
    return JsonReport(name, trainings)


def trends_of(reports: Sequence[JsonReport]) -> list[ReportedTrend]:
    """Every training of any report, over all of them: those that fail last first, then by test."""
    keys = {key for report in reports for key in report.trainings}
    trends = [
        ReportedTrend(
            test=test,
            number=number,
            trainings=tuple(report.trainings.get((test, number)) for report in reports),
        )
        for test, number in keys
    ]
    return sorted(trends, key=lambda trend: (not trend.failing, trend.test, trend.number))


def _training(data: Mapping[str, Any]) -> ReportedTraining:
    verdict = data["verdict"]
    # The first reports had no outcome, and a cause only where there was a diagnosis.
    usual = verdict if verdict == "passed" else data.get("cause", verdict)
    return ReportedTraining(
        final_loss=float(data["final_loss"]),  # also of "NaN" and "Infinity"
        passed=verdict == "passed",
        outcome=str(data.get("outcome", usual)),
    )


def _refusal(path: Path, why: str) -> InvalidTrainingError:
    remedy = "Write one with pytest --converge-json=PATH."
    return InvalidTrainingError(complaint(f"{path}, {why}", "a JSON report", remedy))
