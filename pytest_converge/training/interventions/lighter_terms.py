"""A term of the loss that weighs less."""

from __future__ import annotations

import math
from typing import Any

from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.own_steps import number_changed
from pytest_converge.training.measures.additions import additions_visited
from pytest_converge.training.measures.loss_terms import LossTerm
from pytest_converge.training.model.structure import layers_of
from pytest_converge.training.training import Training

__all__ = ["lighter"]


def lighter(training: Training, term: LossTerm, share: float) -> Intervention:
    """A share of a term in its place.

    Args:
        training: whose loss it is part of.
        term: as measured at the start.
        share: what it is multiplied by; 0 leaves it out.
    """

    def visit(place: int, _: str, parts: list[Any]) -> list[Any]:
        if place == term.place:
            parts = list(parts)
            parts[term.part] = share * parts[term.part]
        return parts

    times = term.slope / term.slope_of_rest if term.slope_of_rest else math.inf
    which, change, code = _in_words(term, share)
    fault = f"{which} outweighs the rest: its gradient is {times:.3g} times theirs"
    if term.is_penalty and not times > 1:
        fault = f"{which} is a penalty of the variables, and outweighs the rest"
    held, weight = _attribute(training, term.weight), _rounded(share, term)
    if held and share:
        code = f"{held} = {pasted.literal(weight)}"
    elif term.weight is not None:
        code = number_changed(training, term.weight, weight) or code
    return Intervention(
        code="regularisation-too-strong",
        change=change,
        fix=code,
        fault=fault,
        leaves_term=True,
        variant=lambda changed: additions_visited(changed, visit),
    )


def _in_words(term: LossTerm, share: float) -> tuple[str, str, str]:
    """(the term, the change, code to paste where nothing is known to hold the weight)."""
    if term.weight is None:
        which = f"the term of {term.value:.2g} at the start in the loss"
        change = f"{share:g} times that term" if share else "that term off"
        code = f"loss = rest + {share:g} * term" if share else "loss = rest  # without that term"
        return which, change, code
    which, weight = f"the term of weight {term.weight:g} in the loss", _rounded(share, term)
    change = f"weight {weight:g} instead of {term.weight:g}"
    return which, change, f"{weight:g} * term  # instead of {term.weight:g} * term, in the loss"


def _rounded(share: float, term: LossTerm) -> float:
    return float(f"{share * (term.weight or 1.0):.3g}")


def _attribute(training: Training, weight: float | None) -> str:
    """The code of the only attribute of the model or a layer that holds a weight; else empty."""
    if weight is None or training.model is None:
        return ""
    found = [
        f"{pasted.found(layer)}.{name}"
        for layer in [training.model, *layers_of(training.model)]
        for name, value in vars(layer).items()
        if isinstance(value, (int, float)) and value == weight and not name.startswith("_")
    ]
    return found[0] if len(found) == 1 and weight not in (0.0, 1.0) else ""
