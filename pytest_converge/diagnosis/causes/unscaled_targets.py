"""Targets that are very large or far from zero.

The targets are so large, or so far from zero, that the output layer has to travel for most of the
training just to reach their mean, and gradients grow with the error.

## How it is found

The rule fires where the standard deviation or the absolute mean of a target column exceeds 20. It
fired on none of 816 healthy trainings. Labels of a cross-entropy are never counted.

Where it fires, the targets are standardised, and the training is repeated from the same start. It
is the cause if every gate then passes on three seeds. The loss changes its unit with the targets:
a squared error shrinks by their variance, an absolute one by their standard deviation. `max_loss`
is converted with it where the tool knows how; else the repair passes by its skill, at least 0.5
over the best constant prediction, and the table of trials marks its losses with a star. A bound
that asks for errors below a hundredth of the best constant's, a ten-thousandth of a squared loss,
was thought of for scaled targets: there that skill takes its place.

Where the spread of the features is small against their mean and that of the targets too, as of
prices divided by the highest, both are standardised.

Of several targets, each is looked at with the loss that reads it, and only those in amounts are
standardised. Targets that are the inputs are never standardised alone.

What a step of your own does with the parts of its data tells which are targets, whatever their
place: no layer gets them, and predictions are to come near to them, or to what is made of them, as
the goals of Q-learning of its rewards. Those that weigh what predictions cost, as the times of a
likelihood, are divided by their deviation and keep their sign.

A step that knows no targets, as one for an equation of physics, may ask for large numbers all the
same. Where no rate helps, and the output of its only model ends at more than ten times the size at
which it began, the output is tried times 300, 30 and 3000, as by a `Rescaling` behind it.

On a linear output, another learning rate often repairs the same fault. Both are then reported.

`preprocessing.check` fails on it, without training: a standard deviation or abs(mean) above 20, or
a root mean square below 0.001.

## A test that shows it

```python
import keras
import numpy as np

rng = np.random.default_rng(0)
x = rng.normal(size=(256, 4))
y = 50_000 * (x @ [1.0, 2.0, -1.0, 0.5]) + 300_000  # in dollars


def network():
    layers = [keras.Input((4,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.Adam(0.01), "mse")
    return model


def test_price(converge):
    converge.fit(network, x, y, steps=200, min_skill=0.8)
```

## Repair

Standardise the targets, and turn predictions back with the same two numbers.

```python
def test_price_in_standard_units(converge):
    converge.fit(network, x, (y - y.mean()) / y.std(), steps=200, min_skill=0.8)
```
"""

import dataclasses
import statistics
from collections.abc import Iterable

from pytest_converge.columns.contradictions import targets_are_inputs
from pytest_converge.columns.scale import HIGHEST_OFFSET, ScaleFlag
from pytest_converge.core.numbers import listed, number
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Step
from pytest_converge.diagnosis.evidence import Evidence
from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.interventions import targets
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.scaled_output import grown_output, times
from pytest_converge.training.model.losses import loss_names

__all__ = [
    "CAUSE",
    "POWERS",
    "SIZES",
    "as_far_from_zero",
    "on_an_unsuitable_scale",
    "standardised_targets",
]

#: The power of the deviation by which losses shrink where targets are standardised.
POWERS = {"mean_squared_error": -2, "mean_absolute_error": -1}
#: An output that ends so many times as large as it began is on its way to large numbers: a choice.
GROWN = 10.0
#: What it is multiplied by: of a temperature in kelvin 100 was too little from some starts.
FACTORS = (300.0, 30.0, 3000.0)
#: How the parts of the scale rule tell what they measured, of features and of targets.
SIZES = {
    "small-rms": "root mean square {:.3g}",
    "large-rms": "root mean square {:.3g}",
    "deviation": "standard deviation up to {:.3g}",
    "offset": "mean {:.3g} times the standard deviation",
    "spread": "standard deviation {:.3g}",
    "mean": "mean {:.3g}",
}


