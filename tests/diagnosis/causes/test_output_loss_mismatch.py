"""An output that cannot give the targets."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, losses, optimizers

from pytest_converge.diagnosis.causes import output_loss_mismatch
from tests.diagnosis.programs import conclusion, diagnosis_of, failed_of, proven_by_its_own
from tests.training.measures.steps import batches, classifying
from tests.training.measures.test_degrees import headings, wind
from tests.zoo.problems import BINARY, fit, linear, sequential, step, wine


def tanh_head():
    x, y = linear(0)
    model = sequential(layers.Dense(1, "tanh"), optimizer=optimizers.Adam(0.1), loss="mse")
    return fit(model, x, 6 * y)


def test_an_output_that_cannot_reach_the_targets_is_opened():
    found = proven_by_its_own(tanh_head(), "output-loss-mismatch", steps=100, max_loss=0.5)
    assert found.message.startswith("output and loss do not fit the targets; it converges with")


def copies(**settings):
    """An autoencoder of shares under a cross-entropy, which keeps their entropy."""
    x = np.random.default_rng(0).random((256, 4)).astype("float32")
    parts = [layers.Dense(16, "relu"), layers.Dense(4, "sigmoid")]
    loss = losses.BinaryCrossentropy(**settings)
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.03), loss=loss, shape=(4,)), x, x)


def test_a_crossentropy_of_shares_does_not_get_below_their_entropy():
    found = proven_by_its_own(copies(), "output-loss-mismatch", steps=200, max_loss=0.1)
    seen = "the targets lie between 0 and 1, where a binary_crossentropy is at least 0."
    assert found.message.startswith(seen)
    assert "MeanSquaredError()" in found.fix


def test_it_is_known_without_a_proof():
    failed = failed_of(copies(), steps=5, max_loss=0.1)
    answer = output_loss_mismatch._between_classes_seen(failed)
    assert (answer.cause, answer.trial) == ("unreachable-target", None)
    assert 0.5 < float(answer.fix.removeprefix("max_loss=")) < 0.55
    above = failed_of(copies(), steps=5, max_loss=0.55)
    smoothed = failed_of(copies(label_smoothing=0.1), steps=5, max_loss=0.1)
    assert not any(map(output_loss_mismatch._between_classes_seen, (above, smoothed)))


def several_labels():
    x, _ = linear(0, rows=300)
    y = (x @ np.random.default_rng(0).normal(size=(4, 5)) > 0.3).astype("float32")
    head = layers.Dense(5, "softmax")
    loss = "categorical_crossentropy"
    return fit(sequential(head, optimizer=optimizers.Adam(0.05), loss=loss), x, y)


def test_several_ones_in_a_row_are_no_shares():
    found = proven_by_its_own(several_labels(), "output-loss-mismatch", steps=150, max_loss=0.3)
    assert "sigmoid" in found.fix
    assert "BinaryCrossentropy" in found.fix


def tags_under_softmax():
    """Keras trains it on the logits, as it would a sigmoid: only the predictions are wrong."""
    start = several_labels()
    start.arguments["model"].compile(optimizers.Adam(0.05), BINARY)
    return start


def test_an_output_that_changes_the_predictions_alone_has_acted():
    start = tags_under_softmax()
    found = proven_by_its_own(start, "output-loss-mismatch", steps=150, max_loss=0.4)
    assert [trial.change for trial in found.tried] == ["output with sigmoid"]


def copied_loss():
    x, y = linear(0)
    head = layers.Dense(1)
    return fit(sequential(head, optimizer=optimizers.Adam(0.1), loss=BINARY), x, 30 + 8 * y)


def test_prices_under_a_crossentropy_want_squared_errors():
    found = proven_by_its_own(copied_loss(), "output-loss-mismatch", steps=400, max_loss=20)
    assert found.fix == "loss=keras.losses.MeanSquaredError()"


class Similarity(keras.Model):
    """The cosine of two embeddings, which no activation shows."""

    def __init__(self):
        super().__init__()
        self.users, self.items = layers.Embedding(12, 6), layers.Embedding(12, 6)

    def call(self, pair):
        user, item = self.users(pair[:, 0]), self.items(pair[:, 1])
        return -keras.losses.cosine_similarity(user, item)[:, None]


def ratings(*, beyond=1.0):
    rng = np.random.default_rng(0)
    taste, kind = rng.normal(size=(12, 2)), rng.normal(size=(12, 2))
    pairs = rng.integers(0, 12, (600, 2))
    likes = (taste[pairs[:, 0]] * kind[pairs[:, 1]]).sum(axis=1)
    likes /= np.linalg.norm(taste[pairs[:, 0]], axis=1) * np.linalg.norm(kind[pairs[:, 1]], axis=1)
    model = Similarity()
    model.compile(optimizers.Adam(0.05), "mse")
    targets = np.where(rng.random(600) < beyond, np.round(3 + 2 * likes), likes)
    return fit(model, pairs, targets[:, None].astype("float32"))


def test_ratings_that_a_cosine_cannot_give_are_brought_into_its_range():
    found = proven_by_its_own(ratings(), "output-loss-mismatch", steps=200, max_loss=0.5)
    assert found.fix == "y = np.interp(y, (1, 5), (-1, 1))"
    assert found.message.startswith("the output lies within -1 to 1, whatever the weights; it")


def test_that_ratings_lie_beyond_a_cosine_is_said_where_their_range_is_not_enough():
    found = diagnosis_of(ratings(), steps=40, max_loss=0.01)
    assert (found.cause, found.proven) == ("output-loss-mismatch", False)
    assert found.message.startswith("the output lies within -1 to 1, whatever the weights: ")
    assert found.message.endswith(" % of the targets lie beyond")
    assert found.fix == "y = np.interp(y, (1, 5), (-1, 1))"


def test_a_few_ratings_beyond_a_cosine_are_no_mismatch():
    few, all_of_them = (
        failed_of(ratings(beyond=beyond), steps=5, max_loss=1e-5) for beyond in (0.03, 1.0)
    )
    assert output_loss_mismatch._out_of_reach_seen(few) is None
    assert output_loss_mismatch._out_of_reach_seen(all_of_them).fix.startswith("y = np.interp(")


def standardised(z):
    return (z - tf.reduce_mean(z, axis=0)) / (tf.math.reduce_std(z, axis=0) + 1e-3)


@pytest.mark.filterwarnings("ignore:Gradients do not exist")  # by what is left out
@pytest.mark.parametrize(
    ("last", "said"),
    [
        (layers.BatchNormalization(center=False, scale=False), "mean 0 and deviation 1"),
        (layers.Lambda(standardised), "mean 0 and deviation 1"),
        (layers.LayerNormalization(), "deviation 0"),
        (layers.UnitNormalization(), "-1 to 1"),
    ],
    ids=["batch", "function", "one number", "sign"],
)
def test_an_output_that_is_normalised_gives_no_prices(last, said):
    keras.utils.set_random_seed(0)  # next to other starts a deviation is 0.9999
    x, y = linear(0)
    parts = [layers.Dense(1), last]
    model = sequential(*parts, optimizer=optimizers.Adam(0.1), loss="mse", shape=(4,))
    start = fit(model, x, 3 + 4 * y, batch_size=64)
    found = proven_by_its_own(start, "output-loss-mismatch", steps=150, max_loss=0.5)
    assert said in found.message.partition(" weights")[0]
    assert found.message.endswith(f"it converges with no {last.name} behind the output")


def two_outputs(head, loss, targets):
    """The first output is sound, the second is given."""
    x, y = linear(0)
    inputs = keras.Input((4,))
    outputs = [layers.Dense(1, name="sound")(inputs), head(inputs)]
    model = keras.Model(inputs, outputs)
    model.compile(optimizers.Adam(0.1), ["mse", loss])
    return fit(model, x, [y, targets(x, y)])


@pytest.mark.parametrize(
    ("head", "loss", "targets", "said"),
    [
        (layers.Dense(1, "tanh", name="open"), "mse", lambda x, y: 6 * y, "no activation at open"),
        (
            layers.Dense(5, "softmax", name="many"),
            "categorical_crossentropy",
            lambda x, y: (x @ np.ones((4, 5)) * np.arange(-2, 3) > 0).astype("float32"),
            "sigmoid, loss BinaryCrossentropy at many",
        ),
    ],
    ids=["range", "several labels"],
)
def test_one_of_two_outputs_is_at_fault(head, loss, targets, said):
    start = two_outputs(head, loss, targets)
    found = proven_by_its_own(start, "output-loss-mismatch", steps=150, max_loss=0.8)
    assert said in found.message


def exchanged(*, keys=("age", "sex"), shares=False):
    """A model whose two losses, and activations, each belong to the other output.

    The amounts may lie between 0 and 1, where a cross-entropy reads them.
    """
    x, y = linear(0)
    inputs = keras.Input((4,))
    age, sex = layers.Dense(1, "sigmoid", name="age")(inputs), layers.Dense(1, name="sex")(inputs)
    model = keras.Model(inputs, dict(zip(keys, (age, sex), strict=True)))
    wrong = ("binary_crossentropy", "mse")
    model.compile(optimizers.Adam(0.1), dict(zip(keys, wrong, strict=True)))
    amounts = (y - y.min()) / np.ptp(y) if shares else (y - y.mean()) / y.std()
    targets = amounts, (y > y.mean()).astype("float32")
    return fit(model, x, dict(zip(keys, targets, strict=True)))


@pytest.mark.parametrize("shares", [False, True])
def test_losses_of_two_outputs_that_are_exchanged_are_put_back(shares):
    start = exchanged(shares=shares)
    found = proven_by_its_own(start, "output-loss-mismatch", steps=150, max_loss=0.6)
    assert found.message.startswith("the losses of age and sex are exchanged; it converges with")
    assert found.fix.splitlines() == [
        'keras.layers.Dense(1, name="age")  # layer age',
        'keras.layers.Dense(1, activation="sigmoid", name="sex")  # layer sex',
        'loss={"age": keras.losses.MeanSquaredError(), "sex": keras.losses.BinaryCrossentropy()}',
    ]


SPARSE_LOGITS = tf.nn.sparse_softmax_cross_entropy_with_logits


def wine_under(last, loss_of):
    x, y = wine()
    return classifying(x, y.astype("int32"), layers.Dense(16, "relu"), last, loss_of=loss_of)


def test_targets_beyond_the_output_of_a_step_are_seen_before_any_rate():
    x, y = linear(0)
    start = classifying(
        x, 3 * y, layers.Dense(1, "sigmoid", name="last"), loss_of=lambda t, p: (t - p) ** 2
    )
    found = proven_by_its_own(start, "output-loss-mismatch", steps=150, max_loss=1.0)
    assert "of the targets lie beyond what the output gives" in found.message
    assert len(found.tried) == 1


class Shares(keras.Model):
    """Divides exponentials by their sum in its call."""

    def __init__(self):
        super().__init__()
        self.body = keras.Sequential([layers.Dense(16, "relu"), layers.Dense(3)])

    def call(self, x):
        weights = tf.exp(self.body(x))
        return weights / tf.reduce_sum(weights, axis=1, keepdims=True)


def test_a_softmax_by_hand_before_a_loss_of_logits_is_seen_through():
    x, y = wine()
    model = Shares()
    model.compile(optimizers.Adam(0.02), losses.SparseCategoricalCrossentropy(from_logits=True))
    start = fit(model, x, y)
    found = proven_by_its_own(start, "output-loss-mismatch", steps=100, max_loss=0.1)
    assert found.message.startswith("the loss takes logits, and is given the softmax of ")
    assert found.fix.startswith("outputs = logits  # no exp(logits) / sum(exp(logits))")


@pytest.mark.parametrize(
    ("last", "loss_of", "words", "line"),
    [
        (
            lambda: layers.Dense(3, "softmax", name="last"),
            SPARSE_LOGITS,
            "the loss takes logits, and is given the softmax of ",
            'keras.layers.Dense(3, name="last")  # layer last',
        ),
        (
            lambda: layers.Dense(3, name="last"),
            losses.sparse_categorical_crossentropy,
            "the loss takes probabilities, and is given values from -",
            'keras.layers.Dense(3, activation="softmax", name="last")  # layer last',
        ),
    ],
    ids=["probabilities", "logits"],
)
def test_a_step_gives_its_loss_what_it_reads(last, loss_of, words, line):
    start = wine_under(last(), loss_of)
    found = proven_by_its_own(start, "output-loss-mismatch", steps=60, max_loss=0.1)
    assert found.message.startswith(words)
    assert found.fix == line
    assert found.where[0].endswith("last")


def by_operations(*, twice):
    """A step without any layer; it may take the softmax of something else as well."""
    x, y = wine()
    w, optimizer = tf.Variable(tf.zeros((13, 3)), name="w"), optimizers.SGD(0.1)

    def train_step(features, labels):
        with tf.GradientTape() as tape:
            inputs = features * tf.nn.softmax(0.0 * features) * 13 if twice else features
            loss = tf.reduce_mean(SPARSE_LOGITS(labels, tf.nn.softmax(inputs @ w)))
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    data = batches(x, y.astype("int32"), 32)
    return step(train_step, variables=[w], data=data, optimizer=optimizer)


@pytest.mark.parametrize("twice", [False, True], ids=["alone", "one of two"])
def test_of_a_step_of_operations_the_only_one_is_left_out(twice):
    found = diagnosis_of(by_operations(twice=twice), steps=60, max_loss=0.2)
    assert (found.cause, found.proven) == ("output-loss-mismatch", True)
    # Of two nobody knows which one is meant, but by leaving out one after the other.
    said = (
        "`inputs @ w` in place of `tf.nn.softmax(inputs @ w)`" if twice else "is given the softmax"
    )
    assert said in found.message
    logits = "inputs @ w" if twice else "(inputs @ w)"
    line = f"loss = tf.reduce_mean(SPARSE_LOGITS(labels, {logits}))  # test_output_loss_mismatch.py"
    assert found.fix.startswith(line)


def test_an_error_in_percent_of_nothing():
    x, y = linear(0, rows=300)
    sales = y.copy()
    sales[0] = 0.0
    loss = "mean_absolute_percentage_error"
    start = fit(sequential(layers.Dense(1), optimizer=optimizers.Adam(0.05), loss=loss), x, sales)
    found = proven_by_its_own(start, "output-loss-mismatch", steps=200, min_skill=0.2)
    assert "percent of targets that are zero" in found.message
    assert found.fix == "loss=keras.losses.MeanAbsoluteError()"


def test_a_softmax_over_the_steps_of_a_series_is_taken_over_the_classes():
    rng = np.random.default_rng(0)
    stage = rng.integers(0, 3, (64, 6))
    x = (np.eye(3)[stage] + 0.1 * rng.normal(size=(64, 6, 3))).astype("float32")
    parts = [layers.Dense(3), layers.Softmax(axis=1, name="along")]
    loss = "sparse_categorical_crossentropy"
    model = sequential(*parts, optimizer=optimizers.Adam(0.1), loss=loss, shape=(6, 3))
    found = proven_by_its_own(fit(model, x, stage), "output-loss-mismatch", steps=60)
    assert found.message == (
        "the softmax of along runs along axis 1, the loss reads classes along the last one;"
        " it converges with softmax over the last axis"
    )


@pytest.mark.filterwarnings("ignore:(?s).*You are using a softmax:UserWarning")
def test_a_softmax_over_the_only_unit_of_scores_is_taken_over_the_steps():
    rng = np.random.default_rng(0)
    x, at = rng.normal(size=(256, 6, 2)).astype("float32"), rng.integers(0, 6, 256)
    x[:, :, 1] = 0.0
    x[np.arange(256), at, 1] = 3.0  # the step that is asked for
    series = keras.Input((6, 2))
    weights = layers.Softmax(name="weights")(layers.Dense(1)(series))
    model = keras.Model(series, layers.Dense(1)(keras.ops.sum(weights * series, axis=1)))
    model.compile(optimizers.Adam(0.05), "mse")
    start = fit(model, x, x[np.arange(256), at, :1])
    found = proven_by_its_own(start, "output-loss-mismatch", steps=150, max_loss=0.2)
    assert found.message == (
        "the softmax of weights runs along an axis of length 1: every weight is 1, whatever the"
        " scores; it converges with softmax over axis 1"
    )
    assert found.fix == 'keras.layers.Softmax(1, name="weights")  # layer weights'


def of_labels(loss, *, rate=0.1):
    """A classifier under a loss of its own."""
    x = np.random.default_rng(0).normal(size=(128, 4)).astype("float32")
    y = (x.sum(axis=1, keepdims=True) > 0).astype("float32")
    head = layers.Dense(1, "sigmoid")
    return fit(sequential(head, optimizer=optimizers.Adam(rate), loss=loss, shape=(4,)), x, y)


def test_swapped_arguments_are_turned_round_before_a_rate_makes_them_small():
    binary = keras.losses.BinaryCrossentropy()
    start = of_labels(lambda y, p: binary(p, y))
    found = proven_by_its_own(start, "output-loss-mismatch", steps=60, max_loss=0.4)
    assert found.message.startswith("the loss takes the logarithm of the targets")
    assert found.fix == "own = model.loss\nloss=lambda y_true, y_pred: own(y_pred, y_true)"


def test_without_a_proof_they_are_named_all_the_same():
    start = of_labels(lambda y, p: keras.losses.binary_crossentropy(p, y), rate=1e-6)
    failed = failed_of(start, steps=5, max_loss=1e-6)
    assert conclusion(failed).message.startswith("the loss takes the logarithm of the targets")


def sums(*parts, rate=0.05):
    """The sum of a short series, compared with an output for each of its steps."""
    x = np.random.default_rng(0).normal(size=(128, 4, 1)).astype("float32")
    model = sequential(*parts, optimizer=optimizers.Adam(rate), loss="mse", shape=(4, 1))
    return fit(model, x, x.sum(axis=1))


def test_of_a_series_that_is_compared_with_one_target_the_last_step_is_left():
    layer = layers.SimpleRNN(8, None, return_sequences=True, name="all")
    start = sums(layer, layers.Dense(1))
    found = proven_by_its_own(start, "output-loss-mismatch", steps=120, max_loss=0.2)
    assert found.message == (
        "outputs of shape (32, 4, 1) against targets of shape (32, 1): each of the 4 steps of all"
        " is compared with the one target of its row; it converges with all without"
        " return_sequences"
    )
    assert found.fix == 'keras.layers.SimpleRNN(8, activation="linear", name="all")  # layer all'


def test_without_a_recurrent_layer_the_shapes_are_named_all_the_same():
    failed = failed_of(sums(layers.Conv1D(1, 1), rate=1e-6), steps=5, max_loss=1e-6)
    assert conclusion(failed).message.endswith("4 steps is compared with the one target of its row")


def chosen_values(*, rate=0.1):
    """A step on what the chosen one of two actions is worth, summed over the whole batch."""
    x, _ = linear(0)
    actions = np.eye(2, dtype="float32")[np.arange(len(x)) % 2]
    worth = np.where(actions[:, 0] == 1, x[:, 0], x[:, 1] - 1.0).astype("float32")
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    variables, optimizer = model.trainable_variables, optimizers.Adam(rate)

    def train_step(states, actions, targets):
        with tf.GradientTape() as tape:
            q = model(states, training=True)
            value = tf.reduce_sum(q * actions)
            loss = tf.reduce_mean((value - targets) ** 2)
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    data = tf.data.Dataset.from_tensor_slices((x, actions, worth)).batch(32).repeat()
    return step(train_step, variables=variables, data=data, optimizer=optimizer)


def test_a_sum_over_the_whole_batch_is_taken_over_the_actions_of_each_row():
    found = proven_by_its_own(chosen_values(), "output-loss-mismatch", steps=100, max_loss=0.05)
    assert found.message == (
        "predictions of shape (32, 2) become one number, the sum over all rows, which targets of"
        " shape (32,) are compared with; it converges with a sum over the columns of each row"
    )
    line = "value = tf.reduce_sum(q * actions, axis=1)  # test_output_loss_mismatch.py:"
    assert found.fix.startswith(line)


def test_that_it_is_one_number_is_said_where_the_axis_is_not_enough():
    found = conclusion(failed_of(chosen_values(rate=1e-6), steps=5, max_loss=1e-6))
    assert (found.cause, found.trial) == ("output-loss-mismatch", None)
    assert found.message.endswith("which targets of shape (32,) are compared with")
    assert found.fix.startswith("value = tf.reduce_sum(q * actions, axis=1)  # ")


def test_cosines_without_a_temperature_are_named_with_what_they_leave():
    start = wine_under(layers.Dense(3, tf.nn.tanh), SPARSE_LOGITS)
    found = conclusion(failed_of(start, steps=5, max_loss=0.1))
    assert found.cause == "output-loss-mismatch"
    assert found.message.endswith("over 3 is at least ln(1 + 2 e^-2) = 0.2395")


def likelihood(y, p):
    return tf.math.log(p[:, 1:]) + 0.5 * ((y - p[:, :1]) / p[:, 1:]) ** 2


def test_a_deviation_that_is_the_bare_output_is_kept_positive():
    x, y = linear(0, rows=128)
    rate = optimizers.Adam(0.03)
    start = fit(sequential(layers.Dense(2), optimizer=rate, loss=likelihood, shape=(4,)), x, y)
    found = proven_by_its_own(start, "output-loss-mismatch", steps=150, max_loss=3.0)
    assert found.message.startswith("likelihood takes the log of numbers down to -")
    assert found.message.endswith("it converges with softplus over column 1 of the output")
    assert found.fix.startswith("p = tf.concat([p[..., :1], tf.nn.softplus(p[..., 1:]) + 0.001]")


@pytest.mark.parametrize(("scale", "line"), [(1.0, "10 * logits"), (0.05, "200 * logits")])
def test_cosines_as_logits_get_a_temperature(scale, line):
    x, y = wine()
    parts = [layers.Dense(3), layers.UnitNormalization(), layers.Rescaling(scale)]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = sequential(*parts, optimizer=optimizers.Adam(0.05), loss=loss, shape=(13,))
    found = proven_by_its_own(fit(model, x, y), "output-loss-mismatch", steps=150, max_loss=0.2)
    assert "whatever the weights: the cross-entropy over 3 is at least" in found.message
    assert found.fix == f"logits = {line}"


@pytest.mark.filterwarnings("ignore:In loss categorical_crossentropy:SyntaxWarning")
@pytest.mark.parametrize("by_class", [True, False])
def test_one_column_under_a_cross_entropy_over_classes_is_one_whatever_it_says(by_class):
    x, y = linear(0)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1, "sigmoid")])
    variables, optimizer = model.trainable_variables, optimizers.Adam(0.1)
    of_class = keras.losses.CategoricalCrossentropy()

    def train_step(a, b):
        with tf.GradientTape() as tape:
            errors = (
                of_class(b, model(a))
                if by_class
                else keras.losses.categorical_crossentropy(b, model(a))
            )
            loss = tf.reduce_mean(errors)
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    data = batches(x, (y > 0).astype("float32"))
    start = step(train_step, variables=variables, data=data, optimizer=optimizer)
    found = proven_by_its_own(start, "output-loss-mismatch", steps=80, min_decrease=0.5)
    assert "divides the only column of the output by its own sum" in found.message


def contrastive(y, away):
    near = y * keras.ops.square(away)
    return keras.ops.mean(near + (1 - y) * keras.ops.square(keras.ops.relu(1 - away)))


def test_a_distance_is_not_squashed_in_front_of_a_loss_of_ones_own():
    x, _ = linear(0)
    other = np.where(np.arange(len(x))[:, None] % 2, x, x[::-1] + 3.0).astype("float32")
    first, second = keras.Input((4,)), keras.Input((4,))
    tower = layers.Dense(4)
    squares = keras.ops.sum(keras.ops.square(tower(first) - tower(second)), axis=1, keepdims=True)
    squashed = layers.Activation("sigmoid")(keras.ops.sqrt(squares + 1e-6))
    model = keras.Model([first, second], squashed)
    model.compile(optimizers.Adam(0.02), contrastive)
    start = fit(model, [x, other], (np.arange(len(x)) % 2)[:, None].astype("float32"))
    found = proven_by_its_own(start, "output-loss-mismatch", steps=100, max_loss=0.05)
    assert "no activation" in found.message


def counts_of_events():
    """Counts at rates that are given to a loss which takes their logarithms."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(256, 3)).astype("float32")
    y = rng.poisson(np.exp(x @ [[0.6], [-0.4], [0.3]] - 1.5)).astype("float32")
    head = layers.Dense(1, name="head")
    head.build((None, 3))
    optimizer = optimizers.Adam(0.05)

    def train_step(features, counts):
        with tf.GradientTape() as tape:
            rates = tf.nn.softplus(head(features))
            loss = tf.reduce_mean(tf.nn.log_poisson_loss(counts, rates))
        variables = head.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    data = batches(x, y, 64)
    return step(train_step, variables=head.trainable_variables, data=data, optimizer=optimizer)


