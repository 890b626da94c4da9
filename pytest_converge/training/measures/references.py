"""Layers that are not trained since what they answer is what others are trained towards."""

from __future__ import annotations

from pytest_converge.training.measures.flow import Flow
from pytest_converge.training.measures.layer_readings import own_weights
from pytest_converge.training.measures.recording import LayerCall
from pytest_converge.training.training import Training

__all__ = ["references"]


def references(training: Training, flow: Flow) -> tuple[str, ...]:
    """The frozen layers that meet what is trained in the loss alone, as a teacher or a copy does.

    Nothing that is trained feeds them, no trained layer is fed by them, and they have no part in
    what the model answers; where the step never asks the model itself, they are called as for
    inference. A frozen part of the model, whose training would help, fails one of these.

    Args:
        training: left as it was.
        flow: of its recorded step.

    Returns:
        Their names, as `named_layers` has them.
    """
    model = training.model
    if model is None:
        return ()
    calls = flow.recording.calls
    sources = [id(v.handle) for each in flow.recording.differentiations for v in each.sources]
    trained = flow.depending(sources)
    answers = [call for call in calls if call.layer is model]
    fed = [call for call in calls if own_weights(call.layer)] + answers
    by_name: dict[str, list[LayerCall]] = {}
    for call in calls:
        if call.layer is not model and call.layer.weights and not call.layer.trainable_weights:
            by_name.setdefault(call.name, []).append(call)
    found = []
    for name, own in by_name.items():
        reached = flow.depending(id(tensor) for call in own for tensor in call.outputs)
        inward = any(id(tensor) in trained for call in own for tensor in call.inputs)
        onward = any(id(tensor) in reached for call in fed for tensor in call.inputs)
        part = any(id(tensor) in reached for call in answers for tensor in call.outputs)
        aside = bool(answers) or all(call.training is False for call in own)
        if aside and not (inward or onward or part):
            found.append(name)
    return tuple(found)
