"""Interventions: each changes exactly what it names, and is taken back."""

from __future__ import annotations

import pkgutil
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers
from sklearn.utils.class_weight import compute_class_weight

from pytest_converge.training import interventions
from pytest_converge.training.interventions import class_weights as weighted_classes
from pytest_converge.training.interventions import (
    features,
    finite_gradients,
    hidden,
    labels,
    learning_rate,
    outputs,
    regularisation,
    rows,
    starts,
    steps,
    targets,
    trainable,
    width,
)
from pytest_converge.training.interventions import (
    optimizers as changed_optimizers,
)
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.rerun import Laboratory
from pytest_converge.training.loop import run as run_module
from pytest_converge.training.state.snapshot import as_tf_variable
from tests.checks.curves import record_of
from tests.zoo.problems import BINARY, SPARSE, fit, linear, minimize, sequential, wine
from tests.zoo.trainings import quiet, running

STEPS = 5
SGD = optimizers.SGD


def everything_of(training):
    """What a training consists of, part by part."""
    parts = {}
    (observed,) = training.optimizers
    optimizer = observed.optimizer
    if isinstance(optimizer, keras.optimizers.Optimizer):
        config = optimizer.get_config()
        del config["name"], config["learning_rate"]
        parts["optimizer"] = (type(optimizer).__name__, repr(sorted(config.items())))
        parts["rate"] = round(float(optimizer.learning_rate), 7)
    data = training.data
    if data is not None:
        for name, array in zip(("x", "y", "row weights"), (*data.arrays, None), strict=False):
            listed = None if array is None else (str(array.dtype), array.tolist())
            parts[name] = listed
        parts["order"] = data.order.tolist()
    model = getattr(training, "model", None)
    if model is None:
        parts["weights"] = [v.numpy().tolist() for v in training.trainable]
        parts["trained"] = len(training.trainable)
        return parts
    parts["weights"] = [v.numpy().tolist() for v in model.weights]
    smoothing = getattr(model.loss, "_fn_kwargs", {}).get("label_smoothing")
    parts["smoothing"] = smoothing or 0.0
    parts["thresholds"] = [
        (x.max_value, float(x.threshold)) for x in model.layers if isinstance(x, layers.ReLU)
    ]
    parts["stops"] = tf.stop_gradient.__name__
    parts["added"] = ["add_loss" in vars(layer) for layer in model.layers]
    parts["loss"] = model.loss if isinstance(model.loss, str) else type(model.loss).__name__
    parts["trained"] = [v.trainable for v in model.weights]
    parts["layers"] = [type(layer).__name__ for layer in model.layers]
    parts["sizes"] = [getattr(layer, "units", None) for layer in model.layers]
    parts["activations"] = [
        getattr(getattr(x, "activation", None), "__name__", None) for x in model.layers
    ]
    parts["penalties"] = [type(getattr(v, "regularizer", None)) for v in model.weights]
    parts["penalties"] += [type(getattr(x, "activity_regularizer", None)) for x in model.layers]
    parts["constraints"] = [type(getattr(v, "constraint", None)) for v in model.weights]
    parts["dropout"] = [getattr(layer, "rate", None) for layer in model.layers]
    return parts


@pytest.fixture
def parts_during(monkeypatch):
    """(parts before, while each start of a change would be trained, afterwards); none is."""
    seen = []

    def run(self, seed, **_):
        seen.append({**everything_of(self.training), "steps": self.steps})
        return record_of([1.0, 0.5])

    def observe(start, make, seeds=1):
        lab = Laboratory(running(start, steps=STEPS), 0, quiet)
        before = {**everything_of(lab.training), "steps": STEPS}
        change = make(lab)
        monkeypatch.setattr(run_module.TrainingRun, "run", run)
        with lab.changed(change) as begin:
            for number in range(seeds):
                begin(number)
        return before, seen, {**everything_of(lab.training), "steps": STEPS}

    return observe


def differing(one, other):
    """Compared as they are written, as NaN equals itself there."""
    return {name for name in one if repr(one[name]) != repr(other[name])}


# ---- trainings to change ------------------------------------------------------------------------


