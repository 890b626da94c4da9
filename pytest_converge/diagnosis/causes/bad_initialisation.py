"""The weights start where training does not get going.

The weights start where training does not get going: all zero or all alike, so that units cannot
become different; so large that activations saturate and the first loss is huge; so small that no
signal reaches the output.

## How it is found

By a symptom at the start, before any step: an initial loss above 15 times that of the best constant
prediction, a layer whose gradient is exactly zero, a hidden layer whose units all have the same
weights, or one with more than 70 % of its sigmoids or tanhs within 1 % of their ends on nearly
every row.

Then all weights are drawn anew by Keras' default initialisers (Glorot and Bengio 2010 for kernels,
zeros for biases), those of layers of your own that start so by their shape, and the training is
repeated. It is the cause if every gate then passes on three seeds. Without a symptom nothing is
redrawn: another start helps many trainings by chance. The same repair goes by the name of the
symptom where units are [dead](dead-units.md), or where the gradient
[vanishes](vanishing-gradient.md) at an initial loss of at most twice that of a constant: weights
that are too large hide it behind units at their ends.

Where the initial loss is as high, or not finite, with the default initialisers as well, as of a
deep stack of residual blocks of your own whose branches add up, all trained matrices are begun at
0.3, then at 0.1 of what they are; where there are none, all numbers, also at 0.03 and 0.01.

Of a step without a Keras model the matrices that all start at one value, as zeros, and those to one
side of 0, whose mean is beyond their spread, are drawn anew before any rate; those far from the
usual spread, where all repairs are made at once.

A variable that your own code clips to a range, as the pixels of a picture to 0 and 1, has no slope
beyond it. Where nearly all of its numbers start there, and it reaches the loss by that clip alone,
it is begun in the middle of the range, its numbers as far from each other as before. Where a single
end is kept, as by a ReLU of a variable itself, each number is begun as far on the other side of it.

Of a run that stood still, vectors of your own layers whose numbers all start alike, as the
thresholds of an ordinal scale, are begun in order instead, evenly spread by 1, 0.1, then 3 times
their size to either side. So are vectors of 2 to 64 numbers, also those of your own step or loss,
that start alike, move, and are alike at the end, as the rates of a sum of exponentials: each gets
the gradient of the others, and the sum stays one of them.

A parameter of your own of 100 or more, as a constant in another unit, that a run moved by less than
a thousandth of it is begun at 1, 0.1 and 10, before any rate.

For ReLUs in deep networks `he_normal` is the better choice (He et al. 2015).

## A test that shows it

```python
import keras
import numpy as np

x = np.random.default_rng(0).normal(size=(256, 4))
y = x[:, 0] * x[:, 1]


def network(kernel):
    hidden = keras.layers.Dense(32, "tanh", kernel_initializer=kernel)
    output = keras.layers.Dense(1, kernel_initializer=kernel)
    model = keras.Sequential([keras.Input((4,)), hidden, output])
    model.compile(keras.optimizers.Adam(0.01), "mse")
    return model


def test_far_too_large(converge):
    large = keras.initializers.RandomNormal(stddev=30.0)
    converge.fit(network(large), x, y, steps=300, min_skill=0.5)
```

## Repair

```python
def test_glorot(converge):
    converge.fit(network("glorot_uniform"), x, y, steps=300, min_skill=0.5)
```
"""

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

from pytest_converge.core.numbers import listed, number
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.diagnosis.evidence import Evidence, looks_stationary
from pytest_converge.training.interventions import initialisers, starts
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.loop.compiled_loop import ROUNDING
from pytest_converge.training.state.snapshot import as_tf_variable, unique_variables
from pytest_converge.training.training import Training

__all__ = ["CAUSE", "chosen_start", "drawn_anew", "symptom"]

#: What matrices are begun at, the least change first: 0.3 brought a stack of sixteen blocks whose
#: loss began at 3e6 times that of a constant to its target on ten of ten seeds.
SHARES = (0.3, 0.1)
#: And numbers without any matrix, of whose unit nobody knows.
SHARES_OF_NUMBERS = (*SHARES, 0.03, 0.01)
#: How far numbers that start alike are spread against their size: over the middle of a sigmoid,
#: just enough to get gradients of their own, and over all of a sigmoid.
WIDTHS = (1.0, 0.1, 3.0)
#: Of variables of so few numbers each is a parameter of its own, whose unit nobody knows.
MOST_NUMBERS = 8
#: From this size on a parameter is looked at, and it got nowhere where it moved by less than this
#: share of it: in float32 a step of 0.01 is lost from 3e5 on.
LARGE, HARDLY = 100.0, 1e-3
#: What such a parameter is begun at: 1 suits data in the unit of the model.
UNITS = (1.0, 0.1, 10.0)
#: A loss so many times that of a constant is worth to be told where nothing else shows.
HIGHER_THAN_A_CONSTANT = 2


