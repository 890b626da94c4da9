"""What is not trained: frozen, left out, or cut off from the loss."""

from __future__ import annotations

import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.diagnosis.causes import frozen_variables
from pytest_converge.diagnosis.order import Place
from pytest_converge.training.interventions import trainable
from tests.diagnosis.programs import diagnosis_of, failed_of, proven_by_its_own, result_of
from tests.training.measures.steps import batches, regression, taught
from tests.zoo.problems import SPARSE, fit, linear, minimize, sequential, step, wine


def frozen_layer():
    parts = [layers.Dense(8, "relu"), layers.Dense(3, "softmax")]
    model = sequential(*parts, optimizer=optimizers.Adam(0.05), loss=SPARSE, shape=(13,))
    model.layers[0].set_weights([np.zeros((13, 8)), np.ones(8)])
    model.layers[0].trainable = False
    model.compile(optimizers.Adam(0.05), SPARSE)
    return fit(model, *wine())


def test_a_frozen_layer_is_thawed():
    proven_by_its_own(frozen_layer(), "frozen-variables", steps=100, max_loss=0.2)


class Halves(keras.Model):
    """Body and head, each trained by an optimizer of its own."""

    def __init__(self):
        super().__init__()
        self.body = keras.Sequential([keras.Input((4,)), layers.Dense(8, "tanh"), layers.Dense(8)])
        self.head = layers.Dense(1)
        self.body_optimizer, self.head_optimizer = optimizers.Adam(0.02), optimizers.SGD(1e-4)
        self.body.layers[0].trainable = False

    def call(self, x):
        return self.head(self.body(x))

    def train_step(self, data):
        x, y = data
        with tf.GradientTape(persistent=True) as tape:
            loss = tf.reduce_mean((self(x) - y) ** 2)
        for part, optimizer in ((self.body, self.body_optimizer), (self.head, self.head_optimizer)):
            variables = part.trainable_variables
            optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return {"loss": loss}


def test_a_layer_that_one_of_several_optimizers_leaves_out_is_thawed():
    x, _ = linear(0)
    keras.utils.set_random_seed(0)
    model = Halves()
    model(x[:1])
    model.compile()
    start = fit(model, x, np.sin(3 * x[:, :1]))
    found = proven_by_its_own(start, "frozen-variables", steps=200, max_loss=0.15)
    assert [trial.change for trial in found.tried] == ["everything trainable"]


def test_a_variable_that_was_left_out_is_trained():
    slope, offset = tf.Variable(0.0, name="slope"), tf.Variable(0.0, name="offset")
    x = np.linspace(-1, 1, 50, dtype="float32")

    def loss():
        return tf.reduce_mean((slope * x + offset - 2 * x - 3) ** 2)

    start = minimize(loss, [slope], optimizers.SGD(0.1))
    found = proven_by_its_own(start, "frozen-variables", steps=200, max_loss=0.01)
    assert (found.where, found.message) == (("offset",), "not trained: offset")


def chosen(code):
    """Which numbers are equal to the largest of their row: nothing stands in for that."""
    return tf.cast(tf.equal(code, tf.reduce_max(code, axis=1, keepdims=True)), tf.float32)


class Rounded(keras.Model):
    """Rounds what its encoder says, which has no gradient."""

    def __init__(self, *, stopped):
        super().__init__()
        self.encoder, self.head = layers.Dense(16, "tanh"), layers.Dense(1)
        self.stopped = stopped

    def call(self, x):
        code = self.encoder(x)
        return self.head(tf.stop_gradient(code) if self.stopped else chosen(code))


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize(
    "stopped",
    [
        pytest.param(True, id="stopped"),
        pytest.param(False, id="rounded", marks=pytest.mark.slow),
    ],
)
def test_layers_behind_a_broken_connection_are_named(stopped):
    x, _ = linear(0)
    model = Rounded(stopped=stopped)
    model.compile(optimizers.Adam(0.03), "mse")
    bound = 0.2 if stopped else 1e-3
    start = fit(model, x, np.sin(2 * x[:, :1]) * x[:, 1:2])
    # Where nothing repairs it, it is said after the rates.
    found = diagnosis_of(start, steps=200, max_loss=bound, diagnose="full")
    assert found.cause == "frozen-variables"
    assert found.where == (model.encoder.name,)
    assert found.proven is stopped
    assert stopped or found.message == (
        f"no gradient reaches {model.encoder.name}: the comparison == behind {model.encoder.name}"
        " has no gradient"
    )


