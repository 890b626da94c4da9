"""Baselines in a session: modes, messages and files, with made-up runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_converge.baselines.files.store import read

SOURCE = """
from pathlib import Path
import pytest

level = float(Path("level").read_text()) if Path("level").exists() else 0.0

@pytest.mark.converges(baseline=True)
def test_it(converge):
    converge.fit(level)
"""
PASSED = "  baseline: passed at the look 'signature', whole curve equal, *"


def baselines(pytester: pytest.Pytester) -> dict[str, Path]:
    """The files of all baselines by the readable part of their names."""
    found = pytester.path.glob("**/__converge__/*/*.json")
    return {path.name.partition("--")[0]: path for path in found}


@pytest.fixture
def recorded(faked: pytest.Pytester) -> pytest.Pytester:
    """A pytester with one test whose baseline is recorded."""
    faked.makepyfile(test_a=SOURCE)
    faked.runpytest("--converge-baseline=new").assert_outcomes(failed=1)
    return faked


def change(pytester: pytest.Pytester, level: float) -> None:
    (pytester.path / "level").write_text(str(level))


def test_a_missing_baseline_fails_and_prints_the_command(faked: pytest.Pytester) -> None:
    faked.makepyfile(test_a=SOURCE)
    result = faked.runpytest()
    result.assert_outcomes(failed=1)
    command = "pytest test_a.py::test_it --converge-baseline=new"
    path = "__converge__/test_a/test_it--*.json"
    result.stdout.fnmatch_lines([f"E       MissingBaselineError: got {path} *{command}"])
    assert baselines(faked) == {}
    for frame in ("fixture.py", "gate.py", "During handling"):
        result.stdout.no_fnmatch_line(f"*{frame}*")


def test_recorded_once_and_checked_from_then_on(faked: pytest.Pytester) -> None:
    faked.makepyfile(test_a=SOURCE + "    print('the body went on')\n")
    result = faked.runpytest("--converge-baseline=new", "-s")
    result.assert_outcomes(failed=1)
    path = baselines(faked)["test_it"]
    shown, text = path.relative_to(faked.path).as_posix(), path.read_bytes()
    result.stdout.fnmatch_lines(
        [
            "*the body went on*",
            f"recorded the baseline {shown}; review and commit, then run the test again",
            "convergence: 1 training, 1 baseline recorded, *",
            "baselines written, to be reviewed and committed:",
            f"  recorded {shown}",
        ]
    )
    for arguments in ((), ("--converge-baseline=new",), ("--converge-baseline=update",)):
        result = faked.runpytest("-v", *arguments)
        result.assert_outcomes(passed=1)
        result.stdout.no_fnmatch_line("*baselines written*")
        assert path.read_bytes() == text
    faked.runpytest("-v").stdout.fnmatch_lines([PASSED])


def test_worse_fails_within_eight_lines(recorded: pytest.Pytester) -> None:
    change(recorded, 0.5)
    result = recorded.runpytest("--junit-xml=a.xml", "--converge-json=a.json")
    result.assert_outcomes(failed=1)
    message = [line[8:] for line in result.outlines if line.startswith("E   ")]
    assert message[:5] == [
        (
            "ConvergenceError: worse-than-baseline: "
            "trains worse than its baseline: 65 % worse in 4 runs"
        ),
        "  all 4 runs are worse than all 20 stored ones beyond the tolerance: 65 % worse",
        "  whole curve: 65 % worse, p = 9.4e-5, ranks 20 20 20 20 of 20",
        "  last half: 65 % worse, p = 9.4e-5, ranks 20 20 20 20 of 20",
        "  would have failed from 6.8 % worse on; false alarms at most 0.063 %",
    ]
    assert len(message) <= 8
    assert message[-1] == "reproduce: pytest test_a.py::test_it"
    (training,) = json.loads((recorded.path / "a.json").read_text())["trainings"]
    assert training["baseline_look"] == "four runs"
    assert training["baseline"]["verdict"]["outcome"] == "fail"
    assert 'name="converge_baseline_effect" value="0.6' in (recorded.path / "a.xml").read_text()


def test_better_is_a_note(recorded: pytest.Pytester) -> None:
    change(recorded, -0.5)
    result = recorded.runpytest("-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["  note better-than-baseline: trains better than its baseline: *"])
    recorded.runpytest().stdout.fnmatch_lines(["  note better-than-baseline: *"])


def test_an_update_shows_old_and_new_and_refuses_worse(recorded: pytest.Pytester) -> None:
    path = baselines(recorded)["test_it"]
    before = path.read_bytes()
    change(recorded, 0.5)
    result = recorded.runpytest("--converge-baseline=update")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*: worse-than-baseline: worse than the baseline to replace: *"])
    result.stdout.no_fnmatch_line("*baselines written*")
    assert path.read_bytes() == before
    reason = "--converge-accept-worse=slower  on purpose"
    result = recorded.runpytest("--converge-baseline=update", reason)
    result.assert_outcomes(passed=1)
    shown = path.relative_to(recorded.path).as_posix()
    line = rf"  updated {shown}: whole curve 0\.3\d+ -> 0\.5\d+, last half 0\.2\d+ -> 0\.3\d+"
    result.stdout.re_match_lines([line])
    assert json.loads(path.read_text())["trainings"][0]["reason"] == "slower on purpose"
    recorded.runpytest().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--converge-baseline=update",),
        ("--converge-baseline=update", "--converge-tolerance=0.1", "--converge-alpha=0.01"),
        ("--converge-tolerance=0.1",),
    ],
)
def test_the_command_repeats_what_was_done_with_the_baseline(
    recorded: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    change(recorded, 0.5)
    result = recorded.runpytest(*arguments)
    command = " ".join(["E       reproduce: pytest test_a.py::test_it", *arguments])
    assert command in result.outlines


def test_a_training_without_a_baseline_repeats_without_its_options(
    faked: pytest.Pytester,
) -> None:
    faked.makepyfile(test_a="def test_it(converge): converge.fit('bad')")
    result = faked.runpytest("--converge-baseline=update", "--converge-tolerance=0.1")
    assert "E   reproduce: pytest test_a.py::test_it" in result.outlines


HOOK = """
def pytest_converge_result(result):
    obtained = result.baseline.obtained
    print("hook:", obtained and len(obtained.runs), repr(result.baseline.kept))
