"""A loss that is computed without something that it should be learnt from."""

from __future__ import annotations

import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.diagnosis.causes import unread_data
from tests.diagnosis.programs import conclusion, diagnosis_of, failed_of, proven_by_its_own
from tests.training.measures.steps import own_step
from tests.training.measures.test_influence import several_of_a_step
from tests.training.measures.test_read_twice import margin
from tests.zoo.problems import fit, linear, sequential, step, triplets


def first_row(y, p):
    return tf.square(y - p)[0]


def smallness(y, p):
    return tf.square(p - 1.0) + 1.0 + 0.0 * tf.cast(tf.shape(y)[0], tf.float32)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("loss", "message", "where"),
    [
        (first_row, "rows 17 to 64 of the 64 of a batch have no influence on its loss", ()),
        (smallness, "the loss does not read y: any other values give the same loss", ("y",)),
    ],
    ids=["rows", "targets"],
)
def test_what_the_loss_does_not_read_is_said(loss, message, where):
    x, _ = linear(0)
    y = np.sign(x[:, :1] * x[:, 1:2])
    parts = [layers.Dense(4, "tanh"), layers.Dense(1)]
    model = sequential(*parts, optimizer=optimizers.Adam(0.03), loss=loss, shape=(4,))
    start = fit(model, x, y, batch_size=64)
    found = diagnosis_of(start, steps=40, max_loss=1e-9)
    assert (found.cause, found.message, found.where) == ("unread-data", message, where)
    assert not found.proven


def squares(y, p):
    return tf.square(tf.reshape(y, (-1, 1)) - p)


def test_a_step_that_learns_from_less_than_it_returns_is_made_to_learn_from_that():
    start = own_step(
        lambda y, p: squares(y, p)[0, 0], returned=lambda y, p: tf.reduce_mean(squares(y, p))
    )
    found = proven_by_its_own(start, "unread-data", steps=150, max_loss=0.02, monotone="off")
    seen = "rows 5 to 16 of the 16 of a batch have no influence on the gradient that is applied"
    assert found.message.startswith(seen)


def test_a_step_that_learns_from_one_column_is_made_to_learn_from_all():
    start = several_of_a_step(lambda errors: errors[:, 0], tf.identity)
    found = proven_by_its_own(start, "unread-data", steps=100, max_loss=0.02, monotone="off")
    seen = "y[:, 1] reaches the loss, and not the gradient that is applied; it converges with "
    assert found.message.startswith(seen)


def ordered(y, above):
    """The loss of a ranker by how far the prediction of one row is above that of another."""
    return tf.reduce_mean(tf.nn.softplus(-tf.sign(y - y[:, None]) * above))


def turned(y, p):
    v = p[:, 0]
    above = v - tf.transpose(v)
    return ordered(y, above)


def test_a_ranker_that_takes_a_vector_for_a_column_gets_all_pairs():
    found = proven_by_its_own(own_step(turned), "unread-data", steps=100, max_loss=0.3)
    assert found.message == (
        "predictions of shape (16,) less themselves are 0 whatever the weights: the transpose of a"
        " vector is the vector itself; it converges with a column in place of the transposed vector"
    )
    line = turned.__code__.co_firstlineno + 2
    assert found.fix == f"above = v - v[:, None]  # test_unread_data.py:{line}"


def test_the_column_is_shown_where_it_is_not_enough():
    found = conclusion(failed_of(own_step(turned), steps=5, max_loss=1e-6))
    assert (found.cause, found.trial) == ("unread-data", None)
    assert found.message.endswith("the transpose of a vector is the vector itself")
    assert found.fix.startswith("above = v - v[:, None]  # ")


def test_a_term_that_is_0_beside_another_is_not_said():
    def beside(y, p):
        return turned(y, p) + tf.reduce_mean(squares(y, p))

    failed = failed_of(own_step(beside), steps=5, max_loss=1e-6)
    assert failed.evidence.computation.cancelled is not None
    assert unread_data._cancelled_seen(failed) is None


def test_predictions_less_themselves_are_said_to_be_0():
    start = own_step(lambda y, p: ordered(y, p - p))
    found = diagnosis_of(start, steps=20, max_loss=0.3)
    assert (found.cause, found.proven, found.fix) == ("unread-data", False, "")
    assert found.message == (
        "predictions of shape (16, 1) less themselves are 0 whatever the weights"
    )


