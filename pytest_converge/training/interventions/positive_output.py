"""Outputs made positive where a loss takes their logarithm or their root."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention, Variant
from pytest_converge.training.measures.layer_readings import named_layers
from pytest_converge.training.measures.output_columns import OutputColumns
from pytest_converge.training.state.snapshot import attributes_set, shadowed

__all__ = ["positive_output"]

#: What makes numbers positive, the likeliest first; a sigmoid where they are probabilities.
ACTIVATIONS = {
    "softplus": "tf.nn.softplus",
    "exponential": "tf.exp",
    "sigmoid": "tf.sigmoid",
}
#: What a deviation keeps of itself: a likelihood has no bottom where it goes to 0.
LEAST = 1e-3


def positive_output(
    models: Sequence[Any], columns: OutputColumns, *, predictions: str, fault: str
) -> list[Intervention]:
    """The columns behind each function that makes them positive; empty where no layer is known.

    Args:
        models: one of them may hold the layer.
        columns: of its output.
        predictions: what the output is called where the loss takes it.
        fault: what is wrong.
    """
    layers = dict(named for model in models for named in named_layers(model))
    layer = layers.get(columns.layer)
    if layer is None:
        return []
    return [_behind(layer, columns, name, predictions, fault) for name in ACTIVATIONS]


def _behind(
    layer: Any, columns: OutputColumns, name: str, predictions: str, fault: str
) -> Intervention:
    function = keras.activations.get(name)
    if columns.whole and getattr(layer, "activation", None) is keras.activations.linear:
        shown, fix = f"output with {name}", pasted.layer_lines([(layer, {"activation": name})])
        variant: Variant = lambda _: attributes_set([(layer, "activation", function)])  # noqa: E731
    else:
        shown, fix = _shown(columns, name), _code(columns, name, predictions)
        call = _positive(layer.call, columns, function)
        variant = lambda _: shadowed([(layer, "call", call)])  # noqa: E731 - one of two
    return Intervention(
        code="output-loss-mismatch",
        change=shown,
        fix=fix,
        where=(columns.layer,),
        fault=fault,
        variant=variant,
    )


def _shown(columns: OutputColumns, name: str) -> str:
    if columns.whole:
        return f"output with {name}"
    last = columns.end - 1
    which = f"column {last}" if columns.first == last else f"columns {columns.first} to {last}"
    return f"{name} over {which} of the output"


def _code(columns: OutputColumns, name: str, predictions: str) -> str:
    p, first, end = predictions, columns.first, columns.end
    part = p if columns.whole else f"{p}[..., {first or ''}:{end if end < columns.width else ''}]"
    changed = f"{ACTIVATIONS[name]}({part}) + {LEAST:g}"
    before = [f"{p}[..., :{first}]"] if first else []
    after = [f"{p}[..., {end}:]"] if end < columns.width else []
    parts = ", ".join([*before, changed, *after])
    made = changed if columns.whole else f"tf.concat([{parts}], axis=-1)"
    return f"{p} = {made}  # {p}: the output of {columns.layer}, before the loss reads it"


def _positive(
    original: Callable[..., Any], columns: OutputColumns, function: Callable[[Any], Any]
) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        output = original(*args, **kwargs)
        first, end = columns.first, columns.end
        made = function(output[..., first:end]) + tf.cast(LEAST, output.dtype)
        return tf.concat([output[..., :first], made, output[..., end:]], axis=-1)

    return call
