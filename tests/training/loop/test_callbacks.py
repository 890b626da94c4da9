"""Keras callbacks in the loop: every call, log and effect is that of `model.fit`."""

from __future__ import annotations

import json
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import callbacks as of_keras
from keras import layers, optimizers

from pytest_converge import InvalidTrainingError
from pytest_converge.training.loop.callbacks import asks_for_batches
from tests.zoo.problems import fit, linear, sequential
from tests.zoo.trainings import judged, running

#: Keras' own callbacks read the learning rate so.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

X, Y = linear(3, rows=100)
HOOKS = [
    f"on_{where}_{when}"
    for where in ("train", "epoch", "train_batch", "test", "test_batch")
    for when in ("begin", "end")
]


class Notes(of_keras.Callback):
    """Every call of every hook that it is to have, and what it saw of the model."""

    def __init__(self, hooks=HOOKS):
        super().__init__()
        self.notes = []
        for hook in hooks:
            setattr(self, hook, self.noting(hook))

    def noting(self, hook):
        def call(*arguments, logs=None):
            numbers = [a for a in arguments if isinstance(a, int)]
            logs = next((a for a in arguments if isinstance(a, dict)), logs)
            rate = float(self.model.optimizer.learning_rate)
            updates = int(self.model.optimizer.iterations)
            self.notes.append((hook, numbers, dict(logs or {}), rate, updates))

        return call


def dense(optimizer=None, **compiled):
    options = {"loss": "mse", "metrics": ["mae", keras.metrics.RootMeanSquaredError()], **compiled}
    parts = [layers.Dense(8, "relu"), layers.Dense(1)]
    return sequential(*parts, optimizer=optimizer or optimizers.SGD(0.05), shape=(4,), **options)


def dropout():
    parts = [layers.Dense(16, "relu"), layers.BatchNormalization(), layers.Dense(1)]
    optimizer = optimizers.Adam(0.01)
    return sequential(*parts, optimizer=optimizer, loss="mse", shape=(4,), metrics=["mae"])


def two_outputs():
    inputs = keras.Input((4,))
    outputs = [layers.Dense(1, name=name)(inputs) for name in ("first", "second")]
    model = keras.Model(inputs, outputs)
    model.compile(optimizers.SGD(0.05), ["mse", "mae"], metrics=[["mae"], ["mse"]])
    return model


def classifier():
    parts = [layers.Dense(8, "relu"), layers.Dense(1, "sigmoid")]
    metrics = ["accuracy", keras.metrics.AUC(name="auc")]
    optimizer = optimizers.SGD(0.1)
    return sequential(*parts, optimizer=optimizer, loss="bce", shape=(4,), metrics=metrics)


class OwnStep(keras.Model):
    """A step with metrics of its own, under other names, and with an entry that is none."""

    def __init__(self):
        super().__init__()
        self.out = layers.Dense(1)
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.absolute = keras.metrics.MeanAbsoluteError(name="absolute")

    @property
    def metrics(self):
        return [self.loss_tracker, self.absolute]

    def call(self, x):
        return self.out(x)

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self(x)[:, 0] - y))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        self.loss_tracker.update_state(loss)
        self.absolute.update_state(y, self(x)[:, 0])
        result = self.absolute.result()
        return {"loss": self.loss_tracker.result(), "error": result, "raw": 2.0 * loss}

    def test_step(self, data):
        x, y = data
        self.absolute.update_state(y, self(x)[:, 0])
        return {"absolute": self.absolute.result()}


def own_step():
    model = OwnStep()
    model.compile(optimizers.SGD(0.05))
    model(X[:1])
    return model


