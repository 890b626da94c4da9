"""What becomes of a baseline in each mode, and when it is refused."""

from __future__ import annotations

import dataclasses
import math

import pytest

from pytest_converge.baselines.files.errors import BaselineFileError, MissingBaselineError
from pytest_converge.baselines.files.paths import baseline_path
from pytest_converge.baselines.files.store import load
from pytest_converge.baselines.session.baseline_gate import (
    BaselineGate,
    _broken,
    _exponential,
    _medians,
    _remembered,
)
from pytest_converge.core.baseline import BaselinePolicy, BaselineReport
from pytest_converge.core.errors import InvalidTrainingError
from tests.baselines.gate.cases import runs
from tests.baselines.session.sessions import HERE, TEST, Machine, ask, subject


@pytest.fixture
def recorded(tmp_path):
    """A folder in which the baseline of level 0 is recorded."""
    ask(tmp_path, Machine(), mode="new")
    return tmp_path


def file_of(folder):
    (path,) = folder.glob("__converge__/*/*.json")
    return path


def test_new_records_twenty_runs(tmp_path):
    machine = Machine()
    report, finding = ask(tmp_path, machine, mode="new")
    assert machine.made == list(range(20))
    assert (report.action, report.runs, report.written, finding) == ("recorded", 20, True, None)
    assert report.path == file_of(tmp_path).relative_to(tmp_path).as_posix()
    (stored,) = load(file_of(tmp_path), TEST)
    assert [run.seed for run in stored.runs] == list(range(7, 27))
    assert (stored.environment, stored.settings["steps"]) == (HERE, 200)
    assert report.before == ()
    assert [math.log(loss) for loss in report.after] == pytest.approx(
        [sorted(run.scores[i] for run in stored.runs)[9] for i in (0, 1)]
    )


def test_new_checks_what_is_recorded(recorded):
    before = file_of(recorded).read_bytes()
    report, _ = ask(recorded, Machine(), mode="new")
    assert report.action == "checked"
    assert file_of(recorded).read_bytes() == before


def test_check_passes_the_same_runs_after_one(recorded):
    machine = Machine()
    report, finding = ask(recorded, machine)
    assert machine.made == [0]
    assert (report.action, report.runs, finding) == ("checked", 1, None)
    assert (report.verdict.outcome, report.verdict.look) == ("pass", "signature")


def test_check_fails_worse_runs_and_says_by_how_much(recorded):
    machine = Machine(level=0.5)
    report, finding = ask(recorded, machine)
    assert machine.made == [0, 1, 2, 3]
    assert (finding.code, finding.fails) == ("worse-than-baseline", True)
    assert finding.message == "trains worse than its baseline: 65 % worse in 4 runs"
    assert len(finding.message) <= 80
    evidence = finding.evidence
    assert evidence["whole_effect"] == pytest.approx(math.expm1(0.5), rel=0.01)
    assert (evidence["look"], evidence["runs"]) == ("four runs", 4)
    assert evidence["late_ranks"] == "20 20 20 20"
    assert 0 < evidence["detectable"] < 0.3
    assert evidence["false_alarm"] == pytest.approx(6.29e-4, rel=0.01)
    assert evidence["whole_p"] == pytest.approx(9.41e-5, rel=0.01)
    assert report.verdict.outcome == "fail"


def test_better_runs_are_a_note(recorded):
    report, finding = ask(recorded, Machine(level=-0.5))
    assert report.verdict.passed
    assert (finding.code, finding.fails) == ("better-than-baseline", False)
    assert finding.message == "trains better than its baseline: 39 % better in 1 run"


def test_a_larger_tolerance_lets_more_pass(recorded):
    assert ask(recorded, Machine(level=0.3), tolerance=0.5)[1] is None
    assert ask(recorded, Machine(level=0.3))[1] is not None


@pytest.mark.parametrize("mode", ["check", "update"])
def test_a_missing_baseline_is_an_error_with_the_command(tmp_path, mode):
    pattern = rf"expected a recorded baseline.*pytest {TEST} --converge-baseline=new"
    with pytest.raises(MissingBaselineError, match=pattern):
        ask(tmp_path, Machine(), mode=mode)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_baseline_names_one_whose_test_is_gone(recorded):
    (recorded / "test_models.py").write_text("def test_red_wine(): pass")
    other = dataclasses.replace(subject(), test="test_models.py::test_red_wine")
    command = rf"Was the test renamed\? converge rename {TEST} test_models.py::test_red_wine \(else"
    with pytest.raises(MissingBaselineError, match=command):
        ask(recorded, Machine(), what=other)
    report, _ = ask(recorded, Machine(), mode="new", what=other)
    assert report.action == "recorded"


