"""Weights that a step draws anew instead of keeping them."""

from __future__ import annotations

from pytest_converge.training.measures.flow import Flow

__all__ = ["weights_drawn_anew"]

#: Operations whose second input are weights, and the name that a user knows them by.
WEIGHTED = frozenset(
    {"BatchMatMul", "BatchMatMulV2", "Conv2D", "Conv3D", "DepthwiseConv2dNative", "MatMul"}
)
#: What the names of operations that draw numbers have in them.
DRAWING = ("Random", "TruncatedNormal")


def weights_drawn_anew(flow: Flow) -> tuple[str, ...]:
    """The layers that multiply by numbers drawn in the same step, which nothing keeps or trains.

    Noise is drawn for rows, and multiplied by weights that are kept: it is the first factor.

    Args:
        flow: of a step.

    Returns:
        Names of layers; "the step" for what stands outside of any.
    """
    operations = flow.recording.operations
    drawn = [op for op in operations if any(part in op.kind for part in DRAWING)]
    if not drawn:
        return ()
    random = flow.depending(id(t) for op in drawn for t in op.outputs)
    kept = flow.by_variables | flow.given
    found = {}
    for operation in flow.needed:
        if operation.kind not in WEIGHTED or operation.backward or len(operation.inputs) < 2:
            continue
        first, weights = map(id, operation.inputs[:2])
        if weights in random and weights not in kept and first in kept:
            found[operation.layer or "the step"] = True
    return tuple(found)
