"""Where and on how many rows the loss is probed."""

from __future__ import annotations

import itertools

import pytest

from pytest_converge.training.loop.probe_plan import plan_probe

SITUATIONS = [
    (steps, batch, rows)
    for steps in (1, 2, 5, 15, 16, 31, 32, 33, 100, 200, 777, 5000)
    for batch in (1, 8, 32, 256)
    for rows in (0, 1, 10, 64, 100, 1024)
]


def cost(plan, probe_cost=1 / 3):
    """The cost of all probes in rows of training."""
    between = len(plan.checkpoints) - 2
    return probe_cost * (2 * plan.rows + between * plan.part_rows)


@pytest.mark.parametrize(("steps", "batch", "rows"), SITUATIONS)
def test_what_holds_for_every_plan(steps, batch, rows):
    plan = plan_probe(steps, batch, rows)
    assert plan.rows == rows
    assert (plan.checkpoints[0], plan.checkpoints[-1]) == (0, steps)
    assert list(plan.checkpoints) == sorted(set(plan.checkpoints))
    points = len(plan.checkpoints) - 1
    assert min(steps, 16) <= points <= min(steps, 32)
    gaps = [b - a for a, b in zip(plan.checkpoints, plan.checkpoints[1:], strict=False)]
    assert max(gaps) - min(gaps) <= 1
    assert min(rows, 64) <= plan.part_rows <= rows
    stops = list(plan.stops)
    assert stops == sorted(set(stops))
    assert stops[-1] == steps
    assert set(plan.checkpoints[1:]) <= set(stops)


@pytest.mark.parametrize(("steps", "batch", "rows"), SITUATIONS)
def test_few_of_the_checkpoints_are_spread_over_the_whole_run(steps, batch, rows):
    plan = plan_probe(steps, batch, rows)
    few = plan.sparse.checkpoints
    assert set(few) <= set(plan.checkpoints)
    assert (few[0], few[-1], len(few)) == (0, steps, min(len(plan.checkpoints), 9))
    assert list(few) == sorted(set(few))
    assert all(b - a < max(steps / 4, 2) for a, b in itertools.pairwise(few))
    assert (plan.sparse.rows, plan.sparse.part_rows) == (rows, plan.part_rows)
    assert plan.sparse.sparse == plan.sparse


def test_few_checkpoints_are_no_beat():
    gaps = [b - a for a, b in itertools.pairwise(plan_probe(3200, 1, 0).sparse.checkpoints)]
    assert gaps == [300, 500] * 4


@pytest.mark.parametrize(("steps", "batch", "rows"), SITUATIONS)
def test_probing_keeps_to_its_budget_unless_it_is_at_its_least(steps, batch, rows):
    plan = plan_probe(steps, batch, rows)
    least = plan.part_rows == min(rows, 64) and len(plan.checkpoints) - 1 <= min(steps, 16)
    assert least or cost(plan) <= 0.15 * steps * batch


@pytest.mark.parametrize(
    ("steps", "batch", "rows", "points", "part"),
    [
        # 0.45 x 5000 x 32 - 2048 = 69,952 rows: all of them, 32 times.
        (5000, 32, 1024, 32, 1024),
        # 0.45 x 1000 x 32 - 2048 = 12,352 rows: 32 times 386.
        (1000, 32, 1024, 32, 386),
        # 0.45 x 250 x 32 - 2048 = 1552 rows: 24 times 64.
        (250, 32, 1024, 24, 64),
        # 0.45 x 200 x 32 - 2048 = 832 rows, and no fewer than 16 times 64.
        (200, 32, 1024, 16, 64),
        # No budget left.
        (100, 8, 1024, 16, 64),
        # 0.45 x 200 x 32 - 356 = 2524 rows: 32 times 78.
        (200, 32, 178, 32, 78),
        (200, 32, 10, 32, 10),
        (1, 32, 178, 1, 64),
        (200, 32, 0, 32, 0),
        (1, 1, 0, 1, 0),
    ],
)
def test_some_plans_by_hand(steps, batch, rows, points, part):
    plan = plan_probe(steps, batch, rows)
    assert (len(plan.checkpoints) - 1, plan.part_rows) == (points, part)


def test_dearer_probes_are_fewer():
    cheap, dear = (plan_probe(1000, 32, 1024, probe_cost) for probe_cost in (1 / 3, 1.0))
    assert dear.part_rows < cheap.part_rows
    assert cost(dear, 1.0) <= 0.15 * 1000 * 32


@pytest.mark.parametrize("steps", [200, 201, 6400, 6401, 20_000])
def test_the_loop_returns_every_200_steps_at_the_latest(steps):
    stops = (0, *plan_probe(steps, 32, 178).stops)
    assert max(b - a for a, b in itertools.pairwise(stops)) <= 200
