"""Proposed bounds as a table, and as a marker to paste."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from pytest_converge.core import numbers
from pytest_converge.core.calibration import ENOUGH_POWER, Calibration, Candidate, LossBound
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.numbers import listed
from pytest_converge.report.layout import code_lines, wrap
from pytest_converge.report.table import Column, Table

__all__ = ["calibration_lines"]

#: Shorter names of changes, so that a title is no wider than its column.
SHORTER = (
    ("learning rate x ", "rate x"),
    ("first layer frozen", "frozen"),
    ("5 % label noise", "noise"),
    ("activation removed", "linear"),
)
#: Arguments that the marker leaves to the test: its seed is derived from its name.
LEFT_TO_THE_TEST = frozenset({"seed"})


def calibration_lines(study: Calibration, width: int, unicode: bool) -> list[str]:
    """The lines about one training, none wider than `width` cells."""
    starts = numbers.counted(len(study.candidates[0].losses), "start")
    number = f" of training {study.training}" if study.training > 1 else ""
    head = f"calibration{number}: {starts} without a change, and how many with one max_loss fails"
    lines = [*wrap(head, width), *_table(study, width, unicode)]
    if study.proposal is not None:
        lines += code_lines(marker_code(study.proposal), width, unicode=unicode)
    for text in _sentences(study):
        lines += wrap(text, width)
    return lines


def marker_code(expectation: Expectation) -> str:
    """The marker that states an expectation, with what differs from the defaults."""
    stated = [
        f"{field.name}={_literal(getattr(expectation, field.name))}"
        for field in dataclasses.fields(expectation)
        if field.name not in LEFT_TO_THE_TEST
        and (field.name == "steps" or getattr(expectation, field.name) != _default(field))
    ]
    return f"@pytest.mark.converges({', '.join(stated)})"


def _default(field: dataclasses.Field[object]) -> object:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _literal(value: object) -> str:
    return numbers.number(value) if isinstance(value, float) else repr(value)


def _table(study: Calibration, width: int, unicode: bool) -> list[str]:
    """A row a number of steps; the last changes give way first."""
    changes = list(dict.fromkeys(name for each in study.candidates for name in each.power))
    titles = ["", "steps", "max_loss", "false alarms", *map(_short, changes)]
    last = len(titles)
    columns = [
        Column(title=title, right=True, gives_way=last - i if i > 2 else 0)
        for i, title in enumerate(titles)
    ]
    rows = [_row(each, changes, study.chosen) for each in study.candidates]
    return Table.of(columns, rows).lines(width, unicode)


def _row(candidate: Candidate, changes: Sequence[str], chosen: int) -> list[str]:
    mark = "*" if candidate.steps == chosen else ""
    bound = candidate.bound
    if bound is None:
        return [mark, str(candidate.steps), "none", "", *("" for _ in changes)]
    power = [candidate.power.get(change) for change in changes]
    shares = ["" if share is None else numbers.share(share) for share in power]
    return [mark, str(candidate.steps), numbers.number(bound.max_loss), _alarm(bound), *shares]


def _alarm(bound: LossBound) -> str:
    if bound.basis == "largest":
        return f"< {numbers.share(bound.ceiling)}"
    return "< 0.01 %" if bound.false_alarm < 1e-4 else _rate(bound.false_alarm)


def _rate(share: float) -> str:
    """A small share in percent with one digit, as it is no more than an estimate."""
    return f"{numbers.number(100 * share, 1)} %"


def _short(change: str) -> str:
    for text, by in SHORTER:
        change = change.replace(text, by)
    return change


def _sentences(study: Calibration) -> Iterator[str]:
    choice = study.choice
    if choice is None or choice.bound is None:
        yield _why_nothing(study)
    else:
        yield _false_alarms(choice.bound, study.proposal)
        if study.target and choice.power[study.target] < ENOUGH_POWER:
            most = max(study.candidates, key=lambda each: each.power.get(study.target, 0.0))
            share = numbers.share(most.power[study.target])
            yield (
                f"no bound sees {study.target} in {numbers.share(ENOUGH_POWER)} of the runs, the "
                f"most is {share} at {most.steps} steps: baseline=True compares whole curves"
            )
    if study.present is not None:
        yield f"as it is, the test fails {numbers.share(study.present)} of these starts"
    for each in study.candidates:
        if each.red:
            share, gates = numbers.share(each.red), listed(each.gates)
            yield f"{each.steps} steps: {share} of these starts fail all the same by {gates}"
    for change, reason in study.excluded:
        yield f"without {change}: {reason}"
    if study.left_out:
        left = ", ".join(study.left_out)
        yield f"no time for {left}: {numbers.seconds(study.budget)} were spent"


def _why_nothing(study: Calibration) -> str:
    if any(each.red for each in study.candidates):
        return "nothing to propose: with every bound unchanged starts fail by another gate"
    return "nothing to propose: starts that are not finite, or as good as untrained"


def _false_alarms(bound: LossBound, proposal: Expectation | None) -> str:
    """The rates of the bound for a test with as many seeds as the proposal has."""
    seeds = 1 if proposal is None else proposal.seeds
    starts = round(1 / bound.ceiling) - 1
    ceiling = numbers.share(seeds / (starts + seeds))
    who = "a fresh start exceeds" if seeds == 1 else f"one of {seeds} fresh starts exceeds"
    if bound.basis == "largest":
        return f"{who} max_loss in at most {ceiling} of cases"
    rate = _rate(min(1.0, seeds * bound.false_alarm))
    return (
        f"{who} max_loss in about {rate} of cases, whatever its distribution in at most {ceiling}"
    )
