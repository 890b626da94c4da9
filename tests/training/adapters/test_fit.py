"""`converge.fit`: compiled Keras models of every kind and data from every source."""

from __future__ import annotations

import traceback
import types

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.training.loop.run import TrainingRun
from tests.zoo import problems
from tests.zoo.problems import BINARY, HEALTHY, SPARSE, fit, linear, sequential, wine
from tests.zoo.trainings import judged, recorded, running, training_of

ROWS, STEPS, BATCH = 50, 6, 16


def data(rows=ROWS):
    x, y = wine()
    index = np.random.default_rng(0).permutation(len(x))[:rows]
    return x[index], y[index].astype("int32")


def dense(*hidden, optimizer=None, shape=(13,), **compiled):
    parts = [layers.Dense(8, "relu"), *hidden, layers.Dense(3, "softmax")]
    options = {"loss": SPARSE, **compiled}
    return sequential(*parts, optimizer=optimizer or optimizers.SGD(0.05), shape=shape, **options)


# ---- kinds of models: what converge trains is what Keras trains ---------------------------------


def functional():
    inputs = keras.Input((13,))
    h = layers.Dense(8, "relu")(inputs)
    h = layers.Concatenate()([h, layers.Dense(4)(inputs)])
    model = keras.Model(inputs, layers.Dense(3, "softmax")(h))
    model.compile(optimizers.SGD(0.05), SPARSE)
    return model


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden, self.out = layers.Dense(8, "relu"), layers.Dense(3, "softmax")

    def call(self, x):
        return self.out(self.hidden(x))


class WithTrainingArgument(Subclassed):
    def call(self, x, training=None):
        h = self.hidden(x)
        return self.out(h * 1.5 if training else h)


class OwnTrainStep(Subclassed):
    def train_step(self, batch):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        self._loss_tracker.update_state(loss, sample_weight=tf.shape(x)[0])
        return {metric.name: metric.result() for metric in self.metrics}


class OwnLoss(Subclassed):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        errors = keras.losses.sparse_categorical_crossentropy(y, y_pred)
        return tf.reduce_mean(errors**2)


class AddedLoss(layers.Layer):
    """Adds a sum over the rows, which depends on how many are evaluated together."""

    def call(self, x):
        self.add_loss(0.01 * tf.reduce_sum(x**2))
        return x


def compiled(model, **options):
    model.compile(**{"optimizer": optimizers.SGD(0.05), "loss": SPARSE, **options})
    return model


def nested():
    inner = keras.Sequential([layers.Dense(8), keras.Sequential([layers.ReLU()])])
    return sequential(
        inner, layers.Dense(3, "softmax"), optimizer=optimizers.SGD(0.05), loss=SPARSE
    )


def recurrent(cell):
    parts = [layers.Reshape((13, 1)), cell, layers.Dense(3, "softmax")]
    return sequential(*parts, optimizer=optimizers.Adam(0.01), loss=SPARSE)


MODELS = {
    "sequential with Input": dense,
    "sequential without Input": lambda: dense(shape=None),
    "functional": functional,
    "nested": nested,
    "subclassed": lambda: compiled(Subclassed()),
    "subclassed with training": lambda: compiled(WithTrainingArgument()),
    "own train_step": lambda: compiled(OwnTrainStep()),
    "own compute_loss": lambda: compiled(OwnLoss()),
    "added loss": lambda: dense(AddedLoss()),
    "dropout": lambda: dense(layers.Dropout(0.5)),
    "batch normalisation": lambda: dense(layers.BatchNormalization()),
    "layer normalisation": lambda: dense(layers.LayerNormalization()),
    "noise": lambda: dense(layers.GaussianNoise(0.5)),
    "LSTM": lambda: recurrent(layers.LSTM(4)),
    "GRU with dropout": lambda: recurrent(layers.GRU(4, dropout=0.2)),
    "L2": lambda: dense(layers.Dense(8, kernel_regularizer="l2")),
    "activity": lambda: dense(layers.Dense(8, activity_regularizer="l1")),
    "sum reduction": lambda: dense(
        loss=keras.losses.SparseCategoricalCrossentropy(reduction="sum"),
        optimizer=optimizers.SGD(0.005),
    ),
    "loss function": lambda: dense(
        loss=lambda y, p: 2 * keras.losses.sparse_categorical_crossentropy(y, p)
    ),
    "metrics": lambda: dense(metrics=["accuracy"], weighted_metrics=["accuracy"]),
    "momentum": lambda: dense(optimizer=optimizers.SGD(0.05, momentum=0.9)),
    "schedule": lambda: dense(
        optimizer=optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 2, 0.5))
    ),
    "clipnorm": lambda: dense(optimizer=optimizers.SGD(0.5, clipnorm=0.1)),
    "clipvalue": lambda: dense(optimizer=optimizers.SGD(0.5, clipvalue=0.01)),
    "global_clipnorm": lambda: dense(optimizer=optimizers.SGD(0.5, global_clipnorm=0.1)),
    "weight decay": lambda: dense(optimizer=optimizers.AdamW(0.01, weight_decay=0.1)),
    "EMA": lambda: dense(optimizer=optimizers.Adam(0.01, use_ema=True, ema_overwrite_frequency=2)),
    "accumulation": lambda: dense(optimizer=optimizers.SGD(0.05, gradient_accumulation_steps=2)),
    "loss scale": lambda: dense(optimizer=optimizers.LossScaleOptimizer(optimizers.SGD(0.05))),
    "frozen layer": lambda: dense(layers.Dense(8, trainable=False)),
    "jit_compile off": lambda: dense(jit_compile=False),
}


