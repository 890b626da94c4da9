"""The adapter of `converge.fit`: a compiled Keras model and its data as a training."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.core.record import NonFinite
from pytest_converge.training.adapters.built import Built, updated
from pytest_converge.training.adapters.gradients_of_all import GradientsOfAll
from pytest_converge.training.adapters.model_checks import (
    check_compiled,
    check_data,
    check_entry,
    check_held_out,
    check_labels,
    check_metrics,
    check_trainable,
)
from pytest_converge.training.adapters.reported_values import ReportedValues
from pytest_converge.training.data.arrays import batch_leaves, constant_columns, nonfinite
from pytest_converge.training.data.batches import PROBE_ROWS, Batch, Chunk, TrainingData
from pytest_converge.training.data.held_out import PREFIX
from pytest_converge.training.keras_internals import added_losses, loss_counts_in_metrics
from pytest_converge.training.loop.callbacks import Callbacks
from pytest_converge.training.measures.best_constant import with_fitted_constant
from pytest_converge.training.measures.end_measures import (
    inference,
    measure_held_out,
    measure_model,
)
from pytest_converge.training.measures.no_gradient import end_of_gradient_named
from pytest_converge.training.model.held_optimizers import held_optimizers
from pytest_converge.training.model.losses import loss_names, nonnegative, reduces_by_mean
from pytest_converge.training.model.structure import (
    create_all_variables,
    create_variables,
    directions,
    global_seed,
    has_own_train_step,
    is_built,
    is_seed,
    layers_of,
    loss_of_logs,
    redrawn,
    takes_any_rows,
    training_matters,
)
from pytest_converge.training.state.graphs import TracedForAnyRows
from pytest_converge.training.state.optimizer import ObservedOptimizer
from pytest_converge.training.state.own_updates import OwnUpdates
from pytest_converge.training.state.seeding import seed_everything
from pytest_converge.training.state.snapshot import attributes_set, unique_variables
from pytest_converge.training.training import EndMeasures, Training

__all__ = ["ModelTraining"]

#: Values of one array in a chunk of pooled probe rows: 16 MB of float32 inputs, and activations
#: of a few times that.
CHUNK_VALUES = 2**22
#: Types of numbers in which every operation rounds visibly.
SIXTEEN_BITS = frozenset({"float16", "bfloat16"})


class ModelTraining(Training):
    """Training of a compiled Keras model by its own `train_step`.

    Args:
        model: compiled, built or not.
        data: the batches.
        builder: makes another such model from another seed, where the user gave a function.
        columns: names of the columns of data frames, by array.
        bounds: bounded metrics by name, which have to be compiled ones.
        held_out: data to evaluate the model on after its last step.
        callbacks: Keras callbacks that take part in every run.
        entry: the entry of the logs of a `train_step` of the model's own that is judged; None for
            its "loss".
        wants_skill: True where the best constant is fitted under a loss for which no formula gives
            it.

    Raises:
        InvalidTrainingError: the model is not compiled, has nothing to train, or does not fit
            its targets.
    """

    verb = "fit"
    _updates_all = False
    _by_report = False
    data: TrainingData

    def __init__(
        self,
        model: keras.Model,
        data: TrainingData,
        *,
        builder: Callable[[], Any] | None = None,
        columns: Mapping[str, list[str]] | None = None,
        bounds: Mapping[str, Any] | None = None,
        held_out: Sequence[Chunk] = (),
        callbacks: Callbacks | None = None,
        entry: Any = None,
        wants_skill: bool = False,
    ) -> None:
        self.model = model
        self._wants_skill = wants_skill
        self.data = data
        self.builder = builder
        self._first, self._built = model, Built()
        self.columns = columns
        self._bounds = bounds or {}
        self.held_out = list(held_out)
        self.callbacks = callbacks
        first = next(data.batches())
        check_compiled(model, first)
        check_entry(model, entry)
        self._entry = "loss" if entry is None else str(entry)
        if is_built(model):
            check_trainable(model)
        self.own_train_step = has_own_train_step(model)
        self.own_updates = OwnUpdates() if self.own_train_step else None
        rows = data.rows_in_memory
        # What a source yields may be what only the user's own step understands.
        if not self.own_train_step or (rows is not None and not rows.from_source):
            check_data(model, _whole(data))
        if type(model).test_step is keras.Model.test_step:
            check_data(model, [chunk.batch for chunk in self.held_out], " of validation_data")
        if model.run_eagerly:
            self.eager_reason = "run_eagerly=True"
            create_variables(model, first)
        create_all_variables(model, first)
        self.rounds = any(layer.compute_dtype in SIXTEEN_BITS for layer in layers_of(model))
        # Those that the step could apply; which of them it does is known once it was traced.
        self._candidates = self.optimizers = self._observed(model)
        names = [
            name or getattr(part, "name", "") or "loss" for name, part in loss_names(model.loss)
        ]
        self.loss_name = " + ".join(dict.fromkeys(names)) or "loss"
        if entry is not None:
            self.loss_name = self._entry
        self.nonnegative = nonnegative(model.loss) and not _negative_weights(data)
        self._shared = TracedForAnyRows(self._inference)
        self._passes: dict[int, tuple[Any, list[Any], Any, Any]] | None = None

    def verify(self) -> None:
        """Checks what only the traced and thereby built model can tell."""
        check_trainable(self.model)
        check_metrics(self._bounds, self.model, self.metric_directions())
        if self.held_out:
            check_held_out(self.model)
        rows = self.rows_in_memory
        if rows is not None:
            check_labels(self.model, rows.arrays, self.first_batch())

    @property
    def pure_probe(self) -> bool:  # type: ignore[override]
        """True where the step uses neither random nor averaging layers of the model.

        With several outputs the loss itself counts in metrics, which callbacks see.
        """
        if self.callbacks is not None and loss_counts_in_metrics(self.model):
            return False
        return not self.own_train_step and not training_matters(self.model, self.graph)

    @property
    def trainable(self) -> list[tf.Variable]:
        """The model's trainable variables."""
        return unique_variables(self.model.trainable_variables)

    @property
    def transient(self) -> list[tf.Variable]:
        """Moving averages, seed generators and metrics; all weights under a custom step."""
        model = self.model
        variables = [*model.non_trainable_variables, *self._metric_variables(), *global_seed()]
        if self.own_train_step:
            variables = [*model.variables, *variables, *self.touched]
        return unique_variables(variables)

    @property
    def seed_state(self) -> list[tf.Variable]:
        """The states of the model's seed generators and of Keras' global one."""
        found = [v for v in self.model.non_trainable_variables if is_seed(v)]
        return unique_variables([*found, *global_seed()])

    def step(self, batch: Batch) -> Any:
        """The model's own `train_step`; metrics start anew, so that the loss is the batch's."""
        if self._updates_all:
            return self._updated_by_its_loss(batch)
        if self.callbacks is not None:
            with self.callbacks.metrics.of_batch(self.model) as keep:
                logs = self._train_step(batch)
                keep(logs)
            self._keep_applied()
            return self.in_unit(loss_of_logs(logs, self._entry))
        self._reset_metrics()
        logs = self._train_step(batch)
        self._keep_applied()
        return self.in_unit(loss_of_logs(logs, self._entry))

    def _updated_by_its_loss(self, batch: Batch) -> Any:
        (optimizer,), variables = self.optimizers, self.trainable
        self._reset_metrics()
        asked, reported = GradientsOfAll(variables), ReportedValues()
        with (
            tf.GradientTape(persistent=True) as tape,
            optimizer.muted(),
            self.functions.in_place(),
            asked.noted(),
            reported.noted(),
        ):
            logs = self.model.train_step(batch)
            loss = loss_of_logs(logs, self._entry)
            # What a metric returns has no gradient; what it was fed with may have one.
            fed = reported.behind(logs[self._entry] if isinstance(logs, Mapping) else logs)
        gradients = tape.gradient(loss, variables)
        if self._by_report and fed is not None and all(g is None for g in gradients):
            gradients = tape.gradient(fed, variables)
        if all(gradient is None for gradient in gradients):
            gradients = asked.gradients
        pairs = [(g, v) for g, v in zip(gradients, variables, strict=True) if g is not None]
        optimizer.optimizer.apply_gradients(pairs)
        return self.in_unit(loss)

    def with_own_update(self) -> contextlib.AbstractContextManager[None]:
        """Every trained variable is updated meanwhile by the loss that a `train_step` returns."""
        return attributes_set([(self, "_updates_all", True)])

    def with_reported_update(self) -> contextlib.AbstractContextManager[None]:
        """The same by what it feeds the metric with that reports its loss."""
        return attributes_set([(self, "_updates_all", True), (self, "_by_report", True)])

    def _train_step(self, batch: Batch) -> Any:
        with contextlib.ExitStack() as stack:
            own = self.own_updates
            if own is not None and not self._applies():
                stack.enter_context(own.of_step(self.trainable, self._applies))
            stack.enter_context(end_of_gradient_named(self))
            stack.enter_context(self.functions.in_place())
            return self.model.train_step(batch)

    def _applies(self) -> bool:
        return any(each.applied for each in self._candidates)

    def probe_chunks(self) -> tuple[int, int]:
        """Pooled rows where the loss is a mean over them; else batches as in the training."""
        data, held = self.data, self.rows_in_memory
        if any(getattr(layer, "stateful", False) for layer in layers_of(self.model)):
            return 0, 0
        if held is None:
            return PROBE_ROWS, data.batch_size
        rows = len(held.probe_index)
        fixed = data.even and not takes_any_rows(self.model)
        if self.own_train_step or fixed or not self._pools_rows():
            return rows, data.batch_size
        largest = max(int(np.prod(array.shape[1:])) for _, array in batch_leaves(held.arrays))
        return rows, max(data.batch_size, CHUNK_VALUES // max(largest, 1))

    def probe(self, batch: Batch) -> Any:
        """The loss in training mode; a custom `train_step` runs without its update."""
        if self.own_train_step:
            self._reset_metrics()
            with contextlib.ExitStack() as stack:
                for optimizer in self.optimizers:
                    stack.enter_context(optimizer.muted())
                stack.enter_context(self.functions.in_place())
                return self.in_unit(loss_of_logs(self.model.train_step(batch), self._entry))
        with self.functions.in_place():
            if self.pure_probe:
                return self._shared_forward(batch, keep=True)[2]
            return inference(self.model, batch, training=True)[2]

    @property
    def is_recurrent(self) -> bool:
        """True for a model with recurrent layers."""
        return any(isinstance(layer, keras.layers.RNN) for layer in layers_of(self.model))

    def finish(self) -> None:
        """Averages the weights where the optimizer keeps an average, as `model.fit` does."""
        if self.model.optimizer is not None:
            self.model.optimizer.finalize_variable_values(self.model.trainable_variables)

    def standing(self) -> contextlib.AbstractContextManager[None]:
        """The forward pass of a probe is kept for what is measured on the same rows."""
        return attributes_set([(self, "_passes", {})])

    def measure_end(self, chunks: list[Chunk]) -> EndMeasures:
        """Inference loss, metrics, the loss of the predictions and of the best constant."""
        # A graph costs as much as one pass outside of it, or two where that takes the steps of a
        # sequence one by one.
        pays = self.pure_probe or self.is_recurrent or len(chunks) + len(self.held_out) > 1
        forward = self._shared_forward if pays else self._inference
        measures = measure_model(
            self.model, chunks, own_train_step=self.own_train_step, forward=forward
        )
        if self._wants_skill and measures.constant_loss is None:
            measures = with_fitted_constant(measures, self)
        if not self.held_out:
            return measures
        found = measure_held_out(
            self.model, list(self.held_out), forward=forward, entry=self._entry
        )
        held_out = {f"{PREFIX}{name}": value for name, value in found.items()}
        return dataclasses.replace(measures, metrics={**measures.metrics, **held_out})

    def metric_directions(self) -> dict[str, bool | None]:
        """The loss and the compiled metrics, and the same of held-out data."""
        found = {"loss": False, **directions(self.model)}
        held_out = {f"{PREFIX}{name}": better for name, better in found.items()}
        return {**found, **held_out} if self.held_out else found

    def nonfinite_data(self) -> tuple[NonFinite, ...]:
        """Columns of arrays in memory that hold a NaN or an infinity."""
        rows = self.rows_in_memory
        return () if rows is None else nonfinite(rows.arrays, self.columns)

    def constant_columns(self) -> tuple[str, ...]:
        """Columns of arrays in memory with one value other than 0 in every row."""
        rows = self.rows_in_memory
        return () if rows is None else constant_columns(rows.arrays, self.columns)

    @property
    def optimizer_is_ours(self) -> bool:
        """True where the step has one optimizer, whose updates another can make."""
        if len(self.optimizers) != 1:
            return False
        own = self.optimizers[0]
        return own.optimizer is self.model.optimizer or bool(own.counters)

    def with_optimizer(self, optimizer: Any) -> contextlib.AbstractContextManager[None]:
        """Another optimizer meanwhile, built for what is trainable now.

        The model holds it, or it makes the updates that the step asks another one for.
        """
        return self.with_optimizers([optimizer])

    @contextlib.contextmanager
    def with_optimizers(self, optimizers: Sequence[Any]) -> Iterator[None]:
        """Others in place of all optimizers that the step applies, in their order."""
        new = []
        with contextlib.ExitStack() as stack:
            for own, optimizer in zip(self.optimizers, optimizers, strict=True):
                optimizer.build(self.model.trainable_variables)
                new.append(ObservedOptimizer(optimizer, own.name))
                stack.enter_context(own.replaced_by(optimizer))
                if own.optimizer is self.model.optimizer:
                    held = [(self.model, "optimizer", optimizer)]
                    stack.enter_context(attributes_set(held))
            stack.enter_context(attributes_set([(self, "optimizers", tuple(new))]))
            yield

    def with_model(self, model: keras.Model) -> contextlib.AbstractContextManager[None]:
        """Another model on the same data, by the optimizers that it brings."""
        held = self._observed(model)
        names = ("optimizers", "_candidates")
        changes = [(self, "model", model), (self, "graph", None)]
        return attributes_set([*changes, *((self, name, held) for name in names)])

    @contextlib.contextmanager
    def traced_anew(self) -> Iterator[None]:
        """The shared forward pass belongs to the model as it was traced."""
        shared = [(self, "_shared", TracedForAnyRows(self._inference))]
        with super().traced_anew(), attributes_set(shared):
            yield

    def reseeded(self, seed: int) -> Mapping[int, Any] | None:
        """Initial values of another model of the builder, or by the model's own initialisers.

        Raises:
            InvalidTrainingError: the builder returned a variable of an earlier model again.
        """
        if self.builder is None:
            return redrawn(self.model, seed) or None
        self._built.keep(_updated(self._first))
        seed_everything(seed)
        other = self.builder()
        self._built.require_new(_updated(other))  # before it is built, for errors of its own
        create_variables(other, next(self.data.batches()))
        self._built.require_new(_updated(other))
        self._built.keep(_updated(other))
        mine, others = self.model.variables, other.variables
        if [tuple(v.shape) for v in mine] != [tuple(v.shape) for v in others]:
            return None
        pairs = zip(unique_variables(mine), unique_variables(others), strict=True)
        return {id(variable): value.numpy() for variable, value in pairs}

    def release(self) -> None:
        """Gives every optimizer back, those included that the step never applied."""
        super().release()
        for optimizer in self._candidates:
            optimizer.release()

    def _observed(self, model: keras.Model) -> tuple[ObservedOptimizer, ...]:
        held = [("optimizer", model.optimizer)]
        if has_own_train_step(model):
            held = held_optimizers(model)
        return tuple(ObservedOptimizer(optimizer, name) for name, optimizer in held)

    def _keep_applied(self) -> None:
        """Of the candidates those that the step made an update by; another's place is kept."""
        known = {id(each) for each in self._candidates}
        if self.own_train_step and all(id(each) in known for each in self.optimizers):
            self.optimizers = tuple(each for each in self._candidates if each.applied)

    def _inference(self, batch: Batch) -> tuple[Any, list[Any], Any, Any]:
        return inference(self.model, batch, training=False)

    def _shared_forward(
        self, batch: Batch, *, keep: bool = False
    ) -> tuple[Any, list[Any], Any, Any]:
        """One traced forward pass for probes and for the end: training mode changes nothing.

        Args:
            batch: the rows.
            keep: True to hand the same values out once more, while the training `stands`.
        """
        kept = None if self._passes is None else self._passes.pop(id(batch), None)
        if kept is not None:
            return kept
        if self.eager_reason:
            return self._inference(batch)
        predictions, masks, loss, penalty = self._shared(batch, fixed_rows=self.fixed_rows)
        if keep and self._passes is not None:
            self._passes[id(batch)] = predictions, masks, loss, penalty
        return predictions, masks, loss, penalty

    def _metric_variables(self) -> list[tf.Variable]:
        return [v for metric in self.model.metrics for v in metric.variables]

    def _reset_metrics(self) -> None:
        for variable in unique_variables(self._metric_variables()):
            variable.assign(tf.zeros(variable.shape, variable.dtype))

    def _pools_rows(self) -> bool:
        """True where built-in losses are averaged over the rows and nothing is added to them."""
        model = self.model
        own = type(model).compute_loss is not keras.Model.compute_loss
        added = any(added_losses(layer) for layer in layers_of(model))
        return reduces_by_mean(model.loss) and not own and not added


def _updated(model: keras.Model) -> list[Any]:
    return updated(model.trainable_variables, model.optimizer)


def _whole(data: TrainingData) -> list[Batch]:
    """All rows, or of a stream the batches that are held in memory."""
    rows = data.rows_in_memory
    if rows is not None:
        return [rows.arrays]
    return [chunk.batch for chunk in data.probe(sys.maxsize, data.batch_size)]


def _negative_weights(data: TrainingData) -> bool:
    rows = data.rows_in_memory
    named = () if rows is None else batch_leaves(rows.arrays)
    return any(name.startswith("sample_weight") and (array < 0).any() for name, array in named)
