"""Precedence: call, closest marker, outer marker, command line, ini, default."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.core.expectation import DEFAULT_STEPS
from pytest_converge.plugin.expectation import derived_seed, resolve

PLACES = ("call", "function", "class", "command line", "ini")


def resolved(
    *,
    call: dict[str, Any] | None = None,
    markers: tuple[dict[str, Any], ...] = (),
    command_line: dict[str, Any] | None = None,
    ini: dict[str, Any] | None = None,
    base_seed: int = 0,
    test: str = "test_a.py::test",
) -> Any:
    return resolve(
        call=call or {},
        markers=markers,
        command_line=command_line or {},
        ini=ini or {},
        base_seed=base_seed,
        test=test,
    )


@pytest.mark.parametrize(
    ("given", "steps"),
    [
        ((), DEFAULT_STEPS),
        (("ini",), 5),
        (("command line",), 4),
        (("class",), 3),
        (("function",), 2),
        (("call",), 1),
        (("command line", "ini"), 4),
        (("class", "command line"), 3),
        (("class", "ini"), 3),
        (("function", "class"), 2),
        (("call", "function"), 1),
        (("call", "class"), 1),
        (("call", "ini"), 1),
        (PLACES, 1),
        (PLACES[1:], 2),
        (PLACES[2:], 3),
    ],
)
def test_the_first_place_that_states_the_steps_counts(given: tuple[str, ...], steps: int) -> None:
    stated = {place: {"steps": PLACES.index(place) + 1} for place in given}
    expectation = resolved(
        call=stated.get("call"),
        markers=(stated.get("function", {}), stated.get("class", {})),
        command_line=stated.get("command line"),
        ini=stated.get("ini"),
    )
    assert expectation.steps == steps


def test_arguments_are_taken_one_by_one() -> None:
    expectation = resolved(
        call={"seeds": 3}, markers=({"max_loss": 0.1}, {"max_loss": 0.5, "min_skill": 0.2})
    )
    assert (expectation.seeds, expectation.max_loss, expectation.min_skill) == (3, 0.1, 0.2)


def test_none_in_the_call_takes_a_demand_of_the_marker_back() -> None:
    assert resolved(call={"max_loss": None}, markers=({"max_loss": 0.1},)).max_loss is None


@pytest.mark.parametrize("place", ["call", "marker"])
def test_an_explicit_seed_is_used_as_it_is(place: str) -> None:
    given = {"seed": 7}
    expectation = resolved(
        call=given if place == "call" else None,
        markers=(given,) if place == "marker" else (),
        base_seed=3,
    )
    assert expectation.seed == 7


def test_without_one_the_seed_depends_on_the_base_seed_and_the_test() -> None:
    seeds = {resolved(base_seed=b, test=t).seed for b in (0, 1) for t in ("test_a", "test_b")}
    assert len(seeds) == 4
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_derived_seeds_never_change() -> None:
    # Recorded losses depend on them.
    assert derived_seed(0, "test_a.py::test_wine[0.1]") == 538012952


def test_an_unknown_argument_is_refused() -> None:
    with pytest.raises(InvalidTrainingError, match="Did you mean 'max_loss'"):
        resolved(markers=({"max_los": 0.1},))