def burdened(optimizer=None, loss="mse"):
    """A model with something in it for every change."""
    parts = [
        layers.Dense(
            4,
            "tanh",
            kernel_regularizer="l2",
            activity_regularizer="l1",
            kernel_constraint=keras.constraints.MaxNorm(1.0),
            kernel_initializer="ones",
        ),
        layers.Dropout(0.4),
        layers.Dense(1, "tanh"),
    ]
    optimizer = optimizer or SGD(0.1, momentum=0.97)
    return sequential(*parts, optimizer=optimizer, loss=loss, shape=(4,))


def regression(optimizer=None, **options):
    return fit(burdened(optimizer), *linear(0, rows=20), batch_size=8, **options)


def frozen():
    start = regression()
    model = start.arguments["model"]
    model.layers[0].trainable = False
    model.compile(SGD(0.1), "mse")
    return start


def binary(labels=(0.0, 1.0)):
    x, y = linear(0, rows=20)
    model = sequential(layers.Dense(1), optimizer=SGD(0.1), loss=BINARY, shape=(4,))
    return fit(model, x, np.where(y > 0, labels[1], labels[0]).astype("float32"), batch_size=8)


def classes():
    x, y = wine()
    model = sequential(layers.Dense(3, "softmax"), optimizer=SGD(0.1), loss="mse", shape=(13,))
    return fit(model, x[::9], y[::9, None], batch_size=8)


def missing():
    x, y = linear(0, rows=20)
    x[2, 1] = np.nan
    model = sequential(layers.Dense(1), optimizer=SGD(0.1), loss="mse", shape=(4,))
    return fit(model, x, y, batch_size=8)


def emptied():
    """A column of NaN, and another value missing in one row."""
    x, y = linear(0, rows=20)
    x[:, 3] = x[2, 1] = np.nan
    model = sequential(layers.Dense(1), optimizer=SGD(0.1), loss="mse", shape=(4,))
    return fit(model, x, y, batch_size=8)


def smoothed():
    loss = keras.losses.BinaryCrossentropy(label_smoothing=0.4)
    model = sequential(layers.Dense(1, "sigmoid"), optimizer=SGD(0.1), loss=loss, shape=(4,))
    x, y = linear(0, rows=20)
    return fit(model, x, (y > 0).astype("float32"), batch_size=8)


def shifted():
    parts = [layers.Dense(4), layers.ReLU(max_value=9.0, threshold=6.0), layers.Dense(1)]
    model = sequential(*parts, optimizer=SGD(0.1), loss="mse", shape=(4,))
    return fit(model, *linear(0, rows=20), batch_size=8)


def images():
    x = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1)).astype("uint8")
    parts = [layers.Flatten(), layers.Dense(1)]
    model = sequential(*parts, optimizer=SGD(0.1), loss="mse", shape=(8, 8, 1))
    return fit(model, x, np.zeros((20, 1), "float32"), batch_size=8)


def clipped():
    return regression(SGD(0.1, clipnorm=0.001))


def decayed():
    return regression(SGD(optimizers.schedules.ExponentialDecay(0.5, 1, 0.1)))


def plain():
    model = sequential(layers.Dense(1), optimizer=SGD(0.1), loss="mse", shape=(4,))
    return fit(model, *linear(0, rows=20), batch_size=8)


def closure():
    w, b = tf.Variable([1.0, 2.0]), tf.Variable(0.5)
    return minimize(lambda: tf.reduce_sum(w**2) + b**2, [w], SGD(0.1))


def of_model(function):
    return lambda lab: function(lab.training.model)


