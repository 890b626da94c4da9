"""Calibration: from twenty starts to a bound, with what it would notice."""

from __future__ import annotations

import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge import InvalidTrainingError, runner
from pytest_converge.core.expectation import Expectation
from pytest_converge.test_quality import calibration
from tests.zoo.problems import classifier, fit, minimize, wine
from tests.zoo.trainings import NoHooks, judged, quiet

SGD = optimizers.SGD


def parts(rate=0.05):
    def build():
        w = tf.Variable(tf.random.normal([4]))
        return lambda: tf.reduce_sum((w - 1.0) ** 2), [w], SGD(rate)

    return minimize(build)


def calibrated(start, *, seed=1, **expectation):
    """(the result, what is proposed)."""
    kept = []
    context = runner.Context(
        test="t.py::t",
        number=2,
        expectation=Expectation(seed=seed, **expectation),
        hooks=NoHooks(),
        progress=quiet,
        calibrate=True,
        keep=kept.append,
    )
    return runner.run(context, start.call), kept


@pytest.mark.slow
def test_a_proposal_of_steps_and_bound():
    result, (study,) = calibrated(parts(), steps=40, max_loss=0.01, monotone="strict")
    assert (study.test, study.training, study.left_out) == ("t.py::t", 2, ())
    assert [each.steps for each in study.candidates] == [10, 20, 40, 80]
    assert all(len(each.losses) == calibration.STARTS for each in study.candidates)
    present = study.candidates[2]
    assert present.losses[0] == pytest.approx(result.final_loss, rel=1e-5)
    assert len(set(present.losses)) == calibration.STARTS
    assert study.present == sum(loss > 0.01 for loss in present.losses) / calibration.STARTS
    assert study.target == "learning rate x 0.5"
    assert set(present.power) == {"learning rate x 0.7", "learning rate x 0.5"}
    assert [name for name, _ in study.excluded] == [
        "first layer frozen",
        "5 % label noise",
        "activation removed",
    ]
    chosen = study.choice
    assert chosen.power["learning rate x 0.5"] >= 0.95
    assert all(
        each.bound is None or each.power["learning rate x 0.5"] < 0.95
        for each in study.candidates
        if each.steps < chosen.steps
    )
    assert study.proposal == Expectation(
        steps=chosen.steps, max_loss=chosen.bound.max_loss, monotone="strict", seed=1
    )
    again = judged(parts(), seed=12345, steps=chosen.steps, max_loss=chosen.bound.max_loss)
    assert again.passed
    slower = judged(parts(0.025), seed=12345, steps=chosen.steps, max_loss=chosen.bound.max_loss)
    assert not slower.passed


def test_a_failed_test_is_calibrated_too_and_its_end_is_put_back():
    made = []

    def build():
        w = tf.Variable(tf.random.normal([]))
        made.append(w)
        return lambda: (w - 1.0) ** 2, [w], SGD(0.1)

    result, (study,) = calibrated(minimize(build), steps=5, max_loss=1e-9)
    assert not result.passed
    assert study.present == 1.0
    assert (made[0].numpy() - 1.0) ** 2 == pytest.approx(result.final_loss, rel=1e-5)


@pytest.mark.slow
def test_a_model_is_calibrated_with_all_changes(monkeypatch):
    monkeypatch.setattr(calibration, "STARTS", 4)
    start = fit(lambda: classifier(SGD(0.1), units=8), *wine())
    result, (study,) = calibrated(start, steps=40)
    assert study.excluded == ()
    assert len(study.candidates[0].power) == 5
    assert result.curve.updates == 40
    assert study.candidates[2].losses[0] == pytest.approx(result.final_loss, rel=1e-4)
    frozen = [each.power["first layer frozen"] for each in study.candidates if each.bound]
    assert max(frozen) == 1.0


@pytest.mark.parametrize(
    "start",
    [
        lambda: minimize(lambda: (W - 1) ** 2, [W], SGD(0.1)),
        lambda: fit(classifier(SGD(0.1)), *wine()),
    ],
    ids=["minimize", "fit"],
)
def test_objects_that_are_built_are_refused_before_they_are_trained(start):
    with pytest.raises(InvalidTrainingError, match=r"got .*--converge-calibrate.*expected"):
        calibrated(start(), steps=5)
    assert float(W) == 0.0


W = tf.Variable(0.0)


def test_a_builder_of_changing_shapes_is_refused():
    sizes = iter(range(2, 99))

    def build():
        w = tf.Variable(tf.zeros([next(sizes)]))
        return lambda: tf.reduce_sum((w - 1.0) ** 2), [w], SGD(0.1)

    with pytest.raises(InvalidTrainingError, match="change their shape"):
        calibrated(minimize(build), steps=5)


def test_without_time_the_changes_are_left_out(monkeypatch):
    monkeypatch.setattr(calibration, "SECONDS", 0.0)
    monkeypatch.setattr(calibration, "TIMES", 0.0)
    _, (study,) = calibrated(parts(), steps=8)
    assert study.left_out == ("learning rate x 0.7", "learning rate x 0.5")
    assert study.proposal is not None


@pytest.mark.slow
def test_a_bound_on_a_metric_is_judged_at_every_number_of_steps():
    """A bound that is met after all steps and not after a quarter of them."""
    start = fit(lambda: classifier(SGD(0.1), units=8, metrics=["accuracy"]), *wine())
    bounds = {"metrics": {"accuracy": (0.98, None)}}
    _, (study,) = calibrated(start, steps=160, **bounds)
    few, *_, most = study.candidates
    assert few.bound is not None
    assert few.red > 0.5
    assert few.gates == ("metric-out-of-bounds",)
    assert most.red == 0
    assert study.chosen not in (0, few.steps)
    proposal = {"steps": study.chosen, "max_loss": study.proposal.max_loss}
    assert judged(start, seed=1, **proposal, **bounds).passed


@pytest.mark.slow
def test_what_another_gate_sees_of_a_change_counts():
    _, (study,) = calibrated(
        fit(lambda: classifier(SGD(0.1), units=8, metrics=["accuracy"]), *wine()),
        steps=20,
        metrics={"accuracy": (None, 0.0)},
    )
    assert study.proposal is None
    assert study.present == 1.0
    judged_ = [each for each in study.candidates if each.bound]
    assert all(each.red == 1 and set(each.power.values()) == {1.0} for each in judged_)
