"""Loading the plugin: what it costs, and what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: Neither these, nor anything that a suite without convergence tests has no use for.
HEAVY = (
    "numpy",
    "keras",
    "tensorflow",
    "pytest_converge.runner",
    "pytest_converge.core.expectation",
    "pytest_converge.core.result",
    "pytest_converge.report.summary",
)
PLAIN = "def test_plain(): pass\n"


@pytest.mark.parametrize("arguments", [(), ("--collect-only",), ("-v", "--converge-steps=3")])
def test_a_suite_that_does_not_use_it(
    pytester: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    pytester.makeconftest(
        f"""
        import sys

        def pytest_unconfigure():
            print("loaded", [name for name in {HEAVY} if name in sys.modules])
        """
    )
    pytester.makepyfile(PLAIN)
    before = {path.name for path in pytester.path.iterdir()}
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error", *arguments)
    assert result.ret == 0
    assert "loaded []" in result.outlines
    # Of pytester and of Python themselves.
    usual = {"__pycache__", "runpytest-0", "runpytest-current", "stdout", "stderr"}
    assert {path.name for path in pytester.path.iterdir()} - usual == before
    text = result.stdout.str().replace("pytest_converge.plugin", "")
    assert "convergence" not in text


def test_strict_and_without_warnings(pytester: pytest.Pytester) -> None:
    # Before pytest 9.0 the parts of strict had to be asked for one by one.
    strict = "strict = true\n" if pytest.version_tuple >= (9, 0) else ""
    pytester.makefile(".ini", pytest=f"[pytest]\n{strict}filterwarnings = error\n")
    pytester.makepyfile(
        "import pytest\n\n@pytest.mark.skip\n@pytest.mark.converges(max_loss=0.1)\n"
        "def test_it(converge): pass\n"
    )
    pytester.runpytest("--strict-markers", "--strict-config").assert_outcomes(skipped=1)


def test_the_fixture_is_listed_with_a_line_that_stands_alone(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest("--fixtures")
    lines = result.outlines
    start = next(i for i, line in enumerate(lines) if line.startswith("converge "))
    assert lines[start + 1].strip() == (
        "Trains a TensorFlow model and judges its loss curve: converge.fit(model, x, y, "
        "max_loss=0.1)."
    )


METADATA = "Metadata-Version: 2.1\nName: pytest-converge\nVersion: 0.1.0\n"
ENTRY_POINTS = "[pytest11]\nconverge = pytest_converge.plugin\n"


@pytest.fixture
def installed(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A pytester that finds the plugin by its entry point."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    if not metadata.entry_points(group="pytest11", name="converge"):
        info = pytester.mkdir("site") / "pytest_converge-0.1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(METADATA)
        (info / "entry_points.txt").write_text(ENTRY_POINTS)
        paths = os.pathsep.join([str(info.parent), str(ROOT)])
        monkeypatch.setenv("PYTHONPATH", paths)
    pytester.makepyfile(PLAIN)
    return pytester


@pytest.mark.parametrize(
    ("arguments", "loaded"),
    [
        ((), True),
        (("-p", "converge"), True),
        (("-p", "no:converge"), False),
        (("-p", "no:converge", "-p", "converge"), True),
    ],
    ids=str,
)
def test_loading_by_name(
    installed: pytest.Pytester, arguments: tuple[str, ...], loaded: bool
) -> None:
    result = installed.runpytest_subprocess(*arguments, "-W", "error", "--markers")
    assert result.ret == 0
    assert ("@pytest.mark.converges(" in result.stdout.str()) == loaded


def test_loading_by_name_alone(installed: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    assert "pytest.mark.converges" not in installed.runpytest_subprocess("--markers").stdout.str()
    result = installed.runpytest_subprocess("-p", "converge", "--markers", "-W", "error")
    assert result.stdout.str().count("@pytest.mark.converges(") == 1


def test_loading_from_a_conftest(installed: pytest.Pytester) -> None:
    installed.makeconftest('pytest_plugins = ["converge"]\n')
    result = installed.runpytest_subprocess("--markers", "-W", "error")
    assert result.stdout.str().count("@pytest.mark.converges(") == 1


def test_importing_the_package_is_light() -> None:
    code = (
        "import sys, pytest_converge, pytest_converge.plugin; "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    result = subprocess.run(  # noqa: S603 - the suite's own Python
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert result.stdout.strip() == "[]"
