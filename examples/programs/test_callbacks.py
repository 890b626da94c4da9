"""Callbacks and epochs, as `model.fit` takes them.

From keras.io, the examples on the pages of `EarlyStopping`
(https://keras.io/api/callbacks/early_stopping/) and `LearningRateScheduler`
(https://keras.io/api/callbacks/learning_rate_scheduler/); lines that differ end in `# changed:`.
The first is a training that diverges. "Only 4 epochs are run", it says, since none is better than
the first: its features go up to 99, and with these the learning rate is too high.
"""

import keras
import numpy as np
import pytest
from keras import ops

from pytest_converge import ConvergenceError

# From Keras' reading of the learning rate, under the NumPy of today.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.mark.parametrize(
    "largest",
    [
        1,
        pytest.param(
            100,  # as it is documented
            marks=pytest.mark.xfail(strict=True, raises=ConvergenceError, reason="diverges"),
        ),
    ],
)
def test_early_stopping(converge, largest):
    callback = keras.callbacks.EarlyStopping(monitor="loss", patience=3)
    # This callback will stop the training when there is no improvement in
    # the loss for three consecutive epochs.
    model = keras.models.Sequential([keras.layers.Dense(10)])
    model.compile(keras.optimizers.SGD(), loss="mse")
    x = np.arange(100).reshape(5, 20) * (largest / 100)  # changed: not scaled
    converge.fit(  # changed: model.fit
        model, x, np.zeros(5), epochs=10, batch_size=1, callbacks=[callback], verbose=0
    )


def test_learning_rate_scheduler(converge):
    # This function keeps the initial learning rate for the first ten epochs
    # and decreases it exponentially after that.
    def scheduler(epoch, lr):
        if epoch < 10:
            return lr
        return float(lr * ops.exp(-0.1))

    model = keras.models.Sequential([keras.layers.Dense(10)])
    model.compile(keras.optimizers.SGD(), loss="mse")
    callback = keras.callbacks.LearningRateScheduler(scheduler)
    x = np.arange(100).reshape(5, 20) / 100  # changed: not scaled
    y = np.zeros((5, 10))  # changed: np.zeros(5), which Keras 3 refuses for ten outputs
    converge.fit(model, x, y, epochs=15, callbacks=[callback], verbose=0)  # changed: model.fit
