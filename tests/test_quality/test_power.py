"""What a test notices: its training under every mutation, judged as the test judges."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge import Finding, runner
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.record import TrainingRecord
from pytest_converge.core.result import Run
from pytest_converge.test_quality.power import JUDGED, sensitivity_of
from pytest_converge.training.loop.run import TrainingRun
from tests.zoo.problems import classifier, fit, linear, minimize, sequential, wine
from tests.zoo.trainings import NoHooks, quiet, training_of

SGD = optimizers.SGD


def build():
    return classifier(SGD(0.1), units=8)


def power_of(start, *, hooks=None, seed=1, **expectation):
    """(the result, what the test notices)."""
    kept = []
    context = runner.Context(
        test="t.py::t",
        number=2,
        expectation=Expectation(seed=seed, **expectation),
        hooks=hooks or NoHooks(),
        progress=quiet,
        power=True,
        keep=kept.append,
    )
    return runner.run(context, start.call), kept


def by_name(study):
    return {each.change: each for each in study.mutations}


@pytest.mark.slow
def test_a_loose_test_sees_less_than_a_tight_one():
    result, (loose,) = power_of(fit(build, *wine()), steps=60)
    assert result.passed
    assert (loose.test, loose.training, loose.alone, loose.left_out) == ("t.py::t", 2, "", ())
    assert loose.losses[0] == result.final_loss
    assert len(set(loose.losses)) == JUDGED
    assert loose.blind
    halved = by_name(loose)["learning rate x 0.5"]
    assert halved.effect > 0.3
    assert (halved.red, halved.judged, halved.gates) == (0, JUDGED, ())
    bound = 1.05 * max(loose.losses)
    _, (tight,) = power_of(fit(build, *wine()), steps=60, max_loss=bound)
    assert tight.losses == pytest.approx(loose.losses)
    halved = by_name(tight)["learning rate x 0.5"]
    assert halved.red == sum(loss > bound for loss in halved.losses) > 0
    assert halved.gates == ("target-missed",)
    assert by_name(tight)["first layer frozen"].seen
    assert not tight.blind


def test_the_verdict_and_what_was_trained_stay_as_they_are():
    def trained(power):
        model = build_seeded()
        context = runner.Context(
            test="t",
            number=1,
            expectation=Expectation(seed=1, steps=10, seeds=1),
            hooks=NoHooks(),
            progress=quiet,
            power=power,
        )
        start = fit(model, *wine())
        result = runner.run(context, start.call)
        return result, model

    plain, model = trained(False)
    studied, other = trained(True)
    assert studied.runs[0].findings == plain.runs[0].findings
    assert studied.curve.batch_loss == plain.curve.batch_loss
    for one, two in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(one, two)
    assert float(other.optimizer.learning_rate) == pytest.approx(0.1)
    assert all(variable.trainable for variable in other.trainable_variables)


def build_seeded():
    keras.utils.set_random_seed(3)
    return build()


def test_a_failed_test_is_not_studied():
    result, kept = power_of(fit(build, *wine()), steps=5, max_loss=1e-9)
    assert not result.passed
    assert kept == []


def test_gates_of_hooks_count():
    class Strict(NoHooks):
        def pytest_converge_check(self, *, record, expectation):
            slow = max(record.curve.learning_rate) < 0.09
            return [Finding(code="slow", message="slow")] if slow else []

    _, (study,) = power_of(fit(build, *wine()), hooks=Strict(), steps=5)
    found = by_name(study)
    assert found["learning rate x 0.7"].gates == found["learning rate x 0.5"].gates == ("slow",)
    assert found["learning rate x 0.7"].seen
    assert not found["5 % label noise"].seen


def test_one_object_has_one_start():
    def parts():
        w = tf.Variable([3.0])
        return minimize(lambda: tf.reduce_sum(w**2), [w], SGD(0.1))

    _, (study,) = power_of(parts(), steps=20, max_loss=0.02)
    assert study.alone == "another start needs a function that builds the model"
    assert len(study.losses) == 1
    halved = by_name(study)["learning rate x 0.5"]
    assert (halved.red, halved.judged, halved.gates) == (1, 1, ("target-missed",))
    assert by_name(study)["first layer frozen"].judged == 0


def test_several_seeds_are_one_test():
    def parts():
        w = tf.Variable(tf.random.normal([2]))
        return lambda: tf.reduce_sum((w - 1.0) ** 2), [w], SGD(0.1)

    result, (study,) = power_of(minimize(parts), steps=5, seeds=2)
    assert len(study.losses) == 2 * JUDGED
    assert study.losses[:2] == tuple(run.record.curve.last for run in result.runs)
    assert by_name(study)["learning rate x 0.5"].judged == JUDGED


def test_a_generator_that_cannot_start_again_is_trained_once():
    x, y = linear(0, rows=64)
    batches = ((x[i : i + 1], y[i : i + 1]) for i in [0, 1] * 10)
    model = sequential(layers.Dense(1), optimizer=SGD(0.01), loss="mse", shape=(4,))
    running = TrainingRun(training_of(fit(model, batches), steps=4), 4, quiet)
    running.training.data.replays = False
    run = Run(record=running.run(0))
    study = sensitivity_of(running, [run], lambda record: Run(record=record), progress=quiet)
    assert {each.reason for each in study.mutations} == {
        "the generator of the batches cannot start again"
    }
    assert study.losses == (run.record.curve.last,)


def test_a_test_that_depends_on_its_seed_is_told_so():
    def parts():
        w = tf.Variable(tf.random.uniform([], 0.1, 10.0))
        return lambda: w * w, [w], SGD(1e-3)

    def at(seed):
        return power_of(minimize(parts), seed=seed, steps=5, max_loss=1e9)[1][0].losses

    losses = at(1)
    bound = losses[0] * 1.001
    _, (study,) = power_of(minimize(parts), seed=1, steps=5, max_loss=bound)
    assert study.losses == losses
    assert study.red == sum(loss > bound for loss in losses) > 0


# ---- a baseline ---------------------------------------------------------------------------------


def studied(gate, **expectation):
    running = TrainingRun(training_of(fit(build, *wine()), steps=5), 5, quiet)
    first = Run(record=running.run(0))
    return sensitivity_of(
        running, [first], lambda record: Run(record=record), gate=gate, progress=quiet
    )


def test_a_baseline_judges_the_runs_of_a_mutation_once():
    asked = []

    def gate(run):
        records = [run(number) for number in (0, 1, 2, 1)]
        assert all(isinstance(record, TrainingRecord) for record in records)
        assert [record.seed for record in records] == [0, 1, 2, 1]
        assert records[1] is records[3]
        asked.append(records[0].curve.learning_rate[0])
        return "worse-than-baseline" if asked[-1] < 0.06 else ""

    study = studied(gate)
    assert study.baseline
    assert len(asked) == 5
    found = by_name(study)
    assert (found["learning rate x 0.5"].red, found["learning rate x 0.5"].judged) == (1, 1)
    assert found["learning rate x 0.5"].gates == ("worse-than-baseline",)
    assert found["learning rate x 0.5"].seen
    assert not found["learning rate x 0.7"].seen
    assert study.smallest.change == "learning rate x 0.5"
    # The effect is that over as many starts as without a baseline.
    assert all(len(each.losses) == JUDGED for each in study.mutations)


def test_what_a_mutation_breaks_is_said():
    def gate(run):
        raise ValueError("no scores\nfor these losses")

    study = studied(gate)
    assert {each.reason for each in study.mutations} == {"ValueError: no scores"}


def test_without_time_the_rest_is_left_out(monkeypatch):
    from pytest_converge.test_quality import power as sensitivity

    monkeypatch.setattr(sensitivity, "SECONDS", 0.0)
    monkeypatch.setattr(sensitivity, "TIMES", 0.0)
    _, (study,) = power_of(fit(build, *wine()), steps=5)
    assert study.mutations == ()
    assert len(study.left_out) == 5
    assert study.budget == 0.0
