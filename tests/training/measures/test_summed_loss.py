"""Sums over the rows are told from means."""

from __future__ import annotations

import pytest
import tensorflow as tf

from pytest_converge.training.measures.summed_loss import rows_summed
from tests.training.interventions.trainings import SUMMED, closure, plain, regression
from tests.zoo.trainings import training_of


@pytest.mark.parametrize("loss", SUMMED.values(), ids=SUMMED)
def test_a_sum_is_over_the_rows_of_a_batch(loss):
    assert rows_summed(training_of(regression(loss=loss))) == 8


def pairs(y, predictions):
    """Over all pairs of rows: four times as much for twice the rows."""
    return tf.reduce_sum((y - tf.transpose(predictions)) ** 2)


def test_means_and_sums_over_pairs_are_none():
    assert rows_summed(training_of(plain())) is None
    assert rows_summed(training_of(regression(loss=pairs))) is None
    assert rows_summed(training_of(closure())) is None


def test_looking_changes_nothing():
    training = training_of(regression(loss=SUMMED["function"]))
    before = [v.numpy().tolist() for v in training.state()]
    rows_summed(training)
    assert [v.numpy().tolist() for v in training.state()] == before
