"""From a call of a verb to its result: trains, judges, and trains other starts."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pytest_converge.baselines.session.connection import Connection, connect, is_gated
from pytest_converge.baselines.session.repairs import RepairGate
from pytest_converge.checks.decrease import RISEN
from pytest_converge.checks.gates import is_ignored, judge
from pytest_converge.checks.truth import NEGATIVE
from pytest_converge.core.baseline import BaselinePolicy, BaselineReport
from pytest_converge.core.calibration import Calibration
from pytest_converge.core.calls import Call
from pytest_converge.core.curve import LossSurface, SurfaceMode
from pytest_converge.core.diagnosis import Diagnosis, DiagnosisMode
from pytest_converge.core.errors import invalid, shown
from pytest_converge.core.expectation import LARGEST_SEED, Expectation
from pytest_converge.core.finding import Finding
from pytest_converge.core.guard import Guard
from pytest_converge.core.record import TrainingRecord
from pytest_converge.core.result import ConvergenceResult, Run
from pytest_converge.core.sensitivity import Sensitivity
from pytest_converge.core.study import Study
from pytest_converge.test_quality.calibration import calibration_of
from pytest_converge.test_quality.power import sensitivity_of
from pytest_converge.training.loop.time_limit import TimeLimit
from pytest_converge.training.state.environment import require_tensorflow

if TYPE_CHECKING:
    from pytest_converge.training.loop.run import TrainingRun
    from pytest_converge.training.training import Training

__all__ = ["Context", "isolation", "judged", "run", "seeded_training", "with_length"]

#: A quick diagnosis may take so many seconds, or so many times the training's own.
QUICK_SECONDS, QUICK_TIMES = 10.0, 8.0
#: A training that broke off counts as so many times as long at most: its first steps hold a trace.
MOST_STRETCHED = 3.0
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
        baseline: what is done with recorded baselines; None leaves them alone.
        power: whether to measure which changes for the worse the test notices.
        calibrate: whether to propose a number of steps and a bound on the loss.
        keep: receives what was measured so.
        surface: of which trainings somebody wants to see the loss around the path or the end of the
            first start: "all", "failed" or "off".
        scales: somebody wants to see the scale of the inputs also of a training that passes.
        steps: the number of updates where the call itself gives it; what a marker says, `epochs`
            in the call override.
        timeout: seconds that the training may take from each start; None for no limit.
    """

    test: str
    number: int
    expectation: Expectation
    hooks: Any
    progress: Callable[[int, int, float], None]
    diagnose: DiagnosisMode = "off"
    baseline: BaselinePolicy | None = None
    power: bool = False
    calibrate: bool = False
    keep: Callable[[Study], None] = lambda study: None
    surface: SurfaceMode = "off"
    scales: bool = False
    steps: int | None = None
    timeout: float | None = None


@contextlib.contextmanager
def isolation(seed: int) -> Iterator[None]:
    """Seeds all random state for a test and puts it back afterwards.

    Raises:
        InvalidTrainingError: TensorFlow is missing or too old, or Keras has another backend.
    """
    require_tensorflow()
    from pytest_converge.training.state.seeding import preserved, seed_everything

    with preserved():
        seed_everything(seed)
        yield


def run(context: Context, call: Call) -> ConvergenceResult:
    """Trains as the verb was asked to, from every start, and judges each.

    Args:
        context: the test.
        call: of the verb.

    Raises:
        InvalidTrainingError: the training cannot be run or judged as asked.
    """
    from pytest_converge.training.adapters.build import check_builder
    from pytest_converge.training.keras_internals import outside_of_graphs
    from pytest_converge.training.state.seeding import preserved

    context = with_length(context, call)
    limit = None if context.timeout is None else TimeLimit(context.timeout)
    gated = context.baseline is not None and is_gated(context.baseline, context.expectation, call)
    if context.calibrate:
        check_builder(call, "--converge-calibrate")
    with outside_of_graphs(), preserved():
        training = seeded_training(context, call)
        try:
            connection = _connection(context, call, training) if gated else None
            runs, diagnosis, baseline, surface = _trained(context, training, connection, limit)
            environment = training.environment()
        finally:
            training.release()
    return ConvergenceResult(
        test=context.test,
        verb=call.verb,
        number=context.number,
        expectation=context.expectation,
        runs=tuple(runs),
        diagnosis=diagnosis,
        baseline=baseline,
        surface=surface,
        environment=environment,
    )