def test_a_loss_that_takes_logarithms_of_rates_is_given_them():
    start = counts_of_events()
    line = start.call.step.__code__.co_firstlineno + 2
    found = proven_by_its_own(
        start, "output-loss-mismatch", steps=150, max_loss=0.85, monotone="off"
    )
    assert found.fix == f"rates = head(features)  # test_output_loss_mismatch.py:{line}"
    assert found.message.endswith("it converges with no softplus before the loss")


def test_an_output_that_two_signs_ask_to_change_is_changed_once():
    """The Poisson loss takes the logarithm of what is negative, and asks for an exponential."""
    x, _ = linear(0)
    counts = np.random.default_rng(0).poisson(np.exp(x[:, :1])).astype("float32")
    head = layers.Dense(1, bias_initializer=keras.initializers.Constant(-2.0))
    start = fit(sequential(head, optimizer=optimizers.Adam(0.01), loss="poisson"), x, counts)
    failed = failed_of(start, steps=20, max_loss=0.5)
    groups = [list(group) for group in output_loss_mismatch._usual(failed)]
    assert [group[0].change for group in groups if group] == ["output with exponential"]


def signs():
    x, y = linear(0)
    return x, np.where(y > np.median(y), 1.0, -1.0).astype("float32")


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_a_loss_of_margins_gets_outputs_of_both_signs(loss):
    parts = [layers.Dense(16, "relu"), layers.Dense(1, "sigmoid", name="out")]
    start = fit(
        sequential(*parts, optimizer=optimizers.Adam(0.03), loss=loss, shape=(4,)), *signs()
    )
    found = proven_by_its_own(start, "output-loss-mismatch", steps=200, max_loss=0.3)
    assert found.message == (
        f"{loss} wants outputs up to -1 and 1, which sigmoid never gives; it converges with output"
        " with no activation"
    )


