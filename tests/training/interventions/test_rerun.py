"""The reruns: the failed run again with one thing changed, from the same start."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.diagnosis.causes.unscaled_features import scale_changes
from pytest_converge.training.interventions import (
    direction,
    features,
    initialisers,
    learning_rate,
    outputs,
    rows,
    starts,
    steps,
    targets,
    trainable,
)
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.rerun import Reruns
from tests.diagnosis.programs import failed_of
from tests.zoo.problems import SPARSE, classifier, fit, linear, minimize, sequential, step, wine
from tests.zoo.trainings import quiet, recorded, running

SGD = optimizers.SGD
NOTHING = Intervention(code="unknown", change="nothing")


def network(optimizer=None):
    """A model of one start, apart from the order of batches."""
    parts = [layers.Dense(6, "tanh"), layers.Dropout(0.2), layers.Dense(1)]
    optimizer = optimizer or SGD(0.05, momentum=0.5)
    return fit(sequential(*parts, optimizer=optimizer, loss="mse"), *linear(0, rows=60))


def built():
    return fit(lambda: classifier(SGD(0.1), units=8), *wine())


def reruns_of(start, count=20):
    run = running(start, steps=count)
    first = run.run(0)
    return Reruns(run, 0, quiet), first


def run_of(reruns, change, number=0):
    with reruns.changed(change) as run:
        return run(number)


def test_the_loss_on_other_rows_of_what_was_trained_on_some():
    x = np.ones((40, 1), "float32")
    y = np.repeat([[1.0], [3.0]], 20, axis=0).astype("float32")
    model = sequential(layers.Dense(1, use_bias=False), optimizer=SGD(0.2), loss="mse")
    reruns, _ = reruns_of(fit(model, x, y, batch_size=8), 60)
    first, second = (rows.stretch(b, b + 20, "label-encoding", f"from {b}") for b in (0, 20))
    assert reruns.loss_on_others(first, first) == pytest.approx(0.0, abs=1e-6)
    assert reruns.loss_on_others(first, second) == pytest.approx(4.0, rel=1e-3)
    assert reruns.training.data is reruns.rows


@pytest.mark.parametrize("make", [network, built], ids=["model", "builder"])
def test_nothing_changed_is_the_same_run(make):
    reruns, first = reruns_of(make())
    again = run_of(reruns, NOTHING)
    assert again.curve.batch_loss == pytest.approx(first.curve.batch_loss, rel=1e-6)
    assert again.seed == first.seed


def test_changes_do_not_add_up():
    reruns, first = reruns_of(network())
    for change in (
        learning_rate.scaled(reruns.training, 0.05, 10.0),
        targets.permuted(0),
        outputs.head(reruns.training.model, activation="tanh"),
        starts.elsewhere(0, 1.0),
        steps.more(20, 4),
    ):
        assert run_of(reruns, change).curve.batch_loss != first.curve.batch_loss
    again = run_of(reruns, NOTHING)
    assert again.curve.batch_loss == pytest.approx(first.curve.batch_loss, rel=1e-6)


def test_a_changed_rate_is_what_training_at_that_rate_gives():
    keras.utils.set_random_seed(0)
    reruns, _ = reruns_of(network())
    changed = run_of(reruns, learning_rate.scaled(reruns.training, 0.05, 0.1))
    keras.utils.set_random_seed(0)
    plain = recorded(network(SGD(0.005, momentum=0.5)), steps=20)
    assert changed.curve.learning_rate == pytest.approx([0.005] * 20)
    assert changed.curve.first == pytest.approx(plain.curve.first, rel=1e-5)


def test_a_changed_rate_on_a_closed_form():
    w = tf.Variable(1.0)
    reruns, _ = reruns_of(minimize(lambda: w**2, [w], SGD(0.1)), count=5)
    record = run_of(reruns, learning_rate.scaled(reruns.training, 0.1, 2.0))
    assert record.curve.last == pytest.approx(0.6**10, rel=1e-5)
    reruns.put_back()
    assert float(w) == 1.0


@pytest.mark.parametrize(
    "change",
    [
        lambda reruns: learning_rate.scaled(reruns.training, 0.05, 0.1),
        lambda reruns: direction.reversed_sign(reruns.training, 0.05),
        lambda _: features.standardised((), {"x": [0, 1]}),
        lambda _: targets.standardised(1.0, ("y",)),
        lambda _: targets.permuted(0),
        lambda _: rows.shuffled(0, from_dataset=False),
        lambda _: rows.stretch(0, 30, "label-encoding", "half"),
        lambda _: starts.elsewhere(0, 0.3),
        lambda reruns: initialisers.default_initialisers(
            reruns.training.model, 0, "bad-initialisation"
        ),
    ],
    ids=[
        "rate",
        "sign",
        "features",
        "targets",
        "permuted",
        "order",
        "stretch",
        "elsewhere",
        "initialisers",
    ],
)
def test_nothing_is_traced_again_where_the_graph_is_unchanged(change):
    reruns, first = reruns_of(network(), count=8)
    assert first.traces > 0
    with reruns.changed(change(reruns)) as run:
        assert [run(number).traces for number in range(3)] == [0, 0, 0]


def test_a_changed_graph_is_traced_once_for_all_starts():
    reruns, _ = reruns_of(network(), count=8)
    with reruns.changed(outputs.head(reruns.training.model, activation="tanh")) as run:
        traces = [run(number).traces for number in range(3)]
    assert traces[0] > 0
    assert traces[1:] == [0, 0]


def test_more_steps_go_on_where_the_failed_run_ended():
    reruns, first = reruns_of(network())
    longer = run_of(reruns, steps.more(20, 4))
    assert longer.curve.updates == 80
    assert longer.curve.batch_loss[:20] == pytest.approx(first.curve.batch_loss, rel=1e-5)


def test_other_starts_of_a_builder_have_weights_of_their_own():
    reruns, _ = reruns_of(built())
    with reruns.changed(NOTHING) as run:
        records = [run(number) for number in range(3)]
    assert len({record.curve.first for record in records}) == 3
    assert [record.seed for record in records] == [0, 1, 2]


def test_other_starts_of_a_model_differ_by_the_order_of_batches():
    reruns, _ = reruns_of(network())
    with reruns.changed(NOTHING) as run:
        records = [run(number) for number in range(3)]
    assert len({record.curve.batch_loss for record in records}) == 3


def test_a_run_in_doubt_is_seen_on_the_whole_probe_set():
    x, y = linear(0, rows=1000)
    reruns, _ = reruns_of(fit(sequential(layers.Dense(1), optimizer=SGD(0.01), loss="mse"), x, y))
    slower = Intervention(code="", change="a tenth of the rate", rate_factor=0.1)
    seen = []
    for doubt in (False, True):
        with reruns.changed(slower, doubted=lambda _, doubt=doubt: doubt) as run:
            seen.append([run(number) for number in range(2)])
    for part, whole in zip(*seen, strict=True):
        assert whole.curve.batch_loss == part.curve.batch_loss
        assert part.curve.probe_loss[0] != part.curve.initial_loss
        assert whole.curve.probe_loss[0] == whole.curve.initial_loss


def test_the_start_is_put_back_after_an_error():
    reruns, first = reruns_of(network())

    def fail(data):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run_of(reruns, Intervention(code="unknown", change="fails", data=fail))
    reruns.put_back()
    again = run_of(reruns, NOTHING)
    assert again.curve.batch_loss == pytest.approx(first.curve.batch_loss, rel=1e-6)


def test_the_model_is_put_back_after_an_error():
    reruns, _ = reruns_of(network())
    head = outputs.head(reruns.training.model, activation="tanh")
    with pytest.raises(RuntimeError, match="stop"), reruns.changed(head):
        raise RuntimeError("stop")
    assert reruns.training.model.layers[-1].activation is keras.activations.linear


# ---- what is never standardised -----------------------------------------------------------------


def tokens_beside_numbers():
    rng = np.random.default_rng(0)
    words, number = keras.Input((5,), name="words"), keras.Input((2,), name="number")
    h = layers.GlobalAveragePooling1D()(layers.Embedding(900, 3)(words))
    h = layers.Concatenate()([h, layers.Dense(2)(number)])
    model = keras.Model({"words": words, "number": number}, layers.Dense(1)(h))
    model.compile(SGD(1e-9), "mse")
    x = {
        "words": rng.integers(0, 900, (64, 5)).astype("float32"),
        "number": (5000 + 900 * rng.normal(size=(64, 2))).astype("float32"),
    }
    return fit(model, x, rng.normal(size=(64, 1)).astype("float32"))


def one_hot_beside_a_wild_column():
    rng = np.random.default_rng(0)
    x = np.concatenate([np.eye(3)[rng.integers(0, 3, 64)], 4e4 * rng.normal(size=(64, 1))], axis=1)
    model = sequential(layers.Dense(1), optimizer=SGD(1e-12), loss="mse")
    return fit(model, x.astype("float32"), rng.normal(size=(64, 1)).astype("float32"))


def scaled_data(start):
    failed = failed_of(start, steps=5)
    (change,) = scale_changes(failed)
    rows = failed.reruns.rows
    return rows.arrays[0], change.data(rows).arrays[0]


def test_tokens_are_never_standardised():
    before, after = scaled_data(tokens_beside_numbers())
    np.testing.assert_array_equal(after["words"], before["words"])
    assert abs(after["number"].mean()) < 1e-3
    assert after["number"].std() == pytest.approx(1.0, rel=1e-3)


def test_one_hot_columns_are_never_standardised():
    before, after = scaled_data(one_hot_beside_a_wild_column())
    np.testing.assert_array_equal(after[:, :3], before[:, :3])
    assert after[:, 3].std() == pytest.approx(1.0, rel=1e-3)


def test_class_labels_are_never_standardised():
    x, y = wine()
    model = sequential(layers.Dense(60, "softmax"), optimizer=SGD(0.1), loss=SPARSE)
    assert scale_changes(failed_of(fit(model, x, 25 * y), steps=5)) == []


# ---- what was frozen ----------------------------------------------------------------------------


@pytest.mark.parametrize("before_it_is_built", [True, False])
def test_what_was_frozen_is_trained_whenever_it_was_frozen(before_it_is_built):
    """Keras makes the variables of a layer that is frozen at birth so that no tape watches them."""
    hidden = layers.Dense(6, "tanh", trainable=not before_it_is_built)
    model = sequential(hidden, layers.Dense(1), optimizer=SGD(0.1), loss="mse")
    if not before_it_is_built:
        model.build((None, 4))
        hidden.trainable = False
        model.compile(SGD(0.1), "mse")
    reruns, first = reruns_of(fit(model, *linear(0, rows=60)))
    before = hidden.kernel.numpy()
    change = trainable.all_layers(model)
    with reruns.changed(change) as run:
        record = run(0)
        moved = np.abs(hidden.kernel.numpy() - before).max()
    assert moved > 1e-3
    assert record.curve.last < first.curve.last
    np.testing.assert_array_equal(hidden.kernel.numpy(), before)
    assert not hidden.trainable


def test_what_never_moved_and_how_many_updates_were_made_is_told():
    w, b = tf.Variable(1.0, name="w"), tf.Variable(1.0, name="b")
    calls, optimizer = tf.Variable(0), optimizers.SGD(0.1)

    @tf.function
    def train_step():
        calls.assign_add(1)
        with tf.GradientTape() as tape:
            loss = w**2 + 0.0 * b
        slopes = tape.gradient(loss, [w, b])
        if calls % 2 == 0:
            optimizer.apply_gradients(zip(slopes, [w, b], strict=True))
        return loss

    run = running(step(train_step, variables=[w, b], optimizer=optimizer), steps=10)
    run.run(0)
    reruns = Reruns(run, 0, quiet)
    assert (reruns.unmoved, reruns.updates) == (("b",), 5)
