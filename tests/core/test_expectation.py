"""The expectation: which arguments are taken, and how the others are refused."""

from __future__ import annotations

import dataclasses
import inspect
import json
import typing

import numpy as np
import pytest

from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.core.expectation import Expectation, ExpectationArguments, _number
from pytest_converge.core.finding import GATE_CODES, NOTE_CODES

WRONG_FOR_ALL_NUMBERS = ["0.1", b"1", [1], {}, True, np.True_, 1j, float("nan")]
ORDER = (
    "max_loss",
    "steps",
    "min_decrease",
    "monotone",
    "min_skill",
    "metrics",
    "seed",
    "seeds",
    "baseline",
    "metric",
    "ignore",
)


class Detached:
    """Whatever is asked of it raises, as of an object whose connection is gone."""

    def __repr__(self):
        raise RuntimeError("gone")

    __bool__ = __float__ = __index__ = __repr__


@pytest.mark.parametrize("name", ORDER)
def test_a_value_that_answers_no_question_is_refused_by_the_name_of_its_argument(name):
    with pytest.raises(InvalidTrainingError, match=f"{name}=an object \\(Detached\\)"):
        Expectation.of({name: Detached()})


def test_the_defaults_are_the_documented_ones():
    assert dataclasses.asdict(Expectation()) == {
        "max_loss": None,
        "steps": 100,
        "min_decrease": None,
        "monotone": "trend",
        "min_skill": None,
        "metrics": {},
        "seed": None,
        "seeds": 1,
        "baseline": False,
        "metric": None,
        "ignore": (),
    }


def test_all_arguments_are_keyword_only_and_in_the_documented_order():
    parameters = inspect.signature(Expectation).parameters
    assert tuple(parameters) == Expectation.names() == ORDER
    assert {p.kind for p in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("max_loss", None, None),
        ("max_loss", 0.1, 0.1),
        ("max_loss", 1, 1.0),
        ("max_loss", -3.5, -3.5),
        ("max_loss", np.float32(0.5), 0.5),
        ("max_loss", np.int64(2), 2.0),
        ("max_loss", np.array(0.25), 0.25),
        ("steps", 1, 1),
        ("steps", 10_000, 10_000),
        ("steps", np.int32(7), 7),
        ("steps", np.uint8(255), 255),
        ("min_decrease", None, None),
        ("min_decrease", 0, 0.0),
        ("min_decrease", 1, 1.0),
        ("min_decrease", np.float64(0.5), 0.5),
        ("monotone", "trend", "trend"),
        ("monotone", "strict", "strict"),
        ("monotone", "off", "off"),
        ("min_skill", None, None),
        ("min_skill", 0.0, 0.0),
        ("min_skill", 1.0, 1.0),
        ("seed", None, None),
        ("seed", 0, 0),
        ("seed", 2**32 - 1, 2**32 - 1),
        ("seed", np.uint32(2**32 - 1), 2**32 - 1),
        ("seeds", 1, 1),
        ("seeds", 10_000, 10_000),
        ("seeds", np.int64(3), 3),
        ("baseline", False, False),
        ("baseline", True, True),
        ("baseline", np.True_, True),
        ("baseline", {}, True),
        ("baseline", {"tolerance": np.float32(0.5)}, {"tolerance": 0.5}),
        ("baseline", {"alpha": 0.01, "tolerance": 0}, {"alpha": 0.01, "tolerance": 0.0}),
        ("metric", None, None),
        ("metric", "val_loss", "val_loss"),
        ("metrics", {}, {}),
        ("metrics", {"accuracy": (0.9, None)}, {"accuracy": (0.9, None)}),
        ("metrics", {"mae": [None, 1]}, {"mae": (None, 1.0)}),
        ("metrics", {"a": (0.5, 0.5)}, {"a": (0.5, 0.5)}),
        ("metrics", {"a": (np.float32(0.5), np.int64(2))}, {"a": (0.5, 2.0)}),
        ("ignore", (), ()),
        ("ignore", ["inference-gap"], ("inference-gap",)),
        ("ignore", {"inference-gap"}, ("inference-gap",)),
    ],
)
def test_a_right_value_is_kept_as_a_plain_one(name, value, kept):
    found = getattr(Expectation(**{name: value}), name)
    assert found == kept
    assert type(found) is type(kept)


