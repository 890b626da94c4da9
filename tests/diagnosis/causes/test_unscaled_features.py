"""Features on a scale that does not suit a network."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers, optimizers

from pytest_converge.columns.scale import ScaleEvidence, ScaleFlag
from pytest_converge.diagnosis.cause import Answer
from pytest_converge.diagnosis.causes import unscaled_features, unscaled_targets
from pytest_converge.diagnosis.evidence import Evidence, numbers
from pytest_converge.diagnosis.order import Place
from tests.checks.curves import record_of
from tests.diagnosis.programs import diagnosis_of, failed_of, proven_by_its_own, raw_features
from tests.training.measures.steps import rod
from tests.zoo.problems import fit


def test_raw_features_need_to_be_standardised():
    found = diagnosis_of(raw_features(), steps=100)
    assert found.cause == "unscaled-features"
    assert found.proven
    assert "x[:, 0]" in found.where
    assert "features standardised" in found.verified[0].change
    assert "Normalization" in found.fix
    assert "1.53e+03" in found.message


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
    changes = [change for step in steps for change in step.repairs(failed)]
    assert [change.change for change in changes] == tried
    for change in changes:
        assert change.fix == "x[1] = x[1] / 40"
        _, near = change.data(failed.reruns.rows).arrays[0]
        assert (near.max(), near.min(), near.dtype) == (1.0, 0.0, "float32")
