"""The user's own functions run with other code meanwhile, where they are.

    with rewritten(loss, {root: "tf.square(error)"}):
        ...  # whoever calls the function runs the changed text

The function object stays the same, so that everybody who holds it runs the new code: a class whose
method it is, a model whose layer, a loss that was compiled. Graphs that were traced before do not
know of it. Nothing here knows TensorFlow.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import linecache
import types
import zlib
from collections.abc import Iterator, Mapping

from pytest_converge.training.state.own_code import OwnFunction

__all__ = ["NoCodeError", "rewritten"]


class NoCodeError(ValueError):
    """A changed text is no code that could run in the place of a function."""


@contextlib.contextmanager
def rewritten(own: OwnFunction, changes: Mapping[ast.expr, str]) -> Iterator[None]:
    """Runs a function with other code in the places of some nodes while the context lasts.

    Args:
        own: the function, itself known.
        changes: code by node; no node inside of another.

    Raises:
        NoCodeError: the new text is no code, or closes over other variables than the old one.
    """
    function, text = own.function, own.source(changes)
    # Each text has a name of its own, so that nobody who keeps code by its file mixes them up.
    name = f"{own.file}, changed ({zlib.crc32(text.encode()):08x})"
    try:
        module = compile(text, name, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise NoCodeError(f"no code any more: {error}") from None
    code = _same_function(module, function.__code__)
    before = function.__code__
    # Whoever reads the source of a function, as AutoGraph, asks for it here.
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    function.__code__ = code
    try:
        yield
    finally:
        function.__code__ = before
        linecache.cache.pop(name, None)


def _same_function(module: types.CodeType, old: types.CodeType) -> types.CodeType:
    """The code of the one function of that name and first line."""
    found = [
        code
        for code in _codes(module)
        if (code.co_name, code.co_firstlineno) == (old.co_name, old.co_firstlineno)
    ]
    if len(found) != 1 or found[0].co_freevars != old.co_freevars:
        raise NoCodeError(f"another function than {old.co_name}")
    return found[0]


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for each in code.co_consts:
        if inspect.iscode(each):
            yield from _codes(each)