def trained_by_keras(model, x, y, steps=STEPS, **weights):
    """The losses of `train_on_batch` without shuffling; eager, to save the trace."""
    model.run_eagerly = True
    rows = len(keras.tree.flatten(x)[0])
    parts = [slice(start, start + BATCH) for start in range(0, rows, BATCH)]
    losses = []
    for number in range(steps):
        part = parts[number % len(parts)]
        model.reset_metrics()
        arguments = keras.tree.map_structure(lambda a, part=part: a[part], (x, y))
        weight = weights.get("sample_weight")
        if weight is not None:
            weight = keras.tree.map_structure(lambda a, part=part: a[part], weight)
        logs = model.train_on_batch(
            *arguments,
            sample_weight=weight,
            class_weight=weights.get("class_weight"),
            return_dict=True,
        )
        losses.append(float(logs["loss"]))
    return losses


def both(build, x, y, **weights):
    """Losses of converge and of Keras from the same seed, and both models."""
    keras.utils.set_random_seed(3)
    mine = build()
    start = fit(mine, x, y, batch_size=BATCH, shuffle=False, **weights)
    losses = recorded(start, steps=STEPS).curve.batch_loss
    keras.utils.set_random_seed(3)
    theirs = build()
    return losses, trained_by_keras(theirs, x, y, **weights), mine, theirs


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_trains_as_keras_trains_it(kind):
    losses, expected, mine, theirs = both(MODELS[kind], *data())
    np.testing.assert_allclose(losses, expected, rtol=2e-5)
    if kind != "EMA":  # averaged at the end, as by model.fit
        for one, other in zip(mine.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_averaged_weights_take_their_place_at_the_end():
    x, y = linear(0, rows=64)
    models = []
    for _ in range(2):
        keras.utils.set_random_seed(0)
        optimizer = optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9)
        models.append(sequential(layers.Dense(1), optimizer=optimizer, loss="mse"))
    recorded(fit(models[0], x, y, shuffle=False), steps=6)
    models[1].fit(x, y, batch_size=32, epochs=3, shuffle=False, verbose=0)
    np.testing.assert_allclose(
        models[0].get_weights()[0], models[1].get_weights()[0], rtol=1e-4, atol=1e-6
    )


def test_a_builder_gives_the_same_training_as_its_model():
    x, y = data()
    keras.utils.set_random_seed(7)
    model = recorded(fit(dense(), x, y), seed=7, steps=6).curve
    assert recorded(fit(dense, x, y), seed=7, steps=6).curve.batch_loss == model.batch_loss


class Nested(keras.Model):
    """Layers in a list, which `build` does not reach."""

    def __init__(self):
        super().__init__()
        self.parts = [keras.Sequential([layers.Dense(4, "tanh"), layers.Dense(1)])]

    def call(self, x):
        return self.parts[0](x)


@pytest.mark.filterwarnings("ignore:`build")
def test_a_model_whose_layers_are_not_built_yet_is_trained():
    model = Nested()
    model.build((None, 4))
    model.compile(optimizers.Adam(0.1), "mse")
    assert model.built
    assert not model.trainable_variables
    assert judged(fit(model, *linear(0)), steps=60, max_loss=0.5).passed


def test_a_class_is_a_builder():
    class Whole(Subclassed):
        def __init__(self):
            super().__init__()
            self.compile(optimizers.SGD(0.05), SPARSE)

    assert len(recorded(fit(Whole, *data()), steps=4).curve.steps) == 4


class CompiledTrainStep(Subclassed):
    """A compiled update within Python that runs outside of any graph."""

    def train_step(self, batch):
        return {"loss": self.update(*batch)}

    @tf.function
    def update(self, x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(y, self(x)))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return loss


@pytest.mark.parametrize("eagerly", [False, True], ids=["graph", "eager"])
def test_an_update_that_is_compiled_within_a_train_step_is_made(eagerly):
    x, y = data()
    model = CompiledTrainStep()
    model.compile(optimizers.SGD(0.05), run_eagerly=eagerly)
    curve = recorded(fit(model, x, y), steps=20).curve
    assert curve.final_loss < curve.initial_loss
    assert int(model.optimizer.iterations) == 20
    assert len(curve.gradient_norm) == 20
    for traced in model.update._list_all_concrete_functions():
        assert not any("gradient_norm" in variable.name for variable in traced.graph.variables)


# ---- several inputs and outputs, weights --------------------------------------------------------


def two_by_two(*, named, **options):
    left, right = keras.Input((6,), name="left"), keras.Input((7,), name="right")
    h = layers.Concatenate()([layers.Dense(6, "relu")(left), right])
    kind = layers.Dense(3, "softmax", name="kind")(h)
    level = layers.Dense(1, name="level")(h)
    if named:
        model = keras.Model({"left": left, "right": right}, {"kind": kind, "level": level})
        losses = {"kind": SPARSE, "level": "mse"}
    else:
        model = keras.Model([left, right], [kind, level])
        losses = [SPARSE, "mse"]
    model.compile(optimizers.SGD(0.02), losses, **options)
    return model


def two_sided(*, named):
    x, y = data()
    parts, targets = [x[:, :6], x[:, 6:]], [y, x[:, :1]]
    if named:
        return dict(zip(("left", "right"), parts)), dict(zip(("kind", "level"), targets))  # noqa: B905
    return parts, targets


@pytest.mark.parametrize("named", [True, False], ids=["dicts", "lists"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "sample-weights"])
def test_several_inputs_and_outputs(named, weighted):
    x, y = two_sided(named=named)
    weights = {}
    if weighted:
        each = np.linspace(0, 2, ROWS), np.ones(ROWS)
        weights["sample_weight"] = (
            dict(zip(("kind", "level"), each, strict=True)) if named else list(each)
        )
    losses, expected, _, _ = both(lambda: two_by_two(named=named), x, y, **weights)
    np.testing.assert_allclose(losses, expected, rtol=2e-5)


