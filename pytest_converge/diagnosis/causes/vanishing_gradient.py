"""The first layers get next to no gradient.

On its way back through the layers the gradient shrinks in each of them. The last layers learn, the
first ones, which see the data, stay as they were drawn. Sigmoids have a slope of at most 0.25, so
that ten of them leave hardly a millionth. Weights that are too small do the same. So does time: a
recurrent layer hardly learns from the first of a hundred steps.

## How it is found

At the start, before any step, the gradient norm of each layer is measured. The symptom is a first
layer with less than 1 % of the last one's gradient. Where hidden layers have a bounded activation
(sigmoid, tanh, softsign), they get ReLU and ELU; then all weights are drawn anew by Keras' default
initialisers; then both, also with a third of the learning rate, since gradients that arrive again
may want a smaller one. It is the cause if every gate passes with one of these on three seeds.

Of a recurrent layer the gradient by each step of its input is measured, where the rows are in
memory. The symptom are steps at one end with less than a thousandth of the largest, from which the
targets can be predicted (by a linear fit or nearest neighbours), while they cannot from the other
steps. The layer then reads its rows from the other end; a `SimpleRNN` gets ReLU and starts with the
identity as its recurrent kernel, also at a third of the rate; the gates of an `LSTM` or a `GRU`
start open for lags as long as the rows. Where none of these passes it is said what was seen.

A step of your own, as that of a physics-informed network, may take second derivatives by its
inputs. Those of a network of ReLUs are 0 everywhere, and so is the gradient by what they cost,
whatever its weights. Hidden layers with ReLU or its kin of straight pieces get tanh, then SiLU.

On its own the ratio turns nothing red.

Sources: Hochreiter 1991; Bengio, Simard and Frasconi 1994, *Learning long-term dependencies with
gradient descent is difficult*; Glorot and Bengio 2010, *Understanding the difficulty of training
deep feedforward neural networks*; rectifiers: Glorot, Bordes and Bengio 2011; through time: Le,
Jaitly and Hinton 2015, *A simple way to initialize recurrent networks of rectified linear units*;
Tallec and Ollivier 2018, *Can recurrent neural networks warp time?*

## A test that shows it

```python
import keras
import numpy as np

x = np.random.default_rng(0).normal(size=(256, 4))
y = (x[:, 0] * x[:, 1] > 0).astype("float32")


def deep(activation):
    hidden = [keras.layers.Dense(32, activation) for _ in range(8)]
    model = keras.Sequential([keras.Input((4,)), *hidden, keras.layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.SGD(0.1), "binary_crossentropy")
    return model


def test_eight_sigmoids(converge):
    converge.fit(deep("sigmoid"), x, y, steps=500, min_skill=0.3)
```

## Repair

Beside another activation, skip connections and normalisation layers help deeper networks.

```python
def test_eight_rectifiers(converge):
    converge.fit(deep("relu"), x, y, steps=500, min_skill=0.3)
```
"""

import contextlib
import dataclasses
import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from pytest_converge.core.numbers import listed, number
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.diagnosis.causes.bad_initialisation import (
    chosen_start,
    drawn_anew,
    symptom,
)
from pytest_converge.diagnosis.evidence import Evidence
from pytest_converge.diagnosis.trials import OutOfTimeError
from pytest_converge.training.interventions import hidden, through_time
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.measures.layer_readings import (
    LayerReadings,
    layer_readings,
    named_layers,
)
from pytest_converge.training.measures.time_gradients import FaintSteps, faint_steps
from pytest_converge.training.model.structure import activation_layers, hidden_layers

