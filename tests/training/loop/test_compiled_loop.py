"""The compiled loop against Keras' own ways to train, and against itself."""

from __future__ import annotations

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.data import sources
from pytest_converge.training.loop.compiled_loop import Loop
from tests.zoo import problems
from tests.zoo.problems import HEALTHY, SICK, fit, linear, minimize, sequential, signals, step
from tests.zoo.trainings import failing, judged, recorded, running

ZOO = {problem.name: problem for problem in [*HEALTHY, *SICK]}


# ---- the losses are those of Keras --------------------------------------------------------------


def mlp(optimizer):
    parts = [layers.Dense(16, "relu"), layers.Dense(1)]
    return sequential(*parts, optimizer=optimizer, loss="mse", shape=(4,)), *linear(0)


def cnn(optimizer):
    x, y = problems.digits()
    parts = [layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten()]
    parts.append(layers.Dense(10, "softmax"))
    model = sequential(*parts, optimizer=optimizer, loss=problems.SPARSE, shape=(8, 8, 1))
    return model, x.reshape(-1, 8, 8, 1), y


def lstm(optimizer):
    parts = [layers.LSTM(6), layers.Dense(1, "sigmoid")]
    model = sequential(*parts, optimizer=optimizer, loss=problems.BINARY, shape=(10, 2))
    return model, *signals(0)


