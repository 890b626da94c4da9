"""What should learn is not trained.

A part of the model that should learn is not trained: a layer left at `trainable = False`, a
variable that is missing in the list of variables, or a layer that no gradient reaches, as behind a
`stop_gradient`, a rounding or a call of `.numpy()`. The rest learns what it can without it.

## How it is found

Without a run: for `converge.fit`, layers and weights that were made for training and are not
trained; for `converge.minimize`, trainable variables that the loss reads and the list leaves out.
Then everything is trained, and the training is repeated from the same start. It is the cause if
every gate passes on three seeds (one where nothing is random). The finding names the layers or
variables.

A variable that is trained but on which the loss does not depend has no gradient at all, where that
of a dead unit is 0. One on which it depends only through operations without a slope has none
either, or one of 0, as behind a sign. Where these are roundings, signs, whole numbers, or
comparisons that are made numbers, they pass their gradient straight through, in the layer or step
where it was seen to stop, and the training is repeated: the values stay what they are, the slope is
that of the identity, of a comparison that of a sigmoid of the difference. A `stop_gradient` is let
through instead, unless what it stops is compared with what gets a gradient, as the targets of
Q-learning are. Where that does not help, and no other change does before the labels are looked at,
the layer is named without a proof. See Bengio, Leonard and Courville 2013, *Estimating or
propagating gradients through stochastic neurons for conditional computation*, arXiv:1308.3432.

Frozen layers are normal in transfer learning: they are no finding in a test that passes. A frozen
teacher, or a copy that others are trained towards, is left as it is: nothing that is trained feeds
it, it feeds no trained layer, and it has no part in what the model answers.

A network that never changed, while another one of the same shapes did, may be one that is to follow
it, as the target network of Q-learning: it is brought a tenth of the way to the other one in each
step, then all of the way.

A value that was taken out of a variable before the training, as by `tf.identity(v)` outside of the
loss, is no path for a gradient: where your function holds the very values of a variable that gets
none, the variable is read in their place.

Where no gradient reaches some variables, one expression of your own code is changed at a time
before that is said without a proof: see [how it diagnoses](../how-it-diagnoses.md).

A model in which nothing at all can be trained is an error before any training.

## A test that shows it

```python
import numpy as np
import tensorflow as tf
from keras.optimizers import SGD

x = np.linspace(-1, 1, 50, dtype="float32")
y = 2 * x + 3


def line(converge, both):
    slope, offset = tf.Variable(0.0), tf.Variable(0.0)
    variables = [slope, offset] if both else [slope]
    loss = lambda: tf.reduce_mean((slope * x + offset - y) ** 2)  # noqa: E731
    converge.minimize(loss, variables, SGD(0.1), steps=200, max_loss=0.01)


def test_slope_alone(converge):
    line(converge, both=False)
```

## Repair

For a Keras model: `layer.trainable = True`, and compile it again, since compiling takes down the
list of what is trained. For a rounding the gradient of the identity, here
`tf.round(x) + (x - tf.stop_gradient(x))`.

```python
def test_slope_and_offset(converge):
    line(converge, both=True)
```
"""

import functools
from collections.abc import Iterable

from pytest_converge.core.numbers import counted, listed
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.diagnosis.causes.plateau import flat_along
from pytest_converge.diagnosis.causes.unread_data import inputs_left_unread
from pytest_converge.diagnosis.code_search import slips
from pytest_converge.training.interventions import straight_through, trainable, untracked
from pytest_converge.training.interventions.followed import followed
from pytest_converge.training.interventions.held_copies import read_anew
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.measures.gradient_stops import in_words
from pytest_converge.training.measures.gradients import gradient_norms
from pytest_converge.training.measures.layer_readings import functions_of_layers, named_layers
from pytest_converge.training.measures.slope_of_steps import has_no_path
from pytest_converge.training.state.snapshot import name_of
from pytest_converge.training.training import Training

__all__ = ["CAUSE", "with_all_layers"]

#: A gradient of this part of the largest one is rounding: of a sum that cancels out.
NO_SLOPE = 1e-6


