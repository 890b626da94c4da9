"""Functions of the user's in the text of their files."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest
import tensorflow as tf

from pytest_converge.training.state import own_code
from pytest_converge.training.state.own_code import own_function, plain_function


def rmse(y, p):
    mse = (y - p) ** 2  # not a mean
    return abs(mse)


def long_one(first, second):
    return max(
        abs(first),
        abs(second),
        key=lambda number: number + first * second,
    )


def inside(ways):
    if abs(ways) > 1:
        ways = 0
    return ways


class Scaled:
    def __call__(self, x):
        return abs(x)

    def method(self, x):
        return abs(x)


first, second = (lambda x: +abs(x)), (lambda x: -abs(x))  # two lambdas of one line
alone = lambda x: -abs(x)  # noqa: E731


def line_of(function, name="abs", code="len"):
    own = own_function(function)
    (call,) = own.calls(name)
    return own.changed({call.func: code})


def number(text, offset=0):
    """The line of this file that begins with a text."""
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return next(n for n, line in enumerate(lines, 1) if line.strip().startswith(text)) + offset


def test_a_statement_is_shown_with_the_change_and_its_place():
    assert line_of(rmse) == f"return len(mse)  # test_own_code.py:{number('return abs(mse)')}"


@pytest.mark.parametrize(
    "function",
    [
        functools.partial(rmse, 1.0),
        tf.function(rmse),
        functools.wraps(rmse)(lambda *given: rmse(given)),
    ],
    ids=["partial", "compiled", "wrapped"],
)
def test_a_function_is_found_behind_what_is_called(function):
    assert plain_function(function) is rmse
    assert "len(mse)" in line_of(function)


def test_objects_that_are_called_and_their_methods_have_a_place():
    first_line = number("def __call__", 1)
    assert line_of(Scaled()) == f"return len(x)  # test_own_code.py:{first_line}"
    assert line_of(Scaled().method) == f"return len(x)  # test_own_code.py:{first_line + 3}"


def test_a_lambda_is_shown_in_its_statement_without_the_comment():
    assert line_of(alone) == f"alone = lambda x: -len(x)  # test_own_code.py:{number('alone =')}"


def test_of_two_lambdas_in_a_line_nobody_knows_which():
    assert own_function(first) is None


@pytest.mark.parametrize("nothing", [None, 3, abs, len], ids=str)
def test_what_has_no_file_has_no_code(nothing):
    assert own_function(nothing) is None


def test_code_that_was_made_of_a_text_has_none():
    names = {}
    exec("def made(x):\n    return abs(x)", names)  # noqa: S102 - as a notebook makes it
    assert own_function(names["made"]) is None


def test_of_a_long_statement_its_one_line_is_shown_if_it_is_code(monkeypatch):
    monkeypatch.setattr(own_code, "LONGEST", 60)
    own = own_function(long_one)
    one, other = own.calls("abs")
    assert own.changed({one: "1.0"}) == f"1.0,  # test_own_code.py:{number('abs(first),')}"
    assert own.changed({one: "1.0", other: "2.0"}) == ""


def test_a_line_that_begins_a_block_is_none_of_its_own():
    own = own_function(inside)
    assert own.changed({own.calls("abs")[0]: "ways"}) == ""


def test_what_one_statement_alone_sets_is_known():
    own = own_function(rmse)
    assert ast.unparse(own.assigned("mse")) == "(y - p) ** 2"
    assert own.assigned("other") is None
    assert own_function(inside).assigned("ways") is not None
    assert ast.unparse(own.returned()) == "abs(mse)"
    assert ast.unparse(own_function(alone).returned()) == "-abs(x)"
