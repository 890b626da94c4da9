"""The documents: code that is Python, links that lead somewhere, a page for every code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import pytest_converge
from pytest_converge.core.finding import GATE_CODES, NOTE_CODES

ROOT = Path(__file__).parent.parent
DOCS = sorted((ROOT / "docs").rglob("*.md"))
FINDINGS = ROOT / "docs" / "findings"
PAGES = sorted(path for path in FINDINGS.glob("*.md") if path.stem != "index")
PACKAGE = Path(pytest_converge.__file__).parent


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def python_blocks(text):
    """(line, code) of every block that says it is Python."""
    for found in re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield text[: found.start()].count("\n") + 2, found[1]


def not_python(name, text):
    """Where the blocks of a document are no Python, if anywhere."""
    wrong = []
    for line, code in python_blocks(text):
        try:
            compile("\n" * (line - 1) + code, name, "exec", dont_inherit=True)
        except SyntaxError as error:
            wrong.append(f"{name}:{error.lineno}: {error.msg}")
    return wrong


def codes_used(source):
    """The codes that a module gives to findings, repairs and causes by name."""
    found = []
    for node in ast.walk(ast.parse(source)):
        pairs = []
        if isinstance(node, ast.Call):
            pairs = [(keyword.arg, keyword.value) for keyword in node.keywords]
        elif isinstance(node, ast.Dict):
            keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
            pairs = list(zip(keys, node.values, strict=True))
        found += [
            part.value
            for name, value in pairs
            if name in {"code", "cause"}
            for part in ast.walk(value)
            if isinstance(part, ast.Constant) and isinstance(part.value, str)
        ]
    return {code for code in found if code and code != "unknown"}


@pytest.mark.parametrize("path", DOCS, ids=name_of)
def test_every_python_block_compiles(path):
    assert not_python(path.name, path.read_text(encoding="utf-8")) == []


def test_a_block_that_is_no_python_is_noticed():
    text = "Text\n\n```python\nx = 1\n```\n\n```text\nnot python\n```\n\n```python\nx = = 2\n```\n"
    assert [complaint.split(": ")[0] for complaint in not_python("a.md", text)] == ["a.md:12"]


@pytest.mark.parametrize("path", DOCS, ids=name_of)
def test_every_link_leads_to_a_file(path):
    targets = re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8"))
    files = [target.partition("#")[0] for target in targets if "://" not in target]
    assert [file for file in files if file and not (path.parent / file).exists()] == []


@pytest.mark.parametrize("code", sorted({*GATE_CODES, *NOTE_CODES}))
def test_every_gate_and_note_has_a_page(code):
    assert (FINDINGS / f"{code}.md").is_file()


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix()
)
def test_every_code_that_a_module_names_has_a_page(path):
    pages = {page.stem for page in PAGES}
    assert codes_used(path.read_text(encoding="utf-8")) - pages == set()


def test_codes_are_found_where_modules_name_them():
    source = """
Finding(code="a-b", message="not this")
found = {"cause": "c-d", "message": "nor-this"}
Trial(code="e-f" if high else "g-h", cause="unknown")
"""
    assert codes_used(source) == {"a-b", "c-d", "e-f", "g-h"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_its_parts(page):
    lines = page.read_text(encoding="utf-8").splitlines()
    assert lines[0] == f"# {page.stem}"
    titles = [line for line in lines if line.startswith("## ")]
    assert titles[-2:] == ["## A test that shows it", "## Repair"]
    assert max(map(len, lines)) <= 100
    # One test that shows it and one that is repaired, of different names.
    text = "\n".join(lines) + "\n"
    tests = [re.findall(r"^def (test_\w+)", code, re.MULTILINE) for _, code in python_blocks(text)]
    assert [len(names) for names in tests] == [1, 1]
    assert tests[0] != tests[1]


def test_the_index_lists_every_page():
    index = (FINDINGS / "index.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[`([a-z-]+)`\]\(([a-z-]+)\.md\)", index, re.MULTILINE)
    assert all(code == file for code, file in rows)
    assert {code for code, _ in rows} == {page.stem for page in PAGES}
    gates = index.split("## Gates")[1].split("## Notes")[0]
    assert re.findall(r"^\| \[`([a-z-]+)`\]", gates, re.MULTILINE) == list(GATE_CODES)
