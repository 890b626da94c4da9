"""Output, loss and targets do not fit.

The activation of the output, the loss and the targets do not belong together: softmax over one
unit, a sigmoid in front of targets above 1, probabilities given to a loss that expects logits,
ReLU in front of negative targets. Or the model, or a loss of your own, does not compute what its
author thinks, and so not what the targets need.

## How it is found

Output, loss and targets are compared. What they suggest is changed (the activation, then the loss,
then both), and the training is repeated from the same start; it is the cause if every gate then
passes on three seeds.

| seen | tried |
|---|---|
| a cross-entropy without the activation it reads | sigmoid or softmax |
| `from_logits=True` behind an activation | no activation |
| targets 0 and 1, a squared error | sigmoid, sigmoid with binary cross-entropy |
| one-hot targets, a squared error | softmax, softmax with categorical cross-entropy |
| several ones in a row, softmax and categorical cross-entropy | sigmoid with binary cross-entropy |
| several ones in a row, softmax and a loss of your own | sigmoid |
| a step of your own, targets beyond what its output gives | no activation |
| a sigmoid or softmax layer behind an activation | none on the layer in front of it |
| amounts, a cross-entropy | squared error, no activation |
| amounts from 0 to 1, a cross-entropy, a bound below their entropy | squared error |
| the logarithm or the root of an output that was negative | softplus, exponential, sigmoid |
| two outputs, each with the loss of the other | to each the loss and activation it needs |
| real targets, a bounded output | no activation |
| real targets that the output gives under no weights, as a cosine | targets mapped onto its range |
| labels -1 and 1 under a hinge, an output of one sign | no activation |
| targets around 0, an error in percent | the absolute error |
| amounts, a normalisation as the last layer | none behind the output, targets standardised |
| the Poisson loss behind an output that may be negative | exponential, softplus |
| the squared logarithmic error behind such an output | softplus |
| the Kullback-Leibler divergence behind such an output | softmax |

Of a model with several outputs each one is compared with its own loss and its own targets. The
range of an output, and its mean and deviation over a batch, are measured at the present weights and
at large ones.

Of a model or step of your own, what counts is seen in one step on the first batch: a softmax or
sigmoid whose values a loss takes for logits, and values far out of [0, 1] that it takes for
probabilities. The layer that made them gets the activation that the loss reads; of exponentials
divided by their sum by hand, the logarithms are handed to the loss. A softmax over another axis
than that along which the loss reads the classes is taken over these: a cross-entropy reads them
along the last, a loss written out along the one that labels choose from, as by `tf.gather` or
one-hot rows.

Scores of the steps of a series, as `(n, 10, 1)` by a `Dense(1)`, whose softmax runs along their
last axis are weights of 1 each, and nothing trains what makes them. The softmax is taken over the
steps, as by `Softmax(axis=1)`.

A cross-entropy whose arguments are swapped, as `BinaryCrossentropy()(y_pred, y_true)`, weighs the
logarithm of the labels by the predictions. That is seen in one step too, and it is called the other
way round.

An output of an axis more than its targets, as `(n, 10, 1)` against `(n, 1)`, has each of its steps
compared with the one target of its row: Keras' losses broadcast it. The recurrent layer that hands
on all of its steps gets no `return_sequences`.

A recurrent layer with `go_backwards=True` and `return_sequences=True` puts out its last step first.
Where these steps are put beside those of a forward layer, or each is compared with its target, they
are flipped along time; `Bidirectional` does so by itself.

The CTC loss needs a frame for each label of a row, and one more between equal labels: with fewer
there is no alignment, and the loss stays at hundreds. Pooling and strides are made smaller, until
there are twice as many frames as the first batch needs, or as many; where that is not enough, it is
said.

An output of one number per row, as `(n, 1)` by a `Dense(1)`, against several targets, as `(n, 12)`,
is compared with each of them. The last layer gets as many units as there are targets.

A loss that takes the logarithm of a rate, as `tf.nn.log_poisson_loss`, is given the rate where its
exponential is taken behind softplus, a sigmoid or ReLU: these are left out.

A sum or mean that lacks its axis, as `tf.reduce_sum(q * actions)`, makes one number of the
predictions of all rows, which the target of each row is then compared with. It is taken over the
columns of each row, as by `axis=1`.

Sines, cosines and tangents in your own code read radians. Where what they are given depends on the
data alone and goes beyond a full turn of 2 pi, and not beyond two of 360 degrees, it is taken times
pi / 180.

A loss of your own that takes the logarithm or the root of an output that may be negative, as of a
standard deviation or a rate that is the bare output of a layer, is not finite from then on. The
operation is found in the first step that has such a value, and the columns of the output that it
is given are put behind softplus, the exponential or the sigmoid.

A single column under a cross-entropy over classes is divided by its own sum, which makes it 1
whatever the model says; the cross-entropy of two classes takes its place. Under a loss of your own
that nobody else knows, as of a distance, an output behind a sigmoid or the like is tried without it
where no rate and no more steps helped.

Of targets between 0 and 1 a cross-entropy leaves their own entropy, whatever is predicted. Where
that is above `max_loss`, the squared error, which is 0 where they are met, takes its place; where
that is not learnt either, the target is [unreachable](unreachable-target.md).

Logits that stay between -1 and 1 whatever the weights, as cosines without a temperature, leave at
least `ln(1 + (C - 1) e^-2)` of a cross-entropy over C classes. Where that is above `max_loss`, they
are multiplied so that they reach 10, then 30; where nothing passes, it is said.

Where none of this is seen, and neither a longer training nor a larger model helps, one expression
of your own layers or step is changed at a time, as an axis or a name: see [how it
diagnoses](../how-it-diagnoses.md).

Where nothing helps, and a plain network learns the rows that the model does not learn under any
change, the model or its loss is named without a proof.

Another loss has another unit: such a repair passes by its skill, at least 0.5 over the best
constant prediction, which is fitted where no formula gives it, and the table of trials marks its
losses with a star. A network with softmax over one unit seems to train; the gate that notices is
[loss-disagrees](loss-disagrees.md).

## A test that shows it

```python
import keras
import numpy as np

x = np.random.default_rng(0).normal(size=(256, 4))
y = (x.sum(axis=1) > 0).astype("float32")


def classifier(activation):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation)])
    model.compile(keras.optimizers.Adam(0.1), "binary_crossentropy")
    return model


def test_softmax_over_one_unit(converge):
    converge.fit(classifier("softmax"), x, y, max_loss=0.3)
```

## Repair

```python
def test_sigmoid(converge):
    converge.fit(classifier("sigmoid"), x, y, max_loss=0.3)
```
"""

