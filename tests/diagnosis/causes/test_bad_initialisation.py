"""Bad starts: the symptoms that are looked for, and what is taken back first."""

from __future__ import annotations

import dataclasses
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import initializers, layers, optimizers

from pytest_converge.diagnosis.cause import Answer
from pytest_converge.diagnosis.causes import bad_initialisation, every_cause
from pytest_converge.diagnosis.evidence import Evidence
from pytest_converge.diagnosis.order import Place
from tests.diagnosis.programs import diagnosis_of, failed_of, proven_by_its_own
from tests.zoo.problems import fit, linear, minimize, sequential, step


def network(kernel, activation="tanh", units=8, rate=0.02):
    parts = [
        layers.Dense(units, activation, kernel_initializer=kernel, name="hidden"),
        layers.Dense(1, kernel_initializer=kernel, name="head"),
    ]
    model = sequential(*parts, optimizer=optimizers.Adam(rate), loss="mse", shape=(4,))
    x, _ = linear(0)
    return fit(model, x, x[:, :1] * x[:, 1:2])


def evidence_of(start):
    return failed_of(start, steps=5).evidence


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_units_of_equal_weights_are_seen(value):
    evidence = evidence_of(network(initializers.Constant(value)))
    assert evidence.alike == ["hidden"]  # the output layer has one unit
    assert evidence.odd_start


def test_units_of_their_own_weights_are_not_alike():
    evidence = evidence_of(network("glorot_uniform"))
    assert (evidence.alike, evidence.saturated, evidence.odd_start) == ([], [], False)


def test_units_that_start_at_their_ends_are_seen():
    evidence = evidence_of(network(initializers.RandomNormal(stddev=300.0, seed=0)))
    assert evidence.saturated == ["hidden"]


def test_a_hidden_layer_of_one_unit_is_no_symptom():
    assert evidence_of(network(initializers.Constant(0.5), units=1)).alike == []


def test_initialisers_that_somebody_chose_are_taken_back_first():
    start = range(Place.RECTIFIERS, Place.SCALE_AND_RATE)
    steps = [step for cause in every_cause().values() for step in cause.steps]
    steps = sorted((s for s in steps if s.place in start), key=lambda step: step.place)
    for kernel in (initializers.Constant(0.5), initializers.RandomNormal(stddev=300.0, seed=0)):
        failed = failed_of(network(kernel), steps=5)
        first = next(change for step in steps for change in step.repairs(failed))
        assert (first.code, first.change) == ("bad-initialisation", "Keras' default initialisers")


def test_constant_kernels_are_a_bad_start():
    found = diagnosis_of(network(initializers.Constant(0.3)), steps=250, max_loss=0.3)
    assert (found.cause, found.proven) == ("bad-initialisation", True)
    assert "all units of hidden start alike" in found.message
    assert found.evidence["layers_of_equal_units"] == "hidden"


def test_a_high_initial_loss_comes_with_its_size():
    evidence = Evidence(rate=0.01, start_ratio=40.0)
    text = bad_initialisation.CAUSE.says(evidence, Answer(cause="bad-initialisation"))
    assert text.startswith("the initial loss is 40 times that of a constant; it converges with")


def test_without_any_symptom_the_start_alone_is_named():
    evidence = Evidence(rate=0.01)
    assert bad_initialisation.symptom(evidence) == "the start does not train"
    higher = dataclasses.replace(evidence, start_ratio=1.5)
    assert bad_initialisation.symptom(higher) == "the start does not train"


def of_a_step(variables):
    """A failed training of a step without a model."""
    return types.SimpleNamespace(
        training=types.SimpleNamespace(verb="step", trainable=variables, models=[]),
        evidence=types.SimpleNamespace(layers=None),
        reruns=types.SimpleNamespace(put_back=lambda: None),
    )


