"""One run of a training from its start to its record."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from pytest_converge.core.curve import LossCurve, LossPoints
from pytest_converge.core.errors import invalid
from pytest_converge.core.record import NonFinite, TrainingRecord
from pytest_converge.training.data.batches import Array, Chunk, TrainingData
from pytest_converge.training.loop.compiled_loop import Loop
from pytest_converge.training.loop.probe_plan import ProbePlan, plan_probe
from pytest_converge.training.loop.time_limit import TimeLimit
from pytest_converge.training.state.graphs import light_graph_optimizer
from pytest_converge.training.state.seeding import kernels_kept
from pytest_converge.training.state.snapshot import Snapshot
from pytest_converge.training.training import EndMeasures, Training

__all__ = ["Progress", "Start", "TrainingRun", "Watch"]

#: Called with (steps done, steps, latest batch loss) between the segments of the loop.
Progress = Callable[[int, int, float], None]
#: Initial values by the id of their variable; those of others are the start's.
Start = Mapping[int, Any]
#: Looks between the segments of the loop at the loss on all data, or on a part of the probe set, as
#: far as it is known; True breaks the run off.
Watch = Callable[[LossPoints], bool]


class TrainingRun:
    """Runs a training as often as needed, each time from a start, through one trace.

    Args:
        training: what to train.
        steps: optimizer updates of a run.
        progress: called between the segments of the loop; may raise to stop.
        like: another run of the same training whose traces and start are used; see `of_length`.
    """

    def __init__(
        self, training: Training, steps: int, progress: Progress, *, like: TrainingRun | None = None
    ) -> None:
        self.training = training
        self.steps = steps
        self._progress = progress
        self._began = time.perf_counter()
        self.loop: Loop = Loop(training) if like is None else like.loop
        with light_graph_optimizer(steps, rounds=training.rounds):
            self.loop.prepare()
        training.verify()
        rows, _ = training.probe_chunks()
        batch_rows = training.data.batch_size if training.data is not None else 1
        self._plan: ProbePlan = plan_probe(steps, batch_rows, rows, training.probe_cost)
        self._looks = self._plan
        self.start: Snapshot = training.snapshot() if like is None else like.start
        self._limit: TimeLimit | None = None

    def of_length(self, steps: int) -> TrainingRun:
        """The same training with another number of steps, through the same traces."""
        return TrainingRun(self.training, steps, self._progress, like=self)

    @contextlib.contextmanager
    def limited(self, limit: TimeLimit | None) -> Iterator[None]:
        """Runs end by an error meanwhile where they take longer; None for no limit."""
        self._limit = limit
        try:
            yield
        finally:
            self._limit = None

    def run(
        self,
        seed: int,
        *,
        start: Start | None = None,
        data: TrainingData | None = None,
        rate_factor: float | None = None,
        watch: Watch | None = None,
    ) -> TrainingRecord:
        """Trains and measures; what is given instead of the training's own is taken back.

        Args:
            seed: only recorded; the start, the order and the random layers are set by then.
            start: where to begin; None for the present state.
            data: other data of the same types; None for those of the training.
            rate_factor: multiplies the learning rate; None leaves it alone.
            watch: may break the run off early; then the last loss of the course is its final
                loss, and nothing else is measured at its end.
        """
        with self.prepared(start=start, data=data, rate_factor=rate_factor):
            return self._run(seed, watch)

    @contextlib.contextmanager
    def prepared(
        self,
        *,
        start: Start | None = None,
        data: TrainingData | None = None,
        rate_factor: float | None = None,
        of_optimizer: int | None = None,
    ) -> Iterator[None]:
        """All that `run` takes in its place meanwhile, for other looks at the same run.

        Args:
            start: initial values in the place of those of the run.
            data: other data.
            rate_factor: multiplies the learning rate; None leaves it alone.
            of_optimizer: the place of the only optimizer whose rate that is.
        """
        with contextlib.ExitStack() as stack:
            if start is not None:
                self.restart(start)
            if data is not None:
                stack.enter_context(self.training.with_data(data))
            if rate_factor is not None:
                stack.enter_context(self.training.with_rate_factor(rate_factor, of_optimizer))
            stack.enter_context(light_graph_optimizer(self.steps, rounds=self.training.rounds))
            yield

    def restart(self, values: Start | None = None) -> None:
        """Puts every variable back to the start; the next run repeats the first."""
        self._began = time.perf_counter()
        self.start.with_values(values or {}).restore()

    @property
    def probes_rows(self) -> bool:
        """True where the checkpoints between start and end see rows that no step has seen."""
        return self._plan.part_rows > 0

    @property
    def leaves_out_probes(self) -> bool:
        """True where there are more rows, or more checkpoints, to see between start and end."""
        return self._looks is not self._plan or 0 < self._plan.part_rows < self._plan.rows

    def with_whole_probes(self) -> TrainingRun:
        """The same training that sees the whole probe set at every checkpoint."""
        plan = dataclasses.replace(self._plan, part_rows=self._plan.rows)
        return self._planned(plan, plan)

    def with_sparse_probes(self) -> TrainingRun:
        """The same training that stops at few checkpoints; losses known without one stay known."""
        return self._planned(self._plan, self._plan.sparse)

    def _planned(self, plan: ProbePlan, looks: ProbePlan) -> TrainingRun:
        other = copy.copy(self)
        other._plan, other._looks = plan, looks  # noqa: SLF001
        return other

    def run_from(self, seed: int) -> TrainingRecord:
        """Trains from another start: other weights, seeds and batch order, through the same trace.

        From then on that is the start of this run.

        Raises:
            InvalidTrainingError: the builder gives variables of other shapes.
        """
        self._begin_at(seed)
        return self.run(seed)

    def losses_from(self, seed: int) -> tuple[float, ...]:
        """The batch losses of another start and nothing else, at a fraction of the time.

        They are those of `run_from`: what is left out there changes no variable.

        Raises:
            InvalidTrainingError: the builder gives variables of other shapes.
        """
        with kernels_kept() as drew:
            self._begin_at(seed)
            again = drew() or self.loop.draws
        if again:
            self._begin_at(seed)
        with light_graph_optimizer(self.steps, rounds=self.training.rounds):
            self.loop.start(self.steps)
            table, _ = self._steps([], None, stops=self._plan.rests)
            self.loop.finish(len(table))
        return tuple(table[:, 0].tolist())

    def _begin_at(self, seed: int) -> None:
        self._began = time.perf_counter()
        values = self.training.reseeded(seed)
        if values is None:
            given = "a builder whose variables change their shape from call to call"
            remedy = "Let it build the same model every time."
            raise invalid(given, "one that does not", remedy)
        self.start = self.start.with_values(values)
        self.start.restore()
        if self.training.data is not None:
            self.training.data = self.training.data.reshuffled(seed)

    def _run(self, seed: int, watch: Watch | None) -> TrainingRecord:
        training, loop = self.training, self.loop
        bad = training.nonfinite_data()
        before = Snapshot(training.trainable)
        counters = Snapshot([v for each in training.optimizers for v in each.counters])
        loop.start(self.steps)
        whole, part = self.probe_set()
        initial = loop.probe_loss(whole) if whole else None
        if training.full_batch and not _same(initial, loop.probe_loss(whole)):
            whole, part, initial = [], [], None  # a random loss has no value to compare over time
        if part and training.own_step and not loop.repeats(part):
            part = []  # noise that is drawn anew at every look would be taken for rises
        known = initial if _rows(part) == _rows(whole) else None
        table, probes = self._steps(part, known, stops=self._looks.stops, watch=watch)
        training.finish()
        loop.finish(len(table))
        by_right = bool(loop.stopped_by) or self._certain_failure(table)
        broken_off = len(table) < self.steps and not by_right
        with training.standing():
            if broken_off and part:
                final: float | None = probes[-1][1]
            else:
                final = loop.probe_loss(whole) if whole else None
            measures = EndMeasures() if broken_off else training.measure_end(whole)
        if training.full_batch and final is not None:
            probes = self._steps_as_probes(table, final)
        # A step that may call its optimizer, and never did, has no gradient of 0.
        called = bool(table[:, 1].any()) or counters.is_left() or not counters.values()
        seen = loop.sees_gradients and called
        curve = LossCurve(
            steps=tuple(range(1, len(table) + 1)),
            batch_loss=tuple(table[:, 0].tolist()),
            gradient_norm=tuple(table[:, 1].tolist()) if seen else (),
            learning_rate=_from_the_first_on(table[:, 2]) if loop.sees_rate else (),
            checkpoints=tuple(at for at, _ in probes),
            probe_loss=tuple(loss for _, loss in probes),
            initial_loss=initial,
            final_loss=final,
            inference_loss=measures.inference_loss,
        )
        rows = 0 if training.full_batch else _rows(whole)
        record = self._record(seed, curve, measures, bad, rows)
        return dataclasses.replace(record, variables_changed=before.is_left())

    def _record(
        self,
        seed: int,
        curve: LossCurve,
        measures: EndMeasures,
        bad: tuple[NonFinite, ...],
        rows: int,
    ) -> TrainingRecord:
        """All that there is to tell of a run that has just ended."""
        training, loop = self.training, self.loop
        told = {field.name: getattr(measures, field.name) for field in dataclasses.fields(measures)}
        told.pop("inference_loss")  # the curve has it
        record = TrainingRecord(
            seed=seed,
            curve=curve,
            seconds=time.perf_counter() - self._began,
            driver=loop.driver,
            driver_reason=loop.reason,
            traces=loop.traces - loop.traces_told if loop.driver != "eager" else 0,
            probe_rows=rows,
            loss_name=training.loss_name,
            nonnegative=training.nonnegative,
            constant_columns=training.constant_columns(),
            nonfinite=bad,
            callbacks=() if training.callbacks is None else training.callbacks.names,
            stopped_by=loop.stopped_by,
            **told,
        )
        loop.traces_told = loop.traces
        loss, name = record.nonfinite_loss, training.nonfinite_weights()
        if loss is not None:
            bad = (*bad, loss)
        if name is not None:
            bad = (*bad, NonFinite(what="weights", name=name, step=curve.updates))
        return dataclasses.replace(record, nonfinite=bad)

    def probe_set(self) -> tuple[list[Chunk], list[Chunk]]:
        """The whole probe set and the part for the checkpoints."""
        if self.training.full_batch:
            return [Chunk(None, 1)], []
        return self.training.chunks(self._plan.rows), self.training.chunks(self._plan.part_rows)

    def _steps(
        self,
        part: list[Chunk],
        initial: float | None,
        *,
        stops: Iterable[int],
        watch: Watch | None = None,
    ) -> tuple[Array, list[tuple[int, float]]]:
        """Makes the steps; returns the table of all and (updates, loss) of each probe."""
        probes: list[tuple[int, float]] = []
        if part:
            probes.append((0, self.loop.probe_loss(part) if initial is None else initial))
        tables: list[Array] = []
        done = 0
        for stop in stops:
            while done < stop and not self.loop.stopped_by:
                until = stop if self._limit is None else self._limit.until(done, stop)
                tables.append(self.loop.advance(done, until))
                done += len(tables[-1])
                if self._certain_failure(tables[-1]):
                    return np.concatenate(tables), probes
                if self._limit is not None and not self.loop.stopped_by:
                    self._limit.check(done, self.steps)
            if part and (done in self._looks.checkpoints or self.loop.stopped_by):
                probes.append((done, self.loop.probe_loss(part)))
            self._progress(done, self.steps, float(tables[-1][-1, 0]))
            if self.loop.stopped_by:
                break
            if watch is not None and done < self.steps:
                table = np.concatenate(tables)
                if watch(_course_of(table, probes)):
                    return table, probes
        return np.concatenate(tables), probes

    def _certain_failure(self, table: Array) -> bool:
        """A loss that is not finite, or weights that are not after such a gradient.

        A gradient alone is none: dynamic loss scaling skips it, clipping may tame it.
        """
        loss, norm = table[-1, 0], table[-1, 1]
        if not np.isfinite(loss):
            return True
        odd = self.loop.sees_gradients and not np.isfinite(norm)
        return odd and self.training.nonfinite_weights() is not None

    def _steps_as_probes(self, table: Array, final: float) -> list[tuple[int, float]]:
        """The loss of step n + 1 is the loss after n updates."""
        steps = len(table)
        losses = [*table[:, 0].tolist(), final]
        at = [n for n in self._plan.checkpoints if n < steps]
        return [(n, losses[n]) for n in (*at, steps)]


def _from_the_first_on(rates: Array) -> tuple[float, ...]:
    """The learning rates; that of the first update also for the steps before, which made none."""
    known = np.flatnonzero(np.isfinite(rates))
    filled = rates.copy()
    if len(known):
        filled[: known[0]] = rates[known[0]]
    return tuple(filled.tolist())


def _course_of(table: Array, probes: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """The probes; without a probe set the batch losses, each before its update."""
    return list(probes) if probes else list(enumerate(table[:, 0].tolist()))


def _same(first: float | None, second: float) -> bool:
    return first == second or (first is not None and math.isnan(first) and math.isnan(second))


def _rows(chunks: list[Chunk]) -> int:
    return sum(chunk.rows for chunk in chunks)