def _trained(
    context: Context,
    training: Training,
    connection: Connection | None,
    limit: TimeLimit | None,
) -> tuple[list[Run], Diagnosis | None, BaselineReport | None, LossSurface | None]:
    """The runs from every start, why the first that failed did, and what was seen beside them."""
    from pytest_converge.training.loop.run import TrainingRun
    from pytest_converge.training.state.seeding import reseed

    base, steps = context.expectation.seed or 0, context.expectation.steps
    # So that a layer more or less in the model changes nothing that is drawn from here on.
    reseed(base)
    running = TrainingRun(training, steps, context.progress)
    if connection is not None:
        connection.check(running)
    with running.limited(limit):
        first = _settled(context, running, running.run(base))
    runs = [judged(context, first, training)]
    surface = _surface(context, running, runs[0])
    repaired = None if connection is None else connection.gate_of(running)
    diagnosis = _diagnosis(context, running, runs[0], repaired)
    for number in range(1, context.expectation.seeds):
        seed = (base + number) % (LARGEST_SEED + 1)
        with running.limited(limit and limit.anew()):
            record = _settled(context, running, running.run_from(seed))
        runs.append(judged(context, record, training))
        diagnosis = diagnosis or _diagnosis(context, running, runs[-1])
    baseline: BaselineReport | None = None
    if connection is not None and (connection.always or all(run.passed for run in runs)):
        baseline, runs[0] = _compared(context, connection, running, runs)
    if context.scales or not all(run.passed for run in runs):
        runs[0] = _with_scales(training, runs[0])
    _study(context, running, runs, connection)
    return runs, diagnosis, baseline, surface


def with_length(context: Context, call: Call) -> Context:
    """The context with the number of updates that the call asks for, where it does in epochs.

    Args:
        context: the test.
        call: of the verb.

    Raises:
        InvalidTrainingError: the length cannot be told, or the call contradicts itself.
    """
    from pytest_converge.training.adapters.length import updates_of

    updates = updates_of(call, context.steps)
    if updates is None:
        return context
    expectation = dataclasses.replace(context.expectation, steps=updates)
    return dataclasses.replace(context, expectation=expectation)


def seeded_training(context: Context, call: Call) -> Training:
    """The training that a verb was called for, from the seed of the test.

    Args:
        context: the test.
        call: of the verb.

    Raises:
        InvalidTrainingError: the arguments make no training.
    """
    from pytest_converge.training.adapters.build import build_training
    from pytest_converge.training.state.seeding import seed_everything

    base = context.expectation.seed or 0

    def adapt(model: Any, x: Any, y: Any) -> Any:
        return context.hooks.pytest_converge_adapt(model=model, x=x, y=y)

    seed_everything(base)
    return build_training(call, context.expectation, base, adapt)


def _settled(context: Context, running: TrainingRun, record: TrainingRecord) -> TrainingRecord:
    """The run as the whole probe set shows it, where a rise on a part of it is all that fails.

    Recorded runs are compared with runs that were measured alike: under a baseline it stays.
    """
    failing = {each.code for each in judge(record, context.expectation) if each.fails}
    if context.baseline is not None or failing != {RISEN}:
        return record
    from pytest_converge.training.loop.whole_probes import seen_on_whole

    return seen_on_whole(running, record) or record


def _study(
    context: Context, running: TrainingRun, runs: Sequence[Run], connection: Connection | None
) -> None:
    """What was asked for beside the verdict: bounds that suit the training, what the test sees."""
    made: list[Calibration | Sensitivity] = []
    if context.calibrate:
        first, expectation = runs[0].record, context.expectation
        expecting = functools.partial(_judged_by, context)
        made.append(
            calibration_of(running, first, expectation, expecting, progress=context.progress)
        )
    if context.power and all(run.passed for run in runs):
        repaired = None if connection is None else connection.gate_of(running)
        gate = None if repaired is None else repaired.code
        judge_ = functools.partial(judged, context)
        made.append(sensitivity_of(running, runs, judge_, gate=gate, progress=context.progress))
    for study in made:
        context.keep(dataclasses.replace(study, test=context.test, training=context.number))


def _judged_by(context: Context, record: TrainingRecord, expectation: Expectation) -> Run:
    """The record as a test that expects something else would judge it."""
    return judged(dataclasses.replace(context, expectation=expectation), record)


def _connection(context: Context, call: Call, training: Training) -> Connection | None:
    policy = context.baseline
    if policy is None:
        return None
    return connect(policy, context.test, context.number, context.expectation, call, training)


def _compared(
    context: Context, connection: Connection, running: TrainingRun, runs: Sequence[Run]
) -> tuple[BaselineReport, Run]:
    """What became of the baseline, and the first start with what there is to say of it."""
    report, finding = connection.settle(running, [run.record for run in runs])
    if finding is None or is_ignored(finding, context.expectation):
        return report, runs[0]
    return report, dataclasses.replace(runs[0], findings=(*runs[0].findings, finding))


