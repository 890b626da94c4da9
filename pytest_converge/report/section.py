"""The report section under a failing test: curve, findings, diagnosis and every number."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator, Sequence

from pytest_converge.core import numbers
from pytest_converge.core.finding import Finding
from pytest_converge.core.record import NonFinite, TrainingRecord
from pytest_converge.core.result import ConvergenceResult, Run
from pytest_converge.report import baseline_comparison
from pytest_converge.report.curve_summary import CurveSummary, starts_passed, summarised
from pytest_converge.report.diagnosis import MOST_ROWS, diagnosis_blocks, told
from pytest_converge.report.layout import cut, ellipsis, fill, pad, printable, wrap
from pytest_converge.report.message import short_forms
from pytest_converge.report.sparkline import log_suits, sparkline
from pytest_converge.report.table import Column, Table, fact_lines

__all__ = ["section", "training_facts"]

#: Lines of a section below the message of a failure; more only where there is more to say.
MOST_LINES = 25
TABLE_ROWS, FEWEST_ROWS = 8, 3
#: Inference and training mode differ for a reader beyond this share of the larger one; dropout
#: and moving averages explain less.
MODE_GAP = 0.10
#: Starts and broken values listed one by one; the rest is counted.
MOST_LISTED = 20


def section(result: ConvergenceResult, *, width: int, unicode: bool, message: str = "") -> str:
    """The text of the section, without a final line break.

    No line is wider than `width` cells, apart from code to paste that cannot be broken. What
    `message` says is not said again, and the course of the loss takes what room is left.

    Args:
        result: passed or failed; the shown run is the first that failed.
        message: the message of the error that stands above the section.
        width: cells of a line; below 40 lines are cut.
        unicode: block characters and other text beyond ASCII.
    """
    seen = summarised(result.curve)
    blocks = [
        [*_head(result, seen, width), *_picture(seen, width, unicode)],
        [
            line
            for finding in result.findings
            for line in _finding(finding, width, unicode, message)
        ],
        [],
        _facts(list(training_facts(result, message)), width, unicode),
        _compared(result, width, unicode, message),
        _starts(result, width, message),
    ]
    mark = ellipsis(unicode)
    blocks = [[cut(line.rstrip(), width, mark=mark) for line in block] for block in blocks]
    for rows in range(MOST_ROWS, FEWEST_ROWS - 1, -1):
        why = _why(result, width, unicode, message, rows)
        room = MOST_LINES - sum(len(block) + 1 for block in (*blocks, *why) if block) + 1
        if not message or room >= 0:
            break
    # The course of the loss takes what is left, with a blank line.
    room = room - 1 if message else TABLE_ROWS + 1
    blocks[2:3] = [*why, _table(seen, width, unicode, min(room, TABLE_ROWS + 1))]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _why(
    result: ConvergenceResult, width: int, unicode: bool, message: str, rows: int
) -> list[list[str]]:
    """The diagnosis, behind the findings, which say what happened."""
    if result.diagnosis is None:
        return []
    return diagnosis_blocks(
        result, result.diagnosis, width=width, unicode=unicode, message=message, most=rows
    )


def _head(result: ConvergenceResult, seen: CurveSummary, width: int) -> list[str]:
    verdict = "converged" if result.passed else "did not converge"
    name = result.verb if result.number == 1 else f"{result.verb}, training {result.number}"
    seconds = numbers.seconds(result.shown_run.record.seconds)
    scale = ", logarithmic scale" if log_suits(seen.losses) else ""
    lowest = [f"{seen.lowest}{scale}"] if seen.best is not None else []
    return fill([f"{name}: {verdict}, {seen.done} in {seconds}", *lowest], width)


def _picture(seen: CurveSummary, width: int, unicode: bool) -> list[str]:
    """The curve between its first and its last loss, and the steps below it."""
    first, last = numbers.loss(seen.first), numbers.loss(seen.last)
    bars = sparkline(seen.losses, width - len(f"loss {first}  {last}"), unicode)
    if not bars:
        return ["no step was recorded"]
    return [
        f"loss {first} {bars} {last}",
        f"step {pad('0', len(first), right=True)} {' ' * len(bars)} {seen.curve.updates}",
    ]


def _finding(finding: Finding, width: int, unicode: bool, message: str) -> Iterator[str]:
    """Code and sentence of what the message does not say; its evidence is in the JSON report."""
    if any(told(text, message) for text in (finding.message, *short_forms(finding))):
        return
    label = finding.code if finding.fails else f"note {finding.code}"
    yield from wrap(printable(f"{label}: {finding.message}", unicode), width, rest="  ")


def _table(seen: CurveSummary, width: int, unicode: bool, most: int) -> list[str]:
    """Checkpoints, the lowest among them, with what the step before each showed.

    Args:
        seen: the course of the loss.
        width: cells of a line.
        unicode: text beyond ASCII.
        most: the lines there is room for; fewer than a few rows say nothing.
    """
    steps = seen.curve.steps
    if not seen.steps or not steps or most < FEWEST_ROWS + 1:
        return []
    count = len(seen.steps)
    # One row stands for the lowest loss, which is seldom among those at equal distances.
    most = min(most - 1, count)
    most -= most < count and most > FEWEST_ROWS
    rows = {round(i * (count - 1) / max(most - 1, 1)) for i in range(most)}
    rows |= {i for i in range(count) if seen.steps[i] == seen.best_step}
    shown = sorted(rows)
    columns = [
        Column(title="step", cells=[str(seen.steps[i]) for i in shown], right=True),
        Column(title="loss", cells=[numbers.loss(seen.losses[i]) for i in shown], right=True),
    ]
    at = [max(bisect.bisect_right(steps, seen.steps[i]) - 1, 0) for i in shown]
    rates, norms = seen.curve.learning_rate, seen.curve.gradient_norm
    if norms:
        cells = [numbers.loss(norms[i]) for i in at]
        columns.append(Column(title="gradient norm", cells=cells, right=True, gives_way=2))
    if len(set(rates)) > 1:
        cells = [numbers.number(rates[i]) for i in at]
        columns.append(Column(title="learning rate", cells=cells, right=True, gives_way=1))
    return Table(columns=tuple(columns)).lines(width, unicode)


def training_facts(result: ConvergenceResult, message: str = "") -> Iterator[tuple[str, str]]:
    """What was measured beside the curve and `message` does not say: a name and a text each."""
    record, seen = result.shown_run.record, summarised(result.curve)
    rates = seen.curve.learning_rate
    yield "expected", _expected(result)
    constant = bool(rates) and len(set(rates)) == 1
    if constant and not told(f"learning rate {numbers.number(rates[0])}", message):
        yield "learning rate", numbers.number(rates[0])
    if record.probe_rows:
        where = "the first and last loss; between them a fixed part" if seen.partial else "the loss"
        yield "probe set", f"{record.probe_rows} rows for {where}"
    else:
        yield "probe set", "none; the loss is the median of neighbouring batches"
    if seen.curve.inference_loss is not None and _differ(seen.curve.inference_loss, seen.last):
        yield "inference loss", _inference(seen.curve.inference_loss, seen.last)
    yield from (("loss function", text) for text in _recomputed(record))
    if record.regularisation:
        yield "regularisation", f"{numbers.loss(record.regularisation)} of the loss"
    if record.metrics:
        metrics = sorted(record.metrics.items())
        yield "metrics", ", ".join(f"{name} {numbers.loss(value)}" for name, value in metrics)
    yield from (("skill", text) for text in _skill(record))
    if record.callbacks:
        yield "callbacks", _callbacks(record)
    said = " ".join([message, *(finding.message for finding in result.findings)])
    broken = [
        item
        for item in record.nonfinite
        if item.count is not None or not (message and told(item.name, said))
    ]
    yield from (("not finite", _nonfinite(item)) for item in broken[:MOST_LISTED])
    yield from (("not measured", f"{what} ({error})") for what, error in record.excluded)
    yield "seed", str(record.seed)
    if record.driver_reason:
        yield "one by one", f"each step by itself, since {record.driver_reason}"


def _skill(record: TrainingRecord) -> Iterator[str]:
    """The skill with what it compares with; nothing where it is no number."""
    if record.skill is None or record.constant_loss is None or not math.isfinite(record.skill):
        return
    constant = numbers.loss(record.constant_loss)
    skill = numbers.number(record.skill)
    yield f"{skill}; the best constant prediction has loss {constant}"


def _recomputed(record: TrainingRecord) -> Iterator[str]:
    """The loss function and its two values, where they differ or one is missing."""
    predicted, reported = record.predicted_loss, record.reported_loss
    if predicted is None or (reported is not None and not _differ(predicted, reported)):
        return
    text = f"{record.loss_name}: {numbers.loss(predicted)} recomputed from predict()"
    yield text if reported is None else f"{text}, {numbers.loss(reported)} reported by Keras"


def _differ(one: float, other: float) -> bool:
    """Whether two losses are different numbers to a reader."""
    return numbers.loss(one) != numbers.loss(other)


def _expected(result: ConvergenceResult) -> str:
    """The arguments that were given or always matter, as they would be typed."""
    expectation = result.expectation
    parts = [numbers.counted(expectation.steps, "step")]
    if expectation.max_loss is not None:
        parts.append(f"loss at most {numbers.number(expectation.max_loss)}")
    if expectation.required_decrease:
        parts.append(f"{numbers.share(expectation.required_decrease)} of the initial loss gone")
    if expectation.min_skill is not None:
        parts.append(f"skill at least {numbers.number(expectation.min_skill)}")
    for name, (low, high) in sorted(expectation.metrics.items()):
        sides = [] if low is None else [f"at least {numbers.number(low)}"]
        sides += [] if high is None else [f"at most {numbers.number(high)}"]
        parts.append(f"{name} {' and '.join(sides)}")
    if expectation.monotone != "trend":
        parts.append(f'monotone "{expectation.monotone}"')
    if expectation.seeds > 1:
        parts.append(f"{expectation.seeds} starts")
    return ", ".join(parts)


def _callbacks(record: TrainingRecord) -> str:
    names = ", ".join(dict.fromkeys(record.callbacks))
    if not record.stopped_by:
        return names
    return f"{names}; {record.stopped_by} ended it after step {record.curve.updates}"


def _inference(inference: float, training: float) -> str:
    text = numbers.loss(inference)
    larger = max(abs(inference), abs(training))
    if not math.isfinite(inference + training) or abs(inference - training) <= MODE_GAP * larger:
        return text
    return (
        f"{text}, but {numbers.loss(training)} in training mode: they differ by "
        f"{numbers.share(abs(inference - training) / larger)}, as after BatchNorm with young "
        "moving averages, or Dropout"
    )


def _nonfinite(item: NonFinite) -> str:
    text = item.what if item.name in {"", item.what} else f"{item.what} {item.name}"
    text += "" if item.row is None else f", first in row {item.row}"
    text += "" if item.step is None else f", after step {item.step}"
    return text + ("" if item.count is None else f", {numbers.counted(item.count, 'value')}")


def _facts(pairs: Sequence[tuple[str, str]], width: int, unicode: bool) -> list[str]:
    """Names in a column, texts wrapped beside them."""
    mark = ellipsis(unicode)
    shown = [
        (cut(printable(name, unicode), 20, mark=mark), printable(text, unicode))
        for name, text in pairs
    ]
    return fact_lines(shown, width)


def _compared(result: ConvergenceResult, width: int, unicode: bool, message: str) -> list[str]:
    """The comparison with the baseline, a fact a line."""
    if result.baseline is None:
        return []
    facts = baseline_comparison.facts(result.baseline)
    left = [(name, text) for name, text in facts if not told(text.rpartition(": ")[2], message)]
    return _facts(left, width, unicode)


def _starts(result: ConvergenceResult, width: int, message: str) -> list[str]:
    runs: Sequence[Run] = result.runs
    if len(runs) < 2:
        return []
    tally = starts_passed(runs)
    lines = ["the other starts" if told(tally, message) else tally]
    # Failed starts first, so that none hides behind many that passed.
    ordered = sorted(runs, key=lambda run: run.passed)
    if told(tally, message):
        ordered = [run for run in ordered if run is not result.shown_run]
    for run in ordered[:MOST_LISTED]:
        seen = summarised(run.record.curve)
        verdict = next((f.code for f in run.findings if f.fails), "passed")
        text = f"seed {run.record.seed}: {seen.ends} in {seen.done}, {verdict}"
        lines += wrap(text, width, first="  ", rest="    ")
    hidden = ordered[MOST_LISTED:]
    if hidden:
        failed = sum(not run.passed for run in hidden)
        lines.append(f"  and {len(hidden)} more, of which {failed} failed")
    return lines
