"""Shared by the tests of measurements: that they change nothing."""

from __future__ import annotations

import contextlib

import numpy as np


@contextlib.contextmanager
def left_alone(training):
    """Asserts that every variable of a training ends with the value that it began with."""
    state = training.state()
    before = [variable.numpy() for variable in state]
    yield
    for variable, value in zip(state, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value, err_msg=variable.name)
