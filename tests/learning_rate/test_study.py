"""The flows of the studies: the range of learning rates of real trainings."""

from __future__ import annotations

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge import Finding, InvalidTrainingError
from pytest_converge.core.expectation import Expectation
from pytest_converge.learning_rate.study import range_of_rates
from pytest_converge.runner import Context, run
from pytest_converge.training.data import sources
from tests.zoo.problems import Adversaries, fit, minimize, points
from tests.zoo.trainings import NoHooks, quiet

X = np.linspace(-1, 1, 64).reshape(-1, 1).astype("float32")
Y = 2 * X + 1


def build(optimizer=None):
    def model():
        made = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        made.compile(optimizer() if optimizer else optimizers.SGD(0.1), "mse")
        return made

    return model


def context(*, hooks=None, **expectation):
    expected = Expectation(**{"seed": 0, "steps": 60, **expectation})
    return Context(
        test="test", number=1, expectation=expected, hooks=hooks or NoHooks(), progress=quiet
    )


def ranged(start, *, schedules=None, decades=8, hooks=None, **expectation):
    given = context(hooks=hooks, **expectation)
    return range_of_rates(given, start.call, schedules=schedules, decades=decades)


def bowl(rate=0.1, make=optimizers.SGD, **settings):
    def parts():
        w = tf.Variable(3.0)
        return (lambda: (w - 1.0) ** 2), [w], make(rate, **settings)

    return minimize(parts)


def test_a_passing_rate_passes_as_a_training_of_its_own():
    found = ranged(fit(build(), X, Y), max_loss=0.05)
    for rate in (found.lowest, found.own, found.highest):
        start = fit(build(lambda rate=rate: optimizers.SGD(rate)), X, Y)
        alone = run(context(max_loss=0.05), start.call)
        point = min(found.points, key=lambda p: abs(p.learning_rate - rate))
        assert alone.passed
        assert alone.final_loss == pytest.approx(point.final_loss, rel=1e-4)
    for rate in (found.below, found.above):
        start = fit(build(lambda rate=rate: optimizers.SGD(rate)), X, Y)
        assert not run(context(max_loss=0.05), start.call).passed


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_divergence_of_a_quadratic_is_that_of_the_theory(momentum):
    found = ranged(bowl(momentum=momentum), steps=100)
    theory = 2 * (1 + momentum) / 2
    assert found.stability_limit == pytest.approx(theory, rel=1e-3)
    assert found.divergence == pytest.approx(theory, rel=0.1)


def test_adam_has_no_limit_to_predict():
    found = ranged(bowl(make=optimizers.Adam), steps=60, max_loss=0.01)
    assert found.stability_limit is None
    assert found.optimizer == "keras.optimizers.Adam({})"
    assert found.own_point.passed


def test_nesterov_has_another_limit():
    assert ranged(bowl(momentum=0.9, nesterov=True), steps=30).stability_limit is None


def test_an_optimizer_of_tensorflow_1():
    found = ranged(bowl(make=tf.compat.v1.train.GradientDescentOptimizer), steps=60)
    assert found.own == pytest.approx(0.1)
    assert found.divergence == pytest.approx(1.0, rel=0.1)


def test_the_whole_schedule_is_scaled_and_its_peak_held_beside():
    schedule = optimizers.schedules.ExponentialDecay(0.3, 20, 0.5)
    found = ranged(fit(build(lambda: optimizers.SGD(schedule)), X, Y), max_loss=0.05)
    assert found.scheduled
    assert found.own == pytest.approx(0.3)
    assert [run.name for run in found.schedules] == ["constant"]
    assert found.schedules[0].point.learning_rate == pytest.approx(0.3)
    assert found.optimizer == ""


def test_an_object_is_given_back_as_it_was():
    model = build()()
    before = [v.numpy() for v in model.variables]
    ranged(fit(model, X, Y), max_loss=0.05)
    assert all(np.array_equal(a, v.numpy()) for a, v in zip(before, model.variables, strict=True))
    assert float(model.optimizer.learning_rate) == pytest.approx(0.1)
    assert int(model.optimizer.iterations) == 0


def test_the_same_range_every_time():
    first, second = (ranged(fit(build(), X, Y), max_loss=0.05) for _ in range(2))
    assert first.points == second.points


def test_gates_of_hooks_count():
    class Hooks(NoHooks):
        def pytest_converge_check(self, record, expectation):
            rates = record.curve.learning_rate
            return [Finding(code="too-fast", message="no")] if max(rates, default=0) > 0.2 else []

    found = ranged(fit(build(), X, Y), hooks=Hooks(), max_loss=0.05)
    assert 0.2 / 1.4 < found.highest <= 0.2
    assert "too-fast" in {point.finding for point in found.points}


