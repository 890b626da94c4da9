"""Real trainings, from the marker to the verdict in the terminal."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

MODELS = """
import keras, numpy as np, pytest, tensorflow as tf
from pytest_converge import ConvergenceError, InvalidTrainingError

x = np.linspace(-1, 1, 64).reshape(-1, 1).astype("float32")
y = 2 * x + 1

def build(rate=0.1, units=1):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(units)])
    model.compile(keras.optimizers.SGD(rate), "mse")
    return model
"""
VERBS = (
    MODELS
    + """
@pytest.mark.converges(max_loss=0.1, steps=60)
class TestVerbs:
    def test_fit(self, converge):
        result = converge.fit(build, x, y)
        assert result.passed and result.verb == "fit" and result.steps == 60
        assert result.final_loss < 0.1 < result.initial_loss

    def test_fit_an_object(self, converge):
        converge.fit(build(), x, y, batch_size=16)

    def test_minimize(self, converge):
        w = tf.Variable(3.0)
        converge.minimize(lambda: (w - 1) ** 2, [w], keras.optimizers.SGD(0.1))

    def test_minimize_a_builder(self, converge):
        def three():
            w = tf.Variable(3.0)
            return lambda: (w - 1) ** 2, [w], keras.optimizers.SGD(0.1)
        converge.minimize(three)

    def test_step(self, converge):
        w = tf.Variable(3.0)
        def step():
            with tf.GradientTape() as tape:
                loss = (w - 1) ** 2
            w.assign_sub(0.1 * tape.gradient(loss, w))
            return loss
        converge.step(step, variables=[w])

    @pytest.mark.xfail(strict=True, raises=ConvergenceError)
    def test_low_rate(self, converge):
        converge.fit(build(1e-5), x, y)
"""
)


def test_the_three_verbs(real: pytest.Pytester) -> None:
    real.makepyfile(test_a=VERBS)
    result = real.runpytest("-W", "error", "--strict-markers", "-v")
    result.assert_outcomes(passed=5, xfailed=1)
    result.stdout.re_match_lines(
        [
            r"test +initial +curve",
            r".*test_low_rate.* target-missed",
            r"convergence: 6 trainings, 1",
        ]
    )


def test_a_failure(real: pytest.Pytester) -> None:
    real.makepyfile(
        test_a=MODELS
        + """
@pytest.mark.converges(max_loss=0.2, steps=20)
def test_low_rate(converge):
    converge.fit(build(1e-5), x, y)
"""
    )
    result = real.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">       converge.fit(build(1e-5), x, y)",
            "E       ConvergenceError: learning-rate-too-low: *",
            "E       fix: keras.optimizers.*",
            "E       reproduce: pytest test_a.py::test_low_rate",
            "test_a.py:*: ConvergenceError",
            "*- convergence -*",
            "fit: did not converge, 20 steps in *",
            "*= convergence =*",
            "*::test_low_rate *learning-rate-too-low",
            "convergence: 1 training did not converge, *",
        ]
    )
    message = [line for line in result.outlines if line.startswith("E   ")]
    assert len(message) <= 7
    for frame in ("fixture.py", "runner.py", "site-packages"):
        result.stdout.no_fnmatch_line(f"*{frame}:*")
    result = real.runpytest("--full-trace")
    result.stdout.fnmatch_lines(["*plugin/converge_fixture.py:*: ConvergenceError"])


REFUSALS = {
    "uncompiled": "converge.fit(keras.Sequential([keras.layers.Dense(1)]), x, y)",
    "empty": "converge.fit(build(), x[:0], y[:0])",
    "lengths": "converge.fit(build(), x, y[:5])",
    "several starts of one object": "converge.fit(build(), x, y, seeds=2)",
    "argument": "converge.fit(build(), x, y, step=5)",
    "range": "converge.fit(build(), x, y, steps=0)",
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_refusals_are_one_message(real: pytest.Pytester, kind: str) -> None:
    real.makepyfile(test_a=f"{MODELS}\ndef test_it(converge):\n    {REFUSALS[kind]}\n")
    result = real.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f">       {REFUSALS[kind]}", "E       InvalidTrainingError: *"])
    for frame in ("*fixture.py:*", "*runner.py:*", "*site-packages*", "*During handling*"):
        result.stdout.no_fnmatch_line(frame)


SEEDED = (
    MODELS
    + """
import random

before = random.getstate(), np.random.get_state()[1].tolist()

def test_other(converge):
    random.random(), np.random.rand(), tf.random.normal([3])
    converge.fit(build(), x, y, steps=3)

@pytest.fixture
def model():
    return build()

def test_fixture(model, converge):
    converge.fit(model, x, y, steps=3)

