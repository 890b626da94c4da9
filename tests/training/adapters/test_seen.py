"""What functions close over, and what of it Python changes from call to call."""

from __future__ import annotations

import collections
import functools
import itertools
import random
import types

import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.training.adapters.seen import (
    changed_between,
    method_of_object,
    python_state,
    seen_by,
)


def calling(change):
    """What is said to differ after a function was called that makes a change."""
    before = python_state(seen_by(change))
    change()
    return changed_between(before, python_state(seen_by(change)))


def counter(start):
    held = {"count": start}

    def step():
        held["count"] += 1

    return step


def attribute():
    held = types.SimpleNamespace(steps=0)

    def step():
        held.steps += 1

    return step


def name():
    count = 0

    def step():
        nonlocal count
        count += 1

    return step


def listed(value):
    kept = collections.deque()

    def step():
        kept.append(value)

    return step


def drawing(make, draw):
    rng = make(0)

    def step():
        draw(rng)

    return step


def counted():
    numbers = itertools.count()

    def step():
        next(numbers)

    return step


class Agent:
    """A step that is a method and counts in its object."""

    def __init__(self):
        self.steps = 0

    def step(self):
        self.steps += 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (counter(0), "held"),
        (attribute(), "held"),
        (name(), "count"),
        (listed(1.0), "kept"),
        (listed(tf.constant(1.0)), ""),
        (counted(), "numbers"),
        (drawing(np.random.default_rng, lambda rng: rng.normal()), "rng"),
        (drawing(random.Random, lambda rng: rng.random()), "rng"),
        (Agent().step, "self.steps"),
    ],
)
def test_what_a_call_changes_in_python_is_named(change, said):
    assert calling(change) == said


def test_variables_and_what_is_made_in_the_first_call_are_no_state():
    w, made = tf.Variable(0.0), {"w": None}

    def step():
        w.assign_add(1.0)
        made["w"] = w

    assert calling(step) == ""


def test_large_arrays_and_nan_are_not_taken_for_a_change():
    x, bound = np.zeros(10_000), float("nan")

    def step():
        x[0] += bound

    assert calling(step) == ""


class Trainer:
    def __init__(self):
        self.weights = [tf.Variable(1.0)]

    @tf.function
    def step(self, x):
        return self.weights[0] * x


def test_a_compiled_method_holds_what_its_object_has():
    trainer = Trainer()
    assert seen_by(trainer.step)["self.weights"] is trainer.weights


class Called(Trainer):
    """Its object is the step."""

    def __call__(self, x):
        return self.weights[0] * x


class CalledCompiled(Trainer):
    @tf.function
    def __call__(self, x):
        return self.weights[0] * x


class CalledAsItsBase(Called):
    pass


@pytest.mark.parametrize("kind", [Called, CalledCompiled, CalledAsItsBase])
def test_an_object_that_is_called_is_seen_as_the_method_that_it_is_called_by(kind):
    trainer = kind()
    method = method_of_object(trainer)
    assert seen_by(method)["self.weights"] is trainer.weights
    assert float(method(3.0)) == 3.0
    assert hasattr(method, "python_function") == (kind is CalledCompiled)


TRAINER = Trainer()  # a compiled method does not keep it


@pytest.mark.parametrize(
    "step",
    [
        counter(0),
        lambda: 1.0,
        tf.function(counter(0)),
        Agent().step,
        TRAINER.step,
        Called,
        functools.partial(counter, 0),
        functools.partial(Called()),
        len,
    ],
    ids=[
        "function",
        "lambda",
        "tf.function",
        "method",
        "compiled method",
        "class",
        "partial",
        "partial of an object",
        "built in",
    ],
)
def test_what_is_no_object_that_is_called_stays_what_it_is(step):
    assert method_of_object(step) is step