def drawn_anew(failed: FailedTraining, code: str) -> Intervention:
    """Every weight from Keras' default initialisers, or by its shape where it has none."""
    model = failed.training.model
    usual, own = initialisers.default_initialisers(model, 0, code), _own_layers(failed, code)
    if own is None:
        return usual
    return usual.combined(own) if initialisers.has_own_initialisers(model) else own


def _own_layers(failed: FailedTraining, code: str) -> Intervention | None:
    """Weights of the user's own layers that start as no initialiser draws them, drawn anew."""
    failed.reruns.put_back()
    called = initialisers.of_own_layers(failed.training.model)
    return initialisers.drawn_variables(list(called.values()), code, names=list(called))


def _chosen_start(failed: FailedTraining) -> Repairs:
    """What somebody chose is the least to take back, and explains a gradient that vanishes."""
    seen = failed.evidence.saturated or failed.evidence.alike
    return _chosen_initialisers(failed) if seen else ()


def _odd_matrices(failed: FailedTraining) -> Repairs:
    """Matrices of a step without a model whose units start alike, or all push to one side."""
    failed.reruns.put_back()
    training, readings = failed.training, failed.evidence.layers
    if training.verb != "step" or training.models:
        return
    if readings is not None and readings.all_zero:
        return  # a point at rest
    alike = starts.of_one_value(v for v in training.trainable if len(v.shape) > 1)
    if len(alike) > 1:
        yield from _drawn_apart(training, alike, "all units of {} start alike")
    one_sided = initialisers.to_one_side(training.trainable)
    # Factors of a matrix may be meant to have one sign; the layers of a network have biases.
    if one_sided and any(variable.shape.rank == 1 for variable in training.trainable):
        yield from _drawn_apart(training, one_sided, "the weights of {} start to one side of 0")


def _drawn_apart(training: Training, odd: list[Any], fault: str) -> Repairs:
    known = {id(variable) for variable in odd}
    places = [(v, place) for place, v in enumerate(training.trainable) if id(v) in known]
    names = [starts.called(variable, place) for variable, place in places]
    change = initialisers.drawn_variables(odd, CAUSE.code, names=names)
    if change is not None:
        every = listed(tuple(name for name, _ in names))
        yield dataclasses.replace(change, fault=fault.format(every))


def _within_range(failed: FailedTraining) -> Repairs:
    """Variables that start beyond the range to which the step clips them, begun inside."""
    clipped = failed.evidence.computation.clipped
    if not clipped:
        return
    failed.reruns.put_back()
    training = failed.training
    own, named = _own_names(training), {}
    for each in clipped:
        variable = training.trainable[each.place]
        name = own.get(id(variable), starts.called(variable, each.place))
        named[name] = variable, each.low, each.high
    yield starts.within(named, CAUSE.code)


def _in_order(failed: FailedTraining) -> Repairs:
    """Vectors that start at one value: of own layers where the run stood still, or that stay so."""
    failed.reruns.put_back()
    training = failed.training
    named: dict[tuple[str, str], Any] = {}
    for model in training.models:
        named.update(initialisers.of_own_layers(model))
    if not looks_stationary(failed.record):
        of_models = {id(as_tf_variable(v)) for model in training.models for v in model.variables}
        free = [(n, v) for n, v in enumerate(training.trainable) if id(v) not in of_models]
        named.update({starts.called(variable, place): variable for place, variable in free})
        end = failed.reruns.end.values()
        named = {name: variable for name, variable in named.items() if id(variable) in end}
        named = starts.alike_for_ever(named, end, within=ROUNDING)
    for width in WIDTHS:
        change = starts.spread_out(named, width, CAUSE.code)
        if change is not None:
            yield change


def _chosen_initialisers(failed: FailedTraining) -> Repairs:
    """Initialisers that somebody chose, also where a rate should suit what they draw."""
    if _is_chosen(failed):
        yield drawn_anew(failed, CAUSE.code)


def _is_chosen(failed: FailedTraining) -> bool:
    """Whether somebody chose how the weights of a model start."""
    model = failed.training.model
    if model is None:
        return False
    return initialisers.has_own_initialisers(model) or _own_layers(failed, CAUSE.code) is not None


def chosen_start(failed: FailedTraining) -> Intervention | None:
    """A start that somebody chose taken back, by the name of its symptom; None for no such one."""
    if not _is_chosen(failed):
        return None
    return drawn_anew(failed, "dead-units" if failed.evidence.dead else CAUSE.code)