def _diagnosis(
    context: Context, running: TrainingRun, run: Run, baseline: RepairGate | None = None
) -> Diagnosis | None:
    """Why the latest start failed; its end state is put back afterwards.

    A training that makes no update is its own finding: no change of it would act.

    Args:
        context: the test.
        running: the training.
        run: the latest, judged.
        baseline: what a repair has to satisfy too; of the first start, whose seeds it has.
    """
    if run.passed or context.diagnose == "off":
        return None
    from pytest_converge.diagnosis.diagnose import diagnose, undiagnosed, without_trials
    from pytest_converge.training.measures.computation import makes_optimizers

    if running.training.why_unchanged:
        return undiagnosed(running.training)
    if run.record.never_updated and not makes_optimizers(running.training):
        return without_trials(running, run.record)
    seconds = max(QUICK_SECONDS, QUICK_TIMES * _of_all_steps(run.record, running.steps))
    trained = running.training.snapshot()
    try:
        return diagnose(
            running,
            run.record,
            context.expectation,
            budget=seconds * (FULL if context.diagnose == "full" else 1.0),
            progress=context.progress,
            baseline=baseline,
        )
    finally:
        trained.restore()


def _of_all_steps(record: TrainingRecord, steps: int) -> float:
    """Seconds of a training; of one that ended early as far as its first steps tell of the rest."""
    done = record.curve.updates
    stretched = steps / done if done else 1.0
    return record.seconds * min(max(stretched, 1.0), MOST_STRETCHED)


def _surface(context: Context, running: TrainingRun, run: Run) -> LossSurface | None:
    if context.surface == "off" or (context.surface == "failed" and run.passed):
        return None
    from pytest_converge.training.measures.loss_surface import loss_surface

    return loss_surface(running)


def judged(context: Context, record: TrainingRecord, training: Training | None = None) -> Run:
    """The record with its findings.

    Args:
        context: the test.
        record: of the latest run.
        training: as that run left it, for what notes are made of; None for no such notes.
    """
    findings = judge(record, context.expectation)
    if training is not None and not any(finding.fails for finding in findings):
        record = _observed(training, record)
        findings = judge(record, context.expectation)
    return Run(record=record, findings=(*findings, *_from_hooks(context, record)))


def _observed(training: Training, record: TrainingRecord) -> TrainingRecord:
    """What notes are made of, of a training that passes; a failed one has its diagnosis.

    A loss below 0 that nobody names may be a likelihood, or one whose targets give it no bottom.
    """
    from pytest_converge.training.measures.dead_units import dead_units
    from pytest_converge.training.measures.edge_of_stability import share_of_limit
    from pytest_converge.training.measures.held_out_overlap import held_out_overlap
    from pytest_converge.training.measures.shares import falls_without_end

    guard = Guard()
    if record.curve.last < NEGATIVE and not record.nonnegative:
        without_end = guard.measured("the bottom of the loss", lambda: falls_without_end(training))
        record = dataclasses.replace(record, nonnegative=bool(without_end))
    dead = guard.measured("dead units", lambda: dead_units(training))
    share = guard.measured("edge of stability", lambda: share_of_limit(training, record.curve))
    overlap = guard.measured("rows held out", lambda: held_out_overlap(training))
    return dataclasses.replace(
        record,
        dead_units=dead or {},
        limit_share=share,
        overlap=overlap,
        excluded=(*record.excluded, *guard.failed),
    )


def _with_scales(training: Training, run: Run) -> Run:
    """The run with the scale of the inputs, which are those of every start."""
    from pytest_converge.training.measures.input_scales import input_scales

    guard = Guard()
    scales = guard.measured("scale of the inputs", lambda: input_scales(training))
    excluded = (*run.record.excluded, *guard.failed)
    record = dataclasses.replace(run.record, input_scales=scales, excluded=excluded)
    return dataclasses.replace(run, record=record)


def _from_hooks(context: Context, record: TrainingRecord) -> Iterator[Finding]:
    answers = context.hooks.pytest_converge_check(record=record, expectation=context.expectation)
    for answer in answers:
        for finding in answer if isinstance(answer, (list, tuple)) else [answer]:
            if not isinstance(finding, Finding):
                remedy = "Return pytest_converge.Finding(code=..., message=...), or None."
                given = f"{shown(finding)} from pytest_converge_check"
                raise invalid(given, "a Finding", remedy)
            if not is_ignored(finding, context.expectation):
                yield finding
