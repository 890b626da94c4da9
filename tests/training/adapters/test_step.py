"""`converge.step`: a training step that the user wrote."""

from __future__ import annotations

import traceback

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.core.errors import InvalidTrainingError
from tests.diagnosis.programs import diagnosis_of
from tests.zoo.problems import linear, own_step, step, wine
from tests.zoo.trainings import failing, judged, recorded, running


def regression(optimizer, *, compiled=False, x=None, y=None):
    """A step on one linear layer, its variable and the data it uses where none is passed."""
    x, y = linear(0) if x is None else (x, y)
    w = tf.Variable(tf.zeros((4, 1)))

    def train_step(rows=x, targets=y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((rows @ w - targets) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    return tf.function(train_step) if compiled else train_step, w


# ---- forms --------------------------------------------------------------------------------------


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "tf.function"])
@pytest.mark.parametrize("named", [False, True], ids=["optimizer-found", "optimizer-given"])
@pytest.mark.parametrize("with_data", [False, True], ids=["closure", "data"])
def test_forms_of_a_step(compiled, named, with_data):
    optimizer = optimizers.SGD(0.1)
    x, y = linear(0)
    train_step, w = regression(optimizer, compiled=compiled)
    data = [(x[i::4], y[i::4]) for i in range(4)] if with_data else None
    start = step(train_step, variables=[w], data=data, optimizer=optimizer if named else None)
    result = judged(start, steps=60, max_loss=0.05)
    record = result.runs[0].record
    assert result.passed, result.findings
    assert record.driver == "loop"
    assert record.curve.initial_loss == pytest.approx((y**2).mean(), rel=1e-5)
    assert len(record.curve.learning_rate) == len(record.curve.gradient_norm) == 60
    assert record.loss_name == "train_step"


def eager_losses(steps, batches=None):
    """The losses of the same step in a plain Python loop."""
    train_step, _ = regression(optimizers.Adam(0.05))
    return [
        float(train_step(*(batches[n % len(batches)] if batches else ()))) for n in range(steps)
    ]


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "tf.function"])
def test_losses_are_those_of_a_plain_loop(compiled):
    x, y = linear(0, rows=100)
    batches = [(x[i : i + 32], y[i : i + 32]) for i in range(0, 100, 32)]
    optimizer = optimizers.Adam(0.05)
    train_step, w = regression(optimizer, compiled=compiled)
    curve = recorded(step(train_step, variables=[w], data=batches), steps=22).curve
    np.testing.assert_allclose(curve.batch_loss, eager_losses(22, batches), rtol=1e-5)
    assert int(optimizer.iterations) == 22


SOURCES = {
    "list of batches": lambda x, y: [(x[i::4], y[i::4]) for i in range(4)],
    "one batch": lambda x, y: (x, y),
    "dataset": lambda x, y: tf.data.Dataset.from_tensor_slices((x, y)).batch(64),
    "generator": lambda x, y: ((x[i % 4 :: 4], y[i % 4 :: 4]) for i in range(40)),
    "tensors": lambda x, y: [(tf.constant(x), tf.constant(y))],
    "float64": lambda x, y: [(x.astype("float64"), y.astype("float64"))],
}


@pytest.mark.parametrize("source", SOURCES)
def test_sources_of_data(source):
    train_step, w = regression(optimizers.SGD(0.1))
    result = judged(
        step(train_step, variables=[w], data=SOURCES[source](*linear(0))), steps=40, max_loss=0.1
    )
    assert result.passed, result.findings


