"""What belongs to a strategy is refused before anything is called."""

from __future__ import annotations

import pytest
import tensorflow as tf

from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.training.adapters.unsupported import refuse_strategy


def strategy():
    return tf.distribute.MirroredStrategy(["CPU:0"])


def variable():
    with strategy().scope():
        return tf.Variable(1.0)


def dataset():
    return strategy().experimental_distribute_dataset(tf.data.Dataset.range(4).batch(2))


@pytest.mark.parametrize(
    ("make", "given"),
    [
        (strategy, "a step that uses a MirroredStrategy"),
        (lambda: tf.distribute.OneDeviceStrategy("CPU:0"), "a step that uses a OneDeviceStrategy"),
        (variable, r"a variable of a strategy \(MirroredVariable\)"),
        (dataset, "a DistributedDataset"),
        (lambda: iter(dataset()), "a DistributedIterator"),
    ],
)
def test_what_belongs_to_a_strategy_is_refused(make, given):
    with pytest.raises(InvalidTrainingError, match=f"got {given}; expected a step without a tf"):
        refuse_strategy("step", [tf.Variable(1.0), make()])


def test_everything_else_is_left_to_others():
    refuse_strategy("step", [tf.Variable(1.0), tf.distribute.get_strategy(), None, 3, "text"])
