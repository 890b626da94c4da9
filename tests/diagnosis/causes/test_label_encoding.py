"""Labels that the loss cannot read: out of range, of another shape, of two mappings."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.diagnosis.causes import label_encoding
from pytest_converge.training.interventions import rows, targets
from tests.diagnosis.programs import diagnosis_of, failed_of, proven_by_its_own, result_of
from tests.training.measures.steps import batches
from tests.zoo.problems import BINARY, SPARSE, fit, linear, minimize, moons, sequential, step

SGD = optimizers.SGD


def logistic(y, loss=BINARY, *, rows=200, **options):
    x, _ = linear(0, rows=rows)
    model = sequential(
        layers.Dense(1, "sigmoid"), optimizer=optimizers.Adam(0.05), loss=loss, shape=(4,)
    )
    return fit(model, x, np.asarray(y, "float32"), **options)


def signs(rows=200):
    x, _ = linear(0, rows=rows)
    return (x[:, :1] > 0).astype("float32")


def test_counts_where_probabilities_are_read():
    failed = failed_of(logistic(3 * signs() * signs()[::-1] + signs()), steps=5)
    assert label_encoding.out_of_range(failed) == (
        "the targets hold values from 0 to 4, where binary_crossentropy reads probabilities"
    )
    assert label_encoding._into_range(failed)


def test_labels_under_another_loss_may_hold_anything():
    failed = failed_of(logistic(9 * signs(), "mse"), steps=5)
    assert label_encoding.out_of_range(failed) == ""
    assert not label_encoding._into_range(failed)


def test_rows_that_do_not_count_may_hold_anything():
    y, unknown = signs(), np.arange(200) % 5 == 0
    y[unknown] = -1
    failed = failed_of(logistic(y, sample_weight=1.0 - unknown), steps=5)
    assert label_encoding.out_of_range(failed) == ""


def test_labels_out_of_range_are_the_cause_also_where_no_repair_passes():
    rng = np.random.default_rng(0)
    found = diagnosis_of(logistic(rng.uniform(-3, 5, (200, 1))), steps=40, max_loss=0.01)
    assert (found.cause, found.proven) == ("label-encoding", False)
    assert "values from -2.98" in found.message
    rates = [t.change for t in found.tried if t.change.startswith("learning rate")]
    assert not rates  # of a loss without a bottom


def broadcasting(rows, *, column):
    x, y = linear(0, rows=rows)
    targets, w = tf.constant(y if column else y[:, 0]), tf.Variable(tf.zeros((4, 1)))
    return minimize(lambda: tf.reduce_mean((x @ w - targets) ** 2), [w], SGD(0.1))


def test_a_row_less_a_column_is_a_matrix():
    start = broadcasting(60, column=False)
    found = proven_by_its_own(start, "label-encoding", steps=50, max_loss=0.1)
    assert "(60, 1)" in found.message
    assert "(60,)" in found.message
    assert found.fix == "targets = targets[:, None]"


def test_where_nobody_knows_the_array_the_shape_is_told_all_the_same():
    x, y = linear(0, rows=60)
    held, w = {"y": tf.constant(y[:, 0])}, tf.Variable(tf.zeros((4, 1)))
    start = minimize(lambda: tf.reduce_mean((x @ w - held["y"]) ** 2), [w], SGD(0.1))
    found = diagnosis_of(start, steps=50, max_loss=0.1)
    assert (found.cause, found.proven) == ("label-encoding", False)
    assert "reshape" in found.fix


@pytest.mark.parametrize("targets", ["column", "row"])
def test_the_values_of_one_action_a_row(targets):
    rng = np.random.default_rng(0)
    x, chosen = rng.normal(size=(256, 4)).astype("float32"), rng.integers(0, 3, 256)
    y = (x[:, :3] * [1, -2, 3])[np.arange(256), chosen].astype("float32")
    y = y[:, None] if targets == "column" else y
    model = sequential(layers.Dense(3), optimizer=SGD(0.1), loss="mse", shape=(4,))
    variables = model.trainable_variables
    optimizer = optimizers.Adam(0.03)

    def one(states, actions, rewards):
        with tf.GradientTape() as tape:
            taken = tf.gather(model(states), actions, axis=1)
            loss = tf.reduce_mean((taken - rewards) ** 2)
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    data = tf.data.Dataset.from_tensor_slices((x, chosen, y)).batch(64)
    start = step(one, variables=variables, data=data, optimizer=optimizer)
    found = proven_by_its_own(start, "label-encoding", steps=300, max_loss=0.3)
    assert "(64, 64)" in found.message
    assert "batch_dims=1" in found.fix


def test_a_column_less_a_column_is_none():
    failed = failed_of(broadcasting(60, column=True), max_loss=1e-9)
    assert label_encoding._unreadable(failed) is None


def numbered_twice(rows=400, *, twice):
    """Four corners; the second half of the rows may number them from another one on."""
    rng = np.random.default_rng(0)
    corner = rng.integers(0, 4, rows)
    x = np.stack([corner % 2, corner // 2], axis=1) * 4.0 - 2 + 0.3 * rng.normal(size=(rows, 2))
    y = corner.copy()
    if twice:
        y[rows // 2 :] = (y[rows // 2 :] + 1) % 4
    parts = [layers.Dense(16, "relu"), layers.Dense(4, "softmax")]
    model = sequential(*parts, optimizer=optimizers.Adam(0.05), loss=SPARSE)
    return fit(model, x.astype("float32"), y)


def test_two_files_with_two_numberings():
    start = numbered_twice(twice=True)
    found = proven_by_its_own(start, "label-encoding", steps=80, max_loss=0.3)
    assert found.fix == "y[:200] = np.array([1, 2, 3, 0])[y[:200].astype(int)]"
    assert "class 0 there looks like class 1 of the other rows" in found.message


def test_halves_that_are_learnt_alone_disagree():
    failed = failed_of(numbered_twice(twice=True), steps=80, max_loss=0.3)
    answer = label_encoding._two_encodings(failed)
    assert "each half" in answer.message
    changes = [trial.change for trial in failed.trials.done.values() if trial.verified]
    assert changes == ["first half of the rows alone", "second half of the rows alone"]
    assert answer.trial is None  # half of the rows is no repair


def test_halves_that_do_not_train_either_are_no_proof():
    failed = failed_of(numbered_twice(twice=False), steps=5, max_loss=1e-9)
    assert label_encoding._two_encodings(failed) is None


def test_halves_of_sorted_targets_differ_less_and_are_not_learnt():
    x, y = linear(0, rows=600)
    model = sequential(layers.Dense(1), optimizer=optimizers.Adam(0.02), loss="mse")
    failed = failed_of(fit(model, x, np.sort(y, axis=0)), steps=100, max_loss=0.4 * np.var(y))
    assert label_encoding._two_encodings(failed) is None
    assert all(trial.verified for trial in failed.trials.done.values())


def test_few_rows_are_learnt_by_heart():
    failed = failed_of(numbered_twice(150, twice=True), steps=60, max_loss=0.3)
    assert label_encoding._two_encodings(failed) is None
    assert failed.trials.done == {}


def halves(count):
    middle = count // 2
    ends = ((0, middle), (middle, count))
    return [rows.stretch(*pair, "label-encoding", f"half {pair}") for pair in ends]


@pytest.mark.parametrize("swapped", [False, True])
def test_a_half_of_other_labels_is_a_stranger_to_the_other(swapped):
    y = signs(400)
    if swapped:
        y[200:] = 1 - y[200:]
    failed = failed_of(logistic(y, rows=400), steps=150)
    assert label_encoding._strangers(failed, *halves(400)) is swapped


def test_halves_learnt_by_heart_are_no_strangers():
    """Labels in any order carry over to no row, neither of the other half nor of their own."""
    x, _ = linear(0, rows=240)
    y = np.random.default_rng(0).permutation(signs(240))
    parts = [layers.Dense(128, "relu"), layers.Dense(1, "sigmoid")]
    model = sequential(*parts, optimizer=optimizers.Adam(0.02), loss=BINARY, shape=(4,))
    failed = failed_of(fit(model, x, y), steps=150)
    assert not label_encoding._strangers(failed, *halves(240))


def thresholds():
    """Four outputs that are 1 above a threshold each, in a step of one's own on a stream."""
    x, _ = linear(0, rows=256)
    grade = np.digitize(x[:, :1], [-1, -0.3, 0.3, 1]).astype("float32")
    model = keras.Sequential([keras.Input((4,)), layers.Dense(4, "sigmoid")])
    optimizer, variables = optimizers.Adam(0.1), model.trainable_variables

    def train_step(features, targets):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(features, training=True) - targets) ** 2)
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    data = batches(x, grade, 64)
    return step(train_step, variables=variables, data=data, optimizer=optimizer)