def test_a_step_with_a_nested_batch():
    x, y = linear(0)
    w, optimizer = tf.Variable(tf.zeros((4, 1))), optimizers.SGD(0.1)

    def train_step(batch):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((batch["rows"] @ w - batch["targets"]) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return {"loss": loss, "other": 1.0}

    data = [{"rows": x[i::4], "targets": y[i::4]} for i in range(4)]
    assert judged(step(train_step, variables=[w], data=data), steps=60, max_loss=0.1).passed


def test_a_step_that_is_a_method():
    class Trainer:
        def __init__(self):
            self.w, self.optimizer = tf.Variable(tf.zeros((4, 1))), optimizers.SGD(0.1)

        def train_step(self, x, y):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((x @ self.w - y) ** 2)
            self.optimizer.apply_gradients([(tape.gradient(loss, self.w), self.w)])
            return loss

    trainer = Trainer()
    start = step(
        trainer.train_step,
        variables=[trainer.w],
        data=[linear(0)],
        optimizer=trainer.optimizer,
    )
    assert judged(start, steps=60, max_loss=0.1).passed


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "tf.function"])
def test_a_step_that_is_an_object_has_its_optimizer_found(compiled):
    class Trainer:
        def __init__(self):
            self.w, self.optimizer = tf.Variable(tf.zeros((4, 1))), optimizers.SGD(0.1)

        def __call__(self, x, y):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((x @ self.w - y) ** 2)
            self.optimizer.apply_gradients([(tape.gradient(loss, self.w), self.w)])
            return loss

    if compiled:
        Trainer.__call__ = tf.function(Trainer.__call__)
    trainer = Trainer()
    run = running(step(trainer, variables=[trainer.w], data=[linear(0)]), steps=60)
    assert [each.name for each in run.training.optimizers] == ["self.optimizer"]
    record = run.run(0)
    assert (record.driver, record.loss_name) == ("loop", "step")
    assert len(record.curve.gradient_norm) == len(record.curve.learning_rate) == 60
    assert record.curve.batch_loss[-1] < 0.05


def test_a_step_of_per_row_losses_is_averaged():
    x, y = linear(0)
    w = tf.Variable(tf.zeros((4, 1)))

    def train_step():
        with tf.GradientTape() as tape:
            losses = keras.losses.mean_squared_error(y, x @ w)
        w.assign_sub(0.1 / len(x) * tape.gradient(losses, w))
        return losses

    curve = recorded(step(train_step, variables=[w]), steps=3).curve
    assert curve.batch_loss[0] == pytest.approx((y**2).mean(), rel=1e-5)


# ---- what a graph cannot see --------------------------------------------------------------------


def test_a_step_that_leaves_tensorflow_runs_eagerly():
    x, y = linear(0)
    w = tf.Variable(tf.zeros((4, 1)))

    def train_step():
        error = x @ w.numpy() - y
        w.assign_sub(0.1 * 2 * x.T @ error / len(x))
        return float((error**2).mean())

    record = recorded(step(train_step, variables=[w]), steps=30)
    assert record.driver == "eager"
    assert record.driver_reason == "the step reads the values of tensors"
    assert record.traces == 0
    np.testing.assert_allclose(record.curve.batch_loss[0], (y**2).mean(), rtol=1e-5)
    assert record.curve.batch_loss[-1] < 0.1


@pytest.mark.parametrize(
    ("kind", "why"),
    [("counter", "gives other losses when it is compiled"), ("generator", "changes rng")],
)
def test_a_step_with_state_in_python_runs_eagerly(kind, why):
    x, y = linear(0)
    w = tf.Variable(tf.zeros((4, 1)))
    calls, rng = [], np.random.default_rng(0)

    def train_step():
        calls.append(None)
        rows = (
            rng.integers(0, len(x), 16) if kind == "generator" else slice(len(calls) % 5, None, 5)
        )
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x[rows] @ w - y[rows]) ** 2)
        w.assign_sub(0.1 * tape.gradient(loss, w))
        return loss

    record = recorded(step(train_step, variables=[w]), steps=12)
    assert record.driver == "eager"
    assert why in record.driver_reason
    assert len(set(record.curve.batch_loss)) == 12


def test_a_step_with_random_operations_is_compiled():
    """What TensorFlow draws in a graph is drawn anew in every step."""
    x, y = linear(0)
    w = tf.Variable(tf.zeros((4, 1)))

    def train_step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((tf.nn.dropout(tf.constant(x), 0.3) @ w - y) ** 2)
        w.assign_sub(0.05 * tape.gradient(loss, w))
        return loss

    record = recorded(step(train_step, variables=[w]), steps=30)
    assert record.driver == "loop"
    assert len(set(record.curve.batch_loss[10:])) == 20


# ---- functions of the user's that a step calls --------------------------------------------------


