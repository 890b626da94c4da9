"""The message of a failed convergence test: few lines, of which the first stands alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_converge.core import numbers
from pytest_converge.core.diagnosis import Diagnosis
from pytest_converge.core.finding import Finding
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.report import baseline_comparison
from pytest_converge.report import diagnosis as words
from pytest_converge.report.curve_summary import starts_passed, summarised
from pytest_converge.report.layout import (
    cell_width,
    code_lines,
    command_line,
    cut,
    fill,
    one_line,
    wrap,
    wrap_at_most,
)

__all__ = ["failure_message", "headline", "short_forms"]

#: Continuous integration prints the whole message again in its short summary.
MOST_LINES = 7
#: The most lines that the sentence about the cause and the code to paste take.
MOST_SENTENCE, MOST_CODE = 2, 3
WIDTH = 80
#: The message leaves through an exception, where the encoding of the terminal is not known.
MARK = "..."
INDENT = "  "


def failure_message(result: ConvergenceResult, *, reproduce: str) -> str:
    """The cause and what happened, what repairs it with the proof, and how to run it again.

    At most seven lines of at most 80 cells, the first of which stands alone: a short summary
    shows no more of it. Code and the command may be longer, since they are there to be pasted.
    What has no room is in the report section.

    Args:
        result: a result of which a start failed; the first failing finding gives the first line.
        reproduce: the command that runs this test again, which becomes the last line, never
            broken; an empty one leaves the line out.
    """
    failing = [finding for finding in result.findings if finding.fails]
    first = _first(result, failing[:1])
    command = [f"reproduce: {command_line(reproduce)}"] if reproduce else []
    room = MOST_LINES - len(first) - len(command)
    sentences = _sentences(result)
    least = len(sentences)
    fix = _fix(result.diagnosis, room - least)
    # The one that matters most comes first, and takes what room is left.
    proof = _proof(result.diagnosis, sentences) if len(fix) < 2 else []
    compared = _comparison(result)
    course = _course(result, [*first, *sentences])
    kept: list[list[str]] = []
    for lines in (fix, proof, course, compared):
        kept.append(lines[: max(room - least - sum(map(len, kept)), 0)])
    fix, proof, course, compared = kept
    room -= sum(map(len, kept))
    cause = _wrapped(sentences, room)
    others = [text for finding in failing[1:] if (text := one_line(finding.message))]
    also = _others(others, room - len(cause))
    return "\n".join([*first, *cause, *fix, *proof, *also, *compared, *course, *command])


def short_forms(finding: Finding) -> Iterator[str]:
    """What happened in few words, from its numbers; nothing where only its sentence knows."""
    values = {
        name: value for name, value in finding.evidence.items() if isinstance(value, float | int)
    }
    if finding.code == "target-missed" and {"final_loss", "max_loss"} <= values.keys():
        last, highest = values["final_loss"], values["max_loss"]
        bound = numbers.beyond(highest, last, numbers.number)
        yield f"loss {numbers.beyond(last, highest)} > max_loss={bound}"
    elif finding.code == "skill-too-low" and {"skill", "min_skill"} <= values.keys():
        skill, least = values["skill"], values["min_skill"]
        bound = numbers.beyond(least, skill, numbers.number)
        yield f"skill {numbers.beyond(skill, least, numbers.number)} < min_skill={bound}"


def headline(result: ConvergenceResult) -> str:
    """What became of a training, in a line: of a failed one the first of its message.

    Args:
        result: passed or failed.
    """
    if result.passed:
        return f"converged: loss {summarised(result.curve).ends}"
    return _first(result, [finding for finding in result.findings if finding.fails][:1])[0]


def _first(result: ConvergenceResult, failing: Sequence[Finding]) -> list[str]:
    """The cause, else the gate, and what happened; one more line for what has to be left out."""
    head = words.verdict(result) if failing else "did not converge"
    head += f", training {result.number}" if result.number > 1 else ""
    if failing:
        whole = one_line(failing[0].message)
        short = whole.partition(" (")[0]
        whats = [*short_forms(failing[0]), whole, short, short.partition(" up to step ")[0]]
    else:
        whats = [_last(result)]
    texts = [f"{head}: {what}" for what in whats]
    fitting = [text for text in texts if cell_width(text) <= WIDTH]
    if fitting:
        return fitting[:1]
    text = texts[0]
    begin = wrap(text, WIDTH - len(MARK) - 1)[0]
    rest = f"{INDENT}{MARK} {text[len(begin) :].lstrip()}"
    return [f"{begin} {MARK}", cut(rest, WIDTH, mark=MARK)]


def _sentences(result: ConvergenceResult) -> list[str]:
    """What was seen of each cause, or that none was found."""
    diagnosis = result.diagnosis
    if diagnosis is None:
        return []
    # Each with its code, of which the first line has but one; more than two leave no room.
    texts = [one_line(text) for text in words.sentences(result, diagnosis)[:2]]
    alone = len(diagnosis.causes) < 2
    return [text.removeprefix(f"{diagnosis.cause}: ") if alone else text for text in texts]


def _wrapped(sentences: Sequence[str], room: int) -> list[str]:
    """A single sentence in two lines where there is room, several in one each."""
    most = min(MOST_SENTENCE, room) if len(sentences) == 1 else 1
    return [
        line
        for text in sentences
        for line in wrap_at_most(text, WIDTH, max(most, 1), mark=MARK, rest=INDENT)
    ]


def _fix(diagnosis: Diagnosis | None, room: int) -> list[str]:
    """The code of the repair: beside its label, or below a label that carries its proof."""
    if diagnosis is None or not diagnosis.fix.strip():
        return []
    label = words.fix_label(diagnosis)
    lines = code_lines(diagnosis.fix, WIDTH - len(INDENT))
    if len(lines) == 1 and cell_width(f"{label}: {lines[0]}") <= WIDTH:
        return [f"{label}: {lines[0]}"]
    trial = words.proof(diagnosis)
    label += f" ({words.outcome(trial)})" if trial is not None else ""
    most = max(min(MOST_CODE, room - 1), 1)
    if len(lines) > most:
        left_out = numbers.counted(len(lines) - most + 1, "more line")
        lines = [*lines[: most - 1], f"# {left_out} in the report section"]
    return [f"{label}:", *(INDENT + line for line in lines)]


def _proof(diagnosis: Diagnosis | None, sentences: Sequence[str]) -> list[str]:
    """On how many seeds the repair passed, or below which loss no run went."""
    if diagnosis is None:
        return []
    trial = words.proof(diagnosis)
    said = " ".join(sentences)
    if trial is not None:
        change = one_line(trial.change)
        name = "" if change in said else f"{change}, "
        return [cut(f"proof: {name}{words.outcome(trial)}", WIDTH, mark=MARK)]
    if diagnosis.floor is not None and numbers.loss(diagnosis.floor) not in said:
        return [cut(f"floor: no run went below {numbers.loss(diagnosis.floor)}", WIDTH, mark=MARK)]
    return []


def _others(messages: Sequence[str], room: int) -> list[str]:
    """What else failed: whole sentences where they fit, else a line each, else a count."""
    if room < 1:
        return []
    wrapped = [line for text in messages for line in wrap(f"also: {text}", WIDTH, rest=INDENT)]
    if len(wrapped) <= room:
        return wrapped
    shown = messages if len(messages) <= room else messages[: room - 1]
    lines = [cut(f"also: {message}", WIDTH, mark=MARK) for message in shown]
    if len(shown) < len(messages):
        lines.append(f"also: {len(messages) - len(shown)} more, listed in the report section")
    return lines


def _course(result: ConvergenceResult, above: Sequence[str]) -> list[str]:
    """From which loss to which, in how many steps and how; nothing that stands above."""
    seen = summarised(result.curve)
    updates, asked = seen.curve.updates, result.expectation.steps
    steps = seen.done if updates >= asked else f"{updates} of {asked} steps"
    by = result.shown_run.record.stopped_by
    parts = [f"loss {seen.ends} in {steps}", *([f"ended by {by}"] if by else [])]
    parts += [passed] if (passed := starts_passed(result.runs)) else []
    rates = seen.curve.learning_rate
    if rates:
        ends = (numbers.number(rates[0]), numbers.number(rates[-1]))
        rate = f"learning rate {numbers.change(*ends)}"
        parts += [] if rate in " ".join(above) else [rate]
    return fill([*map(one_line, parts)], WIDTH)[:1]


def _comparison(result: ConvergenceResult) -> list[str]:
    """The numbers of a comparison with the baseline, a line each."""
    codes = [finding.code for finding in result.findings[:1]]
    if result.baseline is None or codes != ["worse-than-baseline"]:
        return []
    lines = baseline_comparison.message_parts(result.baseline)
    return [cut(f"{INDENT}{one_line(line)}", WIDTH, mark=MARK) for line in lines]


def _last(result: ConvergenceResult) -> str:
    """For a result without a failing finding: a gate that said nothing still has its numbers."""
    seen = summarised(result.curve)
    return f"loss {numbers.loss(seen.last)} after {seen.done}"
