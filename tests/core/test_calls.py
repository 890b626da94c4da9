"""The calls of the verbs: their names, what builds anew, and what the adapt hook describes."""

from __future__ import annotations

import inspect

import pytest

from pytest_converge import Converge, InvalidTrainingError
from pytest_converge.core.calls import Call, FitCall, MinimizeCall, StepCall

KNOWN = "Known names: data, optimizer, session, step, variables."


@pytest.mark.parametrize("call", [FitCall, MinimizeCall, StepCall])
def test_a_call_has_the_arguments_and_defaults_of_its_verb(call: type[Call]) -> None:
    parameters = inspect.signature(getattr(Converge, call.verb)).parameters
    own = {name: p.default for name, p in parameters.items() if name not in ("self", "expectation")}
    made = inspect.signature(call).parameters
    assert {name: made[name].default for name in call.names()} == own


def test_only_a_function_given_alone_builds_what_is_minimised() -> None:
    assert MinimizeCall(loss=len).builder is len
    assert MinimizeCall(loss=len, variables=[1]).builder is None
    assert StepCall(step=len, variables=[1]).builder is None
    assert FitCall(model=len).builder is len


def test_a_mapping_of_the_arguments_of_step_is_a_call_of_step() -> None:
    call = StepCall.adapted({"step": len, "variables": [1], "data": [2]})
    assert (call.step, call.variables, call.data, call.optimizer) == (len, [1], [2], None)


@pytest.mark.parametrize(
    ("arguments", "given", "remedy"),
    [
        ({"setp": len, "variables": []}, "the argument 'setp'", "Did you mean 'step'?"),
        ({"step": len, "variables": [], "epochs": 3}, "the argument 'epochs'", KNOWN),
        ({"step": len}, "no argument 'variables'", "Add 'variables' to the dict."),
        ({}, "no argument 'step'", "Add 'step' to the dict."),
        ({3: len}, "the argument 3", KNOWN),
    ],
)
def test_a_wrong_key_of_an_adapted_step_is_named(arguments: dict, given: str, remedy: str) -> None:
    with pytest.raises(InvalidTrainingError) as caught:
        StepCall.adapted(arguments)
    assert str(caught.value) == (
        f"got {given} from pytest_converge_adapt; expected the arguments of converge.step. {remedy}"
    )