def with_a_compiled_update(kind):
    """A step that does something that cannot be traced, and then calls a compiled update."""
    x, y = linear(0)
    w, optimizer = tf.Variable(tf.zeros((4, 1))), optimizers.SGD(0.05)

    @tf.function
    def update(a, c):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((a @ w - c) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    seen = []

    def plain(a, c):
        return update(a, c)

    def eager(a, c):
        seen.append(float(a.numpy().sum()))
        return update(a, c)

    data = [(x[i::4], y[i::4]) for i in range(4)]
    return (eager if kind == "eager" else plain), [w], optimizer, data, update, seen


@pytest.mark.parametrize("named", [False, True], ids=["optimizer-found", "optimizer-given"])
@pytest.mark.parametrize("kind", ["eager", "plain"])
def test_an_update_that_is_compiled_within_a_step_is_made(kind, named):
    _, (other,), _, data, plain_update, _ = with_a_compiled_update(kind)
    expected = [float(plain_update(*data[n % 4])) for n in range(12)]
    train_step, variables, optimizer, data, _, seen = with_a_compiled_update(kind)
    given = optimizer if named else None
    start = step(train_step, variables=variables, data=data, optimizer=given)
    curve = recorded(start, steps=12).curve
    np.testing.assert_allclose(curve.batch_loss, expected, rtol=1e-5)
    np.testing.assert_allclose(variables[0], other, rtol=1e-5)
    assert len(curve.gradient_norm) == 12
    assert all(norm > 0 for norm in curve.gradient_norm)
    assert int(optimizer.iterations) == 12
    assert kind == "plain" or len(seen) == 12


def test_a_compiled_update_is_diagnosed_under_the_rates_that_are_tried():
    train_step, variables, optimizer, data, _, _ = with_a_compiled_update("eager")
    optimizer.learning_rate = 1e-4
    start = step(train_step, variables=variables, data=data, optimizer=optimizer)
    run = running(start, steps=60)
    losses = []
    for factor in (1.0, 1000.0):
        run.restart()
        losses.append(run.run(0, rate_factor=factor).curve.batch_loss[-1])
    assert losses[1] < 0.1 * losses[0]


def test_the_functions_of_the_user_keep_no_graph_of_a_training():
    train_step, variables, optimizer, data, update, _ = with_a_compiled_update("eager")
    start = step(train_step, variables=variables, data=data, optimizer=optimizer)
    assert recorded(start, steps=5).driver == "eager"
    assert update.experimental_get_tracing_count() == 0
    before = variables[0].numpy()
    update(*data[0])
    assert np.abs(variables[0].numpy() - before).max() > 0
    graph = next(iter(update._list_all_concrete_functions())).graph
    assert not any("gradient_norm" in v.name for v in graph.variables)


def test_a_compiled_function_that_is_called_twice_a_step_counts_twice():
    w, optimizer = tf.Variable([3.0, 4.0]), optimizers.SGD(0.0)

    @tf.function
    def update(factor):
        optimizer.apply_gradients([(factor * w, w)])
        return tf.reduce_sum(w)

    def train_step():
        update(tf.constant(1.0))
        return float(update(tf.constant(2.0)))

    norms = recorded(step(train_step, variables=[w], optimizer=optimizer), steps=4).curve
    assert norms.gradient_norm == pytest.approx((5 * 5**0.5,) * 4)


def test_a_step_that_calls_fit():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    model.compile(optimizers.SGD(0.05), "mse")
    x, y = linear(0, rows=64)
    epochs = []
    logger = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: epochs.append(None))

    def train_step():
        return model.fit(x, y, verbose=0, callbacks=[logger]).history["loss"][0]

    result = judged(step(train_step, variables=model.trainable_variables), steps=12, max_loss=0.1)
    assert result.passed, result.findings
    assert len(epochs) == 12
    assert int(model.optimizer.iterations) == 24
    assert result.runs[0].record.driver == "eager"


# ---- what nobody can put back is done once a step -----------------------------------------------