def test_grades_become_a_flag_an_output():
    found = proven_by_its_own(thresholds(), "label-encoding", steps=100, max_loss=0.1)
    assert found.fix == 'y = (y > np.arange(4)).astype("float32")'
    assert found.message == (
        "targets of shape (64, 1) broadcast against outputs of (64, 4);"
        " it converges with y as 4 flags, above 0 to above 3"
    )


def labels_from_one():
    x, y = moons(0)
    model = sequential(layers.Dense(1, "sigmoid"), optimizer=optimizers.Adam(0.05), loss=BINARY)
    return fit(model, x, y + 1)


def test_labels_that_start_at_one():
    proven_by_its_own(labels_from_one(), "label-encoding", steps=100, max_loss=0.4)


def of_changing_length(x, y):
    """Batches with an axis of another length each, which no array holds."""

    def made():
        for number in itertools.count():
            rows = slice(16 * (number % 4), 16 * (number % 4) + 16)
            yield np.repeat(x[rows, None], 1 + number % 3, axis=1), y[rows]

    kinds = (tf.TensorSpec((None, None, 4)), tf.TensorSpec((None,)))
    return tf.data.Dataset.from_generator(made, output_signature=kinds)


@pytest.mark.parametrize("data_of", [batches, of_changing_length], ids=["in memory", "stream"])
def test_targets_of_a_step_get_the_shape_of_the_predictions(data_of):
    x, y = linear(0, rows=64)
    w, optimizer = tf.Variable(tf.zeros((4, 1)), name="w"), optimizers.Adam(0.1)

    def train_step(features, targets):
        with tf.GradientTape() as tape:
            means = features if features.shape.rank == 2 else tf.reduce_mean(features, axis=1)
            loss = tf.reduce_mean((means @ w - targets) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    start = step(train_step, variables=[w], data=data_of(x, y[:, 0]), optimizer=optimizer)
    found = proven_by_its_own(start, "label-encoding", steps=150, max_loss=0.1)
    changed = "lambda features, targets: (features, targets[:, None])"
    assert found.fix == f"data = data.map({changed})"
    assert "which broadcasts to a matrix of all pairs" in found.message


def towers(y):
    """Two inputs of one shape, and a similarity of them where the loss reads a distance."""

    def contrastive(same, distance):
        ops = keras.ops
        far = ops.square(ops.maximum(1 - distance, 0))
        return ops.mean(same * ops.square(distance) + (1 - same) * far)

    rng = np.random.default_rng(0)
    centres = 2 * rng.normal(size=(6, 5))
    first, second = rng.integers(0, 6, 512), rng.integers(0, 6, 512)
    second = np.where(rng.random(512) < 0.4, first, second)
    x = [
        (centres[who] + 0.2 * rng.normal(size=(512, 5))).astype("float32")
        for who in (first, second)
    ]
    tower = keras.Sequential([keras.Input((5,)), layers.Dense(8)])
    inputs = [keras.Input((5,)), keras.Input((5,))]
    away = keras.ops.sum(keras.ops.abs(tower(inputs[0]) - tower(inputs[1])), axis=1, keepdims=True)
    model = keras.Model(inputs, keras.ops.exp(-away))
    model.compile(optimizers.Adam(0.01), contrastive)
    return fit(model, x, y(first == second)[:, None])


def test_a_similarity_under_a_loss_of_distances_wants_the_labels_the_other_way_round():
    start = towers(lambda same: same.astype("float32"))
    found = proven_by_its_own(start, "label-encoding", steps=200, max_loss=0.08)
    assert found.fix == "y = 1 - y"
    assert "the other way round, as a distance for a similarity" in found.message
    (other,) = [t for t in found.tried if "{-1, 1}" in t.change]
    assert not other.passed


def test_truth_values_hold_no_label_below_zero():
    change = targets.relabelled((0.0, 1.0), (-1.0, 1.0))
    failed = failed_of(towers(lambda same: same), steps=2)
    (_, y) = change.data(failed.reruns.rows).arrays
    assert set(np.unique(y)) == {-1.0, 1.0}


HELD, _ = linear(0, rows=200)
FLAGS = (HELD[:, 0] > HELD[:, 1]).astype("float32")


def by_closure():
    w, labels = tf.Variable(tf.zeros(4)), FLAGS

    def hinge():
        return tf.reduce_mean(tf.nn.relu(1.0 - labels * tf.linalg.matvec(HELD, w)))

    return minimize(hinge, [w], SGD(0.3))


def by_step():
    w, answers = tf.Variable(tf.zeros((4, 1))), tf.constant(FLAGS)
    optimizer = SGD(0.5)

    def train():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.math.softplus(-answers[:, None] * (HELD @ w)))
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    return step(train, variables=[w], optimizer=optimizer)


