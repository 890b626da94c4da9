"""Which operation of a step made the first value that is not finite."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import tensorflow as tf

from pytest_converge.training.loop.run import TrainingRun
from pytest_converge.training.measures.flow import Flow
from pytest_converge.training.measures.gradients import undisturbed
from pytest_converge.training.measures.output_columns import OutputColumns, output_columns
from pytest_converge.training.measures.recording import Operation, recorded

__all__ = ["WORDS", "NonFiniteOrigin", "nonfinite_origin", "origin_in"]

#: Operations whose value or derivative is not finite at 0, or at another end, in words.
WORDS = {
    "Acos": "arccosine",
    "Asin": "arcsine",
    "Atanh": "inverse hyperbolic tangent",
    "Div": "division",
    "Log": "log",
    "Log1p": "log1p",
    "Pow": "power",
    "RealDiv": "division",
    "Reciprocal": "reciprocal",
    "Rsqrt": "rsqrt",
    "Sqrt": "sqrt",
}
#: The end of what an operation takes, where that is not 0.
ENDS = {"Acos": "1 or -1", "Asin": "1 or -1", "Atanh": "1 or -1", "Log1p": "-1"}
#: Those among them that want positive numbers.
OF_POSITIVE = frozenset({"Log", "Pow", "Rsqrt", "Sqrt"})
#: Operations by which TensorFlow computes their derivatives.
DERIVATIVES = {
    "Acos": frozenset({"Reciprocal"}),
    "Asin": frozenset({"Reciprocal"}),
    "Atanh": frozenset({"Reciprocal"}),
    "Div": frozenset({"Div", "RealDiv"}),
    "Log": frozenset({"Reciprocal"}),
    "Log1p": frozenset({"Reciprocal"}),
    "Pow": frozenset({"Log", "Pow", "Mul"}),
    "RealDiv": frozenset({"RealDiv"}),
    "Reciprocal": frozenset({"ReciprocalGrad"}),
    "Rsqrt": frozenset({"RsqrtGrad"}),
    "Sqrt": frozenset({"SqrtGrad"}),
}
#: What TensorFlow computes the distance from an end by, in the derivative of an operation.
OF_ENDS = frozenset({"AddV2", "Mul", "Sqrt", "Square", "Sub"})
#: A number as small as that makes a quotient of float32 leave the finite numbers.
NEXT_TO_ZERO = 1e-30
#: What float32 makes of 0, as of a variance that is the difference of two means.
ROUNDING = 1e-5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NonFiniteOrigin:
    """The operation.

    Attributes:
        step: counted from 1.
        kind: the operation of the model or the loss, as in `Sqrt`; where its derivative is not
            finite the one that was differentiated.
        derivative: True where its value is finite and its derivative is not.
        layer: whose call it is part of; empty for the loss or the step.
        least: the least number that it was given, of which it has no value or no slope; for a
            division that of least size, for an operation with another end how far within it is.
            None for other operations, and for numbers that suit it.
        columns: of a layer's output, that it is given; None for other numbers.
        place: (file, line) of the user's code that makes it; None where nobody knows.
    """

    step: int
    kind: str
    derivative: bool
    layer: str
    least: float | None
    columns: OutputColumns | None = None
    place: tuple[str, int] | None = None

    @property
    def at_zero(self) -> bool:
        """True where 0, its end, or what rounding makes of it is what it does not take."""
        return self.least is not None and abs(self.least) <= ROUNDING

    @property
    def far_below_zero(self) -> bool:
        """True where a layer's output that it does not take is below 0 by more than rounding."""
        return self.columns is not None and self.least is not None and self.least < -ROUNDING

    @property
    def in_words(self) -> str:
        """Operation, place and step: "derivative of Sqrt in conv2d, step 3"."""
        what = f"derivative of {self.kind}" if self.derivative else self.kind
        return f"{what} in {self.layer or 'the loss'}, step {self.step}"


def nonfinite_origin(running: TrainingRun, step: int) -> NonFiniteOrigin | None:
    """Looks at a step of a run, made again up to it; changes nothing.

    Args:
        running: the run; its training need not stand at its start.
        step: counted from 1.

    Returns:
        None where the step has no such operation, as where the weights are not finite any more.
    """
    training = running.training
    with undisturbed(training):
        running.restart()
        if step > 1:
            running.of_length(step - 1).run(0)
        batch = None
        if training.data is not None:
            batch = next(itertools.islice(training.data.batches(), step - 1, None), None)
            if batch is None:
                return None
        return origin_in(Flow(recorded(training, batch)), step)


