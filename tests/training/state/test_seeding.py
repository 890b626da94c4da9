"""Random state is put back after a training."""

from __future__ import annotations

import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.training.state.seeding import preserved, reseed, seed_everything

DRAWS = {
    "python": random.random,
    "numpy": lambda: float(np.random.rand()),  # noqa: NPY002 - the state that is preserved
    "tensorflow": lambda: float(tf.random.uniform(())),
    "tensorflow generator": lambda: float(tf.random.get_global_generator().uniform(())),
    "keras": lambda: float(keras.random.uniform(())),
    "layer": lambda: float(keras.layers.Dense(1).kernel_initializer((1, 1))[0, 0]),
}


def draw():
    return {name: one() for name, one in DRAWS.items()}


def use_up_and_reseed(then=lambda: None):
    """What a training does to the random state, and whatever happens next."""
    draw()
    seed_everything(99)
    tf.random.set_global_generator(tf.random.Generator.from_seed(5))
    draw()
    then()


@pytest.fixture(autouse=True)
def _restored():
    with preserved():
        yield


def test_what_is_drawn_afterwards_is_what_would_have_been_drawn():
    seed_everything(7)
    tf.random.get_global_generator().reset_from_seed(7)
    draw()
    with preserved():
        expected = draw()
    with preserved():
        use_up_and_reseed()
    assert draw() == expected


def test_the_state_is_put_back_after_an_error():
    seed_everything(7)
    with preserved():
        expected = draw()
    with pytest.raises(ZeroDivisionError), preserved():
        use_up_and_reseed(then=lambda: 1 / 0)
    assert draw() == expected


def test_a_program_without_a_seed_stays_without_one():
    from tensorflow.python.eager import context

    context.context()._seed = None
    keras.src.backend.common.global_state.set_global_attribute("global_random_seed", None)
    with preserved():
        seed_everything(3)
    assert context.context()._seed is None
    assert keras.src.backend.common.global_state.get_global_attribute("global_random_seed") is None


@pytest.mark.parametrize("name", [name for name in DRAWS if name != "tensorflow generator"])
def test_a_seed_sets_every_source(name):
    drawn = []
    for seed in (3, 3, 4):
        seed_everything(seed)
        drawn.append(DRAWS[name]())
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize("seed", [0, 2**32 - 1])
def test_the_ends_of_the_range_of_seeds(seed):
    seed_everything(seed)


@pytest.mark.parametrize("draws", [0, 1])
def test_a_seed_set_again_gives_the_same_draws(draws):
    with preserved():
        seed_everything(3)
        for _ in range(draws):
            DRAWS["tensorflow"]()
        DRAWS["python"](), DRAWS["numpy"]()
        reseed(3)
        first = [DRAWS[name]() for name in ("python", "numpy", "tensorflow")]
        reseed(3)
        assert first == [DRAWS[name]() for name in ("python", "numpy", "tensorflow")]


def test_kernels_are_kept_where_nothing_was_drawn(monkeypatch):
    seeded = []
    with preserved():
        seed_everything(3)
        monkeypatch.setattr(keras.utils, "set_random_seed", seeded.append)
        reseed(3)
        assert seeded == []
        reseed(4)
        assert seeded == [4]
        tf.random.normal(())
        reseed(3)
        assert seeded == [4, 3]
