"""What the start of a training tells, and which repairs it calls for first."""

from __future__ import annotations

import keras
import pytest
from keras import initializers, layers, optimizers

from pytest_converge.diagnosis import stages
from pytest_converge.diagnosis.clues import gather
from pytest_converge.training.interventions import trainable
from tests.diagnosis.programs import diagnosis_of, laboratory_of
from tests.zoo.problems import fit, linear, sequential


def network(kernel, activation="tanh", units=8, rate=0.02):
    parts = [
        layers.Dense(units, activation, kernel_initializer=kernel, name="hidden"),
        layers.Dense(1, kernel_initializer=kernel, name="head"),
    ]
    model = sequential(*parts, optimizer=optimizers.Adam(rate), loss="mse", shape=(4,))
    x, _ = linear(0)
    return fit(model, x, x[:, :1] * x[:, 1:2])


def clues_of(start):
    laboratory, _, record = laboratory_of(start, steps=5)
    return laboratory, record, gather(laboratory, record)


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_units_of_equal_weights_are_seen(value):
    _, _, clues = clues_of(network(initializers.Constant(value)))
    assert clues.alike == ["hidden"]  # the output layer has one unit
    assert clues.odd_start


def test_units_of_their_own_weights_are_not_alike():
    _, _, clues = clues_of(network("glorot_uniform"))
    assert (clues.alike, clues.saturated, clues.odd_start) == ([], [], False)


def test_units_that_start_at_their_ends_are_seen():
    _, _, clues = clues_of(network(initializers.RandomNormal(stddev=300.0, seed=0)))
    assert clues.saturated == ["hidden"]


def test_initialisers_that_somebody_chose_are_taken_back_first():
    for kernel in (initializers.Constant(0.5), initializers.RandomNormal(stddev=300.0, seed=0)):
        laboratory, record, clues = clues_of(network(kernel))
        first = next(iter(stages.start(laboratory, record, clues)))
        assert (first.code, first.change) == ("bad-initialisation", "Keras' default initialisers")


def test_constant_kernels_are_a_bad_start():
    found = diagnosis_of(network(initializers.Constant(0.3)), steps=250, max_loss=0.3)
    assert (found.cause, found.proven) == ("bad-initialisation", True)
    assert "all units of hidden start alike" in found.message
    assert found.evidence["layers_of_equal_units"] == "hidden"


def test_a_hidden_layer_of_one_unit_is_no_symptom():
    _, _, clues = clues_of(network(initializers.Constant(0.5), units=1))
    assert clues.alike == []


def frozen(where):
    """A model of which a layer, a nested model, a variable or everything is frozen."""
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(8, "tanh")])
    model = sequential(
        inner, layers.Dense(1), optimizer=optimizers.SGD(0.1), loss="mse", shape=(4,)
    )
    places = {
        "nested model": inner,
        "layer": inner.layers[0],
        "variable": model.layers[-1].kernel,
        "everything": model,
    }
    places[where].trainable = False
    if where == "everything":
        model.layers[-1].trainable = True
    return model


@pytest.mark.parametrize("where", ["nested model", "layer", "variable", "everything"])
def test_the_code_that_thaws_a_model_thaws_all_of_it(where):
    model = frozen(where)
    code = trainable.all_layers(model).fix
    assert len(model.trainable_variables) < 4
    exec(code, {"model": model})  # noqa: S102 - that it can be pasted is the point
    assert len(model.trainable_variables) == 4
