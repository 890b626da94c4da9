"""The training that a study repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_converge.runner import Context

if TYPE_CHECKING:
    from pytest_converge.training.training import Training

__all__ = ["seeded_training"]

__tracebackhide__ = True  # errors of a user's own code end at that code


def seeded_training(context: Context, verb: str, arguments: dict[str, Any]) -> Training:
    """The training that a verb stands for, from the seed of the test.

    Args:
        context: the test.
        verb: "fit" or "minimize".
        arguments: what the verb takes, apart from the expectation.

    Raises:
        InvalidTrainingError: the arguments make no training.
    """
    from pytest_converge.training.adapters.build import build_training
    from pytest_converge.training.state.seeding import seed_everything

    base = context.expectation.seed or 0

    def adapt(model: Any, x: Any, y: Any) -> Any:
        return context.hooks.pytest_converge_adapt(model=model, x=x, y=y)

    seed_everything(base)
    return build_training(verb, arguments, context.expectation, base, adapt)