def test_one_input_as_a_dict():
    x, y = data()
    inputs = keras.Input((13,), name="features")
    model = keras.Model({"features": inputs}, layers.Dense(3, "softmax")(inputs))
    model.compile("sgd", SPARSE)
    assert len(recorded(fit(model, {"features": x}, y), steps=3).curve.steps) == 3


def test_sample_weights_weigh_the_rows():
    x, y = data()
    weight = np.linspace(0, 3, ROWS)
    losses, expected, _, _ = both(dense, x, y, sample_weight=weight)
    plain, _, _, _ = both(dense, x, y)
    np.testing.assert_allclose(losses, expected, rtol=2e-5)
    assert losses != plain


LABELS = {
    "numbers": lambda y: (y, SPARSE),
    "column": lambda y: (y[:, None], SPARSE),
    "one-hot": lambda y: (np.eye(3, dtype="float32")[y], "categorical_crossentropy"),
}


@pytest.mark.parametrize("kind", LABELS)
def test_class_weights_weigh_the_labels(kind):
    x, y = data()
    targets, loss = LABELS[kind](y)
    weights = {0: 0.5, 1: 2.0, 2: 4.0}
    losses, expected, _, _ = both(lambda: dense(loss=loss), x, targets, class_weight=weights)
    np.testing.assert_allclose(losses, expected, rtol=2e-5)


def test_class_weights_of_a_binary_output():
    x, y = data()
    targets = (y == 0).astype("float32")[:, None]

    def build():
        return sequential(
            layers.Dense(1, "sigmoid"), optimizer=optimizers.SGD(0.1), loss=BINARY, shape=(13,)
        )

    losses, expected, _, _ = both(build, x, targets, class_weight={0: 1.0, 1: 5.0})
    np.testing.assert_allclose(losses, expected, rtol=2e-5)


# ---- sources of data ----------------------------------------------------------------------------


def in_batches(x, y, *more):
    parts = [slice(start, start + BATCH) for start in range(0, len(x), BATCH)]
    return [(x[part], y[part], *(array[part] for array in more)) for part in parts]


class Batches(keras.utils.PyDataset):
    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]


class Frame:
    """As much of a data frame as a training asks of one."""

    def __init__(self, array):
        self.array = array
        self.columns = [f"column {n}" for n in range(array.shape[1])]

    def __len__(self):
        return len(self.array)

    def to_numpy(self):
        return self.array


def dataset(*parts):
    return tf.data.Dataset.from_tensor_slices(parts).batch(BATCH)


SOURCES = {
    "arrays": lambda x, y: (x, y),
    "float64": lambda x, y: (x.astype("float64"), y),
    "tensors": lambda x, y: (tf.constant(x), tf.constant(y)),
    "lists": lambda x, y: (x.tolist(), y.tolist()),
    "data frame": lambda x, y: (Frame(x), y),
    "mixed": lambda x, y: (tf.constant(x), y.tolist()),
    "dataset": lambda x, y: (dataset(x, y), None),
    "repeated dataset": lambda x, y: (dataset(x, y).repeat(), None),
    "cached dataset": lambda x, y: (dataset(x, y).cache().prefetch(2), None),
    "PyDataset": lambda x, y: (Batches(in_batches(x, y)), None),
    "generator": lambda x, y: ((b for _ in range(9) for b in in_batches(x, y)), None),
}


def record_of_source(source):
    keras.utils.set_random_seed(0)
    x, y = SOURCES[source](*data())
    return recorded(fit(dense(), x, y, batch_size=BATCH, shuffle=False), steps=10)


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_gives_the_same_training(source):
    record, expected = record_of_source(source), record_of_source("arrays")
    assert (record.driver, record.driver_reason) == ("loop", "")
    np.testing.assert_allclose(record.curve.batch_loss, expected.curve.batch_loss, rtol=1e-5)
    if source not in ("generator", "repeated dataset"):  # all that they give is one epoch
        assert record.curve.final_loss == pytest.approx(expected.curve.final_loss, rel=1e-5)


def test_a_dataset_brings_nested_inputs_and_weights():
    x, y = two_sided(named=True)
    weights = np.linspace(0, 2, ROWS).astype("float32")
    both_weights = {"kind": weights, "level": weights}
    model_of = lambda: two_by_two(named=True)  # noqa: E731
    keras.utils.set_random_seed(0)
    held = recorded(
        fit(model_of(), x, y, sample_weight=both_weights, batch_size=BATCH, shuffle=False), steps=6
    )
    keras.utils.set_random_seed(0)
    source = tf.data.Dataset.from_tensor_slices((x, y, both_weights)).batch(BATCH)
    brought = recorded(fit(model_of(), source), steps=6)
    assert brought.curve.batch_loss == pytest.approx(held.curve.batch_loss, rel=1e-5)


def test_class_weights_reach_the_batches_of_a_dataset():
    x, y = data()
    weights = {0: 0.5, 1: 2.0, 2: 4.0}
    curves = []
    for source in ((x, y), (dataset(x, y), None)):
        keras.utils.set_random_seed(0)
        start = fit(dense(), *source, batch_size=BATCH, shuffle=False, class_weight=weights)
        curves.append(recorded(start, steps=6).curve)
    assert curves[0].batch_loss == pytest.approx(curves[1].batch_loss, rel=1e-5)


