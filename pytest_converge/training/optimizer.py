"""Optimizers under observation: gradients seen, the learning rate read and settable."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.training.snapshot import unique_variables

__all__ = ["ObservedOptimizer", "is_optimizer"]

#: Where `tf.compat.v1.train` optimizers keep their learning rate.
COMPAT_RATES = ("_learning_rate", "_lr")


def is_optimizer(candidate: object) -> bool:
    """True for Keras optimizers and for those of `tf.compat.v1.train`."""
    return isinstance(candidate, (keras.optimizers.Optimizer, tf.compat.v1.train.Optimizer))


class ObservedOptimizer:
    """Wraps an optimizer for the time of a training; the object itself stays the user's.

    A rate that is not a plain variable (a schedule, a callable, a Python number of a
    `tf.compat.v1.train` optimizer) is replaced by the same rate times a variable, which makes it
    settable without tracing again. `release` takes everything back.

    Args:
        optimizer: a Keras optimizer or one of `tf.compat.v1.train`.
    """

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer
        self._norm = tf.Variable(0.0, trainable=False, name="gradient_norm")
        self._taps = 0
        self._muted = False
        self._factor = tf.Variable(1.0, trainable=False, name="learning_rate_factor")
        self._is_keras = isinstance(optimizer, keras.optimizers.Optimizer)
        self._original_rate: Any = None
        self._install_rate()
        self._install_tap()

    @property
    def variables(self) -> list[Any]:
        """Slots, iteration counter and learning rate as `tf.Variable`s."""
        variables = self.optimizer.variables
        return unique_variables(variables() if callable(variables) else variables)

    def learning_rate(self) -> Any:
        """The learning rate of the next update: a float32 scalar tensor, or None if unknown."""
        if self._is_keras:
            return tf.cast(tf.convert_to_tensor(self.optimizer.learning_rate), tf.float32)
        rate = self._compat_rate()
        return None if rate is None else tf.cast(rate(), tf.float32)

    def set_learning_rate_factor(self, factor: float) -> None:
        """Multiplies the user's learning rate, also one under a schedule, by `factor`."""
        plain = self._plain_rate()
        if plain is None:
            self._factor.assign(factor)
        else:
            plain.assign(self._original_rate * factor)

    @contextlib.contextmanager
    def muted(self) -> Iterator[None]:
        """Updates asked for meanwhile are not made: the rest of a step runs alone."""
        self._muted = True
        try:
            yield
        finally:
            self._muted = False

    def begin_step(self) -> None:
        """Forgets the gradients of the step before. Traced by the loop."""
        self._taps = 0
        self._norm.assign(0.0)

    def gradient_norm(self) -> Any:
        """The global L2 norm of the gradients of this step, or None where none were seen.

        It travels in a variable: a step that is a `tf.function` of its own, or one that applies
        its gradients inside a condition, has no tensor to hand out.
        """
        return tf.identity(self._norm) if self._taps else None

    def release(self) -> None:
        """Gives the optimizer back as it was."""
        for name in ("apply", "apply_gradients"):
            self.optimizer.__dict__.pop(name, None)
        if self._original_rate is None:
            return
        plain = self._plain_rate()
        if plain is not None:
            return
        if self._is_keras:
            self.optimizer.learning_rate = self._original_rate
        else:
            setattr(self.optimizer, self._compat_name(), self._original_rate)

    def _plain_rate(self) -> Any:
        """The variable of a constant Keras learning rate, or None."""
        rate = getattr(self.optimizer, "_learning_rate", None)
        return rate if self._is_keras and isinstance(rate, keras.Variable) else None

    def _install_rate(self) -> None:
        plain = self._plain_rate()
        if plain is not None:
            self._original_rate = float(plain.numpy())
        elif self._is_keras:
            self._install_scheduled_rate()
        elif self._compat_rate() is not None:
            original = getattr(self.optimizer, self._compat_name())
            self._original_rate = original

            def scaled() -> Any:
                value = original() if callable(original) else original
                return tf.cast(value, tf.float32) * self._factor

            setattr(self.optimizer, self._compat_name(), scaled)

    def _install_scheduled_rate(self) -> None:
        original = getattr(self.optimizer, "_learning_rate", None)
        if original is None:  # a wrapper such as LossScaleOptimizer delegates its rate
            return
        self._original_rate = original
        optimizer, factor = self.optimizer, self._factor
        takes_step = isinstance(original, keras.optimizers.schedules.LearningRateSchedule)

        def scaled() -> Any:
            value = original(optimizer._iterations) if takes_step else original()
            value = tf.convert_to_tensor(value)
            return value * tf.cast(factor, value.dtype)

        optimizer.learning_rate = scaled

    def _compat_name(self) -> str:
        return next((name for name in COMPAT_RATES if hasattr(self.optimizer, name)), "")

    def _compat_rate(self) -> Any:
        name = self._compat_name()
        if not name:
            return None
        rate = getattr(self.optimizer, name)
        return rate if callable(rate) else lambda: rate

    def _install_tap(self) -> None:
        """Keras' `apply_gradients` ends in `apply`; a custom step may call either."""
        name = "apply" if self._is_keras else "apply_gradients"
        original = getattr(self.optimizer, name)

        def apply(grads: Any, trainable_variables: Any = None) -> Any:
            grads = list(grads)
            if self._muted:
                return self._skip()
            self._observe(grads)
            return original(grads, trainable_variables)

        def apply_gradients(grads_and_vars: Any, *args: Any, **kwargs: Any) -> Any:
            pairs = list(grads_and_vars)
            if self._muted:
                return self._skip()
            self._observe([gradient for gradient, _ in pairs])
            return original(pairs, *args, **kwargs)

        self.optimizer.__dict__[name] = apply if self._is_keras else apply_gradients

    def _observe(self, gradients: list[Any]) -> None:
        seen = [_as_float32(gradient) for gradient in gradients if gradient is not None]
        if not seen:
            return
        norm = tf.linalg.global_norm(seen)
        scale = getattr(self.optimizer, "dynamic_scale", None)
        if scale is not None:
            norm = norm / tf.cast(tf.convert_to_tensor(scale), tf.float32)
        # A step may apply gradients more than once; the norm is that of all of them together.
        self._norm.assign(tf.linalg.norm([self._norm, norm]) if self._taps else norm)
        self._taps += 1

    def _skip(self) -> Any:
        return getattr(self.optimizer, "iterations", None)


def _as_float32(gradient: Any) -> Any:
    """Gradients of mixed types have no common norm until they are cast.

    Of the sparse gradient of an embedding the listed rows count, as in TensorFlow's clipping.
    """
    values = gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
    return values if values.dtype == tf.float32 else tf.cast(values, tf.float32)
