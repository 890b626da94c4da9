"""The adapter of `converge.step`: a training step that the user wrote."""

from __future__ import annotations

import collections
import contextlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.core.errors import invalid, shown
from pytest_converge.core.guard import Guard
from pytest_converge.core.record import NonFinite
from pytest_converge.training.adapters.legacy_keras import refuse_legacy_step
from pytest_converge.training.adapters.minimize import check_variables, observed
from pytest_converge.training.adapters.seen import method_of_object, models_seen_by, seen_by
from pytest_converge.training.adapters.traceability import Made, made_before, rehearse
from pytest_converge.training.data.arrays import nonfinite
from pytest_converge.training.data.batches import Batch, TrainingData
from pytest_converge.training.measures.no_gradient import end_of_gradient_named
from pytest_converge.training.model.losses import scalar_loss
from pytest_converge.training.state.effects import effects_of
from pytest_converge.training.state.functions import OwnFunctions
from pytest_converge.training.state.optimizer import ObservedOptimizer, is_optimizer
from pytest_converge.training.state.own_updates import OwnUpdates
from pytest_converge.training.state.snapshot import attributes_set, unique_variables
from pytest_converge.training.training import Training

__all__ = ["StepTraining", "loss_returned", "optimizers_of"]

#: A plain step is compiled only if the compiled one repeats this many of its losses.
REHEARSED_STEPS = 3
#: What a step outside of any graph may change.
BEYOND_REACH = "Python objects that the step may change"


class StepTraining(Training):
    """A training step of the user, `step(*batch) -> loss`, plain or already a `tf.function`.

    What a step does beside variables nobody can put back. So one that runs outside of any graph, or
    that uses an iterator, a table or Python code from within one, is called exactly as often as
    there are steps: its loss is not probed.

    Args:
        step: makes one update and returns its loss.
        variables: what it updates.
        data: batches that it is called with; None for a step without arguments.
        optimizer: the one it uses, or a list of them; needed to see gradients and to probe the loss
            without an update. None for those that it closes over or names.
        steps: how many updates the training makes.

    Raises:
        InvalidTrainingError: the step cannot be called, or a variable is none.
    """

    verb = "step"
    probe_cost = 1.0
    takes_builder = False
    _updates_all = False

    def __init__(
        self,
        step: Any,
        *,
        variables: Any,
        data: TrainingData | None,
        optimizer: Any,
        steps: int = REHEARSED_STEPS,
    ) -> None:
        if not callable(step):
            remedy = "Pass the function itself: converge.step(train_step, ...)."
            raise invalid(f"step={shown(step)}", "a function", remedy)
        self._step = method_of_object(step)
        given = check_variables(variables)
        self._variables = unique_variables(given)
        self.data = data
        owner = getattr(self._step, "__self__", None)
        refuse_legacy_step([owner, *seen_by(self._step).values()])
        self.loss_name = getattr(step, "__name__", "step")
        # Those that the step could apply; which of them it does is known once it was called.
        self._candidates = tuple(
            observed(each, given, name) for name, each in _used(self._step, optimizer)
        )
        self.optimizers = self._candidates
        self.own_updates: OwnUpdates = OwnUpdates()
        self.functions = OwnFunctions(self._mode)
        self._rehearsed = hasattr(self._step, "get_concrete_function")
        self._steps = steps
        self._made: collections.deque[Made] = collections.deque()
        self._draws, self._lasting = False, ""

    @property
    def function(self) -> Any:
        """The step as it was given."""
        return self._step

    def with_step(self, step: Callable[..., Any]) -> contextlib.AbstractContextManager[None]:
        """Another function meanwhile in place of the user's."""
        return attributes_set([(self, "_step", step)])

    @property
    def seen(self) -> Mapping[str, Any]:
        """What the step closes over or names."""
        return seen_by(self._step)

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
            made = made_before(self._made, self._candidates)
            loss = self._made_now(batch) if made is None else made
            self._keep_applied()
            return loss
        (optimizer,) = self.optimizers
        with tf.GradientTape() as tape, optimizer.muted():
            loss = self._scalar(self._step, batch)
        gradients = tape.gradient(loss, self._variables)
        pairs = [(g, v) for g, v in zip(gradients, self._variables, strict=True) if g is not None]
        optimizer.optimizer.apply_gradients(pairs)
        return loss

    def _made_now(self, batch: Batch) -> Any:
        if self._applies():
            return self._scalar(self._step, batch)
        with self.own_updates.of_step(self._variables, self._applies):
            return self._scalar(self._step, batch)

    def _applies(self) -> bool:
        return any(each.applied for each in self._candidates)

    @property
    def models(self) -> list[Any]:
        """The models that the step closes over or names."""
        return models_seen_by(self._step)

    def bare_step(self, batch: Batch) -> Any:
        """One call of the function that the user's step was compiled from."""
        function = getattr(self._step, "python_function", None)
        if function is None:
            return self._scalar(self._step, batch)
        return self._scalar(function if tf.executing_eagerly() else _converted(function), batch)

    def _scalar(self, step: Any, batch: Batch) -> Any:
        with end_of_gradient_named(self), self.functions.in_place():
            returned = step() if batch is None else step(*batch)
        return self.in_unit(loss_returned(returned))

    @property
    def full_batch(self) -> bool:  # type: ignore[override]  # known once the step was called
        """True for a step without data whose optimizer is known, and which may be called more."""
        return self.data is None and bool(self.optimizers) and not self._has_state

    @property
    def replays(self) -> bool:
        """False where a second run cannot see the same, as far as it is known."""
        return super().replays and not (self._draws or self._lasting)

    @property
    def _has_state(self) -> bool:
        """True where the step may change what nobody can put back."""
        return bool(self.eager_reason or self._lasting)

    def probe_chunks(self) -> tuple[int, int]:
        """Batches as in the training; none where a call more cannot be made or taken back."""
        if self.data is None or not self.optimizers or self._has_state:
            return 0, 0
        rows, batch_size = self.rows_in_memory, self.data.batch_size
        return batch_size if rows is None else len(rows.probe_index), batch_size

    def probe(self, batch: Batch) -> Any:
        """The loss of a step whose changes the loop takes back.

        To leave the update out saves time, but for functions of the user's, which would be traced
        once more for it.
        """
        with contextlib.ExitStack() as stack:
            for optimizer in () if self.functions.known else self.optimizers:
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

    def with_variables(
        self, variables: list[tf.Variable]
    ) -> contextlib.AbstractContextManager[None]:
        """Takes other variables for those that were given meanwhile."""
        return attributes_set([(self, "_variables", unique_variables(variables))])

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

    def rehearse(self) -> None:
        """Finds out whether a plain step may be compiled, by its first calls.

        Where it may not, they are the first of the training, which is not made to repeat them.
        """
        if self._rehearsed:
            return
        self._rehearsed = True
        if tf.config.functions_run_eagerly():
            return
        batches = itertools.repeat(None) if self.data is None else self.data.batches()
        calls = [(each,) for each in itertools.islice(batches, min(REHEARSED_STEPS, self._steps))]
        instruments = [v for each in self._candidates for v in each.instruments]
        known = [*self.transient, *instruments]
        found = rehearse(
            "step",
            self._first_call,
            calls,
            state=known,
            given=self._variables,
            seen=lambda: self.seen,
        )
        self.eager_reason, self.touched = found.reason, found.variables
        self._made.extend(found.made)
        if found.reason:
            self.beyond_reach = BEYOND_REACH
        self._draws = found.has_state

    def verify(self) -> None:
        """A compiled step updates something, or asks its optimizer to.

        Raises:
            InvalidTrainingError: whatever it is called with, it never changes a variable.
        """
        if self.graph is None or self.eager_reason:
            return
        effects = effects_of(self.graph)
        self._lasting = self.beyond_reach = effects.lasting
        # Each observed optimizer forgets its latest gradient at the beginning of a step.
        own = len(self._candidates) + self.own_updates.writes
        if self._lasting or effects.writes > own or any(each.applied for each in self._all()):
            return
        given, remedy = "a step that changes no variable", "Let it apply the gradients."
        if self._candidates:
            given = "a step that never calls its optimizer"
            remedy = "A condition of Python, as a counter, is decided once: while it is traced."
        raise invalid(given, "one that makes an update", remedy)

    def release(self) -> None:
        """Gives every optimizer back, those included that the step never applied."""
        for optimizer in self._candidates:
            optimizer.release()
        self.functions.forget()

    def _first_call(self, batch: Batch) -> Any:
        for optimizer in self._candidates:
            optimizer.begin_step()
        loss = self._scalar(self._step, batch)
        self._keep_applied()
        return loss

    def _all(self) -> list[ObservedOptimizer]:
        return list({id(each): each for each in (*self._candidates, *self.optimizers)}.values())

    def _mode(self) -> tuple[Any, ...]:
        return tuple(each.mode for each in self._all())

    def _keep_applied(self) -> None:
        """Of the candidates those that the step made an update by; another's place is kept."""
        known = {id(each) for each in self._candidates}
        if all(id(each) in known for each in self.optimizers):
            self.optimizers = tuple(each for each in self._candidates if each.applied)


