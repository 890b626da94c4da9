"""The search: the order of evidence, what is refined, and what is said where nothing passed."""

from __future__ import annotations

import dataclasses
import math
import types

import pytest

from pytest_converge.core.diagnosis import Trial
from pytest_converge.core.guard import STRICT, Guard
from pytest_converge.diagnosis import search as search_module
from pytest_converge.diagnosis.cause import Answer, Cause, Step
from pytest_converge.diagnosis.causes import labels_unrelated, unreachable_target
from pytest_converge.diagnosis.order import Place
from pytest_converge.diagnosis.search import search
from pytest_converge.diagnosis.trials import OutOfTimeError
from pytest_converge.training.interventions import steps as more_steps
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.optimizers import adam
from tests.diagnosis.programs import failed_of, raw_features


def trial(change, code="momentum-too-high", passed=3, seeds=3, **fields):
    return Trial(change=change, code=code, losses=(0.1,) * seeds, passed=passed, **fields)


def failed_training(*done, best=math.nan):
    """A training on which nothing can be tried any more."""
    trials = types.SimpleNamespace(
        done={trial.change: trial for trial in done},
        changes={},
        like_the_failed_run=[trial for trial in done if not trial.control],
    )
    trials.guard = Guard()
    record = types.SimpleNamespace(nonfinite=())
    reruns = types.SimpleNamespace(rows=None)
    return types.SimpleNamespace(trials=trials, best=best, record=record, reruns=reruns)


@pytest.fixture(autouse=True)
def no_reference(monkeypatch):
    """What is tried together has tests of its own."""
    for name in ("smallest_difference", "guilty_model"):
        monkeypatch.setattr(f"pytest_converge.diagnosis.search.{name}", lambda *_: None)
    monkeypatch.setattr("pytest_converge.diagnosis.search.unreadable", lambda _: False)
    monkeypatch.setattr("pytest_converge.diagnosis.search.out_of_range", lambda _: "")
    monkeypatch.setattr("pytest_converge.diagnosis.search.known_floor", lambda _: "")


def saying(code, *places, when=True, **fields):
    """A cause that gives an answer in these places."""

    def answer(failed):
        failed.__dict__.setdefault("asked", []).append(code)
        return Answer(cause=code) if when else None

    return Cause(code=code, steps=tuple(Step(place=p, answer=answer) for p in places), **fields)


def out_of_time(failed):
    raise OutOfTimeError


def broken(*_):
    raise NameError("renamed")


def broken_while_repairing(failed):
    yield from ()
    broken()


def of(*causes):
    return {cause.code: cause for cause in causes}


def test_causes_answer_in_the_order_of_evidence():
    causes = of(
        saying("c", Place.NOT_TRAINED, when=False),
        saying("b", Place.MORE_STEPS),
        saying("a", Place.LEARNING_RATE),
        saying("d", Place.NOT_FINITE, when=False),
    )
    failed = failed_training()
    assert search(failed, causes).cause == "a"
    assert failed.asked == ["d", "c", "a"]


def test_several_signs_come_before_another_start(monkeypatch):
    """What makes up for all of them would hide them."""
    module = "pytest_converge.diagnosis.search"
    monkeypatch.setattr(f"{module}.smallest_difference", lambda *_: Answer(cause="both"))
    causes = of(saying("start", Place.DRAWN_ANEW), saying("scale", Place.FEATURES, when=False))
    for signs, cause in [({"a"}, "start"), ({"a", "b"}, "both")]:
        failed = failed_training()
        failed.takes_rate = False
        failed.trials.changes = {code: Intervention(code=code, change=code) for code in signs}
        assert search(failed, causes).cause == cause


def test_what_proves_nothing_is_said_last():
    causes = of(saying("told", Place.NO_SLOPE_SEEN), saying("proven", Place.OTHER_STARTS))
    assert search(failed_training(), causes).cause == "proven"
    assert search(failed_training(), of(causes["told"])).cause == "told"


def test_a_cause_refines_its_answers():
    def with_more(failed, answer):
        return dataclasses.replace(answer, message="more")

    causes = of(saying("a", Place.LABELS, refined=with_more))
    assert search(failed_training(), causes).message == "more"


def test_repairs_are_tried_by_the_training():
    failed = failed_training()
    failed.first_passing = lambda changes: Answer(cause="a", where=tuple(changes))
    cause = Cause(code="a", steps=(Step(place=Place.LABELS, repairs=lambda _: ["one", "two"]),))
    assert search(failed, of(cause)).where == ("one", "two")


@pytest.mark.parametrize(
    ("done", "cause"),
    [
        ((trial("kept"),), "momentum-too-high"),
        ((trial("half of the rows", control=True),), "told"),
        ((trial("on the first seed alone", passed=0, seeds=1),), "told"),
    ],
    ids=["verified", "a control", "failed"],
)
def test_what_was_verified_before_the_time_was_up_is_kept(done, cause):
    late = Cause(code="late", steps=(Step(place=Place.LABELS, answer=out_of_time),))
    causes = of(late, saying("told", Place.FLOOR))
    assert search(failed_training(*done), causes).cause == cause


