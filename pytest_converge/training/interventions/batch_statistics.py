"""Batch normalisation that has something to normalise: larger batches, or training mode."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.own_operations import trained_in_calls
from pytest_converge.training.measures.layer_readings import named_layers
from pytest_converge.training.state.snapshot import shadowed
from pytest_converge.training.training import Training

__all__ = ["CODE", "in_training_mode", "larger_batches"]

CODE = "batch-normalisation"
#: Rows of a batch from which the error of batch normalisation stays small (Wu and He 2018, Group
#: normalization, figure 1).
ENOUGH_ROWS = 16


def larger_batches(where: tuple[str, ...]) -> Intervention:
    """As many batches of `ENOUGH_ROWS` rows, in random order."""
    return Intervention(
        code=CODE,
        change=f"batches of {ENOUGH_ROWS} rows",
        fix=f"converge.fit(model, x, y, batch_size={ENOUGH_ROWS})",
        where=where,
        data=lambda rows: rows.in_batches_of(ENOUGH_ROWS),
    )


def in_training_mode(user: Training, where: tuple[str, ...]) -> Intervention:
    """Layers of batch normalisation called in training mode, whatever the step asks for."""
    layers = dict(named for model in user.models for named in named_layers(model))
    settings = [(layers[name], "call", _training(layers[name].call)) for name in where]
    return Intervention(
        code=CODE,
        change="batch normalisation in training mode",
        fix=trained_in_calls(user) or "model(x, training=True)  # instead of model(x)",
        where=where,
        variant=lambda _: shadowed(settings),
    )


def _training(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(inputs: Any, training: Any = None, mask: Any = None) -> Any:
        return original(inputs, training=True, mask=mask)

    return call
