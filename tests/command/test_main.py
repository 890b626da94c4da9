"""The command line: help, mistakes, streams and signals."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_converge
from pytest_converge.command import show as show_module
from pytest_converge.command.main import _parser, main
from tests.recorded import recorded

ROOT = Path(__file__).parent.parent.parent


def process(*arguments, **options):
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "pytest_converge", *map(str, arguments)],
        capture_output=True,
        check=False,
        **{"env": {**os.environ, "PYTHONPATH": str(ROOT)}, "text": True, **options},
    )


def subcommands():
    (action,) = (item for item in _parser()._actions if item.dest == "command")
    return action.choices


@pytest.mark.parametrize("command", [[], ["show"], ["compare"], ["history"], ["rename"], ["prune"]])
def test_the_help_fits_80_columns(run, command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = run(*command, "--help")
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert out.startswith(f"usage: {' '.join(['converge', *command])} ")
    if command:
        assert "exit codes:" in out


def test_the_help_names_every_command(run):
    _, out, _ = run("--help")
    names = ["show", "compare", "rename", "prune"]
    assert [name for name in names if f"\n    {name} " in out] == names


def test_every_command_is_described():
    text = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    section = text.split("## The command `converge`")[1].split("\n## ")[0]
    usages = [row.split("`")[1] for row in section.splitlines() if row.startswith("| `converge")]
    found = [
        " ".join(command.format_usage().split()).removeprefix("usage: ").replace(" [-h]", "")
        for command in subcommands().values()
    ]
    assert sorted(usages) == sorted(found)


def test_the_version_is_that_of_the_plugin(run):
    assert run("--version") == (0, f"pytest-converge {pytest_converge.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "required: COMMAND; see converge --help"),
        (["shaw"], "invalid choice: 'shaw'"),
        (["show", "--sedes"], "unrecognized arguments: --sedes"),
        (["compare", "a"], "required: B; see converge compare --help"),
        (["show", "nowhere"], "got the path nowhere, which does not exist; expected"),
        (["compare", "nowhere", "."], "got the path nowhere"),
        (["prune", "nowhere"], "got the path nowhere"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(run, arguments, part):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("converge: ")
    assert part in err
    assert err.count("\n") == 1


def test_the_module_is_the_command(wine):
    done = process("show", wine)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("tests/test_models.py::test_wine\n")


def test_the_script_is_the_command():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    script = re.search(r'^\[project\.scripts\]\nconverge = "(.+):(.+)"$', text, re.MULTILINE)
    module, name = script.groups()
    assert getattr(importlib.import_module(module), name) is main


def test_it_loads_neither_pytest_nor_numbers():
    program = """
import sys
from pytest_converge.command.main import main
main(["show", "."])
print(*sorted({"pytest", "_pytest", "numpy", "keras", "tensorflow"} & set(sys.modules)))
"""
    done = subprocess.run(  # noqa: S603 - the program stands above
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.splitlines() == ["no baselines", ""]


def test_a_terminal_without_unicode_gets_ascii(save):
    save(recorded("tests/test_models.py::test_\N{GREEK SMALL LETTER ALPHA}"))
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii:strict"}
    done = process("show", "--seeds", env=environ)
    assert (done.returncode, done.stderr) == (0, "")
    assert "::test_\\u03b1" in done.stdout
    assert done.stdout.isascii()


@pytest.mark.skipif(os.name != "posix", reason="needs a shell and its pipes")
def test_a_reader_that_has_seen_enough_is_no_error(save):
    for number in range(40):
        save(recorded(f"tests/test_models.py::test_{number}"))
    command = '"$1" -m pytest_converge show --seeds | head -n 1; echo "${PIPESTATUS[0]}"'
    done = subprocess.run(  # noqa: S603 - the command stands above
        ["/bin/bash", "-c", command, "bash", sys.executable],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.splitlines() == ["tests/test_models.py::test_0", "0"]
    assert done.stderr == ""


def test_ctrl_c_ends_it_quietly(run, wine, monkeypatch):
    def interrupt(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(show_module, "find_files", interrupt)
    assert run("show", wine) == (130, "", "")