#: Activations whose slope does not shrink for large inputs (after eight sigmoid layers: elu trained
#: on 9 of 10 seeds, relu on 8).
OPEN_ENDED = ("elu", "relu")
#: Activations as wide as layers are deep: rectifiers, and their smooth kin.
RECTIFYING = frozenset(
    {"relu", "relu6", "elu", "selu", "gelu", "silu", "leaky_relu", "softplus", "mish", "celu"}
)
#: Activations of straight pieces, and smooth ones, which have second derivatives.
STRAIGHT = frozenset({"relu", "relu6", "leaky_relu", "hard_sigmoid", "hard_tanh", "hard_silu"})
SMOOTH = ("tanh", "silu")
#: Gradients that arrive again may want a smaller rate than the faint ones did: by this part of it.
SLOWER = 0.3
#: Where an activation that is not one of the usual belongs: one of Keras' has no bound, one of the
#: user's own may be anything.
OF_KERAS, OF_THE_USER = "exploding-gradient", "output-loss-mismatch"


def _activations(failed: FailedTraining) -> Repairs:
    return _open_ended(failed) if failed.evidence.faint else ()


def _bent(failed: FailedTraining) -> Repairs:
    """Smooth activations, where the loss asks for the second derivatives of straight pieces."""
    if not failed.evidence.computation.bent:
        return
    hidden_ones = [layer for model in failed.training.models for layer in hidden_layers(model)]
    names = {id(x): getattr(x.activation, "__name__", "") for x in hidden_ones}
    layers = [layer for layer in hidden_ones if names[id(layer)] in STRAIGHT]
    pieces = listed(tuple(dict.fromkeys(names[id(layer)] for layer in layers)))
    for name in SMOOTH if layers else ():
        yield dataclasses.replace(
            hidden.activations(layers, name, CAUSE.code),
            change=f"hidden activations {name} instead of {pieces}",
            fault=(
                f"the step takes second derivatives by its inputs, which are 0 of {pieces}: what"
                " they cost has no gradient"
            ),
        )


def _through_time(failed: FailedTraining) -> Repairs:
    """A recurrent layer that remembers the steps that count, or reads them last."""
    faint = _faint_steps(failed)
    if faint is None:
        return
    named = [pair for model in failed.training.models for pair in named_layers(model)]
    layer = dict(named)[faint.layer]
    starts = [through_time.identity(layer), through_time.long_memory(layer, faint.steps)]
    slower = failed.at_rates(SLOWER)
    for change in (through_time.read_backwards(layer), *starts):
        if change is not None:
            yield dataclasses.replace(change, fault=_of_time(faint))
    if starts[0] is not None and slower:
        yield dataclasses.replace(starts[0].combined(slower[0]), fault=_of_time(faint))


def _faint_steps(failed: FailedTraining) -> FaintSteps | None:
    """Measured once: an eager step of a long series takes as long as a hundred compiled ones."""
    if failed.evidence.faint_steps is None:
        found = None
        if failed.reruns.rows is not None:
            failed.reruns.put_back()
            found = failed.trials.guard.measured(
                "gradients of steps in time", lambda: faint_steps(failed.training)
            )
        seen = () if found is None else (found,)
        failed.evidence = dataclasses.replace(failed.evidence, faint_steps=seen)
    return next(iter(failed.evidence.faint_steps or ()), None)


def _seen_in_time(failed: FailedTraining) -> Answer | None:
    """The same where no other start and no other direction repairs it."""
    faint = _faint_steps(failed)
    if faint is None:
        return None
    return Answer(cause=CAUSE.code, message=_of_time(faint), where=(faint.layer,))


def _of_time(faint: FaintSteps) -> str:
    ends = ("first", "last") if faint.first else ("last", "first")
    return (
        f"{faint.layer}: the {ends[0]} {faint.count} of {faint.steps} steps get down to"
        f" {number(faint.ratio, 1)} of the gradient of the {ends[1]} ones, and the targets depend"
        " on just these"
    )


def _drawn_anew_and_activations(failed: FailedTraining) -> Repairs:
    open_ended = _open_ended(failed) if failed.evidence.odd_start else []
    if not open_ended or not _faint_anew(failed):
        return
    start = chosen_start(failed)
    if start is None:
        yield open_ended[0].combined(drawn_anew(failed, CAUSE.code))
    else:  # what somebody chose is a cause of its own, unless other activations bear it
        yield open_ended[0]
        yield open_ended[0].with_causes(start)
    for slower in failed.at_rates(SLOWER):
        yield from (change.combined(slower) for change in open_ended)