def test_matrices_of_one_value_are_drawn_anew_where_a_session_hides_the_layers():
    first, second = tf.Variable(tf.zeros((2, 8)), name="a"), tf.Variable(tf.zeros((8, 1)), name="b")
    failed = of_a_step([first, second])
    training = failed.training
    (change,) = bad_initialisation._odd_matrices(failed)
    assert change.fault == "all units of a, b start alike"
    drawn = change.start(training, {})
    assert np.ptp(drawn[id(first)]) > 0
    training.trainable = [second]  # one matrix of zeros has nothing to be alike with
    assert list(bad_initialisation._odd_matrices(failed)) == []


def test_matrices_to_one_side_of_zero_are_drawn_anew():
    positive = np.random.default_rng(0).random((40, 64)).astype("float32")
    first = tf.Variable(positive, name="a")
    around = tf.Variable(positive - 0.5, name="b")
    bias = tf.Variable(tf.zeros(64), name="c")
    failed = of_a_step([around, first, bias])
    training = failed.training
    (change,) = bad_initialisation._odd_matrices(failed)
    assert change.fault == "the weights of a start to one side of 0"
    assert change.where == ("a",)
    training.trainable = [first, around]  # without biases it may be one of the factors of a matrix
    assert list(bad_initialisation._odd_matrices(failed)) == []
    training.trainable = [around, bias]
    assert list(bad_initialisation._odd_matrices(failed)) == []


def hidden_units(start, *, bias=0.0):
    """A network of bare variables whose hidden units stay alike where they start alike."""
    x = np.random.default_rng(0).normal(size=(256, 4)).astype("float32")
    y = np.abs(x[:, :1] - x[:, 1:2])
    w, b = tf.Variable(start((4, 16)), name="w"), tf.Variable(tf.fill([16], bias), name="b")
    v, c = tf.Variable(start((16, 1)), name="v"), tf.Variable(tf.zeros(1), name="c")
    optimizer = optimizers.Adam(0.03)

    def train_step(rows, targets):
        with tf.GradientTape() as tape:
            outputs = tf.tanh(rows @ w + b) @ v + c
            loss = tf.reduce_mean((outputs - targets) ** 2)
        weights = [w, b, v, c]
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(256).batch(32).repeat()
    return step(train_step, variables=[w, b, v, c], data=data, optimizer=optimizer)


def test_the_line_takes_hold_of_the_variables_by_their_place_in_the_call():
    first, bias, second = (tf.Variable(tf.zeros(shape)) for shape in ((4, 8), (8,), (8, 1)))
    nameless = of_a_step([first, bias, second])
    (change,) = bad_initialisation._odd_matrices(nameless)
    assert change.where == ("variables[0]", "variables[2]")
    assert [line.partition(".")[0] for line in change.fix.splitlines()] == [*change.where]


def test_bare_matrices_of_zeros_are_named_before_more_steps():
    found = proven_by_its_own(hidden_units(tf.zeros), "bad-initialisation", steps=400, max_loss=0.1)
    assert found.message.startswith("all units of w, v start alike")
    assert found.where == ("w", "v")


class Linear(layers.Layer):
    """A layer that calls its weights as nobody else does."""

    def __init__(self, units, kernel):
        super().__init__(name=f"linear_{units}")
        self.units, self.kernel_as = units, kernel

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.units), initializer=self.kernel_as)
        self.b = self.add_weight(shape=(self.units,), initializer="zeros")

    def call(self, x):
        return x @ self.w + self.b


def own_layers(kernel):
    parts = [Linear(8, kernel), layers.Activation("tanh"), Linear(1, kernel)]
    model = sequential(*parts, optimizer=optimizers.Adam(0.02), loss="mse", shape=(4,))
    x, _ = linear(0)
    return fit(model, x, x[:, :1] * x[:, 1:2])


