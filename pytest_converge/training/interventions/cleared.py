"""Accumulated gradients set back after each update."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.state.snapshot import name_of, shadowed
from pytest_converge.training.training import Training

__all__ = ["cleared"]


def cleared(variables: Sequence[Any]) -> Intervention:
    """Variables set to their initial values as soon as an update was made.

    Args:
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

    names = tuple(dict.fromkeys(name_of(variable) for variable in variables))
    total = names[0] if len(variables) == 1 and names[0].isidentifier() else "total"
    line = f"{total}.assign(tf.zeros_like({total}))"
    return Intervention(
        code="uncleared-gradients",
        change="accumulated gradients cleared after each update",
        fix=f"{line}  # after each update" + (", for each total" if len(variables) > 1 else ""),
        where=names,
        variant=variant,
    )


def _update_of(optimizer: Any) -> tuple[Any, str]:
    """Where an optimizer is asked for an update: Keras' `apply_gradients` ends in `apply`."""
    return optimizer, "apply" if hasattr(optimizer, "apply") else "apply_gradients"
