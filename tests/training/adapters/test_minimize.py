"""`converge.minimize`: a loss callable, variables and an optimizer."""

from __future__ import annotations

import traceback

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import optimizers

from tests.zoo.problems import minimize
from tests.zoo.trainings import failing, judged, recorded


def parabola(w):
    return lambda: tf.reduce_mean((tf.constant([1.5, 2.5, 3.5]) - w) ** 2)


OPTIMIZERS = {
    "sgd": lambda: optimizers.SGD(0.1),
    "momentum": lambda: optimizers.SGD(0.05, momentum=0.5),
    "adam": lambda: optimizers.Adam(0.3),
    "schedule": lambda: optimizers.SGD(optimizers.schedules.ExponentialDecay(0.2, 20, 0.5)),
    "compat-sgd": lambda: tf.compat.v1.train.GradientDescentOptimizer(0.1),
    "compat-momentum": lambda: tf.compat.v1.train.MomentumOptimizer(0.05, 0.5),
    "compat-adam": lambda: tf.compat.v1.train.AdamOptimizer(0.3),
    "compat-adagrad": lambda: tf.compat.v1.train.AdagradOptimizer(0.9),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_reaches_the_minimum(name):
    w = tf.Variable(0.0)
    result = judged(minimize(parabola(w), [w], OPTIMIZERS[name]()), max_loss=0.67, steps=100)
    assert result.passed, result.findings
    assert result.initial_loss == pytest.approx(6.9166665)
    assert result.final_loss == pytest.approx(2 / 3, rel=1e-3)
    assert float(w) == pytest.approx(2.5, abs=0.1)
    assert len(result.curve.gradient_norm) == len(result.curve.learning_rate) == 100


def test_losses_are_those_of_the_arithmetic():
    w = tf.Variable(0.0)
    curve = recorded(minimize(parabola(w), [w], optimizers.SGD(0.1)), steps=20).curve
    expected = [2 / 3 + (2.5 * 0.8**n) ** 2 for n in range(21)]
    np.testing.assert_allclose(curve.batch_loss, expected[:20], rtol=1e-5)
    assert curve.initial_loss == pytest.approx(expected[0])
    assert curve.final_loss == pytest.approx(expected[20], rel=1e-5)
    np.testing.assert_allclose(
        curve.probe_loss, [expected[n] for n in curve.checkpoints], rtol=1e-5
    )
    np.testing.assert_allclose(
        curve.gradient_norm, [2 * 2.5 * 0.8**n for n in range(20)], rtol=1e-4
    )


VARIABLES = {
    "list": lambda: [tf.Variable([3.0, 3.0])],
    "tuple": lambda: (tf.Variable([3.0, 3.0]),),
    "alone": lambda: tf.Variable([3.0, 3.0]),
    "keras": lambda: [keras.Variable(np.array([3.0, 3.0]))],
    "float64": lambda: [tf.Variable(np.array([3.0, 3.0]))],
    "unused beside": lambda: [tf.Variable([3.0, 3.0]), tf.Variable(1.0)],
}


@pytest.mark.parametrize("kind", VARIABLES)
def test_forms_of_variables(kind):
    variables = VARIABLES[kind]()
    first = variables[0] if isinstance(variables, (list, tuple)) else variables
    result = judged(
        minimize(lambda: tf.reduce_sum((first - 1.0) ** 2), variables, optimizers.Adam(0.1)),
        steps=80,
        max_loss=0.1,
    )
    assert result.passed, result.findings
    assert result.initial_loss == pytest.approx(8.0)


def test_complex_variables_raise_no_warning():
    w = tf.Variable(5.0 + 1.0j)
    result = judged(minimize(lambda: tf.abs(w - 1.0) ** 2, [w], optimizers.SGD(0.1)), steps=60)
    assert result.passed, result.findings


@pytest.mark.parametrize("wrap", [lambda f: f, tf.function], ids=["plain", "tf.function"])
def test_forms_of_the_loss(wrap):
    w = tf.Variable([1.0, 2.0])

    def total_loss():
        return tf.reduce_sum(w**2)

    record = recorded(minimize(wrap(total_loss), [w], optimizers.SGD(0.1)), steps=10)
    assert record.driver == "loop"
    assert record.curve.initial_loss == 5.0


def test_the_loss_is_called_what_the_function_is_called():
    w = tf.Variable(1.0)

    def energy():
        return w * w

    assert recorded(minimize(energy, [w], optimizers.SGD(0.1)), steps=2).loss_name == "energy"


def test_a_loss_of_shape_one_is_a_scalar():
    w = tf.Variable([2.0])
    curve = recorded(minimize(lambda: w * w, [w], optimizers.SGD(0.1)), steps=3).curve
    assert curve.initial_loss == 4.0


def test_gradients_of_an_embedding():
    table = tf.Variable(tf.ones((6, 2)))
    optimizer = optimizers.SGD(0.1)
    curve = recorded(
        minimize(lambda: tf.reduce_sum(tf.gather(table, [1, 1, 4]) ** 2), [table], optimizer),
        steps=10,
    ).curve
    assert curve.initial_loss == 6.0
    assert curve.final_loss < 1.0
    np.testing.assert_array_equal(table[0], [1.0, 1.0])


# ---- what a graph cannot see --------------------------------------------------------------------


def branching(w):
    def loss():
        value = (w - 2) ** 2
        return value if value > 1 else tf.sqrt(value + 1e-12)

    return loss


def counting(w):
    calls = []

    def loss():
        calls.append(None)
        return (w - 2) ** 2 / len(calls)

    return loss


def drawing(w):
    rng = np.random.default_rng(0)
    return lambda: (w - 2) ** 2 + rng.normal() * w


@pytest.mark.parametrize(
    ("loss", "reason"),
    [
        (branching, "reads the values of tensors"),
        (counting, "other losses when it is compiled"),
        (drawing, "other losses when it is compiled"),
    ],
)
def test_a_loss_that_a_graph_would_freeze_runs_eagerly(loss, reason):
    w = tf.Variable(5.0)
    record = recorded(minimize(loss(w), [w], optimizers.SGD(0.05)), steps=30)
    assert record.driver == "eager"
    assert reason in record.driver_reason
    assert float(w) < 5


def test_a_random_loss_is_compiled_and_has_no_probe():
    """What the operations of TensorFlow draw is drawn anew in every step of a graph."""
    w = tf.Variable(5.0)

    def loss():
        return (w - 2) ** 2 + 0.1 * tf.random.normal(()) * w

    record = recorded(minimize(loss, [w], optimizers.SGD(0.05)), steps=60)
    assert record.driver == "loop"
    assert record.curve.checkpoints == ()
    assert len(set(record.curve.batch_loss)) == 60


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "tf.function"])
def test_a_loss_that_draws_its_batches_draws_one_a_step(compiled):
    """What it draws before or beside the steps could not be put back."""
    drawn = []

    def rows():
        while True:
            drawn.append(None)
            yield np.float32(len(drawn))

    batches = iter(
        tf.data.Dataset.from_generator(rows, output_signature=tf.TensorSpec((), "float32"))
    )
    w = tf.Variable(0.0)

    def loss():
        return w * 0.0 + tf.stop_gradient(next(batches))

    start = minimize(tf.function(loss) if compiled else loss, [w], optimizers.SGD(0.05))
    curve = recorded(start, steps=8).curve
    assert curve.batch_loss == tuple(range(1, 9))
    assert (curve.initial_loss, curve.final_loss) == (None, None)


