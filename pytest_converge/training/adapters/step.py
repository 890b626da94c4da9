"""The adapter of `converge.step`: a training step that the user wrote."""

from __future__ import annotations

import contextlib
import inspect
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.core.errors import invalid, shown
from pytest_converge.core.guard import Guard
from pytest_converge.core.record import NonFinite
from pytest_converge.training.adapters.legacy_keras import refuse_legacy_step
from pytest_converge.training.adapters.minimize import check_variables, observed
from pytest_converge.training.adapters.traceability import rehearse
from pytest_converge.training.data.arrays import nonfinite
from pytest_converge.training.data.batches import Batch, TrainingData
from pytest_converge.training.measures.no_gradient import end_of_gradient_named
from pytest_converge.training.model.losses import scalar_loss
from pytest_converge.training.state.optimizer import is_optimizer
from pytest_converge.training.state.snapshot import attributes_set, unique_variables
from pytest_converge.training.training import Training

__all__ = ["StepTraining"]

__tracebackhide__ = True  # errors of a user's own code end at that code

#: A plain step is compiled only if the compiled one repeats this many of its losses.
REHEARSED_STEPS = 3


class StepTraining(Training):
    """A training step of the user, `step(*batch) -> loss`, plain or already a `tf.function`.

    Args:
        step: makes one update and returns its loss.
        variables: what it updates.
        data: batches that it is called with; None for a step without arguments.
        optimizer: the one it uses; needed to see gradients and to probe the loss without an update.

    Raises:
        InvalidTrainingError: the step cannot be called, or a variable is none.
    """

    verb = "step"
    probe_cost = 1.0
    takes_builder = False
    _updates_all = False

    def __init__(
        self, step: Any, *, variables: Any, data: TrainingData | None, optimizer: Any
    ) -> None:
        if not callable(step):
            remedy = "Pass the function itself: converge.step(train_step, ...)."
            raise invalid(f"step={shown(step)}", "a function", remedy)
        self._step = step
        given = check_variables(variables)
        self._variables = unique_variables(given)
        self.data = data
        refuse_legacy_step([getattr(step, "__self__", None), *_seen_by(step)])
        self.loss_name = getattr(step, "__name__", "step")
        used = optimizers_of(step) if optimizer is None else [optimizer]
        self.optimizers = tuple(observed(each, given) for each in used)
        self.full_batch = data is None and bool(self.optimizers)
        if not hasattr(step, "get_concrete_function"):
            self.eager_reason = self._rehearse()

    @property
    def trainable(self) -> list[tf.Variable]:
        """The variables given."""
        return self._variables

    @property
    def transient(self) -> list[tf.Variable]:
        """Everything: a probe is a step that is taken back."""
        slots = [v for optimizer in self.optimizers for v in optimizer.variables]
        return unique_variables([*self._variables, *slots, *self.touched])

    def step(self, batch: Batch) -> Any:
        """One call of the user's step."""
        if not self._updates_all:
            return self._scalar(self._step, batch)
        (optimizer,) = self.optimizers
        with tf.GradientTape() as tape, optimizer.muted():
            loss = self._scalar(self._step, batch)
        gradients = tape.gradient(loss, self._variables)
        pairs = [(g, v) for g, v in zip(gradients, self._variables, strict=True) if g is not None]
        optimizer.optimizer.apply_gradients(pairs)
        return loss

    @property
    def models(self) -> list[Any]:
        """The models that the step closes over or names."""
        named = [each for each in _seen_by(self._step) if _is_model(each) and each.built]
        return list({id(each): each for each in named}.values())

    def traced_anew(self) -> contextlib.AbstractContextManager[None]:
        """What the user compiled was traced as it was, and is compiled again."""
        function = getattr(self._step, "python_function", None)
        again = self._step if function is None else tf.function(function)
        return attributes_set([(self, "_step", again)])

    def bare_step(self, batch: Batch) -> Any:
        """One call of the function that the user's step was compiled from."""
        function = getattr(self._step, "python_function", None)
        if function is None:
            return self._scalar(self._step, batch)
        return self._scalar(function if tf.executing_eagerly() else _converted(function), batch)

    def _scalar(self, step: Any, batch: Batch) -> Any:
        with end_of_gradient_named(self):
            returned = step() if batch is None else step(*batch)
        loss = returned.get("loss") if isinstance(returned, Mapping) else returned
        if loss is None:
            given = f"a step that returned {shown(returned)}"
            remedy = "End it with: return loss."
            raise invalid(given, "the loss of the step", remedy)
        return tf.cast(scalar_loss(loss, "step", of_rows=True), tf.float32)

    def probe_chunks(self) -> tuple[int, int]:
        """Batches as in the training; none where the optimizer is not known."""
        if self.data is None or not self.optimizers:
            return 0, 0
        rows, batch_size = self.rows_in_memory, self.data.batch_size
        return batch_size if rows is None else len(rows.probe_index), batch_size

    def probe(self, batch: Batch) -> Any:
        """The loss of a step whose changes the loop takes back."""
        with contextlib.ExitStack() as stack:
            for optimizer in self.optimizers:
                stack.enter_context(optimizer.muted())
            return self.step(batch)

    @property
    def optimizer_is_ours(self) -> bool:
        """True where the step has one optimizer, of Keras, whose updates another can make."""
        return len(self.optimizers) == 1 and bool(self.optimizers[0].counters)

    @contextlib.contextmanager
    def with_optimizer(self, optimizer: Any) -> Iterator[None]:
        """The step asks its own optimizer for updates, and another one makes them meanwhile."""
        new, own = observed(optimizer, self._variables), self.optimizers[0]
        with own.replaced_by(optimizer), attributes_set([(self, "optimizers", (new,))]):
            yield

    @contextlib.contextmanager
    def with_own_update(self) -> Iterator[None]:
        """Every given variable is updated meanwhile, by the gradient of the loss that is returned.

        What the step itself does with its optimizer is left out.
        """
        with attributes_set([(self, "_updates_all", True)]):
            yield

    def nonfinite_data(self) -> tuple[NonFinite, ...]:
        """Columns of the batches that hold a NaN or an infinity."""
        rows = self.rows_in_memory
        return () if rows is None else nonfinite(rows.arrays)

    def _rehearse(self) -> str:
        """Whether a plain step may be compiled: empty if so, else why it may not."""
        batches = iter([None]) if self.data is None else self.data.batches()
        taken = list(itertools.islice(batches, REHEARSED_STEPS))
        taken *= REHEARSED_STEPS if self.data is None else 1
        return rehearse("step", self.step, [(batch,) for batch in taken], self.transient)


def _converted(function: Any) -> Any:
    """A function whose Python conditions and loops work on tensors of a graph."""
    converted = Guard().tried("conversion", lambda: tf.autograph.to_graph(function))
    return function if converted is None else converted  # one without source code stays as it is


def optimizers_of(step: Any) -> list[Any]:
    """The optimizers that a function closes over or names, those of compiled models included."""
    named = _seen_by(step)
    found = [each for each in named if is_optimizer(each)]
    if not found:
        found = [each.optimizer for each in named if _is_model(each) and each.optimizer]
    return list({id(each): each for each in found}.values())


def _seen_by(step: Any) -> list[Any]:
    """What a function closes over or names."""
    function = inspect.unwrap(getattr(step, "python_function", step))
    function = getattr(function, "__func__", function)
    if not inspect.isfunction(function):
        return []
    seen = inspect.getclosurevars(function)
    return [*seen.nonlocals.values(), *seen.globals.values()]


def _is_model(candidate: Any) -> bool:
    return isinstance(candidate, keras.Model)
