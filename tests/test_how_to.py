"""The how-to pages and the files beside them: every option and command is one that exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from pytest_converge.command.main import _parser
from pytest_converge.plugin.options import OPTIONS

FOLDER = Path(__file__).parent.parent / "docs" / "how-to"
FILES = sorted(path for path in FOLDER.iterdir() if path.suffix in {".md", ".yml"})


def flags():
    """The flags that pytest knows from this plugin, and their ini settings."""
    return {item.flag for item in OPTIONS}, {item.ini_name for item in OPTIONS}


def name_of(path):
    return path.name


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_option_exists(path):
    text = path.read_text(encoding="utf-8")
    known, settings = flags()
    assert set(re.findall(r"--converge-[a-z-]+", text)) <= known
    names = set(re.findall(r"^(converge_[a-z_]+) =|`(converge_[a-z_]+)`", text, re.MULTILINE))
    assert {a or b for a, b in names} <= settings


def commands(text):
    """The calls of the command `converge`, without what the shell does to them."""
    text = re.sub(r"\\\n *", "", text)  # a command over several lines
    names = "show|compare|history|rename|prune|trend"
    for found in re.finditer(
        rf'(?:^ *|[`"]|[:-] )(converge (?:{names})\b[^`\n]*)', text, re.MULTILINE
    ):
        yield re.split(r'\s(?:-->|[|>])|"$', found[1])[0]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_command_can_be_called(path):
    for command in commands(path.read_text(encoding="utf-8")):
        words = shlex.split(command.replace('"$RUNNER_TEMP/base"', "base"))[1:]
        if words != ["compare", "--changed"]:  # named in a sentence, without its paths
            _parser().parse_args(words)


def test_commands_are_found():
    text = (
        'a `converge show` b\nconverge prune --delete\n  - run: converge prune\nx "converge show"\n'
        "<!-- prints: converge show -->\n"
        "converge show \\\n    --seeds a\n"
    )
    assert list(commands(text)) == [
        "converge show",
        "converge prune --delete",
        "converge prune",
        "converge show",
        "converge show",
        "converge show --seeds a",
    ]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_versions_are_pinned_without_the_project_itself(path):
    """`pip install -c` refuses the line `-e git+...` of an editable installation."""
    text = path.read_text(encoding="utf-8")
    assert set(re.findall(r"pip freeze([^>\n`]*)", text)) <= {" --exclude-editable "}
    if path.suffix == ".yml":
        assert "pip freeze --exclude-editable > constraints.txt" in text


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_lines_are_not_longer_than_code(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    # A row of a table cannot be broken.
    assert [line for line in lines if len(line) > 100 and not line.startswith("|")] == []
