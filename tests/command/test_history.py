"""`converge history`."""

from __future__ import annotations

import math

import pytest

from tests.command.test_file_versions import commit, git
from tests.recorded import recorded

pytestmark = pytest.mark.usefixtures("repository")
WINE = "tests/test_models.py::test_wine"


@pytest.fixture
def repository(tmp_path):
    git(tmp_path, "init", "-q", "-b", "main")


@pytest.fixture
def keep(save, tmp_path):
    """Saves a baseline and commits it at a date; returns its path and the short id."""

    def keep(*trainings, date):
        path = save(*trainings)
        whole = tmp_path / path
        return path, commit(whole, whole.read_text(), date)

    return keep


def rows(out):
    return [
        [*line.split(None, 2), ""][:3] for line in out.splitlines() if line.startswith("  2026-")
    ]


def test_each_commit_is_a_row(run, keep, save):
    path, first = keep(recorded(), date="2026-01-01")
    _, second = keep(recorded(level=math.log(1.1), reason="half the rate"), date="2026-02-01")
    save(recorded(level=math.log(1.05)))
    code, out, err = run("history", path)
    assert (code, err) == (0, "")
    title, names, *_ = out.splitlines()
    assert title == WINE
    words = "date commit whole curve last half last loss change"
    assert names.split() == words.split()
    (_, commit_1, rest_1), (_, commit_2, rest_2) = rows(out)
    assert (commit_1, commit_2) == (first, second)
    assert rest_1.split() == ["0.3311", "0.1429", "0.04871"]
    assert rest_2.split(None, 3)[3] == "10 % worse"
    assert "\n    half the rate\n" in out
    last = out.splitlines()[-1]
    assert last.split()[:4] == ["not", "yet", "uncommitted", "0.3476"]
    assert last.endswith("4.5 % better")


def test_other_settings_and_data_are_no_change_for_the_worse(run, keep):
    told = {"seen": "an epoch", "x_mean": 0.5, "x_deviation": 1.0}
    keep(recorded(data={"digest": "a", "rows": 178, **told}), date="2026-01-01")
    keep(recorded(data={"digest": "b", "rows": 150, **told}, level=0.1), date="2026-01-02")
    settings = {**recorded().settings, "steps": 300}
    path, _ = keep(recorded(settings=settings, level=0.2), date="2026-01-03")
    _, out, _ = run("history", path)
    assert "11 % worse\n    other data\n" in out
    assert len(rows(out)[2][2].split()) == 3
    assert out.endswith("\n    other settings: steps\n")


def test_every_training_has_its_own_history(run, keep):
    keep(recorded(), date="2026-01-01")
    keep(recorded(), recorded(number=2), date="2026-01-02")
    _, out, _ = run("history")
    first, second = out.split("\n\n")
    assert (len(rows(first)), len(rows(second))) == (2, 1)
    assert second.startswith(f"{WINE} #2\n")


def test_older_layouts_and_broken_versions_are_rows(run, save, tmp_path):
    from pytest_converge.baselines.files.document import dumps

    path = save(recorded())
    present = (tmp_path / path).read_text()
    commit(tmp_path / path, dumps([recorded()], 1), "2026-01-01")
    commit(tmp_path / path, "<<<<<<< HEAD\n" + present, "2026-01-02")
    commit(tmp_path / path, present, "2026-01-03")
    code, out, _ = run("history", path)
    assert code == 0
    assert rows(out)[0][2].split()[:3] == ["0.3311", "0.1429", "0.04871"]
    assert "\n    a file with a merge conflict in line 1\n" in out
    assert "the same" in rows(out)[2][2]


def test_it_fits_the_terminal(run, keep, monkeypatch):
    reason = "a reason that is much too long for a line of a terminal, as they are"
    path, _ = keep(recorded(reason=reason), date="2026-01-01")
    for width in (20, 40, 80, 200):
        monkeypatch.setenv("COLUMNS", str(width))
        out = run("history", path)[1]
        assert max(map(len, out.splitlines())) <= width
    assert reason in out


def test_what_was_never_a_baseline_is_said(run, tmp_path):
    commit(tmp_path / "a.json", "{}", "2026-01-01")
    code, out, err = run("history", "a.json")
    assert (code, out) == (2, "")
    assert err == "converge: a.json was never a baseline that can be read\n"
    (tmp_path / "a.json").unlink()
    assert run("history") == (0, "no baselines\n", "")


def test_it_is_drawn(run, keep, tmp_path):
    pytest.importorskip("matplotlib")
    keep(recorded(), date="2026-01-01")
    keep(recorded(level=0.1, reason="why"), recorded(number=2), date="2026-02-01")
    code, out, err = run("history", "--plot", "history.svg")
    assert (code, err) == (0, "")
    assert out.endswith("drawn: history.svg\ndrawn: history-2.svg\n")
    assert (tmp_path / "history.svg").read_text().lstrip().startswith("<?xml")
    assert (tmp_path / "history-2.svg").exists()


def test_a_picture_that_cannot_be_drawn_is_said(run, keep):
    path, _ = keep(recorded(), date="2026-01-01")
    code, _, err = run("history", path, "--plot", "a.txt")
    assert code == 2
    assert "--plot a.txt; expected a file with .png or .svg or .pdf" in err
    pytest.importorskip("matplotlib")
    code, _, err = run("history", path, "--plot", "none/a.png")
    assert code == 2
    assert err == "converge: could not draw to none/a.png: No such file or directory\n"


def test_a_shallow_clone_is_said(run, keep, tmp_path, monkeypatch):
    path, _ = keep(recorded(), date="2026-01-01")
    keep(recorded(level=0.1), date="2026-01-02")
    git(tmp_path, "clone", "-q", "--depth=1", tmp_path.as_uri(), "clone")
    monkeypatch.chdir(tmp_path / "clone")
    code, out, err = run("history", path)
    assert (code, len(rows(out))) == (0, 1)
    assert "the clone is shallow" in err