def test_shuffling_gives_every_row_once_an_epoch_in_a_new_order():
    x = np.arange(40, dtype="float32")[:, None]
    start = fit(dense(shape=(1,)), x, np.zeros(40), batch_size=16)
    batches = [batch[0].numpy().ravel() for batch in training_of(start, steps=6).data.batches()]
    assert [len(batch) for batch in batches] == [16, 16, 8] * 2
    epochs = [np.concatenate(batches[:3]), np.concatenate(batches[3:])]
    for epoch in epochs:
        assert sorted(epoch) == list(range(40))
        assert list(epoch) != list(range(40))
    assert list(epochs[0]) != list(epochs[1])


def test_text_and_whole_numbers_stay_what_they_are():
    words = np.array([["good"], ["bad"], ["good"], ["awful"]] * 8)
    y = np.array([[1.0], [0.0], [1.0], [0.0]] * 8, "float32")
    lookup = layers.StringLookup(vocabulary=["good", "bad", "awful"])
    parts = [layers.Embedding(5, 4), layers.Flatten(), layers.Dense(1, "sigmoid")]
    model = sequential(*parts, optimizer=optimizers.Adam(0.05), loss=BINARY)
    assert judged(fit(model, np.asarray(lookup(words)), y), steps=40).passed


# ---- what is measured ---------------------------------------------------------------------------


def test_the_initial_loss_is_that_of_the_given_weights():
    x, y = data()
    model = dense()
    before = model.evaluate(x, y, verbose=0)
    assert recorded(fit(model, x, y), steps=2).curve.initial_loss == pytest.approx(before, rel=1e-5)


def test_metrics_are_those_of_evaluate():
    x, y = data()
    model = dense(layers.Dropout(0.5), metrics=["accuracy"], optimizer=optimizers.Adam(0.02))
    record = recorded(fit(model, x, y), steps=40)
    loss, accuracy = model.evaluate(x, y, verbose=0)
    assert record.metrics == {"accuracy": pytest.approx(accuracy)}
    assert record.curve.inference_loss == pytest.approx(loss, rel=1e-4)


def test_metrics_of_several_outputs_bear_their_names():
    x, y = two_sided(named=True)
    model = two_by_two(named=True, metrics={"kind": ["accuracy"], "level": ["mae"]})
    record = recorded(fit(model, x, y), steps=10, metrics={"kind_accuracy": (0, None)})
    expected = model.evaluate(x, y, batch_size=ROWS, verbose=0, return_dict=True)
    assert {"kind_accuracy", "level_mae"} <= set(record.metrics)
    for name, value in record.metrics.items():
        assert value == pytest.approx(expected[name], rel=1e-4), name


class Evaluated(Subclassed):
    def test_step(self, batch):
        return {"loss": tf.constant(0.5), "agreement": tf.constant(0.75)}


class EvaluatedApart(OwnTrainStep):
    """A step of its own for training, and one for other data for evaluation."""

    def test_step(self, batch):
        x, _ = batch
        return {"loss": tf.reduce_mean(x["of another form"]), "agreement": tf.constant(0.75)}


def test_metrics_of_an_own_test_step():
    record = recorded(fit(compiled(Evaluated()), *data()), steps=5)
    assert record.metrics == {"agreement": 0.75}
    assert record.curve.inference_loss == 0.5


def test_beside_an_own_train_step_a_test_step_sees_held_out_data_alone():
    start = fit(compiled(EvaluatedApart()), *data())
    assert recorded(start, steps=5).curve.inference_loss is None
    held_out = tf.data.Dataset.from_tensors(({"of another form": tf.constant([0.25])}, 0.0))
    start.arguments["validation_data"] = held_out
    metrics = recorded(start, steps=5).metrics
    assert {n: v for n, v in metrics.items() if n.startswith("val_")} == {
        "val_loss": 0.25,
        "val_agreement": 0.75,
    }


# ---- a train_step of the user's own -------------------------------------------------------------


class Applying(keras.Model):
    """Minimises by the optimizers that a function takes of it; `compile` leaves an RMSprop."""

    def __init__(self, step, **held):
        super().__init__()
        self.dense = layers.Dense(1)
        self.dense.build((None, 4))
        self.built = True
        self.taken = step
        for name, value in held.items():
            setattr(self, name, value)
        self.compile()

    def train_step(self, batch):
        x, y = batch
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self.dense(x) - y) ** 2)
        weights = self.trainable_variables
        pairs = zip(tape.gradient(loss, weights), weights, strict=True)
        self.taken(self, [pair for pair in pairs if pair[0] is not None])
        return {"loss": loss}


def by_attribute():
    return Applying(lambda m, p: m.own.apply_gradients(p), own=optimizers.SGD(0.05)), ["own"]


def by_container():
    held = {"body": [optimizers.SGD(0.05), optimizers.Adam(0.1)]}
    return Applying(lambda m, p: m.held["body"][0].apply_gradients(p), held=held), [
        "held['body'][0]"
    ]


def by_submodel():
    part = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    part.compile(optimizers.SGD(0.05))
    return Applying(lambda m, p: m.part.optimizer.apply_gradients(p), part=part), ["part.optimizer"]


def by_compile():
    return Applying(lambda m, p: m.optimizer.apply_gradients(p)), ["optimizer"]


def by_closure():
    free = optimizers.SGD(0.05)

    class Closing(Applying):
        def train_step(self, batch):
            self.taken = lambda _, pairs: free.apply_gradients(pairs)
            return super().train_step(batch)

    return Closing(None), ["free"]


def by_two():
    def step(model, pairs):
        model.first.apply_gradients(pairs[:1])
        model.second.apply_gradients(pairs[1:])

    return Applying(step, first=optimizers.SGD(0.05), second=optimizers.SGD(0.05)), [
        "first",
        "second",
    ]


