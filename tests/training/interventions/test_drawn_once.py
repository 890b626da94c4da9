"""Random numbers that are drawn once: noise for inputs and loss, indices for all tables."""

from __future__ import annotations

import dataclasses

import pytest
import tensorflow as tf

from pytest_converge.training.interventions.drawn_once import drawn_once, rows_drawn_once
from pytest_converge.training.interventions.rerun import Reruns
from pytest_converge.training.measures.computation import computation
from tests.measured import left_alone
from tests.training.measures.test_drawn_apart import (
    ACTIONS,
    NEXT,
    STATES,
    apart,
    both,
    generated,
    indices,
    sampling,
    shuffled,
)
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


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("draw", [indices, shuffled, generated])
def test_rows_of_all_tables_are_those_of_the_first(draw, compiled):
    run = running(sampling(apart(draw), compiled=compiled), steps=150)
    before = run.run(0).curve.last
    with left_alone(run.training):
        change = rows_drawn_once(computation(run.training).apart)
    with Reruns(run, 0, quiet).changed(change) as again:
        after = again(0).curve.last
    assert before > 0.8
    assert after < 0.3
    assert computation(run.training).apart.numbers == (0, 1, 2)


uniform = tf.random.uniform
N, DT, AB = 300, tf.int32, (STATES, NEXT)


def in_a_list(model):
    x, y = [tf.gather(t, uniform((9,), 0, N, DT)) for t in AB]
    return squares(model(tf.concat([x, x[:, :2]], 1)) - y)


def in_lines(model):
    s = tf.gather(STATES, tf.random.uniform((32,), 0, 300, tf.int32))
    a = tf.gather(ACTIONS, tf.random.uniform((32,), 0, 300, tf.int32))
    n = tf.gather(NEXT, tf.random.uniform((32,), 0, 300, tf.int32))
    return squares(model(tf.concat([s, a], 1)) - n)


def with_a_name(model):
    at = tf.random.uniform((32,), 0, 300, tf.int32)
    n = tf.gather(NEXT, tf.random.uniform((32,), 0, 300, tf.int32))
    return squares(model(both(at=at, other=at)) - n)


def of_each_table(model):
    tables = (STATES, ACTIONS, NEXT)
    s, a, n = [tf.gather(x, tf.random.uniform((32,), 0, len(x), tf.int32)) for x in tables]
    return squares(model(tf.concat([s, a], 1)) - n)


def in_two_lines(model):
    at = tf.gather(STATES, tf.random.uniform((32,), 0, 300, tf.int32))
    inputs = tf.concat([at, at[:, :2]], 1)
    return squares(model(inputs) - tf.gather(NEXT, indices()))


@pytest.mark.parametrize(
    ("loss_of", "lines"),
    [
        (
            in_a_list,
            ["x, y = [tf.gather(t, rows) for rows in [uniform((9,), 0, N, DT)] for t in AB]"],
        ),
        (
            in_lines,
            [
                "s = tf.gather(STATES, (rows := tf.random.uniform((32,), 0, 300, tf.int32)))",
                "a = tf.gather(ACTIONS, rows)",
                "n = tf.gather(NEXT, rows)",
            ],
        ),
        (with_a_name, ["n = tf.gather(NEXT, at)"]),
        (of_each_table, ["rows = tf.random.uniform((batch_size,), 0, 300, dtype=tf.int32)"]),
        (in_two_lines, ["rows = tf.random.uniform((batch_size,), 0, 300, dtype=tf.int32)"]),
        (apart(), ["rows = tf.random.uniform((batch_size,), 0, 300, dtype=tf.int32)"]),
    ],
    ids=["list", "lines", "name", "of each", "two functions", "helper"],
)
def test_the_rows_are_drawn_by_a_line_of_the_users_own(loss_of, lines):
    change = rows_drawn_once(computation(running(sampling(loss_of)).training).apart)
    assert [line.partition("  #")[0] for line in change.fix.splitlines()] == lines