def test_a_generator_that_cannot_start_again_is_refused(monkeypatch):
    monkeypatch.setattr(sources, "MEMORY_LIMIT", 1000)

    def batches():
        while True:
            yield X, Y

    with pytest.raises(InvalidTrainingError, match=r"^got a generator.*read once a learning rate"):
        ranged(fit(build(), batches()))


def test_a_dataset_is_read_once_for_each_run():
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(16).repeat()
    assert ranged(fit(build(), data), max_loss=0.05).own_point.passed


@pytest.mark.parametrize("rate", [0.0, -0.1])
def test_a_rate_of_nothing_is_refused(rate):
    with pytest.raises(InvalidTrainingError, match=r"^got learning_rate=.*a learning rate above 0"):
        ranged(bowl(rate))


@pytest.mark.parametrize("rate", [0, -1.0, "cosine", None])
def test_a_schedule_is_one_of_keras(rate):
    with pytest.raises(InvalidTrainingError, match=r"^got schedules\['odd'\]=.*LearningRateSched"):
        ranged(fit(build(), X, Y), schedules={"odd": rate})


def test_schedules_need_an_optimizer_of_keras():
    start = bowl(make=tf.compat.v1.train.GradientDescentOptimizer)
    with pytest.raises(InvalidTrainingError, match=r"^got schedules for GradientDescentOptimizer"):
        ranged(start, schedules={"half": 0.05})


def test_a_training_that_no_rate_helps():
    found = ranged(fit(build(), X, Y), max_loss=1e-30)
    assert found.bracket is None
    assert found.best is not None


def test_starts_that_a_cache_gives_are_no_outcome_of_a_rate():
    with pytest.raises(InvalidTrainingError, match="the same variable again"):
        ranged(fit(functools.cache(build()), X, Y), max_loss=0.05, seeds=2)


class Holding(keras.Model):
    """Applies an optimizer that it holds, or none; `compile` leaves an RMSprop."""

    def __init__(self, held):
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.dense.build((None, 1))
        self.built = True
        self.held = held
        self.compile()

    def train_step(self, batch):
        x, y = batch
        weights = self.trainable_variables
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self.dense(x) - y) ** 2)
        pairs = list(zip(tape.gradient(loss, weights), weights, strict=True))
        if self.held is None:
            for gradient, weight in pairs:
                weight.assign_sub(0.1 * gradient)
        else:
            self.held.apply_gradients(pairs)
        return {"loss": loss}


def test_the_rate_that_is_varied_is_that_of_the_optimizer_that_is_applied():
    found = ranged(fit(lambda: Holding(optimizers.SGD(0.1)), X, Y), max_loss=0.05)
    assert found.own == pytest.approx(0.1)
    assert found.lowest < 0.1 < found.highest
    assert found.above is not None


def test_a_training_without_a_known_optimizer_has_no_range():
    with pytest.raises(InvalidTrainingError, match="without a known optimizer"):
        ranged(fit(lambda: Holding(None), X, Y), steps=4)


@pytest.mark.parametrize("eagerly", [False, True], ids=["traced", "eager"])
def test_of_several_optimizers_there_is_no_range(eagerly):
    def made():
        model = Adversaries()
        model.run_eagerly = eagerly
        return model

    start = fit(made, points(0), loss="distance")
    pattern = r"2 optimizers \(g_optimizer, d_optimizer\); expected one with one optimizer"
    with pytest.raises(InvalidTrainingError, match=pattern):
        ranged(start, steps=4)


def test_the_arguments_of_fit_are_those_of_every_training():
    class Counted(keras.callbacks.Callback):
        """Counts its epochs, and ends every run within the sixth."""

        epochs = 0

        def on_epoch_end(self, epoch, logs=None):
            type(self).epochs += 1
            assert "val_loss" in logs
            self.model.stop_training = epoch == 5

    start = fit(
        build(), X, Y, batch_size=16, epochs=15, validation_split=0.25, callbacks=[Counted()]
    )
    found = ranged(start, decades=2)
    # Of 48 rows an epoch has three batches: 15 epochs are 45 updates, of which 18 are made.
    assert found.steps == 45
    assert {point.steps for point in found.points if point.passed} == {18}
    assert all(point.complete for point in found.points if point.passed)
    assert Counted.epochs >= 6 * len([point for point in found.points if point.passed])


def test_a_rate_that_a_callback_sets_cannot_be_varied():
    class Halving(keras.callbacks.Callback):
        """Sets the rate, whatever it was."""

        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = 0.1 * 0.5**epoch

    start = fit(build(), X, Y, epochs=3, callbacks=[Halving()])
    with pytest.raises(InvalidTrainingError, match=r"of which Halving sets the learning rate; "):
        ranged(start)
