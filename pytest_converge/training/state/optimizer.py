"""Optimizers under observation: gradients seen, the learning rate read and settable."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.training import keras_internals
from pytest_converge.training.state.observed_rate import ObservedRate, innermost
from pytest_converge.training.state.replicas import replica_variable, summed_over_replicas
from pytest_converge.training.state.shared_operations import repeats_shared
from pytest_converge.training.state.snapshot import (
    as_tf_variable,
    attributes_set,
    shadowed,
    unique_variables,
)

__all__ = [
    "GradientStore",
    "NoGradientError",
    "ObservedOptimizer",
    "is_optimizer",
    "is_plain_sgd",
]


#: What a step may call on a Keras optimizer before it takes the gradients.
SCALES_LOSS = "scale_loss"


class NoGradientError(InvalidTrainingError):
    """An optimizer was to make an update and got no gradient of any variable."""


def is_optimizer(candidate: object) -> bool:
    """True for Keras optimizers and for those of `tf.compat.v1.train`."""
    return isinstance(candidate, (keras.optimizers.Optimizer, tf.compat.v1.train.Optimizer))


class ObservedOptimizer:
    """Wraps an optimizer for the time of a training; the object itself stays the user's.

    Its gradients and its learning rate are seen, and the rate is multiplied. `release` takes
    everything back.

    Args:
        optimizer: a Keras optimizer or one of `tf.compat.v1.train`.
        name: what the user's program calls it; empty where that is not known.

    Attributes:
        applied: True once a step was traced or run that makes an update by it.
        observed_rate: its learning rate under observation.
    """

    def __init__(self, optimizer: Any, name: str = "") -> None:
        self.optimizer = optimizer
        self.name = name
        self.applied = False
        self._norm = replica_variable(optimizer, "gradient_norm")
        self._taps = 0
        self._began_in: Any = None
        self._is_within = False
        self._muted = False
        self._successor: Any = None
        self._store: GradientStore | None = None
        self._is_keras = isinstance(optimizer, keras.optimizers.Optimizer)
        self._rate_owner = innermost(optimizer)
        self.observed_rate = ObservedRate(optimizer)
        self._install_tap()
        self._install_short_cut()

    @property
    def variables(self) -> list[tf.Variable]:
        """Slots, iteration counter and learning rate as `tf.Variable`s."""
        variables, rate = self.optimizer.variables, self.rate_variable
        own = variables() if callable(variables) else variables
        return unique_variables([*own, *([] if rate is None else [rate])])

    @property
    def counters(self) -> list[tf.Variable]:
        """The variable that counts the updates made; none for `tf.compat.v1.train`."""
        counted = [keras_internals.iterations(self._rate_owner)] if self._is_keras else []
        return unique_variables(counted)

    @property
    def user_rate(self) -> Any:
        """The learning rate as the user gave it: a number, a schedule or a callable."""
        return self.observed_rate.original

    @property
    def rate_set_in_step(self) -> bool:
        """True once a step was traced or run that sets the learning rate."""
        return self.observed_rate.set_in_step

    @property
    def instruments(self) -> list[tf.Variable]:
        """Variables of the observation itself, which are no part of the training."""
        return [self._norm, *self.observed_rate.instruments]

    @property
    def norm(self) -> tf.Variable:
        """The instrument that each step sets anew."""
        return self._norm

    @property
    def mode(self) -> tuple[Any, ...]:
        """What an update that is traced now would do; in another mode a graph does another thing.

        The objects themselves, so that none of them can be taken for a later one.
        """
        return self, self._muted, self._store, self._successor

    def learning_rate(self) -> Any:
        """The learning rate of the next update: a float32 scalar tensor, or None if unknown."""
        return self.observed_rate.read()

    def learning_rate_of_step(self, before: Any) -> Any:
        """The learning rate of the step that ends here, where it was `before` at its beginning."""
        return self.observed_rate.of_step(before)

    def set_learning_rate_factor(self, factor: float) -> None:
        """Multiplies the user's learning rate, whoever sets it, by `factor`."""
        self.observed_rate.set_factor(factor)

    def plain_rate(self) -> float | None:
        """The present value of a rate under no schedule, as the user's code knows it, or None."""
        plain = self.rate_variable
        return None if plain is None else float(plain.numpy())

    @property
    def rate_variable(self) -> Any:
        """The Keras variable of a learning rate under no schedule; None for any other."""
        return self.observed_rate.variable

    def muted(self) -> contextlib.AbstractContextManager[None]:
        """Updates asked for meanwhile are not made: the rest of a step runs alone."""
        return attributes_set([(self, "_muted", True)])

    @property
    def is_muted(self) -> bool:
        """True while updates are left out."""
        return self._muted

    @contextlib.contextmanager
    def replaced_by(self, successor: Any) -> Iterator[None]:
        """Updates asked for meanwhile are made by another Keras optimizer, as traced from now.

        What the user's code makes of the learning rate is made of the other one's, and the other
        one says by how much a loss is multiplied.
        """
        self.observed_rate.share_with(successor)
        scale = [(self.optimizer, SCALES_LOSS, getattr(successor, SCALES_LOSS, None))]
        with (
            shadowed(scale if hasattr(self.optimizer, SCALES_LOSS) else []),
            attributes_set([(self, "_successor", successor)]),
        ):
            yield

    def handing_out(self, store: GradientStore) -> contextlib.AbstractContextManager[None]:
        """Gradients of updates asked for meanwhile are added to `store`, before any clipping."""
        return attributes_set([(self, "_store", store)])

    def begin_step(self) -> None:
        """Forgets the gradients of the step before. Traced by the loop."""
        self._taps = 0
        self._began_in = _graph()
        self.observed_rate.begin_step()
        self._norm.assign(0.0)

    def gradient_norm(self) -> Any:
        """The global L2 norm of the gradients of this step, or None where none were seen.

        It travels in a variable: a step that is a `tf.function` of its own, or one that applies
        its gradients inside a condition, has no tensor to hand out. A graph of its own is heard
        only while it is traced, and used in later steps.
        """
        return tf.convert_to_tensor(self._norm) if self._taps or self._is_within else None

    def stands(self) -> None:
        """The step was made before: the norm of its gradients stands in the instrument."""
        self._taps = int(self.applied)

    def release(self) -> None:
        """Gives the optimizer back as it was."""
        for name in ("apply", "apply_gradients"):
            self.optimizer.__dict__.pop(name, None)
        keras_internals.without_short_cut(self._rate_owner)
        self.observed_rate.release()

    def _install_tap(self) -> None:
        """Keras' `apply_gradients` ends in `apply`; a custom step may call either."""
        name = "apply" if self._is_keras else "apply_gradients"
        original = getattr(self.optimizer, name)

        def apply(grads: Any, trainable_variables: Any = None) -> Any:
            grads = list(grads)
            if self._successor is not None:
                return self._successor.apply(grads, trainable_variables)
            self._hand_out(grads, trainable_variables)
            if self._muted:
                return self._skip()
            _require_some(grads)
            with self._own_stack_traces():
                self._observe(grads)
                with self.observed_rate.in_update(), repeats_shared():
                    return original(grads, trainable_variables)

        def apply_gradients(grads_and_vars: Any, *args: Any, **kwargs: Any) -> Any:
            pairs = list(grads_and_vars)
            self._hand_out([gradient for gradient, _ in pairs], [v for _, v in pairs])
            if self._muted:
                return self._skip()
            _require_some([gradient for gradient, _ in pairs])
            self._observe([gradient for gradient, _ in pairs])
            return original(pairs, *args, **kwargs)

        self.optimizer.__dict__[name] = apply if self._is_keras else apply_gradients

    def _install_short_cut(self) -> None:
        """With one replica the sum of the gradients over all replicas is the gradients themselves.

        TensorFlow keeps every graph in which it was traced for good, as it does for each custom
        gradient: some megabytes a training.
        """
        if self._is_keras:
            keras_internals.short_cut_for_one_replica(self._rate_owner)

    def _own_stack_traces(self) -> contextlib.AbstractContextManager[None]:
        """Where in an optimizer of Keras an error came up is told by the update itself."""
        of_keras = type(self._rate_owner).__module__.partition(".")[0] == "keras"
        return keras_internals.one_stack_trace() if of_keras else contextlib.nullcontext()

    def _hand_out(self, gradients: list[Any], variables: Any) -> None:
        if self._store is None:
            return
        known = variables
        if known is None:
            known = keras_internals.optimized_variables(self.optimizer)
        self._store.add(gradients, known, getattr(self.optimizer, "dynamic_scale", None))

    def _observe(self, gradients: list[Any]) -> None:
        self.applied = True
        self.observed_rate.keep_used()
        seen = [_as_float32(gradient) for gradient in gradients if gradient is not None]
        if not seen:
            return
        seen = summed_over_replicas(seen)
        scale = getattr(self.optimizer, "dynamic_scale", None)
        if scale is None:
            norm = tf.linalg.global_norm(seen)
        else:
            norm = _norm_of_any_size(seen) / tf.cast(tf.convert_to_tensor(scale), tf.float32)
        # A step may apply gradients more than once; the norm is that of all of them together. A
        # graph within the step's may be called more than once, and is traced only once.
        within = _graph() is not self._began_in
        self._is_within = self._is_within or within
        self._norm.assign(tf.linalg.norm([self._norm, norm]) if self._taps or within else norm)
        self._taps += 1

    def _skip(self) -> Any:
        return getattr(self.optimizer, "iterations", None)


