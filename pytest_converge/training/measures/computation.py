"""What one step computes on the first batch, as plain values; nothing is trained."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from pytest_converge.training.measures.accumulation import accumulated
from pytest_converge.training.measures.attention_masks import InvertedMask, inverted_mask
from pytest_converge.training.measures.broadcasting import (
    OuterDifference,
    PairedColumns,
    PooledRows,
    RepeatedGrades,
    RepeatedOutput,
    RepeatedTarget,
    outer_difference,
    paired_columns,
    pooled_rows,
    repeated_grades,
    repeated_output,
    repeated_target,
)
from pytest_converge.training.measures.cancelled import Cancelled, cancelled
from pytest_converge.training.measures.clipped_variables import (
    ClippedVariable,
    clipped_variables,
)
from pytest_converge.training.measures.compared import told_targets, weighing
from pytest_converge.training.measures.cut_off import CutOff, cut_off
from pytest_converge.training.measures.dead_operations import DeadOperation, dead_operations
from pytest_converge.training.measures.degrees import InDegrees, in_degrees
from pytest_converge.training.measures.drawn_apart import DrawnApart, drawn_apart
from pytest_converge.training.measures.drawn_twice import DrawnTwice, drawn_twice
from pytest_converge.training.measures.drawn_weights import weights_drawn_anew
from pytest_converge.training.measures.flow import COMPARING, Flow
from pytest_converge.training.measures.gradient_stops import (
    GradientStop,
    gradient_stop,
    unreached,
)
from pytest_converge.training.measures.logits import Misread, misread_output
from pytest_converge.training.measures.normalisation import (
    Normalisation,
    UnmaskedPadding,
    normalisations,
    unmasked_padding,
)
from pytest_converge.training.measures.padded_steps import PaddedSteps, padded_steps
from pytest_converge.training.measures.read_twice import ReadTwice, read_twice
from pytest_converge.training.measures.recording import Recording, recorded
from pytest_converge.training.measures.references import references
from pytest_converge.training.measures.shares import Shares, targets_read_as_shares
from pytest_converge.training.measures.swapped import logarithm_of_targets
from pytest_converge.training.measures.untrained import Untrained, untrained
from pytest_converge.training.model.losses import loss_names
from pytest_converge.training.training import Training

__all__ = ["Computation", "computation", "makes_optimizers"]

#: Operations in which one factor scales what the other one says, and its gradient.
PRODUCTS = frozenset({"BatchMatMul", "BatchMatMulV2", "Einsum", "MatMul", "Mul"})
#: Names that tell nobody which function is meant.
NAMELESS = frozenset({"<lambda>", "loss"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Computation:
    """What is seen in one step.

    Attributes:
        loss: what the user calls the loss; empty for one of Keras and one without a name.
        outer: predictions and targets that broadcast to a matrix.
        pooled: predictions of all rows as one number that each target is compared with.
        paired: labels in a column that are compared with each other, each with each.
        grades: whole numbers in one column that each of several outputs is compared with.
        repeated: one target of a row that each of several steps of the output is compared with.
        single: one output of a row that each of its several targets is compared with.
        misread: an output that the loss reads as what it is not.
        swapped: True where predictions weigh the logarithm of the targets.
        cancelled: a difference of predictions with themselves.
        stop: where the gradient of the first variable without one ends.
        cut_off: what the loss depends on although no gradient reaches it; None for nothing.
        dead: the rectifiers of the user's own code that are 0 throughout, and cut something off.
        clipped: the variables that are beyond the range to which the step clips them.
        lost: True where some variable has no gradient by the loss.
        unread: the arrays of the batch on which the loss does not depend, by name.
        twice: one of the batch that a layer is given twice, beside one that is not read.
        other_loss: True where the step returns another loss than any that it differentiates.
        by_inputs: True where the step takes a slope by something else than variables, as by its
            inputs in an equation of physics: what is bent by corners has none there.
        bent: True where it takes such a slope of another one: nothing made of straight pieces has
            a second derivative.
        degrees: sines and cosines of the data that are given numbers as large as degrees.
        multiplied: the inputs that are multiplied as they are by what depends on weights, by name.
        targets: of a step of the user's, the arrays that are targets by what it does with them.
        weighing: those of them that only weigh what predictions cost, so that their sign counts.
        untrained: variables made trainable that the loss depends on and the step does not train.
        references: frozen layers that are none by mistake: others are trained towards what they
            answer.
        noise: random numbers that predictions are to be and that their inputs do not have.
        apart: tables of one length whose rows are drawn by indices of their own for each.
        drawn: the layers that multiply by weights which the step draws anew, by name.
        made: (class, configuration) of each Keras optimizer that the step makes anew.
        accumulated: the variables to which the step adds its gradients.
        normalisations: the layers of batch normalisation that work on nothing, or never learn.
        padding: token numbers that fill rows up and reach a recurrent layer without a mask.
        padded: series filled up with a constant that reach a recurrent layer without its mask.
        inverted: a mask that lets the padding of rows through and leaves their tokens out.
        shares: targets that are none, which a binary cross-entropy reads as probabilities.
        roles: False where a step of the user's feeds layers what would be targets or weights, as
            the parts of a triplet, or compares with predictions what would be weights, as the
            targets of a second task: then nothing is known of what the parts of the data are.
    """

    loss: str = ""
    outer: OuterDifference | None = None
    pooled: PooledRows | None = None
    paired: PairedColumns | None = None
    grades: RepeatedGrades | None = None
    repeated: RepeatedTarget | None = None
    single: RepeatedOutput | None = None
    misread: Misread | None = None
    swapped: bool = False
    cancelled: Cancelled | None = None
    stop: GradientStop | None = None
    cut_off: CutOff | None = None
    dead: tuple[DeadOperation, ...] = ()
    clipped: tuple[ClippedVariable, ...] = ()
    lost: bool = False
    unread: tuple[str, ...] = ()
    twice: ReadTwice | None = None
    other_loss: bool = False
    by_inputs: bool = False
    bent: bool = False
    degrees: tuple[InDegrees, ...] = ()
    multiplied: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    weighing: tuple[str, ...] = ()
    untrained: tuple[Untrained, ...] = ()
    references: tuple[str, ...] = ()
    noise: DrawnTwice | None = None
    apart: DrawnApart | None = None
    drawn: tuple[str, ...] = ()
    made: tuple[tuple[type, Mapping[str, Any]], ...] = ()
    accumulated: tuple[Any, ...] = ()
    normalisations: tuple[Normalisation, ...] = ()
    padding: UnmaskedPadding | None = None
    padded: PaddedSteps | None = None
    inverted: InvertedMask | None = None
    shares: Shares | None = None
    roles: bool = True


def computation(training: Training) -> Computation:
    """Looks at one step on the first batch, at the present weights; changes nothing."""
    recording = recorded(training, training.first_batch())
    flow = Flow(recording)
    shares = targets_read_as_shares(flow)
    lost = unreached(flow)
    own_step = training.model is None or training.own_train_step
    targets = told_targets(flow) if own_step else ()
    unread = _unread(flow)
    return Computation(
        loss=_loss_of(training),
        outer=outer_difference(flow),
        pooled=pooled_rows(flow),
        paired=paired_columns(flow),
        grades=repeated_grades(flow),
        repeated=repeated_target(flow),
        single=repeated_output(flow),
        misread=misread_output(flow),
        swapped=logarithm_of_targets(flow),
        cancelled=cancelled(flow),
        stop=gradient_stop(flow, lost[0]) if lost else None,
        cut_off=cut_off(training, flow),
        dead=dead_operations(training, flow),
        clipped=clipped_variables(flow, training.trainable),
        lost=bool(lost),
        unread=unread,
        twice=read_twice(flow, unread) if unread else None,
        other_loss=own_step and _returns_another(flow),
        by_inputs=any(not each.sources for each in recording.differentiations),
        bent=_differentiates_twice(flow),
        degrees=in_degrees(flow),
        multiplied=_multiplied(flow),
        targets=targets,
        weighing=tuple(name for name in targets if weighing(flow, name)),
        untrained=untrained(training, recording),
        references=references(training, flow),
        noise=drawn_twice(flow),
        apart=drawn_apart(flow),
        drawn=weights_drawn_anew(flow),
        made=tuple((type(each), each.get_config()) for each in recording.made),
        accumulated=accumulated(training, recording),
        normalisations=normalisations(recording),
        padding=unmasked_padding(recording),
        padded=padded_steps(flow),
        inverted=inverted_mask(flow),
        shares=shares if shares is not None and shares.beyond else None,
        roles=_have_roles(flow),
    )


def makes_optimizers(training: Training) -> bool:
    """Whether a step makes an optimizer: whose updates another one need not make."""
    return bool(recorded(training, training.first_batch()).made)


def _loss_of(training: Training) -> str:
    """The name of the user's own loss or step."""
    model = training.model
    if model is None:
        names = [training.loss_name]
    elif training.own_train_step:
        names = ["train_step"]
    else:
        own = [loss for name, loss in loss_names(model.loss) if not name]
        names = [str(getattr(loss, "__name__", type(loss).__name__)) for loss in own]
    return ", ".join(name for name in names if name not in NAMELESS)


