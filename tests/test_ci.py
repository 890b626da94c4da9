"""What continuous integration runs: the versions that are declared, and the floor of them."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
FLOOR = (ROOT / ".ci" / "floor").read_text(encoding="utf-8")
WORKFLOW = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
VERSIONS = [
    found[1]
    for name in PROJECT["classifiers"]
    if (found := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", name))
]


def array(name):
    found = re.search(rf"^{name}=\((.*?)\)$", FLOOR, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1].split()


def lowest(*names):
    done = subprocess.run(  # noqa: S603 - a program of ours
        [sys.executable, str(ROOT / ".ci" / "lowest.py"), *names],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_the_oldest_and_the_newest_python_run_everything():
    found = re.search(r"^ +python: \[(.*)\]$", WORKFLOW, re.MULTILINE)
    assert found is not None
    assert re.findall(r"[\d.]+", found[1]) == [VERSIONS[0], VERSIONS[-1]]
    assert PROJECT["requires-python"] == f">={VERSIONS[0]}"


def test_the_oldest_pytest_of_the_workflow_is_the_declared_one():
    (oldest,) = (need for need in PROJECT["dependencies"] if need.startswith("pytest>"))
    assert f'"{oldest.replace(">=", "==")}.*"' in WORKFLOW


def test_the_part_of_the_tests_that_the_floor_runs_is_there():
    part = (ROOT / ".ci" / "part.txt").read_text(encoding="utf-8").split()
    assert part
    paths = [path.removeprefix("--ignore=") for path in part]
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert array("versions")[0] == VERSIONS[0]


def test_every_lower_bound_is_one_that_the_floor_holds():
    done = lowest()
    extras = PROJECT["optional-dependencies"]
    needs = [*PROJECT["dependencies"], *(need for names in extras.values() for need in names)]
    # A need with an upper bound too is about a tool, not about what users have.
    expected = {need.replace(">=", "==") + ".*" for need in needs if "," not in need}
    first = {need for need in expected if need.startswith("tensorflow")}
    if sys.version_info >= (3, 13):  # TensorFlow 2.16 was not built for it
        expected -= first
    assert expected <= set(done)
    assert {need.partition("=")[0] for need in first} <= {need.partition("=")[0] for need in done}


def test_the_bounds_of_some_packages_are_held_alone():
    assert lowest("keras", "pytest") == ["pytest==8.4.*", "keras==3.7.*"]


@pytest.mark.parametrize(
    ("tag", "changelog", "expected"),
    [
        ("v1.2.0", "## [1.2.0] - 2026-12-01", []),
        ("v1.2.1", "## [1.2.0] - 2026-12-01", ["the tag is v1.2.1, the version"]),
        ("v1.2.0", "## [1.1.0] - 2026-12-01", ["the changelog does not begin with 1.2.0"]),
        ("v1.2.0", "## [1.2.0] - unreleased", ["the changelog says 'unreleased'"]),
    ],
)
def test_a_release_has_one_version_and_a_date(tag, changelog, expected):
    if sys.version_info < (3, 11):
        pytest.skip("the script is run by a newer Python")
    script = runpy.run_path(str(ROOT / ".ci" / "release.py"))
    found = script["complaints"](tag, "1.2.0", f"# Changelog\n\n{changelog}\n")
    assert len(found) == len(expected)
    assert all(text.startswith(start) for text, start in zip(found, expected, strict=True))


def test_what_is_published_was_tested_and_needs_no_password():
    release = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    assert "run: bash .ci/run" in release
    before, publish = release.split("  publish:\n")
    assert "needs: [test, build]" in publish
    assert "id-token: write" in publish
    assert "write" not in before
    assert not re.search(r"password|secrets\.", release)


@pytest.mark.parametrize("script", ["find-python", "floor", "run"])
def test_a_script_can_be_read_by_bash(script):
    try:
        subprocess.run(["bash", "-n", str(ROOT / ".ci" / script)], check=True)  # noqa: S603, S607
    except FileNotFoundError:
        pytest.skip("needs bash")


def test_a_python_is_found_by_its_version_and_one_that_is_not_there_is_not():
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    program = ["bash", str(ROOT / ".ci" / "find-python"), "3.99", version]
    try:
        found = subprocess.run(  # noqa: S603 - a program of ours
            program, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True
        )
    except FileNotFoundError:
        pytest.skip("needs bash")
    asked = [found.stdout.strip(), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    assert subprocess.check_output(asked, text=True).strip() == version  # noqa: S603 - likewise


def test_the_sessions_of_nox_cover_every_declared_python():
    pytest.importorskip("nox")
    single = ["newest", "floor", "legacy", "lint", "types", "examples", "trackers"]
    done = subprocess.run(  # noqa: S603 - a program of ours
        [sys.executable, "-m", "nox", "--list", "--json", "--session", "tests", *single],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    sessions = json.loads(done.stdout)
    assert {session["name"] for session in sessions} == {"tests", *single}
    pairs = {(s["python"], str(s["call_spec"])) for s in sessions if s["name"] == "tests"}
    assert len(pairs) == 4 * len(VERSIONS)
    assert {python for python, _ in pairs} == set(VERSIONS)