@pytest.mark.parametrize(
    ("start", "name"), [(by_closure, "labels"), (by_step, "answers")], ids=["hinge", "softplus"]
)
def test_labels_in_a_closure_are_looked_at_like_targets(start, name):
    found = proven_by_its_own(start(), "label-encoding", steps=60, max_loss=0.35)
    assert found.fix.startswith(f"{name} = np.where({name} == 0, -1, 1)")
    assert "labels {-1, 1} instead of {0, 1}" in found.message


def test_a_mask_in_a_closure_is_no_label():
    w, counts = tf.Variable(tf.zeros(4)), FLAGS
    far = np.random.default_rng(0).normal(size=200).astype("float32")

    def masked():
        return tf.reduce_mean(counts * (tf.linalg.matvec(HELD, w) - far) ** 2)

    failed = failed_of(minimize(masked, [w], SGD(0.1)), steps=60, max_loss=0.1)
    assert label_encoding._held(failed) is None
    assert not any(t.verified and not t.control for t in failed.trials.done.values())


def margins(labels, *, weighed=None, rate=0.05):
    """A linear classifier by its margins, in a step of one's own: labels, and weights of rows."""
    x, _ = linear(0, rows=200)
    w, b, optimizer = tf.Variable(tf.zeros((4, 1))), tf.Variable(0.0), SGD(rate)

    def train_step(features, y, weights=None):
        with tf.GradientTape() as tape:
            errors = tf.maximum(0.0, 1.0 - y * (features @ w + b))
            weights = 1.0 if weights is None else weights[:, None]
            loss = tf.reduce_mean(weights * errors) + 1e-3 * tf.reduce_sum(w**2)
        optimizer.apply(tape.gradient(loss, [w, b]), [w, b])
        return loss

    parts = (x, labels) if weighed is None else (x, labels, weighed)
    data = tf.data.Dataset.from_tensor_slices(parts).shuffle(200, seed=0).batch(50)
    return step(train_step, variables=[w, b], data=data, optimizer=optimizer)