def test_a_layer_of_ones_own_that_starts_at_zero_is_drawn_by_its_shape():
    found = diagnosis_of(own_layers("zeros"), steps=250, max_loss=0.3)
    assert (found.cause, found.proven) == ("bad-initialisation", True)
    assert found.where == ("linear_8.w", "linear_1.w")
    assert "all units of linear_8 start alike" in found.message
    line = 'model.get_layer("linear_8").w'
    assert f"{line}.assign(keras.initializers.GlorotUniform()({line}.shape))" in found.fix


def test_a_gradient_that_is_faint_behind_weights_that_are_too_large_is_their_fault():
    start = own_layers(initializers.RandomNormal(stddev=30.0, seed=1))
    found = diagnosis_of(start, steps=250, max_loss=0.3)
    assert (found.cause, found.proven) == ("bad-initialisation", True)
    assert "times that of a constant" in found.message or "start saturated" in found.message


def test_a_layer_of_ones_own_that_is_drawn_as_usual_is_left_as_it_is():
    failed = failed_of(own_layers("glorot_uniform"), steps=5)
    assert failed.evidence.alike == []
    steps = bad_initialisation.CAUSE.steps
    assert not [change for step in steps for change in step.repairs(failed)]


class Thresholds(layers.Layer):
    """Probabilities of grades between thresholds that all start at 0."""

    def build(self, shape):
        self.cuts = self.add_weight(shape=(4,), name="cuts", initializer="zeros")

    def call(self, score):
        below = keras.ops.sigmoid(self.cuts - score)
        low, high = keras.ops.zeros_like(score), keras.ops.ones_like(score)
        whole = keras.ops.concatenate([below, high], axis=1)
        return whole - keras.ops.concatenate([low, below], axis=1)


def graded():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3)).astype("float32")
    grades = np.digitize(2 * x[:, 0] - x[:, 1], [-2.0, -0.7, 0.7, 2.0])

    def likelihood(y, p):
        clipped = keras.ops.clip(p, 1e-7, 1.0)
        return -keras.ops.mean(keras.ops.sum(y * keras.ops.log(clipped), axis=1))

    model = keras.Sequential([keras.Input((3,)), layers.Dense(1), Thresholds(name="thresholds")])
    model.compile(keras.optimizers.Adam(0.05), likelihood)
    return fit(model, x, np.eye(5, dtype="float32")[grades])


def test_thresholds_that_start_alike_are_begun_in_order():
    found = diagnosis_of(graded(), steps=200, max_loss=0.9)
    assert (found.cause, found.proven) == ("bad-initialisation", True)
    line = 'model.get_layer("thresholds").cuts.assign_add(np.linspace(-1, 1, 4))'
    assert found.fix == line
    assert found.message.startswith("the numbers of thresholds.cuts start alike")


class Block(layers.Layer):
    """A branch beside its input that no initialiser of Keras makes small enough."""

    def __init__(self):
        super().__init__()
        self.wide, self.back = layers.Dense(24, activation="relu"), layers.Dense(4)

    def build(self, shape):
        self.wide.build(shape)
        self.back.build((None, 24))

    def call(self, x):
        return x + 2.0 * self.back(self.wide(x))


def stack(blocks, *, rate=0.01):
    x, _ = linear(0, rows=256)
    parts = [*(Block() for _ in range(blocks)), layers.Dense(1)]
    model = sequential(*parts, optimizer=optimizers.SGD(rate), loss="mse", shape=(4,))
    return fit(model, x, np.sin(x[:, :1]))


def test_a_loss_that_explodes_before_any_update_begins_with_smaller_matrices():
    found = diagnosis_of(stack(10), steps=200, max_loss=0.2)
    assert (found.cause, found.proven) == ("bad-initialisation", True)
    assert "times that of a constant; it converges with all matrices begun at 0." in found.message
    assert found.fix.startswith("for v in model.trainable_variables:")


