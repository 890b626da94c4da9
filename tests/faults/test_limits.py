"""Trainings that would not end: each is stopped at its limit, and says so in one line."""

from __future__ import annotations

import pytest

#: The same with the driver of the loop, and with a step that only Python can make.
ENDLESS = """
import time
import keras, pytest, tensorflow as tf

def test_compiled(converge):
    w = tf.Variable(3.0)
    converge.minimize(lambda: (w - 1) ** 2, [w], keras.optimizers.SGD(1e-9), steps=2**31 - 1)

def test_python(converge):
    w = tf.Variable(3.0)
    def step():
        time.sleep(0.01)
        w.assign_sub(1e-9 * float(w))
        return float(w) ** 2
    converge.step(step, variables=[w], steps=10**6)

def test_of_every_start(converge):
    def build():
        w = tf.Variable(3.0)
        return lambda: (w - 1) ** 2, [w], keras.optimizers.SGD(0.1)
    converge.minimize(build, seeds=2, steps=20)
"""


def test_a_training_ends_at_its_limit(pytester: pytest.Pytester, tensorflow_loaded: None) -> None:
    pytester.makepyfile(test_a=ENDLESS)
    result = pytester.runpytest("--converge-timeout=4", "--tb=short", "-pno:randomly")
    result.assert_outcomes(failed=2, passed=1)
    said = [line for line in result.outlines if line.startswith("E   InvalidTrainingError: ")]
    assert len(said) == 2
    result.stdout.fnmatch_lines(
        [
            "E   *: got a training at step * of 2147483647 after * s; *--converge-timeout=4. *",
            "E   *: got a training at step * of 1000000 after * s; *--converge-timeout=4. *",
        ]
    )
    assert not [line for line in result.outlines if "run.py" in line]
