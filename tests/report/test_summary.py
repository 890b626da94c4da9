"""The terminal summary over widths, encodings and verbosity."""

from __future__ import annotations

import dataclasses
import math
import random
import sys

import pytest
from _pytest._io import TerminalWriter

from pytest_converge.core.curve import LossCurve
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import Finding
from pytest_converge.core.record import NonFinite
from pytest_converge.report.layout import cell_width
from pytest_converge.report.summary import Segment, summary_lines

LONG_ID = (
    "tests/unit/models/vision/test_networks.py::TestResidual::"
    "test_trains_with_mixed_augmentation[adam-0.001-batchnorm]"
)


@pytest.fixture
def session(failed, make_curve, make_result, judged):
    """A passing, a failing, a broken training, and two in one test with wide characters."""
    nan = make_curve(
        steps=37,
        points=9,
        batch_loss=(*[2.3 - i / 20 for i in range(36)], math.nan),
        final_loss=None,
    )
    lost = (NonFinite(what="loss", name="nan", step=37),)
    no_probe = LossCurve(
        steps=tuple(range(1, 1001)), batch_loss=tuple(3000.0 * 0.99**i for i in range(1000))
    )
    digits = "tests/test_数字.py::test_手書き"
    return [
        judged(test=LONG_ID, curve=nan, seconds=0.31, nonfinite=lost),
        make_result(test=digits, number=2, curve=no_probe, probe_rows=0, seconds=200.0),
        make_result(test=digits, curve=make_curve(steps=1, points=2)),
        failed,
        make_result(test="tests/test_models.py::test_iris", curve=make_curve(inference_loss=0.44)),
    ]


def texts(results, width=80, verbosity=1, unicode=True):
    lines = summary_lines(results, width=width, verbosity=verbosity, unicode=unicode)
    return ["".join(segment.text for segment in line) for line in lines]


GOLDEN = {
    (40, True): """\
test                      final  verdict
…::test_iris             0.4310  passed
…::test_wine             0.4310  failed
…::test_手書き #1        0.4310  passed
…::test_手書き #2        0.2152  passed
test_trains…-batchnorm]     nan  failed
5 trainings, 2 did not converge""",
    (60, True): """\
test                        curve      final  verdict
…::test_iris                █▃▂▁▁▁▁▁  0.4310  passed
…::test_wine                █▃▂▁▁▁▁▁  0.4310  target-missed
…::test_手書き #1           █▁        0.4310  passed
…::test_手書き #2           █▇▆▅▄▃▂▁  0.2152  passed
test_trains_w…1-batchnorm]  █▃▂▁▁▁▁×     nan  nonfinite-loss
convergence: 5 trainings, 2 did not converge, 3 min 24 s""",
    (80, True): """\
test                     initial  curve      final  steps   time  verdict
…::test_iris               2.303  █▃▂▁▁▁▁▁  0.4310    200  1.2 s  passed
…::test_wine               2.303  █▃▂▁▁▁▁▁  0.4310    200  1.2 s  target-missed
…::test_手書き #1          2.303  █▁        0.4310      1  1.2 s  passed
…::test_手書き #2           1824  █▇▆▅▄▃▂▁  0.2152   1000  200 s  passed
test_trains…-batchnorm]    2.303  █▃▂▁▁▁▁×     nan     37  0.3 s  nonfinite-loss
convergence: 5 trainings, 2 did not converge, 3 min 24 s""",
    (200, True): """\
test                                                                                                                initial  curve                              final  steps   time  verdict
tests/test_models.py::test_iris                                                                                       2.303  █▇▅▄▃▃▂▂▂▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁  0.4310    200  1.2 s  passed
tests/test_models.py::test_wine                                                                                       2.303  █▇▅▄▃▃▂▂▂▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁  0.4310    200  1.2 s  target-missed
tests/test_数字.py::test_手書き #1                                                                                    2.303  █▁                                0.4310      1  1.2 s  passed
tests/test_数字.py::test_手書き #2                                                                                     1824  ████▇▇▇▇▆▆▆▆▅▅▅▅▄▄▄▄▃▃▃▃▂▂▂▂▁▁▁▁  0.2152   1000  200 s  passed
tests/unit/models/vision/test_networks.py::TestResidual::test_trains_with_mixed_augmentation[adam-0.001-batchnorm]    2.303  █▃▂▁▁▁▁▁▁×                           nan     37  0.3 s  nonfinite-loss
convergence: 5 trainings, 2 did not converge, 3 min 24 s""",  # noqa: E501
    (40, False): """\
test                      final  verdict
...::test_iris           0.4310  passed
...::test_wine           0.4310  failed
test_\\u62...f8\\u304d #1  0.4310  passed
test_\\u62...f8\\u304d #2  0.2152  passed
test_train...batchnorm]     nan  failed
5 trainings, 2 did not converge""",
    (80, False): """\
test                     initial  curve      final  steps   time  verdict
...::test_iris             2.303  #:._____  0.4310    200  1.2 s  passed
...::test_wine             2.303  #:._____  0.4310    200  1.2 s  target-missed
test_\\u62...f8\\u304d #1    2.303  #_        0.4310      1  1.2 s  passed
test_\\u62...f8\\u304d #2     1824  #*+=-:._  0.2152   1000  200 s  passed
test_train...batchnorm]    2.303  #:.____x     nan     37  0.3 s  nonfinite-loss
convergence: 5 trainings, 2 did not converge, 3 min 24 s""",
}

