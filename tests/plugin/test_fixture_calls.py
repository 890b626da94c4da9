"""What the calls of all fixtures have in common."""

from __future__ import annotations

import traceback
import types
from typing import Any

import pytest

from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.plugin.fixture_calls import (
    refuse_unknown,
    without_frames,
)


def item(*, fulltrace: bool) -> Any:
    config = types.SimpleNamespace(getoption=lambda name, default: fulltrace)
    return types.SimpleNamespace(config=config, stash=pytest.Stash())


def refuse() -> None:
    try:
        raise KeyError("x")
    except KeyError as error:
        raise InvalidTrainingError("got x; expected y. Do z.") from error


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("step", "Did you mean 'steps'"),
        ("batchsize", "Did you mean 'batch_size'"),
        ("epochs", "write steps=200"),
    ],
)
def test_a_misspelt_argument_is_named_with_its_call(name: str, remedy: str) -> None:
    pattern = f"got the argument '{name}'; expected an argument of converge.fit. .*{remedy}"
    with pytest.raises(InvalidTrainingError, match=pattern):
        refuse_unknown("converge.fit", ["x", "batch_size"], {"max_loss": 0.1, name: 1})


@pytest.mark.parametrize("fulltrace", [False, True])
def test_a_refusal_shows_frames_of_the_plugin_only_if_asked_to(fulltrace: bool) -> None:
    with pytest.raises(InvalidTrainingError) as caught:
        without_frames(item(fulltrace=fulltrace), refuse)
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert ("refuse" in names) == fulltrace
    assert (caught.value.__cause__ is not None) == fulltrace


def test_what_is_made_comes_back() -> None:
    assert without_frames(item(fulltrace=False), lambda: 3) == 3
