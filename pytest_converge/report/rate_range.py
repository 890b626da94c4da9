"""The range of learning rates as a table: a row a training, and what follows from them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from pytest_converge.core import numbers
from pytest_converge.core.rate_range import RatePoint, RateRange, bracket_text, failure
from pytest_converge.report.layout import cut, ellipsis
from pytest_converge.report.table import Column, Table, fact_lines

__all__ = ["rate_range_lines"]

#: Cells of the bar beside the loss.
BAR = 16
#: The loss that fills it, in initial losses, where there are higher ones.
HIGHEST_BAR = 2.0
COLUMNS = (
    Column(title="learning rate", right=True),
    Column(title="final loss", right=True),
    Column(title="", gives_way=1),
    Column(title="steps", right=True, gives_way=2),
    Column(title="outcome"),
)


def rate_range_lines(study: RateRange, width: int, unicode: bool) -> list[str]:
    """The lines of a range, each at most `width` cells wide where that is 30 or more."""
    head = failure(study).split("\n")[0] if study.margin is not None else _verdict(study)
    lines = [cut(f"learning_rate.range: {head}", width, mark=ellipsis(unicode))]
    lines += _table(study, width, unicode)
    return lines + fact_lines(list(_facts(study)), width)


def _verdict(study: RateRange) -> str:
    own = numbers.rate(study.own)
    if study.bracket is None:
        return "no rate passes"
    verb = "passes" if study.own_point.passed else "fails"
    return f"{own} {verb}; passing from {numbers.rate(study.bracket[0])} to {_top(study)}"


def _top(study: RateRange) -> str:
    return numbers.rate(study.bracket[1]) if study.bracket else ""


def _table(study: RateRange, width: int, unicode: bool) -> list[str]:
    rows = []
    points = [(point, point.learning_rate == study.own_point.learning_rate, "")
              for point in study.points]  # fmt: skip
    points += [(s.point, False, s.name) for s in study.schedules]
    # A loss far above its start says no more than one a little above it.
    most = HIGHEST_BAR * study.initial_loss
    losses = [min(p.final_loss, most) if most > 0 else p.final_loss for p, _, _ in points]
    for point, own, name in points:
        rate = ("> " if own else "") + numbers.rate(point.learning_rate)
        outcome = _outcome(point)
        if name:
            outcome = f"{name}: {outcome}"
        bar = _bar(point.final_loss, losses, unicode)
        rows.append([rate, numbers.loss(point.final_loss), bar, str(point.steps), outcome])
    return Table.of(COLUMNS, rows).lines(width, unicode)


def _outcome(point: RatePoint) -> str:
    if point.passed:
        return "passed"
    parts = [point.finding] if point.finding else []
    parts += ["diverged"] if point.diverged and point.finding != "nonfinite-loss" else []
    parts += [] if point.complete else ["broken off"]
    return ", ".join(parts) or "failed"


def _bar(loss: float, losses: Sequence[float], unicode: bool) -> str:
    """A bar from the lowest to the highest loss, on a logarithmic scale where there is one."""
    finite = [value for value in losses if math.isfinite(value)]
    if not math.isfinite(loss) or not finite:
        return ""
    low, high = min(finite), max(finite)
    loss = min(loss, high)
    if low > 0:
        low, high, loss = math.log(low), math.log(high), math.log(loss)
    share = (loss - low) / (high - low) if high > low else 0.0
    return ("█" if unicode else "#") * (1 + round(share * (BAR - 1)))


def _facts(study: RateRange) -> Iterator[tuple[str, str]]:
    yield "passing", bracket_text(study)
    for stretch in study.islands:
        yield "also", f"{numbers.rate(stretch[0])} to {numbers.rate(stretch[1])}, apart from these"
    yield "own", _position(study)
    if study.best is not None:
        best = study.best
        yield (
            "lowest",
            f"loss {numbers.loss(best.final_loss)} at {numbers.rate(best.learning_rate)}",
        )
    yield "diverges", _divergence(study)
    if study.proposed is not None and (study.margin or not study.own_point.passed):
        yield "fix", f"learning rate {numbers.rate(study.proposed)}"
    bound = "" if study.max_loss is None else f", loss at most {numbers.number(study.max_loss)}"
    trainings = numbers.counted(len(study.points) + len(study.schedules), "training")
    yield "expected", f"{numbers.counted(study.steps, 'step')}{bound}"
    yield "time", f"{numbers.seconds(study.seconds)} for {trainings}"


def _position(study: RateRange) -> str:
    name = f"{numbers.rate(study.own)}, the peak of its schedule," if study.scheduled else ""
    own = name or numbers.rate(study.own)
    if study.room is None:
        return f"{own} fails"
    low, high = (numbers.factor(factor) if math.isfinite(factor) else "" for factor in study.room)
    parts = [f"{low} above the lower edge"] if low else []
    parts += [f"{high} below the upper"] if high else []
    return f"{own} passes" + (f", {', '.join(parts)}" if parts else "")


def _divergence(study: RateRange) -> str:
    limit = study.divergence
    top = numbers.rate(study.points[-1].learning_rate)
    text = f"from {numbers.rate(limit)} on" if limit is not None else f"nowhere up to {top}"
    if study.stability_limit is None:
        return text
    return (
        f"{text}; predicted {numbers.rate(study.stability_limit)}, "
        "2 (1 + momentum) / largest Hessian eigenvalue at the start"
    )
