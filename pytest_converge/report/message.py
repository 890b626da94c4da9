"""The message of a failed convergence test: few lines, of which the first stands alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_converge.core import numbers
from pytest_converge.core.diagnosis import Diagnosis, Trial
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
from pytest_converge.report.table import Column, Table

__all__ = ["failure_message"]

#: Continuous integration prints the whole message again in its short summary.
MOST_LINES, MOST_LINES_DIAGNOSED = 8, 12
#: The most lines of a diagnosis that its sentence, code to paste and trials take.
MOST_SENTENCE, MOST_CODE, MOST_TRIALS = 2, 4, 4
#: Lines of the sentences about several causes together.
MOST_OF_SEVERAL = 4
WIDTH = 80
#: The message leaves through an exception, where the encoding of the terminal is not known.
MARK = "..."
INDENT = "  "


def failure_message(result: ConvergenceResult, *, reproduce: str) -> str:
    """What happened, why, what repairs it, the numbers, and how to run it again.

    At most eight lines, with a diagnosis twelve, of at most 80 cells. Code and the command may
    be longer, since they are there to be pasted.

    Args:
        result: a result of which a start failed; the first failing finding gives the first line.
        reproduce: the command that runs this test again, which becomes the last line, never
            broken; an empty one leaves the line out.
    """
    failing = [finding for finding in result.findings if finding.fails]
    prefix = "did not converge: "
    if result.number > 1:
        prefix = f"training {result.number} did not converge: "
    if failing and failing[0].code == "worse-than-baseline":
        # It converged, though not as well as before; the sentence says so by itself.
        prefix = f"training {result.number} " if result.number > 1 else ""
    whats = [one_line(failing[0].message), *_shorter(failing[0])] if failing else [_last(result)]
    others = [one_line(finding.message) for finding in failing[1:]]
    command = [f"reproduce: {command_line(reproduce)}"] if reproduce else []
    if result.diagnosis is None:
        beginning = _first(prefix + whats[0])
        compared = _comparison(result)
        ending = [*compared, *_numbers(result)[: 1 if compared else None], *_starts(result)]
        room = MOST_LINES - len(beginning) - len(ending) - len(command)
        return "\n".join([*beginning, *_others(others, room), *ending, *command])
    texts = [prefix + what for what in whats]
    beginning = _first_and_cause(texts, result.diagnosis, result.final_loss)
    room = MOST_LINES_DIAGNOSED - len(beginning) - len(command)
    return "\n".join([*beginning, *_proof(result, result.diagnosis, others, room), *command])


def _first(text: str) -> list[str]:
    """The first line, and one more for what had to be left out of it."""
    if cell_width(text) <= WIDTH:
        return [text]
    head = wrap(text, WIDTH - len(MARK) - 1)[0]
    return [f"{head} {MARK}", cut(f"{INDENT}{MARK} {text[len(head) :].lstrip()}", WIDTH, mark=MARK)]


def _shorter(finding: Finding) -> Iterator[str]:
    """What happened in fewer words, each time fewer, to leave room for the cause."""
    values = {
        name: numbers.number(value)
        for name, value in finding.evidence.items()
        if isinstance(value, float | int)
    }
    if finding.code == "target-missed" and {"final_loss", "max_loss"} <= values.keys():
        yield f"loss {values['final_loss']} > max_loss={values['max_loss']}"
        yield f"loss {values['final_loss']} > {values['max_loss']}"
    elif finding.code == "skill-too-low" and {"skill", "min_skill"} <= values.keys():
        yield f"skill {values['skill']} < min_skill={values['min_skill']}"
    elif finding.code == "not-decreasing" and {"initial_loss", "final_loss"} <= values.keys():
        yield f"loss {values['initial_loss']} -> {values['final_loss']}"
    else:
        head = one_line(finding.message).partition(" (")[0]
        yield from (head, head.removeprefix("the "), head.partition(" up to step ")[0])


def _first_and_cause(texts: Sequence[str], diagnosis: Diagnosis, final_loss: float) -> list[str]:
    """The first line, with the code of the cause where it has room, and the sentence about it."""
    if len(diagnosis.causes) > 1:
        return _several_causes(texts, diagnosis)
    sentence, code = one_line(diagnosis.message), one_line(diagnosis.cause)
    with_code = (f"{text}; cause: {code}" for text in texts)
    fitting = [text for text in with_code if cell_width(text) <= WIDTH]
    if not diagnosis.known:
        first = _first(texts[0])
        sentence = one_line(words.not_found(diagnosis, final_loss))
    elif fitting:
        first, sentence = fitting[:1], f"cause: {sentence or code}"
    else:
        first, sentence = _first(texts[0]), f"cause: {code}: {sentence}".removesuffix(": ")
    # Without code to paste there is room for more words.
    most = MOST_SENTENCE if diagnosis.fix else 2 * MOST_SENTENCE
    return [*first, *wrap_at_most(sentence, WIDTH, most, mark=MARK, rest=INDENT)]


def _several_causes(texts: Sequence[str], diagnosis: Diagnosis) -> list[str]:
    """The first line with the number of causes, and a sentence about each."""
    causes = diagnosis.causes
    counted = (f"{text}; {len(causes)} causes" for text in texts)
    fitting = [text for text in counted if cell_width(text) <= WIDTH]
    lines = fitting[:1] or _first(texts[0])
    most = max(MOST_OF_SEVERAL // len(causes), 1)
    for part in causes:
        sentence = f"cause: {one_line(part.cause)}: {one_line(part.message)}"
        lines += wrap_at_most(sentence, WIDTH, most, mark=MARK, rest=INDENT)
    return lines


def _proof(
    result: ConvergenceResult, diagnosis: Diagnosis, others: list[str], room: int
) -> list[str]:
    """The repair, what was tried and the numbers, in at most `room` lines."""
    fix, rates = _fix(diagnosis), list(_rates(result, diagnosis))
    room -= len(fix) + len(rates)
    # The one that matters most comes first: the last ones give way to the table.
    extras = [
        _others(others, 1),
        _starts(result),
        _numbers(result)[:1],
        _evidence(result, diagnosis),
    ]
    trials = words.all_trials(diagnosis)
    least = min(len(trials) + 1, 4) if trials else 0
    kept: list[list[str]] = []
    for lines in extras:
        fits = sum(map(len, kept)) + len(lines) + least <= room
        kept.append(lines if fits else [])
    also, starts, seen, evidence = kept
    table = _table(trials, room - sum(map(len, kept)))
    return [*evidence, *fix, *table, *rates, *also, *seen, *starts]


def _fix(diagnosis: Diagnosis) -> list[str]:
    """The code of the repair; beside its label where that is one line."""
    if not diagnosis.fix.strip():
        return []
    label = words.fix_label(diagnosis)
    lines = code_lines(diagnosis.fix, WIDTH - len(INDENT))
    if len(lines) == 1 and cell_width(f"{label}: {lines[0]}") <= WIDTH:
        return [f"{label}: {lines[0]}"]
    if len(lines) > MOST_CODE:
        left_out = len(lines) - MOST_CODE + 1
        lines = [*lines[: MOST_CODE - 1], f"# {left_out} more lines in the report section"]
    return [f"{label}:", *(INDENT + line for line in lines)]


def _table(trials: Sequence[Trial], room: int) -> list[str]:
    """What was tried from the same start, in at most `room` lines."""
    if not trials or room < 2:
        return []
    count = min(len(trials), MOST_TRIALS, room - 1)
    if count < len(trials) and count == room - 1:
        count = max(count - 1, 1)
    shown, more = trials[:count], len(trials) - count
    random = not all(trial.deterministic for trial in shown)
    columns = (
        Column(
            title="tried from the same start",
            cells=[f"{INDENT}{one_line(trial.change)}" for trial in shown],
            least=1,
        ),
        Column(title="final loss", cells=[*map(words.own_loss, shown)], right=True),
        Column(
            title="passed" if random else "passed, nothing is random",
            cells=[*map(_passed, shown)],
        ),
    )
    lines = Table(columns=columns).lines(WIDTH, unicode=False)
    if more and len(lines) < room:
        lines.append(f"{INDENT}and {more} more in the report section")
    return lines


def _passed(trial: Trial) -> str:
    text = f"{words.passed_text(trial)} seed{'s' * (trial.seeds != 1)}"
    return text if trial.comparable else f"{text}, in another unit"


def _rates(result: ConvergenceResult, diagnosis: Diagnosis) -> Iterator[str]:
    if diagnosis.bracket is not None:
        rates = words.rates_parts(diagnosis.bracket)
        yield fill([f"learning rate: {rates[0]}", *rates[1:]], WIDTH)[0]
    if diagnosis.floor is not None:
        text = f"floor: {words.floor_text(diagnosis.floor, result.expectation.max_loss)}"
        yield cut(text, WIDTH, mark=MARK)


def _evidence(result: ConvergenceResult, diagnosis: Diagnosis) -> list[str]:
    """Names and numbers that no other line shows, as many as fit into this one."""
    said = {word.strip(".,;:()") for word in diagnosis.message.split()}
    shown = {result.initial_loss, result.final_loss}
    names = dict.fromkeys(diagnosis.where)  # a column may be concerned for two reasons
    parts = [f"also {name}" for name in names if name not in diagnosis.message]
    parts += [
        f"{name}={_rounded(value)}"
        for name, value in diagnosis.evidence.items()
        if value is not None and value not in shown and _rounded(value) not in said
    ]
    return fill([*map(one_line, parts)], WIDTH, indent=INDENT)[:1]


def _rounded(value: float | int | str) -> str:
    return numbers.number(value) if isinstance(value, float) else str(value)


def _others(messages: list[str], room: int) -> list[str]:
    """Whole sentences where they all fit into `room` lines, else a line each, else a count."""
    wrapped = [line for text in messages for line in wrap(f"also: {text}", WIDTH, rest=INDENT)]
    if len(wrapped) <= room:
        return wrapped
    shown = messages if len(messages) <= room else messages[: room - 1]
    lines = [cut(f"also: {message}", WIDTH, mark=MARK) for message in shown]
    if len(shown) < len(messages):
        lines.append(f"also: {len(messages) - len(shown)} more, listed in the report section")
    return lines


def _numbers(result: ConvergenceResult) -> list[str]:
    seen = summarised(result.curve)
    updates, asked = seen.curve.updates, result.expectation.steps
    parts = [f"loss {seen.ends}"]
    if seen.best is not None and seen.best < min(seen.first, seen.last):
        parts.append(seen.lowest)
    by = result.shown_run.record.stopped_by
    ended = f", ended by {by}" if by else ""
    parts.append(seen.done if updates >= asked else f"{updates} of {asked} steps{ended}")
    rates = seen.curve.learning_rate
    if rates:
        parts.append(f"learning rate {numbers.change(*map(numbers.number, (rates[0], rates[-1])))}")
    parts += [seen.norms] if seen.norms else []
    return fill(parts, WIDTH)


def _comparison(result: ConvergenceResult) -> list[str]:
    """The numbers of a comparison with the baseline, a line each."""
    codes = [finding.code for finding in result.findings[:1]]
    if result.baseline is None or codes != ["worse-than-baseline"]:
        return []
    lines = baseline_comparison.message_parts(result.baseline)
    return [cut(f"{INDENT}{one_line(line)}", WIDTH, mark=MARK) for line in lines]


def _starts(result: ConvergenceResult) -> list[str]:
    passed = starts_passed(result.runs)
    seed = result.shown_run.record.seed
    return [f"{passed}; shown is the one with seed {seed}"] if passed else []


def _last(result: ConvergenceResult) -> str:
    """For a result without a failing finding: a gate that said nothing still has its numbers."""
    seen = summarised(result.curve)
    return f"loss {numbers.loss(seen.last)} after {seen.done}"