class Plain(layers.Layer):
    """A dense layer that keeps its weights in plain variables, which Keras does not track."""

    def __init__(self, units):
        super().__init__()
        self.units = units

    def build(self, shape):
        size = (shape[-1], self.units)
        self.w = tf.Variable(keras.random.uniform(size, -0.4, 0.4))
        self.b = tf.Variable(tf.zeros(self.units))

    def call(self, x):
        return tf.nn.tanh(x @ self.w + self.b)


def test_plain_variables_of_a_layer_become_weights():
    x, _ = linear(0)
    hidden = Plain(16)
    model = sequential(
        hidden, layers.Dense(1), optimizer=optimizers.Adam(0.03), loss="mse", shape=(4,)
    )
    start = fit(model, x, np.sin(2 * x[:, :1]) * x[:, 1:2])
    found = proven_by_its_own(start, "frozen-variables", steps=300, max_loss=0.1)
    assert found.where == (f"{hidden.name}.w", f"{hidden.name}.b")
    weight, bias = found.fix.splitlines()
    assert weight.startswith("self.w = self.add_weight(shape=(4, 16), initializer='glorot_uniform'")
    assert bias == f"self.b = self.add_weight(shape=(16,), initializer='zeros')  # in {hidden.name}"
    assert [v.shape for v in model.trainable_variables] == [(16, 1), (1,)]


@pytest.mark.slow
def test_a_variable_that_a_step_reads_and_does_not_train_is_named():
    x, y = linear(0)
    w, b = tf.Variable(tf.zeros((4, 1)), name="w"), tf.Variable(tf.zeros(1), name="b")
    optimizer = optimizers.SGD(0.1)

    def train_step(features, targets):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((features @ w + b - targets) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    start = step(train_step, variables=[w], data=batches(x, y + 9, 64), optimizer=optimizer)
    found = diagnosis_of(start, steps=60, max_loss=0.1, diagnose="full")
    assert (found.cause, found.where, found.proven) == ("frozen-variables", ("b",), True)
    assert found.message == "not trained: b"


def frozen(where):
    """A model of which a layer, a nested model, a variable or everything is frozen."""
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(8, "tanh")])
    model = sequential(
        inner, layers.Dense(1), optimizer=optimizers.SGD(0.1), loss="mse", shape=(4,)
    )
    places = {
        "nested model": inner,
        "layer": inner.layers[0],
        "variable": model.layers[-1].kernel,
        "everything": model,
    }
    places[where].trainable = False
    if where == "everything":
        model.layers[-1].trainable = True
    return model


@pytest.mark.parametrize("where", ["nested model", "layer", "variable", "everything"])
def test_the_code_that_thaws_a_model_thaws_all_of_it(where):
    model = frozen(where)
    code = trainable.all_layers(model).fix
    assert len(model.trainable_variables) < 4
    exec(code, {"model": model})  # noqa: S102 - that it can be pasted is the point
    assert len(model.trainable_variables) == 4


def test_what_no_update_writes_is_named_where_no_layers_are_known():
    moved, still = tf.Variable(0.0, name="moved"), tf.Variable(0.0, name="still")
    training = types.SimpleNamespace(
        callbacks=None, trainable=[moved, still], unwritten=[still], optimizers=(), model=None
    )
    failed = types.SimpleNamespace(
        evidence=types.SimpleNamespace(layers=None),
        training=training,
        reruns=types.SimpleNamespace(unmoved=("still",)),
        record=types.SimpleNamespace(curve=types.SimpleNamespace(updates=5)),
    )
    answer = frozen_variables._unmoved(failed)
    assert (answer.cause, answer.where) == ("frozen-variables", ("still",))
    assert answer.message == "still never changed in 5 steps"
    training.unwritten = []  # it was written, and did not move: its gradient is 0
    assert frozen_variables._unmoved(failed) is None


@pytest.mark.parametrize(
    ("frozen_body", "where", "fix"),
    [(False, "", ""), (True, "body", 'model.get_layer("body").trainable = True')],
)
def test_a_teacher_stays_frozen(frozen_body, where, fix):
    failed = failed_of(taught(frozen_body=frozen_body), steps=3)
    step = next(s for s in frozen_variables.CAUSE.steps if s.place == Place.NOT_TRAINED)
    changes = [*step.repairs(failed)]
    assert [change.where[0] for change in changes] == [where] * frozen_body
    assert not any("answer" in name for change in changes for name in change.where)
    assert all(change.fix.startswith(fix) for change in changes)
    failed.reruns.put_back()
    for change in changes:
        with change.variant(failed.training):
            assert len(failed.training.model.teacher.trainable_weights) == 0
            assert len(failed.training.model.body.trainable_weights) == 2