def by_hand():
    def step(_, pairs):
        for gradient, variable in pairs:
            variable.assign_sub(0.05 * gradient)

    return Applying(step), []


WAYS = pytest.mark.parametrize(
    "made",
    [by_attribute, by_container, by_submodel, by_compile, by_closure, by_two, by_hand],
)


@WAYS
@pytest.mark.parametrize("eagerly", [False, True], ids=["traced", "eager"])
def test_the_optimizers_are_those_that_the_step_applies(made, eagerly):
    model, names = made()
    model.run_eagerly = eagerly
    x, y = linear(0, rows=64)
    run = running(fit(model, x, y), steps=4)
    record = run.run(0)
    assert record.driver == ("eager" if eagerly else "loop")
    assert [each.name for each in run.training.optimizers] == names
    assert bool(record.curve.learning_rate) == (len(names) == 1)
    assert bool(record.curve.gradient_norm) == bool(names)
    run.training.release()
    held = [getattr(each, "__dict__", {}) for each in (model.optimizer, *vars(model).values())]
    assert not any("apply" in each for each in held)


def test_the_rate_is_that_of_the_optimizer_that_is_applied():
    model, _ = by_attribute()
    x, y = linear(0, rows=64)
    assert recorded(fit(model, x, y), steps=3).curve.learning_rate == pytest.approx([0.05] * 3)


def test_another_optimizer_takes_the_place_of_one_that_the_model_holds():
    model, _ = by_attribute()
    x, y = linear(0, rows=64)
    run = running(fit(model, x, y), steps=3)
    training, before = run.training, list(model.own.variables)
    assert training.optimizer_is_ours
    with training.with_optimizer(optimizers.Adam(0.25)):
        record = TrainingRun(training, 3, lambda *_: None).run(0)
    assert record.curve.learning_rate == pytest.approx([0.25] * 3)
    assert int(model.own.iterations.numpy()) == 0
    assert len(before) == len(model.own.variables)


@pytest.mark.parametrize("made", [by_two, by_hand])
def test_nothing_takes_the_place_of_several_optimizers_or_of_none(made):
    model, _ = made()
    x, y = linear(0, rows=64)
    assert not running(fit(model, x, y), steps=3).training.optimizer_is_ours


class Logging(OwnTrainStep):
    def train_step(self, batch):
        loss = super().train_step(batch)["loss"]
        return {"d_loss": loss, "g_loss": -loss}


def test_the_entry_of_the_logs_that_is_judged_can_be_named():
    record = recorded(fit(compiled(Logging()), *data(), loss="d_loss"), steps=5)
    plain = recorded(fit(compiled(OwnTrainStep()), *data()), steps=5)
    assert record.loss_name == "d_loss"
    assert len(record.curve.batch_loss) == len(plain.curve.batch_loss)
    assert record.curve.first > 0


@pytest.mark.parametrize(
    ("model", "entry", "pattern"),
    [
        (Logging, None, r"a train_step that returned \['d_loss', 'g_loss'\]; .*as loss='d_loss'"),
        (Logging, "loss_d", r"'g_loss'\]; expected a dict with the key 'loss_d'"),
        (Logging, 3, r"loss=3.*the name of an entry"),
        (Subclassed, "accuracy", r"loss='accuracy'.*a model with a train_step of its own"),
    ],
)
def test_an_entry_that_is_not_there_is_an_error(model, entry, pattern):
    with pytest.raises(InvalidTrainingError, match=pattern):
        recorded(fit(compiled(model()), *data(), loss=entry), steps=5)


def test_parts_of_unequal_rows_reach_an_own_step():
    record = recorded(next(p for p in HEALTHY if p.name == "semi_supervised").start(0), steps=20)
    assert record.driver_reason == "the parts of a batch have unequal rows"


def test_moving_averages_lag_behind_in_inference():
    x, y = problems.digits()
    parts = [layers.BatchNormalization(), layers.ReLU()]
    model = problems.classifier(optimizers.Adam(0.01), *parts, classes=10)
    curve = recorded(fit(model, x, y), steps=25).curve
    assert curve.inference_loss > 1.5 * curve.final_loss


def test_the_penalty_is_told_from_the_loss():
    x, y = linear(0)
    penalty = keras.regularizers.L2(0.5)
    model = sequential(
        layers.Dense(1, kernel_regularizer=penalty), optimizer=optimizers.SGD(0.05), loss="mse"
    )
    record = recorded(fit(model, x, y), steps=60)
    kernel = model.get_weights()[0]
    error = ((model.predict(x, verbose=0) - y) ** 2).mean()
    assert record.regularisation == pytest.approx(0.5 * (kernel**2).sum(), rel=1e-4)
    assert record.reported_loss == pytest.approx(error, rel=1e-4)
    assert record.curve.final_loss == pytest.approx(error + record.regularisation, rel=1e-4)


def test_an_added_sum_is_probed_on_batches():
    """Pooled rows would make the sum, and with it the probe loss, larger than any batch's."""
    x, y = data()
    model = dense(AddedLoss(), optimizer=optimizers.SGD(0.0))
    curve = recorded(fit(model, x, y, batch_size=10, shuffle=False), steps=5).curve
    assert curve.initial_loss == pytest.approx(np.mean(curve.batch_loss), rel=0.15)


def test_skill_is_the_advantage_over_the_best_constant():
    x, y = linear(0)
    model = sequential(layers.Dense(1), optimizer=optimizers.SGD(0.1), loss="mse")
    record = recorded(fit(model, x, y), steps=60)
    assert record.constant_loss == pytest.approx(y.var(), rel=1e-4)
    assert record.skill == pytest.approx(1 - record.curve.final_loss / y.var(), rel=1e-4)