def loss_returned(returned: Any) -> Any:
    """What a step returned as its loss: one float32 number.

    Raises:
        InvalidTrainingError: it is none.
    """
    loss = returned.get("loss") if isinstance(returned, Mapping) else returned
    if loss is None:
        given = f"a step that returned {shown(returned)}"
        remedy = "End it with: return loss."
        raise invalid(given, "the loss of the step", remedy)
    return tf.cast(scalar_loss(loss, "step", of_rows=True), tf.float32)


def _converted(function: Any) -> Any:
    """A function whose Python conditions and loops work on tensors of a graph."""
    converted = Guard().tried("conversion", lambda: tf.autograph.to_graph(function))
    return function if converted is None else converted  # one without source code stays as it is


def _used(step: Any, optimizer: Any) -> list[tuple[str, Any]]:
    """The optimizers that were given, or that a step closes over or names, each by its name."""
    if optimizer is None:
        return list(optimizers_of(step).items())
    names = {id(each): name for name, each in seen_by(step).items()}
    listed = list(optimizer) if isinstance(optimizer, Sequence) else [optimizer]
    if isinstance(optimizer, str) or not listed:
        listed = [optimizer]  # which is refused
    given = {id(each): each for each in listed}.values()
    return [(names.get(id(each), ""), each) for each in given]


def optimizers_of(step: Any) -> dict[str, Any]:
    """The optimizers that a function closes over or names, those of compiled models included."""
    named = seen_by(step)
    found = {name: each for name, each in named.items() if is_optimizer(each)}
    if not found:
        models = {name: each for name, each in named.items() if isinstance(each, keras.Model)}
        held = {name: getattr(each, "optimizer", None) for name, each in models.items()}
        found = {f"{name}.optimizer": each for name, each in held.items()}
    first = {id(each): name for name, each in reversed(found.items()) if each}
    return {name: found[name] for name in reversed(first.values())}
