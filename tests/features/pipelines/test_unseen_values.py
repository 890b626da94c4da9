"""Values never seen, and missing ones."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.features.pipelines.adapters import pipeline_for
from pytest_converge.features.pipelines.trial_run import prepare
from pytest_converge.features.pipelines.unseen_values import missing_trial, unseen_trials

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 1))
TABLE = {"area": RNG.normal(3, 1, 60), "city": RNG.choice(["u", "v"], 60)}


def subject(pipeline, data=TABLE):
    return prepare(pipeline_for(pipeline), data, data)


def numbers(data):
    return data["area"][:, None]


def test_categories_and_numbers_are_tried_column_by_column():
    seen = []

    def watch(data):
        seen.append((data["area"].max(), set(data["city"])))
        return numbers(data)

    categories, amounts = unseen_trials(subject(watch))
    assert (categories.outcome, amounts.outcome) == ("passed", "passed")
    assert any("a value never seen" in cities for _, cities in seen)
    assert max(area for area, _ in seen) > 10 * TABLE["area"].max()


def test_the_column_that_is_refused_is_named():
    def encode(data):
        return np.array([{"u": 0, "v": 1}[city] for city in data["city"]])

    categories, amounts = unseen_trials(subject(encode))
    assert categories.columns == ("city",)
    assert categories.difference.problem.startswith("KeyError: ")
    assert amounts.outcome == "passed"


def test_integers_get_the_next_number():
    table = np.eye(5)
    codes = np.arange(60)[:, None] % 5
    _, amounts = unseen_trials(subject(lambda x: table[x[:, 0]], codes))
    assert amounts.failed
    assert "IndexError" in amounts.difference.problem


@pytest.mark.parametrize("kind", [object, complex])
def test_training_data_of_another_kind_have_no_ends(kind):
    train = prepare(pipeline_for(lambda x: np.ones((len(x), 1))), np.ones((9, 1), kind), X)
    assert unseen_trials(train)[1].outcome in ("passed", "not tried")


@pytest.mark.parametrize(
    ("missing", "outcome"), [(None, "not tried"), (True, "failed"), (False, "not tried")]
)
def test_missing_values_are_tried_where_there_are_some_or_where_asked(missing, outcome):
    assert missing_trial(subject(numbers), missing).outcome == outcome


def test_gaps_that_come_through_are_named_by_their_column():
    data = {**TABLE, "area": np.where(np.arange(60) % 9, TABLE["area"], np.nan)}
    found = missing_trial(subject(numbers, data), None)
    assert (found.outcome, found.columns) == ("failed", ("area",))
    filled = missing_trial(subject(lambda data: np.nan_to_num(data["area"]), data), None)
    assert filled.outcome == "passed"
