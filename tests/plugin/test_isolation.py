"""A training gives the same bits in every repeat and any company, and leaves all as it was.

A few here; all forty, often, by `python -m benchmarks.determinism`.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.zoo.varied import CONFTEST, SEEN, SUITE, TRAININGS, changed, state

#: Of each kind one: random layers, a dataset, a loop that draws, a callback that does.
FEW = ("dropout_half", "tf_dataset", "generator", "drawing_step", "callback_that_draws")


@pytest.fixture
def seen(
    real: pytest.Pytester, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The file in which sessions leave what they have seen."""
    path = tmp_path_factory.mktemp("seen") / "seen.txt"
    monkeypatch.setenv(SEEN, str(path))
    monkeypatch.syspath_prepend(Path(__file__).parents[2])
    real.makeconftest(CONFTEST)
    real.makepyfile(test_a=SUITE)
    return path


def session(pytester: pytest.Pytester, path: Path, names: tuple[str, ...]) -> dict[str, str]:
    """What a session with these trainings, in this order, has seen of each."""
    path.write_text("")
    tests = [f"test_a.py::test_it[{name}]" for name in names]
    pytester.runpytest("-pno:randomly", *tests).assert_outcomes(passed=len(names))
    lines = [line.partition(" ") for line in path.read_text().splitlines()]
    assert [line[0] for line in lines] == list(names), path.read_text()
    return {name: said for name, _, said in lines}


def test_there_are_forty_trainings() -> None:
    assert len(TRAININGS) == 40


def test_a_training_is_the_same_in_any_company_and_leaves_all_as_it_was(
    real: pytest.Pytester, seen: Path
) -> None:
    first = session(real, seen, FEW)
    assert len(set(first.values())) == len(FEW)
    assert session(real, seen, FEW[::-1]) == first
    assert session(real, seen, FEW[2:3]) == {FEW[2]: first[FEW[2]]}


def test_what_is_left_changed_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    before = state()
    assert changed(before, state()) == []
    monkeypatch.setenv("LEFT", "1")
    random.random()
    assert changed(before, state()) == ["python's random state", "environment"]