@pytest.mark.parametrize("steps", [1, 2, 3, 9])
@pytest.mark.parametrize("named", [False, True], ids=["optimizer-found", "optimizer-given"])
@pytest.mark.parametrize("leaves", [False, True], ids=["fed", "read"])
def test_a_simulator_is_asked_once_a_step(leaves, named, steps):
    w, optimizer = tf.Variable(0.0), optimizers.SGD(0.1)
    place = [0.0]

    def simulator(action):
        place.append(place[-1] + 1.0)
        return np.float32(place[-1])

    def train_step():
        wanted = simulator(w.numpy() if leaves else None)
        with tf.GradientTape() as tape:
            loss = (w - wanted) ** 2
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    start = step(train_step, variables=[w], optimizer=optimizer if named else None)
    curve = recorded(start, steps=steps).curve
    assert place == [float(n) for n in range(steps + 1)]
    own, expected = 0.0, []
    for n in range(1, steps + 1):
        expected.append((own - n) ** 2)
        own -= 0.2 * (own - n)
    np.testing.assert_allclose(curve.batch_loss, expected, rtol=1e-5)
    assert float(w) == pytest.approx(own, rel=1e-5)
    assert int(optimizer.iterations) == steps
    assert len(curve.gradient_norm) == len(curve.learning_rate) == steps
    assert curve.checkpoints == ()


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "tf.function"])
@pytest.mark.parametrize("kind", ["tf.data", "generator"])
def test_a_step_that_draws_its_own_batches_draws_one_a_step(kind, compiled):
    w, optimizer = tf.Variable(0.0), optimizers.SGD(0.0)
    numbers = np.arange(1.0, 50.0, dtype="float32")
    batches = iter(tf.data.Dataset.from_tensor_slices(numbers) if kind == "tf.data" else numbers)
    if kind == "generator" and compiled:
        pytest.skip("a graph draws once, in the program as well")

    def train_step():
        drawn = next(batches)
        optimizer.apply_gradients([(w, w)])
        return w + drawn

    start = step(tf.function(train_step) if compiled else train_step, variables=[w])
    curve = recorded(start, steps=9).curve
    assert curve.batch_loss == tuple(range(1, 10))
    assert float(next(batches)) == 10.0


def test_a_step_behind_a_variable_that_it_does_not_use_is_called_once_a_step():
    graph, calls = tf.Graph(), []
    with graph.as_default():
        held = tf.compat.v1.get_variable("held", initializer=1.0)
        update = tf.compat.v1.assign(held, 0.5 * held)
        session = tf.compat.v1.Session()
        session.run(tf.compat.v1.global_variables_initializer())

    def train_step():
        calls.append(None)
        return session.run(update)

    recorded(step(train_step, variables=[tf.Variable(0.0)]), steps=5)
    assert len(calls) == 5
    assert session.run(held) == 0.5**5


def test_a_step_that_stores_tensors_in_python_is_compiled_where_nothing_reads_them():
    x, y = linear(0)
    w, losses = tf.Variable(tf.zeros((4, 1))), []

    def train_step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w - y) ** 2)
        losses.append(loss)
        w.assign_sub(0.1 * tape.gradient(loss, w))
        return loss

    assert recorded(step(train_step, variables=[w]), steps=12).driver == "loop"


def test_what_an_eager_step_uses_is_put_back_for_another_run():
    model, train_step, batches = with_layers_that_remember()

    def eager_step(x, y):
        float(x[0, 0])
        return train_step(x, y)

    run = running(step(eager_step, variables=model.trainable_variables, data=batches), steps=9)
    first = run.run(0)
    assert first.driver == "eager"
    run.restart()
    assert run.run(0).curve.batch_loss == first.curve.batch_loss


# ---- several optimizers -------------------------------------------------------------------------


def test_several_optimizers_are_given_as_a_list():
    x, y = linear(0)
    w, b = tf.Variable(tf.zeros((4, 1))), tf.Variable(0.5)
    slow, fast, idle = optimizers.SGD(0.05), optimizers.SGD(0.2), optimizers.SGD(3.0)

    def train_step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w + b - y) ** 2)
        of_w, of_b = tape.gradient(loss, [w, b])
        slow.apply_gradients([(of_w, w)])
        fast.apply_gradients([(of_b, b)])
        return loss

    start = step(train_step, variables=[w, b], optimizer=[slow, fast, idle])
    run = running(start, steps=20)
    assert [each.name for each in run.training.optimizers] == ["slow", "fast"]
    record = run.run(0)
    assert record.curve.learning_rate == ()
    assert record.curve.checkpoints


# ---- the rehearsal and the probes leave no trace ------------------------------------------------