import dataclasses
import functools
import inspect
import math
from collections.abc import Iterable

from pytest_converge.core.numbers import number, share
from pytest_converge.diagnosis import compared_shapes
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.diagnosis.causes.exploding_gradient import origin_of, takes_less
from pytest_converge.diagnosis.causes.unscaled_targets import POWERS
from pytest_converge.diagnosis.code_search import slips
from pytest_converge.diagnosis.skill import learnt_nothing, least_loss
from pytest_converge.training.data.arrays import batch_leaves, finite_rows
from pytest_converge.training.interventions import (
    labels,
    misread_output,
    outputs,
    radians,
    reach,
    swapped_back,
    unclipped_logits,
)
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.positive_output import positive_output
from pytest_converge.training.interventions.sharper_logits import sharper
from pytest_converge.training.measures.bounded_logits import BoundedLogits, bounded_logits
from pytest_converge.training.measures.output_range import fixed_moments, output_range
from pytest_converge.training.model.losses import loss_names
from pytest_converge.training.model.structure import output_layer

#: The least that logits from -1 to 1 leave of a cross-entropy, over two classes.
LEAST_FLOOR = math.log(1 + math.exp(-2))
#: How far logits go from 0 that are sure: of cosines it is a temperature of 0.1, and of 0.03.
LOGITS = (10.0, 30.0)
#: The share of targets beyond the range of an output from which on they are no rounding, and no few
#: rows far out.
BEYOND = 0.05
#: What is seen of a cross-entropy that is called the wrong way round.
SWAPPED = "the loss takes the logarithm of the targets: targets and predictions are swapped in it"


def _swapped(failed: FailedTraining) -> Repairs:
    """Targets and predictions the other way round, where the loss takes the logarithm of targets.

    Any rate that is high enough makes such a loss small as well.
    """
    if failed.evidence.computation.swapped:
        yield dataclasses.replace(swapped_back.swapped_back(failed.training), fault=SWAPPED)