OPTIMIZERS = {
    "sgd": lambda: optimizers.SGD(0.05),
    "momentum": lambda: optimizers.SGD(0.02, momentum=0.9, nesterov=True),
    "adam": lambda: optimizers.Adam(0.01),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("build", [mlp, cnn, lstm])
def test_losses_are_those_of_train_on_batch(build, optimizer):
    keras.utils.set_random_seed(1)
    model, x, y = build(OPTIMIZERS[optimizer]())
    other, _, _ = build(OPTIMIZERS[optimizer]())
    other.set_weights(model.get_weights())
    run = running(fit(model, x, y, batch_size=24))
    batches = list(run.training.data.batches())
    losses = np.array(run.run(0).curve.batch_loss)
    expected = []
    for batch in batches:
        inputs, targets, _ = keras.utils.unpack_x_y_sample_weight(batch)
        other.reset_metrics()
        expected.append(other.train_on_batch(inputs, targets, return_dict=True)["loss"])
    assert np.median(losses[-10:]) < 0.95 * np.median(losses[:10])
    np.testing.assert_allclose(losses[:10], expected[:10], rtol=1e-6)
    np.testing.assert_allclose(losses, expected, rtol=1e-4)


def test_epoch_losses_are_those_of_fit():
    """The last batch of each epoch is short; an epoch's loss weighs each batch by its rows."""
    x, y = linear(3, rows=100)
    builds = [mlp(optimizers.SGD(0.05, momentum=0.5))[0] for _ in range(2)]
    builds[1].set_weights(builds[0].get_weights())
    history = builds[1].fit(x, y, batch_size=32, epochs=3, shuffle=False, verbose=0).history
    record = recorded(fit(builds[0], x, y, batch_size=32, shuffle=False), steps=12)
    epochs = np.array(record.curve.batch_loss).reshape(3, 4)
    np.testing.assert_allclose(epochs @ [0.32, 0.32, 0.32, 0.04], history["loss"], rtol=1e-5)
    for mine, theirs in zip(builds[0].get_weights(), builds[1].get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-6)


def test_metrics_do_not_leak_from_step_to_step():
    """The loss of a step is that of its batch, not Keras' running mean over the epoch."""
    x, y = linear(1, rows=64)
    y[32:] += 100.0
    model = sequential(layers.Dense(1), optimizer=optimizers.SGD(0.0), loss="mse", shape=(4,))
    losses = recorded(fit(model, x, y, shuffle=False), steps=4).curve.batch_loss
    assert losses[0] < 10
    assert losses[1] > 1000
    assert losses[2:] == losses[:2]


# ---- one trace, any number of runs --------------------------------------------------------------

REPEATED = [
    "batch_of_eight",
    "dropout_half",
    "batch_norm",
    "lstm",
    "vae",
    "subclassed",
    "two_inputs_two_outputs",
    "noisy_layers",
    "cosine_restarts",
    "averaged_weights",
    "accumulated_gradients",
    "tf_dataset",
    "sequences_of_changing_length",
    "quadratic",
    "rosenbrock",
    "compat_optimizer",
    "compiled_step",
    "plain_step",
]


@pytest.mark.parametrize("name", REPEATED)
def test_a_second_run_repeats_the_first_and_traces_nothing(name):
    run = running(ZOO[name].start(0), steps=24)
    first = run.run(0)
    run.restart()
    second = run.run(0)
    assert first.traces > 0
    assert second.traces == 0
    assert second.curve == first.curve
    assert second.metrics == first.metrics


@pytest.mark.parametrize("build", [mlp, lstm])
def test_a_model_without_random_layers_is_traced_once_for_probes_and_measures(build):
    run = running(fit(*build(optimizers.SGD(0.05))))
    record = run.run(0)
    run.restart()
    run.run(0)
    assert len(run.training._shared._traced) == 1
    assert run.loop.traces == 1
    assert record.curve.inference_loss == pytest.approx(record.curve.final_loss, rel=1e-6)


def test_what_the_last_probe_computed_is_not_computed_again_at_the_end(monkeypatch):
    run = running(fit(*mlp(optimizers.SGD(0.05))), steps=8)
    training, passes = run.training, []
    shared = training._shared

    def counted(batch, **settings):
        passes.append(batch)
        return shared(batch, **settings)

    monkeypatch.setattr(training, "_shared", counted)
    record = run.run(0)
    # The parts at the checkpoints, and the whole at the start and at the end.
    assert len(passes) == len(record.curve.checkpoints) + 2
    run.training.trainable[0].assign_add(tf.ones_like(run.training.trainable[0]))
    whole, _ = run.probe_set()
    assert run.loop.probe_loss(whole) != record.curve.final_loss
    assert training.measure_end(whole).inference_loss != record.curve.inference_loss


def test_a_graph_of_another_model_tells_nothing_of_this_one():
    """A change that takes the dropout away must not leave probes in inference mode behind."""
    x, y = linear(0)

    def model(rate):
        parts = [layers.Dense(8), layers.Dropout(rate), layers.Dense(1)]
        return sequential(*parts, optimizer=optimizers.SGD(0.0), loss="mse", shape=(4,))

    run = running(fit(model(0.5), x, y), steps=4)
    first = run.run(0).curve.probe_loss
    with run.training.with_model(model(0.0)), run.training.traced_anew():
        running_without = type(run)(run.training, 4, lambda *_: None)
        assert run.training.pure_probe
        running_without.run(0)
    assert not run.training.pure_probe
    run.restart()
    assert run.run(0).curve.probe_loss == first


def test_restarting_restores_slots_and_seeds():
    """With the weights alone put back, momentum and dropout give another curve."""
    run = running(ZOO["dropout_half"].start(0), steps=20)
    weights = run.training.model.get_weights()
    first = run.run(0)
    run.training.model.set_weights(weights)
    assert run.run(0).curve.batch_loss != first.curve.batch_loss


def test_another_start_goes_through_the_same_trace():
    run = running(fit(lambda: mlp(optimizers.Adam(0.01))[0], *linear(0)), steps=20)
    first, second = run.run(0), run.run_from(5)
    assert second.traces == 0
    assert second.seed == 5
    assert second.curve.initial_loss != first.curve.initial_loss
    alone = running(fit(lambda: mlp(optimizers.Adam(0.01))[0], *linear(0)), steps=20, seed=5)
    assert second.curve.batch_loss == pytest.approx(alone.run(5).curve.batch_loss, rel=1e-5)


def test_the_learning_rate_can_be_set_between_runs():
    run = running(ZOO["cosine_restarts"].start(0), steps=20)
    first = run.run(0)
    run.restart()
    run.training.set_learning_rate_factor(0.5)
    second = run.run(0)
    assert second.traces == 0
    halves = np.array(first.curve.learning_rate) / 2
    np.testing.assert_allclose(second.curve.learning_rate, halves, rtol=1e-6)
    assert second.curve.batch_loss[0] == first.curve.batch_loss[0]
    assert second.curve.batch_loss[5] != first.curve.batch_loss[5]


# ---- probes change nothing ----------------------------------------------------------------------


class HiddenDropout(layers.Layer):
    """Draws from Keras' global generator, which no layer owns."""

    def call(self, x, training=False):
        return keras.random.dropout(x, 0.5) if training else x


def hidden_dropout():
    parts = [layers.Dense(16, "relu"), HiddenDropout(), layers.Dense(1)]
    return fit(sequential(*parts, optimizer=optimizers.SGD(0.05), loss="mse"), *linear(0))


class Counting(keras.Model):
    """Counts its own steps and slows down by that count."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)
        self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False)
        self.seen_loss = keras.metrics.Mean("seen_loss")

    def call(self, x):
        return self.dense(x)

    def train_step(self, data):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        self.seen.assign_add(1.0)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self(x) - y) ** 2) / (1.0 + 0.1 * self.seen)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        self.seen_loss.update_state(loss)
        return {"loss": loss, "seen_loss": self.seen_loss.result()}


def counting():
    model = Counting()
    model.compile(optimizers.SGD(0.05, momentum=0.9))
    return fit(model, *linear(0))


PROBED = {
    "hidden_dropout": hidden_dropout,
    "counting": counting,
    **{
        name: lambda name=name: ZOO[name].start(0)
        for name in (
            "dropout_half",
            "batch_norm",
            "lstm",
            "vae",
            "averaged_weights",
            "accumulated_gradients",
            "generator",
            "sequences_of_changing_length",
            "compiled_step",
        )
    },
}


@pytest.mark.parametrize("name", PROBED)
def test_losses_are_the_same_with_and_without_probes(name, monkeypatch):
    keras.utils.set_random_seed(0)
    run = running(PROBED[name](), steps=20)
    probed = run.run(0)
    assert len(probed.curve.checkpoints) > 5
    run.restart()
    monkeypatch.setattr(run, "probe_set", lambda: ([], []))
    monkeypatch.setattr(
        run.training, "measure_end", lambda _: type(run.training).measure_end(run.training, [])
    )
    bare = run.run(0)
    assert bare.curve.checkpoints == ()
    assert bare.curve.batch_loss == probed.curve.batch_loss


@pytest.mark.parametrize("name", PROBED)
def test_a_probe_is_repeatable_and_leaves_every_variable(name):
    keras.utils.set_random_seed(0)
    run = running(PROBED[name](), steps=10)
    training, loop = run.training, run.loop
    chunks = training.chunks(48)
    loop.probe_loss(chunks)
    watched = [*training.state(), *training.seed_state]
    before = [variable.numpy() for variable in watched]
    first, second = loop.probe_loss(chunks), loop.probe_loss(chunks)
    after = [variable.numpy() for variable in watched]
    assert first == second
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_probe_is_in_training_mode():
    """Dropout of 0.9 multiplies what is left by ten; inference does not."""
    constant = keras.initializers.Ones()
    parts = [layers.Dropout(0.9), layers.Dense(1, kernel_initializer=constant)]
    model = sequential(*parts, optimizer=optimizers.SGD(0.0), loss="mse", shape=(1,))
    x, y = np.ones((500, 1), "float32"), np.zeros((500, 1), "float32")
    curve = recorded(fit(model, x, y), steps=2).curve
    assert curve.initial_loss == pytest.approx(10.0, rel=0.4)
    assert curve.final_loss == curve.initial_loss
    assert curve.inference_loss == pytest.approx(1.0)


def test_the_probe_loss_is_the_loss_on_all_rows():
    model, x, y = mlp(optimizers.SGD(0.05))
    before = model.evaluate(x, y, verbose=0)
    curve = recorded(fit(model, x, y), steps=30).curve
    assert curve.initial_loss == pytest.approx(before, rel=1e-5)
    assert curve.final_loss == pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-5)


# ---- certain failures end it --------------------------------------------------------------------


def diverging(**compiled):
    model = sequential(
        layers.Dense(1), optimizer=optimizers.SGD(10.0), loss="mse", shape=(4,), **compiled
    )
    return fit(model, *linear(0))


def diverging_stream():
    x, y = linear(0, rows=96)
    w = tf.Variable(tf.zeros((4, 1)))

    @tf.function(reduce_retracing=True)
    def train_step(rows, labels):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((rows[:, :4] @ w - labels) ** 2)
        w.assign_sub(10.0 * tape.gradient(loss, w))
        return loss

    batches = [(x[:40], y[:40]), (np.tile(x[40:], 2), y[40:])]
    return step(train_step, variables=[w], data=batches)


@pytest.mark.parametrize(
    ("start", "driver"),
    [
        (diverging, "loop"),
        (lambda: diverging(run_eagerly=True), "eager"),
        (diverging_stream, "step"),
    ],
)
def test_stops_at_the_first_loss_that_is_not_finite(start, driver):
    result = judged(start(), steps=300)
    losses = np.array(result.curve.batch_loss)
    assert result.runs[0].record.driver == driver
    assert len(losses) < 100
    assert np.isfinite(losses[:-1]).all()
    assert not np.isfinite(losses[-1])
    assert failing(result) >= {"nonfinite-loss"}
    assert result.findings[0].evidence["step"] == len(losses)


def test_runs_all_steps_where_nothing_fails():
    assert recorded(fit(*mlp(optimizers.SGD(0.01))), steps=37).curve.steps == tuple(range(1, 38))


def test_a_gradient_that_is_skipped_is_no_failure():
    """Dynamic loss scaling begins too high on purpose and skips what overflows."""
    scaled = optimizers.LossScaleOptimizer(optimizers.SGD(0.05), initial_scale=2.0**127)
    model = sequential(layers.Dense(1), optimizer=scaled, loss="mse", shape=(4,))
    x, y = linear(0)
    result = judged(fit(model, x, 100 * y), steps=200)
    assert not np.isfinite(result.curve.gradient_norm[0])
    assert len(result.curve.steps) == 200
    assert np.isfinite(result.curve.batch_loss).all()


def test_nan_that_a_fused_layer_turns_into_zero_is_seen():
    """OneDNN's Dense+ReLU maps NaN to 0: the loss stays finite while the kernel is lost."""
    x, y = linear(0)
    x[:, 1] = np.nan
    start = fit(*mlp(optimizers.SGD(0.01))[:1], x, y)
    result = judged(start, steps=400, ignore=("nonfinite-data",), min_decrease=0)
    assert "nonfinite-weights" in failing(result)


# ---- drivers ------------------------------------------------------------------------------------


def test_a_source_in_memory_runs_in_the_loop():
    record = recorded(ZOO["tf_dataset"].start(0), steps=10)
    assert (record.driver, record.driver_reason) == ("loop", "")


def test_batches_of_changing_shape_run_step_by_step():
    record = recorded(ZOO["sequences_of_changing_length"].start(0), steps=10)
    assert record.driver == "step"
    assert "shape" in record.driver_reason


def ragged():
    x, y = signals(0, rows=96)
    lengths = np.random.default_rng(0).integers(3, 11, 96)
    rows = tf.RaggedTensor.from_tensor(x[:, :, 0], lengths=lengths)
    data = tf.data.Dataset.from_tensor_slices((rows, y)).batch(32)

    w, b = tf.Variable([[1.0]]), tf.Variable(0.0)
    optimizer = optimizers.Adam(0.05)

    def train_step(values, labels):
        with tf.GradientTape() as tape:
            means = tf.reshape(tf.reduce_mean(values, axis=1), (-1, 1))
            errors = tf.nn.sigmoid_cross_entropy_with_logits(labels, means @ w + b)
            loss = tf.reduce_mean(errors)
        gradients = tape.gradient(loss, [w, b])
        optimizer.apply_gradients(zip(gradients, [w, b], strict=True))
        return loss

    return step(train_step, variables=[w, b], data=data, optimizer=optimizer)


def test_ragged_batches_run_step_by_step():
    result = judged(ragged(), steps=60)
    record = result.runs[0].record
    assert result.passed, result.findings
    assert record.driver == "step"
    assert record.curve.checkpoints


def test_data_beyond_the_memory_limit_is_streamed_with_the_same_losses(monkeypatch):
    x, y = linear(0, rows=120)

    def start():
        keras.utils.set_random_seed(0)
        data = tf.data.Dataset.from_tensor_slices((x, y)).batch(24)
        return fit(mlp(optimizers.Adam(0.01))[0], data)

    held = recorded(start(), steps=20)
    monkeypatch.setattr(sources, "MEMORY_LIMIT", 1000)
    streamed = recorded(start(), steps=20)
    assert streamed.driver == "step"
    assert "MB" in streamed.driver_reason
    np.testing.assert_allclose(streamed.curve.batch_loss, held.curve.batch_loss, rtol=1e-5)


def test_a_stream_that_runs_dry_says_at_which_step(monkeypatch):
    monkeypatch.setattr(sources, "MEMORY_LIMIT", 1000)
    x, y = linear(0)
    data = ((x[i : i + 32], y[i : i + 32]) for i in range(0, 160, 32))
    with pytest.raises(ValueError, match=r"ran dry at step 6; expected a batch for each of 20"):
        recorded(fit(mlp(optimizers.SGD(0.01))[0], data), steps=20)


class Watched(keras.Model):
    """Notes whether its tensors have values while it is called."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)
        self.eager_calls = 0

    def call(self, x):
        self.eager_calls += isinstance(x, tf.Tensor) and hasattr(x, "numpy")
        return self.dense(x)


def test_run_eagerly_is_honoured():
    model = Watched()
    model.compile(optimizers.SGD(0.05), "mse", run_eagerly=True)
    record = recorded(fit(model, *linear(0)), steps=30)
    assert (record.driver, record.driver_reason) == ("eager", "run_eagerly=True")
    assert model.eager_calls >= 30
    assert record.traces == 0


def test_functions_run_eagerly_is_honoured():
    model = Watched()
    model.compile(optimizers.SGD(0.05), "mse")
    tf.config.run_functions_eagerly(True)
    try:
        record = recorded(fit(model, *linear(0)), steps=10)
    finally:
        tf.config.run_functions_eagerly(False)
    assert record.driver == "eager"
    assert "run_functions_eagerly" in record.driver_reason
    assert model.eager_calls >= 10


def test_eager_losses_are_those_of_the_loop():
    curves = []
    for eagerly in (False, True):
        keras.utils.set_random_seed(0)
        model, x, y = mlp(optimizers.Adam(0.01))
        model.run_eagerly = eagerly
        curves.append(recorded(fit(model, x, y), steps=20).curve)
    np.testing.assert_allclose(curves[0].batch_loss, curves[1].batch_loss, rtol=1e-5)
    np.testing.assert_allclose(curves[0].probe_loss, curves[1].probe_loss, rtol=1e-5)
    np.testing.assert_allclose(curves[0].gradient_norm, curves[1].gradient_norm, rtol=1e-4)


# ---- telemetry ----------------------------------------------------------------------------------

SCHEDULES = {
    "exponential": optimizers.schedules.ExponentialDecay(0.1, 5, 0.5),
    "restarts": optimizers.schedules.CosineDecayRestarts(0.1, 7),
    "warm-up": optimizers.schedules.CosineDecay(0.0, 20, warmup_target=0.1, warmup_steps=5),
    "steps": optimizers.schedules.PiecewiseConstantDecay([5, 10], [0.1, 0.01, 0.001]),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_learning_rates_follow_the_schedule(schedule):
    rate = SCHEDULES[schedule]
    curve = recorded(fit(*mlp(optimizers.SGD(rate))), steps=20).curve
    np.testing.assert_allclose(
        curve.learning_rate, [float(rate(n)) for n in range(20)], rtol=1e-6, atol=1e-9
    )


def test_a_constant_learning_rate_is_recorded():
    assert recorded(fit(*mlp(optimizers.SGD(0.25e-3))), steps=3).curve.learning_rate == (
        pytest.approx((0.25e-3,) * 3)
    )


def test_learning_rate_of_a_compat_optimizer():
    w = tf.Variable(1.0)
    optimizer = tf.compat.v1.train.GradientDescentOptimizer(lambda: 0.125)
    curve = recorded(minimize(lambda: w * w, [w], optimizer), steps=3).curve
    assert curve.learning_rate == (0.125,) * 3
    assert curve.batch_loss == pytest.approx([1.0, 0.75**2, 0.75**4])


def test_gradient_norm_is_that_of_numpy():
    """Of the mean squared error of x w + b, batch by batch, along the losses of the same steps."""
    x, y = linear(0, rows=100, features=3)
    model = sequential(layers.Dense(1), optimizer=optimizers.SGD(0.1), loss="mse", shape=(3,))
    w, b = (weights.astype("float64") for weights in model.get_weights())
    losses, norms = [], []
    for number in range(15):
        part = slice(25 * (number % 4), 25 * (number % 4) + 25)
        error = x[part] @ w + b - y[part]
        losses.append((error**2).mean())
        gradient_w, gradient_b = 2 * x[part].T @ error / 25, 2 * error.mean(axis=0)
        norms.append(np.sqrt((gradient_w**2).sum() + (gradient_b**2).sum()))
        w, b = w - 0.1 * gradient_w, b - 0.1 * gradient_b
    curve = recorded(fit(model, x, y, batch_size=25, shuffle=False), steps=15).curve
    np.testing.assert_allclose(curve.gradient_norm, norms, rtol=1e-4)
    np.testing.assert_allclose(curve.batch_loss, losses, rtol=1e-4)


def test_the_gradient_norm_is_the_one_before_clipping():
    norms = []
    for options in ({}, {"clipnorm": 1e-3}):
        keras.utils.set_random_seed(0)
        start = fit(*mlp(optimizers.SGD(0.05, **options)))
        norms.append(recorded(start, steps=1).curve.gradient_norm[0])
    assert norms[0] == pytest.approx(norms[1], rel=1e-6)
    assert norms[0] > 0.1


def test_gradients_of_a_step_without_a_known_optimizer_are_not_made_up():
    record = recorded(ZOO["counting_step"].start(0), steps=5)
    assert record.curve.gradient_norm == ()
    assert record.curve.learning_rate == ()


def test_a_training_leaves_the_options_alone():
    before = tf.config.optimizer.get_experimental_options()
    recorded(ZOO["quadratic"].start(0), steps=3)
    after = tf.config.optimizer.get_experimental_options()
    assert after.get("disable_meta_optimizer", False) == before.get("disable_meta_optimizer", False)


def test_probe_loss_weighs_chunks_by_their_rows():
    run = running(fit(*mlp(optimizers.SGD(0.05))))
    loop: Loop = run.loop
    whole = loop.probe_loss(run.training.data.probe(100, 100))
    parts = loop.probe_loss(run.training.data.probe(100, 33))
    assert parts == pytest.approx(whole, rel=1e-6)


@pytest.mark.parametrize("name", PROBED)
def test_chunks_of_one_shape_in_one_call_have_the_losses_of_each_alone(name):
    keras.utils.set_random_seed(0)
    run = running(PROBED[name](), steps=10)
    loop: Loop = run.loop
    chunks = run.training.chunks(50)
    at_once = loop.probe_loss(chunks)
    alone = [float(loop._probe(chunk.batch)) for chunk in chunks]
    rows = [chunk.rows for chunk in chunks]
    assert at_once == np.dot(alone, rows) / sum(rows)


def test_all_chunks_of_a_step_go_through_one_trace(monkeypatch):
    x, y = linear(0, rows=96)
    w = tf.Variable(tf.zeros((4, 1)))
    optimizer = optimizers.SGD(0.01)

    def train_step(rows, labels):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((rows[:, :4] @ w - labels) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(10)
    run = running(step(train_step, variables=[w], data=data, optimizer=optimizer), steps=20)
    loop, calls = run.loop, []
    loop.probe_loss(run.training.data.probe(90, 10))
    traces = loop.traces
    function = loop._probes_function
    monkeypatch.setattr(
        loop, "_probes_function", lambda *a, **k: calls.append(a) or function(*a, **k)
    )
    loop.probe_loss(run.training.data.probe(95, 10))
    assert loop.traces == traces
    assert [tuple(stack[0].shape[:2]) for (stack,) in calls] == [(9, 10), (1, 5)]


def denoiser(*, seeded):
    """Guesses the noise that the step draws itself: most of the loss cannot be removed."""
    x = np.random.default_rng(0).normal(size=(512, 2)).astype("float32")
    w = tf.Variable(tf.zeros((2, 2)))
    optimizer = optimizers.SGD(0.1)
    generator = keras.random.SeedGenerator(1)

    @tf.function
    def train_step(rows):
        shape = (tf.shape(rows)[0], 2)
        own = functools.partial(keras.random.normal, seed=generator)
        noise = (own if seeded else tf.random.normal)(shape)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(((rows + 2.0 * noise) @ w - noise) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    data = tf.data.Dataset.from_tensor_slices(x).shuffle(512).batch(8)
    return step(train_step, variables=[w], data=data, optimizer=optimizer)


@pytest.mark.parametrize("seeded", [True, False])
def test_a_loss_that_draws_anew_at_every_look_is_not_compared_over_time(seeded):
    run = running(denoiser(seeded=seeded), steps=200)
    curve = run.run(0).curve
    assert bool(curve.checkpoints) is seeded
    assert curve.initial_loss > curve.final_loss


def test_noise_that_a_step_draws_turns_no_test_red():
    assert all(judged(denoiser(seeded=False), steps=200, seed=seed).passed for seed in range(3))