CHANGES = {
    "rate": (regression, lambda lab: learning_rate.scaled(lab.training, 0.1, 10.0), {"rate"}),
    "rate of a schedule": (
        decayed,
        lambda lab: learning_rate.scaled(lab.training, 0.5, 10.0),
        {"rate"},
    ),
    "sign": (regression, lambda lab: learning_rate.reversed_sign(lab.training, 0.1), {"rate"}),
    "schedule": (decayed, lambda lab: learning_rate.constant(lab.training, 0.25), {"rate"}),
    "momentum": (
        regression,
        lambda lab: changed_optimizers.less_momentum(lab.training, "momentum"),
        {"optimizer"},
    ),
    "finite gradients": (regression, lambda _: finite_gradients.finite(), set()),
    "clipped": (regression, lambda lab: changed_optimizers.clipped(lab.training), {"optimizer"}),
    "unclipped": (clipped, lambda lab: changed_optimizers.unclipped(lab.training), {"optimizer"}),
    "decay": (
        lambda: regression(optimizers.AdamW(0.01, weight_decay=3.0)),
        lambda lab: changed_optimizers.without_weight_decay(lab.training),
        {"optimizer"},
    ),
    "adam": (
        regression,
        lambda _: changed_optimizers.adam("plateau", 0.01),
        {"optimizer", "rate"},
    ),
    "features": (regression, lambda _: features.standardised((), {"x": [0, 2]}), {"x"}),
    "images": (images, lambda _: features.standardised((), {"x": []}), {"x"}),
    "targets": (regression, lambda _: targets.standardised(1.0, ("y",)), {"y"}),
    "labels": (binary, lambda _: targets.relabelled((0.0, 1.0), (-1.0, 1.0)), {"y"}),
    "one-hot": (classes, lambda _: targets.one_hot(3), {"y"}),
    "class weights": (
        binary,
        lambda _: weighted_classes.balanced({0: 0.25, 1: 0.75}),
        {"row weights"},
    ),
    "permuted": (regression, lambda _: targets.permuted(0), {"y"}),
    "order": (
        lambda: regression(shuffle=False),
        lambda _: rows.shuffled(0, from_dataset=False),
        {"order"},
    ),
    "missing": (missing, lambda _: rows.without_nonfinite(("x",)), {"x", "y"}),
    "columns": (
        emptied,
        lambda lab: rows.without_unusable_columns(("x",), rows.unusable_columns(lab.rows)),
        {"x", "y"},
    ),
    "range": (
        lambda: binary((0.0, 100.0)),
        lambda lab: labels.into_range(BINARY, lab.rows.arrays[1])[0],
        {"y"},
    ),
    "connected": (regression, lambda _: trainable.connected(("dense",)), {"stops"}),
    "rectifiers": (
        shifted,
        of_model(lambda m: hidden.plain_rectifiers(m.layers[1:2], "dead-units")),
        {"thresholds"},
    ),
    "added": (
        regression,
        of_model(lambda m: regularisation.without_added_losses(m.layers[:1])),
        {"added"},
    ),
    "smoothing": (
        smoothed,
        of_model(lambda m: regularisation.without_smoothing(regularisation.smoothed_loss(m))),
        {"smoothing"},
    ),
    "stretch": (regression, lambda _: rows.stretch(0, 10, "label-encoding", "half"), {"x", "y"}),
    "initialisers": (
        regression,
        of_model(lambda model: starts.default_initialisers(model, 0, "bad-initialisation")),
        {"weights"},
    ),
    "nudge": (closure, lambda _: starts.nudged([[3.0, 4.0]], 0.5, "saddle-point"), {"weights"}),
    "elsewhere": (closure, lambda _: starts.elsewhere(1, 0.3), {"weights"}),
    "steps": (regression, lambda _: steps.more(STEPS, 4), {"steps", "order"}),
    "head": (
        regression,
        of_model(lambda model: outputs.head(model, activation=None)),
        {"activations"},
    ),
    "head and loss": (
        regression,
        of_model(
            lambda model: outputs.head(
                model, activation="sigmoid", loss=keras.losses.BinaryCrossentropy()
            )
        ),
        {"activations", "loss"},
    ),
    "hidden": (
        regression,
        of_model(lambda model: hidden.activations(model.layers[:1], "relu", "dead-units")),
        {"activations"},
    ),
    "penalties": (
        regression,
        of_model(lambda m: regularisation.without_penalties(regularisation.penalised_layers(m))),
        {"penalties"},
    ),
    "constraints": (
        regression,
        of_model(
            lambda m: regularisation.without_constraints(regularisation.constrained_layers(m))
        ),
        {"constraints"},
    ),
    "dropout": (
        regression,
        of_model(lambda m: regularisation.without_dropout(regularisation.dropout_layers(m))),
        {"dropout"},
    ),
    "frozen": (frozen, of_model(trainable.all_layers), {"trained"}),
    "left out": (closure, lambda lab: trainable.all_read(lab.training), {"trained", "weights"}),
    "wider": (regression, of_model(width.wider), {"sizes", "weights"}),
    "deeper": (
        plain,
        of_model(width.deeper),
        {
            "sizes",
            "weights",
            "layers",
            "activations",
            "penalties",
            "constraints",
            "dropout",
            "trained",
            "added",
        },
    ),
}


