"""An output that cannot give the targets."""

from __future__ import annotations

from keras import layers, optimizers

from tests.diagnosis.programs import proven_by_its_own
from tests.zoo.problems import fit, linear, sequential


def tanh_head():
    x, y = linear(0)
    model = sequential(layers.Dense(1, "tanh"), optimizer=optimizers.Adam(0.1), loss="mse")
    return fit(model, x, 6 * y)


def test_an_output_that_cannot_reach_the_targets_is_opened():
    found = proven_by_its_own(tanh_head(), "output-loss-mismatch", steps=100, max_loss=0.5)
    assert found.message.startswith("output and loss do not fit the targets; it converges with")
