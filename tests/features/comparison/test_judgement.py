"""How much worse a pipeline is, and which columns are at fault; no training."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_converge.core.curve import LossCurve
from pytest_converge.core.record import NonFinite, TrainingRecord
from pytest_converge.features.comparison.column_exchange import Features
from pytest_converge.features.comparison.judgement import Reference, find_culprits

STEPS = (0, 10, 20, 30)


def record(losses, **changes):
    curve = LossCurve(
        steps=tuple(range(1, 31)),
        batch_loss=(1.0,) * 30,
        checkpoints=STEPS,
        probe_loss=tuple(losses),
        initial_loss=losses[0],
        final_loss=losses[-1],
    )
    return TrainingRecord(seed=0, curve=curve, **changes)


GOOD = [1.0, 0.4, 0.2, 0.1]


def test_the_factor_is_the_mean_ratio_over_the_course():
    against = Reference([record(GOOD)], None)
    assert against.factor(record(GOOD), 0) == pytest.approx(1.0)
    assert against.factor(record([3 * loss for loss in GOOD]), 0) == pytest.approx(3.0)
    assert against.factor(record([1.0, 0.4, 0.4, 0.4]), 0) == pytest.approx(8 ** (1 / 4))


def test_each_start_is_compared_with_its_own_reference():
    against = Reference([record(GOOD), record([2 * loss for loss in GOOD])], None)
    assert against.factor(record(GOOD), 1) == pytest.approx(0.5)


def test_how_far_below_the_target_both_end_does_not_matter():
    against = Reference([record([1.0, 0.1, 1e-4, 1e-9])], 0.2)
    assert against.factor(record([1.0, 0.1, 0.01, 0.01]), 0) == pytest.approx(1.0)
    assert against.target == 0.2


def test_a_loss_that_is_not_finite_is_infinitely_worse():
    against = Reference([record(GOOD)], None)
    broken = record(GOOD, nonfinite=(NonFinite(what="loss", name="nan", step=3),))
    features = Features(name="ours", array=np.zeros((2, 3)), columns=("a", "b", "c"))
    assert against.run(features, [broken]).factors == (math.inf,)


def test_the_step_to_the_target_is_interpolated():
    against = Reference([record(GOOD)], None)
    features = Features(name="ours", array=np.zeros((2, 3)), columns=("a", "b", "c"))
    assert against.run(features, [record(GOOD)]).reached == (pytest.approx(30),)
    assert against.run(features, [record([1.0, 0.1, 0.1, 0.1])]).reached == (pytest.approx(10),)
    assert against.run(features, [record([1.0, 0.9, 0.8, 0.7])]).reached == (None,)


def test_a_reference_that_does_not_train_is_not_usable():
    assert not Reference([record([1.0, math.nan, math.nan, math.nan])], None).usable
    assert not Reference([record([-1.0, -2.0, -3.0, -4.0])], None).usable
    assert Reference([record(GOOD)], None).usable


@pytest.mark.parametrize("width", [5, 30, 200])
@pytest.mark.parametrize("bad", [(0,), (1, 4), (0, 2, 3)])
def test_the_bad_columns_are_found(width, bad):
    names = tuple(f"x[:, {index}]" for index in range(width))
    own = Features(name="ours", array=np.ones((4, width)), columns=names)
    reference = Features(name="z", array=np.zeros((4, width)), columns=names)
    asked = []

    def worse(features, starts):
        asked.append(starts)
        return 1.0 + 9.0 * sum(bool(features.array[0, index]) for index in bad)

    found = find_culprits(own, reference, range(width), worse, limit=2.0, starts=3)
    assert set(found.columns) == {f"x[:, {index}]" for index in bad}
    assert found.mended == 1.0
    assert found.exchanges[0].factor == 10.0
    assert asked[-1] == 3
    assert len(asked) < 60


def test_columns_that_hurt_only_together_are_found_together():
    names = ("a", "b", "c")
    own = Features(name="ours", array=np.ones((4, 3)), columns=names)
    reference = Features(name="z", array=np.zeros((4, 3)), columns=names)

    def worse(features, starts):
        return 10.0 if features.array[0].all() else 1.0

    found = find_culprits(own, reference, range(3), worse, limit=2.0, starts=3)
    assert len(found.columns) == 1
    assert found.mended == 1.0
    assert [exchange.factor for exchange in found.exchanges] == [1.0, 1.0, 1.0]
