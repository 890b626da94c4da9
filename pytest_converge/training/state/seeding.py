"""Random state: seeded for a training, and put back afterwards."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.training.keras_internals import (
    global_attribute,
    operation_seeds,
    outside_of_graphs,
    seeding_replaced,
    set_global_attribute,
    set_operation_seeds,
)

__all__ = ["draws_noted", "kernels_kept", "preserved", "reseed", "seed_everything"]


#: What Keras keeps beside: the seed set last, and the generator that layers without one share.
KERAS_SEEDS = ("global_random_seed", "global_seed_generator")


def seed_everything(seed: int) -> None:
    """Seeds Python, NumPy and TensorFlow; Keras draws the seeds of its layers from Python's."""
    keras.utils.set_random_seed(seed)
    set_global_attribute("global_seed_generator", None)


@contextlib.contextmanager
def kernels_kept() -> Iterator[Callable[[], bool]]:
    """Seeding leaves compiled graphs ready to run meanwhile, which saves about 60 ms a seed.

    TensorFlow forgets all kernels with every new seed, since those of its stateful random
    operations hold a state. Only what draws from none of them may be seeded so.

    Yields:
        A function that tells whether such an operation drew a seed since the last seeding. Where a
        release keeps its seeds in another way, seeding is the usual one.
    """
    last: list[int] = []

    def set_seed(seed: int) -> None:
        set_operation_seeds(seed, random.Random(seed))  # noqa: S311 - as TensorFlow does
        last[:] = [seed]

    with seeding_replaced(set_seed) as replaced:
        yield lambda: replaced and not (last and _is_fresh(last[0]))


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
    present, generator = operation_seeds()
    if present != seed or not hasattr(generator, "getstate"):
        return False
    fresh = random.Random(seed)  # noqa: S311 - as TensorFlow does
    return bool(generator.getstate() == fresh.getstate())


@contextlib.contextmanager
def draws_noted() -> Iterator[Callable[[], bool]]:
    """Yields a function that tells whether a stateful random operation drew a seed meanwhile.

    Such an operation goes on where it was, and gives other numbers when it runs again.
    """
    _, generator = operation_seeds()
    before = generator.getstate() if hasattr(generator, "getstate") else None
    yield lambda: before is not None and generator.getstate() != before


@contextlib.contextmanager
def preserved() -> Iterator[None]:
    """Puts the random state of Python, NumPy and TensorFlow back at the end.

    TensorFlow keeps its global seed and the generator of operation seeds in its eager context and
    has no public reader for them; where a release moves them, its seed alone stays changed.
    """
    python_state, numpy_state = random.getstate(), np.random.get_state()
    seed, generator = operation_seeds()
    drawn = generator.getstate() if hasattr(generator, "getstate") else None
    keras_seeds = {name: global_attribute(name) for name in KERAS_SEEDS}
    with outside_of_graphs():
        generators = [tf.random.get_global_generator()]
        if keras_seeds["global_seed_generator"] is not None:
            generators.append(keras_seeds["global_seed_generator"])
        states = [tf.identity(each.state) for each in generators]
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        set_operation_seeds(seed, generator)
        if drawn is not None:
            generator.setstate(drawn)
        for name, value in keras_seeds.items():
            set_global_attribute(name, value)
        tf.random.set_global_generator(generators[0])
        with outside_of_graphs():
            for each, state in zip(generators, states, strict=True):
                each.state.assign(state)