def _swapped_seen(failed: FailedTraining) -> Answer | None:
    """The same where that was not enough, or could not be tried."""
    if not failed.evidence.computation.swapped:
        return None
    fix = swapped_back.swapped_back(failed.training).fix
    return Answer(cause=CAUSE.code, message=SWAPPED, fix=fix)


def _as_read(failed: FailedTraining) -> Repairs:
    """The output in the terms in which the loss of a step reads it, where that is seen to differ.

    What is tried does not ask for the compiled loss, which a step of one's own need not use.
    """
    misread = failed.evidence.computation.misread
    change = None if misread is None else misread_output.as_read(failed.training, misread)
    if change is not None:
        yield dataclasses.replace(change, fault=_says(failed))


def _says(failed: FailedTraining) -> str:
    misread = failed.evidence.computation.misread
    if misread is None:
        return ""
    of = f" of {misread.layer}" if misread.layer else ""
    low, high = number(misread.low), number(misread.high)
    one = "the last one" if misread.classes == -1 else f"axis {misread.classes}"
    along = f"the softmax{of} runs along"
    rate = f"the loss takes the exponential of the {misread.given}{of}, which is at least 1"
    said = {
        "classes": f"{along} axis {misread.axis}, the loss reads classes along {one}",
        "shares of rows": f"{along} axis 0, the rows of the batch, and not along its columns",
        "one class": (
            "the loss divides the only column of the output by its own sum, which makes it 1"
        ),
        "weights": f"{along} an axis of length 1: every weight is 1, whatever the scores",
        "logarithms": f"{rate}: it wants the logarithm of a rate",
        "logits": f"the loss takes logits, and is given the {misread.given}{of}",
        "probabilities": (
            f"the loss takes probabilities, and is given values from {low} to {high}{of}"
        ),
    }
    return said[misread.takes]


def _misread_seen(failed: FailedTraining) -> Answer | None:
    """An output that the loss reads as what it is not, where no repair was proven."""
    misread = failed.evidence.computation.misread
    if misread is None:
        return None
    where = (misread.layer,) if misread.layer else ()
    return Answer(cause=CAUSE.code, message=_says(failed), where=where)


def _radians(failed: FailedTraining) -> Repairs:
    """The degrees that sines and cosines of the data are given, as the radians that they read."""
    found = failed.evidence.computation.degrees
    if found:
        yield radians.radians(found)


def _positive(failed: FailedTraining) -> Repairs:
    """Outputs kept positive where the loss took the logarithm or the root of negative ones."""
    origin = origin_of(failed)
    if origin is None or origin.columns is None or not origin.far_below_zero:
        return []
    return positive_output(
        failed.training.models,
        origin.columns,
        predictions=_predictions(failed),
        fault=takes_less(failed, origin),
    )


def _predictions(failed: FailedTraining) -> str:
    """What the user's own loss calls the predictions."""
    model = failed.training.model
    known = [] if model is None or failed.training.own_train_step else loss_names(model.loss)
    loss = known[0][1] if len(known) == 1 else None
    names = list(inspect.signature(loss).parameters) if inspect.isfunction(loss) else []
    return names[1] if len(names) > 1 else "outputs"


def _bounded(failed: FailedTraining) -> BoundedLogits | None:
    """Logits within a range that leaves more of the cross-entropy than was asked for."""
    bound = failed.trials.expectation.max_loss
    if bound is None or failed.best < LEAST_FLOOR:
        return None
    measure = functools.partial(bounded_logits, failed.training)
    seen = failed.at_the_start("the range of the logits", measure)
    return None if seen is None or not seen.floor > bound else seen


def _says_bounded(seen: BoundedLogits) -> str:
    others, span = seen.classes - 1, seen.high - seen.low
    return (
        f"the logits lie within {seen.low:.3g} to {seen.high:.3g}, whatever the weights: the"
        f" cross-entropy over {seen.classes} is at least"
        f" ln(1 + {others} e^-{span:.3g}) = {number(seen.floor)}"
    )


def _sharper(failed: FailedTraining) -> Repairs:
    """The same logits over a larger range; shares that are none are another fault."""
    seen = None if failed.evidence.computation.misread else _bounded(failed)
    if seen is not None:
        for change in _over(failed, seen):
            yield dataclasses.replace(change, fault=_says_bounded(seen))


