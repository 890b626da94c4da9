"""A recurrent layer that hands on its last step alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.measures.layer_readings import named_layers
from pytest_converge.training.state.snapshot import attributes_set

__all__ = ["last_step_of"]


def last_step_of(models: Sequence[Any], name: str) -> Intervention | None:
    """The layer without `return_sequences`; None where no model has it.

    Args:
        models: one of them may hold the layer.
        name: of a recurrent layer, or of one that runs it in both directions.
    """
    layer = dict(named for model in models for named in named_layers(model)).get(name)
    if layer is None:
        return None
    both = [getattr(layer, f"{way}_layer", None) for way in ("forward", "backward")]
    inner = [part for part in both if part is not None]
    settings = [(part, "return_sequences", False) for part in (layer, *inner)]
    made = inner[:1] or [layer]
    # Running a layer in both directions over every step sets the second of them as well.
    plain = {"return_sequences": False, "zero_output_for_mask": False}
    return Intervention(
        code="output-loss-mismatch",
        change=f"{name} without return_sequences",
        fix=pasted.layer_lines([(part, plain) for part in made]),
        where=(name,),
        variant=lambda _: attributes_set(settings),
    )