def test_labels_in_the_batches_of_a_step_as_another_pair_of_values():
    found = proven_by_its_own(margins(signs()), "label-encoding", steps=150, max_loss=0.3)
    changed = "(features, tf.cast(tf.where(y == 0, -1, 1), 'float32'))"
    assert found.fix.startswith(f"data = data.map(lambda features, y: {changed})  # labels ")
    assert "y: labels {-1, 1} instead of {0, 1}" in found.message


class Margins(keras.Model):
    """A model whose `train_step` compares its outputs with labels -1 and 1."""

    def __init__(self):
        super().__init__()
        self.layer = layers.Dense(1)

    def call(self, inputs):
        return self.layer(inputs)

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.maximum(0.0, 1.0 - tf.cast(y, tf.float32) * self(x)))
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return {"loss": loss}


def test_truth_values_in_the_batches_of_a_train_step():
    model, (x, _) = Margins(), linear(0, rows=200)
    model(x[:1])
    model.compile(SGD(0.1))
    start = fit(model, x, signs() > 0)
    found = proven_by_its_own(start, "label-encoding", steps=150, max_loss=0.2)
    assert "y: labels {-1, 1} instead of {0, 1}" in found.message


def test_labels_in_batches_that_no_array_holds():
    def made():
        x, y = linear(0, rows=200)[0], signs()
        for number in itertools.count():
            rows = np.arange(30 * number, 30 * number + 30 + number % 3) % 200
            yield x[rows], y[rows]

    kinds = (tf.TensorSpec((None, 4)), tf.TensorSpec((None, 1)))
    start = margins(signs())
    start.arguments["data"] = tf.data.Dataset.from_generator(made, output_signature=kinds)
    proven_by_its_own(start, "label-encoding", steps=150, max_loss=0.3)