def test_body(converge):
    converge.fit(build(), x, y, steps=3)

def test_builder(converge):
    converge.fit(build, x, y, steps=3)

def test_state():
    assert before == (random.getstate(), np.random.get_state()[1].tolist())
"""
)


def losses(pytester: pytest.Pytester, *arguments: str) -> dict[str, Any]:
    """Batch losses by test, from the JSON report; the whole session passes."""
    result = pytester.runpytest("--converge-json=a.json", *arguments)
    assert result.ret == 0, result.stdout.str()
    trainings = json.loads((pytester.path / "a.json").read_text())["trainings"]
    return {t["test"]: t["runs"][0]["record"]["curve"]["batch_loss"] for t in trainings}


def test_a_test_gives_the_same_alone_and_in_any_company(real: pytest.Pytester) -> None:
    real.makepyfile(test_a=SEEDED)
    together = losses(real)
    assert len({tuple(curve) for curve in together.values()}) == len(together) == 4
    for test, curve in together.items():
        assert losses(real, test) == {test: curve}
    other = losses(real, "--converge-seed=1")
    assert all(other[test] != curve for test, curve in together.items())


@pytest.mark.slow
def test_parallel_runs_give_the_same_numbers(real: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    real.makepyfile(test_a=SEEDED)
    assert losses(real, "-n2") == losses(real, "-p", "no:xdist")


def test_progress_is_reported_between_parts(real: pytest.Pytester) -> None:
    real.makeconftest(
        """
        import contextlib
        from pytest_converge.plugin import fixture_calls as fixture

        @contextlib.contextmanager
        def progress(config):
            yield lambda done, steps, loss: print(f"\\nat {done} of {steps}: {loss}")

        def pytest_configure(config):
            config.add_cleanup(lambda before=fixture.progress: setattr(fixture, "progress", before))
            fixture.progress = progress
        """
    )
    real.makepyfile(
        test_a=MODELS + "\ndef test_it(converge):\n    converge.fit(build(), x, y, steps=300)\n"
    )
    result = real.runpytest("-s")
    told = re.findall(r"at (\d+) of 300: (\S+)", result.stdout.str())
    assert told
    assert [int(done) for done, _ in told] == sorted({int(done) for done, _ in told})
    assert all(float(loss) < 10 for _, loss in told)


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["tensorflow", "keras"])
def test_missing_libraries_are_one_message(pytester: pytest.Pytester, missing: str) -> None:
    pytester.makeconftest(f"import sys\nsys.modules[{missing!r}] = None\n")
    pytester.makepyfile(test_a="def test_it(converge):\n    converge.fit(None)\n")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["got no *expected *Install it with: pip install *"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*lifecycle.py*")


def test_another_backend_is_one_message(
    real: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    real.makepyfile(test_a="def test_it(converge):\n    converge.fit(None)\n")
    result = real.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["got Keras on the backend 'jax'; expected *'tensorflow'*"])


def test_a_result_tells_where_it_was_trained(real: pytest.Pytester) -> None:
    real.makepyfile(
        test_a=MODELS
        + """
def test_it(converge):
    result = converge.fit(build, x, y, steps=5, min_decrease=0)
    assert result.environment["tensorflow"] == tf.__version__
    assert result.environment["device"] and result.environment["threads"] >= 1
    assert "strategy" not in result.environment
"""
    )
    real.runpytest("--converge-json=report.json").assert_outcomes(passed=1)
    (training,) = json.loads((real.path / "report.json").read_text(encoding="utf-8"))["trainings"]
    assert training["environment"]["keras"]


GPU = (
    MODELS
    + """
def test_on_a_gpu(converge):
    model = build()
    assert "GPU" in model.variables[0].value.device
    first = converge.fit(build, x, y, steps=20, seed=1)
    again = converge.fit(build, x, y, steps=20, seed=1)
    assert first.curve.batch_loss == pytest.approx(again.curve.batch_loss, rel=1e-4)
    assert first.environment["device"] != "CPU"
    strategy = tf.distribute.MirroredStrategy()
    def under():
        with strategy.scope():
            return build()
    there = converge.fit(under, x, y, steps=20, seed=1)
    assert there.environment["replicas"] == strategy.num_replicas_in_sync
    assert there.curve.batch_loss == pytest.approx(first.curve.batch_loss, rel=1e-3)
"""
)


def test_a_gpu_is_used(real: pytest.Pytester) -> None:
    tensorflow = pytest.importorskip("tensorflow")
    if not tensorflow.config.list_physical_devices("GPU"):
        pytest.skip("needs a GPU")
    real.makepyfile(test_a=GPU)
    real.runpytest_subprocess().assert_outcomes(passed=1)