"""


@pytest.mark.parametrize(
    ("arguments", "folder"),
    [
        (("--converge-json=out.json",), "out.obtained"),
        ((), ".pytest_cache/d/converge_obtained"),
        (("--converge-json=/dev/null",), ".pytest_cache/d/converge_obtained"),
        (("--converge-json=out.json", "-n2"), "out.obtained"),
    ],
)
def test_the_runs_of_a_failed_comparison_are_kept(
    recorded: pytest.Pytester, arguments: tuple[str, ...], folder: str
) -> None:
    before = baselines(recorded)["test_it"].read_bytes()
    conftest = recorded.path / "conftest.py"
    conftest.write_text(conftest.read_text() + HOOK)
    change(recorded, 0.5)
    result = recorded.runpytest(*arguments)
    (path,) = recorded.path.joinpath(folder).glob("*/*")
    kept = path.relative_to(recorded.path).as_posix()
    result.stdout.fnmatch_lines([f"hook: 4 {kept!r}"])
    assert path.parent.name == "test_a"
    assert path.suffix == ".obtained"
    (training,) = read(path)
    assert (training.test, len(training.runs)) == ("test_a.py::test_it", 4)
    assert {name: file.read_bytes() for name, file in baselines(recorded).items()} == {
        "test_it": before
    }
    shown = "".join(line.strip() for line in result.outlines).replace(" ", "")
    assert f"obtained{kept}" in shown.replace(":", "")


@pytest.mark.parametrize(
    ("arguments", "runs"), [((), 1), (("--converge-baseline=update",), 20)], ids=str
)
def test_the_hook_receives_every_run_also_of_a_comparison_that_passes(
    recorded: pytest.Pytester, arguments: tuple[str, ...], runs: int
) -> None:
    conftest = recorded.path / "conftest.py"
    conftest.write_text(conftest.read_text() + HOOK)
    result = recorded.runpytest(*arguments, "-s", "--converge-json=out.json")
    result.stdout.fnmatch_lines([f"*hook: {runs} ''"])
    (training,) = json.loads((recorded.path / "out.json").read_text())["trainings"]
    assert training["baseline"]["obtained"] is None


def test_a_session_without_baselines_makes_no_folder_for_them(faked: pytest.Pytester) -> None:
    faked.makepyfile("def test_it(converge): converge.fit('good')")
    faked.runpytest().assert_outcomes(passed=1)
    assert not (faked.path / ".pytest_cache" / "d").exists()


def test_they_go_when_the_comparison_passes(recorded: pytest.Pytester) -> None:
    change(recorded, 0.5)
    recorded.runpytest("--converge-json=out.json")
    change(recorded, 0.0)
    recorded.runpytest("--converge-json=out.json").assert_outcomes(passed=1)
    assert list(recorded.path.glob("out.obtained/*/*")) == []


def test_they_are_kept_of_a_refused_update_too(recorded: pytest.Pytester) -> None:
    change(recorded, 0.5)
    recorded.runpytest("--converge-baseline=update", "--converge-json=out.json")
    (path,) = recorded.path.glob("out.obtained/*/*")
    assert len(read(path)[0].runs) == 20
    (training,) = json.loads((recorded.path / "out.json").read_text())["trainings"]
    assert len(training["baseline"]["obtained"]["runs"]) == 20


def test_what_cannot_be_kept_is_said_and_changes_no_verdict(recorded: pytest.Pytester) -> None:
    change(recorded, 0.5)
    (recorded.path / "out.obtained").write_text("in the way")
    result = recorded.runpytest("--converge-json=out.json")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["could not keep the runs of a comparison: *out.obtained*"])
    change(recorded, 0.0)
    passing = recorded.runpytest("--converge-json=out.json")
    passing.assert_outcomes(passed=1)
    passing.stdout.no_fnmatch_line("*could not keep*")
    change(recorded, 0.5)
    without = recorded.runpytest("-p", "no:cacheprovider")
    without.assert_outcomes(failed=1)
    without.stdout.no_fnmatch_line("*could not keep*")


def test_only_selected_tests_are_updated(recorded: pytest.Pytester) -> None:
    other = SOURCE.replace("test_it", "test_other")
    recorded.makepyfile(test_a=SOURCE, test_b=other)
    recorded.runpytest("--converge-baseline=new")
    before = {name: path.read_bytes() for name, path in baselines(recorded).items()}
    change(recorded, -0.5)
    recorded.runpytest("--converge-baseline=update", "-k", "other")
    after = {name: path.read_bytes() for name, path in baselines(recorded).items()}
    assert [name for name in before if before[name] != after[name]] == ["test_other"]


def test_off_leaves_baselines_alone(faked: pytest.Pytester) -> None:
    faked.makepyfile(test_a=SOURCE)
    for arguments in (("--converge-baseline=off",), ("-o", "converge_baseline=off")):
        faked.runpytest(*arguments).assert_outcomes(passed=1)
    result = faked.runpytest("-o", "converge_baseline=off", "--converge-baseline=check")
    result.stdout.fnmatch_lines(["*MissingBaselineError*"])


def test_other_settings_are_an_error(recorded: pytest.Pytester) -> None:
    result = recorded.runpytest("--converge-seed=1", "--converge-steps=7")
    result.assert_outcomes(failed=1)
    pattern = r"E +InvalidTrainingError: got a training with seed=\d+, steps=7; expected seed=\d+"
    result.stdout.re_match_lines([pattern])


def test_a_broken_file_is_an_error(recorded: pytest.Pytester) -> None:
    path = baselines(recorded)["test_it"]
    path.write_bytes(path.read_bytes()[:-100])
    result = recorded.runpytest("--converge-baseline=update")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E       BaselineFileError: got __converge__*no JSON*"])


def test_over_the_time_budget_is_an_error(faked: pytest.Pytester) -> None:
    faked.makepyfile(test_a=SOURCE)
    result = faked.runpytest("--converge-baseline=new", "--converge-baseline-seconds=1e-9")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["E       InvalidTrainingError: got 1 runs in * and no decision; *"]
    )


@pytest.mark.parametrize(
    ("arguments", "outcome"),
    [
        ((), "failed"),
        (("--converge-tolerance=0.9",), "passed"),
        (("-oconverge_tolerance=0.9",), "passed"),
        (("-oconverge_tolerance=0.9", "--converge-tolerance=0.1"), "failed"),
        (("--converge-tolerance=0.9", "-oconverge_tolerance=0.1"), "passed"),
    ],
)
def test_the_command_line_counts_before_the_configuration(
    recorded: pytest.Pytester, arguments: tuple[str, ...], outcome: str
) -> None:
    change(recorded, 0.5)
    recorded.runpytest(*arguments).assert_outcomes(**{outcome: 1})


PLAIN = "def test_it(converge): converge.fit(0.0)"
LEFT_OUT = "def test_it(converge): converge.fit(0.0, baseline=False)"
MARKED = f"import pytest\n@pytest.mark.converges(baseline=False)\n{PLAIN}"


@pytest.mark.parametrize(
    ("source", "given", "compared"),
    [
        (PLAIN, "", False),
        (PLAIN, "converge_baselines = true", True),
        (PLAIN, "converge_baselines = false", False),
        (LEFT_OUT, "converge_baselines = true", False),
        (MARKED, "converge_baselines = true", False),
        (f"import pytest\npytestmark = pytest.mark.converges(baseline=True)\n{PLAIN}", "", True),
    ],
)
def test_one_setting_gives_every_test_a_baseline(
    faked: pytest.Pytester, source: str, given: str, compared: bool
) -> None:
    faked.makeini(f"[pytest]\n{given}\n")
    faked.makepyfile(test_a=source)
    result = faked.runpytest()
    result.assert_outcomes(**{"failed" if compared else "passed": 1})


TWO = """
import pytest

