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
from pytest_converge.report.diagnosis import diagnosis_blocks
from pytest_converge.report.layout import cut, ellipsis, fill, pad, printable, wrap
from pytest_converge.report.sparkline import log_suits, sparkline
from pytest_converge.report.table import Column, Table, fact_lines

__all__ = ["section"]

TABLE_ROWS = 8
#: Inference and training mode differ for a reader beyond this share of the larger one; dropout
#: and moving averages explain less.
MODE_GAP = 0.10
#: Starts and broken values listed one by one; the rest is counted.
MOST_LISTED = 20


def section(result: ConvergenceResult, *, width: int, unicode: bool) -> str:
    """The text of the section, without a final line break.

    No line is wider than `width` cells, apart from code to paste that cannot be broken.

    Args:
        result: passed or failed; the shown run is the first that failed.
        width: cells of a line; below 40 lines are cut.
        unicode: block characters and other text beyond ASCII.
    """
    seen = summarised(result.curve)
    record = result.shown_run.record
    blocks = [
        [*_head(result, seen, width), *_picture(seen, width, unicode)],
        [line for finding in result.findings for line in _finding(finding, width, unicode)],
        _table(seen, width, unicode),
        _facts(list(_numbers(result, record, seen)), width, unicode),
        _compared(result, width, unicode),
        _starts(result.runs, width),
    ]
    mark = ellipsis(unicode)
    blocks = [[cut(line.rstrip(), width, mark=mark) for line in block] for block in blocks]
    if result.diagnosis is not None:
        # Behind the findings, which say what happened; this says why.
        blocks[2:2] = diagnosis_blocks(result, result.diagnosis, width=width, unicode=unicode)
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _head(result: ConvergenceResult, seen: CurveSummary, width: int) -> list[str]:
    verdict = "converged" if result.passed else "did not converge"
    name = result.verb if result.number == 1 else f"{result.verb}, training {result.number}"
    seconds = numbers.seconds(result.shown_run.record.seconds)
    return wrap(f"{name}: {verdict}, {seen.done} in {seconds}", width)


def _picture(seen: CurveSummary, width: int, unicode: bool) -> list[str]:
    """The curve between its first and its last loss, and the steps below it."""
    first, last = numbers.loss(seen.first), numbers.loss(seen.last)
    bars = sparkline(seen.losses, width - len(f"loss {first}  {last}"), unicode)
    if not bars:
        return ["no step was recorded"]
    lines = [
        f"loss {first} {bars} {last}",
        f"step {pad('0', len(first), right=True)} {' ' * len(bars)} {seen.curve.updates}",
    ]
    if seen.best is not None:
        scale = ", logarithmic scale" if log_suits(seen.losses) else ""
        lines += wrap(f"{seen.lowest}{scale}", width)
    return lines


def _finding(finding: Finding, width: int, unicode: bool) -> Iterator[str]:
    label = finding.code if finding.fails else f"note: {finding.code}"
    yield printable(label, unicode)
    text = printable(finding.message, unicode)
    yield from wrap(text, width, first="  ", rest="  ")
    evidence = sorted(finding.evidence.items())
    parts = [printable(f"{name}={numbers.exact(value)}", unicode) for name, value in evidence]
    yield from fill(parts, width, indent="  ")


def _table(seen: CurveSummary, width: int, unicode: bool) -> list[str]:
    """About eight checkpoints, the lowest among them, with what the step before each showed."""
    steps = seen.curve.steps
    if not seen.steps or not steps:
        return []
    count = len(seen.steps)
    most = min(TABLE_ROWS, count)
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


def _numbers(
    result: ConvergenceResult, record: TrainingRecord, seen: CurveSummary
) -> Iterator[tuple[str, str]]:
    """What was measured beside the curve, as pairs of a name and a text."""
    rates = seen.curve.learning_rate
    yield "expected", _expected(result)
    if rates and len(set(rates)) == 1:
        yield "learning rate", numbers.number(rates[0])
    if record.probe_rows:
        where = "the first and last loss; between them a fixed part" if seen.partial else "the loss"
        yield "probe set", f"{record.probe_rows} rows for {where}"
    else:
        yield "probe set", "none; the loss is the median of neighbouring batches"
    if seen.curve.inference_loss is not None:
        yield "inference loss", _inference(seen.curve.inference_loss, seen.last)
    if record.predicted_loss is not None:
        text = f"{numbers.loss(record.predicted_loss)} recomputed from predict()"
        if record.reported_loss is not None:
            text += f", {numbers.loss(record.reported_loss)} reported by Keras"
        yield "loss function", f"{record.loss_name}: {text}"
    if record.regularisation:
        yield "regularisation", f"{numbers.loss(record.regularisation)} of the loss"
    if record.metrics:
        metrics = sorted(record.metrics.items())
        yield "metrics", ", ".join(f"{name} {numbers.loss(value)}" for name, value in metrics)
    if record.skill is not None and record.constant_loss is not None:
        constant = numbers.loss(record.constant_loss)
        skill = numbers.number(record.skill, 3)
        yield "skill", f"{skill}; the best constant prediction has loss {constant}"
    if record.callbacks:
        yield "callbacks", _callbacks(record)
    yield from (("not finite", _nonfinite(item)) for item in record.nonfinite[:MOST_LISTED])
    yield from (("not measured", f"{what} ({error})") for what, error in record.excluded)
    yield "seed", str(record.seed)
    yield "driver", f"{record.driver}: {record.driver_reason}".removesuffix(": ")


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


def _compared(result: ConvergenceResult, width: int, unicode: bool) -> list[str]:
    """The comparison with the baseline, a fact a line."""
    if result.baseline is None:
        return []
    return _facts(list(baseline_comparison.facts(result.baseline)), width, unicode)


def _starts(runs: Sequence[Run], width: int) -> list[str]:
    if len(runs) < 2:
        return []
    lines = [starts_passed(runs)]
    # Failed starts first, so that none hides behind many that passed.
    ordered = sorted(runs, key=lambda run: run.passed)
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
