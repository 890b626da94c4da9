"""Random state: seeded for a training, and put back afterwards."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state
from tensorflow.python.eager import context as tf_context

__all__ = ["kernels_kept", "preserved", "reseed", "seed_everything"]


#: What Keras keeps beside: the seed set last, and the generator that layers without one share.
KERAS_SEEDS = ("global_random_seed", "global_seed_generator")


def seed_everything(seed: int) -> None:
    """Seeds Python, NumPy and TensorFlow; Keras draws the seeds of its layers from Python's."""
    keras.utils.set_random_seed(seed)
    global_state.set_global_attribute("global_seed_generator", None)


@contextlib.contextmanager
def kernels_kept() -> Iterator[Callable[[], bool]]:
    """Seeding leaves compiled graphs ready to run meanwhile, which saves about 60 ms a seed.

    TensorFlow forgets all kernels with every new seed, since those of its stateful random
    operations hold a state. Only what draws from none of them may be seeded so.

    Yields:
        A function that tells whether such an operation drew a seed since the last seeding. Where a
        release keeps its seeds in another way, seeding is the usual one.
    """
    context: Any = tf_context.context()
    if not (hasattr(context, "_set_global_seed") and hasattr(context, "_rng")):
        yield lambda: False
        return
    last: list[int] = []

    def set_seed(seed: int) -> None:
        context._seed, context._rng = seed, random.Random(seed)  # noqa: S311 - as TensorFlow does
        last[:] = [seed]

    def drew() -> bool:
        fresh = random.Random(last[0]) if last else None  # noqa: S311 - to compare with
        return fresh is None or bool(context._rng.getstate() != fresh.getstate())

    context._set_global_seed = set_seed
    try:
        yield drew
    finally:
        del context._set_global_seed  # the method of its class is there again


def reseed(seed: int) -> None:
    """Seeds Python, NumPy and TensorFlow; the generator that a built model draws from stays.

    TensorFlow is left alone where nothing drew from it since it was seeded so, because it forgets
    all kernels with every new seed.
    """
    if not _is_fresh(seed):
        keras.utils.set_random_seed(seed)
        return
    random.seed(seed)
    np.random.seed(seed)


def _is_fresh(seed: int) -> bool:
    """True where TensorFlow's generator of operation seeds stands at the beginning of this seed."""
    context: Any = tf_context.context()
    rng: Any = getattr(context, "_rng", None)
    if getattr(context, "_seed", None) != seed or not hasattr(rng, "getstate"):
        return False
    fresh = random.Random(seed)  # noqa: S311 - as TensorFlow does
    return bool(rng.getstate() == fresh.getstate())


@contextlib.contextmanager
def preserved() -> Iterator[None]:
    """Puts the random state of Python, NumPy and TensorFlow back at the end.

    TensorFlow keeps its global seed and the generator of operation seeds in its eager context and
    has no public reader for them; where a release moves them, its seed alone stays changed.
    """
    python_state, numpy_state = random.getstate(), np.random.get_state()
    context: Any = tf_context.context()
    names = [name for name in ("_seed", "_rng") if hasattr(context, name)]
    kept = {name: getattr(context, name) for name in names}
    rng_state = kept["_rng"].getstate() if hasattr(kept.get("_rng"), "getstate") else None
    keras_seeds = {name: global_state.get_global_attribute(name) for name in KERAS_SEEDS}
    generators = [tf.random.get_global_generator()]
    if keras_seeds["global_seed_generator"] is not None:
        generators.append(keras_seeds["global_seed_generator"])
    states = [tf.identity(generator.state) for generator in generators]
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        for name, value in kept.items():
            setattr(context, name, value)
        if rng_state is not None:
            kept["_rng"].setstate(rng_state)
        for name, value in keras_seeds.items():
            global_state.set_global_attribute(name, value)
        tf.random.set_global_generator(generators[0])
        for generator, state in zip(generators, states, strict=True):
            generator.state.assign(state)