def noted(build, arguments, callback_of=Notes, more=tuple, **options):
    """The notes of `model.fit` and of `converge.fit`, and both models after it."""
    keras.utils.set_random_seed(1)
    models = [build() for _ in range(2)]
    models[1].set_weights(models[0].get_weights())
    notes = [callback_of() for _ in models]
    models[1].fit(*arguments, verbose=0, callbacks=[*more(), notes[1]], **options)
    call = fit(models[0], *arguments, callbacks=[*more(), notes[0]], **options)
    result = judged(call, monotone="off")
    return notes, models, result


def check_same(notes, models):
    assert len(notes[0].notes) == len(notes[1].notes)
    for mine, of_fit in zip(notes[0].notes, notes[1].notes, strict=True):
        assert mine[:2] == of_fit[:2]
        assert list(mine[2]) == list(of_fit[2])
        np.testing.assert_allclose(list(mine[2].values()), list(of_fit[2].values()), rtol=1e-5)
        assert mine[3:] == of_fit[3:]
    for mine, of_fit in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_allclose(mine, of_fit, rtol=1e-4, atol=1e-6)


PLAIN = {"shuffle": False, "batch_size": 16, "epochs": 3}
HELD_OUT = {"validation_data": (X[:40], Y[:40])}
LABELS = (Y > 0).astype("float32")
CASES = {
    "a dense network": (dense, (X, Y), PLAIN),
    "held-out data": (dense, (X, Y), {**PLAIN, **HELD_OUT}),
    "rows split off": (dense, (X, Y), {**PLAIN, "validation_split": 0.2}),
    "held out in some epochs": (dense, (X, Y), {**PLAIN, **HELD_OUT, "validation_freq": 2}),
    "held out in named epochs": (dense, (X, Y), {**PLAIN, **HELD_OUT, "validation_freq": [1]}),
    "held out in own batches": (
        dense,
        (X, Y),
        {**PLAIN, **HELD_OUT, "validation_batch_size": 7, "validation_steps": 3},
    ),
    "an initial epoch": (dense, (X, Y), {**PLAIN, "initial_epoch": 1}),
    "weights of samples": (dense, (X, Y, ), {**PLAIN, "sample_weight": np.abs(Y)}),
    "batch normalisation": (dropout, (X, Y), PLAIN),
    "two outputs": (two_outputs, (X, [Y, Y]), {**PLAIN, "validation_split": 0.2}),
    "a metric of counts": (classifier, (X, LABELS), PLAIN),
    "a schedule": (lambda: dense(optimizers.SGD(optimizers.schedules.CosineDecay(0.1, 9))),
                   (X, Y), PLAIN),
    "several steps an execution": (lambda: dense(steps_per_execution=3), (X, Y), PLAIN),
    "a step of its own": (own_step, (X, Y[:, 0]), PLAIN),
    "a step and a test of its own": (own_step, (X, Y[:, 0]), {**PLAIN, "validation_split": 0.2}),
    "run eagerly": (lambda: dense(run_eagerly=True), (X, Y), PLAIN),
    "a dataset": (
        dense,
        (tf.data.Dataset.from_tensor_slices((X, Y)).batch(16),),
        {"epochs": 3, "shuffle": False},
    ),
    "epochs of an endless dataset": (
        dense,
        (tf.data.Dataset.from_tensor_slices((X, Y)).batch(16).repeat(),),
        {"epochs": 3, "steps_per_epoch": 4, "shuffle": False},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_every_call_and_every_log_is_that_of_fit(name):
    build, arguments, options = CASES[name]
    notes, models, _ = noted(build, arguments, **options)
    assert len(notes[1].notes) > 6
    check_same(notes, models)


@pytest.mark.parametrize("name", CASES)
def test_the_losses_of_the_steps_are_those_without_callbacks(name):
    """A callback that asks for logs changes nothing of what is recorded."""
    build, arguments, options = CASES[name]
    keras.utils.set_random_seed(1)
    models = [build() for _ in range(2)]
    models[1].set_weights(models[0].get_weights())
    curves = [
        judged(fit(model, *arguments, callbacks=given, **options), monotone="off").curve
        for model, given in zip(models, (None, [Notes()]), strict=True)
    ]
    np.testing.assert_allclose(curves[0].batch_loss, curves[1].batch_loss, rtol=1e-6)
    assert curves[0].final_loss == pytest.approx(curves[1].final_loss, rel=1e-5)


# ---- what callbacks do to the training ----------------------------------------------------------


class FromEpoch(of_keras.Callback):
    """Halves the rate once, by its own state."""

    def __init__(self):
        super().__init__()
        self.epochs = []

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(epoch)
        if len(self.epochs) == 2:
            self.model.optimizer.learning_rate = float(self.model.optimizer.learning_rate) / 2


ACTING = {
    "a scheduler of the rate": lambda: [of_keras.LearningRateScheduler(lambda n: 0.1 / (n + 1))],
    "one that goes on from the rate": lambda: [of_keras.LearningRateScheduler(lambda n, r: r / 2)],
    "a plateau": lambda: [of_keras.ReduceLROnPlateau("loss", patience=0, min_delta=0.5)],
    "early stopping": lambda: [of_keras.EarlyStopping("loss", patience=0, min_delta=0.3)],
    "the best weights": lambda: [
        of_keras.EarlyStopping("val_mae", patience=1, min_delta=0.1, restore_best_weights=True)
    ],
    "one of the user's": lambda: [FromEpoch()],
    "functions": lambda: [
        of_keras.LambdaCallback(
            on_train_batch_end=lambda batch, logs: None, on_epoch_end=lambda epoch, logs: None
        )
    ],
    "the end within an epoch": lambda: [AfterBatch(4)],
}


class AfterBatch(of_keras.Callback):
    def __init__(self, last):
        super().__init__()
        self.last, self.seen = last, 0

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        if self.seen == self.last:
            self.model.stop_training = True


@pytest.mark.parametrize("name", ACTING)
def test_what_a_callback_does_is_what_it_does_in_fit(name):
    options = {**PLAIN, "epochs": 6, **HELD_OUT}
    notes, models, _ = noted(dense, (X, Y), more=ACTING[name], **options)
    check_same(notes, models)


@pytest.mark.parametrize("name", ACTING)
def test_a_second_run_begins_with_callbacks_as_they_were(name):
    """Their state, the rate and the weights are those of the first run."""
    given = [*ACTING[name](), Notes()]
    call = fit(dense, X, Y, callbacks=given, **PLAIN, **HELD_OUT)
    run = running(call, steps=42)
    first, noted_first = run.run(0), given[-1].notes
    run.restart()
    second, noted_second = run.run(0), given[-1].notes
    assert second.curve == first.curve
    assert second.stopped_by == first.stopped_by
    assert noted_second == noted_first
    assert noted_second is not noted_first
    run.training.release()
    assert given[-1].notes is noted_first


def test_the_run_ends_where_a_callback_ends_it():
    stop = of_keras.EarlyStopping("loss", patience=0, min_delta=10.0)
    result = judged(fit(dense, X, Y, callbacks=stop, epochs=9), min_decrease=0.01)
    record = result.runs[0].record
    assert (record.stopped_by, record.curve.updates) == ("EarlyStopping", 8)
    assert record.callbacks == ("EarlyStopping",)
    assert record.curve.checkpoints[-1] == 8
    assert result.passed


def test_the_best_weights_are_judged():
    """What EarlyStopping restores after the last step is what the test is about."""

    def best():
        return of_keras.EarlyStopping("loss", patience=2, restore_best_weights=True)

    rising = of_keras.LearningRateScheduler(lambda epoch: 0.05 if epoch < 3 else 1.5)
    call = fit(dense, X, Y, callbacks=[rising, best()], epochs=9, shuffle=False)
    record = judged(call, monotone="off").runs[0].record
    assert record.stopped_by == "EarlyStopping"
    assert record.curve.final_loss < 0.5 * record.curve.batch_loss[-1]


class Pair(of_keras.Callback):
    """Holds another callback, the model and a variable beside numbers of its own."""

    def __init__(self, other, model):
        super().__init__()
        self.held = {"other": other, "model": model}
        self.weight, self.seen = tf.Variable(1.0), [[0]]
        self.same = self.seen[0]

    def on_epoch_end(self, epoch, logs=None):
        self.weight.assign_add(1.0)
        self.same.append(len(self.held["other"].epochs))


def test_what_a_callback_holds_stays_what_it_is():
    model, other = dense(), FromEpoch()
    pair = Pair(other, model)
    run = running(fit(model, X, Y, callbacks=[other, pair]), steps=12)
    run.run(0)
    run.restart()
    run.run(0)
    assert pair.held == {"other": other, "model": model}
    assert float(pair.weight) == 4.0
    assert pair.seen == [[0, 1, 2, 3]]
    assert pair.same is pair.seen[0]


def test_the_history_of_the_model_is_that_of_the_first_run():
    model = dense()
    run = running(fit(model, X, Y, callbacks=[FromEpoch()]), steps=12)
    run.run(0)
    history = model.history
    run.restart()
    run.run(0)
    assert model.history is not history
    run.training.release()
    assert model.history is history


def test_a_function_builds_callbacks_for_every_run():
    made = []

    def make():
        made.append(Notes())
        return [made[-1]]

    result = judged(fit(dense, X, Y, callbacks=make, epochs=2), seeds=3, monotone="off")
    assert len(result.runs) == len(made) == 3
    hooks = [[note[0] for note in notes.notes] for notes in made]
    assert hooks[0] == hooks[1] == hooks[2]


def test_callbacks_that_only_write_take_part_in_the_first_run_alone(tmp_path):
    saved = of_keras.ModelCheckpoint(str(tmp_path / "{epoch}.weights.h5"), save_weights_only=True)
    log = of_keras.CSVLogger(str(tmp_path / "log.csv"))
    call = fit(dense, X, Y, callbacks=[saved, log], epochs=2)
    run = running(call, steps=8)
    run.run(0)
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {"1.weights.h5", "2.weights.h5", "log.csv"}
    assert run.training.callbacks.left_out == ("ModelCheckpoint", "CSVLogger")
    for path in tmp_path.iterdir():
        path.unlink()
    run.restart()
    run.run(0)
    assert list(tmp_path.iterdir()) == []


def test_a_whole_model_is_saved_with_its_own_schedule(tmp_path):
    """The rate under observation is none that could be loaded again."""
    path = tmp_path / "model.keras"
    schedule = optimizers.schedules.ExponentialDecay(0.1, 5, 0.9)
    call = fit(
        lambda: dense(optimizers.SGD(schedule)),
        X,
        Y,
        callbacks=[of_keras.ModelCheckpoint(str(path))],
        epochs=2,
    )
    judged(call)
    loaded = keras.models.load_model(path)
    held = loaded.optimizer.get_config()["learning_rate"]
    assert held["config"]["decay_rate"] == 0.9


# ---- the learning rate of trials ----------------------------------------------------------------

SETTERS = {
    "absolute": lambda: of_keras.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1)),
    "relative": lambda: of_keras.LearningRateScheduler(lambda epoch, rate: rate * 0.8),
    "a plateau": lambda: of_keras.ReduceLROnPlateau("loss", patience=0, min_delta=1e9, min_lr=1e-3),
}


