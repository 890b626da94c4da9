"""Ids of tests that file systems, shells and terminals take amiss: said, kept and repeated."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from tests.plugin.conftest import FAKE

IDS = {
    "slashes": "a/b/../c",
    "leading slash": "/etc/passwd",
    "backslash": "a\\b",
    "brackets": "x[0][1]",
    "open bracket": "[",
    "close bracket": "]",
    "colons": "a::b",
    "spaces": "  a  b ",
    "quotes": 'it\'s "so"',
    "dollar": "$HOME `x` $(y)",
    "dash": "--collect-only",
    "dots": "..",
    "reserved": "CON",
    "percent": "%s %(x)s {x}",
    "star": "*?[a-z]",
    "wide": "漢字",
    "combining": "e\u0301",
    "markup": "<b>&amp;",
    "comma": "a,b;c|d>e",
    "long": "x" * 3000,
    "long and wide": "漢" * 1000,
    "tilde": "~root",
    "hash": "#1",
    "equals": "a=b",
    "emoji": "👍🏽",
    "tab": "a\tb",
    "newline": "a\nb",
    "ansi": "\x1b[31mred",
}
SOURCE = """
import pytest

@pytest.mark.converges(baseline=True)
@pytest.mark.parametrize("level", [pytest.param({level!r}, id={name!r})])
def test_it(converge, level):
    converge.fit(level)
"""
BAD = SOURCE.replace("@pytest.mark.converges(baseline=True)\n", "")


@pytest.fixture
def faked(pytester: pytest.Pytester) -> pytest.Pytester:
    """A pytester with the stand-in for the runner."""
    pytester.makeconftest(FAKE)
    return pytester


@pytest.mark.parametrize("name", IDS)
def test_an_odd_id_is_trained_recorded_and_compared(faked: pytest.Pytester, name: str) -> None:
    faked.makepyfile(test_a=SOURCE.format(level=0.0, name=IDS[name]))
    outputs = ("--converge-json=a.json", "--junitxml=a.xml", "-v")
    before = {path.name for path in faked.path.iterdir()}
    result = faked.runpytest("--converge-baseline=new", *outputs)
    result.assert_outcomes(failed=1)
    assert result.ret == 1
    result = faked.runpytest(*outputs)
    result.assert_outcomes(passed=1)
    assert result.ret == 0
    assert "INTERNALERROR" not in result.stdout.str()
    (training,) = json.loads((faked.path / "a.json").read_text(encoding="utf-8"))["trainings"]
    assert training["test"].startswith("test_a.py::test_it[")
    (path,) = (faked.path / "__converge__" / "test_a").iterdir()
    assert re.fullmatch(r"test_it[\w.=-]*\.json", path.name)
    new = {path.name for path in faked.path.iterdir()} - before
    assert new <= {"__converge__", "a.json", "a.xml", "__pycache__", ".pytest_cache"}


@pytest.mark.parametrize("name", IDS)
def test_the_command_of_an_odd_id_runs_it_again(faked: pytest.Pytester, name: str) -> None:
    faked.makepyfile(test_a=BAD.format(level="bad", name=IDS[name]))
    result = faked.runpytest("--tb=short")
    result.assert_outcomes(failed=1)
    (line,) = [line for line in result.outlines if line.startswith("E   reproduce: ")]
    _, *words = shlex.split(line.removeprefix("E   reproduce: "))
    again = faked.runpytest(*words)
    again.assert_outcomes(failed=1)
    assert again.ret == 1


def test_ids_that_differ_in_case_alone_have_files_of_their_own(faked: pytest.Pytester) -> None:
    faked.makepyfile(
        test_a="""
        import pytest

        @pytest.mark.converges(baseline=True)
        @pytest.mark.parametrize("level", [0.0, 0.5, 1.0], ids=["a", "A", "a/"])
        def test_it(converge, level):
            converge.fit(level)
        """
    )
    faked.runpytest("--converge-baseline=new").assert_outcomes(failed=3)
    names = [path.name for path in (faked.path / "__converge__" / "test_a").iterdir()]
    assert len({name.lower() for name in names}) == 3
    faked.runpytest().assert_outcomes(passed=3)