class Drawn(layers.Layer):
    """Multiplies by a kernel that it draws in its call."""

    def call(self, x):
        return tf.tanh(x @ tf.random.normal((x.shape[-1], 8)))


def test_weights_that_are_drawn_in_every_call_are_named():
    failed = failed_of(regression(Drawn(name="mine"), layers.Dense(1)), steps=3, max_loss=1e-9)
    answer = frozen_variables._seen(failed)
    said = "the weights in mine are drawn anew in every step: none are kept"
    assert (answer.cause, answer.where, answer.message) == ("frozen-variables", ("mine",), said)


class Own(layers.Layer):
    """A function of the user's own as a layer."""

    def __init__(self, function, **options):
        super().__init__(**options)
        self.function = function

    def call(self, x):
        return self.function(x)


def with_own(function, *, rate=0.02):
    """The absolute values of two columns, learnt through a layer of the user's own."""
    x, _ = linear(0)
    model = sequential(
        layers.Dense(16, "tanh", name="first"),
        Own(function, name="quantise"),
        layers.Dense(1),
        optimizer=optimizers.Adam(rate),
        loss="mse",
        shape=(4,),
    )
    return fit(model, x, np.abs(x[:, :1]) + np.abs(x[:, 1:2]))


STEEP = {
    "round": (
        lambda x: keras.ops.round(2 * x) / 2,
        "rounding",
        "tf.round(x) + (x - tf.stop_gradient(x))  # in quantise",
    ),
    "sign": (keras.ops.sign, "sign", "tf.sign(x) + (x - tf.stop_gradient(x))  # in quantise"),
    "comparison": (
        lambda x: tf.cast(x > 0, tf.float32),
        "comparison >",
        "p = tf.sigmoid(a - b)\ntf.cast(a > b, p.dtype) + (p - tf.stop_gradient(p))  # in quantise",
    ),
    "stop_gradient": (
        lambda x: keras.ops.stop_gradient(x),  # noqa: PLW0108 - looked up when called
        "stop_gradient",
        "x  # without tf.stop_gradient, in quantise",
    ),
}


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize(
    "name", ["sign", *(pytest.param(n, marks=pytest.mark.slow) for n in STEEP if n != "sign")]
)
def test_an_operation_without_a_slope_in_a_layer_passes_its_gradient_straight_through(name):
    function, words, fix = STEEP[name]
    start = with_own(function)
    found = proven_by_its_own(start, "frozen-variables", steps=300, max_loss=0.32)
    assert (found.where, found.fix) == (("first",), fix)
    assert found.message.startswith(f"no gradient reaches first: the {words} behind first has none")