def with_layers_that_remember():
    """Dropout and BatchNorm keep state that `trainable_variables` does not name."""
    keras.utils.set_random_seed(0)
    parts = [layers.Dense(16), layers.BatchNormalization(), layers.Dropout(0.3), layers.Dense(3)]
    model = keras.Sequential([keras.Input((13,)), *parts])
    optimizer = optimizers.Adam(0.01)
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def train_step(x, y):
        with tf.GradientTape() as tape:
            loss = loss_of(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    x, y = wine()
    return model, train_step, [(x[i::6], y[i::6].astype("int32")) for i in range(6)]


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "tf.function"])
def test_moving_averages_and_dropout_are_those_of_a_plain_loop(compiled):
    model, train_step, batches = with_layers_that_remember()
    if compiled:
        train_step = tf.function(train_step)
    start = step(train_step, variables=model.trainable_variables, data=batches)
    curve = recorded(start, steps=12).curve
    other, plain_step, _ = with_layers_that_remember()
    expected = [float(plain_step(*batches[n % 6])) for n in range(12)]
    assert curve.checkpoints
    np.testing.assert_allclose(curve.batch_loss, expected, rtol=1e-4)
    np.testing.assert_allclose(
        model.layers[1].moving_mean, other.layers[1].moving_mean, rtol=1e-3, atol=1e-5
    )


def test_a_restart_restores_what_the_step_touches():
    model, train_step, batches = with_layers_that_remember()
    run = running(step(train_step, variables=model.trainable_variables, data=batches), steps=12)
    first = run.run(0)
    run.restart()
    assert run.run(0).curve == first.curve


def test_the_rehearsal_leaves_variables_and_slots():
    optimizer = optimizers.Adam(0.05)
    train_step, w = regression(optimizer)
    running(step(train_step, variables=[w]), steps=5)
    assert int(optimizer.iterations) == 0
    np.testing.assert_array_equal(w, np.zeros((4, 1)))


def test_without_a_known_optimizer_there_is_no_probe():
    """Without one an update cannot be held back; the curve is that of the batches."""
    x, y = linear(0)
    w = tf.Variable(tf.zeros((4, 1)))

    def train_step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w - y) ** 2)
        w.assign_sub(0.1 * tape.gradient(loss, w))
        return loss

    result = judged(step(train_step, variables=[w]), steps=60)
    assert result.passed
    assert result.curve.checkpoints == ()
    assert result.curve.final_loss is None
    assert result.final_loss == pytest.approx(np.median(result.curve.batch_loss[-6:]))


def test_two_optimizers_are_both_observed():
    x, y = linear(0)
    w, b = tf.Variable(tf.zeros((4, 1))), tf.Variable(0.5)
    slow, fast = optimizers.SGD(0.05), optimizers.SGD(0.2)

    def train_step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w + b - y) ** 2)
        of_w, of_b = tape.gradient(loss, [w, b])
        slow.apply_gradients([(of_w, w)])
        fast.apply_gradients([(of_b, b)])
        return loss

    curve = recorded(step(train_step, variables=[w, b]), steps=40).curve
    error = 0.5 - y
    of_w, of_b = 2 * x.T @ error / len(x), 2 * error.mean()
    assert curve.gradient_norm[0] == pytest.approx(np.sqrt((of_w**2).sum() + of_b**2), rel=1e-4)
    assert curve.learning_rate == ()  # there is no one rate
    assert curve.batch_loss[-1] < 0.1
    assert curve.checkpoints


def test_a_clipped_gradient_is_seen_as_it_is_applied():
    """What the step hands to its optimizer is what is observed."""
    x, y = linear(0)
    w, optimizer = tf.Variable(tf.zeros((4, 1))), optimizers.SGD(0.1)

    def train_step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w - y) ** 2)
        gradients, _ = tf.clip_by_global_norm([tape.gradient(loss, w)], 0.25)
        optimizer.apply_gradients(zip(gradients, [w], strict=True))
        return loss

    norms = recorded(step(train_step, variables=[w], optimizer=optimizer), steps=5).curve
    assert norms.gradient_norm == pytest.approx((0.25,) * 5)


def test_a_conditional_update_is_observed():
    x, y = linear(0)
    w, optimizer = tf.Variable(tf.zeros((4, 1))), optimizers.SGD(0.1)
    count = tf.Variable(0)

    @tf.function
    def train_step():
        count.assign_add(1)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w - y) ** 2)
        gradient = tape.gradient(loss, w)
        if count % 2 == 0:
            optimizer.apply_gradients([(gradient, w)])
        return loss

    curve = recorded(step(train_step, variables=[w], optimizer=optimizer), steps=6).curve
    assert curve.batch_loss[0] == curve.batch_loss[1]
    assert curve.batch_loss[2] < curve.batch_loss[1]
    assert [norm > 0 for norm in curve.gradient_norm] == [False, True] * 3