def _over(failed: FailedTraining, seen: BoundedLogits) -> list[Intervention]:
    times = [float(f"{far / seen.farthest:.1g}") for far in LOGITS]
    return [sharper(failed.training, seen, each) for each in times]


def _bounded_seen(failed: FailedTraining) -> Answer | None:
    """The same where that was not enough."""
    seen = _bounded(failed)
    if seen is None:
        return None
    return Answer(cause=CAUSE.code, message=_says_bounded(seen), fix=_over(failed, seen)[0].fix)


def _by_output(failed: FailedTraining) -> list[list[Intervention]]:
    """Another output, loss or labels: which of them does not fit shows in all three at once."""
    training, rows = failed.training, failed.reruns.rows
    if training.model is None or training.own_train_step or rows is None:
        return []
    leaves = batch_leaves(rows.arrays)
    targets = {name: finite_rows(array) for name, array in leaves if name.startswith("y")}
    return outputs.by_output(training.model, targets) if all(map(len, targets.values())) else []


def _repairs(failed: FailedTraining) -> Repairs:
    return [change for changes in _by_output(failed) for change in changes]


def _between_classes(failed: FailedTraining) -> str:
    """Targets of which a cross-entropy leaves more than was asked for, in words; empty for none."""
    training, bound = failed.training, failed.trials.expectation.max_loss
    known = [] if training.model is None else loss_names(training.model.loss)
    if bound is None or len(known) != 1 or not known[0][0].endswith("crossentropy"):
        return ""
    least = least_loss(failed)
    if not least > bound:
        return ""
    return (
        f"the targets lie between 0 and 1, where a {known[0][0]} is at least"
        f" {number(least)}, their own entropy"
    )


def _squared(failed: FailedTraining) -> Repairs:
    """The squared error of amounts between 0 and 1, which is 0 where they are met."""
    fault, model = _between_classes(failed), failed.training.model
    if fault and output_layer(model) is not None:
        yield dataclasses.replace(outputs.with_squared_error(model), fault=fault)


def _between_classes_seen(failed: FailedTraining) -> Answer | None:
    """The same where the squared error is not learnt either: no training reaches that bound."""
    fault = _between_classes(failed)
    if not fault:
        return None
    higher = f"max_loss={1.05 * least_loss(failed):.3g}"
    return Answer(cause="unreachable-target", message=fault, fix=higher)


def _unclipped(failed: FailedTraining) -> Repairs:
    """Logits without an activation that cuts them off in front of a last sigmoid or softmax."""
    model = failed.training.model
    return () if model is None else unclipped_logits.unclipped(model)


def _out_of_reach(failed: FailedTraining) -> Repairs:
    """Targets that lie outside of what the output gives under any weights, and the output."""
    training, rows = failed.training, failed.reruns.rows
    if training.model is None or training.own_train_step or rows is None:
        return
    target, known = labels.counted_target(rows.arrays), loss_names(training.model.loss)
    name = known[0][0] if len(known) == 1 else None
    if target is None or name is None or name not in outputs.REGRESSION | {""}:
        return
    if target.min() == target.max():
        return
    power, guard = POWERS.get(name), failed.trials.guard
    if outputs.outside(target, -1.0, 1.0):  # else every range known to the measurement holds them
        ends = _ends(failed)
        if ends is not None:
            mapped = reach.into_range(target, *ends, power)
            yield mapped
            yield from reach.without_last(training.model, mapped.fault)
            return
    moments = guard.tried("mean and deviation of the output", lambda: fixed_moments(training))
    if moments is not None:
        yield from reach.to_other_moments(training.model, target, moments, power)


def _ends(failed: FailedTraining) -> tuple[float, float] | None:
    training, guard = failed.training, failed.trials.guard
    return guard.tried("the range of the output", lambda: output_range(training))


def _out_of_reach_seen(failed: FailedTraining) -> Answer | None:
    """The same where that was not enough, and many targets lie beyond what the output gives."""
    change = next(iter(_out_of_reach(failed)), None)
    ends, rows = None if change is None else _ends(failed), failed.reruns.rows
    target = None if rows is None else labels.counted_target(rows.arrays)
    if change is None or ends is None or target is None:
        return None
    beyond = float(((target < ends[0]) | (target > ends[1])).mean())
    if beyond <= BEYOND:
        return None
    message = f"{change.fault}: {share(beyond)} of the targets lie beyond"
    return Answer(cause=CAUSE.code, message=message, where=change.where, fix=change.fix)


