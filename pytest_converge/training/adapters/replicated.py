"""The adapter of `converge.fit` for a model that was built under a `tf.distribute` strategy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.core.errors import invalid
from pytest_converge.training.adapters.fit import ModelTraining
from pytest_converge.training.data.batches import Batch, Chunk
from pytest_converge.training.measures.no_gradient import end_of_gradient_named
from pytest_converge.training.model.structure import loss_of_logs
from pytest_converge.training.state.replicas import (
    first_copies,
    is_summed_on_read,
    local_variables,
    own_rows,
)
from pytest_converge.training.state.snapshot import attributes_set
from pytest_converge.training.training import EndMeasures

__all__ = ["ReplicatedTraining", "check_strategy"]

#: Strategies with a copy of every variable on each device, which are updated together.
SYNCHRONOUS = (
    tf.distribute.MirroredStrategy,
    tf.distribute.MultiWorkerMirroredStrategy,
    tf.distribute.OneDeviceStrategy,
)


def check_strategy(strategy: Any, what: str) -> None:
    """Refuses a strategy whose replicas are not updated together in one step.

    Args:
        strategy: under which something was made; None for none.
        what: that is.

    Raises:
        InvalidTrainingError: it is none of `SYNCHRONOUS`, or a scope is entered now.
    """
    if tf.distribute.has_strategy():
        remedy = "Enter it in the function that builds what is trained, and leave it there."
        raise invalid("a training inside of strategy.scope()", "one outside of it", remedy)
    if strategy is not None and not isinstance(strategy, SYNCHRONOUS):
        given = f"{what} under {type(strategy).__name__}"
        expected = "no strategy, or " + ", ".join(each.__name__ for each in SYNCHRONOUS)
        raise invalid(given, expected, "Build it outside of strategy.scope() in the test.")


class ReplicatedTraining(ModelTraining):
    """Training by the model's own `train_step` on all replicas of its strategy.

    A step is what Keras' `fit` compiles: `strategy.run` of the `train_step` on the rows of each
    replica, and the mean of what they return. Measurements, which make no update, run on the first
    replica alone, on all rows.
    """

    def step(self, batch: Batch) -> Any:
        """A step on all replicas; one whose update is left out runs on the first alone."""
        if any(optimizer.is_muted for optimizer in self.optimizers):
            with self._on_first_replica():
                return super().step(batch)
        return self._on_all_replicas(batch)

    def _on_all_replicas(self, batch: Batch) -> Any:
        strategy = self.model.distribute_strategy
        with end_of_gradient_named(self), self.functions.in_place():
            losses = strategy.run(self._step_of_replica, args=(batch,))
        self._keep_applied()
        return strategy.reduce(tf.distribute.ReduceOp.MEAN, losses, axis=None)

    def _step_of_replica(self, batch: Batch) -> Any:
        for variable in self.model.metrics_variables:
            variable.assign(tf.zeros(variable.shape, variable.dtype))
        return loss_of_logs(self.model.train_step(own_rows(batch)), self._entry)

    def probe(self, batch: Batch) -> Any:
        """The loss in training mode; that of a `train_step` of the user on all replicas.

        What such a step makes of the number of replicas is part of its loss.
        """
        if not self.own_train_step:
            return super().probe(batch)
        with contextlib.ExitStack() as stack:
            for optimizer in self.optimizers:
                stack.enter_context(optimizer.muted())
            return self._on_all_replicas(batch)

    def measure_end(self, chunks: list[Chunk]) -> EndMeasures:
        """What is measured at the end: anew on the first replica, as kept by all of them."""
        kept = self.own_train_step and type(self.model).test_step is keras.Model.test_step
        with contextlib.nullcontext() if kept and not self.held_out else self._on_first_replica():
            return super().measure_end(chunks)

    def building(self) -> contextlib.AbstractContextManager[Any]:
        """Models and optimizers made meanwhile are of the strategy."""
        scope: contextlib.AbstractContextManager[Any] = self.model.distribute_strategy.scope()
        return scope

    def _metric_variables(self) -> list[tf.Variable]:
        """Each replica's own part of them."""
        return local_variables(super()._metric_variables())

    @contextlib.contextmanager
    def _on_first_replica(self) -> Iterator[None]:
        """Metrics are kept by the first replica meanwhile: nothing can be added to a sum."""
        summed = [v for metric in self.model.metrics for v in metric.variables]
        with attributes_set(first_copies(v for v in summed if is_summed_on_read(v))):
            yield
