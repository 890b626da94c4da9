"""Rare classes: weights are tried where a metric alone is missed, and nothing simpler does."""

from __future__ import annotations

import dataclasses
import types

import keras
import numpy as np
import pytest
from keras import layers, optimizers

from pytest_converge.core.diagnosis import Trial
from pytest_converge.core.expectation import Expectation
from pytest_converge.diagnosis.cause import Answer
from pytest_converge.diagnosis.causes import class_imbalance
from pytest_converge.diagnosis.causes.class_imbalance import (
    CAUSE,
    knows_frequencies,
    rare_class,
)
from pytest_converge.diagnosis.trials import only_metrics_missed
from pytest_converge.training.interventions.intervention import Intervention
from tests.checks.curves import record_of
from tests.diagnosis.programs import diagnosis_of, failed_of, proven_by_its_own
from tests.zoo.problems import BINARY, fit, sequential

RECALL = {"recall": (0.65, None)}
WEIGHTED = "classes weighted alike"


def alarms(rate=0.02, *, every=50, apart=1.6, rows=1500, **options):
    """Alarms that overlap with the calm: one row of `every`."""
    rng = np.random.default_rng(0)
    y = (np.arange(rows) % every == 0).astype("float32")[:, None]
    x = (rng.normal(size=(rows, 4)) + apart * y * [1, 0, 0, 0]).astype("float32")
    head = layers.Dense(1, "sigmoid")
    model = sequential(head, optimizer=optimizers.Adam(rate), loss=BINARY)
    model.compile(model.optimizer, BINARY, metrics=[keras.metrics.Recall(name="recall")])
    return fit(model, x, y, batch_size=64, **options)


def test_a_rare_class_that_is_never_named():
    found = diagnosis_of(alarms(), steps=150, metrics=RECALL)
    assert (found.cause, found.proven) == ("class-imbalance", True)
    assert found.message == "class 1 is 2 % of the rows; the bounds are met with " + WEIGHTED
    assert found.fix == "model.fit(x, y, class_weight={0: 0.51, 1: 25})  # and so converge.fit"
    assert not found.verified[0].comparable  # a weighted loss is another loss


def test_a_bound_of_the_loss_beside_that_of_the_metric_stands():
    found = diagnosis_of(alarms(), steps=150, metrics=RECALL, max_loss=0.65)
    assert (found.cause, found.proven) == ("class-imbalance", True)


def asked(start, *, steps=60, **expectation):
    """The shares of classes that call for weights, and the changes that were tried before."""
    failed = failed_of(start, steps=steps, **expectation)
    return rare_class(failed), list(failed.trials.done)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (lambda: alarms(1e-5), {"metrics": RECALL}),  # has not learnt the frequencies
        (lambda: alarms(every=4, apart=0.3), {"metrics": RECALL}),  # not rare
        (alarms, {"metrics": RECALL, "max_loss": 0.01}),  # weights lower no loss
        (lambda: alarms(class_weight={0: 1.0, 1: 1.5}), {"metrics": RECALL}),  # weighted already
    ],
    ids=["slow", "frequent", "loss missed too", "weighted"],
)
def test_where_weights_prove_nothing_they_are_not_tried(start, expected):
    assert asked(start(), steps=100, **expected) == ({}, [])


def test_a_rate_or_time_that_does_as_well_comes_first():
    """Farther apart, the rare rows are told without weights as soon as there is time."""
    seen, tried = asked(alarms(0.01, apart=3.5), steps=400, metrics=RECALL)
    assert (seen, tried) == ({}, ["learning rate 0.1"])


def test_a_rate_that_leaves_the_start_as_it_is_repairs_no_metric():
    """The random start calls half of all rows alarms, and so more alarms than the trained model."""
    found = diagnosis_of(alarms(), steps=150, metrics=RECALL)
    slower = [t for t in found.tried if t.code == "learning-rate-too-high"]
    assert [t.passed for t in slower if t.losses[0] > 0.2] == [0] * len(slower)


