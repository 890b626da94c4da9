"""The adapter of `converge.minimize`: a loss callable, variables and an optimizer."""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.core.errors import invalid, shown
from pytest_converge.core.record import NonFinite
from pytest_converge.training.adapters.built import Built, updated
from pytest_converge.training.adapters.legacy_keras import refuse_legacy
from pytest_converge.training.adapters.seen import method_of_object, models_seen_by, seen_by
from pytest_converge.training.adapters.traceability import (
    Made,
    made_before,
    needed_arguments,
    rehearse,
)
from pytest_converge.training.data.arrays import as_array, nonfinite_array
from pytest_converge.training.data.batches import Batch
from pytest_converge.training.measures.no_gradient import end_of_gradient_named
from pytest_converge.training.model.losses import scalar_loss
from pytest_converge.training.state.effects import effects_of
from pytest_converge.training.state.functions import OwnFunctions
from pytest_converge.training.state.optimizer import ObservedOptimizer, is_optimizer
from pytest_converge.training.state.seeding import seed_everything
from pytest_converge.training.state.session import graph_of
from pytest_converge.training.state.snapshot import attributes_set, unique_variables
from pytest_converge.training.training import Training

__all__ = ["MinimizeTraining", "check_variables"]

Parts = tuple[Any, Any, Any]

#: What more calls of a loss outside of any graph are for.
PROBED = "; it is called more often, for its value at the start and the end and its curvature"
#: A plain loss is compiled only if the compiled one repeats its value this many times.
REHEARSED = 2


class MinimizeTraining(Training):
    """Minimisation of a function of variables: every step uses the loss on all that it closes over.

    Args:
        loss: returns a scalar; takes no argument.
        variables: `tf.Variable`s or Keras variables.
        optimizer: of Keras or of `tf.compat.v1.train`.
        builder: makes the three anew from another seed, where the user gave a function.
        steps: how many updates the training makes.

    Raises:
        InvalidTrainingError: one of the three is not what it has to be.
    """

    verb = "minimize"
    lists_variables = True

    def __init__(
        self,
        loss: Any,
        variables: Any,
        optimizer: Any,
        *,
        builder: Callable[[], Parts] | None = None,
        steps: int = REHEARSED,
    ) -> None:
        if not callable(loss):
            remedy = "Write it as a function, as lambda: tf.reduce_mean((y - w) ** 2)."
            raise invalid(f"loss={shown(loss)}", "a function without arguments", remedy)
        needed = needed_arguments(loss)
        if needed:
            remedy = "Let it close over its data, as lambda: loss(x, y)."
            given = f"a loss that needs {', '.join(needed)}"
            raise invalid(given, "a function without arguments", remedy)
        self._loss = method_of_object(loss)
        self._given = check_variables(variables)
        self._variables = unique_variables(self._given)
        if len(self._variables) < len(self._given):
            remedy = "Pass each of them once."
            raise invalid("a variable that is listed twice", "different variables", remedy)
        if any(graph_of(variable) is not None for variable in self._variables):
            remedy = "Use converge.step, whose step runs session.run([train_op, loss])."
            raise invalid("variables of a tf.Graph", "variables of eager TensorFlow", remedy)
        self._builder = builder
        self._first, self._built = (self._variables, optimizer), Built()
        self.loss_name = getattr(loss, "__name__", type(loss).__name__).replace("<lambda>", "loss")
        self.optimizers = (observed(optimizer, self._given),)
        self.functions = OwnFunctions(lambda: ())  # no update is made within a loss
        self._rehearsed = hasattr(self._loss, "get_concrete_function")
        self._steps = steps
        self._made: collections.deque[Made] = collections.deque()
        self._draws, self._lasting = False, ""

    @property
    def trainable(self) -> list[tf.Variable]:
        """The variables given."""
        return self._variables

    @property
    def models(self) -> list[Any]:
        """The models that the loss closes over or names."""
        return models_seen_by(self._loss)

    @property
    def transient(self) -> list[tf.Variable]:
        """Nothing: the loss is only read."""
        return []

    @property
    def full_batch(self) -> bool:  # type: ignore[override]  # known once the loss was called
        """True unless the loss draws from what nobody can put back: then no value is comparable."""
        return not (self._draws or self._lasting)

    def rehearse(self) -> None:
        """Finds out whether a plain loss may be compiled, by the first steps.

        Where it may not, they are the first of the training, which is not made to repeat them.
        """
        if self._rehearsed:
            return
        self._rehearsed = True
        if tf.config.functions_run_eagerly():
            return
        (optimizer,) = self.optimizers
        calls = [()] * min(REHEARSED, self._steps)
        known = [*optimizer.variables, *optimizer.instruments]
        found = rehearse(
            "loss",
            self._first_step,
            calls,
            state=known,
            given=self._variables,
            seen=lambda: seen_by(self._loss),
        )
        self.eager_reason, self.touched = found.reason, found.variables
        if found.reason and not found.has_state:
            self.eager_reason += PROBED
        self._draws = found.has_state
        self._made.extend(found.made)

    def verify(self) -> None:
        """Looks for what a compiled loss uses and nobody can put back."""
        self._lasting = "" if self.graph is None else effects_of(self.graph).lasting

    def _first_step(self) -> Any:
        self.optimizers[0].begin_step()
        return self.step(None)

    def step(self, batch: Batch) -> Any:
        """One `optimizer.minimize`; returns the loss before the update."""
        made = made_before(self._made, self.optimizers)
        if made is not None:
            return made
        with tf.GradientTape() as tape:
            loss = self._scalar()
        gradients = tape.gradient(loss, self._variables)
        pairs = list(zip(gradients, self._given, strict=True))
        # Some variables may have none by right; where no one has, the optimizer says so.
        there = [(g, v) for g, v in pairs if g is not None]
        with end_of_gradient_named(self):
            self.optimizers[0].optimizer.apply_gradients(there or pairs)
        return loss

    def probe(self, batch: Batch) -> Any:
        """The loss at the present values."""
        return self._scalar()

    @property
    def optimizer_is_ours(self) -> bool:
        """The loss does not know by what it is minimised."""
        return True

    def with_optimizer(self, optimizer: Any) -> contextlib.AbstractContextManager[None]:
        """Minimises by another optimizer meanwhile."""
        return attributes_set([(self, "optimizers", (observed(optimizer, self._given),))])

    def with_variables(
        self, variables: list[tf.Variable]
    ) -> contextlib.AbstractContextManager[None]:
        """Trains other variables of the loss meanwhile, by an optimizer of the same settings."""
        inner = unique_variables(variables)
        return attributes_set([(self, "_given", variables), (self, "_variables", inner)])

    def read_variables(self) -> list[tf.Variable]:
        """The trainable variables that the loss reads, whether they were given or not."""
        with tf.GradientTape() as tape:
            self._scalar()
        return unique_variables(tape.watched_variables())

    @property
    def function(self) -> Any:
        """The loss as it was given."""
        return self._loss

    @property
    def seen(self) -> Mapping[str, Any]:
        """What the loss closes over or names."""
        return seen_by(self._loss)

    def reseeded(self, seed: int) -> Mapping[int, Any] | None:
        """The initial values that the builder gives from another seed.

        Raises:
            InvalidTrainingError: the builder returned a variable of an earlier call again.
        """
        if self._builder is None:
            return None
        self._built.keep(updated(*self._first))
        seed_everything(seed)
        _, variables, optimizer = self._builder()
        others = unique_variables(check_variables(variables))
        self._built.require_new(updated(others, optimizer))
        self._built.keep(updated(others, optimizer))
        if [tuple(v.shape) for v in others] != [tuple(v.shape) for v in self._variables]:
            return None
        pairs = zip(self._variables, others, strict=True)
        return {id(mine): other.numpy() for mine, other in pairs}

    def nonfinite_data(self) -> tuple[NonFinite, ...]:
        """Constants that the loss closes over and that are not finite."""
        if self._lasting:
            return ()  # to look would be a call more
        first = self._made[0].value if self._made else float(self._scalar())
        if np.isfinite(first):
            return ()
        graph = tf.function(self._scalar, autograph=False).get_concrete_function().graph
        held = [value for value, _ in graph.captures if hasattr(value, "numpy")]
        held += [tf.make_ndarray(op.get_attr("value")) for op in graph.get_operations()
                 if op.type == "Const"]  # fmt: skip
        arrays = [as_array(value) for value in held if value.dtype != tf.resource]
        named = {f"constant {n} of the loss": a for n, a in enumerate(arrays) if a.ndim}
        return tuple(found for name, a in named.items() for found in nonfinite_array(name, a))

    def _scalar(self) -> Any:
        with self.functions.in_place():
            return self.in_unit(scalar_loss(self._loss(), "loss"))


