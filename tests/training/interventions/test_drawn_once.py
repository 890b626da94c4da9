"""Noise that is drawn once: what predictions are to be is that of their inputs."""

from __future__ import annotations

import dataclasses

import pytest
import tensorflow as tf

from pytest_converge.training.interventions.drawn_once import drawn_once
from pytest_converge.training.interventions.rerun import Reruns
from pytest_converge.training.measures.computation import computation
from tests.measured import left_alone
from tests.training.measures.test_drawn_twice import (
    denoising,
    normal,
    seeded,
    squares,
    target_first,
    twice,
)
from tests.zoo.trainings import quiet, running


def change_of(run):
    return drawn_once(computation(run.training).noise)


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("loss_of", [twice, target_first, seeded])
def test_the_noise_of_the_inputs_can_be_learnt(loss_of, compiled):
    run = running(denoising(loss_of, compiled=compiled), steps=200)
    before = run.run(0).curve.last
    with left_alone(run.training):
        change = change_of(run)
    with Reruns(run, 0, quiet).changed(change) as again:
        after = again(0).curve.last
    assert before > 0.8
    assert after < 0.6


def test_the_step_is_itself_again_behind_the_change():
    run = running(denoising(twice), steps=4)
    change = change_of(run)
    with Reruns(run, 0, quiet).changed(change) as again:
        again(0)
    again = computation(run.training).noise
    assert (again.first, again.second, again.of) == (0, 1, 2)


def in_one_function(network, x):
    mixed = 0.6 * x + 0.8 * tf.random.normal((16, 4))
    return squares(network(mixed) - tf.random.normal((16, 4)))


def named(network, x):
    noise = tf.random.normal((16, 4))
    target = tf.random.normal((16, 4))
    return squares(network(0.6 * x + 0.8 * noise) - target)


def in_one_line(network, x):
    return squares(network(0.6 * x + tf.random.normal((16, 4))) - tf.random.normal((16, 4)))


def elsewhere(network, x):
    return squares(network(0.6 * x + normal(x)) - tf.random.normal((16, 4)))


@pytest.mark.parametrize(
    ("loss_of", "lines"),
    [
        (
            in_one_function,
            [
                "mixed = 0.6 * x + 0.8 * (noise := tf.random.normal((16, 4)))",
                "return squares(network(mixed) - noise)",
            ],
        ),
        (named, ["target = noise"]),
        (in_one_line, ["noise = tf.random.normal(shape)"]),
        (elsewhere, ["noise = tf.random.normal(shape)"]),
    ],
)
def test_the_line_is_that_of_the_users_own_code_where_both_are_in_one_function(loss_of, lines):
    change = change_of(running(denoising(loss_of)))
    assert [line.partition("  #")[0] for line in change.fix.splitlines()] == lines


def test_what_nobody_knows_to_draw_is_left_alone():
    found = computation(running(denoising(twice)).training).noise
    assert drawn_once(dataclasses.replace(found, kind="RandomGamma")) is None
