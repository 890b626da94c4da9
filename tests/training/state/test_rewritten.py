"""Functions that run other code for a while."""

import importlib.util

import pytest
import tensorflow as tf

from pytest_converge.training.state.own_code import own_function
from pytest_converge.training.state.rewritten import NoCodeError, rewritten

SOURCE = """
def outer(base):
    def inner(x):
        return base * x + 1

    return inner


class Scale:
    def call(self, x):
        total = 0.0
        for each in x:
            total = total + each
        return total


pair = (lambda x: x + 1, lambda x: x - 1)
"""


@pytest.fixture
def module(tmp_path):
    path = tmp_path / "user_code.py"
    path.write_text(SOURCE, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("user_code", path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def test_a_function_runs_other_code_and_then_its_own_again(module):
    inner = module.outer(3)
    own = own_function(inner)
    with rewritten(own, {own.returned(): "base - x"}):
        assert inner(2) == 1
    assert inner(2) == 7


def test_its_own_code_comes_back_behind_an_error(module):
    inner = module.outer(3)
    own = own_function(inner)
    with pytest.raises(ZeroDivisionError), rewritten(own, {own.returned(): "base / 0"}):
        inner(2)
    assert inner(2) == 7


def test_whoever_holds_a_method_runs_the_other_code(module):
    held = module.Scale()
    own = own_function(held.call)
    with rewritten(own, {own.assigned("total") or own.returned(): "-total"}):
        assert held.call([1.0, 2.0]) == -3.0


def test_loops_of_the_other_code_are_converted_for_graphs(module):
    """AutoGraph reads the source of what it converts, which stands in no file."""
    held = module.Scale()
    own = own_function(held.call)
    with rewritten(own, {own.returned(): "2.0 * total"}):
        traced = tf.function(held.call)(tf.constant([1.0, 2.0]))
        assert float(traced) == 6.0


def test_what_is_no_code_is_refused(module):
    inner = module.outer(3)
    own = own_function(inner)
    with pytest.raises(NoCodeError, match="no code"), rewritten(own, {own.returned(): "base *"}):
        pass
    assert inner(2) == 7


def test_other_variables_around_are_refused(module):
    """A closure has a cell for each: none is there for one that it did not name."""
    inner = module.outer(3)
    own = own_function(inner)
    with (
        pytest.raises(NoCodeError, match="another function"),
        rewritten(own, {own.returned(): "x"}),
    ):
        pass
    assert inner(2) == 7