def test_a_stateful_model_is_not_probed():
    """Its state belongs to the batch before, not to the probe set."""
    inputs = keras.Input(batch_shape=(10, 13, 1))
    outputs = layers.Dense(3, "softmax")(layers.GRU(4, stateful=True)(inputs))
    model = compiled(keras.Model(inputs, outputs), optimizer=optimizers.Adam(0.02))
    x, y = data()
    result = judged(fit(model, x[:, :, None], y, batch_size=10, shuffle=False), steps=60)
    assert result.curve.checkpoints == ()
    assert result.passed, result.findings


# ---- the user's objects afterwards --------------------------------------------------------------


def test_the_model_is_trained_and_can_be_used():
    x, y = data()
    model = dense(optimizer=optimizers.Adam(0.05), metrics=["accuracy"])
    judged(fit(model, x, y), steps=60)
    assert int(model.optimizer.iterations) == 60
    assert model.evaluate(x, y, verbose=0)[1] > 0.9
    model.fit(x, y, epochs=1, verbose=0)
    model.optimizer.learning_rate = 0.5
    assert float(model.optimizer.learning_rate) == 0.5


def test_a_scheduled_optimizer_is_given_back():
    rate = optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    model = dense(optimizer=optimizers.SGD(rate))
    recorded(fit(model, *data()), steps=3)
    assert model.optimizer._learning_rate is rate
    assert not {"apply", "apply_gradients"} & set(vars(model.optimizer))
    keras.optimizers.deserialize(keras.optimizers.serialize(model.optimizer))


def test_the_arrays_are_not_changed():
    x, y = data()
    before = x.copy(), y.copy()
    recorded(fit(dense(), x, y), steps=3)
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(y, before[1])


# ---- errors before training ---------------------------------------------------------------------


def uncompiled():
    return keras.Sequential([keras.Input((13,)), layers.Dense(3, "softmax")])


def frozen():
    model = dense()
    model.trainable = False
    return model


def without_optimizer():
    model = uncompiled()
    model.compile(optimizer=None, loss=SPARSE)
    return model


def with_strategy():
    strategy = tf.distribute.experimental.CentralStorageStrategy(["/cpu:0"], "/cpu:0")
    with strategy.scope():
        return dense()


class NoLoss(Subclassed):
    def train_step(self, batch):
        return {"accuracy": tf.constant(1.0)}


class ComplexLoss(Subclassed):
    def train_step(self, batch):
        return {"loss": tf.complex(1.0, 1.0)}