@pytest.mark.parametrize(("start", "make", "expected"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_exactly_that_and_is_taken_back(parts_during, start, make, expected):
    before, (during,), after = parts_during(start(), make)
    assert differing(before, during) == expected
    assert differing(before, after) == set()


def test_every_module_of_changes_is_covered():
    covered = {changed_optimizers, features, hidden, learning_rate, outputs, regularisation}
    covered |= {
        labels,
        finite_gradients,
        rows,
        starts,
        steps,
        targets,
        trainable,
        weighted_classes,
        width,
    }
    names = {module.__name__.rpartition(".")[2] for module in covered}
    names |= {"intervention", "rerun"}  # what a change is, and who makes it
    assert {module.name for module in pkgutil.iter_modules(interventions.__path__)} == names


# ---- what they change it to ---------------------------------------------------------------------


def test_columns_are_standardised_alone():
    x = np.array([[1e6 + 1, 5, 0], [1e6 + 3, 7, 1]], "float32")
    changed = features.standardised_columns(x, [0])
    np.testing.assert_allclose(changed[:, 0], [-1, 1])
    np.testing.assert_array_equal(changed[:, 1:], x[:, 1:])


def test_a_constant_column_becomes_zero_and_missing_values_stay_missing():
    x = np.array([[7.0, 1.0], [7.0, np.nan], [7.0, 3.0]], "float32")
    changed = features.standardised_columns(x, [0, 1])
    np.testing.assert_array_equal(changed[:, 0], 0)
    np.testing.assert_allclose(changed[:, 1], [-1, np.nan, 1])


def test_columns_of_series_are_standardised_over_rows_and_times():
    x = np.arange(24, dtype="float32").reshape(2, 6, 2) * 100
    changed = features.standardised_columns(x, [0, 1])
    np.testing.assert_allclose(changed.mean(axis=(0, 1)), 0, atol=1e-6)
    np.testing.assert_allclose(changed.std(axis=(0, 1)), 1, rtol=1e-6)


def test_whole_numbers_turn_into_fractions():
    assert features.standardised_columns(np.array([[1], [2]], "int64"), [0]).dtype == "float32"


def test_a_row_that_is_left_out_is_replaced_by_a_sound_one(parts_during):
    _, (during,), _ = parts_during(missing(), lambda _: rows.without_nonfinite(("x",)))
    x = np.array(during["x"][1])
    assert np.isfinite(x).all()
    assert len(x) == 20
    np.testing.assert_array_equal(x[2], x[3])


def test_a_column_of_nan_becomes_zero_and_other_rows_are_left_out(parts_during):
    make = CHANGES["columns"][1]
    before, (during,), _ = parts_during(emptied(), make)
    values = np.array(during["x"][1])
    assert np.isfinite(values).all()
    assert (values[:, 3] == 0).all()
    kept = [n for n in range(20) if n != 2]
    assert (values[kept][:, :3] == np.array(before["x"][1])[kept][:, :3]).all()


def of_labels(values, loss=BINARY):
    return labels.into_range(loss, np.array(values, "float32"))


@pytest.mark.parametrize(
    ("values", "loss", "said"),
    [
        ([[0], [1], [2], [0]], BINARY, ["labels above 0 as 1"]),
        ([[0], [40], [100]], BINARY, ["labels divided by 100", "labels above 0 as 1"]),
        ([[0.5], [99.5]] * 2, BINARY, ["labels {0, 1} instead of {0.5, 99.5}"]),
        ([[0.5], [120.5], [3]], BINARY, ["labels divided by 255"]),
        ([[0], [1], [-1], [0]], BINARY, ["rows with labels below 0 left out"]),
        ([[0], [-2], [-1], [-3]], BINARY, []),
        ([[20, 80], [50, 50]], "categorical_crossentropy", ["labels divided by their sum"]),
        ([[0, 1], [0.2, 0.8]], "categorical_crossentropy", []),
        ([[0], [1], [1]], BINARY, []),
        ([[0], [5], [-1]], "mean_squared_error", []),
        ([[0], [np.nan], [7]], BINARY, []),
    ],
)
def test_labels_out_of_range_invite_what_brings_them_into_it(values, loss, said):
    assert [change.change for change in of_labels(values, loss)] == said


def test_what_is_brought_into_range_is_a_probability(parts_during):
    def change(values, loss=BINARY):
        start = binary()
        start.arguments["y"] = np.resize(np.array(values, "float32"), (20, len(values[0])))
        make = lambda lab: labels.into_range(loss, lab.rows.arrays[1])[0]  # noqa: E731
        return np.array(parts_during(start, make)[1][-1]["y"][1])

    assert set(np.unique(change([[0], [1], [2]]))) == {0, 1}
    assert change([[0], [25], [100]]).max() == 1
    assert (change([[0], [1], [-1]]) >= 0).all()


def test_layers_that_add_nothing_to_the_loss_are_not_listed():
    assert regularisation.adding_layers(burdened()) == []
    assert regularisation.smoothed_loss(burdened()) is None


def test_the_code_of_an_unsmoothed_loss_keeps_its_other_settings():
    loss = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.3)
    code = regularisation.without_smoothing(loss).fix
    assert code == "loss=keras.losses.BinaryCrossentropy(from_logits=True)"


@pytest.mark.parametrize(("share", "found"), [(0.05, False), (0.1, True), (0.7, True)])
def test_the_usual_smoothing_is_looked_at_and_less_is_not(share, found):
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=share)
    assert (regularisation.smoothed_loss(burdened(loss=loss)) is not None) is found