def unrolled(scale):
    """A recurrence of bare variables, written out, whose state doubles from step to step."""
    x = np.random.default_rng(0).normal(size=(256, 30, 3)).astype("float32")
    y = x.mean(axis=(1, 2), keepdims=True)[:, 0]
    draw = np.random.default_rng(1).normal(size=(8, 8)).astype("float32")
    w = tf.Variable(0.35 * scale * draw, name="w")
    u, v = (tf.Variable(tf.fill(shape, 0.1), name=n) for shape, n in (((3, 8), "u"), ((8, 1), "v")))
    optimizer = optimizers.Adam(0.01)

    def train_step(rows, targets):
        with tf.GradientTape() as tape:
            state = tf.zeros((tf.shape(rows)[0], 8))
            for step_in_time in range(30):
                state = state @ w + rows[:, step_in_time] @ u
            loss = tf.reduce_mean((state @ v - targets) ** 2)
        weights = [w, u, v]
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(256).batch(32).repeat()
    return step(train_step, variables=[w, u, v], data=data, optimizer=optimizer)


def smaller_starts(failed):
    return [change.change for change in bad_initialisation._smaller(failed)]


def test_a_loss_that_is_not_finite_at_first_begins_with_smaller_matrices():
    failed = failed_of(unrolled(300.0), steps=2)
    (first, second) = bad_initialisation._smaller(failed)
    assert first.fault == "the initial loss is not finite"
    assert first.fix.startswith("for v in variables:")
    assert second.change == "all matrices begun at 0.1 of what they are"


def test_a_loss_near_that_of_a_constant_begins_as_it_is():
    assert smaller_starts(failed_of(stack(1), steps=2)) == []
    assert smaller_starts(failed_of(unrolled(1.0), steps=2)) == []


def test_data_that_are_not_finite_say_nothing_of_the_start():
    start = stack(1)
    start.arguments["x"][0, 0] = np.nan
    assert smaller_starts(failed_of(start, steps=2)) == []


class Mixed(layers.Layer):
    """Shares of each column, which its own code keeps between 0 and 1."""

    def __init__(self, begin):
        super().__init__(name="mixed")
        self.begin = initializers.Constant(begin)

    def build(self, shape):
        self.shares = self.add_weight(shape=(shape[-1],), name="shares", initializer=self.begin)

    def call(self, x):
        return keras.ops.sum(keras.ops.clip(self.shares, 0.0, 1.0) * x, axis=1, keepdims=True)


def mixture(begin):
    x, _ = linear(0)
    y = x @ np.array([[0.2], [0.9], [0.4], [0.6]], "float32")
    return fit(
        sequential(Mixed(begin), optimizer=optimizers.Adam(0.02), loss="mse", shape=(4,)), x, y
    )


def test_a_weight_that_starts_beyond_its_clip_is_begun_within():
    found = proven_by_its_own(mixture(-2.0), "bad-initialisation", steps=200, max_loss=0.02)
    assert found.message == (
        "mixed.shares starts beyond the range 0 to 1 that it is clipped to, where the loss has no"
        " slope; it converges with mixed.shares begun around 0.5"
    )
    held = 'model.get_layer("mixed").shares'
    moved = f"0.5 + {held} - tf.reduce_mean({held})"
    assert found.fix == f"{held}.assign(tf.clip_by_value({moved}, 0, 1))"


def picture(begin):
    """The pixels of a picture, which are clipped before they are compared."""
    wanted = np.random.default_rng(0).random((6, 6)).astype("float32")
    pixels = tf.Variable(tf.random.stateless_normal((6, 6), (0, 0), begin, 0.05))
    loss = lambda: tf.reduce_mean((tf.clip_by_value(pixels, 0.0, 1.0) - wanted) ** 2)  # noqa: E731
    return minimize(loss, [pixels], optimizers.Adam(0.05))


def test_pixels_that_start_beyond_their_clip_are_begun_within():
    found = proven_by_its_own(picture(4.0), "bad-initialisation", steps=100, max_loss=0.01)
    line = "pixels.assign(tf.clip_by_value(0.5 + pixels - tf.reduce_mean(pixels), 0, 1))"
    assert found.message.startswith("pixels starts beyond the range 0 to 1")
    assert diagnosis_of(picture(4.0), steps=100, max_loss=0.01).fix == line


