"""Metrics that run over an epoch, as Keras shows them, while each step tells its batch's loss."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.training.state.snapshot import shadowed, unique_variables

__all__ = ["RunningMetrics", "flat_logs"]

#: The metric in which a `train_step` keeps the loss.
LOSS = "loss"


class RunningMetrics:
    """What callbacks see of the training: the logs of a `train_step` over the epoch so far.

    The loss of a step is what its metrics say of its batch alone, so that they begin anew with it.
    A mean is a sum and a count: what was there before is added to it afterwards, which is the very
    addition that Keras makes. Every other metric is left to run.
    """

    def __init__(self) -> None:
        #: By the name of an entry of the logs the metric whose result it is, or else a variable.
        self._entries: dict[str, Any] = {}

    @contextlib.contextmanager
    def of_batch(self, model: keras.Model) -> Iterator[Callable[[Any], None]]:
        """The means begin anew, and go on afterwards. Traced by the loop.

        Yields:
            A function that takes what `train_step` returned.
        """
        parts = _parts(model)
        means = [m for m in parts if isinstance(m, keras.metrics.Mean) or m.name == LOSS]
        variables = unique_variables(v for mean in means for v in mean.variables)
        before = [tf.identity(variable) for variable in variables]
        for variable in variables:
            variable.assign(tf.zeros(variable.shape, variable.dtype))
        results: list[tuple[Any, Any]] = []
        with shadowed([(m, "result", _noting(m, results)) for m in parts]):
            yield lambda logs: self._keep(logs, results)
        for variable, value in zip(variables, before, strict=True):
            variable.assign_add(value)

    def batch_logs(self, model: keras.Model) -> dict[str, Any]:
        """The logs after the latest step, as `model.fit` hands them to `on_train_batch_end`."""
        if not self._entries:
            return dict(model.get_metrics_result())
        return {
            name: entry.result() if isinstance(entry, keras.metrics.Metric) else entry.numpy()
            for name, entry in self._entries.items()
        }

    def epoch_logs(self, model: keras.Model) -> dict[str, Any]:
        """The logs of the epoch: its metrics where the step returns all of them and no more."""
        results = dict(model.get_metrics_result())
        same = not self._entries or set(self._entries) == set(results)
        return results if same else self.batch_logs(model)

    def _keep(self, logs: Any, results: list[tuple[Any, Any]]) -> None:
        """Keeps what is no metric in variables: a loop has no tensor of its last step to give."""
        flat = flat_logs(logs if isinstance(logs, Mapping) else {LOSS: logs})
        if set(self._entries) != set(flat):
            self._entries = {name: _entry(name, value, results) for name, value in flat.items()}
        for name, entry in self._entries.items():
            if not isinstance(entry, keras.metrics.Metric):
                entry.assign(tf.cast(tf.convert_to_tensor(flat[name]), entry.dtype))


def flat_logs(logs: Mapping[str, Any]) -> dict[str, Any]:
    """Logs without nesting, in the order in which Keras hands them over."""
    found: dict[str, Any] = {}
    for name, value in sorted(logs.items()):
        found.update(flat_logs(value) if isinstance(value, Mapping) else {name: value})
    return found


def _parts(model: keras.Model) -> list[Any]:
    """The metrics of a model, those of which others consist in their place."""
    every = (getattr(metric, "metrics", None) or [metric] for metric in model.metrics)
    return list({id(part): part for parts in every for part in parts}.values())


def _noting(metric: Any, results: list[tuple[Any, Any]]) -> Callable[[], Any]:
    """The method `result`, whose tensors are known again in the logs of a step."""
    original = metric.result

    def result() -> Any:
        value = original()
        results.append((value, metric))
        return value

    return result


def _entry(name: str, value: Any, results: list[tuple[Any, Any]]) -> Any:
    metric = next((metric for tensor, metric in results if tensor is value), None)
    if metric is not None:
        return metric
    with tf.init_scope():
        shape, kind = getattr(value, "shape", ()), getattr(value, "dtype", tf.float32)
        return tf.Variable(tf.zeros(shape, kind), trainable=False, name=f"log_{name}")
