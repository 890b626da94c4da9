"""The comparison with a baseline in words: a line of the summary, the message, the section."""

from __future__ import annotations

import dataclasses

import pytest

from pytest_converge.core.baseline import BaselineReport, BaselineVerdict, EnvironmentChange
from pytest_converge.core.finding import Finding
from pytest_converge.report import baseline_comparison
from pytest_converge.report.message import failure_message
from pytest_converge.report.section import section
from pytest_converge.report.summary import summary_lines

FAILED = BaselineVerdict(
    outcome="fail",
    look="four runs",
    runs=4,
    ranks=((20, 20, 20, 20), (20, 19, 20, 20)),
    p_values=(9.41e-5, 1.23e-3),
    effect=(0.4312, 0.0642),
    detectable=0.2668,
    false_alarm=8.765e-4,
    reason="all 4 runs are worse than all 20 stored ones beyond the tolerance: 43 % worse",
)
PASSED = BaselineVerdict(
    outcome="pass",
    look="signature",
    runs=1,
    ranks=((3,), (4,)),
    effect=(0.0, -0.003),
    detectable=0.03,
    false_alarm=8.765e-4,
    reason="the first losses repeat the stored ones to 3.6e-09, and the run is equal",
)
PATH = "tests/__converge__/test_a/test_b--01234567.json"
CHECKED = BaselineReport(
    action="checked",
    path=PATH,
    commit="0123456789abcdef0123456789abcdef01234567",
    verdict=FAILED,
    environment=(
        EnvironmentChange(name="TF_ENABLE_ONEDNN_OPTS", recorded=None, present="0"),
        EnvironmentChange(name="threads", recorded=2, present=8),
    ),
    runs=4,
)
WORSE = Finding(
    code="worse-than-baseline", message="trains worse than its baseline: 43 % worse in 4 runs"
)


@pytest.fixture
def worse(make_result):
    """A training that fails against its baseline alone."""
    return dataclasses.replace(make_result([WORSE]), baseline=CHECKED)


@pytest.mark.parametrize(
    ("effect", "text"),
    [
        (0.43, "43 % worse"),
        (0.0312, "3.1 % worse"),
        (-0.003, "0.3 % better"),
        (0.0, "equal"),
        (4e-5, "equal"),
        (float("inf"), "inf % worse"),
    ],
)
def test_an_effect_in_words(effect, text):
    assert baseline_comparison.effect_text(effect) == text


def test_the_message_of_a_failure(worse):
    assert failure_message(worse, reproduce="pytest a.py").splitlines() == [
        "worse-than-baseline: trains worse than its baseline: 43 % worse in 4 runs",
        "  all 4 runs are worse than all 20 stored ones beyond the tolerance: 43 % worse",
        "  whole curve: 43 % worse, p = 9.4e-5, ranks 20 20 20 20 of 20",
        "  last half: 6.4 % worse, p = 0.0012, ranks 20 19 20 20 of 20",
        "  would have failed from 27 % worse on; false alarms at most 0.088 %",
        "loss 2.303 -> 0.4310 in 200 steps, learning rate 0.01",
        "reproduce: pytest a.py",
    ]


def test_the_p_of_the_pairs_stands_below_those_of_the_scores(make_result):
    verdict = dataclasses.replace(FAILED, look="twenty runs", runs=20, p_pairs=1.9e-6)
    found = dataclasses.replace(
        make_result([WORSE]), baseline=BaselineReport(action="checked", verdict=verdict)
    )
    assert (
        "  pairs: p = 1.9e-6, of equal seeds" in failure_message(found, reproduce="").splitlines()
    )


@pytest.mark.parametrize("code", ["better-than-baseline", "perhaps-worse", "validation-overlap"])
def test_notes_on_which_a_merge_may_hang_are_shown_by_default(make_result, code):
    note = Finding(code=code, message="33 % in 20 runs", fails=False)
    other = Finding(code="dead-units", message="most", fails=False)
    lines = summary_lines([make_result([note, other])], width=80, verbosity=0, unicode=False)
    texts = ["".join(segment.text for segment in line) for line in lines]
    assert texts[2:-1] == [f"  note {code}: 33 % in 20 runs"]
    assert len(summary_lines([make_result([other])], width=80, verbosity=0, unicode=False)) == 1


def test_a_later_training_of_a_test_has_its_number(worse):
    second = dataclasses.replace(worse, number=2)
    first, *_ = failure_message(second, reproduce="").splitlines()
    assert first.startswith("worse-than-baseline, training 2: trains worse than its baseline: ")


def test_another_gate_says_nothing_of_the_baseline(failed):
    both = dataclasses.replace(failed, baseline=CHECKED)
    assert failure_message(both, reproduce="") == failure_message(failed, reproduce="")


