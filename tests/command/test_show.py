"""`converge show`."""

from __future__ import annotations

from tests.recorded import recorded

TABLE = """\
tests/test_models.py::test_wine
  recorded     20 runs, seeds 7 to 26, commit 0123456789ab
"""


def test_every_training_below_the_working_folder_is_shown(run, save):
    save(recorded(), recorded(number=2))
    save(recorded("tests/test_models.py::test_beer"))
    code, out, err = run("show")
    assert (code, err) == (0, "")
    titles = [line for line in out.splitlines() if line.startswith("tests/")]
    name = "tests/test_models.py::test_"
    assert titles == [f"{name}beer", f"{name}wine", f"{name}wine #2"]
    assert out.count("\n\n") == 2
    assert TABLE in out


def test_one_file_is_shown_wherever_it_lies(run, wine, tmp_path):
    copy = tmp_path / "old.json"
    copy.write_bytes(wine.read_bytes())
    assert run("show", copy) == run("show", wine)
    assert run("show", copy)[1].startswith(TABLE)


def test_every_run_is_shown_if_asked_for(run, wine):
    _, out, _ = run("show", "--seeds")
    rows = [line.split()[0] for line in out.splitlines()[-20:]]
    assert rows == [str(seed) for seed in range(7, 27)]


def test_it_is_as_wide_as_the_terminal(run, wine, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    assert max(map(len, run("show", "--seeds")[1].splitlines())) <= 40


def test_nothing_to_show_is_said(run):
    assert run("show") == (0, "no baselines\n", "")


def test_a_file_that_cannot_be_read_does_not_hide_the_others(run, save):
    broken = save(recorded("tests/test_models.py::test_beer"))
    save(recorded())
    broken.write_text(broken.read_text()[:-10])
    code, out, err = run("show")
    assert code == 2
    assert out.startswith(TABLE)
    assert err.startswith(f"converge: got {broken} that is no JSON")
    assert err.count("\n") == 1