def test_rectifiers_with_a_threshold_are_told_from_bounded_ones():
    kinds = [layers.ReLU(), layers.ReLU(max_value=6), layers.ReLU(threshold=6), layers.Dense(1)]
    assert hidden.shifted_rectifiers(kinds) == [kinds[2]]


def factors(*sizes):
    one, other = keras.Input((1,)), keras.Input((1,))
    parts = [layers.Embedding(5, size)(x) for size, x in zip(sizes, (one, other), strict=True)]
    out = layers.Flatten()(layers.Concatenate()(parts))
    return keras.Model([one, other], out)


@pytest.mark.parametrize(("sizes", "said"), [((1, 1), 2), ((4, 4), 2), ((4, 1), 1)])
def test_embeddings_are_widened_but_for_offsets_beside_others(sizes, said):
    assert len(width.wider(factors(*sizes)).where) == said


def test_a_start_around_zero_forgets_the_given_one(parts_during):
    make = lambda _: starts.elsewhere(1, 0.3, around_zero=True)  # noqa: E731
    w = tf.Variable([1e6, -1e6])
    _, (during,), _ = parts_during(minimize(lambda: tf.reduce_sum(w**2), [w], SGD(0.1)), make)
    assert np.abs(during["weights"]).max() < 3


def test_targets_keep_their_rows_apart_from_the_control(parts_during):
    before, (during,), _ = parts_during(regression(), lambda _: targets.permuted(0))
    assert sorted(during["y"][1]) == sorted(before["y"][1])


def test_balanced_weights_are_those_of_scikit_learn():
    y = np.repeat([0, 1, 2], [70, 25, 5])
    shares = weighted_classes.class_shares(y)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=y)
    for label, weight in enumerate(expected):
        assert f"{label}: {weight:.3g}" in weighted_classes.balanced(shares).fix


@pytest.mark.parametrize(
    ("targets", "shares"),
    [
        (np.array([0, 1, 1, 1]), {0: 0.25, 1: 0.75}),
        (np.array([[0.0], [1.0], [1.0], [1.0]]), {0: 0.25, 1: 0.75}),
        (np.eye(2)[[0, 1, 1, 1]], {0: 0.25, 1: 0.75}),
        (np.array([3, 3, 3]), {}),
        (np.array([0.5, 1.0]), {}),
        (np.array([0.0, 1.0, np.nan]), {}),
        (np.array([[1, 1], [0, 1]]), {}),
        (np.zeros((2, 3, 4)), {}),
        (np.array(["a", "b"]), {}),
    ],
    ids=["numbers", "column", "one-hot", "one class", "real", "missing", "labels", "map", "text"],
)
def test_shares_of_classes(targets, shares):
    assert weighted_classes.class_shares(targets) == shares


def test_a_wider_model_keeps_its_output(parts_during):
    before, (during,), _ = parts_during(regression(), of_model(width.wider))
    assert before["sizes"] == [4, None, 1]
    assert during["sizes"] == [32, None, 1]