def with_all_layers(failed: FailedTraining) -> Intervention | None:
    """The frozen layers of the model trained as well; None where it has none."""
    models = failed.training.models
    # A model of which nothing is trained may be frozen on purpose, as one that is aimed at.
    model = failed.training.model or next((x for x in models if x.trainable_variables), None)
    if model is None:
        return None
    named = dict(named_layers(model))
    kept = [named[name] for name in failed.evidence.computation.references]
    if not any(trainable.frozen(model, kept)):
        return None
    return trainable.all_layers(model, kept, listed=failed.training.model is None)


def _repairs(failed: FailedTraining) -> Repairs:
    training, thawed = failed.training, with_all_layers(failed)
    if thawed is not None:
        yield thawed
    if training.lists_variables:
        everything = trainable.all_read(training)
        if everything is not None:
            yield everything
    left_out = failed.evidence.computation.untrained
    if left_out and training.model is not None:
        yield untracked.kept_as_weights(left_out, training.model)
    elif left_out and training.verb == "step" and training.optimizer_is_ours:
        yield trainable.every_left_out(training, [each.variable for each in left_out])
    cut_off = failed.evidence.computation.cut_off
    if cut_off is not None and cut_off.passages:
        loss = failed.evidence.computation.loss
        named = functions_of_layers(training.models)
        yield straight_through.straight_through(
            training, cut_off.passages, cut_off.where, loss, named
        )


def _reached(failed: FailedTraining) -> Repairs:
    """The user's code with one slip turned round, where no gradient reaches some variable."""
    missed = _without_gradient(failed) or _has_no_path(failed)
    return slips(failed, CAUSE.code) if missed else ()


def _without_gradient(failed: FailedTraining) -> tuple[str, ...]:
    """What gets no gradient, without what a step without a model writes by itself, as a buffer."""
    where = failed.evidence.disconnected
    if failed.training.model is not None:
        return where
    stays = failed.reruns.unmoved
    return tuple(name for name in where if name in stays)


def _followed(failed: FailedTraining) -> Repairs:
    """A network that never changed brought towards its like, as a target network is."""
    training, where = failed.training, failed.reruns.unmoved
    if not training.own_step or not where or not training.optimizer_is_ours:
        return ()
    still = [variable for variable in training.trainable if failed.reruns.stayed(variable)]
    failed.reruns.put_back()
    return followed(training, still, CAUSE.code, end=failed.reruns.end)


def _copied(failed: FailedTraining) -> Repairs:
    """Variables in place of what a function holds that was taken out of them before."""
    where, training = _without_gradient(failed), failed.training
    if not where or training.verb == "fit":
        return
    failed.reruns.put_back()
    named = [(place, name_of(v)) for place, v in enumerate(training.trainable)]
    places = [place for place, name in named if name in where]
    change = read_anew(training, places, CAUSE.code)
    if change is not None:
        yield change


def _has_no_path(failed: FailedTraining) -> bool:
    """Whether no gradient can be had by any variable of a step that moves none."""
    training, readings = failed.training, failed.evidence.layers
    if not training.own_step or readings is None or not readings.all_zero:
        return False
    if failed.evidence.computation.other_loss:
        return False  # what is returned is not what is learnt from
    if len(failed.reruns.unmoved) < len(training.trainable):
        return False
    look = functools.partial(has_no_path, training)
    return bool(failed.at_the_start("a path for a gradient", look, runs_the_step=True))


def _cut_off_from_all(failed: FailedTraining) -> Answer | None:
    """A step whose loss is made without its variables, as of copies that were assigned."""
    if not _has_no_path(failed):
        return None
    where = failed.reruns.unmoved
    message = (
        "no gradient of the loss reaches any variable: it is made of copies or numbers of them"
    )
    return Answer(cause=CAUSE.code, where=where, message=message)


def _disconnected(failed: FailedTraining) -> Answer | None:
    """Variables that the loss does not depend on, where no repair explains more."""
    seen = failed.evidence.computation
    where = _without_gradient(failed) or (seen.cut_off.where if seen.cut_off else ())
    stop = seen.cut_off.stop if seen.cut_off else seen.stop
    if not where or (stop is None and inputs_left_unread(failed)):
        return None  # what reads an input that nothing uses is not used itself
    if stop is not None:
        why = f"{in_words(stop, seen.loss)} has no gradient"
    elif seen.lost:
        why = "a .numpy() stands between, or the model does not use it"
    else:
        why = "the step hands none of it to its optimizer"
    message = f"no gradient reaches {listed(where)}: {why}"
    return Answer(cause=CAUSE.code, where=where, message=message)