VERBOSE = """\
test                     initial  curve      final  steps   time  verdict
…::test_iris               2.303  █▃▂▁▁▁▁▁  0.4310    200  1.2 s  passed
  probe set 178 rows, lowest 0.4310 at step 200, inference loss 0.4400
  gradient norm 3.500 -> 0.1769, seed 7
…::test_wine               2.303  █▃▂▁▁▁▁▁  0.4310    200  1.2 s  target-missed
  probe set 178 rows, lowest 0.4310 at step 200, gradient norm 3.500 -> 0.1769
  seed 7
…::test_手書き #1          2.303  █▁        0.4310      1  1.2 s  passed
  probe set 178 rows, lowest 0.4310 at step 1, gradient norm 3.500, seed 7
…::test_手書き #2           1824  █▇▆▅▄▃▂▁  0.2152   1000  200 s  passed
  no probe set, lowest 0.1552 at step 983, seed 7
test_trains…-batchnorm]    2.303  █▃▂▁▁▁▁×     nan     37  0.3 s  nonfinite-loss
  probe set 178 rows, lowest 0.4310 at step 37, gradient norm 3.500 -> 0.1890
  seed 7
convergence: 5 trainings, 2 did not converge, 3 min 24 s"""


@pytest.mark.parametrize(("width", "unicode"), GOLDEN)
def test_every_training(session, width, unicode):
    assert "\n".join(texts(session, width, 1, unicode)) == GOLDEN[width, unicode]


def test_by_default_failed_trainings_and_the_tally(session):
    assert texts(session, verbosity=0) == [
        "test                     initial  curve      final  steps   time  verdict",
        "…::test_wine               2.303  █▃▂▁▁▁▁▁  0.4310    200  1.2 s  target-missed",
        "test_trains…-batchnorm]    2.303  █▃▂▁▁▁▁×     nan     37  0.3 s  nonfinite-loss",
        "convergence: 5 trainings, 2 did not converge, 3 min 24 s",
    ]


def test_any_number_of_seconds_can_be_summed(make_result):
    endless = [make_result(seconds=sys.float_info.max) for _ in range(2)]
    assert texts(endless, verbosity=0)[-1].endswith("inf s")


def test_quiet_is_the_tally_and_very_quiet_is_nothing(session):
    tally = "convergence: 5 trainings, 2 did not converge, 3 min 24 s"
    assert texts(session, verbosity=-1) == [tally]
    assert texts(session, verbosity=-2) == []
    assert texts(session, verbosity=-3) == []


def test_probe_numbers_from_the_second_verbosity_on(session):
    assert texts(session, verbosity=2) == texts(session, verbosity=3)
    assert "\n".join(texts(session, verbosity=2)) == VERBOSE


def test_no_results_say_nothing():
    assert summary_lines([], width=80, verbosity=2, unicode=True) == []


def test_a_session_that_converged_is_one_line(make_result):
    assert texts([make_result()], verbosity=0) == ["convergence: 1 training converged, 1.2 s"]
    two = [make_result(), make_result(test="a")]
    assert texts(two, verbosity=0) == ["convergence: 2 trainings converged, 2.5 s"]