@pytest.mark.converges(baseline=True)
@pytest.mark.parametrize("number", range(3))
def test_it(converge, number):
    converge.fit(0.1 * number)
    converge.fit(0.2 * number)
"""


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("-p", "no:xdist"), ("-n0",), ("-n2",)])
def test_workers_write_and_list_the_same(
    faked: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    if "-n" in arguments[0]:
        pytest.importorskip("xdist")
    faked.makepyfile(test_a=TWO)
    result = faked.runpytest("--converge-baseline=new", "-p", "no:xdist")
    expected = {name: path.read_bytes() for name, path in baselines(faked).items()}
    listed = [line for line in result.outlines if line.startswith("  recorded ")]
    assert (len(expected), len(listed)) == (3, 6)
    for path in baselines(faked).values():
        path.unlink()
    result = faked.runpytest("--converge-baseline=new", *arguments)
    result.assert_outcomes(failed=3)
    assert {name: path.read_bytes() for name, path in baselines(faked).items()} == expected
    assert [line for line in result.outlines if line.startswith("  recorded ")] == listed
    faked.runpytest(*arguments).assert_outcomes(passed=3)


def test_a_failure_of_the_body_counts_before_the_review(faked: pytest.Pytester) -> None:
    faked.makepyfile(test_a=SOURCE + "    assert level == 1\n")
    result = faked.runpytest("--converge-baseline=new")
    result.stdout.fnmatch_lines(["*assert 0.0 == 1*", "  recorded __converge__*"])
    result.stdout.no_fnmatch_line("*review and commit, then*")


# ---- stale files --------------------------------------------------------------------------------

STALE = "baselines whose tests are gone (see: converge prune):"


@pytest.fixture
def stale(recorded: pytest.Pytester) -> pytest.Pytester:
    """A pytester with a baseline that belongs to a test, and one whose test is gone."""
    (path,) = baselines(recorded).values()
    path.with_name("test_gone--00000000.json").write_bytes(path.read_bytes())
    return recorded


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [(), ("-n2",)])
def test_stale_files_are_mentioned_and_kept(
    stale: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    if arguments:
        pytest.importorskip("xdist")
    result = stale.runpytest(*arguments)
    assert result.ret == 0
    result.stdout.fnmatch_lines([STALE, "  __converge__/test_a/test_gone--00000000.json"])
    assert len(baselines(stale)) == 2


def test_the_baselines_of_a_module_that_is_gone_are_stale(stale: pytest.Pytester) -> None:
    folder = stale.path / "__converge__"
    (folder / "test_a").rename(folder / "test_gone")
    stale.runpytest("--converge-baseline=new")
    result = stale.runpytest()
    result.stdout.fnmatch_lines([STALE, "  __converge__/test_gone/test_gone--00000000.json"])


@pytest.mark.parametrize(
    "arguments",
    [
        ("test_a.py",),
        ("-k", "it"),
        ("-m", "converges"),
        ("--deselect", "test_b.py"),
        ("--lf",),
        ("--ignore", "x"),
        ("-qq",),
        ("--co",),
        ("--converge-baseline=off",),
    ],
)
def test_nothing_is_stale_where_not_all_tests_are_there(
    stale: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    stale.runpytest(*arguments).stdout.no_fnmatch_line("*tests are gone*")


@pytest.mark.parametrize(
    "source",
    ["import nothing_of_this_name", "import pytest; pytest.skip('x', allow_module_level=True)"],
)
def test_nothing_is_stale_where_a_module_was_not_collected(
    stale: pytest.Pytester, source: str
) -> None:
    stale.makepyfile(test_b=source)
    result = stale.runpytest("--continue-on-collection-errors")
    result.stdout.no_fnmatch_line("*tests are gone*")
