"""Accumulated gradients set back after each update."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pytest_converge.training.adapters.seen import held_by
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.starts import UNNAMED
from pytest_converge.training.state.own_code import plain_function
from pytest_converge.training.state.snapshot import as_tf_variable, name_of, shadowed
from pytest_converge.training.training import Training

__all__ = ["cleared"]

#: Names for one of the sums; nobody has all of them.
NAMES = ("total", "gradient_sum", "sum_of_gradients_")


def cleared(user: Training, variables: Sequence[Any]) -> Intervention:
    """Variables set to their initial values as soon as an update was made.

    Args:
        user: the training, for the code to paste.
        variables: in which a step adds up its gradients.
    """

    @contextlib.contextmanager
    def variant(training: Training) -> Iterator[None]:
        initial = [variable.numpy() for variable in variables]

        def clearing(update: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **kwargs: Any) -> Any:
                made = update(*args, **kwargs)
                for variable, value in zip(variables, initial, strict=True):
                    variable.assign(value)
                return made

            return call

        updates = [_update_of(each.optimizer) for each in training.optimizers]
        owners = updates or [(training, "step")]  # one that makes its updates by itself
        settings = [(owner, name, clearing(getattr(owner, name))) for owner, name in owners]
        with shadowed(settings):
            yield

    together = _held_together(user, variables)
    names = tuple(dict.fromkeys(name_of(variable) for variable in variables))
    if names == (UNNAMED,):
        names = (together or "the sums of gradients",)
    return Intervention(
        code="uncleared-gradients",
        change="accumulated gradients cleared after each update",
        fix=_code(user, variables, together),
        where=names,
        variant=variant,
    )


def _held_together(training: Training, variables: Sequence[Any]) -> str:
    """The name under which the user's code holds all of them; empty where it has none."""
    asked = {id(as_tf_variable(variable)) for variable in variables}
    for held, value in _lists(training):
        if asked <= {id(as_tf_variable(each)) for each in value if hasattr(each, "assign")}:
            return held
    return ""


def _code(training: Training, variables: Sequence[Any], together: str) -> str:
    name = name_of(variables[0])
    if len(variables) == 1 and name.isidentifier():
        return f"{name}.assign(tf.zeros_like({name}))  # after each update"
    total = _free_name(training)
    line = f"{total}.assign(tf.zeros_like({total}))"
    if not together:
        return f"{line}  # after each update, for each {total}"
    return f"for {total} in {together}: {line}  # after each update"


def _free_name(training: Training) -> str:
    """A name for one of the sums that the user's step does not have."""
    step = type(training.model).train_step if training.own_train_step else training.function
    function = plain_function(step)
    code = None if function is None else function.__code__
    known = () if code is None else (*code.co_varnames, *code.co_freevars)
    return next(name for name in NAMES if name not in known)


def _lists(training: Training) -> Iterator[tuple[str, Any]]:
    """The lists that the user's step, or model, holds by name."""
    for held in held_by(training.function) if training.function is not None else ():
        if isinstance(held.value, (list, tuple)):
            yield held.name, held.value
    for name, value in vars(training.model).items() if training.model is not None else ():
        if isinstance(value, (list, tuple)) and not name.startswith("_"):
            yield f"self.{name}", value


def _update_of(optimizer: Any) -> tuple[Any, str]:
    """Where an optimizer is asked for an update: Keras' `apply_gradients` ends in `apply`."""
    return optimizer, "apply" if hasattr(optimizer, "apply") else "apply_gradients"