def test_a_metric_alone_has_to_be_missed():
    record = record_of([1.0, 0.5], metrics={"recall": 0.1})
    assert only_metrics_missed(record, Expectation(metrics=RECALL, steps=10))
    assert not only_metrics_missed(record, Expectation(metrics=RECALL, max_loss=0.1, steps=10))
    assert not only_metrics_missed(record, Expectation(metrics={}, steps=10))


@pytest.mark.parametrize(
    ("constant", "expected"), [(0.6, True), (0.4, True), (0.35, False), (2.0, True), (None, True)]
)
def test_the_frequencies_are_known_near_the_loss_of_the_best_constant(constant, expected):
    record = dataclasses.replace(record_of([1.0, 0.5]), constant_loss=constant)
    assert knows_frequencies(record) is expected


def visits(weights):
    """The stay and the bill of patients; the bill of those who pay at once is not known, and 99."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(512, 4)).astype("float32")
    stay, bill = x[:, :1] + x[:, 1:2], x[:, 2:3] - x[:, :1]
    known = (rng.random(512) < 0.6).astype("float32")
    bill = np.where(known[:, None] == 1, bill, 99.0).astype("float32")
    ones = np.ones(512, "float32")
    given = weights(known, ones)
    inputs = keras.Input((4,))
    outputs = {name: layers.Dense(1, name=name)(inputs) for name in ("stay", "bill")}
    model = keras.Model(inputs, outputs)
    model.compile(optimizers.Adam(0.05), {"stay": "mse", "bill": "mse"})
    y = {"stay": stay, "bill": bill}
    return fit(model, x, y, sample_weight=given, batch_size=64)


def test_the_weights_of_two_outputs_are_exchanged():
    start = visits(lambda known, ones: {"stay": known, "bill": ones})
    found = proven_by_its_own(start, "class-imbalance", steps=200, max_loss=0.2)
    assert found.message == (
        "the rows of two outputs are weighted by the sample weights of each other; it converges"
        " with sample_weight['stay'] and sample_weight['bill'] exchanged"
    )
    first, second = "sample_weight['stay']", "sample_weight['bill']"
    assert found.fix == f"{first}, {second} = {second}, {first}"


def exchanges(start):
    failed = failed_of(start, steps=2, max_loss=1e-9)
    return [c.change for step in CAUSE.steps[:1] for c in step.repairs(failed)]


@pytest.mark.parametrize(
    "weights",
    [
        lambda _, ones: {"stay": ones, "bill": ones},
        lambda _, ones: {"stay": ones, "bill": 0.1 * ones},
        lambda known, _: {"stay": known, "bill": 2 * known},
    ],
    ids=["the same", "of outputs", "in proportion"],
)
def test_weights_that_favour_the_same_rows_are_not_exchanged(weights):
    assert exchanges(visits(weights)) == []


def test_without_weights_of_two_outputs_nothing_is_exchanged():
    assert exchanges(alarms()) == []
    assert exchanges(alarms(sample_weight=np.ones(1500, "float32"))) == []


def test_right_weights_are_tried_the_other_way_round_and_prove_nothing():
    start = visits(lambda known, ones: {"bill": known, "stay": ones})
    assert len(exchanges(start)) == 1
    found = diagnosis_of(start, steps=20, max_loss=0.2)
    assert found.cause != "class-imbalance"


@pytest.mark.parametrize(("after", "kept"), [(0.5, True), (2.0, False)])
def test_the_reciprocal_of_weights_has_to_be_better_for_all_rows(monkeypatch, after, kept):
    change, asked = Intervention(code="class-imbalance", change="the reciprocal"), []
    found = Answer(
        cause="class-imbalance",
        trial=Trial(change="the reciprocal", code="class-imbalance", losses=(0.1,), passed=1),
    )
    monkeypatch.setattr(class_imbalance.class_weights, "reciprocal", lambda _: change)
    failed = types.SimpleNamespace(
        reruns=types.SimpleNamespace(
            rows=(), loss_on_others=lambda made, _: after if made is change else 1.0
        ),
        first_passing=lambda changes: found,
        trials=types.SimpleNamespace(ask=asked.append),
    )
    assert (class_imbalance._reciprocal(failed) is found) is kept
    assert asked == ([] if kept else [found.trial])