def _drawn_anew(failed: FailedTraining) -> Repairs:
    """The same repair by the name of the plainest symptom.

    Where the initial loss is far above a constant's, weights that are too large hide the gradient.
    """
    if failed.training.model is not None and failed.evidence.odd_start:
        faint = failed.evidence.faint and not failed.evidence.start_ratio > HIGHER_THAN_A_CONSTANT
        code = "vanishing-gradient" if faint else CAUSE.code
        yield drawn_anew(failed, "dead-units" if failed.evidence.dead else code)


def _smaller(failed: FailedTraining) -> Repairs:
    """All matrices begun smaller, where the loss is far above a constant's before any update."""
    begins = math.isfinite(failed.record.curve.first)
    by_data = any(found.what == "data" for found in failed.record.nonfinite)
    if not failed.evidence.high_start and (begins or by_data):
        return
    failed.reruns.put_back()
    fault = "" if begins else "the initial loss is not finite"
    few = all(v.shape.rank < 2 for v in failed.training.trainable)
    for share in SHARES_OF_NUMBERS if few else SHARES:
        change = starts.smaller(failed.training, share, CAUSE.code)
        if change is not None:
            yield dataclasses.replace(change, fault=fault)


def _far_off(failed: FailedTraining) -> Repairs:
    """Few numbers so large that no run got anywhere near to another size, begun at about 1."""
    failed.reruns.put_back()
    training, named, seen = failed.training, {}, []
    start, end = failed.reruns.start.values(), failed.reruns.end.values()
    own = _own_names(training)
    for place, variable in enumerate(training.trainable):
        before = start[id(variable)]
        if before.size > MOST_NUMBERS or not abs(end[id(variable)]).max() < math.inf:
            continue
        size, moved = float(abs(before).min()), float(abs(end[id(variable)] - before).max())
        if size >= LARGE and moved < HARDLY * size:
            name = own.get(id(variable), starts.called(variable, place))
            named[name] = variable
            seen.append(f"{name[0]} starts at {number(size)} and moves by {number(moved)}")
    if named:
        fault = f"{' and '.join(seen)} in {failed.reruns.steps} steps"
        changes = (starts.begun_at(named, size, CAUSE.code) for size in UNITS)
        yield from (dataclasses.replace(change, fault=fault) for change in changes)


def _own_names(training: Training) -> dict[int, tuple[str, str]]:
    """The names of variables of the user's own layers, by their ids."""
    return {
        id(variable): name
        for model in training.models
        for name, variable in initialisers.of_own_layers(model).items()
    }


def _usual(failed: FailedTraining) -> Iterable[Repairs]:
    drawn = [*_chosen_start(failed), *_drawn_anew(failed), *_chosen_initialisers(failed)]
    if not drawn:
        failed.reruns.put_back()
        training = failed.training
        every = [*training.trainable, *training.read_variables()]
        anew = initialisers.drawn_variables(unique_variables(every), CAUSE.code)
        drawn = [] if anew is None else [anew]
    return [drawn[:1], [*_within_range(failed)]]


def symptom(evidence: Evidence) -> str:
    """What shows at the start, the plainest symptom first."""
    symptoms = (
        (evidence.alike, f"all units of {listed(tuple(evidence.alike))} start alike"),
        (evidence.saturated, f"units of {listed(tuple(evidence.saturated))} start saturated"),
        (evidence.no_gradient, "layers without any gradient at the start"),
        (
            evidence.start_ratio > HIGHER_THAN_A_CONSTANT,
            f"the initial loss is {number(evidence.start_ratio)} times that of a constant",
        ),
    )
    return next((text for seen, text in symptoms if seen), "the start does not train")


def _sentence(evidence: Evidence, answer: Answer) -> str:
    return f"{symptom(evidence)}; it converges with {answer.change}"


CAUSE = Cause(
    code="bad-initialisation",
    sentence=_sentence,
    usual=_usual,
    steps=(
        Step(place=Place.CHOSEN_START, repairs=_within_range),
        Step(place=Place.CHOSEN_START, repairs=_chosen_start),
        Step(place=Place.CHOSEN_START, repairs=_odd_matrices),
        Step(place=Place.DRAWN_ANEW, repairs=_drawn_anew),
        Step(place=Place.SMALLER_START, repairs=_smaller),
        Step(place=Place.STATIONARY, repairs=_in_order),
        Step(place=Place.CHOSEN_INITIALISERS, repairs=_chosen_initialisers),
        Step(place=Place.NO_SLOPE, repairs=_far_off),
    ),
)