def test_a_session_that_failed_throughout(failed):
    assert texts([failed], verbosity=-1) == ["convergence: 1 training did not converge, 1.2 s"]


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("width", [10, 15, *range(20, 140, 3), 200, 300])
@pytest.mark.parametrize("verbosity", [-1, 0, 1, 2])
def test_no_line_is_wider_than_the_terminal(session, width, verbosity, unicode):
    shown = texts(session, width, verbosity, unicode)
    assert max(map(cell_width, shown)) <= width
    assert unicode or "\n".join(shown).isascii()
    assert not any(line.endswith(" ") for line in shown)


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_the_name_of_the_test_and_the_verdict_survive(session, width):
    rows = texts(session, width, 1)
    for name, verdict in [("test_wine", ("target-missed", "failed")), ("test_iris", ("passed",))]:
        [row] = [row for row in rows if name in row]
        assert row.endswith(verdict)


def test_a_long_code_gives_way_only_when_nothing_else_can(make_result):
    result = make_result([Finding(code="metric-out-of-bounds", message="m")])
    assert texts([result], 60, 0)[1].endswith("  metric-out-of-bounds")
    assert texts([result], 40, 0)[1].endswith("  failed")


def test_only_tests_with_several_trainings_are_numbered(session, make_result):
    rows = texts(session, 80, 1)
    assert [row.split()[1] for row in rows if "手書き" in row] == ["#1", "#2"]
    assert not any("#" in row for row in rows if "手書き" not in row)
    hidden = [make_result(), dataclasses.replace(session[3], number=2)]
    assert "test_wine #2 " in texts(hidden, 80, 0)[1]


def test_the_order_of_arrival_does_not_matter(session):
    shuffled = session[:]
    random.Random(3).shuffle(shuffled)
    assert shuffled != session
    assert texts(shuffled, 80, 2) == texts(session, 80, 2)


def test_results_that_crossed_a_process_read_the_same(session):
    again = [type(result).from_dict(result.to_dict()) for result in session]
    assert texts(again, 80, 2) == texts(session, 80, 2)


def test_markup_names_styles_of_the_terminal_writer(session):
    lines = summary_lines(session, width=80, verbosity=2, unicode=True)
    used = {name for line in lines for segment in line for name in segment.markup}
    assert used == {"bold", "green", "red", "light"}
    assert used <= set(TerminalWriter._esctable)


def test_verdicts_are_coloured(session):
    lines = summary_lines(session, width=80, verbosity=1, unicode=True)
    styles = {segment.text: segment.markup for line in lines for segment in line}
    assert styles["target-missed"] == ("red", "bold")
    assert styles["passed"] == ("green",)
    assert lines[-1] == [
        Segment("convergence: 5 trainings, 2 did not converge, 3 min 24 s", ("red", "bold"))
    ]


def test_a_training_of_several_starts_says_how_many_passed(failed):
    passed = dataclasses.replace(failed.runs[0], findings=())
    result = dataclasses.replace(failed, runs=(passed, failed.runs[0], passed))
    assert "2 of 3 starts passed" in "\n".join(texts([result], 80, 2))


# ---- with a diagnosis ---------------------------------------------------------------------------

DIAGNOSED = {
    40: """\
test                 final  verdict
tests/a.py::test_a  0.4310  failed
tests/b.py::test_b  0.4310  failed
tests/c.py::test_c  0.4310  failed
tests/d.py::test_d  0.4310  failed
4 trainings did not converge""",
    80: """\
test                initial  curve       final  steps   time  verdict
tests/a.py::test_a    2.303  █▃▂▁▁▁▁▁▁  0.4310    200  1.2 s  unscaled-features
tests/b.py::test_b    2.303  █▃▂▁▁▁▁▁▁  0.4310    200  1.2 s  target-missed
tests/c.py::test_c    2.303  █▃▂▁▁▁▁▁▁  0.4310    200  1.2 s  unreachable-target
tests/d.py::test_d    2.303  █▃▂▁▁▁▁▁▁  0.4310    200  1.2 s  target-missed
convergence: 4 trainings did not converge, 5.0 s""",
}