def test_a_variable_is_listed_once():
    w = tf.Variable(3.0)
    start = minimize(lambda: w**2, [w, w], optimizers.SGD(0.1))
    with pytest.raises(ValueError, match="got a variable that is listed twice; "):
        judged(start)


def test_variables_hold_numbers():
    text = tf.Variable("a")
    with pytest.raises(ValueError, match="expected variables of numbers"):
        judged(minimize(lambda: 1.0, [text], optimizers.SGD(0.1)))


def test_variables_of_a_graph_are_for_steps():
    with tf.Graph().as_default():
        w = tf.compat.v1.get_variable("w", initializer=1.0)
    start = minimize(lambda: w**2, [w], tf.compat.v1.train.GradientDescentOptimizer(0.1))
    with pytest.raises(ValueError, match=r"got variables of a tf\.Graph; .*Use converge\.step"):
        judged(start)


def test_slots_that_a_first_step_makes_begin_as_the_optimizer_makes_them():
    """Those of TensorFlow 1 are made with the first update."""
    curves = []
    for wrap in (lambda f: f, tf.function):
        w = tf.Variable([3.0, -2.0])
        loss = wrap(lambda w=w: tf.reduce_sum(w**2))
        start = minimize(loss, [w], tf.compat.v1.train.MomentumOptimizer(0.05, 0.9))
        curves.append(recorded(start, steps=10).curve.batch_loss)
    np.testing.assert_allclose(curves[0], curves[1], rtol=1e-5)