def _faint_anew(failed: FailedTraining) -> bool:
    """Whether the gradient vanishes from a usual start too: from a bad one it says nothing."""
    if failed.evidence.faint:
        return True
    anew, training = drawn_anew(failed, CAUSE.code), failed.training

    def look() -> LayerReadings | None:
        with failed.reruns.measuring(anew, lambda *_: layer_readings(training)) as read:
            return read(0)

    readings = failed.trials.guard.tried(f"gradients of layers, {anew.change}", look)
    return dataclasses.replace(failed.evidence, layers=readings).vanishing


def _open_ended(failed: FailedTraining) -> list[Intervention]:
    """Other activations of the hidden layers that squash; empty where there are none."""
    model = failed.training.model
    layers = [] if model is None else [x for x in hidden_layers(model) if _squashes(x)]
    return [hidden.activations(layers, name, CAUSE.code) for name in OPEN_ENDED if layers]


def _usual(failed: FailedTraining) -> Iterable[list[Intervention]]:
    """Every hidden activation that is not one of the usual replaced; alike ones together."""
    models = failed.training.models
    found: dict[str, list[Any]] = {}
    for layer in [layer for model in models for layer in hidden_layers(model)]:
        name = getattr(layer.activation, "__name__", "")
        if name in hidden.SQUASHING:
            found.setdefault(CAUSE.code, []).append(layer)
        elif name == "linear":
            found.setdefault("too-small-capacity", []).append(layer)
        elif name not in RECTIFYING:
            known = hidden.is_of_keras(name)
            found.setdefault(OF_KERAS if known else OF_THE_USER, []).append(layer)
    if any(map(activation_layers, models)):
        found.pop("too-small-capacity", None)  # they may follow on what is linear itself
    if failed.evidence.computation.by_inputs:
        found.pop(CAUSE.code, None)  # a second derivative of rectifiers is 0
    if failed.evidence.computation.bent:
        for code in (OF_KERAS, OF_THE_USER):
            found.pop(code, None)
    smooth = itertools.islice(_bent(failed), 1)
    return [list(smooth), *_rectified(found)]


def _rectified(found: Mapping[str, list[Any]]) -> list[list[Intervention]]:
    return [[hidden.rectified(layers, code)] for code, layers in found.items()]


def _squashes(layer: Any) -> bool:
    return getattr(getattr(layer, "activation", None), "__name__", "") in hidden.SQUASHING


def _with_room(failed: FailedTraining, answer: Answer) -> Answer:
    """A repair that brings gradients back, at a smaller rate where its own is near an edge."""
    change = failed.trials.changes.get(answer.change)
    rates = failed.at_rates(1 / SLOWER, SLOWER)
    if change is None or change.variant is None or change.rate_factor != 1.0 or not rates:
        return answer
    if change.several:  # a rate would be one more of them
        return answer
    with contextlib.suppress(OutOfTimeError):  # the cause is known
        faster = failed.trials.try_out(change.combined(rates[0]), confirm=False)
        if faster is None or not faster.passed:
            return failed.first_passing([change.combined(rates[1])]) or answer
    return answer


def _sentence(evidence: Evidence, answer: Answer) -> str:
    ratio = evidence.layers.first_to_last if evidence.layers else None
    seen = f"the first layer gets {ratio or 0.0:.1g} of the last one's gradient"
    return f"{symptom(evidence) if ratio is None else seen}; it converges with {answer.change}"


CAUSE = Cause(
    code="vanishing-gradient",
    sentence=_sentence,
    refined=_with_room,
    usual=_usual,
    steps=(
        Step(place=Place.ACTIVATIONS, repairs=_activations),
        Step(place=Place.ACTIVATIONS, repairs=_bent),
        Step(place=Place.ACTIVATIONS, repairs=_through_time),
        Step(place=Place.DRAWN_ANEW_AND_ACTIVATIONS, repairs=_drawn_anew_and_activations),
        Step(place=Place.SEEN_IN_THE_STEP, answer=_seen_in_time),
    ),
)