def test_a_training_that_the_file_does_not_have_is_missing_too(recorded):
    with pytest.raises(MissingBaselineError, match="without a baseline of training 2"):
        ask(recorded, Machine(), what=subject(number=2))


def test_a_second_training_is_recorded_beside_the_first(recorded):
    (first,) = load(file_of(recorded), TEST)
    ask(recorded, Machine(level=1.0), mode="new", what=subject(number=2))
    kept, second = load(file_of(recorded), TEST)
    assert kept == first
    assert second.number == 2


@pytest.mark.parametrize("mode", ["check", "new", "update"])
def test_a_broken_file_is_its_own_error_and_stays(recorded, mode):
    broken = file_of(recorded).read_bytes()[:-200]
    file_of(recorded).write_bytes(broken)
    with pytest.raises(BaselineFileError):
        ask(recorded, Machine(), mode=mode)
    assert file_of(recorded).read_bytes() == broken


def test_other_settings_are_an_error_that_names_each(recorded):
    pattern = (
        r"got a training with seed=8, steps=100; expected seed=7, steps=200 as in its baseline\. "
        r"Not judged, it is another task\. .*--converge-baseline=update "
        r"'--converge-accept-worse=the reason'"
    )
    machine = Machine()
    for mode in ("check", "update"):
        with pytest.raises(InvalidTrainingError, match=pattern):
            ask(recorded, machine, mode=mode, what=subject(steps=100, seed=8))
    assert machine.made == []


def test_another_loss_is_not_judged(tmp_path):
    ask(tmp_path, Machine(), mode="new", what=subject(loss="mean_squared_error"))
    with pytest.raises(InvalidTrainingError, match="Not judged, the losses are in other units"):
        ask(tmp_path, Machine(), what=subject(loss="huber"))


def test_what_an_older_baseline_does_not_tell_is_said(recorded):
    what = subject(loss="huber", data={"digest": "0", "rows": 3, "seen": "an epoch"})
    report, _ = ask(recorded, Machine(), what=what)
    assert report.unknown == ("loss", "data")
    assert ask(recorded, Machine(), mode="update", what=what)[0].action == "updated"
    assert ask(recorded, Machine(), what=what)[0].unknown == ()


def test_other_rows_are_judged_and_named(tmp_path):
    known = {"rows": 442, "seen": "an epoch"}
    ask(tmp_path, Machine(), mode="new", what=subject(data={**known, "digest": "a"}))
    other = subject(data={**known, "digest": "b", "rows": 400})
    report, finding = ask(tmp_path, Machine(level=1.0), what=other)
    assert finding.fails
    (change,) = report.data
    assert (change.name, change.recorded, change.present) == ("rows", 442, 400)


def test_another_environment_is_noted_and_widens_the_signature(recorded):
    other = {**HERE, "tensorflow": "2.22.0"}
    del other["threads"]
    drifted = Machine(level=8e-4)
    report, finding = ask(recorded, drifted, environment=other)
    assert [(item.name, item.recorded, item.present) for item in report.environment] == [
        ("tensorflow", "2.21.0", "2.22.0"),
        ("threads", 2, None),
    ]
    assert (report.verdict.look, finding) == ("signature", None)
    assert ask(recorded, drifted)[0].verdict.look != "signature"


def test_off_does_nothing(tmp_path):
    policy = BaselinePolicy(mode="off", test_file=str(tmp_path / "test_models.py"))
    assert BaselineGate.open(policy, subject()) is None


# ---- update -------------------------------------------------------------------------------------


def test_update_leaves_what_repeats(recorded):
    before = file_of(recorded).read_bytes()
    machine = Machine(level=1e-4)
    report, finding = ask(recorded, machine, mode="update")
    assert len(machine.made) == 20
    assert (report.action, report.written, finding) == ("unchanged", False, None)
    assert file_of(recorded).read_bytes() == before