X, Y = data()
ERRORS = {
    "uncompiled": (
        lambda: fit(uncompiled(), X, Y),
        r"got the model '\w+', not compiled; expected a compiled model\. Compile it first",
    ),
    "uncompiled by a builder": (
        lambda: fit(uncompiled, X, Y),
        r"got the model '\w+', not compiled; expected a compiled model\.",
    ),
    "no optimizer": (
        lambda: fit(without_optimizer(), X, Y),
        r"got the model '\w+' without an optimizer; expected an optimizer\.",
    ),
    "nothing trainable": (
        lambda: fit(frozen(), X, Y),
        r"got no trainable variables in the model '\w+'; expected at least one\. Set",
    ),
    "no model": (
        lambda: fit("model.keras", X, Y),
        r"got model='model\.keras' \(str\); expected a keras\.Model or a function\. Pass",
    ),
    "a layer": (
        lambda: fit(layers.Dense(3), X, Y),
        r"got model=<Dense .*; expected a keras\.Model or a function\.",
    ),
    "a builder of something else": (
        lambda: fit(lambda: None, X, Y),
        r"got model=None \(NoneType\); expected a keras\.Model or a function\.",
    ),
    "a builder with arguments": (
        lambda: fit(lambda units, rate: dense(), X, Y),
        r"got a function that needs units, rate; expected a function without arguments .* Bind",
    ),
    "a strategy": (
        lambda: fit(with_strategy(), X, Y),
        r"got a model built under CentralStorageStrategy\w*; expected no strategy, or Mirrored",
    ),
    "no data": (lambda: fit(dense()), r"got no data; expected x with at least one row\."),
    "empty arrays": (
        lambda: fit(dense(), X[:0], Y[:0]),
        r"got x of 0 rows, y of 0 rows; expected at least one row\.",
    ),
    "an empty dataset": (
        lambda: fit(dense(), dataset(X, Y).take(0)),
        r"got a \w*Dataset without any batch; expected at least one batch\.",
    ),
    "an empty PyDataset": (
        lambda: fit(dense(), Batches([])),
        r"got a Batches without any batch; expected at least one batch\.",
    ),
    "a generator that runs dry": (
        lambda: fit(dense(), (batch for batch in in_batches(X, Y))),
        r"got a generator that ran dry at step 5; expected a batch for each of 100 .* steps=4",
    ),
    "lengths": (
        lambda: fit(dense(), X, Y[:-1]),
        r"got x of 50 rows, y of 49 rows; expected arrays with equally many rows\.",
    ),
    "lengths of weights": (
        lambda: fit(dense(), X, Y, sample_weight=np.ones(3)),
        r"got x of 50 rows, y of 50 rows, sample_weight of 3 rows; expected",
    ),
    "lengths of nested inputs": (
        lambda: fit(two_by_two(named=True), {"left": X[:, :6], "right": X[:9, 6:]}, Y),
        r"got x\['left'\] of 50 rows, x\['right'\] of 9 rows, y of 50 rows; expected",
    ),
    "a scalar": (
        lambda: fit(dense(), 3.0, Y),
        r"got x=3\.0 \(float\); expected arrays whose first axis is the rows\.",
    ),
    "objects": (
        lambda: fit(dense(), np.array([object()] * 50), Y),
        r"got x=.*; expected NumPy arrays, tensors, data frames or nested structures",
    ),
    "no targets": (
        lambda: fit(dense(), X),
        r"got no targets; expected y for the compiled loss\. Pass the targets as the third",
    ),
    "y beside a dataset": (
        lambda: fit(dense(), dataset(X, Y), Y),
        r"got y beside a \w*Dataset; expected no y\. Let its batches hold it",
    ),
    "sample_weight beside a dataset": (
        lambda: fit(dense(), dataset(X, Y), sample_weight=np.ones(50)),
        r"got sample_weight beside a \w*Dataset; expected no sample_weight\.",
    ),
    "an unbatched dataset": (
        lambda: fit(dense(), tf.data.Dataset.from_tensor_slices((X, Y))),
        r"got a batch with x of 13 rows, y without rows; expected parts .* Batch the dataset",
    ),
    "a dataset of single numbers": (
        lambda: fit(dense(), tf.data.Dataset.from_tensor_slices((Y.ravel(), Y.ravel()))),
        r"got a batch with x without rows, y without rows; expected parts .* Batch the dataset",
    ),
    "both kinds of weights": (
        lambda: fit(dense(), X, Y, sample_weight=np.ones(50), class_weight={0: 1.0}),
        r"got both sample_weight and class_weight; expected one of them\.",
    ),
    "class_weight of several outputs": (
        lambda: fit(two_by_two(named=True), *two_sided(named=True), class_weight={0: 1.0}),
        r"got class_weight for several or no targets; expected one array of targets\.",
    ),
    "batch_size": (
        lambda: fit(dense(), X, Y, batch_size=0),
        r"got batch_size=0 \(int\); expected an integer of at least 1\.",
    ),
    "batch_size as text": (
        lambda: fit(dense(), X, Y, batch_size="32"),
        r"got batch_size='32' \(str\); expected an integer of at least 1\.",
    ),
    "shuffle": (
        lambda: fit(dense(), X, Y, shuffle="yes"),
        r"got shuffle='yes' \(str\); expected True or False\.",
    ),
    "labels from 1": (
        lambda: fit(dense(), X, Y + 1),
        r"got the label 3 in row \d+ of y; expected labels from 0 to 2 .*\. Count the labels",
    ),
    "a label too large": (
        lambda: fit(dense(), X, np.where(np.arange(50) == 17, 9, Y)),
        r"got the label 9 in row 17 of y; expected labels from 0 to 2 for a sparse",
    ),
    "a negative label": (
        lambda: fit(dense(), X, Y - 1),
        r"got the label -1 in row \d+ of y; expected labels from 0 to 2 for a sparse",
    ),
    "labels out of range in a dataset": (
        lambda: fit(dense(), dataset(X, Y + 1)),
        r"got the label 3 in row \d+ of y; expected labels from 0 to 2",
    ),
    "labels out of range for a subclassed model": (
        lambda: fit(compiled(Subclassed()), X, Y + 1),
        r"got the label 3 in row \d+ of y; expected labels from 0 to 2",
    ),
    "a train_step with a complex loss": (
        lambda: fit(compiled(ComplexLoss()), X, Y),
        r"got a train_step that returned a complex64; expected a real number\.",
    ),
    "complex inputs": (
        lambda: fit(dense(), X + 1j, Y),
        r"got x of complex numbers; expected real ones, .* Split",
    ),
    "complex targets in a dataset": (
        lambda: fit(dense(), dataset(X, Y + 1j)),
        r"got y of complex numbers; expected real ones",
    ),
    "dates in batches": (
        lambda: fit(dense(), iter([(np.full((5, 13), "2026-01-01", "datetime64[D]"), Y[:5])])),
        r"got x=.*; expected NumPy arrays, tensors, data frames or nested structures",
    ),
    "weights of samples below 0": (
        lambda: fit(dense(), X, Y, sample_weight=-np.ones(50)),
        r"got weights of samples or classes that sum to -50; expected a sum above 0\.",
    ),
    "weights of samples of 0": (
        lambda: fit(dense(), dataset(X, Y, np.zeros(50))),
        r"got weights of samples or classes that sum to 0; expected a sum above 0\.",
    ),
    "weights of classes of 0": (
        lambda: fit(dense(), X, Y, class_weight=dict.fromkeys(range(3), 0.0)),
        r"got weights of samples or classes that sum to 0; expected a sum above 0\.",
    ),
    "targets of text": (
        lambda: fit(dense(), X, np.array(["u", "v", "w"])[Y]),
        r"got y of text; expected numbers, .* y = np\.unique\(y, return_inverse=True\)\[1\]\.",
    ),
    "targets of text as pandas has it": (
        lambda: fit(dense(), X, pd.Series(np.array(["u", "v", "w"])[Y])),
        r"got y of text; expected numbers",
    ),
    "targets of objects that are text": (
        lambda: fit(dense(), X, np.array(["u", "v", "w"], dtype=object)[Y]),
        r"got y of text; expected numbers",
    ),
    "weights as text": (
        lambda: fit(dense(), X, Y, sample_weight=np.full(50, "1")),
        r"got sample_weight of text; expected numbers",
    ),
    "a train_step without a loss": (
        lambda: fit(compiled(NoLoss()), X, Y),
        r"got a train_step that returned \['accuracy'\]; expected a dict with the key 'loss'\.",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_come_before_training(case):
    start, pattern = ERRORS[case]
    with pytest.raises(ValueError, match=pattern) as caught:
        judged(start())
    assert type(caught.value).__name__ == "InvalidTrainingError"


@pytest.mark.parametrize(
    ("bounds", "pattern"),
    [
        (
            {"acuracy": (0.5, None)},
            r"got metrics=\{'acuracy': \.\.\.\}; expected one of .*accuracy",
        ),
        ({"loss": (None, 0.5)}, r"got metrics=\{'loss': \.\.\.\}; expected one of"),
    ],
)
def test_unknown_metrics_are_refused(bounds, pattern):
    with pytest.raises(ValueError, match=pattern):
        judged(fit(dense(metrics=["accuracy"]), X, Y), metrics=bounds)


def test_metrics_without_any_compiled():
    with pytest.raises(ValueError, match=r"there are none.*metrics=\["):
        judged(fit(dense(), X, Y), metrics={"accuracy": (0.5, None)})


def test_complex_numbers_are_data_where_nothing_is_dropped():
    x = (np.ones((8, 3)) + 1j).astype("complex64")
    inputs = keras.Input((3,), dtype="complex64")
    outputs = layers.Dense(1)(layers.Lambda(tf.abs, output_shape=(3,))(inputs))
    model = keras.Model(inputs, outputs)
    model.compile(optimizers.SGD(0.01), "mse")
    assert judged(fit(model, x, np.ones((8, 1))), steps=30).passed


def test_a_third_part_that_only_the_own_step_understands_is_no_weight():
    class Signed(Subclassed):
        def train_step(self, batch):
            x, y, _ = batch
            return super().train_step((x, y))

    x, y = data()
    training_of(fit(compiled(Signed()), dataset(x, y, -np.ones(50))))
    with pytest.raises(ValueError, match="got weights of samples or classes that sum to -50"):
        training_of(fit(compiled(Signed()), x, y, sample_weight=-np.ones(50)))


def test_single_weights_may_be_0_or_negative():
    x, y = data()
    weights = np.where(np.arange(50) < 5, -0.01, np.arange(50) % 2)
    training_of(fit(dense(), x, y, sample_weight=weights))


def test_labels_that_are_ignored_are_no_error():
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=-1)
    y = np.where(np.arange(50) % 5 == 0, -1, Y)
    assert len(recorded(fit(dense(loss=loss), X, y), steps=3).curve.steps) == 3


def test_a_shape_mismatch_is_keras_own_error_before_training():
    model = dense()
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"(?s)expected axis -1 .* 13, .*12\)") as caught:
        judged(fit(model, X[:, :12], Y))
    assert len(str(caught.value)) < 1000
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_targets_of_another_shape_are_an_error_before_training():
    model = dense(loss="categorical_crossentropy")
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"(?i)shape"):
        judged(fit(model, X, np.eye(4)[Y]))
    np.testing.assert_array_equal(before[0], model.get_weights()[0])