def coded(quantised, *, rate=0.01):
    """A step with a code between an encoder and a decoder."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = np.tanh(rng.normal(size=(256, 3)) @ rng.normal(size=(3, 12))).astype("float32")
    encoder = keras.Sequential(
        [keras.Input((12,)), layers.Dense(32, "tanh"), layers.Dense(6, "tanh")]
    )
    decoder = keras.Sequential([keras.Input((6,)), layers.Dense(32, "tanh"), layers.Dense(12)])
    variables = encoder.trainable_variables + decoder.trainable_variables
    adam = optimizers.Adam(rate)

    @tf.function
    def train_step(features):
        with tf.GradientTape() as tape:
            error = decoder(quantised(encoder(features))) - features
            loss = tf.reduce_mean(error**2)
        adam.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    data = tf.data.Dataset.from_tensor_slices(x).batch(64).repeat()
    return step(train_step, variables=variables, data=data, optimizer=adam)


def rounded(code):
    return tf.round(4.0 * code) / 4.0


def straight(code):
    return code + tf.stop_gradient(rounded(code) - code)


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_a_rounding_in_a_step_passes_its_gradient_straight_through():
    assert result_of(coded(straight), steps=400, max_loss=0.03).passed
    found = proven_by_its_own(coded(rounded), "frozen-variables", steps=400, max_loss=0.03)
    straight_on = "(4.0 * code) - tf.stop_gradient(4.0 * code)"
    assert found.fix.startswith(f"return (tf.round(4.0 * code) + ({straight_on})) / 4.0  # test_")
    assert found.message.endswith(
        ": the rounding in train_step has none; it converges with a straight-through gradient"
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_a_stop_gradient_in_a_step_is_taken_away():
    start = coded(lambda code: tf.stop_gradient(code))  # noqa: PLW0108 - looked up when called
    found = proven_by_its_own(start, "frozen-variables", steps=400, max_loss=0.008)
    assert found.fix.startswith("start = coded(lambda code: code)  # test_frozen_variables.py:")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_a_sign_in_a_closure_passes_its_gradient_straight_through():
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    y = np.sign(x @ np.array([[1.0], [-2.0], [0.5], [1.0]], "float32"))
    w, scale = tf.Variable(tf.ones((4, 1)), name="w"), tf.Variable(0.1, name="scale")
    start = minimize(
        lambda: tf.reduce_mean((scale * tf.sign(x @ w) - y) ** 2), [w, scale], optimizers.Adam(0.05)
    )
    found = proven_by_its_own(start, "frozen-variables", steps=200, max_loss=0.2)
    assert found.where == ("w",)
    assert "scale * (tf.sign(x @ w) + (x @ w - tf.stop_gradient(x @ w)))" in found.fix


@pytest.mark.slow
def test_a_straight_through_gradient_is_not_blamed_for_a_rate():
    """The stop_gradient of the estimator itself is meant."""
    found = diagnosis_of(coded(straight, rate=1e-6), steps=200, max_loss=0.05)
    assert found.cause == "learning-rate-too-low"
    assert not any("gradient" in trial.change for trial in found.tried)


def mistakes(y_true, y_pred):
    return tf.reduce_mean((y_true - tf.sign(y_pred)) ** 2)


@pytest.mark.slow
def test_a_loss_of_signs_passes_its_gradient_straight_through():
    x, _ = linear(0)
    model = sequential(
        layers.Dense(1, name="last"), optimizer=optimizers.Adam(0.05), loss=mistakes, shape=(4,)
    )
    start = fit(model, x, np.sign(x[:, :1] - 0.01))
    found = proven_by_its_own(start, "frozen-variables", steps=200, max_loss=0.2)
    straight_on = "(tf.sign(y_pred) + (y_pred - tf.stop_gradient(y_pred)))"
    assert found.fix.startswith(f"return tf.reduce_mean((y_true - {straight_on}) ** 2)  # test_")


def heads_alone(*, by_model):
    """A body and a head, of which the head is trained."""
    x, _ = linear(0, noise=0.0)
    y = x[:, :1] * x[:, 1:2]
    body = keras.Sequential([keras.Input((4,)), layers.Dense(24, "relu"), layers.Dense(6, "relu")])
    head = keras.Sequential([keras.Input((6,)), layers.Dense(1)])

    def losses(model, a, b):
        return tf.reduce_mean((model(a) - b) ** 2)

    class Whole(keras.Model):
        def train_step(self, batch):
            with tf.GradientTape() as tape:
                loss = losses(self, *batch)
            gradients = tape.gradient(loss, head.trainable_variables)
            self.optimizer.apply(gradients, head.trainable_variables)
            return {"loss": loss}

    inputs = keras.Input((4,))
    model = (Whole if by_model else keras.Model)(inputs, head(body(inputs)))
    optimizer = optimizers.Adam(0.02)
    if by_model:
        model.compile(optimizer)
        return fit(model, x, y)

    def train_step(a, b):
        with tf.GradientTape() as tape:
            loss = losses(model, a, b)
        gradients = tape.gradient(loss, head.trainable_variables)
        optimizer.apply_gradients(zip(gradients, head.trainable_variables, strict=True))
        return loss

    data = batches(x, y)
    return step(train_step, variables=model.trainable_variables, data=data, optimizer=optimizer)


@pytest.mark.parametrize("by_model", [False, True])
def test_a_step_that_trains_the_head_alone_is_made_to_train_all(by_model):
    found = proven_by_its_own(
        heads_alone(by_model=by_model), "frozen-variables", steps=300, max_loss=0.15
    )
    assert ("self.optimizer.apply" in found.fix) == by_model


def test_a_bias_that_cancels_out_is_not_frozen():
    """Of two towers that share a layer the bias is gone from their distance."""
    x, _ = linear(0)
    tower = layers.Dense(4)
    first, second = keras.Input((4,)), keras.Input((4,))
    away = keras.ops.mean(keras.ops.square(tower(first) - tower(second)), axis=1, keepdims=True)
    model = keras.Model([first, second], away)
    model.compile(optimizers.SGD(1e-6), "mse")
    start = fit(model, [x, x[::-1].copy()], np.ones((len(x), 1), "float32"))
    failed = failed_of(start, steps=20, max_loss=1e-9)
    assert failed.reruns.unmoved
    assert frozen_variables._unmoved(failed) is None


def coder(*, frozen=False, listed="both"):
    """An encoder and a decoder, trained by a step of the user's."""
    keras.utils.set_random_seed(0)
    x = np.tanh(np.random.default_rng(0).normal(size=(512, 2)) @ np.ones((2, 12))).astype("float32")
    x += np.random.default_rng(1).normal(size=(512, 1)).astype("float32") * np.linspace(-1, 1, 12)
    x = x.astype("float32")
    encoder = keras.Sequential([keras.Input((12,)), layers.Dense(16, "tanh"), layers.Dense(2)])
    decoder = keras.Sequential([keras.Input((2,)), layers.Dense(16, "tanh"), layers.Dense(12)])
    decoder.trainable = not frozen
    whole, optimizer = keras.Sequential([encoder, decoder]), optimizers.Adam(0.01)
    variables = whole.trainable_variables if listed == "both" else decoder.trainable_variables

    @tf.function
    def train(rows):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((decoder(encoder(rows)) - rows) ** 2)
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    def train_whole(rows):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((whole(rows) - rows) ** 2)
        own = whole.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, own), own, strict=True))
        return loss

    data = tf.data.Dataset.from_tensor_slices((x,)).batch(64).repeat()
    made = tf.function(train_whole) if frozen else train
    return step(made, variables=variables, data=data, optimizer=optimizer)


