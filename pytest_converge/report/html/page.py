"""The page as a whole: its overview, a section for each training and study, and its library."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from pytest_converge.core import numbers
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.core.study import Study
from pytest_converge.report.charts.chart import Chart
from pytest_converge.report.charts.study_charts import study_charts
from pytest_converge.report.charts.training_charts import training_charts
from pytest_converge.report.html.drawing import drawn
from pytest_converge.report.html.entries import OUTCOMES, Entry, entries
from pytest_converge.report.html.sections import training_section
from pytest_converge.report.studies import study_section

__all__ = ["html_page", "rendered", "section_of"]

#: Points of a line of batches and along each side of a loss surface, and columns of the inputs: as
#: many as a screen shows where there are few trainings, fewer where there are many, so that a
#: thousand that failed stay within 15 MB, of which the library is a third.
ALL_POINTS, FEWEST_POINTS, MOST_POINTS = 80_000, 80, 384
FEW_TRAININGS, SIDE, FEWER_SIDE, ROWS, FEWER_ROWS = 200, 21, 9, 30, 10
#: Cells of the text of a study.
STUDY_WIDTH = 100
#: What would end a script, or begin one within it, as JSON may write it too.
OF_MARKUP = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def html_page(
    results: Sequence[ConvergenceResult],
    *,
    studies: Sequence[Study] = (),
    version: str,
    made: str = "",
    expected: Collection[str] = (),
    caught: Collection[str] = (),
) -> str:
    """One document that needs neither a network nor other files.

    Everything that comes from tests is escaped. Equal values in any order give the same text.

    Args:
        results: every training of the session.
        studies: every study of data, learning rates and tests.
        version: the version of the plugin.
        made: when, as it is shown.
        expected: ids of tests that failed as their mark says.
        caught: ids of tests that passed: where a training of theirs failed, they went on.

    Raises:
        ImportError: Jinja or Plotly is missing.
    """
    from plotly.offline import get_plotlyjs

    rows = entries(results, studies, expected=expected, caught=caught)
    points = min(max(ALL_POINTS // max(len(results), 1), FEWEST_POINTS), MOST_POINTS)
    outcomes = Counter(row.outcome for row in rows)
    causes = Counter(row.verdict for row in rows if row.outcome != "passed" and not row.said)
    few = len(results) <= FEW_TRAININGS
    side, most = (SIDE, ROWS) if few else (FEWER_SIDE, FEWER_ROWS)
    texts: dict[str, int] = {}

    def text(said: str) -> int:
        return texts.setdefault(said, len(texts))

    def draw(charts: Iterable[Chart]) -> str:
        return json_in_script(drawn(charts, side=side, text=text))

    sections = [
        {**section_of(row.subject), "charts": draw(_charts(row, points, most))} for row in rows
    ]
    environments: dict[tuple[tuple[str, str], ...], int] = {}
    for words in (section["words"] for section in sections):
        if words is not None:
            environments.setdefault(words.environment, len(environments))
    return rendered(
        "page.html",
        rows=rows,
        sections=sections,
        environments=environments,
        texts=json_in_script(list(texts)),
        title=_title(rows),
        outcomes=[(key, name, outcomes[key]) for key, name in OUTCOMES.items() if outcomes[key]],
        causes=causes.most_common(),
        trainings=numbers.counted(len(results), "training"),
        studies=numbers.counted(len(studies), "study").replace("studys", "studies"),
        seconds=numbers.seconds(sum(row.seconds for row in rows)),
        version=version,
        made=made,
        library=get_plotlyjs(),
    )


def section_of(subject: ConvergenceResult | Study) -> dict[str, Any]:
    """What the template of a section needs.

    Args:
        subject: of the section.
    """
    if isinstance(subject, Study):
        text = study_section(subject, width=STUDY_WIDTH, unicode=True)
        return {"text": text, "command": shlex.join(["pytest", subject.test]), "words": None}
    return {"words": training_section(subject)}


def rendered(template: str, **values: Any) -> str:
    """A template with its values, of which all texts are escaped.

    Args:
        template: its name.
        values: what it needs.

    Raises:
        ImportError: Jinja is missing.
    """
    import jinja2

    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("pytest_converge.report.html"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return templates.get_template(template).render(**values)


def _charts(entry: Entry, points: int, rows: int) -> Iterable[Chart]:
    if isinstance(entry.subject, Study):
        return study_charts(entry.subject)
    return training_charts(entry.subject, points=points, rows=rows)


def _title(rows: Sequence[Entry]) -> str:
    failed = sum(row.outcome == "failed" for row in rows)
    if not rows:
        return "nothing was trained"
    return f"{failed} of {len(rows)} failed" if failed else f"all {len(rows)} passed"


def json_in_script(value: Any) -> str:
    """JSON that ends no script whatever texts it holds; a template must not escape it."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    for sign, escape in OF_MARKUP.items():
        text = text.replace(sign, escape)
    return text
