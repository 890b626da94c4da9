"""Bins of a hash for values of which most share theirs."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.data.batches import Array, ArrayData
from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.width import of_another_model, rebuilt
from pytest_converge.training.keras_internals import layer_of, made_from

__all__ = ["more_bins"]

#: Values of which as large a share, or less, meet others in their bin are left as they are: half of
#: them do so by chance where there are 1.4 times as many bins as values.
SHARED = 0.5
#: So many bins for each value leave one in fifty in the bin of another.
BINS_EACH = 50
#: Layers that take the number of a bin, by the setting that says how many there are.
TAKERS = {keras.layers.Embedding: "input_dim", keras.layers.CategoryEncoding: "num_tokens"}
#: The settings of a hash that decide which bin a value gets.
OF_A_VALUE = ("num_bins", "mask_value", "salt")
#: Layers between that change no number.
BETWEEN = (keras.layers.Flatten, keras.layers.Reshape)


def more_bins(model: Any, rows: ArrayData) -> list[Intervention]:
    """A hash of many more bins, with layers behind it that take as many.

    Args:
        model: functional or sequential.
        rows: all that it is trained on.

    Returns:
        One for each layer that hashes an input of which most values share their bin.
    """
    found = []
    for layer in model.layers:
        if isinstance(layer, keras.layers.Hashing):
            values = _values(model, layer, rows)
            change = None if values is None else _with_more(model, layer, *values)
            found += [] if change is None else [change]
    return found


def _values(model: Any, layer: Any, rows: ArrayData) -> tuple[str, Array] | None:
    """The name and the distinct values of the input that a layer hashes; None for no input."""
    source, inputs = layer.input, list(model.inputs)
    leaves = [(name, array) for name, array in batch_leaves(rows.arrays) if name.startswith("x")]
    place = next((n for n, each in enumerate(inputs) if each is source), None)
    if place is None or len(leaves) != len(inputs):
        return None
    by_name = dict(leaves)
    named = f"x[{layer_of(source).name!r}]"  # Keras takes inputs by their names as well
    name = named if named in by_name else leaves[place][0]
    return name, np.unique(by_name[name])


def _with_more(model: Any, layer: Any, name: str, values: Array) -> Intervention | None:
    shared = _share_in_one_bin(layer, values)
    if shared <= SHARED:
        return None
    more = int(float(f"{BINS_EACH * len(values):.2g}"))
    takers = _takers(model, layer)
    settings = {layer.name: {"num_bins": more}}
    settings |= {each.name: {TAKERS[type(each)]: more} for each in takers}
    names = tuple(settings)
    return Intervention(
        code="too-small-capacity",
        change=f"{more} bins instead of {layer.num_bins}",
        fix=pasted.layer_lines((each, settings[each.name]) for each in (layer, *takers)),
        where=names,
        fault=f"{len(values)} values of {name} share {layer.num_bins} bins",
        variant=of_another_model(lambda: rebuilt(model, settings)),
    )


def _share_in_one_bin(layer: Any, values: Array) -> float:
    """The share of values that others have the bin of."""
    config = layer.get_config()
    plain = keras.layers.Hashing(**{name: config[name] for name in OF_A_VALUE})
    bins = np.asarray(plain(tf.constant(values[:, None]))).reshape(-1)
    _, place, counts = np.unique(bins, return_inverse=True, return_counts=True)
    return float((counts[place.reshape(-1)] > 1).mean()) if len(values) else 0.0


def _takers(model: Any, layer: Any) -> list[Any]:
    """The layers that read the bins of a hash as numbers up to how many there are."""
    return [
        each for each in model.layers if type(each) in TAKERS and _comes_from(each.input, layer)
    ]


def _comes_from(tensor: Any, layer: Any) -> bool:
    made, sources = layer_of(tensor), made_from(tensor)
    if made is layer:
        return True
    return isinstance(made, BETWEEN) and _comes_from(sources[0], layer)