# ---- several starts -----------------------------------------------------------------------------


def build():
    w = tf.Variable(tf.random.uniform((3,), 1.0, 2.0))
    return lambda: tf.reduce_sum(w**2), [w], optimizers.Adam(0.1)


def test_a_builder_gives_several_starts_through_one_trace():
    result = judged(minimize(build), seeds=3, steps=50)
    assert [run.record.seed for run in result.runs] == [0, 1, 2]
    assert [run.record.traces > 0 for run in result.runs] == [True, False, False]
    assert len({run.record.curve.initial_loss for run in result.runs}) == 3
    assert all(run.passed for run in result.runs)


def test_the_start_of_a_seed_is_the_same_wherever_it_stands():
    later = judged(minimize(build), seeds=3, steps=20).runs[2].record
    alone = judged(minimize(build), seed=2, steps=20).runs[0].record
    assert later.curve.batch_loss == pytest.approx(alone.curve.batch_loss, rel=1e-6)


# ---- gates --------------------------------------------------------------------------------------


def test_the_classic_stationary_point_is_red():
    w = tf.Variable(2.0)
    start = minimize(lambda: (w - 2) ** 4 - 4 * (w - 2) ** 2 + 5, [w], optimizers.SGD(0.1))
    assert failing(judged(start)) == {"not-decreasing"}


def test_a_training_that_begins_at_its_minimum_passes():
    w = tf.Variable(0.0)
    result = judged(minimize(lambda: w**2, [w], optimizers.SGD(0.1)), steps=5, max_loss=0.1)
    assert result.passed
    assert result.runs[0].record.variables_changed is False


def test_updates_that_are_all_skipped_train_nothing():
    w = tf.Variable(0.1)
    infinite = optimizers.LossScaleOptimizer(optimizers.SGD(0.1), initial_scale=float(2**120))
    result = judged(minimize(lambda: 1e5 * w**2, [w], infinite), steps=2, max_loss=1e4)
    assert failing(result) == {"nothing-trained"}


def test_a_learning_rate_of_0_trains_nothing():
    w = tf.Variable(0.1)
    result = judged(minimize(lambda: w**2, [w], optimizers.SGD(0.0)), steps=5, max_loss=0.1)
    assert failing(result) == {"nothing-trained"}


def test_nan_from_the_loss_is_red():
    w = tf.Variable(1.0)
    result = judged(minimize(lambda: tf.math.log(w), [w], optimizers.SGD(0.6)), steps=50)
    assert "nonfinite-loss" in failing(result)
    assert len(result.curve.steps) < 10


# ---- errors before training ---------------------------------------------------------------------


def nothing_trained(w):
    assert float(w) == 5.0


W = lambda: tf.Variable(5.0)  # noqa: E731 - as users write it
SGD = lambda: optimizers.SGD(0.1)  # noqa: E731