def test_what_starts_within_its_clip_stays_there():
    failed = failed_of(mixture(0.5), steps=5, max_loss=1e-9)
    assert not list(bad_initialisation._within_range(failed))


def peaks(centres, rate=0.05):
    """Two peaks fitted to a spectrum; beginning at one place they stay one peak."""
    at = np.linspace(-3, 3, 120).astype("float32")
    spectrum = np.exp(-((at + 1) ** 2)) + 0.6 * np.exp(-((at - 1.2) ** 2))
    centre, height = tf.Variable(centres), tf.Variable([0.5] * len(centres))

    def misfit():
        fitted = tf.reduce_sum(height * tf.exp(-((at[:, None] - centre) ** 2)), axis=1)
        return tf.reduce_mean((fitted - spectrum) ** 2)

    return minimize(misfit, [centre, height], optimizers.Adam(rate))


def test_numbers_that_stay_alike_are_spread():
    found = proven_by_its_own(peaks([0.1, 0.1]), "bad-initialisation", steps=200, max_loss=0.001)
    assert found.message.startswith("the numbers of centre, height start alike; it converges with")
    assert found.fix == (
        "centre.assign_add(np.linspace(-1, 1, 2))\nheight.assign_add(np.linspace(-1, 1, 2))"
    )


def changes_of(failed):
    in_order = next(s for s in bad_initialisation.CAUSE.steps if s.place is Place.STATIONARY)
    return list(in_order.repairs(failed))


def test_numbers_that_part_by_themselves_are_left_as_they_are():
    failed = failed_of(peaks([0.1, 0.3], rate=1e-3), steps=20, max_loss=0.001)
    assert not [change for change in changes_of(failed) if "centre" in change.change]


def test_biases_of_layers_of_keras_are_no_such_numbers():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, trainable=False)])
    model.add(layers.Dense(1))
    optimizer = optimizers.SGD(0.01)

    def train_step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((tf.reduce_sum(model.layers[0](x), axis=1) - 3.0) ** 2)
        bias = model.layers[0].bias
        optimizer.apply_gradients([(tape.gradient(loss, bias), bias)])
        return loss

    data = tf.data.Dataset.from_tensor_slices(linear(0)[0]).batch(16)
    start = step(train_step, variables=[model.layers[0].bias], data=data, optimizer=optimizer)
    failed = failed_of(start, steps=20, max_loss=0.001)
    bias = failed.training.trainable[0]
    assert np.ptp(failed.reruns.end.values()[id(bias)]) == 0
    assert changes_of(failed) == []


def saturation(first):
    """The rate of a reaction, half of its largest one at a concentration that is to be found."""
    rng = np.random.default_rng(0)
    amounts = tf.constant(rng.uniform(0.02, 5.0, 200), tf.float32)
    rates = 2.0 * amounts / (0.5 + amounts)
    largest, half = tf.Variable(1.0, name="largest"), tf.Variable(first, name="half")

    def misfit():
        return tf.reduce_mean((largest * amounts / (half + amounts) - rates) ** 2)

    return minimize(misfit, [largest, half], optimizers.Adam(0.02))


def test_a_constant_in_another_unit_is_begun_at_one():
    found = diagnosis_of(saturation(2e5), steps=300, max_loss=0.01)
    assert (found.cause, found.proven) == ("bad-initialisation", True)
    assert found.message.startswith("half starts at 2e5 and moves by ")
    assert found.fix == "half.assign(1 * tf.sign(half))"


@pytest.mark.parametrize("first", [3.0, 90.0])
def test_a_number_of_a_usual_size_stays_where_it_begins(first):
    failed = failed_of(saturation(first), steps=5, max_loss=1e-9)
    assert not list(bad_initialisation._far_off(failed))
