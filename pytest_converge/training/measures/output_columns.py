"""Which columns of a layer's output an operation of a recorded step is given as they are."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from pytest_converge.training.measures.flow import SAME_VALUES, Flow

__all__ = ["OutputColumns", "output_columns"]

#: Operations that hand on parts of their last input.
PARTS = frozenset({"Split", "SplitV", "Unpack"})
#: Operations that move or stretch numbers where the other input is one constant.
BY_A_CONSTANT = frozenset({"AddV2", "Mul"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OutputColumns:
    """Neighbouring columns of the output of a layer.

    Attributes:
        layer: its name, as `layer_readings.named_layers` has it.
        first: the first of them, counted from 0.
        end: behind the last of them.
        width: how many columns the output has.
    """

    layer: str
    first: int
    end: int
    width: int

    @property
    def whole(self) -> bool:
        """True where they are all columns."""
        return self.end - self.first == self.width


def output_columns(flow: Flow, tensor: Any) -> OutputColumns | None:
    """The columns whose values a tensor holds, but for a constant added or multiplied.

    Returns:
        None where it holds no values of a layer, or columns that are not side by side.
    """
    made = {id(t): call for call in reversed(flow.recording.calls) for t in call.outputs}
    held = tensor
    while id(tensor) not in made:
        operation = flow.producers.get(id(tensor))
        if operation is None:
            return None
        if operation.kind in PARTS:
            (tensor,) = [t for t in operation.inputs if t.dtype == tensor.dtype][:1]
        elif operation.kind in SAME_VALUES and operation.kind != "ConcatV2":
            tensor = operation.inputs[0]
        elif operation.kind in BY_A_CONSTANT:
            others = [t for t in operation.inputs if id(t) in flow.by_variables]
            if len(others) != 1 or any(
                t.shape.rank for t in operation.inputs if t is not others[0]
            ):
                return None
            tensor = held = others[0]
        else:
            return None
    output, values = np.asarray(tensor.numpy()), np.asarray(held.numpy())
    if output.ndim < 2:
        return None
    width = output.shape[-1]
    columns = [n for n in range(width) if np.isin(output[..., n], values).all()]
    if not columns or columns != list(range(columns[0], columns[-1] + 1)):
        return None
    name = made[id(tensor)].name
    return OutputColumns(layer=name, first=columns[0], end=columns[-1] + 1, width=width)