def survival(kind, *, rate=0.05):
    """Times until an event that not all rows have reached, and flags that tell which have."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(256, 3)).astype("float32")
    until = rng.exponential(np.exp(-(1.0 + x @ [1.0, -1.0, 0.5])))
    end = rng.exponential(1.5, size=256)
    event, times = until <= end, np.minimum(until, end).astype("float32")
    w, b, optimizer = tf.Variable(tf.zeros((3, 1))), tf.Variable(0.0), SGD(rate)

    def train_step(features, time, event):
        with tf.GradientTape() as tape:
            h = tf.squeeze(features @ w + b, 1)
            loss = tf.reduce_mean(tf.exp(h) * time - event * h)
        optimizer.apply(tape.gradient(loss, [w, b]), [w, b])
        return loss

    data = (x, times, (~event if kind == "censored" else event).astype("float32"))
    return step(train_step, variables=[w, b], data=data, optimizer=optimizer)


def test_a_flag_of_a_step_that_means_the_opposite():
    found = proven_by_its_own(survival("censored"), "label-encoding", steps=300, max_loss=-0.2)
    assert found.fix == "sample_weight = 1 - sample_weight"


def never_by_two_values(start, **expectation):
    failed = failed_of(start, **expectation)
    assert label_encoding._in_the_batch(failed) is None
    assert not any(t.verified and not t.control for t in failed.trials.done.values())


def known_rows(known):
    """Targets of some rows, which a mask tells; those of the others are written as 0."""
    x, y = linear(0, rows=200)
    y, w = y * known, tf.Variable(tf.zeros((4, 1)))
    optimizer = SGD(1e-3)

    def train_step(features, targets, mask):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(mask * (features @ w - targets) ** 2)
        optimizer.apply([tape.gradient(loss, w)], [w])
        return loss

    return step(train_step, variables=[w], data=(x, y, known), optimizer=optimizer)


def likelihood(y, *, rate=0.01):
    """A step with a cross-entropy of one's own, which no other pair of values suits."""
    x, _ = linear(0, rows=200)
    w, optimizer = tf.Variable(tf.zeros((4, 1))), SGD(rate)

    def train_step(features, y):
        with tf.GradientTape() as tape:
            p = tf.sigmoid(features @ w)
            loss = -tf.reduce_mean(y * tf.math.log(p) + (1.0 - y) * tf.math.log(1.0 - p))
        optimizer.apply([tape.gradient(loss, w)], [w])
        return loss

    return step(train_step, variables=[w], data=(x, y), optimizer=optimizer)


