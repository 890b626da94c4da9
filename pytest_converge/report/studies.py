"""Studies in the reports: which kinds there are, their tables, and their tally.

To add a kind:

1.  Derive a frozen dataclass from `core.study.Study`, and write a renderer
    `f(study, width, unicode) -> list[str]` in `report`: the lines of its table, each at most
    `width` cells wide, ASCII without `unicode`. The first one names the call and what came of it;
    alone it stands in the summary of failures.
2.  Add both to `_kinds` below.
3.  Make it in the fixture's verb by `fixture_calls.make_study`, which numbers and keeps it.
4.  Raise a `core.errors.StudyError` whose `study` is the failed one. It takes the place of the
    study with the same number, so that a later assertion may fail a study that was kept as passed.

Everything else follows: the section under the failing test, the terminal summary (a row for
failed studies always, for all with `-v`, tables with `-vv`, the tally alone with `-q`), `studies`
in the JSON report, and pytest-xdist.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from pytest_converge.core import numbers
from pytest_converge.core.study import Study
from pytest_converge.report.layout import cell_width, cut, elide_node_id, ellipsis, printable
from pytest_converge.report.summary import Segment, Unmet, tally, unmet

__all__ = [
    "outcome",
    "study_from",
    "study_kinds",
    "study_section",
    "study_summary",
    "study_to_dict",
]

#: The cells of a test's name in front of what came of its study.
NAME_WIDTH = 32

Renderer = Callable[[Any, int, bool], list[str]]


def _kinds() -> dict[str, tuple[type[Study], Renderer]]:
    """Class and renderer of each kind; imported here, since few sessions have studies."""
    from pytest_converge.core.calibration import Calibration
    from pytest_converge.core.data_report import DataReport
    from pytest_converge.core.pipeline_comparison import PipelineComparison
    from pytest_converge.core.pipeline_report import PipelineReport
    from pytest_converge.core.rate_range import RateRange
    from pytest_converge.core.sensitivity import Sensitivity
    from pytest_converge.report.calibration import calibration_lines
    from pytest_converge.report.data_report import data_report_lines
    from pytest_converge.report.pipeline_comparison import comparison_lines
    from pytest_converge.report.pipeline_report import pipeline_report_lines
    from pytest_converge.report.rate_range import rate_range_lines
    from pytest_converge.report.sensitivity import sensitivity_lines

    return {
        Calibration.kind: (Calibration, calibration_lines),
        DataReport.kind: (DataReport, data_report_lines),
        PipelineComparison.kind: (PipelineComparison, comparison_lines),
        PipelineReport.kind: (PipelineReport, pipeline_report_lines),
        RateRange.kind: (RateRange, rate_range_lines),
        Sensitivity.kind: (Sensitivity, sensitivity_lines),
    }


def study_kinds() -> list[type[Study]]:
    """The class of each kind."""
    return [kind for kind, _ in _kinds().values()]


def study_to_dict(study: Study) -> dict[str, Any]:
    """The study in primitives, with its kind and whether it passed."""
    return {**study.to_dict(), "kind": study.kind, "passed": study.passed}


def study_from(data: Mapping[str, Any]) -> Study:
    """The inverse of `study_to_dict`."""
    fields = {name: data[name] for name in data.keys() - {"kind", "passed"}}
    return _kinds()[data["kind"]][0].from_dict(fields)


def study_lines(study: Study, *, width: int, unicode: bool) -> list[str]:
    """The lines of a study, none wider than `width` cells."""
    lines = _kinds()[study.kind][1](study, width, unicode)
    return [cut(line.rstrip(), width, mark=ellipsis(unicode)) for line in lines]


def outcome(study: Study, *, unicode: bool) -> str:
    """What came of it, in a line of any width, without the call, which the test names."""
    return study_lines(study, width=10**4, unicode=unicode)[0].partition(": ")[2]


def study_section(study: Study, *, width: int, unicode: bool) -> str:
    """The text of the section under a failing test."""
    return "\n".join(study_lines(study, width=width, unicode=unicode))


def study_summary(
    studies: Sequence[Study],
    *,
    width: int,
    verbosity: int,
    unicode: bool,
    expected: Collection[str] = (),
    caught: Collection[str] = (),
) -> list[list[Segment]]:
    """The lines of the terminal summary about studies; none without studies.

    Args:
        studies: every study of the session, in any order.
        width: cells of the terminal.
        verbosity: below -1 nothing, -1 the tally, 0 also a row for each failed study, whose table
            stands under its test, 1 a row for all, 2 the tables of those that passed.
        unicode: text beyond ASCII.
        expected: ids of tests that failed as their mark says.
        caught: ids of tests that passed: where a study of theirs failed, they went on.
    """
    if not studies or verbosity < -1:
        return []
    ordered = sorted(studies, key=lambda study: (study.test, study.number))
    wanted = frozenset(expected)
    shown = [
        study
        for study in ordered
        if verbosity >= 1
        or study.always_shown
        or (verbosity >= 0 and not study.passed and study.test not in wanted)
    ]
    lines: list[list[Segment]] = []
    for study in shown:
        failed, asked = not study.passed, study.test in wanted or study.test in caught
        color = (("yellow",) if asked else ("red", "bold")) if failed else ("bold",)
        mark = ellipsis(unicode)
        texts = study_lines(study, width=width, unicode=unicode)
        if study.always_shown or (verbosity >= 2 and study.passed):
            name = elide_node_id(printable(study.test, unicode), width, mark=mark)
            lines += [[Segment(name, color)], *([Segment(text)] for text in [*texts, ""])]
            continue
        name = elide_node_id(printable(study.test, unicode), min(width, NAME_WIDTH), mark=mark)
        room = max(width - cell_width(name) - 2, 0)
        said = outcome(study, unicode=unicode)
        lines.append([Segment(name, color), Segment(cut(f"  {said}", room + 2, mark=mark))])
    return [*lines, [_tally(ordered, width, unicode, unmet(ordered, wanted, caught))]]


def _tally(studies: Sequence[Study], width: int, unicode: bool, counts: Unmet) -> Segment:
    failed, asides = counts.failed, counts.asides()
    said = numbers.counted(len(studies), "study").replace("studys", "studies")
    said += f", {failed} failed" if failed else "" if asides else " passed"
    said += asides
    return tally(said, failed=failed, width=width, unicode=unicode)