class Broken(Subclassed):
    def call(self, x):
        return self.my_own_method(x)

    def my_own_method(self, x):
        raise ValueError("what the user wrote")


class BrokenStep(OwnTrainStep):
    def train_step(self, batch):
        return self.my_own_method(batch)

    def my_own_method(self, batch):
        raise ValueError("what the user wrote")


def broken_loss(y_true, y_pred):
    return my_own_method()


def my_own_method():
    raise ValueError("what the user wrote")


BROKEN = {
    "call": lambda: compiled(Broken()),
    "train_step": lambda: compiled(BrokenStep()),
    "loss": lambda: compiled(Subclassed(), loss=broken_loss),
    "eager call": lambda: compiled(Broken(), run_eagerly=True),
}


@pytest.mark.parametrize("where", BROKEN)
def test_an_exception_of_the_users_code_keeps_its_traceback(where):
    # Keras 3.7 wraps it in an error of its own where the call was to build the model.
    with pytest.raises((ValueError, RuntimeError), match="what the user wrote") as caught:
        judged(fit(BROKEN[where](), X, Y))
    text = "".join(traceback.format_exception(caught.value))
    assert "my_own_method" in text
    assert __file__ in text


def test_an_exception_of_the_users_builder_is_its_own():
    def build():
        raise KeyError("what the user wrote")

    with pytest.raises(KeyError, match="what the user wrote") as caught:
        judged(fit(build, X, Y))
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "build"


def test_an_exception_of_the_users_data_is_its_own():
    def batches():
        yield X[:8], Y[:8]
        raise OSError("what the user wrote")

    generator = batches()
    assert isinstance(generator, types.GeneratorType)
    with pytest.raises(OSError, match="what the user wrote"):
        judged(fit(dense(), generator), steps=5)


def pinball(y, q):
    """The error of three quantiles, which Keras does not know."""
    shares = np.array([[0.1, 0.5, 0.9]], "float32")
    error = y - q
    return keras.ops.mean(keras.ops.maximum(shares * error, (shares - 1.0) * error), axis=-1)


@pytest.mark.parametrize("asked", [True, False])
def test_the_best_constant_of_a_loss_of_ones_own_is_fitted_where_a_skill_is_asked_for(asked):
    x, y = linear(0)
    start = fit(sequential(layers.Dense(3), optimizer=optimizers.Adam(0.05), loss=pinball), x, y)
    result = judged(start, steps=150, **({"min_skill": 0.6} if asked else {}))
    record = result.runs[0].record
    assert result.passed
    assert (record.skill is not None) is asked
    if asked:
        constant = np.quantile(y, [0.1, 0.5, 0.9]).astype("float32")
        expected = float(np.mean(pinball(y, np.broadcast_to(constant, (len(y), 3)))))
        assert record.constant_loss == pytest.approx(expected, rel=0.02)