def squares(y):
    """A linear model of two values that wants more steps: in other units its loss is smaller."""
    x, _ = linear(0, rows=200)
    w, optimizer = tf.Variable(tf.zeros((4, 1))), SGD(5e-3)

    def train_step(features, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((features @ w - y) ** 2)
        optimizer.apply([tape.gradient(loss, w)], [w])
        return loss

    return step(train_step, variables=[w], data=(x, y), optimizer=optimizer)


@pytest.mark.parametrize(
    ("start", "bound"),
    [
        (lambda: margins(2 * signs() - 1, rate=1e-3), 0.5),
        (lambda: survival("event", rate=1e-3), -0.2),
        (lambda: survival("event"), -0.5),
        (lambda: known_rows(signs()), 0.05),
        (lambda: margins(2 * signs() - 1, weighed=1 + 9 * signs()[:, 0], rate=1e-3), 1.5),
        (lambda: likelihood(signs()), 0.45),
        (lambda: squares(2 * signs() - 1), 0.2),
    ],
    ids=["hinge", "survival", "out of reach", "mask", "weights", "cross-entropy", "squares"],
)
def test_labels_of_a_step_with_another_fault_are_left_alone(start, bound):
    never_by_two_values(start(), steps=100, max_loss=bound)


def test_labels_of_a_step_that_are_learnt_by_heart_are_none():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 40)).astype("float32")
    y = rng.integers(0, 2, (20, 1)).astype("float32")
    w, optimizer = tf.Variable(tf.zeros((40, 1))), SGD(0.5)

    def train_step(features, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.math.softplus(-y * (features @ w)))
        optimizer.apply([tape.gradient(loss, w)], [w])
        return loss

    start = step(train_step, variables=[w], data=(x, y), optimizer=optimizer)
    never_by_two_values(start, steps=100, max_loss=0.1)


def two_heads(flags):
    x, _ = linear(0, rows=200)
    inputs = keras.Input((4,))
    heads = {
        "sick": layers.Dense(1, "sigmoid", name="sick")(inputs),
        "age": layers.Dense(1, name="age")(inputs),
    }
    model = keras.Model(inputs, heads)
    model.compile(optimizers.Adam(0.05), {"sick": BINARY, "age": "mse"})
    return fit(model, x, {"sick": flags, "age": x[:, 1:2]})


def test_each_of_several_outputs_has_its_own_labels():
    failed = failed_of(two_heads(2.0 - signs()), steps=10)
    assert label_encoding.out_of_range(failed) == (
        "y['sick'] holds values from 1 to 2, where binary_crossentropy reads probabilities"
    )
    (change,) = label_encoding._into_range(failed)
    assert change.fix.startswith("y['sick'] = np.where(y['sick'] == 1, 0, 1)")
    changed = change.data(failed.reruns.rows).arrays[1]
    assert set(np.unique(changed["sick"])) == {0.0, 1.0}
    np.testing.assert_array_equal(changed["age"], failed.reruns.rows.arrays[1]["age"])


def test_labels_of_one_of_several_outputs_are_put_into_range():
    flags = np.where(signs() > 0, 1.0, -1.0)
    found = proven_by_its_own(two_heads(flags), "label-encoding", steps=150, min_skill=0.6)
    assert found.where == ("y['sick']",)