@pytest.fixture
def causes(failed, unscaled, unknown):
    """Failed trainings: with a repair, without a cause, with a cause alone, not diagnosed."""
    floor = dataclasses.replace(
        unscaled, cause="unreachable-target", message="nothing reaches 0.1", fix=""
    )
    diagnoses = {"a": unscaled, "b": unknown, "c": floor, "d": None}
    return [
        dataclasses.replace(failed, test=f"tests/{name}.py::test_{name}", diagnosis=diagnosis)
        for name, diagnosis in diagnoses.items()
    ]


@pytest.mark.parametrize("width", DIAGNOSED)
def test_the_cause_is_the_verdict_and_the_repair_is_not_said_again(causes, width):
    assert "\n".join(texts(causes, width, 0)) == DIAGNOSED[width]


def test_the_gate_behind_a_cause_is_shown_from_the_second_verbosity_on(causes):
    assert not any("gates" in line for line in texts(causes, 80, 1))
    details = [line for line in texts(causes, 200, 2) if line.startswith("  gates")]
    assert len(details) == 2
    assert details[0].startswith("  gates target-missed, probe set 178 rows, ")


def test_a_passed_training_shows_no_diagnosis(make_result, unscaled):
    result = dataclasses.replace(make_result(), diagnosis=unscaled)
    assert texts([result], 80, 1)[1].endswith("  passed")
    assert len(texts([result], 80, 1)) == 3


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("width", [10, 15, *range(20, 140, 3), 200])
def test_no_line_with_a_cause_is_wider_than_the_terminal(causes, width, unicode, unscaled):
    odd = dataclasses.replace(unscaled, fix="f(\n  '損失' * 60,\x1b)", cause="損失")
    results = [*causes, dataclasses.replace(causes[0], diagnosis=odd)]
    for verbosity in (0, 2):
        shown = texts(results, width, verbosity, unicode)
        assert max(map(cell_width, shown)) <= width
        assert unicode or "\n".join(shown).isascii()
        assert "\x1b" not in "".join(shown)
        assert not any(line.endswith(" ") for line in shown)


def test_diagnoses_that_crossed_a_process_read_the_same(causes):
    again = [type(result).from_dict(result.to_dict()) for result in causes]
    assert texts(again, 80, 2) == texts(causes, 80, 2)


def test_failures_that_a_test_expects_are_no_alarm(failed, make_result):
    passed = make_result(test="tests/test_models.py::test_iris")

    def shown(results, verbosity=0):
        return summary_lines(
            results, width=80, verbosity=verbosity, unicode=True, expected={failed.test}
        )

    ((tally,),) = shown([failed, passed])
    assert tally.text.startswith("convergence: 2 trainings, 1 failed as expected, ")
    assert tally.markup == ("green",)
    ((alone,),) = shown([failed])
    assert alone.text.startswith("convergence: 1 training, 1 failed as expected, ")
    _, row, *_ = shown([failed], verbosity=1)
    assert row[-1].markup == ("yellow",)


def test_expected_and_other_failures_are_told_apart(failed, make_result):
    other = dataclasses.replace(failed, test="tests/test_other.py::test_other")
    *_, (tally,) = summary_lines(
        [failed, other], width=80, verbosity=0, unicode=True, expected={failed.test}
    )
    assert "2 trainings, 1 did not converge, 1 failed as expected" in tally.text
    assert tally.markup == ("red", "bold")


def test_notes_are_shown_only_when_asked_for(judged):
    met = Expectation(max_loss=0.5, steps=200)
    noted = judged(constant_columns=("x[:, 2]",), expectation=met)
    assert not any("constant-feature" in line for line in texts([noted], verbosity=0))
    assert "  note constant-feature: x[:, 2] has the same value in every row" in texts(
        [noted], verbosity=1
    )


def test_failures_in_tests_that_passed_are_no_expected_ones(failed):
    def shown(**rest):
        return summary_lines([failed], width=80, verbosity=0, unicode=True, **rest)

    *_, (tally,) = lines = shown(caught={failed.test})
    assert tally.text.startswith("convergence: 1 training, 1 failed in tests that passed, ")
    assert lines[1][-1].markup == ("yellow",)
    *_, (tally,) = shown(caught={failed.test}, expected={failed.test})
    assert tally.text.startswith("convergence: 1 training, 1 failed as expected, ")