def _usual(failed: FailedTraining) -> Iterable[Repairs]:
    return [[change] for change in (*_repairs(failed), *_left_as_they_are(failed))]


def _left_as_they_are(failed: FailedTraining) -> Repairs:
    """The given variables that a step of the user did not change in the failed run."""
    training = failed.training
    if training.own_step and training.optimizer_is_ours and failed.reruns.unmoved:
        yield trainable.every_given(training, failed.reruns.unmoved)


def _untrained(failed: FailedTraining) -> Answer | None:
    """Variables made to be trained that the loss depends on and nothing trains."""
    left_out = failed.evidence.computation.untrained
    if not left_out:
        return None
    where = tuple(each.name for each in left_out)
    message = f"the loss depends on {listed(where)}, made trainable, and no update changes it"
    return Answer(cause=CAUSE.code, where=where, message=message)


def _drawn(failed: FailedTraining) -> Answer | None:
    """Weights that no variable holds: each step multiplies by others."""
    where = failed.evidence.computation.drawn
    if not where:
        return None
    message = f"the weights in {listed(where)} are drawn anew in every step: none are kept"
    return Answer(cause=CAUSE.code, where=where, message=message)


def _unmoved(failed: FailedTraining) -> Answer | None:
    """Trained variables that end with the very values that they began with, where others move.

    Those of dead units do as well: their gradient is 0. So do those that a callback puts back.
    """
    evidence = failed.evidence
    where = failed.reruns.unmoved
    if evidence.layers is None and not _is_step_with_optimizer(failed.training):
        # Then the updates themselves tell.
        unwritten = {name_of(variable) for variable in failed.training.unwritten}
        where = tuple(name for name in where if name in unwritten)
    elif evidence.layers is not None and evidence.no_gradient:
        return None
    if not where or len(where) == len(failed.training.trainable) or flat_along(failed):
        return None
    callbacks = failed.training.callbacks
    if callbacks is not None and callbacks.acting:
        return None
    slopes = {} if evidence.layers is None else _slopes(failed)
    where = tuple(
        name
        for name in where
        if slopes.get(name, 1.0) > NO_SLOPE * max(slopes.values(), default=1.0)
    )
    if not where:
        return None  # what the loss has no slope along stays by itself, as a bias that cancels out
    message = f"{listed(where)} never changed in {counted(failed.record.curve.updates, 'step')}"
    return Answer(cause=CAUSE.code, where=where, message=message)


def _is_step_with_optimizer(training: Training) -> bool:
    return training.model is None and bool(training.optimizers)


def _slopes(failed: FailedTraining) -> dict[str, float]:
    """The gradient norm of each trained variable at the start, by name."""
    failed.reruns.put_back()
    guard, training = failed.trials.guard, failed.training
    return guard.measured("the gradient of each variable", lambda: gradient_norms(training)) or {}


def _handed_on(failed: FailedTraining) -> Repairs:
    """All given variables updated, where a step takes the gradient of some of them alone."""
    seen = failed.evidence.computation
    if _without_gradient(failed) and seen.stop is None and not seen.lost and not seen.cut_off:
        yield from _left_as_they_are(failed)


def _seen(failed: FailedTraining) -> Answer | None:
    """What is not trained, where no repair was proven or no time was left."""
    return _untrained(failed) or _drawn(failed) or _disconnected(failed) or _unmoved(failed)


CAUSE = Cause(
    code="frozen-variables",
    sentence="not trained: {where}",
    usual=_usual,
    steps=(
        Step(place=Place.NOT_TRAINED, repairs=_repairs),
        Step(place=Place.NOT_TRAINED, repairs=_followed),
        Step(place=Place.NOT_TRAINED, repairs=_handed_on),
        Step(place=Place.NOT_TRAINED, repairs=_copied),
        Step(place=Place.NO_GRADIENT, repairs=_reached),
        Step(place=Place.NO_GRADIENT, answer=_disconnected),
        Step(place=Place.NO_GRADIENT, answer=_cut_off_from_all),
        Step(place=Place.SEEN_IN_THE_STEP, answer=_seen),
    ),
)