def gaps(*, inverted):
    """Half of the rows hold noise in place of a target, and half of the weights are 0."""
    x, y = linear(0, noise=0.0)
    broken = np.arange(len(x)) % 2 == 0
    y = np.where(broken[:, None], np.random.default_rng(0).normal(size=y.shape), y)
    weights = (broken if inverted else ~broken).astype("float32")
    model = sequential(layers.Dense(1), optimizer=optimizers.Adam(0.1), loss="mse")
    return fit(model, x, y.astype("float32"), sample_weight=weights)


def test_weights_that_let_the_wrong_rows_in_are_turned_round():
    found = proven_by_its_own(gaps(inverted=True), "unread-data", steps=150, max_loss=0.02)
    assert [trial.change for trial in found.tried] == ["sample weights the other way round"]


def test_weights_that_let_the_right_rows_in_stay():
    failed = failed_of(gaps(inverted=False), steps=3)
    repairs = [step.repairs(failed) for step in unread_data.CAUSE.steps if step.repairs]
    assert not [change for changes in repairs for change in changes]


def of_triplets(distances):
    """A step on an anchor, a positive and a negative, whose loss takes two of their distances."""
    embed = keras.Sequential([keras.Input((4,)), layers.Dense(8, "tanh")], name="embed")
    optimizer = optimizers.Adam(0.01)

    def train_step(anchor, positive, negative):
        with tf.GradientTape() as tape:
            loss = distances(embed, anchor, positive, negative)
        variables = embed.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    data = tf.data.Dataset.from_tensor_slices(triplets(0)).batch(32).repeat()
    return step(train_step, variables=embed.trainable_variables, data=data, optimizer=optimizer)


def test_what_is_read_in_no_place_takes_that_of_what_is_read_twice():
    start = of_triplets(lambda embed, a, p, n: margin(embed(a), embed(p), embed(p)))
    found = proven_by_its_own(start, "unread-data", steps=100, max_loss=0.25, monotone="off")
    assert found.message == (
        "the loss does not read negative, and embed is given positive twice; it converges with"
        " negative in place of positive where embed is called on it again"
    )
    assert found.where == ("negative",)


class Comparing(keras.Model):
    """Compares the anchor with the positive twice, and with the negative never."""

    def __init__(self):
        super().__init__()
        self.embed = keras.Sequential([keras.Input((4,)), layers.Dense(8, "tanh")], name="embed")

    def train_step(self, data):
        _, positive, _ = data
        with tf.GradientTape() as tape:
            anchor = self.embed(data[0])
            p = self.embed(positive)
            n = self.embed(positive)
            loss = margin(anchor, p, n)
        variables = self.embed.trainable_variables
        gradients = tape.gradient(loss, variables)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return {"loss": loss}


def test_a_train_step_is_given_what_it_does_not_read_as_well():
    model = Comparing()
    model.compile(optimizers.Adam(0.01))
    start = fit(model, tf.data.Dataset.from_tensor_slices(triplets(0)).batch(32))
    found = proven_by_its_own(start, "unread-data", steps=100, max_loss=0.25, monotone="off")
    assert found.message.startswith(
        "the loss does not read sample_weight, and embed is given y twice; it converges with "
    )


def of_two_inputs():
    """A model that compares one of its two inputs with itself."""

    class Apart(keras.Model):
        def __init__(self):
            super().__init__()
            self.embed = layers.Dense(8, "tanh", name="embed")
            self.head = layers.Dense(1)

        def call(self, x):
            return self.head(tf.abs(self.embed(x["left"]) - self.embed(x["left"])))

    x, _ = linear(0, rows=64)
    right = x[::-1].copy()
    model = Apart()
    model.compile(optimizers.Adam(0.03), "mse")
    return fit(model, {"left": x, "right": right}, np.abs(x - right).sum(axis=1, keepdims=True))


def test_an_input_of_a_fit_takes_the_place_of_one_that_is_read_twice():
    (change,) = unread_data._read_instead(failed_of(of_two_inputs(), steps=5, max_loss=1e-6))
    (line, place) = change.fix.split("  # ")
    assert line == 'return self.head(tf.abs(self.embed(x["left"]) - self.embed(x["right"])))'
    assert place.startswith("test_unread_data.py:")
    found = proven_by_its_own(of_two_inputs(), "unread-data", steps=200, max_loss=0.4)
    assert found.message.endswith("where embed is called on it again")


