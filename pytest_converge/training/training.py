"""What a training is: variables, a step, data and hyper-parameters, whoever wrote it."""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pytest_converge.core.record import NonFinite
from pytest_converge.training.data.batches import ArrayData, Batch, Chunk, TrainingData
from pytest_converge.training.keras_internals import works_in_several_processes
from pytest_converge.training.state.functions import OwnFunctions
from pytest_converge.training.state.machine import describe_machine
from pytest_converge.training.state.optimizer import ObservedOptimizer
from pytest_converge.training.state.own_updates import OwnUpdates
from pytest_converge.training.state.replicas import strategy_of
from pytest_converge.training.state.snapshot import (
    Snapshot,
    attributes_set,
    name_of,
    unique_variables,
)

__all__ = ["EndMeasures", "Training"]

#: Why no change is tried where replicas are in several processes.
SEVERAL_PROCESSES = "several processes train together, which would have to try the same changes"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EndMeasures:
    """What is measured once, after the last step; see `TrainingRecord` for the fields."""

    inference_loss: float | None = None
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)
    reported_loss: float | None = None
    predicted_loss: float | None = None
    saturated: bool = False
    constant_loss: float | None = None
    regularisation: float = 0.0


class Training(abc.ABC):
    """A training that can be run, restored and run again.

    The three verbs build one each. It names its variables and makes a step; the loop that drives
    it, the probes and the snapshots need nothing else. What an adapter cannot offer it says by
    returning None or an empty tuple.

    Attributes:
        verb: "fit", "minimize" or "step".
        data: the batches; None where the step has none or hides them.
        optimizers: the optimizers whose updates are observed; once the step was traced, or has run
            outside of any graph, those that it applies. Of several, or none, there is no one rate.
        loss_name: what the loss is called in messages.
        nonnegative: True where the loss cannot be negative on targets that suit it.
        takes_builder: False where no function can build what is trained anew.
        builder: makes another such model, where the user gave a function.
        model: the compiled Keras model that is trained; None where there is none.
        own_train_step: True where the model's `train_step` is the user's.
        lists_variables: True where the user listed the variables to train.
        held_out: data to evaluate the model on, in chunks.
        callbacks: Keras callbacks that take part in every run; None where there are none.
        steps_per_epoch: updates of an epoch where the call gave its length in epochs, else None.
        first_epoch: the number of its first epoch.
        rounds: True where it is known to compute in 16 bits.
        own_updates: what a step of the user's makes without an optimizer; None where none could.
        loss_factor: what a loss that the user's own code returns is taken times, 1 but for changes.
        eager_reason: why the step must run outside of any graph; empty where it need not.
    """

    verb: str
    data: TrainingData | None = None
    optimizers: tuple[ObservedOptimizer, ...] = ()
    own_updates: OwnUpdates | None = None
    loss_factor: float = 1.0
    loss_name: str = "loss"
    nonnegative: bool = False
    eager_reason: str = ""
    takes_builder: bool = True
    builder: Callable[[], Any] | None = None
    model: Any = None
    own_train_step: bool = False
    lists_variables: bool = False
    steps_per_epoch: int | None = None
    first_epoch: int = 0
    rounds: bool = False
    held_out: Sequence[Chunk] = ()
    #: A `loop.callbacks.Callbacks`, which itself knows what a training is.
    callbacks: Any = None
    #: True where a probe changes nothing and traces itself.
    pure_probe: bool = False
    #: Cost of probing a row against that of training on it: a forward pass against a step.
    probe_cost: float = 1 / 3
    #: True where every step's loss is the loss on all data, so that it serves as the probe.
    full_batch: bool = False
    #: Variables that the traced step reads, known or not; set by the loop.
    touched: Sequence[Any] = ()
    #: What a step changes beside variables, in words; nobody can put it back. Empty for nothing.
    beyond_reach: str = ""
    #: The graph of the traced step; None where it runs outside of any. Set by the loop.
    graph: Any = None

    @functools.cached_property
    def functions(self) -> OwnFunctions:
        """What is called in place of compiled functions, wherever the user's code is called."""
        return OwnFunctions(lambda: tuple(each.mode for each in self.optimizers))

    def in_unit(self, loss: Any) -> Any:
        """A loss that the user's own code returns, as it is taken: times `loss_factor`."""
        return loss if self.loss_factor == 1.0 else self.loss_factor * loss

    @property
    def models(self) -> list[Any]:
        """The Keras models that the step is known to use."""
        return [] if self.model is None else [self.model]

    @property
    def own_step(self) -> bool:
        """True where the step is the user's: it may return another loss than it learns from."""
        return self.verb == "step" or self.own_train_step

    @property
    def rows_in_memory(self) -> ArrayData | None:
        """The rows of the data where they lie in memory, else None."""
        return None if self.data is None else self.data.rows_in_memory

    def length_as_said(self, steps: int) -> str:
        """The argument that gives a number of updates, in epochs where the call did."""
        each, first = self.steps_per_epoch, self.first_epoch
        if each is None:
            return f"steps={steps}"
        if steps % each:
            return f"steps={steps}  # instead of epochs"
        return f"epochs={first + steps // each}"

    def first_batch(self) -> Batch:
        """The batch of the first step; None without data."""
        return None if self.data is None else next(self.data.batches())

    @property
    def replays(self) -> bool:
        """False where a second run cannot see the same batches."""
        return self.data is None or self.data.replays

    @property
    @abc.abstractmethod
    def trainable(self) -> list[tf.Variable]:
        """The `tf.Variable`s that are trained."""

    @property
    @abc.abstractmethod
    def transient(self) -> list[tf.Variable]:
        """The `tf.Variable`s that a probe may change and that are put back after it."""

    def rehearse(self) -> None:  # noqa: B027 - most steps are known to be traceable, or not
        """Finds out how the step may be driven, before that is decided; changes no variable."""

    def verify(self) -> None:  # noqa: B027 - most trainings are checked when they are built
        """Checks what can be told only once the step was traced; before any update.

        Raises:
            InvalidTrainingError: the training cannot be run as asked.
        """

    @property
    def seed_state(self) -> list[tf.Variable]:
        """The `tf.Variable`s of seed generators, set alike before every probe."""
        return []

    @abc.abstractmethod
    def step(self, batch: Batch) -> Any:
        """One update on a batch; returns its loss as a float32 scalar. Traced by the loop."""

    def bare_step(self, batch: Batch) -> Any:
        """A step as `step` makes it that is no compiled function of the user's, traced before."""
        return self.step(batch)

    @property
    def is_recurrent(self) -> bool:
        """True where the step holds loops, which take seconds to differentiate twice."""
        return False

    def probe_chunks(self) -> tuple[int, int]:
        """(rows of the whole probe set, rows evaluated together); (0, 0) without a probe set."""
        return 0, 0

    @property
    def fixed_rows(self) -> bool:
        """True where every batch, and so every chunk of the probe set, has the same rows.

        What the user wrote may be for that number alone; a graph of it is traced for no other.
        """
        data = self.data
        return data is not None and data.even and self.probe_chunks()[1] <= data.batch_size

    def chunks(self, rows: int) -> list[Chunk]:
        """The first `rows` rows of the probe set."""
        _, together = self.probe_chunks()
        return [] if self.data is None or not together else self.data.probe(rows, together)

    def probe(self, batch: Batch) -> Any:
        """The loss on a batch in training mode without an update. Traced by the loop."""
        raise NotImplementedError(self.verb)  # pragma: no cover - only with a probe set

    def finish(self) -> None:  # noqa: B027 - most trainings have nothing to finish
        """What the framework does after the last update, as averaging the weights."""

    def standing(self) -> contextlib.AbstractContextManager[None]:
        """Nothing is trained meanwhile, so that what was computed of a chunk holds."""
        return contextlib.nullcontext()

    def measure_end(self, chunks: list[Chunk]) -> EndMeasures:
        """What can be measured once at the end."""
        return EndMeasures()

    def metric_directions(self) -> dict[str, bool | None]:
        """What is measured at the end by name, and whether more of it is better, None if unknown.

        Known once the step was traced.
        """
        return {"loss": False}

    def nonfinite_data(self) -> tuple[NonFinite, ...]:
        """Where the data is not finite, as far as it can be seen before the training."""
        return ()

    def constant_columns(self) -> tuple[str, ...]:
        """Names of input columns that say nothing, as far as the data can be seen."""
        return ()

    def reseeded(self, seed: int) -> Mapping[int, Any] | None:
        """The initial values of another start by variable id; None where there is no builder."""
        return None

    def state(self) -> list[tf.Variable]:
        """Every `tf.Variable` that a run changes: weights, slots, seeds and metrics."""
        return unique_variables([*self.trainable, *self.transient, *self._slots(), *self.touched])

    def snapshot(self) -> Snapshot:
        """The present state."""
        return Snapshot(self.state())

    @property
    def optimizer_is_ours(self) -> bool:
        """True where another optimizer can take the place of the user's."""
        return False

    def with_optimizer(self, optimizer: Any) -> contextlib.AbstractContextManager[None]:
        """Trains with another Keras optimizer meanwhile, where `optimizer_is_ours`."""
        raise NotImplementedError(self.verb)

    def with_optimizers(self, optimizers: Sequence[Any]) -> contextlib.AbstractContextManager[None]:
        """Trains with others in place of all its optimizers meanwhile, in their order."""
        (optimizer,) = optimizers
        return self.with_optimizer(optimizer)

    def with_model(self, model: Any) -> contextlib.AbstractContextManager[None]:
        """Trains another compiled and built model meanwhile, where there is a `model`."""
        raise NotImplementedError(self.verb)

    def with_variables(
        self, variables: list[tf.Variable]
    ) -> contextlib.AbstractContextManager[None]:
        """Trains other variables meanwhile, where it `lists_variables`."""
        raise NotImplementedError(self.verb)

    def with_own_update(self) -> contextlib.AbstractContextManager[None]:
        """Updates every given variable meanwhile, whatever a step of the user does."""
        raise NotImplementedError(self.verb)

    def with_reported_update(self) -> contextlib.AbstractContextManager[None]:
        """The same by the loss that is reported, where a step may report another one."""
        return self.with_own_update()

    def with_step(self, step: Callable[..., Any]) -> contextlib.AbstractContextManager[None]:
        """Another function meanwhile in place of a step of the user's."""
        raise NotImplementedError(self.verb)

    def read_variables(self) -> list[tf.Variable]:
        """The trainable variables that the loss reads, where it `lists_variables`."""
        return []

    @property
    def function(self) -> Any:
        """The user's own function, which closes over what it uses; None where there is none."""
        return None

    @property
    def seen(self) -> Mapping[str, Any]:
        """What the user's own function closes over or names; empty where it has none."""
        return {}

    def without_callbacks(self) -> contextlib.AbstractContextManager[None]:
        """Trains without its callbacks meanwhile, for looks at the bare training."""
        return attributes_set([(self, "callbacks", None)])

    def with_data(self, data: TrainingData | None) -> contextlib.AbstractContextManager[None]:
        """Trains on other data meanwhile."""
        return attributes_set([(self, "data", data)])

    @contextlib.contextmanager
    def with_rate_factor(self, factor: float, place: int | None = None) -> Iterator[None]:
        """Multiplies every learning rate, or that of one optimizer, meanwhile."""
        if place is None:
            self.set_learning_rate_factor(factor)
        else:
            self.optimizers[place].set_learning_rate_factor(factor)
        try:
            yield
        finally:
            self.set_learning_rate_factor(1.0)

    def environment(self) -> dict[str, int | str]:
        """What may change the numbers of the training a little: the machine, and its replicas.

        See `describe_machine`.
        """
        described = describe_machine()
        strategy = strategy_of(self.trainable)
        if strategy is not None:
            described["replicas"] = int(strategy.num_replicas_in_sync)
            described["strategy"] = type(strategy).__name__
        return described

    def building(self) -> contextlib.AbstractContextManager[Any]:
        """Models and optimizers made meanwhile can take the place of the user's."""
        return contextlib.nullcontext()

    @property
    def why_unchanged(self) -> str:
        """Why no change of the training can be tried; empty where changes can."""
        strategy = strategy_of(self.trainable)
        # Each measures its time for itself, and would stop at another change.
        apart = strategy is not None and works_in_several_processes(strategy)
        return SEVERAL_PROCESSES if apart else ""

    @contextlib.contextmanager
    def traced_anew(self) -> Iterator[None]:
        """Graphs that the training keeps of itself are not used meanwhile, nor afterwards."""
        with self.functions.traced_anew(), attributes_set([(self, "graph", None)]):
            yield

    @property
    def scales_updates(self) -> bool:
        """True where no optimizer is applied, and what a step changes can be multiplied."""
        own = self.own_updates
        return not self.optimizers and own is not None and own.can_be_scaled

    @property
    def unwritten(self) -> list[tf.Variable]:
        """The trained variables that no update of the step writes, as far as that is known."""
        return [] if self.own_updates is None or self.optimizers else self.own_updates.unwritten

    def set_learning_rate_factor(self, factor: float) -> None:
        """Multiplies every learning rate, also one under a schedule or one that nobody knows."""
        for optimizer in self.optimizers:
            optimizer.set_learning_rate_factor(factor)
        if self.own_updates is not None:
            self.own_updates.set_factor(factor if self.scales_updates else 1.0)

    def release(self) -> None:
        """Gives the user's objects back as they were, apart from the training done."""
        if self.callbacks is not None:
            self.callbacks.release()
        for optimizer in self.optimizers:
            optimizer.release()
        self.functions.forget()

    def _slots(self) -> Iterable[Any]:
        return (v for optimizer in self.optimizers for v in optimizer.variables)

    def nonfinite_weights(self) -> str | None:
        """The name of the first trained variable that is not finite, or None."""
        for variable in self.trainable:
            values = variable.numpy()
            if not np.issubdtype(values.dtype, np.integer) and not np.isfinite(values).all():
                return name_of(variable)
        return None
