"""The `tf.function`s that a user's code calls, kept apart from what a training makes of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import tensorflow as tf

from pytest_converge.training.keras_internals import function_anew, functions_called_through

__all__ = ["OwnFunctions"]


class OwnFunctions:
    """Graphs of the user's functions, traced for a training and forgotten with it.

    A compiled function that a step calls would keep the graph of its first call: under a muted
    optimizer it would never make an update again, under an observed one it would hold instruments
    after the training. So another function is called in its place, of the same code, which has its
    own graphs for each mode in which the training runs; the user's is never traced.

    Args:
        mode: what graphs that are traced now depend on.
    """

    def __init__(self, mode: Callable[[], Hashable]) -> None:
        self._mode = mode
        self._ours: dict[Hashable, Any] = {}
        # By id, and with the functions themselves, so that no id is that of a later one.
        self._known: dict[int, Any] = {}

    @property
    def known(self) -> bool:
        """True where the user's code called a compiled function so far."""
        return bool(self._ours)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """The user's functions are called through those of the training meanwhile."""
        with functions_called_through(self._in_place_of):
            yield

    @contextlib.contextmanager
    def traced_anew(self) -> Iterator[None]:
        """No graph from before is used meanwhile, and none from meanwhile afterwards."""
        kept = self._ours, self._known
        self._ours, self._known = {}, dict(self._known)
        try:
            yield
        finally:
            self._ours, self._known = kept

    def forget(self) -> None:
        """Lets go of all graphs."""
        self._ours.clear()
        self._known.clear()

    def _in_place_of(self, function: Any) -> Any:
        if tf.config.functions_run_eagerly() or id(function) in self._known:
            return function
        key = (id(function), self._mode())
        if key not in self._ours:
            ours = function_anew(function)
            self._ours[key] = (function, ours)
            self._known[id(ours)] = ours
        return self._ours[key][1]