def test_what_nothing_reads_has_the_name_that_the_step_gives_it():
    def near(embed, anchor, positive, negative):
        return tf.reduce_mean((embed(anchor) - embed(positive)) ** 2) + 1.0

    found = conclusion(failed_of(of_triplets(near), steps=5, max_loss=0.1))
    assert (found.cause, found.where) == ("unread-data", ("negative",))
    assert found.message == "the loss does not read negative: any other values give the same loss"


class Reporting(keras.Model):
    """Learns from the last of several columns, and reports the mean of all."""

    def __init__(self):
        super().__init__()
        self.head, self.reported = layers.Dense(3), keras.metrics.Mean(name="loss")

    def call(self, x):
        return self.head(x)

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            p, losses = self(x, training=True), []
            for column in range(3):
                loss = tf.reduce_mean((p[:, column] - y[:, column]) ** 2)
                losses.append(loss)
            mean = tf.add_n(losses) / 3.0
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        self.reported.update_state(mean)
        return {"loss": self.reported.result()}

    @property
    def metrics(self):
        return [self.reported]


def test_a_train_step_that_learns_from_the_last_column_learns_from_all_that_it_reports():
    x, _ = linear(0)
    model = Reporting()
    model.compile(optimizers.Adam(0.05))
    start = fit(model, x, x[:, :3] - 0.5)
    found = proven_by_its_own(start, "unread-data", steps=100, max_loss=0.05, monotone="off")
    line = Reporting.train_step.__code__.co_firstlineno + 8
    gradient = "gradients = tape.gradient(mean, self.trainable_variables)"
    assert found.fix == f"{gradient}  # test_unread_data.py:{line}"
    assert "and not the gradient that is applied; it converges with " in found.message


def two_inputs(*, joined):
    """Two inputs, of which a model of two branches reads one."""
    rng = np.random.default_rng(0)
    first = rng.normal(size=(300, 3)).astype("float32")
    second = rng.normal(size=(300, 3)).astype("float32")
    y = (first[:, :1] + 2 * second[:, :1]).astype("float32")
    a, b = keras.Input((3,)), keras.Input((3,))
    left = layers.Dense(8, "relu")(a)
    both = layers.Concatenate()([left, layers.Dense(8, "relu")(b)])
    model = keras.Model([a, b], layers.Dense(1)(both if joined else left))
    model.compile(optimizers.Adam(0.03), "mse")
    return fit(model, [first, second], y)


def test_an_input_that_nobody_reads_is_named():
    found = diagnosis_of(two_inputs(joined=False), steps=60, max_loss=0.5)
    assert (found.cause, found.proven) == ("unread-data", False)
    assert found.message.startswith("the model does not read x[1]: any other values")


class Asked(keras.Model):
    """Attends to its own question, and never to the facts."""

    def __init__(self):
        super().__init__()
        self.ask, self.fact = layers.Dense(8), layers.Dense(8)
        self.last = layers.Dense(1)

    def call(self, inputs):
        question = self.ask(inputs["question"])
        facts = self.fact(inputs["facts"])  # noqa: F841 - that is the slip
        return self.last(tf.nn.relu(question) + tf.nn.relu(question))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_the_slip_that_leaves_an_input_unread_is_found():
    rng = np.random.default_rng(0)
    x = {name: rng.normal(size=(300, 3)).astype("float32") for name in ("question", "facts")}
    y = np.abs(x["facts"][:, :1]) + x["question"][:, :1]
    model = Asked()
    model({name: each[:1] for name, each in x.items()})
    model.compile(optimizers.Adam(0.03), "mse")
    found = diagnosis_of(fit(model, x, y), steps=200, max_loss=0.1)
    assert (found.cause, found.proven) == ("unread-data", True)
    assert "facts" in found.fix


@pytest.mark.parametrize(("some", "named"), [(True, True), (False, False), (None, False)])
def test_an_input_that_nobody_reads_may_be_there_for_nobody(monkeypatch, some, named):
    monkeypatch.setattr(unread_data, "inputs_left_unread", lambda _: ("x[1]",))
    signal = None if some is None else types.SimpleNamespace(some=some)
    failed = types.SimpleNamespace(signal=signal)
    assert (unread_data._inputs_that_tell(failed) is not None) is named
    assert unread_data._inputs(failed).where == ("x[1]",)