def test_a_nudge_has_the_length_that_was_asked_for(parts_during):
    _, (during,), _ = parts_during(
        closure(), lambda _: starts.nudged([[0.6, 0.8]], 0.5, "saddle-point")
    )
    np.testing.assert_allclose(during["weights"][0], [1.3, 2.4], rtol=1e-6)


def test_default_initialisers_zero_the_biases_and_spread_the_kernels(parts_during):
    _, (during,), _ = parts_during(
        regression(), of_model(lambda model: starts.default_initialisers(model, 0, "dead-units"))
    )
    kernel, bias = during["weights"][:2]
    assert np.abs(bias).max() == 0
    assert 0.1 < np.std(kernel) < 0.7


def test_each_start_of_a_change_has_batches_of_its_own(parts_during):
    make = lambda lab: learning_rate.scaled(lab.training, 0.1, 10.0)  # noqa: E731
    _, during, _ = parts_during(regression(), make, seeds=3)
    assert len({tuple(parts["order"]) for parts in during}) == 3
    assert {parts["rate"] for parts in during} == {1.0}


# ---- what is offered ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ((-1.0, 1.0), "labels {0, 1} instead of {-1, 1}"),
        ((1.0, 2.0), "labels {0, 1} instead of {1, 2}"),
    ],
)
def test_labels_that_a_crossentropy_cannot_read(labels, said):
    start = binary(labels)
    model = running(start, steps=STEPS).training.model
    changes = [c.change for c in outputs.for_targets(model, start.arguments["y"])]
    assert said in changes
    assert "output with sigmoid" in changes


@pytest.mark.parametrize(
    ("head", "loss", "y", "said"),
    [
        (layers.Dense(3, "softmax"), "mse", [[0], [1], [2]], "labels one-hot over 3 classes"),
        (layers.Dense(1, "tanh"), "mse", [[0.5], [7.1], [2.2]], "output with no activation"),
        (layers.Dense(1, "relu"), "mae", [[-0.5], [7.1], [2.2]], "output with no activation"),
        (layers.Dense(3), SPARSE, [0, 1, 2], "output with softmax"),
        (layers.Dense(1), "poisson", [[0], [3], [1]], "output with exponential"),
        (layers.Dense(2, "relu"), "kl_divergence", [[0.2, 0.8]], "output with softmax"),
    ],
    ids=["column", "tanh", "relu", "logits", "rates", "shares"],
)
def test_what_output_and_loss_invite(head, loss, y, said):
    model = sequential(head, optimizer="sgd", loss=loss, shape=(2,))
    changes = outputs.for_targets(model, np.array(y, "float32"))
    assert said in [change.change for change in changes]


@pytest.mark.parametrize(
    ("head", "loss", "y"),
    [
        (layers.Dense(3, "softmax"), SPARSE, [0, 1, 2]),
        (layers.Dense(1), "mse", [[0.5], [7.1], [2.2]]),
        (layers.Dense(1, "softplus"), "poisson", [[0], [3], [1]]),
        (layers.Dense(1, "sigmoid"), BINARY, [[0], [1], [1]]),
        (layers.Dense(3), keras.losses.SparseCategoricalCrossentropy(from_logits=True), [0, 1, 2]),
    ],
    ids=["classes", "numbers", "rates", "two classes", "logits"],
)
def test_an_output_that_fits_invites_nothing(head, loss, y):
    model = sequential(head, optimizer="sgd", loss=loss, shape=(2,))
    assert outputs.for_targets(model, np.array(y, "float32")) == []


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        ([[1, 0], [0, 1]], "one-hot"),
        ([[1, 1], [0, 1]], "real"),
        ([[3], [9], [3]], "two values"),
        ([[0], [1], [2]], "classes"),
        ([[0.5], [1.5], [2]], "real"),
        ([[np.nan], [1], [2]], "real"),
    ],
)
def test_kinds_of_targets(y, kind):
    assert outputs.kind_of(np.array(y, "float32")) == kind


