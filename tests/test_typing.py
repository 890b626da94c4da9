"""Type checkers see what users write as it is meant: right uses pass, wrong ones do not."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "tests" / "typed" / "sample.py"


def expected():
    """The lines of the sample that are wrong."""
    lines = SAMPLE.read_text(encoding="utf-8").splitlines()
    return [number for number, line in enumerate(lines, 1) if line.endswith("# expect error")]


def checked(*command, folder):
    return subprocess.run(  # noqa: S603 - type checkers on a file of ours
        [sys.executable, "-m", *command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    ).stdout


def test_the_sample_has_right_and_wrong_uses():
    assert len(expected()) >= 15
    compile(SAMPLE.read_text(encoding="utf-8"), SAMPLE.name, "exec")


def test_mypy(request, tmp_path):
    pytest.importorskip("mypy")
    # What it knows of pytest and the package since the last run, where pytest keeps such things.
    cache = getattr(request.config, "cache", None)
    folder = cache.mkdir("mypy") if cache is not None else tmp_path
    said = checked(
        *("mypy", "--strict", f"--cache-dir={folder}", f"--python-executable={sys.executable}"),
        *("--config-file", str(ROOT / "pyproject.toml"), str(SAMPLE)),
        folder=ROOT,
    )
    errors = re.findall(rf"{re.escape(SAMPLE.name)}:(\d+): error: ", said)
    assert sorted({*map(int, errors)}) == expected(), said


@pytest.mark.slow
def test_pyright(tmp_path):
    if not importlib.util.find_spec("pyright") or not shutil.which("node"):
        pytest.skip("needs pyright, and node for it")
    settings = {
        "include": [SAMPLE.name],
        "extraPaths": [str(ROOT)],
        "typeCheckingMode": "strict",
        # What TensorFlow and Keras, which ship no annotations, leave unknown is nobody's mistake.
        "reportMissingTypeStubs": False,
    }
    shutil.copy(SAMPLE, tmp_path)
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    said = checked(
        *("pyright", "--outputjson", "--pythonpath", sys.executable, "--project", str(tmp_path)),
        folder=tmp_path,
    )
    if not said:
        pytest.skip("pyright, which fetches a part of itself at first use, did not start")
    found = json.loads(said)["generalDiagnostics"]
    wrong = {each["range"]["start"]["line"] + 1 for each in found if each["severity"] == "error"}
    assert sorted(wrong) == expected(), "\n".join(each["message"] for each in found)