def _norm_of_any_size(gradients: list[Any]) -> Any:
    """The global norm of gradients whose squares may be beyond what float32 holds."""
    filled = [gradient for gradient in gradients if gradient.shape.num_elements() != 0]
    largest = tf.reduce_max([tf.reduce_max(tf.abs(gradient)) for gradient in filled])
    usual = tf.where(tf.math.is_finite(largest) & (largest > 0.0), largest, 1.0)
    return usual * tf.linalg.global_norm([gradient / usual for gradient in gradients])


def _require_some(gradients: list[Any]) -> None:
    """Refuses an update without any gradient, as Keras does, by an error of a kind of its own."""
    if gradients and all(gradient is None for gradient in gradients):
        raise NoGradientError("no variable has a gradient")


class GradientStore:
    """The gradients of a step in variables, so that they leave any graph and condition.

    Args:
        variables: `tf.Variable`s whose gradients are kept.

    Attributes:
        values: float32 variables with the gradients, in the order of `variables`.
        filled: True once a gradient was seen, that is traced.
        tensors: the latest gradient of each variable as the step computed it, None for none; for
            tapes around the step, in whose graph they may not be.
    """

    def __init__(self, variables: list[tf.Variable]) -> None:
        zeros = [tf.zeros(v.shape, tf.float32) for v in variables]
        self.values = [tf.Variable(zero, trainable=False) for zero in zeros]
        self.filled = False
        self.tensors: list[Any] = [None] * len(variables)
        self._places = {id(v): place for place, v in enumerate(variables)}

    def clear(self) -> None:
        """Sets every gradient to zero."""
        for value in self.values:
            value.assign(tf.zeros_like(value))
        self.tensors = [None] * len(self.values)

    def add(self, gradients: list[Any], variables: Any, scale: Any) -> None:
        """Adds gradients, which are `scale` times too large where a scale is given."""
        for gradient, variable in zip(gradients, variables, strict=True):
            place = self._places.get(id(as_tf_variable(variable)))
            if gradient is None or place is None:
                continue
            dense = tf.cast(tf.convert_to_tensor(gradient), tf.float32)
            if scale is not None:
                dense /= tf.cast(tf.convert_to_tensor(scale), tf.float32)
            self.values[place].assign_add(dense)
            self.tensors[place] = gradient
            self.filled = True


def _graph() -> Any:
    """The graph that is being traced; None outside of any."""
    return None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()


def _as_float32(gradient: Any) -> Any:
    """Gradients of mixed types have no common norm until they are cast.

    Of the sparse gradient of an embedding the listed rows count, as in TensorFlow's clipping.
    """
    sparse = isinstance(gradient, tf.IndexedSlices)
    values = gradient.values if sparse else tf.convert_to_tensor(gradient)
    return values if values.dtype == tf.float32 else tf.cast(values, tf.float32)


def is_plain_sgd(optimizer: Any) -> bool:
    """True for gradient descent with or without momentum, whose stability limit is known."""
    compat = tf.compat.v1.train
    kinds = (
        keras.optimizers.SGD,
        compat.GradientDescentOptimizer,
        compat.MomentumOptimizer,
    )
    return isinstance(optimizer, kinds)
