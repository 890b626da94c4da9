"""A layer more or less in the model does not change what is drawn for the data."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from tests.zoo.problems import Start, classifier, fit
from tests.zoo.trainings import judged, training_of

X = np.arange(64, dtype="float32").reshape(-1, 1)
Y = np.zeros(64, dtype="int32")


def builder(*more):
    return lambda: classifier(optimizers.SGD(0.0), *(layer() for layer in more), shape=(1,))


HIDDEN = (lambda: layers.Dense(8, "relu"), lambda: layers.Dropout(0.5))


def shuffled(drawn):
    """A dataset in an order that TensorFlow draws, and rows that NumPy or Python draw."""
    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(64)
    return dataset.map(lambda x, y: (x + drawn(), y)).batch(16)


SOURCES = {
    "an order": lambda: shuffled(lambda: 0.0),
    "noise": lambda: shuffled(lambda: tf.random.uniform(())),
}


@pytest.mark.parametrize("source", SOURCES)
def test_a_dataset_draws_the_same(source):
    seen = []
    for hidden in ((), HIDDEN):
        start = Start("fit", {**fit(builder(*hidden), X, Y).arguments, "y": None})
        keras.utils.set_random_seed(5)
        start.arguments["x"] = SOURCES[source]()
        seen.append(training_of(start, steps=8, seed=5).data.arrays[0])
    np.testing.assert_array_equal(*seen)
    assert sorted(seen[0][:64].round()[:, 0]) != list(seen[0][:64, 0])


def test_arrays_are_read_in_the_same_order():
    orders = [
        training_of(fit(builder(*hidden), X, Y), steps=8, seed=5).data.order.whole()[0]
        for hidden in ((), HIDDEN)
    ]
    np.testing.assert_array_equal(*orders)


def test_what_is_drawn_after_the_model_is_the_same():
    drawn = []

    def build(*more):
        def made():
            keras.utils.set_random_seed(1)
            model = builder(*more)()
            np.random.random(len(more))  # noqa: NPY002 - the state that Keras seeds
            return model

        return made

    class Batches(keras.utils.PyDataset):
        num_batches = 1

        def __getitem__(self, index):
            drawn.append(np.random.random())  # noqa: NPY002 - as a user's own augmentation
            return X, Y

    for hidden in ((), HIDDEN):
        start = Start("fit", {**fit(build(*hidden), X, Y).arguments, "y": None, "x": Batches()})
        judged(start, steps=1, min_decrease=0)
    assert drawn[0] == drawn[len(drawn) // 2]
