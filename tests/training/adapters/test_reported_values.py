"""What a `train_step` feeds the metrics with by which it reports its loss."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.training.adapters.reported_values import ReportedValues


def reported_by(*values, metric=None):
    """(what a mean of Keras reports, what it was fed with)."""
    metric = metric or keras.metrics.Mean()
    held, noted = [tf.constant(value) for value in values], ReportedValues()
    with noted.noted():
        for value in held:
            metric.update_state(value)
        result = metric.result()
    return result, noted


@pytest.mark.parametrize(("values", "fed"), [([3.0], 3.0), ([1.0, 5.0], 5.0), ([[1.0, 3.0]], 2.0)])
def test_the_value_behind_a_result_is_what_the_metric_was_fed_with_last(values, fed):
    result, noted = reported_by(*values)
    assert float(noted.behind(result)) == fed


def test_nothing_is_known_of_other_values():
    _, noted = reported_by(3.0)
    assert noted.behind(tf.constant(3.0)) is None
    numbers = keras.metrics.Mean()
    with noted.noted():
        numbers.update_state(np.float32(2.0))  # no tensor: it has no gradient
        result = numbers.result()
    assert noted.behind(result) is None


def test_metrics_are_as_before_behind_it():
    update, result = keras.metrics.Mean.update_state, keras.metrics.Mean.result
    reported_by(3.0)
    assert (keras.metrics.Mean.update_state, keras.metrics.Mean.result) == (update, result)