def test_numbers_inside_bounds_are_plain_too():
    low, high = Expectation(metrics={"a": (np.float32(0.5), np.int64(2))}).metrics["a"]
    assert (type(low), type(high)) == (float, float)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, v) for name in ("max_loss", "steps", "seeds") for v in WRONG_FOR_ALL_NUMBERS),
        *((name, v) for name in ("min_decrease", "min_skill") for v in WRONG_FOR_ALL_NUMBERS),
        *(("seed", v) for v in WRONG_FOR_ALL_NUMBERS),
        ("max_loss", float("inf")),
        ("max_loss", -np.inf),
        ("max_loss", 10**400),
        ("max_loss", np.array([0.1, 0.2])),
        ("steps", 0),
        ("steps", -1),
        ("steps", 1.0),
        ("steps", np.float64(100)),
        ("steps", None),
        ("steps", np.array([100])),
        ("steps", np.array([1.5])),
        ("min_decrease", -1e-9),
        ("min_decrease", 1 + 1e-9),
        ("min_decrease", 5),
        ("min_skill", -0.1),
        ("min_skill", 1.1),
        ("monotone", True),
        ("monotone", None),
        ("monotone", "Trend"),
        ("monotone", ["trend"]),
        ("seed", -1),
        ("seed", 2**32),
        ("seed", 1.5),
        ("seeds", 0),
        ("seeds", 10_001),
        ("seeds", None),
        ("baseline", 1),
        ("baseline", "new"),
        ("baseline", 0),
        ("baseline", None),
        ("baseline", {"tolerance": "5 %"}),
        ("baseline", {"tolerance": True}),
        ("metric", ""),
        ("metric", ["loss"]),
        ("metrics", None),
        ("metrics", "accuracy"),
        ("metrics", [("accuracy", 0.9)]),
        ("metrics", {"accuracy": 0.9}),
        ("metrics", {"accuracy": (0.9,)}),
        ("metrics", {"accuracy": (0.9, None, 1)}),
        ("metrics", {"accuracy": (None, None)}),
        ("metrics", {"accuracy": ("0.9", None)}),
        ("metrics", {"accuracy": (True, None)}),
        ("metrics", {"accuracy": (0.5, True)}),
        ("metrics", {"accuracy": (float("nan"), 1.0)}),
        ("metrics", {"accuracy": (0.9, 0.8)}),
        ("metrics", {"accuracy": "ab"}),
        ("metrics", {0: (0.9, None)}),
        ("ignore", "inference-gap"),
        ("ignore", None),
        ("ignore", 3),
        ("ignore", (3,)),
        ("ignore", {"inference-gap": True}),
    ],
)
def test_a_wrong_value_is_refused_in_the_one_wording(name, value):
    with pytest.raises(InvalidTrainingError) as caught:
        Expectation(**{name: value})
    message = str(caught.value)
    assert message.startswith(f"got {name}=")
    assert f" ({type(value).__name__}); expected " in message
    given, _, rest = message.partition("; expected ")
    expected, _, remedy = rest.partition(". ")
    assert given
    assert expected
    assert remedy.endswith(".")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        (
            {"steps": 0},
            (
                "got steps=0 (int); expected an integer from 1 to 2**31 - 1."
                " Give the number of optimizer updates, as steps=200."
            ),
        ),
        (
            {"max_loss": True},
            (
                "got max_loss=True (bool); expected a finite number."
                " Give the highest final loss that counts as converged."
            ),
        ),
        (
            {"monotone": "strictly"},
            (
                "got monotone='strictly' (str); expected one of 'trend', 'strict', 'off'."
                " Use 'off' where the loss may rise by right."
            ),
        ),
        (
            {"seed": -1},
            (
                "got seed=-1 (int); expected an integer from 0 to 2**32 - 1."
                " Leave it out to derive the seed from the test's id."
            ),
        ),
        *(
            (
                {"metrics": value},
                (
                    f"got metrics={text}; expected a dict of metric names to (lowest, highest) with"
                    ' None for an open side. Write, for example, metrics={"accuracy": (0.9, None)}.'
                ),
            )
            for value, text in [
                ("accuracy", "'accuracy' (str)"),
                ({"accuracy": 0.9}, "{'accuracy': 0.9} (dict)"),
                ({"accuracy": (None, None)}, "{'accuracy': (None, None)} (dict)"),
            ]
        ),
        (
            {"metrics": {"accuracy": (0.9, 0.8)}},
            (
                "got metrics={'accuracy': (0.9, 0.8)} (dict); expected a lowest value not above the"
                ' highest. Write, for example, metrics={"accuracy": (0.9, None)}.'
            ),
        ),
        (
            {"baseline": "new"},
            (
                "got baseline='new' (str); expected True, False or a dict of its limits. True"
                " compares with the loss curves that --converge-baseline=new recorded."
            ),
        ),
        (
            {"baseline": {"tolerence": 0.1}},
            (
                "got baseline={'tolerence': 0.1} (dict); expected limits that a baseline has."
                " Did you mean 'tolerance'?"
            ),
        ),
        (
            {"baseline": {"tolerance": "5 %"}},
            (
                "got baseline={'tolerance': '5 %'} (dict); expected numbers as its limits."
                " Write, for example, baseline={'tolerance': 0.02}."
            ),
        ),
        (
            {"metric": ""},
            (
                "got metric='' (str); expected the name of a metric."
                ' Write, for example, metric="val_loss".'
            ),
        ),
        (
            {"ignore": ("target-missed",)},
            (
                "got the gate 'target-missed' in ignore; expected codes of notes. A gate decides:"
                " leave it out, and state other bounds where it is wrong."
            ),
        ),
    ],
)
def test_the_whole_message(argument, message):
    with pytest.raises(InvalidTrainingError) as caught:
        Expectation(**argument)
    assert str(caught.value) == message


