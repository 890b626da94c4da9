"""Arrays whose numbers are brought to their places."""

from __future__ import annotations

import dataclasses

import numpy as np
from keras import layers

from pytest_converge.columns.order_of_axes import Misplaced, transposed
from pytest_converge.columns.turned_apart import TurnedApart
from pytest_converge.training.interventions import axes
from tests.training.interventions.trainings import SGD
from tests.zoo.problems import fit, sequential


def misplaced(name, **options):
    shape = {"x": (4, 2), "y": (4, 3)}[name[0]]
    known = {"before": 0.125, "after": 0.9, "by_place": True}
    return Misplaced(name=name, order=transposed(shape, 1), **{**known, **options})


def series():
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(20, 4, width)).astype("float32") for width in (2, 3))
    return fit(sequential(layers.Dense(3), optimizer=SGD(0.1), loss="mse", shape=(4, 2)), x, y)


def test_arrays_are_reordered_and_others_kept(parts_during):
    change = axes.reordered([misplaced("y")])
    before, (during,), _ = parts_during(series(), lambda _: change)
    assert during["x"] == before["x"]
    was, now = (np.array(parts["y"][0][1]) for parts in (before, during))
    np.testing.assert_array_equal(now, was.reshape(20, 3, 4).transpose(0, 2, 1))
    assert change.redefines_loss
    assert change.change == "y transposed, not reshaped"
    assert change.fix == "y = y.reshape(-1, 3, 4).transpose(0, 2, 1)"
    assert change.where == ("y",)


def test_what_was_seen_is_said_of_each():
    alike = dataclasses.replace(misplaced("x"), by_place=False)
    change = axes.reordered([alike, misplaced("y")])
    assert change.fault == (
        "places side by side in x are not alike: their correlation is 0.12, and 0.9 where it is"
        " transposed and y and the inputs do not belong together place by place: from what is"
        " around it a target is predicted without the model with skill 0.12, in another order"
        " with 0.9"
    )
    assert change.fix.count("\n") == 1
    own = axes.reordered([misplaced("x")])
    assert own.fault.startswith("x and the targets do not belong together place by place: ")
    assert not own.redefines_loss


def flipped_apart():
    rng = np.random.default_rng(0)
    masks = (rng.random((60, 6, 6, 1)) > 0.5).astype("float32")
    x = masks + 0.1 * rng.normal(size=masks.shape).astype("float32")
    y = np.array(masks)
    y[::2] = y[::2, :, ::-1]
    model = sequential(layers.Dense(1), optimizer=SGD(0.1), loss="mse", shape=(6, 6, 1))
    return fit(model, x, y), masks


def test_targets_are_turned_back_where_they_are_mirrored(parts_during):
    start, masks = flipped_apart()
    found = TurnedApart(name="y", ways=(2, 0))
    change = axes.turned_back(found, 1)
    _, (during,), _ = parts_during(start, lambda _: change)
    np.testing.assert_array_equal(np.array(during["y"][0][1]), masks)
    assert change.redefines_loss
    assert change.fault.startswith("50 % of y are mirrored against their pictures")
    assert change.fix.startswith("both = tf.image.random_flip_left_right(tf.concat([x, y]")


def test_of_several_ways_the_draws_are_to_be_the_same():
    change = axes.turned_back(TurnedApart(name="y", ways=(1, 0, 4, 5)), 1)
    assert (
        change.fault
        == "75 % of y are turned against their pictures: these are turned apart from each other"
    )
    assert (
        change.fix
        == "# turn and mirror x and y of a row by the same draws, as by one seed for both"
    )


def test_nothing_is_turned_where_nothing_is_mirrored(parts_during):
    change = axes.turned_back(TurnedApart(name="y", ways=(1, 0)), 1)
    before, (during,), _ = parts_during(series(), lambda _: change)
    assert during["y"] == before["y"]
