"""One optimizer for all steps, where the step makes a new one every time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.optimizers import line_of
from pytest_converge.training.state.optimizer import ObservedOptimizer
from pytest_converge.training.state.snapshot import attributes_set, method_replaced
from pytest_converge.training.training import Training

__all__ = ["kept"]


def kept(kind: type, config: Mapping[str, Any]) -> Intervention:
    """Every update made by the same optimizer, which keeps its state.

    Args:
        kind: the class of the optimizers that the step makes.
        config: their configuration.
    """
    made_once: Any = kind

    @contextlib.contextmanager
    def variant(training: Training) -> Iterator[None]:
        optimizer = made_once.from_config(dict(config))
        optimizer.build(training.trainable)
        observed = ObservedOptimizer(optimizer)

        def apply(_: Any, grads: Any, trainable_variables: Any = None) -> Any:
            return optimizer.apply(grads, trainable_variables)

        with (
            attributes_set([(training, "optimizers", (observed,))]),
            method_replaced(keras.optimizers.Optimizer, "apply", apply),
        ):
            yield

    line = line_of(made_once.from_config(dict(config)))
    return Intervention(
        code="optimizer-reset",
        change=f"one {kind.__name__} for all steps",
        fix=f"optimizer = {line}  # once, outside of the step",
        variant=variant,
    )
