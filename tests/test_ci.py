"""What continuous integration runs: the versions that are declared, and the floor of them."""

from __future__ import annotations

import re
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


def test_the_oldest_and_the_newest_python_run_everything():
    found = re.search(r"^ +python: \[(.*)\]$", WORKFLOW, re.MULTILINE)
    assert found is not None
    assert re.findall(r"[\d.]+", found[1]) == [VERSIONS[0], VERSIONS[-1]]
    assert PROJECT["requires-python"] == f">={VERSIONS[0]}"


def test_the_oldest_pytest_of_the_workflow_is_the_declared_one():
    (oldest,) = (need for need in PROJECT["dependencies"] if need.startswith("pytest>"))
    assert f'"{oldest.replace(">=", "==")}.*"' in WORKFLOW


def test_the_part_of_the_tests_that_the_floor_runs_is_there():
    part = array("part")
    assert part
    assert [path for path in part if not (ROOT / path).exists()] == []
    assert array("versions")[0] == VERSIONS[0]


def test_every_lower_bound_is_one_that_the_floor_holds():
    program = re.search(r"^grep .+(?= >)", FLOOR, re.MULTILINE)
    assert program is not None
    try:
        done = subprocess.run(  # noqa: S603 - a line of ours
            ["bash", "-c", program[0]],  # noqa: S607 - wherever it is
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except FileNotFoundError:
        pytest.skip("needs bash")
    extras = PROJECT["optional-dependencies"]
    needs = [*PROJECT["dependencies"], *(need for names in extras.values() for need in names)]
    # A need with an upper bound too is about a tool, not about what users have.
    expected = {need.replace(">=", "==") + ".*" for need in needs if "," not in need}
    assert expected <= set(done.stdout.split())


@pytest.mark.parametrize("script", ["floor", "run"])
def test_a_script_can_be_read_by_bash(script):
    try:
        subprocess.run(["bash", "-n", str(ROOT / ".ci" / script)], check=True)  # noqa: S603, S607
    except FileNotFoundError:
        pytest.skip("needs bash")