def origin_in(flow: Flow, step: int) -> NonFiniteOrigin | None:
    """The first operation of a recorded step from which what is not finite reaches its end."""
    bad: set[int] = set()
    makers: list[Operation] = []
    for operation in flow.recording.operations:
        outputs = [t for t in operation.outputs if _is_bad(t)]
        if not outputs:
            continue
        known = any(id(t) in bad or _is_bad(t) for t in operation.inputs)
        bad.update(id(t) for t in outputs)
        if not known and operation.kind != "ReadVariableOp":
            makers.append(operation)
    ends = [
        t
        for each in flow.recording.differentiations
        for t in (*each.targets, *each.gradients)
        if id(t) in bad or _is_bad(t)
    ]
    for maker in makers:
        reached = _through(flow, maker, bad)
        if any(id(t) in reached for t in ends):
            return _described(flow, maker, step)
    return None


def _through(flow: Flow, maker: Operation, bad: set[int]) -> set[int]:
    """The tensors that are not finite because those of an operation are not."""
    found = {id(t) for t in maker.outputs}
    for operation in flow.recording.operations:
        if any(id(t) in found for t in operation.inputs):
            found.update(id(t) for t in operation.outputs if id(t) in bad)
    return found


def _described(flow: Flow, maker: Operation, step: int) -> NonFiniteOrigin:
    original = _differentiated(flow, maker) if maker.backward else None
    operation = original or maker
    return NonFiniteOrigin(
        step=step,
        kind=operation.kind,
        derivative=original is not None,
        layer=operation.layer,
        least=_unsuitable(operation) if operation.kind in WORDS else None,
        columns=output_columns(flow, operation.inputs[0])
        if operation.kind in OF_POSITIVE
        else None,
        place=operation.place,
    )


def _differentiated(flow: Flow, maker: Operation) -> Operation | None:
    """The operation of the forward pass whose derivative one of the backward pass is."""
    own = _behind(flow, maker)
    for operation in flow.recording.operations:
        fits = maker.kind in DERIVATIVES.get(operation.kind, ())
        if operation.backward or not fits:
            continue
        if any(id(t) in own for t in (*operation.inputs, *operation.outputs)):
            return operation
    return None


def _behind(flow: Flow, maker: Operation) -> set[int]:
    """The tensors of the forward pass of which a derivative is computed, with those on the way."""
    found: set[int] = set()
    waiting = list(maker.inputs)
    while waiting:
        tensor = waiting.pop()
        before = flow.producers.get(id(tensor))
        if id(tensor) in found:
            continue
        found.add(id(tensor))
        # What the derivative of 1 - x * x is made of is computed on the way back.
        if before is not None and before.backward and before.kind in OF_ENDS:
            waiting += before.inputs
    return found


def _unsuitable(operation: Operation) -> float | None:
    """The least number given to an operation where it is one that it does not take."""
    given = [np.asarray(tensor, dtype=np.float64) for tensor in operation.inputs]
    if operation.kind in ("Acos", "Asin", "Atanh"):
        least = 1.0 - float(np.abs(given[0]).max(initial=0.0))
    elif operation.kind == "Log1p":
        least = 1.0 + float(given[0].min(initial=np.inf))
    elif operation.kind == "Reciprocal":
        least = float(np.abs(given[0]).min(initial=np.inf))
    elif operation.kind in ("Div", "RealDiv"):
        least = float(np.abs(given[1]).min(initial=np.inf))
    elif operation.kind == "Pow":  # whole powers take any number
        base, exponent = np.broadcast_arrays(*given)
        least = float(base[exponent != np.round(exponent)].min(initial=np.inf))
    else:
        least = float(given[0].min(initial=np.inf))
    return least if least <= NEXT_TO_ZERO else None


def _is_bad(tensor: Any) -> bool:
    if not isinstance(tensor, tf.Tensor) or not hasattr(tensor, "numpy"):
        return False
    if not tensor.dtype.is_floating:
        return False
    return not bool(np.isfinite(np.asarray(tensor.numpy(), dtype=np.float64)).all())