def standardised_targets(failed: FailedTraining) -> list[Intervention]:
    """The targets standardised, where the scale rule fires for them; of several those alone.

    Not those that are the inputs: they are scaled with them, or not at all.
    """
    flags, rows = failed.evidence.scale.targets, failed.reruns.rows_of_any_kind
    if rows is None or not flags:
        return []
    leaves = list(batch_leaves(rows.arrays))
    if targets_are_inputs(leaves):
        return []
    where = tuple(dict.fromkeys(name for flag in flags for name in flag.columns))
    # Those that a step tells have any name.
    several = [name for name, _ in leaves if name.startswith("y")] != ["y"]
    several = several or any(flag.array != "y" for flag in flags)
    flagged = tuple(dict.fromkeys(flag.array for flag in flags)) if several else ()
    arrays = tuple(name for name, _ in leaves if name in flagged)
    if several and not arrays:
        return []
    signed = failed.evidence.computation.weighing
    kept = tuple(name for name in arrays or ("y",) if name in signed)
    if not kept:
        return [targets.standardised(_unit(failed), where, arrays)]
    change = targets.divided(where, kept)
    rest = tuple(name for name in arrays if name not in kept)
    return [targets.standardised(None, where, rest).combined(change) if rest else change]


def as_far_from_zero(failed: FailedTraining) -> list[Intervention]:
    """The targets standardised beside features whose spread is small against their mean.

    Of amounts whose own is as small nothing shows in a loss, but for how near it is to zero.
    """
    if not any(flag.part == "offset" for flag in failed.evidence.scale.features):
        return []
    scales = [scale for scale in failed.evidence.scales if scale.target]
    columns = [column for scale in scales for column in scale.columns]
    far = all(abs(c.mean) > HIGHEST_OFFSET * c.deviation > 0.0 for c in columns)
    if len(scales) != 1 or not far or _unit(failed) is None:
        return []
    return [targets.standardised(_unit(failed), tuple(column.name for column in columns))]


def _larger_output(failed: FailedTraining) -> Iterable[Intervention]:
    """The output in larger units, where it is on its way to numbers that no targets tell of.

    As those of an equation of physics, whose steps know no targets.
    """
    training, reruns = failed.training, failed.reruns
    targets_known = failed.evidence.computation.targets or failed.evidence.scale.targets
    if training.verb != "step" or targets_known or failed.evidence.unstable:
        return
    reruns.put_back()
    grown = failed.trials.guard.measured(
        "growth of the output", lambda: grown_output(training, reruns.start, reruns.end)
    )
    reruns.put_back()
    if grown is None or not grown.end > GROWN * grown.start:
        return
    fault = (
        f"the output has to grow: its size went from {number(grown.start)} to {number(grown.end)}"
    )
    for factor in FACTORS:
        change = times(grown.layer, factor, CAUSE.code)
        yield dataclasses.replace(change, fault=fault)


def _usual(failed: FailedTraining) -> Iterable[list[Intervention]]:
    return [standardised_targets(failed)]


def _unit(failed: FailedTraining) -> float | None:
    """What standardised targets do to the unit of a squared or absolute error."""
    if failed.training.model is None:
        return None
    names = [name for name, _ in loss_names(failed.training.model.loss)]
    spreads = [c.deviation for s in failed.evidence.scales if s.target for c in s.columns]
    power = POWERS.get(names[0]) if len(names) == 1 else None
    if power is None or not spreads or not all(spreads):
        return None
    return 1.0 / statistics.fmean(spread ** (-power) for spread in spreads)


def on_an_unsuitable_scale(what: str, flags: tuple[ScaleFlag, ...], answer: Answer) -> str:
    """The sentence on features or targets, with the first part of the rule that fired."""
    if not flags:
        return f"with {answer.change} it converges"
    size = SIZES.get(flags[0].part, "{:.3g}").format(flags[0].value)
    return f"{what} on an unsuitable scale: {size} in {listed(flags[0].columns)}"


def _sentence(evidence: Evidence, answer: Answer) -> str:
    return on_an_unsuitable_scale("targets", evidence.scale.targets, answer)


CAUSE = Cause(
    code="unscaled-targets",
    sentence=_sentence,
    usual=_usual,
    steps=(
        Step(place=Place.TARGETS, repairs=standardised_targets),
        # Behind the rates, each of which makes an output grow faster.
        Step(place=Place.RATE_AND_STEPS, repairs=_larger_output),
    ),
)
