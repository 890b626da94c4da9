"""From a call of a verb to the gate of its baseline, and from its runs to what the gate says."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_converge.baselines.gate.bounds import require_alpha, require_tolerance
from pytest_converge.baselines.session.baseline_gate import BaselineGate, Subject
from pytest_converge.baselines.session.repairs import RepairGate
from pytest_converge.baselines.session.runs import Runs
from pytest_converge.core.baseline import BaselinePolicy, BaselineReport, Value
from pytest_converge.core.calls import Call
from pytest_converge.core.errors import invalid, nearest
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import Finding
from pytest_converge.core.record import TrainingRecord

if TYPE_CHECKING:
    from pytest_converge.training.loop.run import TrainingRun
    from pytest_converge.training.training import Training

__all__ = ["Connection", "connect", "is_gated"]


class Connection:
    """One training and the gate of its baseline.

    Args:
        gate: reads and writes what is recorded.
        subject: the training.
        always: True where the gate is asked also about a training that failed already.
    """

    def __init__(self, gate: BaselineGate, subject: Subject, *, always: bool) -> None:
        self._gate = gate
        self._subject = subject
        self._seed = int(subject.settings.get("seed") or 0)
        self.always = always

    def check(self, running: TrainingRun) -> None:
        """Refuses what only the built training can tell, before its first step.

        Raises:
            InvalidTrainingError: the metric is not measured, or the data cannot be read again.
        """
        check_metric(self._subject.metric, running.training.metric_directions())
        if not running.training.replays:
            given = "a generator that cannot start again, with baseline=True"
            remedy = "Pass a tf.data.Dataset or a PyDataset, or fewer steps."
            raise invalid(given, "data that can be read twice", remedy)
        data = running.training.data
        if data is None:
            return
        why = data.unrepeatable
        if not why and data.differs_when_read_again(self._seed):
            why = "read twice it gives other batches"
        if why:
            given = f"data that no session can repeat ({why}), with baseline=True"
            remedy = "Draw from tf.random or np.random, which are seeded; give the shuffle a seed."
            raise invalid(given, "the same batches for the same seed", remedy)

    def settle(
        self, running: TrainingRun, records: Sequence[TrainingRecord]
    ) -> tuple[BaselineReport, Finding | None]:
        """Makes the runs that are needed and compares or records them; see `BaselineGate`."""
        metric = self._subject.metric
        higher = bool(running.training.metric_directions().get(metric or "loss"))
        runs = Runs(running, records, metric=metric, higher_is_better=higher)
        return self._gate.settle(runs, running.training.environment(), higher_is_better=higher)

    def gate_of(self, running: TrainingRun) -> RepairGate | None:
        """Judges runs of a changed training as `settle` would; None where nothing is recorded."""
        if not self._gate.has_runs:
            return None
        metric = self._subject.metric
        higher = running.training.metric_directions().get(metric or "loss")
        runs = Runs(running, (), metric=metric, higher_is_better=bool(higher))
        return RepairGate(self._gate, runs, running.training.environment())


def is_gated(policy: BaselinePolicy, expectation: Expectation, call: Call) -> bool:
    """Whether a training is held against a baseline, told before it is built.

    Raises:
        InvalidTrainingError: there is no function that builds other starts, or nothing that the
            metric is for.
    """
    if expectation.metric is not None and not expectation.baseline:
        remedy = "Add baseline=True, or bound the metric itself: metrics={name: (low, high)}."
        given = f"metric={expectation.metric!r} without a baseline"
        raise invalid(given, "baseline=True with it", remedy)
    if not expectation.baseline or policy.mode == "off":
        return False
    _limited(policy, expectation)
    from pytest_converge.training.adapters.build import check_builder

    check_builder(call, "baseline=True")
    return True


def connect(
    policy: BaselinePolicy,
    test: str,
    number: int,
    expectation: Expectation,
    call: Call,
    training: Training,
) -> Connection | None:
    """The baseline of a training, read before its first step; None where there is none.

    Raises:
        InvalidTrainingError: the built training has no other starts, nothing is recorded, or what
            is recorded cannot be used.
    """
    from pytest_converge.training.data.identity import data_facts

    if not training.takes_builder:  # what the adapt hook made of an object
        given = "baseline=True for an object that is trained by a step of its own"
        remedy = "Leave baseline out: a step cannot be built anew."
        raise invalid(given, "a compiled Keras model", remedy)
    facts = data_facts(training.data, expectation.steps)
    subject = subject_of(test, number, expectation, call, told_by(training), facts)
    policy = _limited(policy, expectation)
    gate = BaselineGate.open(policy, subject)
    return None if gate is None else Connection(gate, subject, always=policy.records_failures)


def _limited(policy: BaselinePolicy, expectation: Expectation) -> BaselinePolicy:
    """The policy with the limits that the test sets itself.

    Raises:
        InvalidTrainingError: one of them is out of range.
    """
    limits = expectation.baseline_limits
    limited = dataclasses.replace(
        policy,
        tolerance=limits.get("tolerance", policy.tolerance),
        alpha=limits.get("alpha", policy.alpha),
    )
    require_tolerance(limited.tolerance)
    require_alpha(limited.alpha)
    return limited


def subject_of(
    test: str,
    number: int,
    expectation: Expectation,
    call: Call,
    told: Mapping[str, Value],
    data: Mapping[str, Value],
) -> Subject:
    """The training that a verb was called for.

    Args:
        test: the id of the test.
        number: which training of its test it is, counted from 1.
        expectation: what is expected of it.
        call: of the verb.
        told: what the training tells of itself; see `told_by`.
        data: what identifies the rows that it sees.
    """
    settings: dict[str, Value] = {
        "metric": expectation.metric,
        "seed": expectation.seed,
        "steps": expectation.steps,
        "verb": call.verb,
        **told,
    }
    return Subject(
        test=test, number=number, settings=settings, metric=expectation.metric, data=data
    )


def told_by(training: Training) -> dict[str, Value]:
    """The settings that the built training tells, wherever they were given."""
    from pytest_converge.training.keras_internals import weights_of_losses
    from pytest_converge.training.model.losses import loss_text, reduction_of

    told: dict[str, Value] = {}
    data, model = training.data, training.model
    if data is not None:
        told["batch_size"] = data.batch_size
        rows = data.rows_in_memory
        if rows is not None and not rows.from_source:
            told["shuffle"] = rows.shuffles
    if model is not None and model.loss is not None:
        told["loss"] = loss_text(model.loss, weights_of_losses(model))
        told["reduction"] = reduction_of(model.loss)
    return told


def check_metric(metric: str | None, directions: Mapping[str, bool | None]) -> None:
    """Refuses a metric that is not measured, or of which nobody knows what better is.

    Args:
        metric: its name; None for the loss curve.
        directions: what is measured, and whether more of it is better, None if unknown.
    """
    if metric is None:
        return
    if metric not in directions:
        remedy = nearest(metric, directions)
        if metric.startswith("val_") and not any(name.startswith("val_") for name in directions):
            remedy = "Pass held-out data: validation_data=(x, y)."
        raise invalid(f"metric={metric!r}", "a compiled metric", remedy)
    if directions[metric] is None:
        expected = "one of which Keras knows whether more is better"
        remedy = "Use a loss, as metric='loss', or a metric of keras.metrics."
        raise invalid(f"metric={metric!r}", expected, remedy)