def test_a_model_that_no_list_of_a_step_holds_is_trained_as_well():
    start = coder(listed="decoder")
    found = proven_by_its_own(start, "frozen-variables", steps=250, max_loss=0.02)
    assert "decoder.trainable_variables + encoder.trainable_variables" in found.fix


def test_layers_frozen_before_a_step_are_trained():
    found = proven_by_its_own(coder(frozen=True), "frozen-variables", steps=250, max_loss=0.02)
    on_and_off = "whole.trainable = False; whole.trainable = True"
    assert found.fix == f"{on_and_off}  # before its variables are listed"


def test_a_loss_of_copies_is_said_to_have_no_path():
    w, copy = tf.Variable([3.0, -4.0], name="w"), tf.Variable([0.0, 0.0])
    optimizer = optimizers.SGD(0.1)

    def train_step():
        with tf.GradientTape() as tape:
            copy.assign(w)
            loss = tf.reduce_sum(copy**2)
        gradient = tape.gradient(loss, w, unconnected_gradients="zero")
        optimizer.apply_gradients([(gradient, w)])
        return loss

    start = step(train_step, variables=[w], optimizer=optimizer)
    found = diagnosis_of(start, steps=20, max_loss=0.1)
    assert (found.cause, found.proven) == ("frozen-variables", False)
    assert found.message.startswith("no gradient of the loss reaches any variable")


def test_a_variable_that_was_copied_before_is_read_in_each_step():
    w, level = tf.Variable([1.0, -1.0]), tf.Variable(0.25, name="level")
    value = tf.identity(level)
    start = minimize(
        lambda: tf.reduce_sum((w - 2.0) ** 2) + (value - 3.0) ** 2, [w, level], optimizers.SGD(0.2)
    )
    found = diagnosis_of(start, steps=40, max_loss=0.1)
    assert (found.cause, found.proven) == ("frozen-variables", True)
    assert found.fix.startswith("value = level  # read in each step")


def test_what_a_step_returns_beside_its_loss_has_no_path_by_right():
    failed = types.SimpleNamespace(
        training=types.SimpleNamespace(own_step=True, trainable=[0]),
        evidence=types.SimpleNamespace(
            layers=types.SimpleNamespace(all_zero=True),
            computation=types.SimpleNamespace(other_loss=True),
        ),
        reruns=types.SimpleNamespace(unmoved=("w",)),
        at_the_start=lambda *_, **__: True,
    )
    assert not frozen_variables._has_no_path(failed)
    failed.evidence.computation.other_loss = False
    assert frozen_variables._has_no_path(failed)
