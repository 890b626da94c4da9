"""Optimizers under observation: rate, gradient norm, muting, release."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.training.state.optimizer import ObservedOptimizer, is_optimizer
from pytest_converge.training.state.snapshot import unique_variables

START = [3.0, -4.0]
Decay = keras.optimizers.schedules.ExponentialDecay
v1 = tf.compat.v1.train

#: Optimizers that move by rate times gradient, with the rate before each step.
PLAIN_DESCENT = {
    "constant": (lambda: keras.optimizers.SGD(0.1), lambda step: 0.1),
    "schedule": (lambda: keras.optimizers.SGD(Decay(0.1, 1, 0.5)), lambda step: 0.1 * 0.5**step),
    "callable": (lambda: keras.optimizers.SGD(lambda: 0.1), lambda step: 0.1),
    "compat v1": (lambda: v1.GradientDescentOptimizer(0.1), lambda step: 0.1),
    "compat v1, callable": (lambda: v1.GradientDescentOptimizer(lambda: 0.1), lambda step: 0.1),
    "loss scale": (
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=1.0),
        lambda step: 0.1,
    ),
    "loss scale, schedule": (
        lambda: keras.optimizers.LossScaleOptimizer(
            keras.optimizers.SGD(Decay(0.1, 1, 0.5)), initial_scale=1.0
        ),
        lambda step: 0.1 * 0.5**step,
    ),
}
descent = pytest.mark.parametrize(
    ("make", "rate"), PLAIN_DESCENT.values(), ids=PLAIN_DESCENT.keys()
)


class Problem:
    """Half the squared length of a variable, whose gradient is the variable."""

    def __init__(self, optimizer, observe=True):
        is_keras = isinstance(optimizer, keras.optimizers.Optimizer)
        self.variable = (keras.Variable if is_keras else tf.Variable)(START)
        if is_keras:
            optimizer.build([self.variable])
        self.optimizer = optimizer
        self.observed = ObservedOptimizer(optimizer) if observe else None

    @property
    def position(self):
        return np.asarray(self.variable)

    def step(self):
        if self.observed is not None:
            self.observed.begin_step()
        gradient = tf.convert_to_tensor(self.variable)
        self.optimizer.apply_gradients([(gradient, self.variable)])


@descent
@pytest.mark.parametrize("factor", [1.0, 0.5, 10.0])
def test_the_rate_times_a_factor_is_what_the_update_uses(make, rate, factor):
    problem = Problem(make())
    problem.observed.set_learning_rate_factor(factor)
    for step in range(3):
        before, expected = problem.position, factor * rate(step)
        assert float(problem.observed.learning_rate()) == pytest.approx(expected, rel=1e-6)
        problem.step()
        np.testing.assert_allclose(problem.position, before * (1 - expected), rtol=1e-5)


@descent
def test_a_factor_applies_to_the_rate_of_the_user_not_to_the_last_factor(make, rate):
    problem = Problem(make())
    for factor in (0.1, 3.0, 1.0):
        problem.observed.set_learning_rate_factor(factor)
        assert float(problem.observed.learning_rate()) == pytest.approx(factor * rate(0))


@descent
def test_a_factor_needs_no_new_trace(make, rate):
    problem = Problem(make())
    traces = []

    @tf.function(autograph=False)
    def step():
        traces.append(1)
        problem.step()

    step()
    problem.observed.set_learning_rate_factor(0.5)
    before = problem.position
    step()
    np.testing.assert_allclose(problem.position, before * (1 - 0.5 * rate(1)), rtol=1e-5)
    assert len(traces) == 1


@descent
def test_release_gives_the_optimizer_back(make, rate):
    optimizer = make()
    before = dict(optimizer.__dict__)
    problem = Problem(optimizer)
    problem.observed.set_learning_rate_factor(0.5)
    problem.step()
    problem.observed.release()
    assert "apply" not in optimizer.__dict__
    assert "apply_gradients" not in optimizer.__dict__
    for name in ("_learning_rate", "_lr"):
        assert optimizer.__dict__.get(name) is before.get(name)
    position = problem.position
    problem.observed = None
    problem.step()
    np.testing.assert_allclose(problem.position, position * (1 - rate(1)), rtol=1e-5)


def test_the_variables_of_a_wrapped_optimizer_are_seen():
    problem = Problem(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.1)))
    inner = problem.optimizer.inner_optimizer
    seen = {id(v) for v in problem.observed.variables}
    assert {id(v) for v in unique_variables(inner.variables)} <= seen
    assert len(seen) > len(inner.variables)


def test_a_large_loss_scale_leaves_the_norm_finite():
    inner = keras.optimizers.SGD(0.1)
    problem = Problem(keras.optimizers.LossScaleOptimizer(inner, initial_scale=2.0**100))
    problem.observed.begin_step()
    scaled = [tf.constant(START) * 2.0**100]
    problem.optimizer.apply(scaled, [problem.variable])
    assert float(problem.observed.gradient_norm()) == pytest.approx(5.0)


def test_the_same_optimizer_can_be_observed_again():
    optimizer = keras.optimizers.SGD(Decay(0.1, 1, 0.5))
    for _ in range(2):
        problem = Problem(optimizer)
        problem.observed.set_learning_rate_factor(0.5)
        assert float(problem.observed.learning_rate()) == pytest.approx(0.05)
        problem.observed.release()
    assert float(optimizer.learning_rate) == pytest.approx(0.1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.optimizers.Adam(0.1),
        lambda: keras.optimizers.SGD(Decay(0.1, 2, 0.5), momentum=0.9, clipnorm=1.0),
        lambda: keras.optimizers.AdamW(0.1, weight_decay=0.01, use_ema=True),
        lambda: v1.AdamOptimizer(0.1),
        lambda: v1.MomentumOptimizer(0.1, 0.9),
    ],
)
def test_observation_changes_nothing(make):
    seen, alone = Problem(make()), Problem(make(), observe=False)
    for _ in range(5):
        seen.step()
        alone.step()
    assert seen.position.tolist() == alone.position.tolist()
    assert seen.position.tolist() != START


def test_the_gradient_norm_is_the_length_of_all_gradients_together():
    rng = np.random.default_rng(0)
    gradients = [rng.normal(size=shape).astype("float32") for shape in ((3, 4), (5,), ())]
    variables = [keras.Variable(np.zeros_like(gradient)) for gradient in gradients]
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build(variables)
    observed = ObservedOptimizer(optimizer)
    observed.begin_step()
    optimizer.apply_gradients(zip(map(tf.constant, gradients), variables, strict=True))
    expected = np.sqrt(sum((gradient.astype(float) ** 2).sum() for gradient in gradients))
    assert float(observed.gradient_norm()) == pytest.approx(expected, rel=1e-6)


@descent
def test_the_gradient_norm_of_each_step(make, rate):
    problem = Problem(make())
    for _ in range(2):
        expected = np.linalg.norm(problem.position)
        problem.step()
        assert float(problem.observed.gradient_norm()) == pytest.approx(expected, rel=1e-6)


def test_a_norm_is_seen_before_clipping():
    problem = Problem(keras.optimizers.SGD(0.1, clipnorm=1e-3))
    problem.step()
    assert float(problem.observed.gradient_norm()) == pytest.approx(5.0)


def test_a_scaled_loss_shows_the_norm_of_the_plain_one():
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=1024.0)
    problem = Problem(optimizer)
    problem.observed.begin_step()
    optimizer.apply([1024.0 * problem.variable.value], [problem.variable])
    assert float(problem.observed.gradient_norm()) == pytest.approx(5.0)


def test_gradients_that_are_applied_in_parts_count_together():
    optimizer = keras.optimizers.SGD(0.1)
    first, second = keras.Variable([3.0]), keras.Variable([4.0])
    optimizer.build([first, second])
    observed = ObservedOptimizer(optimizer)
    for _ in range(2):
        observed.begin_step()
        optimizer.apply([tf.constant([3.0])], [first])
        optimizer.apply([tf.constant([4.0])], [second])
        assert float(observed.gradient_norm()) == pytest.approx(5.0)


def test_missing_and_sparse_and_half_precision_gradients():
    table, weight, free = (keras.Variable(np.zeros((2, 2), "float32")) for _ in range(3))
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build([table, weight, free])
    observed = ObservedOptimizer(optimizer)
    observed.begin_step()
    sparse = tf.IndexedSlices(tf.constant([[3.0, 0.0]]), tf.constant([1]), tf.constant([2, 2]))
    half = tf.constant([[4.0, 0.0], [0.0, 0.0]], tf.float16)
    observed._observe([sparse, half, None])
    assert float(observed.gradient_norm()) == pytest.approx(5.0)


def test_without_gradients_there_is_no_norm():
    observed = Problem(keras.optimizers.SGD(0.1)).observed
    observed.begin_step()
    assert observed.gradient_norm() is None
    observed._observe([None, None])
    assert observed.gradient_norm() is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.optimizers.Adam(0.1),
        lambda: v1.AdamOptimizer(0.1),
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)),
    ],
)
def test_a_muted_optimizer_makes_no_update(make):
    problem = Problem(make())
    problem.step()
    before = [np.asarray(v).tolist() for v in [problem.variable, *problem.observed.variables]]
    with problem.observed.muted():
        problem.step()
        assert problem.observed.gradient_norm() is None
    after = [np.asarray(v).tolist() for v in [problem.variable, *problem.observed.variables]]
    assert after == before
    problem.step()
    assert problem.position.tolist() != before[0]


def test_an_optimizer_is_not_left_muted_by_an_error():
    problem = Problem(keras.optimizers.SGD(0.1))
    with pytest.raises(KeyError), problem.observed.muted():
        raise KeyError
    problem.step()
    assert problem.position.tolist() != START


def test_a_rate_that_cannot_be_seen_is_none():
    class Own(v1.Optimizer):
        def __init__(self):
            super().__init__(use_locking=False, name="own")

        def _apply_dense(self, grad, var):
            return var.assign_sub(0.5 * grad)

        _resource_apply_dense = _apply_dense

    problem = Problem(Own())
    assert problem.observed.learning_rate() is None
    problem.step()
    assert problem.position.tolist() == [1.5, -2.0]
    assert float(problem.observed.gradient_norm()) == 5.0
    problem.observed.release()


@pytest.mark.parametrize(
    ("candidate", "answer"),
    [
        (keras.optimizers.SGD(0.1), True),
        (v1.GradientDescentOptimizer(0.1), True),
        ("sgd", False),
        (keras.optimizers.SGD, False),
        (None, False),
    ],
)
def test_what_an_optimizer_is(candidate, answer):
    assert is_optimizer(candidate) == answer


@pytest.mark.parametrize(
    ("make", "counts"),
    [
        (lambda: keras.optimizers.SGD(0.1), True),
        (lambda: keras.optimizers.SGD(0.1, gradient_accumulation_steps=4), True),
        (lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)), True),
        (lambda: v1.GradientDescentOptimizer(0.1), False),
    ],
    ids=["plain", "accumulated", "loss scale", "compat v1"],
)
def test_updates_are_counted_where_keras_counts_them(make, counts):
    problem = Problem(make())
    before = [int(counter) for counter in problem.observed.counters]
    problem.optimizer.apply_gradients([(tf.constant(START), problem.variable)])
    assert [int(counter) for counter in problem.observed.counters] == ([1] if counts else [])
    assert before == ([0] if counts else [])


class OwnDescent(keras.optimizers.SGD):
    """An optimizer of the user's, whose code an error in it has to name."""

    def update_step(self, gradient, variable, learning_rate):
        self.moved = tf.convert_to_tensor(variable) - learning_rate * gradient
        self.assign(variable, self.moved)


def functions_of(tensor):
    """Those in which an operation was added, by its stack trace."""
    return [frame.name for frame in tensor.op.traceback]


@pytest.mark.parametrize("around", [lambda own: own, keras.optimizers.LossScaleOptimizer])
def test_operations_of_own_optimizers_tell_where_they_are_made(around):
    own = OwnDescent(0.1)
    problem = Problem(around(own))
    tf.function(problem.step, autograph=False).get_concrete_function()
    assert "update_step" in functions_of(own.moved)


def test_operations_of_an_optimizer_of_keras_tell_of_their_update(monkeypatch):
    moved = []
    optimizer = keras.optimizers.SGD(0.1)
    monkeypatch.setattr(optimizer, "assign_sub", lambda variable, by: moved.append(by))
    tf.function(Problem(optimizer).step, autograph=False).get_concrete_function()
    assert functions_of(moved[0])[-2:] == ["apply_gradients", "apply"]