ERRORS = {
    "loss is a tensor": (
        lambda w: minimize(w * 2, [w], SGD()),
        r"got loss=<tf\.Tensor.*; expected a function without arguments\. Write it",
    ),
    "loss takes an argument": (
        lambda w: minimize(lambda value: value**2, [w], SGD()),
        r"got a loss that needs value; expected a function without arguments\.",
    ),
    "loss returns nothing": (
        lambda w: minimize(lambda: None, [w], SGD()),
        r"got a loss that returned None \(NoneType\); expected a scalar\.",
    ),
    "loss returns a vector": (
        lambda w: minimize(lambda: tf.stack([w, w]), [w], SGD()),
        r"got a loss of shape \(2,\); expected a scalar\. Reduce it",
    ),
    "loss is complex": (
        lambda w: minimize(lambda: tf.complex(w * w, w), [w], SGD()),
        r"got a loss that returned a complex64; expected a real number\. .* tf\.math\.real",
    ),
    "loss is text": (
        lambda w: minimize(lambda: "0.1", [w], SGD()),
        r"got a loss that returned a string; expected a real number\.",
    ),
    "loss is a pair": (
        lambda w: minimize(lambda: (w * w, -2.0), [w], SGD()),
        r"got a loss that returned \(<tf.* \(tuple\); expected a scalar\. End it with",
    ),
    "loss is an empty list": (
        lambda w: minimize(list, [w], SGD()),
        r"got a loss that returned \[\] \(list\); expected a scalar\.",
    ),
    "loss without the variables": (
        lambda w: minimize(lambda: tf.constant(3.0), [w], SGD()),
        r"got a loss without a gradient; expected .* that depends on the variables\.",
    ),
    "loss through numpy": (
        lambda w: minimize(lambda: float((w.numpy() - 2) ** 2), [w], SGD()),
        r"got a loss without a gradient; expected .* that depends on the variables\.",
    ),
    "no variables": (
        lambda w: minimize(lambda: w * w, [], SGD()),
        r"got no trainable variables \(an empty list\); expected a list of tf\.Variable",
    ),
    "a tensor among the variables": (
        lambda w: minimize(lambda: w * w, [w, tf.constant(1.0)], SGD()),
        r"got the variable <tf\.Tensor.*; expected a list of tf\.Variable",
    ),
    "a number as variables": (
        lambda w: minimize(lambda: w * w, 3, SGD()),
        r"got variables=3 \(int\); expected a list of tf\.Variable",
    ),
    "an optimizer's name": (
        lambda w: minimize(lambda: w * w, [w], "sgd"),
        r"got optimizer='sgd' \(str\); expected an optimizer of keras\.optimizers or",
    ),
    "an optimizer's class": (
        lambda w: minimize(lambda: w * w, [w], optimizers.SGD),
        r"got optimizer=<class .*; expected an optimizer .* Pass an object",
    ),
    "no optimizer": (
        lambda w: minimize(lambda: w * w, [w]),
        r"got optimizer=None \(NoneType\); expected an optimizer",
    ),
    "a builder of two": (
        lambda w: minimize(lambda: (lambda: w * w, [w])),
        r"got a function that returned .*; expected a function that returns \(loss, variables",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_come_before_any_update(case):
    start, pattern = ERRORS[case]
    w = W()
    with pytest.raises(ValueError, match=pattern) as caught:
        judged(start(w))
    assert type(caught.value).__name__ == "InvalidTrainingError"
    assert float(w) == 5.0


@pytest.mark.parametrize(
    ("argument", "value"), [("metrics", {"accuracy": (0.5, None)}), ("min_skill", 0.5)]
)
def test_expectations_that_need_targets_are_refused(argument, value):
    w = W()
    with pytest.raises(ValueError, match=rf"got {argument} for converge\.minimize; expected"):
        judged(minimize(lambda: w * w, [w], SGD()), **{argument: value})


def test_several_seeds_need_a_builder():
    w = W()
    pattern = r"got seeds=3 with objects that are built already; expected .*converge\.minimize\("
    with pytest.raises(ValueError, match=pattern):
        judged(minimize(lambda: w * w, [w], SGD()), seeds=3)


def test_a_builder_of_changing_shapes_is_refused():
    sizes = iter((2, 3))

    def changing():
        w = tf.Variable(tf.ones(next(sizes)))
        return lambda: tf.reduce_sum(w**2), [w], SGD()

    with pytest.raises(ValueError, match="got a builder whose variables change their shape"):
        judged(minimize(changing), seeds=2, steps=5)


def test_an_exception_of_the_users_function_keeps_its_traceback():
    w = W()

    def my_loss():
        raise KeyError("what the user wrote")

    with pytest.raises(KeyError, match="what the user wrote") as caught:
        judged(minimize(my_loss, [w], SGD()))
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert frames[-1].name == "my_loss"
    assert frames[-1].filename == __file__


def test_an_optimizer_of_other_variables_is_keras_own_error():
    w, other = W(), W()
    optimizer = SGD()
    optimizer.build([other])
    with pytest.raises(ValueError, match="only be called for the variables it was originally"):
        judged(minimize(lambda: w * w, [w], optimizer))
    assert float(w) == 5.0


def test_the_optimizer_is_given_back_as_it_was():
    w = W()
    rate = optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    optimizer = optimizers.SGD(rate)
    judged(minimize(lambda: w * w, [w], optimizer), steps=20)
    assert optimizer._learning_rate is rate
    assert "apply" not in vars(optimizer)
    assert int(optimizer.iterations) == 20
