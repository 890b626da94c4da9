"""The history of a baseline as text: a row for each commit that changed it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_converge.core import numbers
from pytest_converge.core.baseline import Baseline
from pytest_converge.core.baseline_history import BaselineHistory, RecordedVersion
from pytest_converge.core.recorded_scores import end_losses, median, named_scores
from pytest_converge.report.baseline_tables import effect
from pytest_converge.report.layout import elide_node_id, ellipsis, printable, wrap
from pytest_converge.report.summary import Segment
from pytest_converge.report.table import Column, Table

__all__ = ["history_lines", "remark", "version_name"]

INDENT = "  "


def history_lines(history: BaselineHistory, *, width: int, unicode: bool) -> list[list[Segment]]:
    """The title of a training, and a row for each version of its baseline, with its remarks below.

    Args:
        history: the oldest version first.
        width: cells of the terminal, at least 20.
        unicode: text beyond ASCII.
    """
    number = f" #{history.number}" if history.number > 1 else ""
    name = printable(history.test, unicode)
    title = elide_node_id(name, width - len(number), mark=ellipsis(unicode)) + number
    versions = history.versions
    columns = [
        Column(title="date", cells=[version.date or "not yet" for version in versions]),
        Column(title="commit", cells=[version_name(version) for version in versions], gives_way=4),
        *_scores(versions),
        Column(
            title="last loss",
            cells=[_last_loss(version.training) for version in versions],
            right=True,
            gives_way=3,
        ),
        Column(title="change", cells=list(_changes(versions)), gives_way=2),
    ]
    names, *rows = Table(columns=tuple(columns)).lines(width - len(INDENT), unicode)
    lines = [[Segment(title, ("bold",))], [Segment(INDENT + names, ("bold",))]]
    for version, row in zip(versions, rows, strict=True):
        lines.append([Segment(INDENT + row)])
        # Below it, since a reason that is cut is none.
        said, indent = printable(remark(version), unicode), 2 * INDENT
        lines += [[Segment(text)] for text in wrap(said, width, first=indent, rest=indent) if said]
    return lines


def version_name(version: RecordedVersion) -> str:
    """The short id of its commit."""
    return version.commit or "uncommitted"


def remark(version: RecordedVersion) -> str:
    """What there is to know beside the numbers; empty where there is nothing."""
    parts = [version.problem, version.training.reason if version.training else ""]
    if version.changed:
        parts.append(f"other settings: {', '.join(version.changed)}")
    if version.other_data:
        parts.append("other data")
    return "; ".join(filter(None, parts))


def _scores(versions: Sequence[RecordedVersion]) -> Iterator[Column]:
    """A column for each score; where a metric took the place of losses, for both."""
    medians = [dict(_medians(version.training)) for version in versions]
    names = dict.fromkeys(name for each in medians for name in each)
    for index, name in enumerate(names):
        cells = [numbers.loss(each[name]) if name in each else "" for each in medians]
        yield Column(title=name, cells=cells, right=True, gives_way=index)


def _medians(training: Baseline | None) -> list[tuple[str, float]]:
    if training is None:
        return []
    return [(name, median(values)) for name, values in named_scores(training)]


def _last_loss(training: Baseline | None) -> str:
    return "" if training is None else numbers.loss(median(end_losses(training)[1]))


def _changes(versions: Sequence[RecordedVersion]) -> Iterator[str]:
    """How much worse or better than the version before, by the first score."""
    before: Baseline | None = None
    for version in versions:
        now = version.training
        if now is None or before is None or version.changed:
            yield ""
        else:
            (_, old), (_, new) = _medians(before)[0], _medians(now)[0]
            yield effect(old, new)
        before = now or before
