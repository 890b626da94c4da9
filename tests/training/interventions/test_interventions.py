"""What holds for every intervention: it changes exactly what it names, and is taken back."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import optimizers

from pytest_converge.training.interventions import (
    averaged_loss,
    direction,
    features,
    finite_gradients,
    hidden,
    initialisers,
    labels,
    learning_rate,
    outputs,
    precision,
    reach,
    regularisation,
    rows,
    starts,
    steps,
    straight_through,
    targets,
    trainable,
    width,
)
from pytest_converge.training.interventions import class_weights as weighted_classes
from pytest_converge.training.interventions import optimizers as changed_optimizers
from pytest_converge.training.measures.gradient_stops import GradientStop
from tests.training.interventions.trainings import (
    STEPS,
    SUMMED,
    autoencoder,
    binary,
    classes,
    clipped,
    closure,
    decayed,
    decayed_by_own,
    differing,
    emptied,
    frozen,
    halved,
    images,
    maps,
    missing,
    of_model,
    own_loss,
    plain,
    regression,
    shifted,
    smoothed,
    tagged,
    two_optimizers,
    weighted,
    written,
)
from tests.zoo.problems import BINARY


def passing(kind):
    """A straight-through gradient of a kind of operation outside of layers."""
    stop = GradientStop(operation=kind, kind=kind)
    return straight_through.straight_through(written(), [stop], ("dense",), "", {})


CHANGES = {
    "rate": (regression, lambda reruns: learning_rate.scaled(reruns.training, 0.1, 10.0), {"rate"}),
    "rate of a schedule": (
        decayed,
        lambda reruns: learning_rate.scaled(reruns.training, 0.5, 10.0),
        {"rate"},
    ),
    "rate of a schedule of the user's": (
        decayed_by_own,
        lambda reruns: learning_rate.scaled(reruns.training, 0.5, 0.1),
        {"rate"},
    ),
    "rate of one": (
        two_optimizers,
        lambda reruns: learning_rate.of_one(reruns.training, 1, 0.1, 10.0),
        {"rate 1"},
    ),
    "sign": (
        regression,
        lambda reruns: direction.reversed_sign(reruns.training, 0.1),
        {"rate"},
    ),
    "schedule": (
        decayed,
        lambda reruns: learning_rate.constant(reruns.training, 0.25, last=0.1, when="5 steps"),
        {"rate"},
    ),
    "momentum": (
        regression,
        lambda reruns: changed_optimizers.less_momentum(reruns.training, "momentum"),
        {"optimizer"},
    ),
    "finite gradients": (regression, lambda _: finite_gradients.finite(), set()),
    "clipped": (
        regression,
        lambda reruns: changed_optimizers.clipped(reruns.training),
        {"optimizer"},
    ),
    "unclipped": (
        clipped,
        lambda reruns: changed_optimizers.less_clipped(reruns.training, 1.0)[1],
        {"optimizer"},
    ),
    "less clipped": (
        clipped,
        lambda reruns: changed_optimizers.less_clipped(reruns.training, 1.0)[0],
        {"optimizer"},
    ),
    "usual decay": (
        lambda: regression(optimizers.AdamW(0.01, weight_decay=3.0)),
        lambda reruns: changed_optimizers.less_weight_decay(reruns.training)[0],
        {"optimizer"},
    ),
    **{
        f"under a schedule {number}": (
            plain,
            lambda reruns, number=number: learning_rate.scheduled(reruns.training, 0.1, STEPS)[
                number
            ],
            {"rate"} if number == 2 else set(),
        )
        for number in range(4)
    },
    "decay": (
        lambda: regression(optimizers.AdamW(0.01, weight_decay=3.0)),
        lambda reruns: changed_optimizers.less_weight_decay(reruns.training)[1],
        {"optimizer"},
    ),
    "adam": (
        regression,
        lambda _: changed_optimizers.adam("plateau", 0.01),
        {"optimizer", "rate"},
    ),
    "features": (
        regression,
        lambda reruns: features.standardised((), {"x": [0, 2]}, data=reruns.rows),
        {"x"},
    ),
    "all features": (
        plain,
        lambda reruns: features.standardised((), {"x": [0, 1, 2, 3]}, data=reruns.rows),
        {"x"},
    ),
    "inputs and targets": (
        autoencoder,
        lambda reruns: features.standardised((), {"x": [0, 1, 2, 3]}, data=reruns.rows),
        {"x", "y"},
    ),
    "images": (images, lambda _: features.standardised((), {"x": []}), {"x"}),
    "targets": (regression, lambda _: targets.standardised(1.0, ("y",)), {"y"}),
    "labels": (binary, lambda _: targets.relabelled((0.0, 1.0), (-1.0, 1.0)), {"y"}),
    "one-hot": (classes, lambda _: targets.one_hot(3), {"y"}),
    "class weights": (
        binary,
        lambda _: weighted_classes.balanced({0: 0.25, 1: 0.75}),
        {"row weights"},
    ),
    "weights of mean 1": (
        weighted,
        lambda reruns: weighted_classes.of_mean_one(reruns.rows, 450.0)[0],
        {"row weights"},
    ),
    "balanced weights": (
        weighted,
        lambda reruns: weighted_classes.of_mean_one(reruns.rows, 450.0)[1],
        {"row weights"},
    ),
    "weights of rows": (
        lambda: weighted(of_rows=True),
        lambda reruns: weighted_classes.of_mean_one(reruns.rows, 450.0)[0],
        {"row weights"},
    ),
    **{
        f"averaged {name}": (
            lambda loss=loss: regression(loss=loss),
            lambda reruns: averaged_loss.averaged(
                reruns.training, 8, rate=0.1, rose=True, factor=None
            ),
            {"loss"},
        )
        for name, loss in SUMMED.items()
    },
    "float32": (
        halved,
        lambda reruns: precision.in_single_precision(reruns.training, "exploding-gradient"),
        {"computes"},
    ),
    "float32 weights": (
        lambda: halved("float16"),
        lambda reruns: precision.in_single_precision(reruns.training, "exploding-gradient"),
        {"computes"},
    ),
    "aligned": (regression, lambda _: rows.realigned(1), {"x", "y"}),
    "aligned backwards": (regression, lambda _: rows.realigned(-2), {"x", "y"}),
    "into reach": (
        regression,
        lambda reruns: reach.into_range(reruns.rows.arrays[1], -1.0, 1.0, -2),
        {"y"},
    ),
    "other way round": (
        own_loss,
        lambda reruns: outputs.for_targets(reruns.training.model, {"y": reruns.rows.arrays[1]})[1],
        {"y"},
    ),
    "one of two targets": (
        tagged,
        lambda _: targets.standardised(None, ("y['amount']",), ["y['amount']"]),
        {"y"},
    ),
    "one of two outputs": (
        tagged,
        lambda reruns: outputs.by_output(
            reruns.training.model, {f"y['{k}']": a for k, a in reruns.rows.arrays[1].items()}
        )[0][0],
        {"activations", "loss"},
    ),
    "permuted": (regression, lambda _: targets.permuted(0), {"y"}),
    "order": (
        lambda: regression(shuffle=False),
        lambda _: rows.shuffled(0, from_dataset=False),
        {"order"},
    ),
    "missing": (missing, lambda _: rows.without_nonfinite(("x",)), {"x", "y"}),
    "columns": (
        emptied,
        lambda reruns: rows.without_unusable_columns(("x",), rows.unusable_columns(reruns.rows)),
        {"x", "y"},
    ),
    "range": (
        lambda: binary((0.0, 100.0)),
        lambda reruns: labels.into_range(BINARY, reruns.rows.arrays[1])[0],
        {"y"},
    ),
    "connected": (regression, lambda _: passing("StopGradient"), {"slopes"}),
    "straight through": (regression, lambda _: passing("Round"), {"slopes"}),
    "rectifiers": (
        shifted,
        of_model(lambda m: hidden.plain_rectifiers(m.layers[1:2], "dead-units")),
        {"thresholds"},
    ),
    "added": (
        regression,
        of_model(lambda m: regularisation.without_added_losses(m.layers[:1])),
        {"added"},
    ),
    "smoothing": (
        smoothed,
        of_model(lambda m: regularisation.without_smoothing(regularisation.smoothed_loss(m))),
        {"smoothing"},
    ),
    "stretch": (regression, lambda _: rows.stretch(0, 10, "label-encoding", "half"), {"x", "y"}),
    "initialisers": (
        regression,
        of_model(lambda model: initialisers.default_initialisers(model, 0, "bad-initialisation")),
        {"weights"},
    ),
    "nudge": (closure, lambda _: starts.nudged([[3.0, 4.0]], 0.5, "saddle-point"), {"weights"}),
    "elsewhere": (closure, lambda _: starts.elsewhere(1, 0.3), {"weights"}),
    "steps": (regression, lambda _: steps.more(STEPS, 4), {"steps", "order"}),
    "head": (
        regression,
        of_model(lambda model: outputs.head(model, activation=None)),
        {"activations"},
    ),
    "head of maps": (
        maps,
        of_model(lambda model: outputs.head(model, activation=None)),
        {"activations"},
    ),
    "logits": (
        binary,
        lambda reruns: outputs.for_targets(reruns.training.model, {"y": reruns.rows.arrays[1]})[0],
        {"activations"},
    ),
    "mapped": (
        regression,
        lambda _: reach.into_range(np.array([-9.0, 9.0]), -1.0, 1.0, -2),
        {"y"},
    ),
    "head and loss": (
        regression,
        of_model(
            lambda model: outputs.head(
                model, activation="sigmoid", loss=keras.losses.BinaryCrossentropy()
            )
        ),
        {"activations", "loss"},
    ),
    "hidden": (
        regression,
        of_model(lambda model: hidden.activations(model.layers[:1], "relu", "dead-units")),
        {"activations"},
    ),
    "penalties": (
        regression,
        of_model(lambda m: regularisation.without_penalties(regularisation.penalised_layers(m))),
        {"penalties"},
    ),
    "smaller penalties": (
        regression,
        of_model(
            lambda m: regularisation.smaller_penalties(regularisation.penalised_layers(m), 0.1)
        ),
        {"penalties"},
    ),
    "constraints": (
        regression,
        of_model(
            lambda m: regularisation.without_constraints(regularisation.constrained_layers(m))
        ),
        {"constraints"},
    ),
    "dropout": (
        regression,
        of_model(lambda m: regularisation.without_dropout(regularisation.dropout_layers(m))),
        {"dropout"},
    ),
    "frozen": (frozen, of_model(trainable.all_layers), {"trained"}),
    "left out": (
        closure,
        lambda reruns: trainable.all_read(reruns.training),
        {"trained", "weights"},
    ),
    "wider": (regression, of_model(width.wider), {"sizes", "weights"}),
    "deeper": (
        plain,
        of_model(width.deeper),
        {
            "sizes",
            "weights",
            "layers",
            "activations",
            "penalties",
            "constraints",
            "trained",
        },
    ),
}


@pytest.mark.parametrize(("start", "make", "expected"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_exactly_that_and_is_taken_back(parts_during, start, make, expected):
    before, (during,), after = parts_during(start(), make)
    assert differing(before, during) == expected
    assert differing(before, after) == set()
