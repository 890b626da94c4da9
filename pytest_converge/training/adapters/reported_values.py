"""What a `train_step` gives to the metrics by which it reports its loss."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.training.state.snapshot import method_replaced

__all__ = ["ReportedValues"]


class ReportedValues:
    """The values that means of Keras are fed with, by what they then give as their result."""

    def __init__(self) -> None:
        # With the metrics themselves, so that no id is that of a later one.
        self._fed: dict[int, tuple[Any, list[Any]]] = {}
        self._results: dict[int, tuple[Any, int]] = {}

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        """Notes them for as long as the context lasts."""
        update, result = keras.metrics.Mean.update_state, keras.metrics.Mean.result

        @functools.wraps(update)
        def fed(metric: Any, values: Any, *args: Any, **settings: Any) -> Any:
            self._fed.setdefault(id(metric), (metric, []))[1].append(values)
            return update(metric, values, *args, **settings)

        @functools.wraps(result)
        def asked(metric: Any) -> Any:
            found = result(metric)
            self._results[id(found)] = found, id(metric)
            return found

        mean = keras.metrics.Mean
        with method_replaced(mean, "update_state", fed), method_replaced(mean, "result", asked):
            yield

    def behind(self, reported: Any) -> Any:
        """What the metric that gave a value was fed with last; None for any other value."""
        _, metric = self._results.get(id(reported), (None, 0))
        _, fed = self._fed.get(metric, (None, []))
        values = [value for value in fed if isinstance(value, tf.Tensor)]
        return tf.reduce_mean(values[-1]) if values else None