@pytest.mark.parametrize("name", SETTERS)
def test_a_rate_that_a_callback_sets_is_multiplied_in_a_trial(name):
    call = fit(lambda: dense(optimizers.SGD(0.1)), X, Y, callbacks=SETTERS[name]())
    run = running(call, steps=12)
    own = run.run(0).curve.learning_rate
    slower = run.run(0, start={}, rate_factor=0.5).curve.learning_rate
    np.testing.assert_allclose(slower, 0.5 * np.array(own), rtol=1e-5)
    again = run.run(0, start={}).curve.learning_rate
    assert again == own
    assert len(set(own)) > 1


def test_what_sets_the_rate_is_known():
    given = [SETTERS["relative"](), Notes(), of_keras.EarlyStopping("loss")]
    run = running(fit(dense, X, Y, callbacks=given), steps=12)
    run.run(0)
    assert list(run.training.callbacks.rate_setters) == ["LearningRateScheduler"]


# ---- how far the loop is interrupted ------------------------------------------------------------


def test_callbacks_of_epochs_leave_the_loop_whole():
    """One compiled segment an epoch, apart from the stops of the probes."""
    notes = [Notes(["on_epoch_end"]), Notes(["on_train_batch_end"])]
    for each, segments in zip(notes, (3, 12), strict=True):
        run = running(fit(dense, X, Y, callbacks=[each]), steps=12)
        run.loop.start(12)
        with mock.patch.object(run.loop, "_advance", wraps=run.loop._advance) as advance:
            run.loop.advance(0, 12)
        lengths = [stop - start for (start, stop), _ in advance.call_args_list]
        assert len(lengths) == segments
        assert sum(lengths) == 12