def _usual(failed: FailedTraining) -> Iterable[Repairs]:
    first, *others = _by_output(failed) or [[]]
    one_output = [*_as_read(failed), *_unclipped(failed), *first, *_unbounded(failed)]
    return [
        _swapped(failed),
        () if one_output else _positive(failed),  # both would change the same output
        *(repairs(failed) for repairs in compared_shapes.REPAIRS),
        one_output,
        *others,
        _out_of_reach(failed),
    ]


def _unsquashed(failed: FailedTraining) -> Repairs:
    """An output without its bounds, under a loss of the user's that nobody else knows."""
    training = failed.training
    if training.model is None or training.own_train_step:
        return
    known, layer = loss_names(training.model.loss), output_layer(training.model)
    held = getattr(getattr(layer, "activation", None), "__name__", "")
    if [name for name, _ in known] == [""] and held in outputs.RANGES:
        yield outputs.head(training.model, activation=None)


def _unbounded(failed: FailedTraining) -> Repairs:
    """Of a step of the user's, whose loss nobody names: an output without bounds."""
    return [change for change, _ in _without_bounds(failed)]


def _without_bounds(failed: FailedTraining) -> list[tuple[Intervention, float]]:
    training = failed.training
    own = training.model is None or training.own_train_step
    return outputs.without_bounds(training) if own else []


def _unbounded_seen(failed: FailedTraining) -> Repairs:
    """The same where amounts beside its inputs lie beyond what it gives."""
    for change, beyond in _without_bounds(failed):
        if beyond > BEYOND:
            fault = f"{share(beyond)} of the targets lie beyond what the output gives"
            yield dataclasses.replace(change, fault=fault)


def _corrected_of_nothing(failed: FailedTraining) -> Repairs:
    """The same where no rate learnt more than the best constant says: no time alone helps there."""
    nothing = learnt_nothing(failed) and not failed.evidence.unstable
    return _corrected(failed) if nothing else ()


def _corrected(failed: FailedTraining) -> Repairs:
    """The user's code with one slip turned round."""
    return slips(failed, CAUSE.code)


CAUSE = Cause(
    code="output-loss-mismatch",
    sentence="output and loss do not fit the targets; it converges with {change}",
    usual=_usual,
    steps=(
        Step(place=Place.OUTPUT_AND_LOSS, repairs=_swapped),
        Step(place=Place.OUTPUT_AND_LOSS, repairs=_positive),
        Step(place=Place.OUTPUT_AND_LOSS, repairs=_as_read),
        *(Step(place=Place.OUTPUT_AND_LOSS, repairs=each) for each in compared_shapes.REPAIRS),
        Step(place=Place.OUTPUT_AND_LOSS, repairs=_radians),
        Step(place=Place.OUTPUT_AND_LOSS, repairs=_unclipped),
        Step(place=Place.OUTPUT_AND_LOSS, repairs=_sharper),
        Step(place=Place.OUTPUT_AND_LOSS, repairs=_squared),
        Step(place=Place.OUTPUT_AND_LOSS, repairs=_unbounded_seen),
        Step(place=Place.OUTPUT_AND_LOSS, repairs=_repairs),
        Step(place=Place.CAPACITY, repairs=_unsquashed),
        Step(place=Place.NOTHING_LEARNT, repairs=_corrected_of_nothing),
        Step(place=Place.OWN_CODE, repairs=_corrected),
        # Behind the encodings of labels: no other change brings the loss below its least.
        Step(place=Place.LABELS, answer=_between_classes_seen),
        Step(place=Place.TARGETS, repairs=_out_of_reach),
        Step(place=Place.SEEN_IN_THE_STEP, answer=_swapped_seen),
        Step(place=Place.SEEN_IN_THE_STEP, answer=_misread_seen),
        *(Step(place=Place.SEEN_IN_THE_STEP, answer=each) for each in compared_shapes.SEEN),
        Step(place=Place.SEEN_IN_THE_STEP, answer=_bounded_seen),
        Step(place=Place.SEEN_IN_THE_STEP, answer=_out_of_reach_seen),
    ),
)