def test_a_repair_that_holds_on_some_seeds_is_told_as_such():
    found = search(failed_training(trial("less", passed=2), trial("none", passed=1)), {})
    assert found.message == "less repairs it on 2 of 3 starts"


def test_a_repair_in_another_unit_that_passed_in_part_counts_as_well():
    other = trial("other labels", passed=2, comparable=False)
    assert search(failed_training(trial("less", passed=1), other), {}).trial is other
    same = trial("less", passed=2)
    assert search(failed_training(other, same), {}).trial is same
    asked = trial("permuted", passed=2, comparable=False, control=True)
    assert search(failed_training(asked), {}).cause == "unknown"


@pytest.mark.parametrize(
    ("best", "said"),
    [
        (math.nan, "none of 1 changes made the test pass"),
        (0.25, "none of 1 changes made the test pass; the best of them reached 0.2500"),
    ],
)
def test_where_nothing_was_found_it_is_said(best, said):
    control, failing = trial("asked", control=True), trial("tried", passed=0, seeds=1)
    found = search(failed_training(control, failing, best=best), {})
    assert (found.cause, found.message) == ("unknown", said)


@pytest.mark.parametrize("step", [{"answer": broken}, {"repairs": broken_while_repairing}])
def test_a_step_that_raises_is_named_and_the_search_goes_on(monkeypatch, step):
    failed = failed_training()
    failed.first_passing = lambda changes: next(iter(changes), None)
    causes = of(
        Cause(code="a", steps=(Step(place=Place.LABELS, **step),)), saying("b", Place.FLOOR)
    )
    with pytest.raises(NameError):
        search(failed, causes)
    monkeypatch.delenv(STRICT)
    assert search(failed, causes).cause == "b"
    assert failed.trials.guard.failed == [("a: labels", "NameError: renamed")]


def test_an_answer_stands_where_more_about_it_cannot_be_told(monkeypatch):
    monkeypatch.delenv(STRICT)
    failed = failed_training()
    assert search(failed, of(saying("a", Place.LABELS, refined=broken))) == Answer(cause="a")
    assert failed.trials.guard.failed == [("a: more about it", "NameError: renamed")]


@pytest.mark.parametrize(
    ("module", "function", "name"),
    [
        (unreachable_target, "contradicting_share", "unreachable-target: contradictions"),
        (unreachable_target, "batch_leaves", "unreachable-target: contradictions"),
        (labels_unrelated, "relation", "labels-unrelated: unrelated targets"),
    ],
)
def test_a_measurement_within_a_cause_is_guarded(monkeypatch, module, function, name):
    failed = failed_of(raw_features(), steps=5, max_loss=1e-9)
    monkeypatch.delenv(STRICT)
    monkeypatch.setattr(module, function, broken)
    search(failed, of(module.CAUSE))
    assert (name, "NameError: renamed") in failed.trials.guard.failed


@pytest.mark.parametrize(
    ("fields", "pairs"),
    [({}, ["Adamant and more"]), ({"other_optimizer": True}, []), ({"of_optimizer": 1}, [])],
)
def test_another_optimizer_and_one_of_several_are_paired_with_nothing(monkeypatch, fields, pairs):
    change = Intervention(code="a", change="Adamant", **fields)
    failed = failed_training(trial("Adamant", passed=0, seeds=1))
    failed.trials.changes["Adamant"] = change
    failed.reruns = types.SimpleNamespace(steps=10, rows=None)
    failed.not_steeper, failed.takes_rate = (lambda factors: factors), False
    monkeypatch.setattr(more_steps, "more", lambda *_: Intervention(code="b", change="more"))
    failed.at_rates, tried = (lambda *_: []), []
    failed.first_passing = lambda changes: tried.extend(each.change for each in changes)
    search(failed, {})
    assert tried == pairs
    assert adam("a", 0.1).combined(change).other_optimizer


def test_a_pair_of_changes_may_have_learnt_by_heart(monkeypatch):
    failed = failed_training(trial("Adamant", passed=0, seeds=1))
    failed.trials.changes["Adamant"] = Intervention(code="a", change="Adamant")
    failed.reruns = types.SimpleNamespace(steps=10, rows=None)
    failed.not_steeper, failed.takes_rate = (lambda factors: factors), False
    failed.at_rates = lambda *_: []
    more = Intervention(code="too-few-steps", change="more")
    monkeypatch.setattr(more_steps, "more", lambda *_: more)
    failed.first_passing = lambda changes: next(iter(changes)).change
    seen = []
    monkeypatch.setattr(search_module, "unless_by_heart", lambda _, found: seen.append(found))
    search(failed, {})
    assert seen == ["Adamant and more"]