def test_a_check_of_a_number_takes_its_limits():
    """Asked for anew: those of the arguments are made at the import, where no mutant is on."""
    check = _number("a share", "Write 0.5.", 0.0, 1.0)
    assert [check("part", value) for value in (None, 0, 1.0)] == [None, 0.0, 1.0]
    for value, text in [(1.5, "1.5 (float)"), ("1", "'1' (str)")]:
        with pytest.raises(InvalidTrainingError) as caught:
            check("part", value)
        assert str(caught.value) == f"got part={text}; expected a share. Write 0.5."


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("max_los", "Did you mean 'max_loss'?"),
        ("maxloss", "Did you mean 'max_loss'?"),
        ("step", "Did you mean 'steps'?"),
        ("min_skil", "Did you mean 'min_skill'?"),
        ("lr", f"Known names: {', '.join(sorted(ORDER))}."),
        ("epochs", "Give it to converge.fit, where the data are, or write steps=200."),
    ],
)
def test_an_unknown_name_gets_a_suggestion(name, suggestion):
    with pytest.raises(InvalidTrainingError) as caught:
        Expectation.of({"steps": 10, name: 1})
    assert str(caught.value) == (
        f"got the argument {name!r}; expected an argument of the marker converges. {suggestion}"
    )


def test_known_names_are_taken():
    assert Expectation.of({"steps": 10, "max_loss": 1}) == Expectation(steps=10, max_loss=1.0)


def test_a_code_of_a_hook_is_refused_where_there_are_no_hooks():
    arguments = {"ignore": ("of-a-hook",)}
    assert Expectation.of(arguments).ignore == ("of-a-hook",)
    assert Expectation.of({}, hooks=False) == Expectation()
    with pytest.raises(InvalidTrainingError) as caught:
        Expectation.of(arguments, hooks=False)
    assert str(caught.value) == (
        "got the code 'of-a-hook' in ignore; expected a code that can be reported here."
        f" Known names: {', '.join(sorted((*GATE_CODES, *NOTE_CODES)))}."
    )


@pytest.mark.parametrize(
    ("arguments", "demanded"),
    [
        ({}, 0.05),
        ({"max_loss": 0.1}, None),
        ({"max_loss": 0.0}, None),
        ({"min_decrease": 0.5}, 0.5),
        ({"min_decrease": 0.0}, 0.0),
        ({"min_decrease": 0.5, "max_loss": 0.1}, 0.5),
    ],
)
def test_a_decrease_is_demanded_where_no_bound_is_given(arguments, demanded):
    assert Expectation(**arguments).required_decrease == demanded


def test_an_expectation_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Expectation().steps = 3


def test_later_changes_to_an_argument_do_not_reach_it():
    bounds = {"accuracy": [0.9, None]}
    expectation = Expectation(metrics=bounds)
    bounds["accuracy"][0] = 0.1
    bounds["mae"] = (None, 1.0)
    assert expectation.metrics == {"accuracy": (0.9, None)}


def test_a_copy_with_a_wrong_argument_is_refused():
    with pytest.raises(InvalidTrainingError, match="got steps=0"):
        dataclasses.replace(Expectation(), steps=0)


@pytest.mark.parametrize(
    "expectation",
    [
        Expectation(),
        Expectation(
            max_loss=0.1,
            steps=7,
            min_decrease=0.5,
            monotone="strict",
            min_skill=0.25,
            metrics={"accuracy": (0.9, None), "mae": (None, 2.0)},
            seed=3,
            seeds=2,
            ignore=("inference-gap", "nonfinite-data"),
        ),
    ],
)
def test_an_expectation_survives_json(expectation):
    assert Expectation.from_dict(json.loads(json.dumps(expectation.to_dict()))) == expectation


@pytest.mark.parametrize("baseline", [False, True, {"tolerance": 0.02}])
def test_a_baseline_with_limits_survives_json(baseline):
    expected = Expectation(baseline=baseline)
    assert Expectation.from_dict(json.loads(json.dumps(expected.to_dict()))) == expected
    limits = baseline if isinstance(baseline, dict) else {}
    assert expected.baseline_limits == limits


def test_type_checkers_know_its_arguments():
    known = typing.get_type_hints(ExpectationArguments)
    fields = typing.get_type_hints(Expectation)
    assert list(known) == list(Expectation.names())
    assert known == {name: fields[name] for name in known}
    assert not ExpectationArguments.__required_keys__