def test_update_replaces_what_differs_and_tells_both(recorded):
    report, finding = ask(recorded, Machine(level=-0.5), mode="update")
    assert (report.action, report.written, finding) == ("updated", True, None)
    ratio = [after / before for before, after in zip(report.before, report.after, strict=True)]
    assert ratio == pytest.approx([math.exp(-0.5)] * 2, rel=0.01)
    assert ask(recorded, Machine(level=-0.5))[0].verdict.look == "signature"


def test_update_notices_that_one_run_alone_differs(recorded):
    def make(number):
        return Machine(level=0.01 * (number == 19))(number)

    assert ask(recorded, make, mode="update")[0].action == "updated"


def test_update_refuses_worse_runs(recorded):
    before = file_of(recorded).read_bytes()
    report, finding = ask(recorded, Machine(level=0.5), mode="update")
    assert (report.action, report.written) == ("refused", False)
    assert (finding.code, finding.fails) == ("worse-than-baseline", True)
    assert "--converge-accept-worse=" in finding.message
    assert file_of(recorded).read_bytes() == before


@pytest.mark.parametrize(("mode", "runs"), [("check", 4), ("update", 20)])
def test_every_run_is_handed_over(recorded, mode, runs):
    machine, data = Machine(level=0.5), {"rows": 178}
    report, _ = ask(recorded, machine, mode=mode, what=subject(data=data))
    obtained = report.obtained
    assert (obtained.test, obtained.number, obtained.data) == (TEST, 1, data)
    assert (obtained.settings, obtained.environment) == (subject().settings, HERE)
    assert obtained.runs == tuple(map(Machine(level=0.5), range(runs)))
    assert report.failed
    assert BaselineReport.from_dict(report.to_dict()) == report


@pytest.mark.parametrize(("mode", "runs"), [("check", 1), ("update", 20)])
def test_so_is_every_run_of_one_that_passes(recorded, mode, runs):
    report, _ = ask(recorded, Machine(), mode=mode)
    assert report.obtained.runs == tuple(map(Machine(), range(runs)))
    assert not report.failed


def test_so_is_every_run_of_a_first_recording(tmp_path):
    report, _ = ask(tmp_path, Machine(), mode="new")
    assert (report.action, len(report.obtained.runs)) == ("recorded", 20)


def test_a_comparison_knows_the_band_of_the_recorded_losses(recorded):
    report, _ = ask(recorded, Machine())
    runs = [Machine()(number) for number in range(20)]
    step, low, middle, high = report.band[-1]
    last = [run.losses[-1] for run in runs]
    assert step == runs[0].steps[-1]
    assert (low, high) == pytest.approx((min(last), max(last)), rel=1e-8)  # as the file has them
    assert low < middle < high


def test_update_refuses_what_all_runs_show_though_the_first_is_lucky(recorded):
    def make(number):
        return Machine(level=-0.5 if number == 0 else 0.06)(number)

    assert ask(recorded, make)[1].code == "better-than-baseline"
    report, finding = ask(recorded, make, mode="update")
    assert (report.action, finding.code) == ("refused", "worse-than-baseline")


def test_worse_runs_are_accepted_for_a_reason_that_is_kept(recorded):
    report, finding = ask(recorded, Machine(level=0.5), mode="update", accept_worse="smaller model")
    assert (report.action, finding) == ("updated", None)
    (stored,) = load(file_of(recorded), TEST)
    assert stored.reason == "smaller model"
    ask(recorded, Machine(), mode="update", accept_worse="not needed")
    assert load(file_of(recorded), TEST)[0].reason == ""


@pytest.mark.parametrize("mode", ["new", "update"])
def test_runs_that_are_not_finite_are_refused(tmp_path, recorded, mode):
    folder = recorded if mode == "update" else tmp_path / "other"
    folder.mkdir(exist_ok=True)
    machine = Machine(level=-0.5, broken=(3, 5))
    pattern = r"got 2 of 20 runs that are not finite \(seed 10, 12\).*--converge-accept-worse="
    with pytest.raises(InvalidTrainingError, match=pattern):
        ask(folder, machine, mode=mode)
    ask(folder, machine, mode=mode, accept_worse="two starts diverge")
    (stored,) = load(file_of(folder), TEST)
    assert stored.reason == "two starts diverge"
    assert stored.runs[3].scores == (math.inf, math.inf)