def test_an_update_that_is_never_made_has_no_gradient():
    w, optimizer = tf.Variable(0.5), optimizers.SGD(0.1)
    never = tf.Variable(False)

    @tf.function
    def train_step():
        if never:
            optimizer.apply_gradients([(w, w)])
        return w**2

    result = judged(step(train_step, variables=[w]), max_loss=1.0, steps=5)
    assert failing(result) == {"nothing-trained"}
    assert result.curve.gradient_norm == ()


# ---- gates --------------------------------------------------------------------------------------


def test_an_eager_step_that_updates_nothing_is_red():
    """It may yet begin to: a step that fills a buffer first changes nothing either."""
    x, y = linear(0)
    w = tf.Variable(tf.zeros((4, 1)))
    start = step(lambda: float(tf.reduce_mean((x @ w - y) ** 2)), variables=[w])
    assert failing(judged(start, steps=50)) == {"nothing-trained", "not-decreasing"}


def test_a_step_that_returns_a_formula_is_red():
    w, count = tf.Variable(1.0), tf.Variable(0.0)

    def formula():
        count.assign_add(1.0)
        return 0.9**count

    assert failing(judged(step(formula, variables=[w]), max_loss=0.1)) == {"nothing-trained"}


def test_a_step_that_updates_other_variables_than_those_given_is_red():
    optimizer = optimizers.SGD(0.1)
    train_step, w = regression(optimizer)
    optimizer.build([w])
    result = judged(step(train_step, variables=[tf.Variable(1.0)]), steps=60, max_loss=0.1)
    assert failing(result) == {"nothing-trained"}
    assert "the gradient was not 0" in result.findings[0].message


def test_a_divergent_step_stops_and_is_red():
    train_step, w = regression(optimizers.SGD(50.0))
    result = judged(step(train_step, variables=[w]), steps=200)
    assert "nonfinite-loss" in failing(result)
    assert len(result.curve.steps) < 100


def test_nan_in_the_batches_is_found_in_its_argument():
    x, y = linear(0)
    x[3, 2] = np.nan
    train_step, w = regression(optimizers.SGD(0.1))
    result = judged(step(train_step, variables=[w], data=[(x, y)]), steps=10)
    assert "nonfinite-data" in failing(result)
    assert "[:, 2] is not finite, first in row 3" in result.findings[0].message


# ---- a state in Python --------------------------------------------------------------------------


def test_a_step_that_counts_in_python_is_not_compiled():
    """It stops to train after four updates; a graph of its first calls would go on."""
    w, optimizer, calls = tf.Variable(0.0), optimizers.SGD(0.01), [0]

    def counting():
        calls[0] += 1
        with tf.GradientTape() as tape:
            loss = (w - 1.0) ** 2
        if calls[0] < 5:
            optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    result = judged(step(counting, variables=[w]), steps=60, max_loss=0.1)
    assert failing(result) == {"target-missed"}
    record = result.runs[0].record
    assert record.driver == "eager"
    assert record.driver_reason == "the step changes calls, which is no variable"
    assert calls == [60]
    assert record.curve.batch_loss[4] == pytest.approx(0.98**8)


def test_a_functional_model_that_is_not_compiled_has_no_optimizer_to_find():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    x, y = linear(0)

    def train_step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(x) - y) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        new = optimizers.SGD(0.1)
        new.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    result = judged(step(train_step, variables=model.trainable_variables), steps=30)
    assert result.passed


# ---- elements without rows ----------------------------------------------------------------------


def test_pairs_of_single_numbers_are_batches_of_a_step():
    w = tf.Variable(0.0)
    optimizer = optimizers.SGD(0.05)

    def one(x, y):
        with tf.GradientTape() as tape:
            loss = (w * x - y) ** 2
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    result = judged(
        step(one, variables=[w], data=[(1.0, 2.0), (2.0, 4.0)]), steps=40, max_loss=1e-3
    )
    assert result.passed
    assert float(w) == pytest.approx(2.0, abs=0.01)


# ---- errors before training ---------------------------------------------------------------------


def strategy():
    return tf.distribute.MirroredStrategy(["CPU:0"])


def rows():
    return tf.data.Dataset.from_tensor_slices(np.ones((8, 2), "float32")).batch(4)


