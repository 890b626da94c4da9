"""Padding masked before a recurrent layer reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.measures.layer_readings import named_layers
from pytest_converge.training.measures.normalisation import UnmaskedPadding
from pytest_converge.training.state.snapshot import attributes_set

__all__ = ["CODE", "masked"]

CODE = "unmasked-padding"


def masked(models: Sequence[Any], padding: UnmaskedPadding) -> Intervention:
    """The embedding of padded rows with a mask, so that trailing zeros are no tokens."""
    layers = dict(named for model in models for named in named_layers(model))
    layer = layers[padding.embedding]
    settings = [(layer, "mask_zero", True), (layer, "supports_masking", True)]
    return Intervention(
        code=CODE,
        change="padding masked",
        fix=pasted.layer_lines([(layer, {"mask_zero": True})]),
        where=(padding.embedding,),
        variant=lambda _: attributes_set(settings),
    )