@pytest.mark.parametrize(
    ("told", "line"),
    [("column", "y[x[:, 4] == 1] = 1 - y[x[:, 4] == 1]"), ("place", "y[:")],
)
def test_two_annotators_mean_opposite_things(told, line):
    x, _ = linear(0, rows=200)
    y = (x[:, :1] + x[:, 1:2] > 0).astype("float32")
    other = np.arange(200) % 3 == 0 if told == "column" else np.arange(200) < 80
    y[other] = 1 - y[other]
    x = np.column_stack([x, np.arange(200) % 3 == 0]).astype("float32")
    layer = layers.Dense(1, "sigmoid")
    model = sequential(layer, optimizer=optimizers.Adam(0.1), loss=BINARY, shape=(5,))
    found = proven_by_its_own(fit(model, x, y), "label-encoding", steps=100, max_loss=0.4)
    assert found.fix.startswith(line)
    assert "the labels are the other way round" in found.message


@pytest.mark.parametrize("clipped", [False, True])
def test_a_step_reads_labels_that_are_no_probabilities(clipped):
    x, _ = linear(0, rows=200)
    y = (1 + (x.sum(axis=1, keepdims=True) > 0)).astype("float32")
    w, b = tf.Variable(tf.zeros((4, 1))), tf.Variable([0.0])
    optimizer = optimizers.SGD(0.5, clipnorm=1e-5 if clipped else None)

    def one(a, labels):
        with tf.GradientTape() as tape:
            errors = tf.nn.sigmoid_cross_entropy_with_logits(labels, a @ w + b)
            loss = tf.reduce_mean(errors)
        optimizer.apply(tape.gradient(loss, [w, b]), [w, b])
        return loss

    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(50)
    start = step(one, variables=[w, b], data=data, optimizer=optimizer)
    # Without its clip it falls below any bound, however little it learns.
    found = diagnosis_of(start, steps=100, max_loss=0.3)
    codes = [cause.cause for cause in found.causes]
    assert codes == ["label-encoding", *(["learning-rate-too-low"] if clipped else [])]
    assert "instead of {1, 2}" in found.fix


def test_a_loss_that_closes_over_such_labels_has_no_bottom():
    x, _ = linear(0, rows=200)
    y = tf.constant(1 + (x.sum(axis=1, keepdims=True) > 0), tf.float32)
    w, b = tf.Variable(tf.zeros((4, 1))), tf.Variable(0.0)

    def loss():
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(y, x @ w + b))

    start = minimize(loss, [w, b], SGD(0.5))
    result = result_of(start, steps=100, max_loss=0.3)
    assert [finding.code for finding in result.findings if finding.fails] == ["negative-loss"]
    assert result.diagnosis.cause == "label-encoding"


def of_pairs(labels, p):
    """Pulls rows of one label together, and pushes the others a distance apart."""
    gaps = tf.reduce_sum((p[:, None] - p[None]) ** 2, axis=-1)
    same = tf.cast(labels[:, None] == labels[None], tf.float32)
    return tf.reduce_mean(same * gaps + (1 - same) * tf.nn.relu(1.0 - gaps))


def embedded(loss):
    x, y = moons(0)
    parts = [layers.Dense(16, "tanh"), layers.Dense(4)]
    model = sequential(*parts, optimizer=optimizers.Adam(0.02), loss=loss, shape=(2,))
    return fit(model, x, np.reshape(y, (-1, 1)).astype("float32"), batch_size=32)


def test_a_column_of_labels_whose_pairs_are_compared_becomes_a_row():
    found = proven_by_its_own(embedded(of_pairs), "label-encoding", steps=200, max_loss=0.25)
    assert "labels of shape (n, 1) that are compared with each other have shape (32, 32, 1)" in (
        found.message
    )
    assert found.fix == "y = y[:, 0]"


@pytest.mark.parametrize("row", [lambda y: y[:, 0], tf.squeeze])
def test_labels_that_the_loss_makes_a_row_of_are_left_alone(row):
    failed = failed_of(embedded(lambda y, p: of_pairs(row(y), p)), steps=5, max_loss=1e-6)
    assert failed.evidence.computation.paired is None