ERRORS = {
    "no function": (
        lambda w: step(3, variables=[w]),
        r"got step=3 \(int\); expected a function\. Pass the function itself",
    ),
    "no variables": (
        lambda w: step(lambda: w * w, variables=[]),
        r"got no trainable variables \(an empty list\); expected a list of tf\.Variable",
    ),
    "nothing returned": (
        lambda w: step(lambda: None, variables=[w]),
        r"got a step that returned None \(NoneType\); expected the loss of the step\. End it",
    ),
    "nothing returned by a tf.function": (
        lambda w: step(tf.function(lambda: None), variables=[w]),
        r"got a step that returned None \(NoneType\); expected the loss of the step\. End it",
    ),
    "a pair returned": (
        lambda w: step(lambda: (w * w, -2.0), variables=[w]),
        r"got a step that returned \(<tf.* \(tuple\); expected a scalar\. End it with: return",
    ),
    "a pair returned by a tf.function": (
        lambda w: step(tf.function(lambda: (w * w, -2.0)), variables=[w]),
        r"got a step that returned \(<tf.* \(tuple\); expected a scalar\.",
    ),
    "a truth value": (
        lambda w: step(lambda: False, variables=[w]),
        r"got a step that returned a bool; expected a real number\.",
    ),
    "a complex loss": (
        lambda w: step(lambda: {"loss": tf.complex(w, w)}, variables=[w]),
        r"got a step that returned a complex64; expected a real number\. .* tf\.abs",
    ),
    "dates as data": (
        lambda w: step(
            lambda x: w * w, variables=[w], data=[(np.array(["2026-01-01"], "datetime64[D]"),)]
        ),
        r"got data=.*; expected NumPy arrays, tensors, data frames or nested structures",
    ),
    "a dict without a loss": (
        lambda w: step(lambda: {"mse": w * w}, variables=[w]),
        r"got a step that returned \{'mse': .*\(dict\); expected the loss of the step\.",
    ),
    "an optimizer's name": (
        lambda w: step(lambda: w * w, variables=[w], optimizer="adam"),
        r"got optimizer='adam' \(str\); expected an optimizer of keras\.optimizers or",
    ),
    "no update": (
        lambda w: step(lambda: w * w, variables=[w]),
        r"got a step that changes no variable; expected one that makes an update\.",
    ),
    "no update in a tf.function": (
        lambda w: step(tf.function(lambda: w * w), variables=[w]),
        r"got a step that changes no variable; expected one that makes an update\.",
    ),
    "an optimizer that is never called": (
        lambda w: step(lambda: w * w, variables=[w], optimizer=optimizers.SGD(0.1)),
        r"got a step that never calls its optimizer; expected one that makes an update\. A cond",
    ),
    "a name among the optimizers": (
        lambda w: step(lambda: w * w, variables=[w], optimizer=[optimizers.SGD(0.1), "adam"]),
        r"got optimizer='adam' \(str\); expected an optimizer of keras\.optimizers or",
    ),
    "no optimizer in a list": (
        lambda w: step(lambda: w * w, variables=[w], optimizer=[]),
        r"got optimizer=\[\] \(list\); expected an optimizer of keras\.optimizers or",
    ),
    "a dataset of a strategy": (
        lambda w: step(
            lambda x: w * w, variables=[w], data=strategy().experimental_distribute_dataset(rows())
        ),
        r"got data that is distributed already; expected a dataset\.",
    ),
    "empty data": (
        lambda w: step(lambda x: w * w, variables=[w], data=iter(())),
        r"got a \w+ without any batch; expected at least one batch\.",
    ),
    "an empty dataset": (
        lambda w: step(
            lambda x: w * w,
            variables=[w],
            data=tf.data.Dataset.from_tensor_slices(np.zeros((3, 2))).batch(5, drop_remainder=True),
        ),
        r"got a \w*Dataset without any batch; expected at least one batch\. .*drop_remainder",
    ),
    "a generator that runs dry": (
        lambda w: step(
            lambda x: w * tf.reduce_mean(x), variables=[w], data=(np.ones(3) for _ in range(7))
        ),
        r"got a generator that ran dry at step 8; expected a batch for each of 100 steps\. Pass",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_come_before_any_update(case):
    start, pattern = ERRORS[case]
    w = tf.Variable(5.0)
    with pytest.raises(ValueError, match=pattern) as caught:
        judged(start(w))
    assert type(caught.value).__name__ == "InvalidTrainingError"
    assert float(w) == 5.0


@pytest.mark.parametrize(
    ("argument", "value"), [("metrics", {"accuracy": (0.5, None)}), ("min_skill", 0.5)]
)
def test_expectations_that_need_a_model_are_refused(argument, value):
    train_step, w = regression(optimizers.SGD(0.1))
    with pytest.raises(ValueError, match=rf"got {argument} for converge\.step; expected"):
        judged(step(train_step, variables=[w]), **{argument: value})


def test_several_seeds_are_refused():
    train_step, w = regression(optimizers.SGD(0.1))
    with pytest.raises(ValueError, match=r"got seeds=2 with objects that are built already"):
        judged(step(train_step, variables=[w]), seeds=2)


@pytest.mark.parametrize("wrap", [lambda f: f, tf.function], ids=["plain", "tf.function"])
def test_an_exception_of_the_users_step_keeps_its_traceback(wrap):
    w = tf.Variable(1.0)

    def my_step(x):
        raise ValueError("what the user wrote")

    with pytest.raises(ValueError, match="what the user wrote") as caught:
        judged(step(wrap(my_step), variables=[w], data=[np.ones((4, 2))]))
    text = "".join(traceback.format_exception(caught.value))
    assert "my_step" in text
    assert "what the user wrote" in text


def test_wrong_arguments_of_the_step_are_a_readable_error():
    train_step, w = regression(optimizers.SGD(0.1))
    with pytest.raises(TypeError, match=r"train_step\(\) takes from 0 to 2 positional"):
        judged(step(train_step, variables=[w], data=[(np.ones((4, 4)),) * 3]))


def test_a_shape_mismatch_comes_out_before_training():
    train_step, variables = own_step(optimizers.SGD(0.1), compiled=False)
    before = [v.numpy() for v in variables]
    data = [(np.ones((8, 12), "float32"), np.zeros(8, "int32"))]
    with pytest.raises(ValueError, match="13"):
        judged(step(train_step, variables=variables, data=data))
    for kept, variable in zip(before, variables, strict=True):
        np.testing.assert_array_equal(kept, variable)


def test_a_diagnosis_says_that_an_eager_step_was_repeated():
    train_step, variables, optimizer, data, _, seen = with_a_compiled_update("eager")
    optimizer.learning_rate = 1e-4
    start = step(train_step, variables=variables, data=data, optimizer=optimizer)
    found = diagnosis_of(start, steps=40, max_loss=0.1)
    assert (found.cause, found.proven) == ("learning-rate-too-low", True)
    excluded = dict(found.excluded)
    assert "more often than asked" in excluded["Python objects that the step may change"]
    assert len(seen) > 40


# ---- an iterator of the step's own that ends -----------------------------------------------------


def of_iterator(batches, *, compiled=False):
    """A step that takes its batches from an iterator itself."""
    optimizer, w = optimizers.SGD(0.1), tf.Variable(tf.zeros((4, 1)))

    def train_step():
        rows, targets = next(batches)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((rows @ w - targets) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    return step(tf.function(train_step) if compiled else train_step, variables=[w])


def some_batches(count):
    x, y = linear(0)
    return tf.data.Dataset.from_tensor_slices((x[: 8 * count], y[: 8 * count])).batch(8)


@pytest.mark.parametrize("batches", [1, 5])
@pytest.mark.parametrize("kind", ["dataset", "generator"])
def test_an_iterator_that_runs_dry_is_named_with_its_step(kind, batches):
    given = some_batches(batches)
    given = iter(given if kind == "dataset" else list(given))
    pattern = (
        f"got an iterator that ran dry at step {batches + 1}; expected a batch for each step. "
        f"Pass steps={batches}, or let its data start again, as by dataset.repeat"
    )
    with pytest.raises(InvalidTrainingError, match=pattern):
        recorded(of_iterator(given), steps=20)


def test_an_iterator_that_runs_dry_in_a_graph_is_named_with_the_steps_of_the_graph():
    given = iter(some_batches(5).repeat(40))
    pattern = r"ran dry between step \d+ and step \d+; expected .* Pass fewer steps, or let"
    with pytest.raises(InvalidTrainingError, match=pattern):
        recorded(of_iterator(given, compiled=True), steps=1000)


def test_an_iterator_that_is_empty_has_to_start_again():
    with pytest.raises(
        InvalidTrainingError, match=r"ran dry at step 1; .* Let its data start again"
    ):
        recorded(of_iterator(iter([])), steps=20)
