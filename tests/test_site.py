"""The site of the documents: built strictly, from folders, and complete without a network."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


class Loaded(HTMLParser):
    """What a page loads, as against what it links to."""

    def __init__(self, text):
        super().__init__()
        self.addresses = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        said = dict(attributes)
        if tag == "link" and said.get("rel") not in {"canonical", "next", "prev"}:
            self.addresses.append(said.get("href") or "")
        elif tag in {"audio", "iframe", "img", "script", "source", "video"}:
            self.addresses.append(said.get("src") or "")


def build(folder):
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder that the site was built in, from a copy of the documents."""
    pytest.importorskip("zensical")
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(DOCS, folder / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "mkdocs.yml", folder)
    code, output = build(folder)
    assert code == 0, output
    return folder


def test_every_document_is_a_page_and_in_the_navigation(site):
    navigation = (site / "site" / "index.html").read_text(encoding="utf-8")
    navigation = navigation.partition("md-nav--primary")[2].partition("<article")[0]
    linked = {
        href.removeprefix("./").rstrip("/") for href in re.findall(r'href="([^"#]+)"', navigation)
    }
    pages = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")}
    pages = {page.removesuffix("/index") for page in pages} - {"index"}
    assert pages <= linked
    assert [page for page in pages if not (site / "site" / page / "index.html").is_file()] == []


def test_what_documents_link_to_is_copied_and_programs_are_not(site):
    names = {path.name for path in (site / "site").rglob("*.*")}
    assert {"github-actions.yml", "gitlab-ci.yml", "search.json"} <= names
    assert not [name for name in names if name.endswith(".py")]


def test_nothing_is_loaded_from_another_server(site):
    pages = list((site / "site").rglob("*.html"))
    assert pages
    for page in pages:
        text = page.read_text(encoding="utf-8")
        addresses = Loaded(text).addresses
        assert addresses
        assert [address for address in addresses if re.match(r"(https?:)?//", address)] == [], page
        # Diagrams are drawn by a program that the script of the site would fetch.
        assert 'class="mermaid"' not in text, page


def test_a_link_to_a_page_that_is_not_there_is_an_error(tmp_path):
    pytest.importorskip("zensical")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# A\n\n[b](b.md)\n", encoding="utf-8")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    code, output = build(tmp_path)
    assert code != 0
    assert "page does not exist" in output
