"""What is said of labels, and what is left unsaid where the model is to blame."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import initializers, layers, optimizers

from pytest_converge.diagnosis import floor, labels
from pytest_converge.diagnosis.clues import Clues, gather
from pytest_converge.training.interventions import rows
from tests.diagnosis.programs import diagnosis_of, laboratory_of
from tests.zoo.problems import BINARY, SPARSE, fit, linear, sequential

Adam = optimizers.Adam


def logistic(y, loss=BINARY, *, rows=200, **options):
    x, _ = linear(0, rows=rows)
    model = sequential(layers.Dense(1, "sigmoid"), optimizer=Adam(0.05), loss=loss, shape=(4,))
    return fit(model, x, np.asarray(y, "float32"), **options)


class Fixed(keras.Model):
    """A model that Keras cannot clone."""

    def __init__(self):
        super().__init__()
        self.head = layers.Dense(1)

    def call(self, x):
        return self.head(x)


def signs(rows=200):
    x, _ = linear(0, rows=rows)
    return (x[:, :1] > 0).astype("float32")


def test_counts_where_probabilities_are_read():
    lab, _, _ = laboratory_of(logistic(3 * signs() * signs()[::-1] + signs()), steps=5)
    assert labels.out_of_range(lab) == (
        "the targets hold values from 0 to 4, where binary_crossentropy reads probabilities"
    )
    assert labels.into_range(lab)


def test_labels_under_another_loss_may_hold_anything():
    lab, _, _ = laboratory_of(logistic(9 * signs(), "mse"), steps=5)
    assert (labels.out_of_range(lab), labels.into_range(lab)) == ("", [])


def test_rows_that_do_not_count_may_hold_anything():
    y, unknown = signs(), np.arange(200) % 5 == 0
    y[unknown] = -1
    lab, _, _ = laboratory_of(logistic(y, sample_weight=1.0 - unknown), steps=5)
    assert labels.out_of_range(lab) == ""


def test_labels_out_of_range_are_the_cause_also_where_no_repair_passes():
    rng = np.random.default_rng(0)
    found = diagnosis_of(logistic(rng.uniform(-3, 5, (200, 1))), steps=40, max_loss=0.01)
    assert (found.cause, found.proven) == ("label-encoding", False)
    assert "values from -2.98" in found.message
    assert len(found.tried) < 3  # no search for a rate of a loss without a bottom


def dead(rows=200):
    bias = initializers.Constant(-50.0)
    parts = [layers.Dense(8, "relu", bias_initializer=bias), layers.Dense(4, "softmax")]
    x, _ = linear(0, rows=rows)
    y = np.random.default_rng(0).integers(0, 4, rows)
    return fit(sequential(*parts, optimizer=Adam(0.01), loss=SPARSE), x, y)


def test_dead_layers_are_not_blamed_on_the_labels():
    lab, trials, record = laboratory_of(dead(), steps=40, max_loss=0.1)
    verdict = floor.nothing_passed(trials, record, gather(lab, record))
    assert verdict.cause == "dead-units"
    assert "dead on every row" in verdict.message


def test_a_model_that_does_not_learn_one_batch_says_nothing_about_labels():
    lab, trials, record = laboratory_of(dead(), steps=40, max_loss=0.1)
    assert not labels.learns_a_batch(lab, record)
    assert floor.nothing_passed(trials, record, Clues(rate=0.01)).cause == "unknown"


def test_that_a_larger_model_was_not_tried_is_said():
    found = diagnosis_of(squeezed(), steps=40, max_loss=1e-9)
    assert "a wider model" not in dict(found.excluded)
    x, _ = linear(0, rows=100)
    own = Fixed()
    own.compile(Adam(0.01), "mse")
    found = diagnosis_of(fit(own, x, x[:, :1] * x[:, 1:2]), steps=20, max_loss=1e-9)
    assert "a wider model" in dict(found.excluded)


def test_a_model_that_learns_one_batch_does():
    lab, _, record = laboratory_of(logistic(signs()), steps=60, max_loss=0.1)
    assert labels.learns_a_batch(lab, record)


def squeezed(rows=200):
    """An autoencoder that gives the same for all rows."""
    x, _ = linear(0, rows=rows)
    parts = [layers.Dense(1, "relu", bias_initializer=initializers.Constant(-50.0))]
    return fit(sequential(*parts, layers.Dense(4), optimizer=Adam(0.01), loss="mse"), x, x)


def test_inputs_as_their_own_targets_are_related():
    lab, trials, record = laboratory_of(squeezed(), steps=40, max_loss=0.01)
    assert labels.are_inputs(lab)
    assert floor.nothing_passed(trials, record, Clues(rate=0.01)).cause == "unknown"


def test_other_targets_are_no_inputs():
    lab, _, _ = laboratory_of(logistic(signs()), steps=5)
    assert not labels.are_inputs(lab)


def test_a_bound_that_was_reached_is_not_called_unreachable():
    start = logistic(signs())
    _, trials, record = laboratory_of(start, steps=60, max_loss=2.0, min_skill=0.99)
    assert record.curve.last < 2.0
    assert floor.nothing_passed(trials, record, Clues(rate=0.05)).cause == "unknown"


def memorising(rows=64):
    """More units than rows: in many steps random labels are learnt by heart."""
    x, _ = linear(0, rows=rows)
    parts = [layers.Dense(256, "relu"), layers.Dense(1, "sigmoid")]
    return fit(sequential(*parts, optimizer=Adam(0.02), loss=BINARY), x, signs(rows))


def test_what_is_learnt_by_heart_is_compared_in_the_steps_of_the_user():
    _, trials, record = laboratory_of(memorising(), steps=300, max_loss=1e-9)
    gained = labels.relation(trials, record, record.curve.last)
    control = trials.done["targets permuted (control)"].losses[0]
    assert control < 0.9 * record.constant_loss
    assert gained is None or gained > labels.RELATED  # never "unrelated"


def halves(count):
    middle = count // 2
    ends = ((0, middle), (middle, count))
    return [rows.stretch(*pair, "label-encoding", f"half {pair}") for pair in ends]


@pytest.mark.parametrize("swapped", [False, True])
def test_a_half_of_other_labels_is_a_stranger_to_the_other(swapped):
    y = signs(400)
    if swapped:
        y[200:] = 1 - y[200:]
    lab, _, record = laboratory_of(logistic(y, rows=400), steps=150)
    assert labels.strangers(lab, record, halves(400)) is swapped