@pytest.mark.parametrize(
    ("optimizer", "changes", "code"),
    [
        (SGD(0.1), {"learning_rate": 0.01}, "keras.optimizers.SGD(0.01)"),
        (SGD(0.1, momentum=0.99), {"momentum": 0.9}, "keras.optimizers.SGD(0.1, momentum=0.9)"),
        (SGD(0.1, clipnorm=0.1), {"clipnorm": None}, "keras.optimizers.SGD(0.1)"),
        (optimizers.Adam(0.001), {"learning_rate": 0.03}, "keras.optimizers.Adam(0.03)"),
    ],
    ids=["rate", "momentum", "clipping", "Adam"],
)
def test_the_code_to_paste_makes_the_optimizer(optimizer, changes, code):
    observed = types.SimpleNamespace(optimizer=optimizer, user_rate=float(optimizer.learning_rate))
    line = changed_optimizers.code_of(types.SimpleNamespace(optimizers=[observed]), **changes)
    assert line.replace("0.10000000149", "0.1") == code
    made = eval(line, {"keras": keras})  # noqa: S307 - that it can be pasted is the point
    for name, value in changes.items():
        assert made.get_config()[name] == (pytest.approx(value) if value else value)


V1 = tf.compat.v1.train


@pytest.mark.parametrize(
    ("optimizer", "arguments"),
    [
        (V1.GradientDescentOptimizer(0.1), "0.03"),
        (V1.MomentumOptimizer(0.1, 0.9), "0.03, momentum=0.9"),
        (
            V1.MomentumOptimizer(0.1, 0.8, use_nesterov=True),
            "0.03, momentum=0.8, use_nesterov=True",
        ),
        (V1.AdamOptimizer(0.1, beta1=0.5), "0.03, beta1=0.5"),
        (V1.RMSPropOptimizer(0.1), "0.03"),
    ],
)
def test_the_code_of_an_optimizer_of_tensorflow_1(optimizer, arguments):
    observed = types.SimpleNamespace(optimizer=optimizer, user_rate=0.1)
    line = changed_optimizers.code_of(
        types.SimpleNamespace(optimizers=[observed]), learning_rate=0.03
    )
    assert line == f"tf.compat.v1.train.{type(optimizer).__name__}({arguments})"
    assert type(eval(line, {"tf": tf})) is type(optimizer)  # noqa: S307


def test_settings_of_an_optimizer_of_tensorflow_1_can_be_read():
    observed = types.SimpleNamespace(optimizer=V1.MomentumOptimizer(0.1, 0.9))
    training = types.SimpleNamespace(optimizers=[observed])
    assert changed_optimizers.setting(training, "momentum") == 0.9
    assert changed_optimizers.setting(training, "weight_decay") is None


def test_frozen_finds_layers_and_variables():
    start = frozen()
    found, _ = trainable.frozen(start.arguments["model"])
    assert [layer.name for layer in found] == [start.arguments["model"].layers[0].name]
    assert trainable.frozen(regression().arguments["model"])[0] == []


def test_nothing_is_left_out_where_all_is_trained():
    w = tf.Variable([1.0, 2.0])
    training = running(minimize(lambda: tf.reduce_sum(w**2), [w], SGD(0.1)), steps=STEPS).training
    assert trainable.all_read(training) is None


# ---- two at once --------------------------------------------------------------------------------


def test_a_pair_changes_both_and_keeps_the_cause_of_the_first(parts_during):
    def pair(lab):
        first = targets.standardised(0.25, ("y",))
        second = learning_rate.scaled(lab.training, 0.1, 10.0)
        both = first.combined(second).combined(steps.more(STEPS, 4))
        assert both.code == "unscaled-targets"
        assert both.change == "targets standardised and learning rate 1 and 20 steps"
        assert (both.rate_factor, both.steps_factor, both.loss_factor) == (10.0, 4, 0.25)
        assert both.fix.count("\n") == 2
        return both

    before, (during,), after = parts_during(regression(), pair)
    assert differing(before, during) == {"y", "rate", "steps", "order"}
    assert differing(before, after) == set()


def test_an_unknown_unit_stays_unknown_in_a_pair():
    known = Intervention(code="plateau", change="one", loss_factor=4.0)
    unknown = Intervention(code="plateau", change="other", loss_factor=None)
    assert known.combined(unknown).loss_factor is None
    assert unknown.combined(known).loss_factor is None
    assert known.combined(known).loss_factor == 16.0


def test_two_starts_at_once_follow_each_other():
    w = tf.Variable([1.0, 1.0])
    training = types.SimpleNamespace(trainable=[as_tf_variable(w)])
    step = starts.nudged([[1.0, 0.0]], 2.0, "saddle-point")
    values = step.combined(step).start(training, {})
    np.testing.assert_allclose(values[id(w)], [5.0, 1.0])
