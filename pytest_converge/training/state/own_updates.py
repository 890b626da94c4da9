"""Updates that a step makes by itself, without an optimizer: seen, and multiplied."""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pytest_converge.training.keras_internals import writes_watched
from pytest_converge.training.state.replicas import strategy_of
from pytest_converge.training.state.snapshot import HeldVariable

__all__ = ["OwnUpdates"]


class OwnUpdates:
    """What a step without an optimizer changes of the trained variables, times a factor.

    After a step that moves w to w' a variable stands at w + factor (w' - w). Of any update that is
    a learning rate times a direction, wherever the rate is written, that is the one at a rate so
    many times as high. A step that writes a variable twice, as to keep it within bounds, makes
    something else of another rate: its updates are left alone.

    Attributes:
        writes: how many operations of a traced step are those of this class.
        unwritten: the variables that the first step did not write, where it wrote others.
    """

    def __init__(self) -> None:
        self._factor = tf.Variable(1.0, False, dtype=tf.float64, name="update_factor")
        self._most: int | None = None
        self._changes_values = False
        self.writes = 0
        self.unwritten: list[tf.Variable] = []

    @property
    def instruments(self) -> list[tf.Variable]:
        """The variable that holds the factor."""
        return [self._factor]

    @property
    def can_be_scaled(self) -> bool:
        """True once a step was traced or run whose updates can be multiplied."""
        return self._changes_values and self._most is not None and self._most < 2

    def set_factor(self, factor: float) -> None:
        """Multiplies every update from now on, without tracing again."""
        self._factor.assign(factor)

    @contextlib.contextmanager
    def of_step(
        self, variables: Sequence[Any], by_optimizer: Callable[[], bool] = lambda: False
    ) -> Iterator[None]:
        """A step is made, or traced, meanwhile.

        Args:
            variables: that it trains.
            by_optimizer: whether it turned out to apply an optimizer, whose rate is multiplied.
        """
        if strategy_of(variables) is not None:
            yield
            return
        scaled = [v for v in variables if v.dtype.is_floating]
        if tf.executing_eagerly() and self._most is not None and self._factor.numpy() == 1.0:
            yield
            return
        held = [isinstance(v, HeldVariable) for v in scaled]
        before = [v.numpy() if h else tf.identity(v) for v, h in zip(scaled, held, strict=True)]
        with self._counted(scaled):
            yield
        if not by_optimizer():
            self._changes_values = bool(scaled)
            self._scale(scaled, before)

    @contextlib.contextmanager
    def _counted(self, variables: Sequence[Any]) -> Iterator[None]:
        """How often the first step writes a variable."""
        if self._most is not None and tf.executing_eagerly():
            yield
            return
        written: collections.Counter[int] = collections.Counter()

        def watch(variable: Any) -> None:
            written[id(variable.handle)] += 1

        with writes_watched(watch):
            yield
        known = [v for v in variables if not isinstance(v, HeldVariable)]
        counts = [written[id(v.handle)] for v in known]
        self._most = max(counts, default=0)
        if self._most:
            self.unwritten = [v for v, count in zip(known, counts, strict=True) if not count]

    def _scale(self, variables: Sequence[Any], before: Sequence[Any]) -> None:
        if not self.can_be_scaled:
            return
        if tf.executing_eagerly():
            factor = float(self._factor.numpy())
            for variable, value in zip(variables, before, strict=True):
                if factor != 1.0:
                    old = np.asarray(value)
                    new = old + factor * (variable.numpy() - old)
                    variable.assign(new.astype(old.dtype))
            return
        self.writes = len(variables)

        def moved() -> None:
            for variable, value in zip(variables, before, strict=True):
                factor = tf.cast(self._factor, value.dtype)
                variable.assign(value + factor * (variable - value))

        tf.cond(tf.equal(self._factor, 1.0), lambda: None, moved)