def test_update_takes_other_settings_for_a_reason_alone(recorded):
    report, finding = ask(
        recorded, Machine(level=3.0), mode="update", what=subject(steps=100), accept_worse="fewer"
    )
    assert (report.action, report.verdict, finding) == ("updated", None, None)
    assert report.unjudged == "it is another task"
    (stored,) = load(file_of(recorded), TEST)
    assert (stored.settings["steps"], stored.reason) == (100, "fewer")


def test_an_update_that_repeats_records_the_new_environment(recorded):
    (before,) = load(file_of(recorded), TEST)
    other = {**HERE, "tensorflow": "2.22.0"}
    report, _ = ask(recorded, Machine(level=1e-4), mode="update", environment=other)
    assert report.action == "updated"
    (stored,) = load(file_of(recorded), TEST)
    assert (stored.environment, stored.runs) == (other, before.runs)


# ---- metrics ------------------------------------------------------------------------------------


def test_a_metric_of_which_more_is_better_is_told_as_it_is(tmp_path):
    def accuracy(mean):
        return Machine(scores=lambda number: (-(mean + 0.001 * number),))

    what = subject(metric="accuracy")
    report, _ = ask(tmp_path, accuracy(0.9), mode="new", what=what, higher=True)
    assert report.after == pytest.approx((0.91,))
    report, finding = ask(tmp_path, accuracy(0.7), what=what, higher=True)
    assert finding.fails
    assert finding.evidence["metric_effect"] > 0.2


# ---- time ---------------------------------------------------------------------------------------


def gate_of(folder, clock, mode="new"):
    policy = BaselinePolicy(mode=mode, test_file=str(folder / "test_models.py"), seconds=60)
    path = baseline_path(folder, folder / "test_models.py", TEST)
    return BaselineGate(policy, subject(), path, (), clock)


def test_over_the_time_budget_is_an_error(tmp_path):
    times = iter([0.0, 0.0, 25.0, 50.0, 75.0])
    machine = Machine()
    pattern = r"got 3 runs in 75 s and no decision; .*within 60 s\. .*seconds=750"
    with pytest.raises(InvalidTrainingError, match=pattern):
        gate_of(tmp_path, lambda: next(times)).settle(machine, HERE)
    assert machine.made == [0, 1, 2]
    assert list(tmp_path.iterdir()) == []


def test_a_decision_that_needs_no_further_run_takes_no_time(recorded):
    report, _ = ask(recorded, Machine(), seconds=1e-9)
    assert report.verdict.passed


# ---- another revision ---------------------------------------------------------------------------


def test_runs_of_another_revision_are_compared_like_recorded_ones(recorded, tmp_path):
    root = tmp_path / "elsewhere"
    root.mkdir()
    ask(tmp_path, Machine(), mode="new", root=str(root))
    report, finding = ask(tmp_path, Machine(level=0.5), root=str(root), revision="main")
    assert (report.path, report.revision) == ("", "main")
    assert finding.message == "trains worse than main: 65 % worse in 4 runs"


@pytest.mark.parametrize("mode", ["absent", "check"])
def test_a_test_that_the_other_revision_does_not_have_is_not_compared(tmp_path, mode):
    machine = Machine()
    report, finding = ask(tmp_path, machine, mode=mode, root=str(tmp_path / "x"), revision="main")
    assert (report.action, report.revision, report.verdict) == ("absent", "main", None)
    assert (finding, machine.made) == (None, [])


# ---- runs and settings ---------------------------------------------------------------------------


def test_runs_are_remembered_as_they_are_made():
    made, given = [], runs([0.1, 0.2, 0.3])
    passed_on = _remembered(iter(given), made)
    assert made == []
    assert next(passed_on) is given[0]
    assert made == [given[0]]
    assert [*passed_on] == made[1:] == [*given[1:]]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_run_is_broken_by_any_score(bad):
    whole, half = runs([0.1, 0.2], [0.3, bad])
    assert _broken([whole, half]) == [half]


def test_a_score_beyond_all_floats_is_an_infinite_loss():
    assert _exponential(0.0) == 1.0
    assert _exponential(1e4) == math.inf
    assert _exponential(-math.inf) == 0.0


def test_a_median_is_one_of_the_runs_own():
    assert _medians(runs([0.4, 0.1, 0.2, 0.9], [1.0, 1.0, 3.0, 2.0])) == (0.2, 1.0)
