"""The zoo of compounds: what its table says, and that it can be trained."""

from __future__ import annotations

import collections

import numpy as np
import pytest

from benchmarks.diagnosis import FAMILY, named_causes
from pytest_converge.core.diagnosis import Diagnosis
from tests.zoo import compounds
from tests.zoo.compounds import COMPOUNDS, HELD, OPEN, Compound, compound_of
from tests.zoo.programs import BASES, PARTS

KINDS = collections.Counter(compound.base.kind for compound in COMPOUNDS)


def first_of_each_base():
    return list({compound.base.name: compound for compound in reversed(COMPOUNDS)}.values())


def test_there_are_enough_of_every_kind():
    assert len(COMPOUNDS) >= 60
    assert set(KINDS) == {"fit", "subclassed", "train_step", "step", "minimize"}
    assert 3 * (len(COMPOUNDS) - KINDS["fit"]) >= len(COMPOUNDS)
    assert sum(len(compound.parts) == 3 for compound in COMPOUNDS) >= 12


def test_a_compound_is_in_the_table_once():
    sets = {(compound.base.name, frozenset(compound.parts)) for compound in COMPOUNDS}
    assert len(sets) == len(COMPOUNDS)


def test_the_faults_of_a_compound_are_in_different_components():
    for compound in COMPOUNDS:
        assert len(compound.parts) in (2, 3)
        assert len({part.component for part in compound.parts}) == len(compound.parts)
        assert {part.name for part in compound.parts} <= set(compound.base.parts)


def test_every_part_is_in_some_compound_and_has_a_cause_that_exists():
    assert {part.name for compound in COMPOUNDS for part in compound.parts} == set(PARTS)
    assert {code for part in PARTS.values() for code in (part.cause, *part.also)} <= set(FAMILY)


def test_a_half_is_held_back_and_stays_the_same_when_rows_are_added():
    assert {c.name for c in HELD} | {c.name for c in OPEN} == {c.name for c in COMPOUNDS}
    assert not {c.name for c in HELD} & {c.name for c in OPEN}
    assert 0.35 < len(HELD) / len(COMPOUNDS) < 0.65
    compound = HELD[0]
    assert Compound(compound.base, compound.parts).held


@pytest.mark.parametrize("compound", first_of_each_base(), ids=lambda c: c.name)
def test_a_training_starts(compound):
    assert compounds.train(compound.start(fixed=False, seed=0), 12, 0)


def test_the_same_seed_is_the_same_training():
    compound = compound_of("factors_by_minimize", "frozen_layers", "rate_by_1000")
    assert compounds.holds(compound, fixed=False, seed=3) == compounds.holds(
        compound, fixed=False, seed=3
    )


def test_what_is_left_of_a_compound_is_every_part_of_its_faults():
    compound = compound_of("factors_by_minimize", "frozen_layers", "rate_by_1000")
    left = [tuple(part.name for part in each.parts) for each in compound.remainders()]
    assert left == [("frozen_layers", "rate_by_1000"), ("frozen_layers",), ("rate_by_1000",)]


@pytest.mark.slow
def test_a_small_compound_holds_and_its_base_passes():
    compound = compound_of("factors_by_minimize", "frozen_layers", "rate_by_1000")
    assert all(compounds.verified(left) for left in compound.remainders())
    assert compounds.verified(Compound(compound.base, ()), fixed=True)


def test_the_bound_has_the_unit_of_the_targets():
    compound = compound_of("friedman_by_descent", "targets_far_from_zero", "l2_of_ten")
    base = compound.base
    assert compound.expected(fixed=True) == {"steps": base.steps, "max_loss": base.max_loss}
    assert compound.expected(fixed=False)["max_loss"] == pytest.approx(1e4 * base.max_loss)


def test_the_budget_is_a_part():
    compound = compound_of("friedman_by_descent", "l2_of_ten", "a_fifteenth_of_the_steps")
    assert compound.expected(fixed=False)["steps"] == 10


def test_the_faults_of_a_compound_are_its_causes():
    compound = compound_of("factors_by_minimize", "frozen_layers", "rate_by_1000")
    assert compound.faults == (
        ("frozen-variables", ()),
        ("learning-rate-too-low", ("too-few-steps",)),
    )
    assert compound.accepted == {"frozen-variables", "learning-rate-too-low", "too-few-steps"}


def test_bases_share_no_state():
    base = BASES["rents_by_column"]
    wild = base.function({"a_wild_column"}, 0).arguments["x"]["income"]
    tame = base.function((), 0).arguments["x"]["income"]
    assert np.abs(wild).mean() > 1000 > np.abs(tame).max()


def test_a_diagnosis_without_a_list_of_causes_names_one():
    assert named_causes(Diagnosis(cause="dead-units", message="")) == ["dead-units"]
