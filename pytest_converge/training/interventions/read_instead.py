"""A part of a batch that nothing reads, in place of one that a layer is given twice."""

from __future__ import annotations

import ast
import contextlib
import functools
import itertools
from collections.abc import Iterator
from typing import Any

from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.mapped_lines import called_by_the_step
from pytest_converge.training.interventions.own_functions import functions_at, values_of
from pytest_converge.training.measures.read_twice import ReadTwice
from pytest_converge.training.state.own_code import own_function
from pytest_converge.training.state.snapshot import shadowed
from pytest_converge.training.training import Training

__all__ = ["read_instead"]


def read_instead(user: Training, found: ReadTwice) -> Intervention:
    """The last call of a layer on an array is given the array that nothing reads.

    Args:
        user: the training, for the line to paste.
        found: the layer and both arrays.
    """
    twice, unread = (called_by_the_step(user, name) for name in (found.twice, found.unread))
    layer = found.layer.name

    @contextlib.contextmanager
    def variant(training: Training) -> Iterator[None]:
        call, own = found.layer.call, training.function
        if training.own_train_step:
            own = training.model.train_step
        # A compiled step has arrays of its own, which its layers are given.
        plain = getattr(own, "python_function", own)
        arrays: dict[str, Any] = {}
        turns = itertools.cycle(range(found.of))

        def step(*batch: Any) -> Any:
            arrays.update(batch_leaves(batch[0] if training.own_train_step else batch))
            return plain(*batch)

        @functools.wraps(call)
        def other(first: Any, *args: Any, **settings: Any) -> Any:
            again = next(turns) == found.number
            return call(arrays[found.unread] if again else first, *args, **settings)

        replaced: contextlib.AbstractContextManager[None]
        if training.own_train_step:
            replaced = shadowed([(training.model, "train_step", step)])
        elif training.verb == "step":
            replaced = training.with_step(step)
        else:
            replaced = shadowed([(training.model, "call", _noting(training.model, arrays))])
        with replaced, shadowed([(found.layer, "call", other)]):
            yield

    return Intervention(
        code="unread-data",
        change=f"{unread} in place of {twice} where {layer} is called on it again",
        fix=_line(user, found.layer, twice, unread)
        or _line_of_call(user.model, found)
        or f"{layer}({unread})  # not {twice} again",
        where=(unread,),
        fault=f"the loss does not read {unread}, and {layer} is given {twice} twice",
        variant=variant,
    )


def _noting(model: Any, arrays: dict[str, Any]) -> Any:
    """A model's call that keeps its inputs, by the names that they have in a batch."""
    call = model.call

    @functools.wraps(call)
    def noting(inputs: Any, *args: Any, **settings: Any) -> Any:
        arrays.update(batch_leaves((inputs,)))
        return call(inputs, *args, **settings)

    return noting


def _line(user: Training, layer: Any, twice: str, unread: str) -> str:
    """The last call on the array in the user's own code, on the other one."""
    for function in functions_at(user)[:1]:
        held = values_of(function)
        given = [
            call.args[0]
            for call in function.walk()
            if isinstance(call, ast.Call) and call.args and held(call.func) is layer
            if ast.unparse(call.args[0]) == twice
        ]
        if len(given) > 1:
            last = max(given, key=lambda each: (each.lineno, each.col_offset))
            return function.changed({last: unread})
    return ""


def _line_of_call(model: Any, found: ReadTwice) -> str:
    """The call in the user's own model, on the other part of its inputs."""
    function = None if model is None else own_function(type(model).call)
    names = [name for name, held in vars(model).items() if held is found.layer] if function else []
    if function is None or len(names) != 1:
        return ""
    calls = [
        call
        for call in function.walk()
        if isinstance(call, ast.Call) and ast.unparse(call.func) == f"self.{names[0]}" and call.args
    ]
    given = calls[found.number].args[0] if len(calls) == found.of else None
    if not isinstance(given, ast.Subscript) or not found.unread.startswith("x["):
        return ""
    key = found.unread[1:].replace("'", '"')
    return function.changed({given: f"{ast.unparse(given.value)}{key}"})