@pytest.mark.parametrize(
    ("callback", "asks"),
    [
        (of_keras.EarlyStopping(), False),
        (of_keras.ModelCheckpoint("a.keras"), False),
        (of_keras.ModelCheckpoint("a.keras", save_freq=3), True),
        (of_keras.TerminateOnNaN(), False),
        (of_keras.LambdaCallback(on_epoch_end=print), False),
        (of_keras.LambdaCallback(on_train_batch_end=print), True),
        (AfterBatch(1), True),
    ],
)
def test_only_a_hook_of_batches_asks_for_them(callback, asks):
    assert asks_for_batches(callback) == asks


def test_a_loss_that_is_not_finite_ends_the_run_and_its_epoch():
    notes = Notes()
    x = X.copy()
    x[40] = np.nan
    call = fit(dense, x, Y, callbacks=[of_keras.TerminateOnNaN(), notes], batch_size=10, epochs=3)
    result = judged(call, monotone="off")
    assert not result.passed
    assert [note[0] for note in notes.notes][-2:] == ["on_epoch_end", "on_train_end"]


# ---- arguments ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "pattern"),
    [
        ([3], "got callbacks=3 .int.; expected Keras callbacks in a list, or a function"),
        (of_keras.EarlyStopping, "got callbacks=<class"),
        (np.zeros(2), "got callbacks=array"),
        (lambda: "a", "got callbacks='a'"),
    ],
)
def test_what_is_no_callback_is_refused(given, pattern):
    with pytest.raises(InvalidTrainingError, match=pattern):
        judged(fit(dense, X, Y, callbacks=given, epochs=1))


@pytest.mark.parametrize("frequency", [0, "a", [0], True])
def test_what_is_no_frequency_is_refused(frequency):
    with pytest.raises(InvalidTrainingError, match="got validation_freq="):
        judged(fit(dense, X, Y, callbacks=[Notes()], validation_freq=frequency, epochs=1))


def test_no_callbacks_are_none():
    assert judged(fit(dense, X, Y, callbacks=[], epochs=1)).runs[0].record.callbacks == ()


def test_what_callbacks_write_of_a_run_is_the_history_of_the_model(tmp_path):
    log = tmp_path / "log.json"
    lines = []
    note = of_keras.LambdaCallback(on_epoch_end=lambda epoch, logs: lines.append(logs["loss"]))
    model = dense()
    judged(fit(model, X, Y, callbacks=note, epochs=3, shuffle=False), monotone="off")
    log.write_text(json.dumps(model.history.history), encoding="utf-8")
    assert json.loads(log.read_text(encoding="utf-8"))["loss"] == lines
