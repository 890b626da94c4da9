"""Runs the blocks of pages in order, each page in a folder of its own, and pastes what they print.

    python -m docs.outputs [PAGE ...]

`docs/blocks.py` says how a page marks them. A test runs the same and compares.
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from docs.blocks import Block, blocks, part, pasted, without_times
from pytest_converge.command.main import main as converge

ROOT = Path(__file__).parent.parent
PAGES = tuple(
    path.relative_to(ROOT).as_posix()
    for path in (
        ROOT / "README.md",
        *sorted((ROOT / "docs").glob("tutorial*.md")),
        *sorted((ROOT / "docs" / "how-to").glob("*.md")),
    )
)
#: Commands that run in this process, which has imported TensorFlow.
_HERE: dict[str, Callable[[list[str]], int]] = {
    "pytest": lambda arguments: pytest.main(["--rootdir=.", "-p", "no:cacheprovider", *arguments]),
    "converge": converge,
}
#: The terminal of the outputs; a machine that builds has its own habits.
_SETTINGS = {
    "COLUMNS": "80",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
}
_UNSET = ("BUILD_NUMBER", "CI", "FORCE_COLOR", "GITHUB_ACTIONS", "GITLAB_CI", "PY_COLORS")


def printed(page: str, folder: Path, *, addopts: str = "") -> dict[Block, str]:
    """What the commands of a page print, by the blocks that show it.

    Args:
        page: the text of the page.
        folder: an empty one, in which its blocks run in order.
        addopts: options of pytest beside those of its commands.

    Raises:
        ValueError: a command did not end, or did not print, as the page says.
    """
    outputs: dict[str, str] = {}  # since a file was last written
    shown = {}
    for block in blocks(page):
        if block.kind == "in":
            _write(block, folder)
            outputs.clear()
        elif block.kind == "prints":
            if block.what not in outputs:
                outputs[block.what] = run(block.what, folder, addopts)[1]
            try:
                shown[block] = part(outputs[block.what], block.first, block.last)
            except ValueError as error:
                raise ValueError(f"line {block.line}: {error}") from None
        elif block.kind in {"passes", "fails"}:
            for command in _commands(block):
                code, output = run(command, folder, addopts)
                if (code == 0) != (block.kind == "passes"):
                    raise ValueError(f"line {block.line}: `{command}` exits {code}\n{output}")
                outputs.clear()
    return shown


def run(command: str, folder: Path, addopts: str) -> tuple[int, str]:
    """The exit code of a command in a folder, and what it prints."""
    words = shlex.split(_on_one_line(command), comments=True)
    settings = {"PYTEST_ADDOPTS": f"{os.environ.get('PYTEST_ADDOPTS', '')} {addopts}"}
    while "=" in words[0]:
        name, _, settings[name] = words.pop(0).partition("=")
    with _surroundings(folder, settings):
        if words[0] not in _HERE:
            done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
            return done.returncode, done.stdout + done.stderr
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(out),
            warnings.catch_warnings(),
        ):
            warnings.resetwarnings()  # a suite that makes errors of them is not the reader's
            code = _HERE[words[0]](words[1:])
        out.flush()
        return int(code), out.buffer.getvalue().decode()  # type: ignore[attr-defined]


def _write(block: Block, folder: Path) -> None:
    name, _, hidden = (block.what or "").partition("\n")
    path = folder / name.removesuffix(":")
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [hidden, block.text or ""]
    if path.exists():
        parts.insert(0, path.read_text(encoding="utf-8"))
    text = "\n\n\n".join(part.strip("\n") for part in parts if part.strip())
    path.write_text(f"{text}\n", encoding="utf-8")


def _commands(block: Block) -> list[str]:
    lines = _on_one_line(block.what or block.text or "").splitlines()
    return [line for line in lines if line.strip()]


def _on_one_line(command: str) -> str:
    return command.replace("\\\n", " ")


@contextlib.contextmanager
def _surroundings(folder: Path, settings: dict[str, str]) -> Iterator[None]:
    """A folder with its own modules, and a terminal of 80 columns."""
    environ, path, before = dict(os.environ), list(sys.path), Path.cwd()
    for name in list(os.environ):
        if name in _UNSET or name.startswith("PYTEST_XDIST"):
            del os.environ[name]
    os.environ.update(_SETTINGS | settings)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        sys.path[:] = path
        os.environ.clear()
        os.environ.update(environ)
        for name, module in list(sys.modules.items()):
            if folder in Path(getattr(module, "__file__", None) or "/").parents:
                del sys.modules[name]


def paste(name: str) -> None:
    """Writes a page anew where it shows something else than is printed, times aside."""
    page = (ROOT / name).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        texts = printed(page, Path(folder).resolve())
    stale = {
        block: text
        for block, text in texts.items()
        if without_times(block.text or "") != without_times(text)
    }
    (ROOT / name).write_text(pasted(page, stale), encoding="utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:] or PAGES:
        paste(name)
