"""What a test notices, as a table: each change for the worse and how often the test turned red."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from pytest_converge.core import numbers
from pytest_converge.core.sensitivity import HARM, Sensitivity, TriedMutation
from pytest_converge.report.layout import cell_width, pad, printable, wrap
from pytest_converge.report.table import GAP, Column, Table

__all__ = ["sensitivity_lines"]

#: Cells in which the code of a gate can still be guessed; with fewer its column gives way.
FEWEST_CELLS = 8
#: An effect is told in percent up to this ratio, else as a factor.
MOST_PERCENT = 10.0


def sensitivity_lines(study: Sensitivity, width: int, unicode: bool) -> list[str]:
    """The lines about one training, none wider than `width` cells."""
    lines = [*wrap(_head(study), width), *_table(study, width, unicode)]
    for text in _sentences(study):
        lines += wrap(printable(text, unicode), width)
    return lines


def effect_text(effect: float | None) -> str:
    """A ratio minus one as `+29 %`, a large one as `x 240`, `x 3e6`; empty for none."""
    if effect is None:
        return ""
    if effect > MOST_PERCENT:
        return f"x {numbers.number(float(f'{effect + 1:.2g}'), 6)}"
    return f"{effect * 100:+.0f} %"


def _head(study: Sensitivity) -> str:
    loss = numbers.loss(statistics.median(study.losses))
    starts = numbers.counted(len(study.losses), "start")
    number = f" of training {study.training}" if study.training > 1 else ""
    gate = ", with its baseline" if study.baseline else ""
    return f"power{number}: final loss {loss} over {starts}{gate}"


def _table(study: Sensitivity, width: int, unicode: bool) -> Iterator[str]:
    """A row a change; what was not made has its reason in the place of the numbers."""
    size = max([len("change"), *(cell_width(each.change) for each in study.mutations)])
    columns = (
        Column(title=pad("change", size)),
        Column(title="final loss", right=True),
        Column(title="red"),
        Column(title="by", gives_way=1, least=FEWEST_CELLS),
    )
    made = [each for each in study.mutations if each.judged]
    rows = [
        (printable(each.change, unicode), _effect(each), _red(each), ", ".join(each.gates))
        for each in made
    ]
    yield from Table.of(columns, rows).lines(width, unicode)
    for each in study.mutations:
        if not each.judged:
            reason = printable(each.reason, unicode)
            lead = pad(each.change, size) + " " * GAP
            yield from wrap(reason, width, first=lead, rest=" " * min(len(lead), width // 2))


def _effect(mutation: TriedMutation) -> str:
    """The effect, or where it is no ratio the loss itself."""
    if mutation.effect is None and mutation.losses:
        return numbers.loss(statistics.median_high(mutation.losses))
    return effect_text(mutation.effect)


def _red(mutation: TriedMutation) -> str:
    return f"{mutation.red} of {mutation.judged}"


def _sentences(study: Sensitivity) -> Iterator[str]:
    smallest = study.smallest
    made = [each for each in study.mutations if each.judged]
    if smallest is not None:
        effect = effect_text(smallest.effect)
        yield f"smallest change seen: {smallest.change}" + (f" ({effect})" if effect else "")
    unseen = study.largest_unseen
    if unseen is not None:
        yield f"largest change not seen: {unseen.change} ({effect_text(unseen.effect)})"
    if study.blind:
        yield f"blind: sees none of {numbers.counted(len(made), 'change')} every time"
        yield _advice(study)
    elif smallest is None and made:
        yield f"no change did harm: none raised the final loss by {numbers.share(HARM)}"
    if study.red:
        times = numbers.counted(study.red, "time")
        yield f"red {times} without any change: the verdict depends on the seed"
    if study.alone:
        yield f"one start: {study.alone}"
    if study.left_out:
        left = ", ".join(study.left_out)
        yield f"no time for {left}: {numbers.seconds(study.budget)} were spent"


def _advice(study: Sensitivity) -> str:
    if study.baseline:
        return "see --converge-calibrate for other steps, or lower --converge-tolerance"
    return "add baseline=True, or a tighter max_loss as --converge-calibrate proposes"