def _have_roles(flow: Flow) -> bool:
    """True where no layer gets targets or weights, and no prediction is compared with weights."""
    leaves = flow.recording.leaves.items()
    reached = flow.depending([id(leaf) for name, leaf in leaves if name[0] in "ys"])
    if any(id(t) in reached for call in flow.recording.calls for t in call.inputs):
        return False
    by_weights = flow.depending([id(leaf) for name, leaf in leaves if name[0] == "s"])
    weights_alone = by_weights - flow.by_variables
    return not any(
        operation.kind in COMPARING
        and any(id(t) in weights_alone for t in operation.inputs)
        and any(id(t) in flow.by_variables for t in operation.inputs)
        for operation in flow.needed
    )


def _unread(flow: Flow) -> tuple[str, ...]:
    """The arrays of numbers of the batch whose values do not reach the loss."""
    recording: Recording = flow.recording
    if not flow.targets:
        return ()
    names = []
    for name, leaf in recording.leaves.items():
        if np.dtype(leaf.dtype.as_numpy_dtype).kind not in "biuf":
            continue
        reached = flow.depending([id(leaf)])
        if not any(id(target) in reached for target in flow.targets):
            names.append(name)
    return tuple(names)


def _returns_another(flow: Flow) -> bool:
    """Whether the loss that a step returns is none of those that it takes gradients of."""
    returned = flow.recording.returned
    if not hasattr(returned, "numpy") or not flow.targets:
        return False
    values = [float(np.mean(target.numpy())) for target in flow.targets]
    return not any(np.isclose(value, float(returned.numpy())) for value in values)


def _differentiates_twice(flow: Flow) -> bool:
    """Whether a step takes the slope of a slope, both by something else than variables."""
    by_inputs = [each for each in flow.recording.differentiations if not each.sources]
    if len(by_inputs) <= 1:
        return False
    slopes = flow.depending(id(g) for each in by_inputs for g in each.gradients)
    return any(id(target) in slopes for each in by_inputs for target in each.targets)


def _multiplied(flow: Flow) -> tuple[str, ...]:
    """The inputs that are a factor beside something trained: of a layer, or in the user's code."""
    leaves = flow.recording.leaves.items()
    names = {id(leaf): name for name, leaf in leaves if name[0] not in "ys"}
    found = {}
    for operation in flow.needed:
        if operation.kind not in PRODUCTS or operation.backward or len(operation.inputs) != 2:
            continue
        for one, other in (operation.inputs, operation.inputs[::-1]):
            name = names.get(id(flow.source(one)))
            if name is not None and id(other) in flow.by_variables:
                found[name] = True
    return tuple(found)