def check_variables(variables: Any) -> list[Any]:
    """A non-empty list of variables, each a `tf.Variable` or a Keras variable."""
    expected = "a list of tf.Variable or keras.Variable"
    remedy = "Pass what the optimizer updates, as [w, b] or model.trainable_variables."
    if isinstance(variables, (tf.Variable, keras.Variable)):
        variables = [variables]
    if not isinstance(variables, Iterable):
        raise invalid(f"variables={shown(variables)}", expected, remedy)
    listed = list(variables)
    if not listed:
        remedy += " A model has none before it is built: call it once on a batch."
        raise invalid("no trainable variables (an empty list)", expected, remedy)
    for variable in listed:
        if not isinstance(variable, (tf.Variable, keras.Variable)):
            raise invalid(f"the variable {shown(variable)}", expected, remedy)
        if tf.as_dtype(variable.dtype) == tf.string:
            raise invalid(f"the variable {shown(variable)}", "variables of numbers", remedy)
    return listed


def observed(optimizer: Any, variables: list[tf.Variable], name: str = "") -> ObservedOptimizer:
    """An optimizer under observation, built for the variables.

    Args:
        optimizer: of Keras or of `tf.compat.v1.train`.
        variables: what it updates.
        name: what the user's program calls it; empty where that is not known.
    """
    if not is_optimizer(optimizer):
        refuse_legacy("an optimizer", optimizer)
        expected = "an optimizer of keras.optimizers or tf.compat.v1.train"
        remedy = "Pass an object, as keras.optimizers.SGD(0.1), not a name."
        raise invalid(f"optimizer={shown(optimizer)}", expected, remedy)
    if isinstance(optimizer, keras.optimizers.Optimizer) and not optimizer.built:
        optimizer.build(variables)
    return ObservedOptimizer(optimizer, name)
