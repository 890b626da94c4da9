"""From a call of a verb to its result: trains, judges, and trains other starts."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from pytest_converge.checks.gates import is_ignored, judge
from pytest_converge.core.diagnosis import Diagnosis
from pytest_converge.core.errors import InvalidTrainingError, complaint, shown
from pytest_converge.core.expectation import LARGEST_SEED, Expectation
from pytest_converge.core.finding import Finding
from pytest_converge.core.record import TrainingRecord
from pytest_converge.core.result import ConvergenceResult, Run
from pytest_converge.training.environment import require_tensorflow

if TYPE_CHECKING:
    from pytest_converge.training.run import TrainingRun

__all__ = ["Context", "isolation", "run"]

__tracebackhide__ = True  # errors of a user's own code end at that code

#: A quick diagnosis may take so many seconds, or so many times the training's own.
QUICK_SECONDS, QUICK_TIMES = 10.0, 5.0
#: A full one may take so many times as long.
FULL = 5.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a training needs to know of the test it runs in.

    Attributes:
        test: the id of the test.
        number: which training of its test this is, counted from 1.
        expectation: what is expected; its seed is set.
        hooks: pytest's hook relay, asked for further checks and adapters.
        progress: called with (steps done, steps, latest loss) between parts of the training.
        diagnose: how long to look for the cause of a failure: "quick", "full" or "off".
    """

    test: str
    number: int
    expectation: Expectation
    hooks: Any
    progress: Callable[[int, int, float], None]
    diagnose: str = "off"


@contextlib.contextmanager
def isolation(seed: int) -> Iterator[None]:
    """Seeds all random state for a test and puts it back afterwards.

    Raises:
        InvalidTrainingError: TensorFlow is missing or too old, or Keras has another backend.
    """
    require_tensorflow()
    from pytest_converge.training.seeding import preserved, seed_everything

    with preserved():
        seed_everything(seed)
        yield


def run(context: Context, verb: str, arguments: dict[str, Any]) -> ConvergenceResult:
    """Trains as the verb was asked to, from every start, and judges each.

    Args:
        context: the test.
        verb: "fit", "minimize" or "step".
        arguments: what the verb was called with, apart from the expectation.

    Raises:
        InvalidTrainingError: the training cannot be run or judged as asked.
    """
    from pytest_converge.training.adapters import build_training
    from pytest_converge.training.run import TrainingRun
    from pytest_converge.training.seeding import preserved, seed_everything

    expectation = context.expectation
    base = expectation.seed or 0

    def adapt(model: Any, x: Any, y: Any) -> Any:
        return context.hooks.pytest_converge_adapt(model=model, x=x, y=y)

    with preserved():
        seed_everything(base)
        training = build_training(verb, arguments, expectation, base, adapt)
        try:
            running = TrainingRun(training, expectation.steps, context.progress)
            runs = [_judged(context, running.run(base))]
            diagnosis = _diagnosis(context, running, runs[0])
            for number in range(1, expectation.seeds):
                seed = (base + number) % (LARGEST_SEED + 1)
                runs.append(_judged(context, running.run_from(seed)))
        finally:
            training.release()
    return ConvergenceResult(
        test=context.test,
        verb=verb,
        number=context.number,
        expectation=expectation,
        runs=tuple(runs),
        diagnosis=diagnosis,
    )


def _diagnosis(context: Context, running: TrainingRun, run: Run) -> Diagnosis | None:
    """Why the first start failed; its end state is put back afterwards."""
    if run.passed or context.diagnose == "off":
        return None
    from pytest_converge.diagnosis.procedure import diagnose

    seconds = max(QUICK_SECONDS, QUICK_TIMES * run.record.seconds)
    trained = running.training.snapshot()
    try:
        return diagnose(
            running,
            run.record,
            context.expectation,
            budget=seconds * (FULL if context.diagnose == "full" else 1.0),
            progress=context.progress,
        )
    finally:
        trained.restore()


def _judged(context: Context, record: TrainingRecord) -> Run:
    findings = [*judge(record, context.expectation), *_from_hooks(context, record)]
    return Run(record=record, findings=tuple(findings))


def _from_hooks(context: Context, record: TrainingRecord) -> Iterator[Finding]:
    answers = context.hooks.pytest_converge_check(record=record, expectation=context.expectation)
    for answer in answers:
        for finding in answer if isinstance(answer, (list, tuple)) else [answer]:
            if not isinstance(finding, Finding):
                remedy = "Return pytest_converge.Finding(code=..., message=...), or None."
                given = f"{shown(finding)} from pytest_converge_check"
                raise InvalidTrainingError(complaint(given, "a Finding", remedy))
            if not is_ignored(finding, context.expectation):
                yield finding
