"""Features on a scale that does not suit a network."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.columns.scale import ScaleEvidence, ScaleFlag
from pytest_converge.diagnosis.cause import Answer
from pytest_converge.diagnosis.causes import unscaled_features, unscaled_targets
from pytest_converge.diagnosis.evidence import Evidence, numbers
from pytest_converge.diagnosis.order import Place
from tests.checks.curves import record_of
from tests.diagnosis.programs import diagnosis_of, failed_of, proven_by_its_own, raw_features
from tests.training.interventions.test_held_features import YEARS, line
from tests.training.measures.steps import rod
from tests.zoo.problems import BINARY, HEALTHY, fit, minimize, sequential


def test_raw_features_need_to_be_standardised():
    found = diagnosis_of(raw_features(), steps=100)
    assert found.cause == "unscaled-features"
    assert found.proven
    assert "x[:, 0]" in found.where
    assert "features standardised" in found.verified[0].change
    assert "Normalization" in found.fix
    assert "1.53e+03" in found.message


def test_inputs_that_a_loss_closes_over_are_scaled_in_front_of_its_model():
    seconds = tf.constant(np.linspace(0, 4e4, 64)[:, None].astype("float32"))
    network = keras.Sequential([keras.Input((1,)), layers.Dense(16, "tanh"), layers.Dense(1)])

    def loss():
        return tf.reduce_mean((network(seconds) - tf.exp(-seconds / 1e4)) ** 2)

    start = minimize(loss, network.trainable_variables, optimizers.Adam(0.02))
    found = proven_by_its_own(start, "unscaled-features", steps=200, max_loss=0.005)
    assert found.message.startswith("the input of dense")


def shares(spread, *, of_targets):
    """A series divided by its highest value, so that all lies just below 1."""
    x = 1 + spread * np.random.default_rng(0).normal(size=(256, 4))
    y = x.mean(axis=1, keepdims=True)
    y = y if of_targets else (y - 1) / spread
    parts = [layers.Dense(8, "tanh"), layers.Dense(1)]
    model = sequential(*parts, optimizer=optimizers.SGD(0.1), loss="mse", shape=(4,))
    return fit(model, x.astype("float32"), y.astype("float32"))


def test_targets_as_far_from_zero_as_the_features_are_standardised_with_them():
    start = shares(0.002, of_targets=True)
    found = proven_by_its_own(start, "unscaled-features", steps=200, min_skill=0.8)
    assert found.verified[0].change == "features standardised and targets standardised"


@pytest.mark.parametrize(
    ("spread", "of_targets", "count"), [(0.002, True, 1), (0.002, False, 0), (0.5, True, 0)]
)
def test_targets_alone_need_not_be_near_zero(spread, of_targets, count):
    failed = failed_of(shares(spread, of_targets=of_targets), steps=5)
    assert len(unscaled_targets.as_far_from_zero(failed)) == count


def edges_in_picometres():
    """Atoms whose numbers are added up along their bonds; a bond is as large as it is long."""
    rng = np.random.default_rng(0)
    bonds = np.where(rng.random((256, 5, 5)) < 0.3, rng.uniform(200, 300, (256, 5, 5)), 0)
    numbers = rng.normal(size=(256, 5, 2))
    y = (bonds @ numbers)[..., :1].mean(axis=1) / 250
    atoms, edges = keras.Input((5, 2), name="atoms"), keras.Input((5, 5), name="edges")
    summed = keras.ops.matmul(edges, layers.Dense(4)(atoms))
    pooled = layers.GlobalAveragePooling1D()(summed)
    model = keras.Model([atoms, edges], layers.Dense(1)(pooled))
    model.compile(optimizers.SGD(0.05), "mse")
    return fit(model, [numbers.astype("float32"), bonds.astype("float32")], y.astype("float32"))


def test_edges_that_no_layer_takes_are_scaled_and_no_bond_stays_none():
    start = edges_in_picometres()
    found = proven_by_its_own(start, "unscaled-features", steps=100, max_loss=0.05)
    assert found.verified[0].change == "features divided by their size, zeros kept"
    assert all(name.startswith("x[1]") for name in found.where)


def test_the_scale_is_changed_alone_and_then_with_another_rate():
    failed = failed_of(raw_features(), steps=5, max_loss=1e-9)
    with_rate = unscaled_features.CAUSE.steps[-1]
    features, targets, both = unscaled_features.scale_changes(failed)
    pairs = list(with_rate.repairs(failed))
    assert [pair.rate_factor for pair in pairs] == [10.0, 100.0, 0.1, 0.01] * 3
    for change, pair in zip((both, features, targets), pairs[::4], strict=True):
        assert pair.change.startswith(f"{change.change} and learning rate")
    failed.evidence = dataclasses.replace(failed.evidence, scale=ScaleEvidence())
    assert list(with_rate.repairs(failed)) == []


def flag(part, value, *columns, array="x"):
    return ScaleFlag(part=part, array=array, value=value, limit=1.0, columns=columns)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("large-rms", "root mean square 1.23e+03 in"),
        ("deviation", "standard deviation up to 1.23e+03 in"),
        ("offset", "mean 1.23e+03 times the standard deviation in"),
    ],
)
def test_a_scale_is_told_in_numbers_and_columns(part, said):
    flags = (flag(part, 1234.5, "x[:, 0]", "x[:, 3]"),)
    evidence = Evidence(rate=0.01, scale=ScaleEvidence(features=flags))
    text = unscaled_features.CAUSE.says(evidence, Answer(cause="unscaled-features"))
    assert said in text
    assert text.endswith("x[:, 0], x[:, 3]")
    assert numbers(evidence, record_of([2.0, 1.5]))[f"x {part}"] == 1234.5


def test_targets_have_a_scale_of_their_own():
    scale = ScaleEvidence(targets=(flag("spread", 99.0, "y"),))
    text = unscaled_targets.CAUSE.says(
        Evidence(rate=0.01, scale=scale), Answer(cause="unscaled-targets")
    )
    assert text == "targets on an unsuitable scale: standard deviation 99 in y"


def test_what_a_step_closes_over_is_standardised_in_front_of_its_layer():
    found = proven_by_its_own(rod(1000.0), "unscaled-features", steps=200, max_loss=0.01)
    assert [trial.change for trial in found.tried] == [f"input of {found.where[0]} standardised"]
    assert found.message.startswith(f"the input of {found.where[0]} goes from 0 to 1000;")


def edges(scale):
    """A model of nodes and of edges, by which their sums are weighted."""
    rng = np.random.default_rng(0)
    nodes = rng.normal(size=(64, 5, 2)).astype("float32")
    near = (scale * rng.integers(0, 2, (64, 5, 5))).astype("float32")
    h, a = keras.Input((5, 2)), keras.Input((5, 5))
    out = layers.Dense(1)(layers.GlobalAveragePooling1D()(layers.Dot((2, 1))([a, h])))
    model = keras.Model([h, a], out)
    model.compile(optimizers.SGD(0.01), "mse")
    return fit(model, [nodes, near], nodes.sum(axis=(1, 2))[:, None])


@pytest.mark.parametrize(("scale", "tried"), [(40, ["x[1] / 40"]), (1, [])])
def test_an_array_that_multiplies_what_a_layer_is_fed_with_is_divided(scale, tried):
    failed = failed_of(edges(scale), steps=3)
    steps = [step for step in unscaled_features.CAUSE.steps if step.place == Place.FEATURES]
    repairs = [change for step in steps for change in step.repairs(failed)]
    changes = [change for change in repairs if " / " in change.change]
    assert [change.change for change in changes] == tried
    for change in changes:
        assert change.fix == "x[1] = x[1] / 40"
        _, near = change.data(failed.reruns.rows).arrays[0]
        assert (near.max(), near.min(), near.dtype) == (1.0, 0.0, "float32")


def sensors(mark=-9999.0, *, scaled=True):
    """Five sensors that write a mark for "no value", standardised with it or not."""
    rng = np.random.default_rng(0)
    clean = rng.normal(20, 2, (400, 5))
    y = (clean[:, :1] > clean[:, 1:2]).astype("float32")
    x = np.where(rng.random(clean.shape) < 0.02, mark, clean)
    x = ((x - x.mean(axis=0)) / x.std(axis=0) if scaled else x).astype("float32")
    head = layers.Dense(1, "sigmoid")
    model = sequential(head, optimizer=optimizers.Adam(0.1), loss=BINARY, shape=(5,))
    return fit(model, x, y), x


@pytest.mark.parametrize("scaled", [True, False])
def test_marks_for_no_value_get_the_median_of_the_other_rows(scaled):
    start, x = sensors(scaled=scaled)
    found = proven_by_its_own(start, "unscaled-features", steps=80, max_loss=0.4)
    assert 'x[:, 0], x[:, 1], x[:, 2] and 2 more hold a mark for "no value"' in found.message
    assert ("x == -9999" in found.fix) is not scaled
    pasted = {"np": np, "x": x}
    exec(found.fix, pasted)  # noqa: S102 - the line to paste
    assert np.abs(pasted["x"]).max() < 5
    failed = failed_of(start, steps=2)
    (change,) = unscaled_features._marked(failed)
    made = change.data(failed.reruns.rows).arrays[0]
    np.testing.assert_allclose(pasted["x"], made, atol=1e-4)


def test_without_marks_nothing_is_filled_in():
    start, _ = sensors(mark=20.0)
    assert unscaled_features._marked(failed_of(start, steps=2)) == []


class Neighbours(layers.Layer):
    """Adds up the neighbours of each node of a graph, then a dense layer."""

    def __init__(self, graph, units, activation=None):
        super().__init__()
        self.graph, self.dense = tf.constant(graph), layers.Dense(units, activation)

    def call(self, inputs):
        return self.dense(tf.matmul(self.graph, inputs))


def test_sums_over_neighbours_become_means():
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 2, 40)
    graph = (rng.random((40, 40)) < np.where(kinds[:, None] == kinds, 0.6, 0.1)).astype("float32")
    graph[:3] = 1.0  # hubs
    x = (rng.normal(size=(40, 2)) + 2.0 * kinds[:, None] - 1.0).astype("float32")
    parts = [Neighbours(graph, 8, "relu"), Neighbours(graph, 8, "relu"), Neighbours(graph, 1)]
    model = sequential(*parts, optimizer=optimizers.SGD(0.2), loss="mse", shape=(2,))
    start = fit(model, x, kinds[:, None].astype("float32"), batch_size=40, shuffle=False)
    found = proven_by_its_own(start, "unscaled-features", steps=60, max_loss=0.15)
    assert found.message.startswith("products with self.graph")
    assert "self.graph / tf.reduce_sum(self.graph, axis=-1, keepdims=True)" in found.fix


def fine_tuned(scale):
    """Pictures behind a frozen layer that was trained on values from -1 to 1."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 3, 300)
    shapes = rng.normal(size=(3, 30))
    tone = np.tanh(0.35 * shapes[kinds] + 0.25 * rng.normal(size=(300, 30)))
    base = keras.Sequential([keras.Input((30,)), layers.Dense(24, "tanh")], name="base")
    base.set_weights([0.25 * rng.normal(size=(30, 24)), 0.2 * rng.normal(size=24)])
    base.trainable = False
    model = keras.Sequential([keras.Input((30,)), base, layers.Dense(3, "softmax")])
    model.compile(optimizers.Adam(1e-5), "sparse_categorical_crossentropy")
    return fit(model, (scale * tone + scale - 1.0).astype("float32"), kinds)


