"""The message about what is wrong with data or with a pipeline, and the lines that share it."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_converge.core import numbers
from pytest_converge.core.data_report import DataFinding, DataReport
from pytest_converge.core.pipeline_report import PipelineReport
from pytest_converge.report.layout import (
    cell_width,
    command_line,
    cut,
    fill,
    one_line,
    printable,
    wrap,
)

__all__ = ["findings_lines", "findings_message", "first_line"]

#: Continuous integration prints the whole message again in its short summary.
MOST_LINES = 10
WIDTH = 80
#: The message leaves through an exception, where the encoding of the terminal is not known.
MARK = "..."
INDENT = "  "
#: Columns named beside each code in the first line, fewer where it has no room for them.
MOST_NAMES = 4


def findings_message(report: DataReport | PipelineReport, *, reproduce: str) -> str:
    """What was found, a line or two each, and how to run it again.

    The first line stands alone in 80 cells; at most ten lines in all.

    Args:
        report: one with findings.
        reproduce: the command that runs this test again, which becomes the last line.
    """
    beginning = [first_line(report, WIDTH)]
    ending = [f"reproduce: {command_line(reproduce)}"] if reproduce else []
    room = MOST_LINES - len(beginning) - len(ending)
    texts = [f"{found.code}: {one_line(found.message)}" for found in report.findings]
    wrapped = [line for text in texts for line in wrap(text, WIDTH, rest=INDENT)]
    if len(wrapped) > room:
        shown = texts if len(texts) <= room else texts[: room - 1]
        wrapped = [cut(text, WIDTH, mark=MARK) for text in shown]
        if len(shown) < len(texts):
            wrapped.append(f"and {len(texts) - len(shown)} more in the report section")
    return "\n".join([*beginning, *wrapped, *ending])


def first_line(report: DataReport | PipelineReport, width: int) -> str:
    """`2 findings: unscaled-features in area, tax; nonfinite-data in year`, in `width` cells."""
    said = numbers.counted(len(report.findings), "finding")
    head = f"{said}: " if isinstance(report, DataReport) else f"{report.pipeline}: {said}: "
    for most in range(MOST_NAMES, -1, -1):
        text = head + "; ".join(_named(found, most) for found in report.findings)
        if cell_width(text) <= width:
            return one_line(text)
    return cut(one_line(text), width, mark=MARK)


def _named(found: DataFinding, most: int) -> str:
    names = found.columns
    if not names or not most:
        return found.code
    return f"{found.code} in {numbers.listed(names, most)}"


def findings_lines(findings: Sequence[DataFinding], width: int, unicode: bool) -> list[str]:
    """Each finding with its sentence, its numbers and all of its columns."""
    lines: list[str] = []
    for found in findings:
        lines.append(found.code)
        text = printable(found.message, unicode)
        lines += wrap(text, width, first=INDENT, rest=INDENT)
        if len(found.columns) > 3:
            names = [printable(name, unicode) for name in found.columns]
            lines += fill([f"columns: {names[0]}", *names[1:]], width, indent=INDENT)
    return lines
