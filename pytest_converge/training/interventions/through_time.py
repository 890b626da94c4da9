"""Recurrent layers that keep what their first steps say: read backwards, or started to remember."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention, Start
from pytest_converge.training.state.snapshot import as_tf_variable, attributes_set
from pytest_converge.training.training import Training

__all__ = ["CODE", "identity", "long_memory", "read_backwards"]

CODE = "vanishing-gradient"
#: Place of the gate that keeps the state among those of a layer, and of one that closes as that
#: one opens; None where its opposite is no gate of its own.
GATES = {keras.layers.LSTM: (1, 0), keras.layers.GRU: (0, None)}


def read_backwards(layer: Any) -> Intervention | None:
    """A layer from the other end; None for one whose steps are put out, each in its place."""
    if not isinstance(layer, keras.layers.RNN) or layer.return_sequences or layer.stateful:
        return None
    other = not layer.go_backwards
    return Intervention(
        code=CODE,
        change="rows read backwards" if other else "rows read forwards",
        fix=pasted.layer_lines([(layer, {"go_backwards": other})]),
        where=(layer.name,),
        variant=lambda _: attributes_set([(layer, "go_backwards", other)]),
    )


def identity(layer: Any) -> Intervention | None:
    """A plain recurrent layer of rectifiers that start by keeping their state.

    Le, Jaitly and Hinton 2015, A simple way to initialize recurrent networks of rectified linear
    units (arXiv:1504.00941).
    """
    if not isinstance(layer, keras.layers.SimpleRNN):
        return None
    cell, variable = layer.cell, as_tf_variable(layer.cell.recurrent_kernel)

    def start(_: Training, values: Start) -> Start:
        return {**values, id(variable): np.eye(layer.units, dtype=np.float32)}

    new = {"activation": "relu", "recurrent_initializer": keras.initializers.Identity()}
    return Intervention(
        code=CODE,
        change="relu and the identity as recurrent kernel",
        fix=pasted.layer_lines([(layer, new)]),
        where=(layer.name,),
        start=start,
        variant=lambda _: attributes_set([(cell, "activation", keras.activations.relu)]),
    )


def long_memory(layer: Any, steps: int) -> Intervention | None:
    """A gated layer whose gates start open for lags of up to so many steps.

    Tallec and Ollivier 2018, Can recurrent neural networks warp time? (arXiv:1804.11188).
    """
    gates = GATES.get(type(layer))
    if gates is None or layer.cell.bias is None:
        return None
    variable, units = as_tf_variable(layer.cell.bias), layer.units
    keeps, opposite = gates

    def start(_: Training, values: Start) -> Start:
        bias = np.array(values.get(id(variable), variable.numpy()))
        row = bias if bias.ndim == 1 else bias[0]
        # Lags spread over all lengths, the same in every run.
        open_for = np.log(np.linspace(1.0, max(steps - 1, 1), units))
        row[keeps * units : (keeps + 1) * units] = open_for
        if opposite is not None:
            row[opposite * units : (opposite + 1) * units] = -open_for
        return {**values, id(variable): bias}

    row = "bias" if len(variable.shape) == 1 else "bias[0]"
    bias = f"{pasted.found(layer)}.cell.bias"
    lines = [
        f"bias = {bias}.numpy(); lags = np.log(np.linspace(1, {max(steps - 1, 1)}, {units}))",
        f"{row}[{keeps * units}:{(keeps + 1) * units}] = lags",
    ]
    if opposite is not None:
        lines.append(f"{row}[{opposite * units}:{(opposite + 1) * units}] = -lags")
    return Intervention(
        code=CODE,
        change=f"gates open for lags of up to {steps} steps",
        fix="\n".join([*lines, f"{bias}.assign(bias)"]),
        where=(layer.name,),
        start=start,
    )
