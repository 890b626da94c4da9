"""Steps of series that know their place, by a pattern of its own added to each."""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.training.data.arrays import map_named
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.model.structure import layers_of
from pytest_converge.training.state.snapshot import shadowed
from pytest_converge.training.training import Training

__all__ = ["behind_the_embedding", "with_places"]

Array = np.ndarray[Any, Any]

#: The sines and cosines of Vaswani et al. 2017 (arXiv:1706.03762), as code of steps and features.
#: Their longest wave, 10000, is for hundreds of steps; here it is twice as many as there are.
PATTERN = (
    "np.sin(np.arange({steps})[:, None]"
    " / {longest} ** (np.arange({features}) // 2 * 2 / {features})"
    " + np.pi / 2 * (np.arange({features}) % 2))"
)


def with_places(code: str, fault: str) -> Intervention:
    """Each step of a series with a pattern of its own added, of the size of the features.

    Sines and cosines of the place (Vaswani et al. 2017, arXiv:1706.03762), over the features.

    Args:
        code: the cause that is proven where it passes.
        fault: what is wrong without it, in words.
    """

    def placed(name: str, leaf: Any) -> Any:
        if not name.startswith("x") or leaf.ndim != 3 or leaf.dtype.kind != "f":
            return leaf
        return (leaf + leaf.std() * _places(*leaf.shape[1:])).astype(leaf.dtype)

    return Intervention(
        code=code,
        change="the place of each step added to it",
        fix=(
            "steps, columns = np.arange(x.shape[1]), np.arange(x.shape[2])\n"
            "place = steps[:, None] / 1000.0 ** (columns / len(columns))\n"
            "x = x + x.std() * np.where(columns % 2, np.cos(place), np.sin(place))"
        ),
        where=("x",),
        fault=fault,
        data=lambda rows: rows.with_arrays(map_named(rows.arrays, placed)),
    )


def _places(steps: int, features: int) -> Array:
    every = np.arange(features)
    place = np.arange(steps)[:, None] / 1000.0 ** (every / features)
    pattern: Array = np.where(every % 2, np.cos(place), np.sin(place))
    return pattern


def behind_the_embedding(training: Training, code: str, fault: str) -> Intervention | None:
    """The place of each token added to what its embedding says.

    Args:
        training: of a model.
        code: the cause that is proven where it passes.
        fault: what is wrong without it, in words.

    Returns:
        None for a model without an embedding, or with several.
    """
    embeddings = [x for x in layers_of(training.model) if isinstance(x, keras.layers.Embedding)]
    steps = _steps(training)
    if len(embeddings) != 1 or steps is None:
        return None
    (layer,) = embeddings
    pattern = PATTERN.format(steps=steps, longest=2 * steps, features=layer.output_dim)
    values = eval(pattern, {"np": np}).astype("float32")  # noqa: S307 - what is shown is tried
    original = layer.call

    @functools.wraps(original)
    def call(inputs: Any) -> Any:
        output = original(inputs)
        return output + tf.cast(values, output.dtype)

    line = f'keras.layers.Lambda(lambda h: h + {pattern}.astype("float32"))'
    return Intervention(
        code=code,
        change="the place of each token added to its embedding",
        fix=f"{line}  # behind {layer.name}",
        where=(layer.name,),
        fault=fault,
        variant=lambda _: shadowed([(layer, "call", call)]),
    )


def _steps(training: Training) -> int | None:
    """The steps of the only input, of which every row has as many."""
    batch = training.first_batch()
    leaves = keras.tree.flatten(keras.utils.unpack_x_y_sample_weight(batch)[0])
    ranked = len(leaves) == 1 and leaves[0].shape.rank == 2
    return leaves[0].shape[1] if ranked else None
