"""The compiled loop: all steps of a training inside one `tf.function`, traced once."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.training.data.batch_order import BatchRows
from pytest_converge.training.data.batches import Array, Batch, Chunk
from pytest_converge.training.data.exhausted import end_of_data_named
from pytest_converge.training.loop.callbacks import CallbackRun, HeldOutSteps
from pytest_converge.training.state.graphs import TracedForAnyRows, tracing
from pytest_converge.training.state.snapshot import unique_variables
from pytest_converge.training.training import Training

__all__ = ["ROUNDING", "Loop"]

_NAN = float("nan")
#: Sums of the same float32 in another order differ by less.
ROUNDING = 1e-4
#: TensorFlow's random operations that hold a state, which a new seed sets back.
RANDOM_OPERATIONS = frozenset(
    {
        "Multinomial",
        "ParameterizedTruncatedNormal",
        "RandomGamma",
        "RandomPoisson",
        "RandomPoissonV2",
        "RandomShuffle",
        "RandomStandardNormal",
        "RandomUniform",
        "RandomUniformInt",
        "TruncatedNormal",
    }
)


#: Batches of one shape, and the same as one structure of tensors where there is one.
Stack: TypeAlias = tuple[list[Batch], Any]


class Loop:
    """Drives a training: all steps in one graph where the batches lie in memory, else each alone.

    Attributes:
        driver: "loop", "step" or "eager".
        reason: why it is not "loop"; empty where it is.
        traces: how often a step or a probe was traced so far.
        traces_told: how many of these some run's record has.
        sees_gradients, sees_rate: whether the last trace found them.
    """

    def __init__(self, training: Training) -> None:
        self.training = training
        training.rehearse()
        self.driver, self.reason = _driver_of(training)
        self.traces = self.traces_told = 0
        self.sees_gradients = False
        self.sees_rate = False
        self._probe_function = TracedForAnyRows(self._undisturbed)
        self._probes_function = TracedForAnyRows(self._each_undisturbed)
        self._stacked: list[tuple[list[Chunk], list[Stack]]] = []
        self._segment_functions: dict[bool, TracedForAnyRows] = {}
        self._step_function = tf.function(self._one, autograph=False, reduce_retracing=True)
        self._probe_seeds: list[Any] | None = None
        self._repeats: bool | None = None
        self._rows: BatchRows | None = None
        self._stream: Iterator[Batch] | None = None
        self._graph: Any = None
        self._calls: CallbackRun | None = None
        self._held_out: dict[int, HeldOutSteps] = {}

    @property
    def stopped_by(self) -> str:
        """The callback that ended the run; empty where none did."""
        return self._calls.stopped_by if self._calls is not None and self._calls.over else ""

    @functools.cached_property
    def draws(self) -> bool:
        """True where the traced step holds a random operation with a state of its own.

        Keras' random layers hold none: their state is a variable. A step without a graph may.
        """
        if self._graph is None:
            return True
        definition = self._graph.graph.as_graph_def()
        nodes = [*definition.node]
        for function in definition.library.function:
            nodes += function.node_def
        return any(node.op in RANDOM_OPERATIONS for node in nodes)

    def prepare(self) -> None:
        """Traces the step, so that every variable exists before the first snapshot."""
        self._rewind()
        if self.driver == "eager":
            return
        if self.driver == "loop":
            none = tf.constant(0)
            graph = self._segment_function().prepare(none, none, *self._arguments(0, 1))
        else:
            with tracing():
                graph = self._step_function.get_concrete_function(self._next_batch())
        self._graph = graph
        self.training.graph = graph.graph
        instruments = [v for o in self.training.optimizers for v in o.instruments]
        own = self.training.own_updates
        instruments += [] if own is None else own.instruments
        ours = {id(v) for v in instruments}
        found = unique_variables(graph.variables)
        self.training.touched = [v for v in found if id(v) not in ours]

    def start(self, steps: int = 0) -> None:
        """Begins a run: the batches from the first one on, and callbacks as they were.

        Args:
            steps: updates of the run, which callbacks are told as epochs.
        """
        self._rewind()
        callbacks, model = self.training.callbacks, self.training.model
        self._calls = None
        if callbacks is None:
            return
        if id(model) not in self._held_out:
            self._held_out[id(model)] = HeldOutSteps(model, eager=self.driver == "eager")
        self._calls = callbacks.begin(self.training, steps, self._held_out[id(model)])

    def finish(self, done: int) -> None:
        """Ends a run after so many updates: what callbacks do at the end of a training."""
        if self._calls is not None:
            self._calls.finish(done)

    def advance(self, start: int, stop: int) -> Array:
        """Makes the steps from `start` to `stop`, or up to the first that is not finite.

        Callbacks are called on the way, wherever they ask for it, and may end it.

        Returns:
            Loss, gradient norm and learning rate of each step made, shape [steps, 3]; none where a
            callback had ended the run before.
        """
        calls = self._calls
        if calls is None:
            return self._advance(start, stop)
        tables: list[Array] = [np.zeros((0, 3), np.float32)]
        done = start
        while done < stop and not calls.over:
            upto = calls.before(done, stop)
            tables.append(self._advance(done, upto))
            done += len(tables[-1])
            if done == upto:
                calls.after(done)
            else:
                break
        return np.concatenate(tables)

    def _advance(self, start: int, stop: int) -> Array:
        """The steps from `start` to `stop` in one go."""
        if self.driver == "loop":
            most = stop - start if self._rows is None else self._rows.most_steps
            tables: list[Array] = []
            for first in range(start, stop, most):
                tables.append(self._made(first, min(first + most, stop)))
                if len(tables[-1]) < min(most, stop - first):
                    break
            return tables[0] if len(tables) == 1 else np.concatenate(tables)
        one = self._one if self.driver == "eager" else self._step_function
        taken: list[Any] = []
        for number in range(start + 1, stop + 1):
            batch = self._next_batch()
            with end_of_data_named(number):
                taken.append(np.array([float(part) for part in one(batch)], np.float32))
            if not np.isfinite(taken[-1][0]):
                break
        return np.stack(taken)

    def _made(self, start: int, stop: int) -> Array:
        """The table of steps whose row numbers are held together."""
        with end_of_data_named(start + 1, stop):
            made, rows = self._segment_function()(
                tf.constant(start), tf.constant(stop), *self._arguments(start, stop)
            )
            table: Array = rows.numpy()[: int(made)]
        return table

    def probe_loss(self, chunks: list[Chunk]) -> float:
        """The mean loss over chunks of the probe set, weighted by their rows, state unchanged."""
        self._keep_seeds()
        if self.driver == "loop" and not self.training.pure_probe:
            losses = [loss for stack in self._stacks(chunks) for loss in self._probes(*stack)]
        else:
            losses = [float(self._probe(chunk.batch)) for chunk in chunks]
        pairs = zip(losses, chunks, strict=True)
        total = sum((loss * chunk.rows for loss, chunk in pairs), start=0.0)
        return total / sum(chunk.rows for chunk in chunks)

    def repeats(self, chunks: list[Chunk]) -> bool:
        """Whether two looks at the same weights see the same loss; found out once.

        Random operations of TensorFlow's have a state that nobody can put back, unlike Keras'.
        """
        if self._repeats is None:
            first, second = (self.probe_loss(chunks) for _ in range(2))
            alike = math.isclose(first, second, rel_tol=ROUNDING)
            self._repeats = alike or not math.isfinite(first)
        return self._repeats

    def _stacks(self, chunks: list[Chunk]) -> list[Stack]:
        """The chunks behind one another, those of one shape as one; stacked once for each list."""
        for known, stacks in self._stacked:
            if known is chunks:
                return stacks
        stacks = [
            _stack([chunk.batch for chunk in alike])
            for _, alike in itertools.groupby(chunks, key=lambda chunk: chunk.rows)
        ]
        self._stacked = [*self._stacked[-1:], (chunks, stacks)]  # the whole set, and the part
        return stacks

    def _probes(self, batches: list[Batch], stacked: Any) -> list[float]:
        """The losses of batches of one shape: in one call where they can be stacked."""
        if stacked is None:
            return [float(self._probe(batch)) for batch in batches]
        fixed = self.training.fixed_rows
        losses = self._probes_function(stacked, fixed_rows=fixed, stacked=True)
        return [float(loss) for loss in losses.numpy()]

    def _segment_function(self) -> TracedForAnyRows:
        """How batches are cut from the rows is part of the graph: even ones have a fixed size."""
        rows = self.training.rows_in_memory
        even = rows is not None and rows.order.even
        if even not in self._segment_functions:
            self._segment_functions[even] = TracedForAnyRows(self._segment)
        return self._segment_functions[even]

    def _arguments(self, start: int, stop: int) -> tuple[Any, ...]:
        data = self.training.rows_in_memory
        if data is None or self._rows is None:
            return None, None, None
        return data.tensors, *data.plan(self._rows, start, stop)

    def _rewind(self) -> None:
        data, rows = self.training.data, self.training.rows_in_memory
        if self.driver == "loop" and rows is not None:
            self._rows = BatchRows(rows.order)
        elif data is not None:
            self._stream = data.batches()

    def _next_batch(self) -> Batch:
        return None if self._stream is None else next(self._stream)

    def _one(self, batch: Batch) -> tuple[Any, Any, Any]:
        """One step: loss, gradient norm and learning rate, each a float32 scalar."""
        self.traces += 1
        training = self.training
        for optimizer in training.optimizers:
            optimizer.begin_step()
        rates = {id(each): each.learning_rate() for each in training.optimizers}
        loss = training.step(batch)
        # Of a step with several optimizers, or with none that is known, there is no one rate.
        used = training.optimizers
        rates = {id(each): each.learning_rate_of_step(rates.get(id(each))) for each in used}
        rate = rates[id(used[0])] if len(used) == 1 else None
        norms = [optimizer.gradient_norm() for optimizer in training.optimizers]
        norms = [norm for norm in norms if norm is not None]
        self.sees_gradients = bool(norms)
        self.sees_rate = rate is not None
        # A step that has not called its optimizer yet has no gradient, which is none that is not
        # finite.
        norm = 0.0 if not norms else norms[0] if len(norms) == 1 else tf.linalg.norm(norms)
        rate = rate if self.sees_rate else _NAN
        return tf.cast(loss, tf.float32), tf.cast(norm, tf.float32), rate

    def _segment(self, start: Any, stop: Any, tensors: Any, order: Any, offsets: Any) -> Any:
        data = self.training.rows_in_memory

        def body(step: Any, _: Any, rows: Any) -> Any:
            place = step - start
            batch = None if data is None else data.take(tensors, order, offsets, place)
            loss, norm, rate = self._one(batch)
            fine = tf.math.is_finite(loss)
            if self.sees_gradients:
                fine &= tf.math.is_finite(norm)
            return step + 1, fine, rows.write(place, tf.stack([loss, norm, rate]))

        rows = tf.TensorArray(tf.float32, tf.maximum(stop - start, 1), element_shape=(3,))
        end, _, rows = tf.while_loop(
            lambda step, fine, _: (step < stop) & fine,
            body,
            (start, tf.constant(True), rows),
            parallel_iterations=1,
        )
        return end - start, rows.stack()

    def _keep_seeds(self) -> None:
        if self._probe_seeds is None:
            self._probe_seeds = [tf.identity(v) for v in self.training.seed_state]

    def _probe(self, batch: Batch) -> Any:
        if self.training.pure_probe:
            return self.training.probe(batch)
        if self.driver == "eager":
            return self._undisturbed(batch)
        return self._probe_function(batch, fixed_rows=self.training.fixed_rows)

    def _each_undisturbed(self, stacked: Any) -> Any:
        """The losses of all batches of a stack."""
        count = tf.shape(next(leaf for leaf in keras.tree.flatten(stacked) if leaf is not None))[0]

        def body(place: Any, losses: Any) -> Any:
            batch = keras.tree.map_structure(
                lambda leaf: None if leaf is None else leaf[place], stacked
            )
            return place + 1, losses.write(place, self._undisturbed(batch))

        losses = tf.TensorArray(tf.float32, count, element_shape=())
        _, losses = tf.while_loop(
            lambda place, _: place < count, body, (tf.constant(0), losses), parallel_iterations=1
        )
        return losses.stack()

    def _undisturbed(self, batch: Batch) -> Any:
        """The probe's loss, with everything it changes put back."""
        self.traces += 1
        training = self.training
        transient = training.transient
        before = [tf.identity(v) for v in transient]
        for variable, seed in zip(training.seed_state, self._probe_seeds or (), strict=True):
            variable.assign(seed)
        loss = tf.cast(training.probe(batch), tf.float32)
        for variable, value in zip(transient, before, strict=True):
            variable.assign(value)
        return loss


def _stack(batches: list[Batch]) -> Stack:
    """Batches of one shape with their tensors as one; None for what is no tensor of numbers."""
    leaves = [keras.tree.flatten(batch) for batch in batches]
    if not all(leaf is None or isinstance(leaf, tf.Tensor) for leaf in leaves[0]):
        return batches, None
    parts = (None if each[0] is None else tf.stack(each) for each in zip(*leaves, strict=True))
    return batches, keras.tree.pack_sequence_as(batches[0], list(parts))


def _driver_of(training: Training) -> tuple[str, str]:
    if training.eager_reason:
        return "eager", training.eager_reason
    if tf.config.functions_run_eagerly():
        return "eager", "tf.config.run_functions_eagerly(True) is set"
    reason = "" if training.data is None else training.data.reason
    return ("step", reason) if reason else ("loop", "")