@pytest.mark.parametrize(("scale", "counts"), [(127.5, True), (1.0, False)])
def test_what_saturates_a_frozen_layer_has_a_scale_as_well(scale, counts):
    failed = failed_of(fine_tuned(scale), steps=20, max_loss=0.08)
    changes = [change.change for change in unscaled_features._standardised(failed)]
    assert changes == ["features standardised"] * counts
    assert any(flag.array == "x" for flag in failed.evidence.scale.features) is counts


def test_what_a_loss_closes_over_is_standardised_where_it_is_held():
    found = proven_by_its_own(line(YEARS / 400), "unscaled-features", steps=200, max_loss=0.05)
    assert found.message.startswith("feature has a mean of 5.")
    assert found.fix == "feature = (feature - feature.mean()) / feature.std()"


def test_it_is_standardised_at_another_rate_where_its_own_no_longer_suits():
    failed = failed_of(line(YEARS), steps=5, max_loss=1e-9)
    changes = [change.change for change in unscaled_features._held_with_rate(failed)]
    assert changes[0] == "feature standardised and learning rate 1"
    assert len(changes) == len(unscaled_features.FACTORS)


def test_data_that_are_handed_over_are_changed_there():
    failed = failed_of(HEALTHY[0].start(0), steps=5, max_loss=1e-9)
    assert unscaled_features._held(failed) == []