def test_the_section_has_every_number(worse):
    text = section(worse, width=72, unicode=False)
    assert text.split("\n\n")[-1].splitlines() == [
        "baseline     checked: 4 runs,",
        "             tests/__converge__/test_a/test_b--01234567.json, recorded",
        "             at 0123456789ab",
        "look         four runs: all 4 runs are worse than all 20 stored ones",
        "             beyond the tolerance: 43 % worse",
        "whole curve  43 % worse, p = 9.4e-5, ranks 20 20 20 20 of 20",
        "last half    6.4 % worse, p = 0.0012, ranks 20 19 20 20 of 20",
        "promises     would have failed from 27 % worse on; false alarms at most",
        "             0.088 %",
        "elsewhere    TF_ENABLE_ONEDNN_OPTS unset when recorded, 0 now; threads 2",
        "             when recorded, 8 now",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("unicode", [False, True])
def test_nothing_is_wider_than_the_terminal(worse, width, unicode):
    lines = section(worse, width=width, unicode=unicode).splitlines()
    rows = summary_lines([worse], width=width, verbosity=2, unicode=unicode)
    lines += ["".join(segment.text for segment in row) for row in rows]
    assert max(map(len, lines)) <= width


REPORTS = {
    "passed": (
        dataclasses.replace(CHECKED, verdict=PASSED, environment=(), runs=1),
        [
            "  baseline: passed at the look 'signature', whole curve equal",
            "  last half 0.3 % better, would have failed from 3 % on",
        ],
    ),
    "elsewhere": (
        dataclasses.replace(CHECKED, verdict=dataclasses.replace(PASSED, detectable=None)),
        [
            "  baseline: passed at the look 'signature', whole curve equal",
            "  last half 0.3 % better, 2 differences of the environment",
        ],
    ),
    "another revision": (
        BaselineReport(action="checked", revision="main", verdict=PASSED, runs=1),
        [
            "  baseline: passed at the look 'signature' against main, whole curve equal",
            "  last half 0.3 % better, would have failed from 3 % on",
        ],
    ),
    "a metric": (
        BaselineReport(
            action="checked",
            metric="val_loss",
            verdict=dataclasses.replace(PASSED, effect=(0.02,), ranks=((3,),)),
        ),
        [
            "  baseline: passed at the look 'signature', val_loss 2 % worse",
            "  would have failed from 3 % on",
        ],
    ),
    "recorded": (
        BaselineReport(action="recorded", runs=20),
        ["  baseline: recorded from 20 runs"],
    ),
    "unchanged": (
        BaselineReport(action="unchanged", runs=20, verdict=PASSED),
        ["  baseline: unchanged, every run repeats the recorded one"],
    ),
    "absent": (
        BaselineReport(action="absent", revision="main"),
        ["  baseline: no such test at main"],
    ),
}


@pytest.mark.parametrize("kind", REPORTS)
def test_a_line_of_the_verbose_summary(make_result, kind):
    report, expected = REPORTS[kind]
    result = dataclasses.replace(make_result(), baseline=report)
    lines = summary_lines([result], width=80, verbosity=1, unicode=False)
    assert ["".join(segment.text for segment in line) for line in lines][2:-1] == expected
    quiet = summary_lines([result], width=80, verbosity=0, unicode=False)
    assert len(quiet) == 1


def test_what_was_written(make_result):
    result = make_result(number=2)
    for report, text in (
        (None, ""),
        (BaselineReport(action="checked", path="p"), ""),
        (BaselineReport(action="recorded", path="p", after=(0.5, 0.25)), "recorded p, training 2"),
        (
            BaselineReport(action="updated", path="p", before=(0.5, 0.25), after=(0.6, 0.3)),
            "updated p, training 2: whole curve 0.5000 -> 0.6000, last half 0.2500 -> 0.3000",
        ),
        (
            BaselineReport(
                action="updated", path="p", metric="accuracy", before=(0.5,), after=(0.6,)
            ),
            "updated p, training 2: accuracy 0.5000 -> 0.6000",
        ),
    ):
        assert (
            baseline_comparison.written_text(dataclasses.replace(result, baseline=report)) == text
        )


def test_other_data_and_what_is_unknown_are_named():
    rows = EnvironmentChange(name="rows", recorded=442, present=400)
    report = dataclasses.replace(
        CHECKED, verdict=PASSED, environment=(), data=(rows,), unknown=("loss", "data")
    )
    assert not any("data" in part for part in baseline_comparison.note(report))
    assert list(baseline_comparison.facts(report))[-2:] == [
        ("other data", "rows 442 when recorded, 400 now"),
        ("unknown", "what the baseline had of loss, data"),
    ]


def test_runs_that_were_replaced_unjudged_are_said_to_be(make_result):
    report = BaselineReport(
        action="updated", path=PATH, runs=20, before=(1.0, 1.0), after=(2.0, 2.0), unjudged="why"
    )
    assert baseline_comparison.note(report) == ["baseline: updated from 20 runs, not judged: why"]
    result = dataclasses.replace(make_result([]), baseline=report)
    assert baseline_comparison.written_text(result) == f"updated {PATH}, not judged: why"


@pytest.mark.parametrize("verbosity", [0, 1])
def test_other_data_are_shown_by_default_where_it_passes(make_result, verbosity):
    rows = EnvironmentChange(name="rows", recorded=442, present=400)
    report = dataclasses.replace(CHECKED, verdict=PASSED, environment=(), data=(rows,), runs=1)
    result = dataclasses.replace(make_result([]), baseline=report)
    lines = summary_lines([result], width=80, verbosity=verbosity, unicode=True)
    texts = ["".join(segment.text for segment in line) for line in lines]
    assert texts.count("  other data: rows 442 when recorded, 400 now") == 1
    same = dataclasses.replace(result, baseline=dataclasses.replace(report, data=()))
    assert len(summary_lines([same], width=80, verbosity=0, unicode=True)) == 1
