"""The learning rate of an optimizer under observation: read, multiplied, and seen to be set."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.training import keras_internals
from pytest_converge.training.state.replicas import replica_variable

__all__ = ["ObservedRate", "innermost"]


class ObservedRate:
    """Multiplies the learning rate of an optimizer, whoever sets it, without tracing again.

    An optimizer of Keras gets the product as it reads its rate for an update. Callbacks, steps and
    schedules find what they know. The Python number, or callable, of a `tf.compat.v1.train`
    optimizer is replaced by its product. `release` takes everything back.

    Args:
        optimizer: a Keras optimizer or one of `tf.compat.v1.train`.

    Attributes:
        original: the rate as the user gave it: a number, a schedule or a callable; None for none.
        set_in_step: True once a step was traced or run that sets it.
    """

    def __init__(self, optimizer: Any) -> None:
        self._optimizer = optimizer
        self._owner = innermost(optimizer)
        self._is_keras = isinstance(optimizer, keras.optimizers.Optimizer)
        # As precise as Python's numbers: a rate times it is rounded once, as one that is pasted.
        self._factor = tf.Variable(1.0, False, dtype=tf.float64, name="learning_rate_factor")
        self._used: Any = None
        self._updates, self._in_step = 0, False
        self.original: Any = None
        self.set_in_step = False
        self._install()

    @property
    def variable(self) -> Any:
        """The Keras variable of a rate under no schedule; None for any other."""
        held = keras_internals.learning_rate_held(self._owner)
        return held if self._is_keras and isinstance(held, keras.Variable) else None

    @property
    def instruments(self) -> list[tf.Variable]:
        """Variables of the observation itself, which are no part of the training."""
        return [self._factor, *([] if self._used is None else [self._used])]

    def set_factor(self, factor: float) -> None:
        """Multiplies every rate from now on."""
        self._factor.assign(factor)

    def read(self) -> Any:
        """The rate of the next update: a float32 scalar tensor, or None if unknown."""
        if self._is_keras:
            with self.in_update():
                return tf.cast(tf.convert_to_tensor(self._optimizer.learning_rate), tf.float32)
        rate = self._of_compat()
        return None if rate is None else tf.cast(rate(), tf.float32)

    def begin_step(self) -> None:
        """What sets the rate from now on is the step."""
        self._in_step = True

    def of_step(self, before: Any) -> Any:
        """The rate of the step that ends here.

        Args:
            before: the rate before it, which is that of a step that does not set it.
        """
        self._in_step = False
        # A step that set it after its update made that at the rate before.
        return before if self._used is None else tf.identity(self._used)

    def keep_used(self) -> None:
        """Keeps the rate of an update of a step that sets it, in a variable: see the norm.

        Replicas cannot make one on the way: of their steps the rate before is known.
        """
        if not self.set_in_step or tf.distribute.has_strategy():
            return
        if self._used is None:
            with tf.init_scope():
                self._used = replica_variable(self._optimizer, "used_learning_rate")
                self._used.assign(self.read())
        self._used.assign(self.read())

    @contextlib.contextmanager
    def in_update(self) -> Iterator[None]:
        """What the optimizer reads meanwhile is multiplied."""
        self._updates += 1  # replicas make theirs side by side
        try:
            yield
        finally:
            self._updates -= 1

    def share_with(self, optimizer: Any) -> None:
        """What the user's code makes of this rate is made of that of another Keras optimizer.

        It begins at the other one's; whoever asks for that puts it back, as every variable.
        """
        own, other = self.variable, innermost(optimizer)
        held = keras_internals.learning_rate_held(other)
        if own is not None and isinstance(held, keras.Variable):
            own.assign(held)
            keras_internals.share_learning_rate(other, own)

    def release(self) -> None:
        """Gives the rate back: as it was, or as the user's own code has set it."""
        if self._is_keras:
            keras_internals.rate_as_held(self._owner)
            if self.variable is not None:
                keras_internals.assignments_unwatched(self.variable)
        elif self.original is not None:
            setattr(self._optimizer, self._compat_name(), self.original)

    def _install(self) -> None:
        if self._is_keras:
            self.original = keras_internals.learning_rate_held(self._owner)
            if self.variable is not None:
                self.original = float(self.variable.numpy())
                keras_internals.assignments_watched(self.variable, self._assigned)
            keras_internals.rate_read_through(self._owner, self._read_of)
        elif self._of_compat() is not None:
            original = self.original = getattr(self._optimizer, self._compat_name())

            def scaled() -> Any:
                value = original() if callable(original) else original
                return self._times_factor(tf.cast(value, tf.float32))

            setattr(self._optimizer, self._compat_name(), scaled)

    def _read_of(self, held: Any) -> Any:
        return self._times_factor(tf.convert_to_tensor(held)) if self._updates else held

    def _times_factor(self, rate: Any) -> Any:
        return tf.cast(tf.cast(rate, tf.float64) * self._factor, rate.dtype)

    def _assigned(self) -> None:
        self.set_in_step = self.set_in_step or self._in_step

    def _compat_name(self) -> str:
        return keras_internals.rate_name(self._optimizer)

    def _of_compat(self) -> Any:
        name = self._compat_name()
        if not name:
            return None
        rate = getattr(self._optimizer, name)
        return rate if callable(rate) else lambda: rate


def innermost(optimizer: Any) -> Any:
    """The optimizer that holds the learning rate: `LossScaleOptimizer` only passes it on."""
    inner = getattr(optimizer, "inner_optimizer", None)
    return optimizer if inner is None else innermost(inner)
