"""A traceback shows the frames of the user, and those of the plugin where it is at fault."""

from __future__ import annotations

import re

import pytest

#: Every function that a user can pass, each raising where it is called.
CALLBACKS = """
import keras, numpy as np, pytest, tensorflow as tf

x = np.linspace(-1, 1, 64).reshape(-1, 1).astype("float32")
y = 2 * x + 1

class OfTheUser(Exception):
    pass

def fails(*args, **kwargs):
    raise OfTheUser("own words")

def build(loss="mse", optimizer=None, metrics=(), kind=keras.Sequential):
    model = kind([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer or keras.optimizers.SGD(0.1), loss, metrics=list(metrics))
    return model

class OwnStep(keras.Sequential):
    def train_step(self, data):
        fails()

class OwnLayer(keras.layers.Layer):
    def call(self, inputs):
        fails()

class OwnMetric(keras.metrics.Metric):
    def update_state(self, *args, **kwargs):
        fails()
    def result(self):
        return 0.0

class OwnSchedule(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        fails()

class OwnData(keras.utils.PyDataset):
    def __len__(self):
        return 4
    def __getitem__(self, index):
        fails()

class AtTheEnd(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        fails()

class AtTheBatch(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        fails()

def batches():
    yield x[:32], y[:32]
    fails()

def mapped():
    def one(a, b):
        return tf.py_function(fails, [a], tf.float32), b
    return tf.data.Dataset.from_tensor_slices((x, y)).map(one).batch(32)

w = tf.Variable(1.0)
sgd = keras.optimizers.SGD

CASES = {
    "builder": lambda c: c.fit(fails, x, y),
    "layer": lambda c: c.fit(build(kind=lambda layers: keras.Sequential([*layers, OwnLayer()])),
                             x, y),
    "loss": lambda c: c.fit(build(fails), x, y),
    "train_step": lambda c: c.fit(build(kind=OwnStep), x, y),
    "metric": lambda c: c.fit(build(metrics=[OwnMetric()]), x, y),
    "schedule": lambda c: c.fit(build(optimizer=sgd(OwnSchedule())), x, y),
    "generator": lambda c: c.fit(build(), batches()),
    "pydataset": lambda c: c.fit(build(), OwnData()),
    "map": lambda c: c.fit(build(), mapped()),
    "callback": lambda c: c.fit(build(), x, y, callbacks=[AtTheEnd()]),
    "callback_of_batches": lambda c: c.fit(build(), x, y, callbacks=[AtTheBatch()]),
    "callbacks": lambda c: c.fit(build(), x, y, callbacks=fails),
    "minimized": lambda c: c.minimize(fails, [w], sgd(0.1)),
    "minimized_builder": lambda c: c.minimize(fails),
    "step": lambda c: c.step(fails, variables=[w]),
    "step_data": lambda c: c.step(lambda batch: w ** 2, variables=[w], data=OwnData()),
    "hook_check": lambda c: c.fit(build(), x, y),
    "hook_adapt": lambda c: c.fit(object(), x, y),
}

@pytest.mark.converges(steps=8)
@pytest.mark.parametrize("case", CASES)
def test_it(converge, case):
    CASES[case](converge)
"""
HOOKS = """
def fails():
    from test_callbacks import fails
    fails()

def pytest_converge_check(record, expectation):
    if "hook_check" in __import__("os").environ["PYTEST_CURRENT_TEST"]:
        fails()

def pytest_converge_adapt(model):
    if type(model) is object:
        fails()
"""


def sections(result: pytest.RunResult) -> dict[str, list[str]]:
    """The lines under each failed test, by its case."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in result.outlines:
        title = re.fullmatch(r"_+ test_it\[(\w+)\] _+", line)
        if title:
            lines = found[title[1]] = []
        lines.append(line)
    return found


@pytest.mark.slow
def test_errors_of_the_user_come_without_frames_of_the_plugin(real: pytest.Pytester) -> None:
    real.makeconftest(HOOKS)
    real.makepyfile(test_callbacks=CALLBACKS)
    result = real.runpytest("--converge-diagnose=off", "--tb=short", "-p", "no:randomly")
    found = sections(result)
    assert len(found) == 18
    for case, lines in found.items():
        text = "\n".join(lines)
        assert "OfTheUser" in text, case
        assert "own words" in text, case
        assert "pytest_converge" not in re.sub(r"pytest_converge_\w+", "", text), (case, text)
        assert "test_callbacks.py" in text, case
    whole = real.runpytest("--full-trace", "-k", "builder or map", "--converge-diagnose=off")
    for case, lines in sections(whole).items():
        assert any("runner.py" in line for line in lines), case


def test_a_fault_of_the_plugin_shows_where_it_is(faked: pytest.Pytester) -> None:
    conftest = faked.path / "conftest.py"
    conftest.write_text(
        conftest.read_text()
        + """
from pytest_converge.plugin import converge_fixture

ours = {"__name__": "pytest_converge.sick"}
exec("def sick(result): raise TypeError('a fault of ours')", ours)
converge_fixture.junit_properties = ours["sick"]
"""
    )
    faked.makepyfile("def test_it(converge):\n    converge.fit('good')\n")
    result = faked.runpytest_subprocess("--tb=short")
    result.stdout.fnmatch_lines(["*converge_fixture.py:*: in _train", "E   TypeError: a fault of*"])


def test_causes_of_an_error_lose_their_frames_too(faked: pytest.Pytester) -> None:
    faked.makepyfile(
        """
        def test_it(converge):
            try:
                converge.fit("bad")
            except AssertionError as error:
                raise OSError("own words") from error
        """
    )
    result = faked.runpytest_subprocess("--tb=short")
    result.stdout.fnmatch_lines(["*ConvergenceError: *", "E   OSError: own words"])
    assert not [line for line in result.outlines if "converge_fixture.py" in line]