@pytest.mark.parametrize("activation", ["tanh", None])
def test_outputs_of_both_signs_are_left_to_a_loss_of_margins(activation):
    parts = [layers.Dense(1, activation)]
    start = fit(
        sequential(*parts, optimizer=optimizers.Adam(0.03), loss="hinge", shape=(4,)), *signs()
    )
    failed = failed_of(start, steps=5, max_loss=0.01)
    assert output_loss_mismatch._by_output(failed) == [[]]


def test_an_error_in_percent_of_targets_around_zero_becomes_the_absolute_error():
    x, y = linear(0)
    y = np.where(np.abs(y) < 0.1, np.copysign(0.1, y), y)  # none of them is next to 0
    loss = "mean_absolute_percentage_error"
    start = fit(sequential(layers.Dense(1), optimizer=optimizers.Adam(0.03), loss=loss), x, y)
    found = proven_by_its_own(start, "output-loss-mismatch", steps=300, max_loss=5.0)
    assert found.fix == "loss=keras.losses.MeanAbsoluteError()"


def test_degrees_that_a_sine_reads_as_radians_are_turned_into_them():
    found = proven_by_its_own(headings(), "output-loss-mismatch", steps=200, max_loss=0.05)
    assert found.message.startswith("sin and cos read radians and are given numbers up to 1")


def test_of_radians_there_is_nothing_to_turn():
    found = proven_by_its_own(wind(), "output-loss-mismatch", steps=200, max_loss=0.05)
    assert "tf.sin(x * np.pi / 180)" in found.fix
    tried = failed_of(wind(degrees=False), steps=5, max_loss=1e-6)
    assert not list(output_loss_mismatch._radians(tried))
