"""The message: eight or twelve lines at most, the first stands alone in 80 columns."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest

from pytest_converge.core.curve import LossCurve
from pytest_converge.core.diagnosis import Diagnosis, RateBracket, Trial
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import GATE_CODES, Finding
from pytest_converge.core.record import NonFinite
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.report.layout import cell_width
from pytest_converge.report.message import failure_message

COMMAND = 'pytest "tests/test_models.py::test_wine" --converge-seed=7'
LONG = "the loss reported by Keras is 0.131 but the loss recomputed from predict() is 8.06: " * 2


def lines_of(result, reproduce=COMMAND):
    return failure_message(result, reproduce=reproduce).split("\n")


def test_a_missed_target(failed):
    assert lines_of(failed) == [
        "did not converge: loss 0.431 after 200 steps, above max_loss=0.1",
        "loss 2.303 -> 0.4310, 200 steps, learning rate 0.01",
        "gradient norm 3.500 -> 0.1769",
        f"reproduce: {COMMAND}",
    ]


def test_everything_at_once(judged, make_curve):
    curve = make_curve(
        inference_loss=0.208,
        checkpoints=(0, 40, 200),
        probe_loss=(2.303, 0.25, 0.431),
        learning_rate=tuple(0.1 * 0.99**i for i in range(200)),
    )
    expectation = Expectation(max_loss=0.1, steps=200, min_skill=0.5, monotone="off")
    result = judged(number=2, curve=curve, expectation=expectation, constant_loss=0.62)
    other = dataclasses.replace(result.runs[0], findings=())
    result = dataclasses.replace(result, runs=(other, result.runs[0], other))
    assert lines_of(result) == [
        "training 2 did not converge: loss 0.431 after 200 steps, above max_loss=0.1",
        "also: skill 0.3048 over the best constant prediction (loss 0.62), min_skill=0.5",
        "loss 2.303 -> 0.4310, lowest 0.2500 at step 40, 200 steps",
        "learning rate 0.1 -> 0.01353, gradient norm 3.500 -> 0.1769",
        "2 of 3 starts passed; shown is the one with seed 7",
        f"reproduce: {COMMAND}",
    ]


def test_an_early_end_says_how_far_it_came(make_curve, judged):
    curve = make_curve(
        steps=3,
        batch_loss=(1.0, 2.0, math.nan),
        gradient_norm=(),
        checkpoints=(0,),
        probe_loss=(2.303,),
        final_loss=None,
    )
    nan = NonFinite(what="loss", name="nan", step=3)
    assert lines_of(judged(curve=curve, nonfinite=(nan,)))[:2] == [
        "did not converge: the loss became nan at step 3",
        "loss 2.303 -> nan, 3 of 200 steps, learning rate 0.01",
    ]


def test_a_callback_that_ended_the_training_is_named(make_curve, judged):
    curve = make_curve(steps=3, batch_loss=(2.0, 2.0, 2.0), gradient_norm=())
    lines = lines_of(judged(curve=curve, stopped_by="EarlyStopping"))
    assert "3 of 200 steps, ended by EarlyStopping" in lines[1]


def test_a_long_sentence_goes_on_in_the_second_line(make_result):
    first, second, *_ = lines_of(make_result([Finding(code="loss-disagrees", message=LONG)]))
    assert first == "did not converge: the loss reported by Keras is 0.131 but the loss ..."
    assert second.startswith("  ... recomputed from predict() is 8.06: the loss")
    assert second.endswith("...")


@pytest.mark.parametrize("count", range(12))
@pytest.mark.parametrize("message", ["short", LONG, "x" * 160, "損失は" * 40, "a\nb\n\nc" * 9])
@pytest.mark.parametrize("starts", [1, 3])
def test_any_number_of_findings_fits(make_result, count, message, starts):
    codes = [*GATE_CODES, "of-a-hook"][:count]
    result = make_result([Finding(code=code, message=message) for code in codes])
    result = dataclasses.replace(result, runs=result.runs * starts)
    lines = lines_of(result)
    assert len(lines) <= 8
    assert max(map(cell_width, lines)) <= 80
    assert lines[0].startswith("did not converge: ")
    assert lines[-1] == f"reproduce: {COMMAND}"


def test_findings_that_do_not_fit_are_counted(make_result):
    findings = [Finding(code=code, message=f"sentence {i}") for i, code in enumerate(GATE_CODES)]
    lines = lines_of(make_result(findings))
    assert len(lines) == 8
    assert lines[1:5] == [
        "also: sentence 1",
        "also: sentence 2",
        "also: sentence 3",
        f"also: {len(GATE_CODES) - 4} more, listed in the report section",
    ]


def test_further_findings_are_whole_where_there_is_room(failed, make_result):
    message = "the loss reported by Keras is 0.131, but recomputed from predict() it is 8.06"
    findings = [*failed.findings, Finding(code="loss-disagrees", message=message)]
    assert lines_of(make_result(findings))[1:3] == [
        "also: the loss reported by Keras is 0.131, but recomputed from predict() it is",
        "  8.06",
    ]


def test_the_command_is_never_broken(failed):
    command = f'pytest "tests/test_x.py::test_{"y" * 200}[a b]" --converge-seed=0'
    assert lines_of(failed, command)[-1] == f"reproduce: {command}"


def test_without_a_command_there_is_no_last_line(failed):
    assert lines_of(failed, "")[-1] == "gradient norm 3.500 -> 0.1769"


def test_a_result_without_a_failing_finding_and_without_steps(make_result):
    curve = LossCurve(steps=(), batch_loss=())
    lines = lines_of(make_result(curve=curve, expectation=Expectation(steps=5)))
    assert lines[:2] == [
        "did not converge: loss nan after 0 steps",
        "loss nan -> nan, 0 of 5 steps",
    ]


# ---- with a diagnosis ---------------------------------------------------------------------------

CODES = ["plateau", "dead-units", "output-loss-mismatch", "regularisation-too-strong"]


def cause(code="learning-rate-too-high", message="the rate is too high", **fields):
    return Diagnosis(cause=code, message=message, **fields)


def with_diagnosis(result, diagnosis):
    return dataclasses.replace(result, diagnosis=diagnosis)


def repair(change, *losses, code="learning-rate-too-high", **fields):
    losses = losses or (0.01, 0.02, 0.03)
    values = {"passed": len(losses), "fix": "keras.optimizers.SGD(0.01)", **fields}
    return Trial(change=change, code=code, losses=losses, **values)


def test_cause_repair_and_proof(diagnosed):
    assert lines_of(diagnosed) == [
        "did not converge: loss 0.431 > max_loss=0.1; cause: unscaled-features",
        "cause: x[:, 12] has a standard deviation of 314 and x[:, 7] of 0.12;",
        "  standardised, the loss reaches 0.0236 at your own learning rate",
        "fix:",
        "  scaler = keras.layers.Normalization()",
        "  scaler.adapt(x)",
        "tried from the same start  final loss  passed",
        "  features standardised       0.02364  3 of 3 seeds",
        "  learning rate 1e-5          0.08010  3 of 3 seeds",
        "  and 4 more in the report section",
        "learning rate: 0.1 is yours, 1e-6 to 3e-5 pass, 1e-5 is proposed",
        f"reproduce: {COMMAND}",
    ]


def test_a_repair_of_one_line_leaves_room_for_four_trials_and_the_numbers(failed):
    first = repair("learning rate 0.01")
    tried = [first, *(repair(f"momentum {i / 10}", i, passed=0) for i in (9, 8, 7))]
    tried.append(repair("targets standardised", math.nan, 0.2, passed=1, comparable=False))
    bracket = RateBracket(own=0.1, lowest=0.01, highest=0.01, proposed=0.01, stability_limit=0.05)
    diagnosis = cause(
        fix=first.fix,
        evidence={"rho": -1.731, "steps": 200, "lambda": 40},
        where=("dense/kernel",),
        verified=(first,),
        tried=tuple(tried),
        bracket=bracket,
    )
    assert lines_of(with_diagnosis(failed, diagnosis)) == [
        "did not converge: loss 0.431 > max_loss=0.1; cause: learning-rate-too-high",
        "cause: the rate is too high",
        "  also dense/kernel, rho=-1.731, steps=200, lambda=40",
        "fix: keras.optimizers.SGD(0.01)",
        "tried from the same start  final loss  passed",
        "  learning rate 0.01          0.01000  3 of 3 seeds",
        "  targets standardised            nan  1 of 2 seeds, in another unit",
        "  momentum 0.7                  7.000  0 of 1 seed",
        "  and 2 more in the report section",
        "learning rate: 0.1 is yours, 0.01 alone passes, 0.01 is proposed",
        "loss 2.303 -> 0.4310, 200 steps, learning rate 0.01",
        f"reproduce: {COMMAND}",
    ]


def test_a_training_without_randomness_says_that_one_seed_is_all(failed):
    tried = (repair("momentum 0.9", 0.2, passed=0, deterministic=True),)
    assert lines_of(with_diagnosis(failed, cause(tried=tried)))[2:4] == [
        "tried from the same start  final loss  passed, nothing is random",
        "  momentum 0.9                 0.2000  0 of 1 seed",
    ]


def test_an_unreachable_target_shows_its_floor(failed):
    diagnosis = cause("unreachable-target", "nothing reaches 0.1", floor=0.41666)
    assert lines_of(with_diagnosis(failed, diagnosis)) == [
        "did not converge: loss 0.431 > max_loss=0.1; cause: unreachable-target",
        "cause: nothing reaches 0.1",
        "floor: no run went below 0.4167; max_loss=0.1",
        "loss 2.303 -> 0.4310, 200 steps, learning rate 0.01",
        f"reproduce: {COMMAND}",
    ]


def test_no_cause_within_the_budget(failed, unknown):
    assert lines_of(with_diagnosis(failed, unknown)) == [
        "did not converge: loss 0.431 after 200 steps, above max_loss=0.1",
        "no cause found within the budget of 10 s: none of 2 changes made the test pass;",
        "  the best of them reached 0.204",
        "tried from the same start  final loss  passed",
        "  Adam()                       0.2044  0 of 2 seeds",
        "  learning rate 0.1            0.3100  0 of 1 seed",
        "loss 2.303 -> 0.4310, 200 steps, learning rate 0.01",
        f"reproduce: {COMMAND}",
    ]


def test_no_cause_though_everything_was_tried(failed, unknown):
    def second_line(message="", **changes):
        diagnosis = dataclasses.replace(unknown, message=message, left_out=(), **changes)
        return lines_of(with_diagnosis(failed, diagnosis))[1]

    worse = tuple(dataclasses.replace(trial, losses=(0.9,)) for trial in unknown.tried)
    lost = tuple(dataclasses.replace(trial, losses=(math.nan,)) for trial in unknown.tried)
    begin = "no cause found: 2 changes tried"
    assert second_line() == f"{begin}, the best, Adam(), reached loss 0.2044"
    assert second_line(tried=worse) == f"{begin}, none lowered the final loss"
    assert second_line(tried=lost) == begin
    assert second_line(tried=()) == "no cause found: 0 changes tried"
    assert second_line(message="none of 2 helped") == "no cause found: none of 2 helped"


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(
    ("gate", "message", "evidence", "start"),
    [
        (
            "target-missed",
            "loss 0.02 after 200 steps, above max_loss=0.01",
            {"final_loss": 0.02, "max_loss": 0.01},
            "loss 0.02",
        ),
        (
            "target-missed",
            "loss 1.086e+05 after 20000 steps, above max_loss=0.0125",
            {"final_loss": 108612.3, "max_loss": 0.0125, "initial_loss": 3.0},
            "loss 1.086e",
        ),
        (
            "not-decreasing",
            "the loss fell by 2 % in 200 steps (1.099 to 1.077), min_decrease=0.05",
            {"initial_loss": 1.0986, "final_loss": 1.0774, "min_decrease": 0.05},
            "",
        ),
        ("nonfinite-loss", "the loss became nan at step 12", {}, ""),
        (
            "not-monotone",
            "the loss rose by 0.5 up to step 12 (80 % of its drop) and stayed high to the end",
            {"rise": 0.5},
            "",
        ),
        (
            "skill-too-low",
            "skill 0.31 over the best constant prediction (loss 1.086), min_skill=0.5",
            {"skill": 0.31, "min_skill": 0.5, "constant_loss": 1.086},
            "skill 0.31 < min_skill=0.5",
        ),
    ],
)
def test_the_first_line_holds_what_happened_and_the_cause(
    make_result, code, gate, message, evidence, start
):
    result = make_result([Finding(code=gate, message=message, evidence=evidence)])
    first, second, *_ = lines_of(with_diagnosis(result, cause(code)))
    assert first.startswith(f"did not converge: {start}")
    assert gate != "not-monotone" or "loss rose by 0.5" in first
    assert gate != "nonfinite-loss" or "loss became nan at step 12" in first
    assert cell_width(first) <= 80
    assert first.endswith(f"; cause: {code}")
    assert second == "cause: the rate is too high"


def test_a_cause_without_room_in_the_first_line_begins_the_next(make_result):
    result = make_result([Finding(code="loss-disagrees", message=LONG)])
    lines = lines_of(with_diagnosis(result, cause("output-loss-mismatch", "softmax over one unit")))
    assert lines[0] == "did not converge: the loss reported by Keras is 0.131 but the loss ..."
    assert lines[1].startswith("  ... recomputed")
    assert lines[2] == "cause: output-loss-mismatch: softmax over one unit"


def test_a_repair_that_was_not_verified_says_so(failed):
    once = repair("once", 0.01)
    diagnosis = cause(fix=once.fix, tried=(once,))
    assert "fix, not verified: keras.optimizers.SGD(0.01)" in lines_of(
        with_diagnosis(failed, diagnosis)
    )


def test_trials_are_ordered_by_what_they_say(failed, unscaled):
    other = repair("first verified")
    own = repair("the cause", code="saddle-point")
    tried = (
        repair("lost", math.nan, passed=0),
        repair("other unit", 1e-9, passed=0, comparable=False),
        repair("far", 9.0, passed=0),
        repair("near", 0.2, passed=0),
        repair("half", 5.0, 0.1, passed=1),
        dataclasses.replace(other, losses=(0.5,), passed=1),
    )
    diagnosis = cause("saddle-point", "m", verified=(other, own), tried=tried)
    rows = [line.split("  ")[1] for line in lines_of(with_diagnosis(failed, diagnosis))[3:7]]
    assert rows == ["the cause", "first verified", "half", "near"]
    assert "  first verified              0.01000  3 of 3 seeds" in lines_of(
        with_diagnosis(failed, diagnosis)
    )


def test_a_change_that_was_run_twice_is_shown_with_the_most_seeds(failed):
    tried = (repair("a", 0.5), repair("a", 0.4, 0.3), repair("b", 0.2, 0.1), repair("b", 0.6))
    lines = lines_of(with_diagnosis(failed, cause(tried=tried)))
    assert [line.split()[1:] for line in lines if line.startswith(("  a ", "  b "))] == [
        ["0.2000", "2", "of", "2", "seeds"],
        ["0.4000", "2", "of", "2", "seeds"],
    ]


def test_four_trials_are_shown_however_much_room_there_is(failed):
    tried = tuple(repair(f"change {i}", i, passed=0) for i in range(9))
    lines = lines_of(with_diagnosis(failed, cause(tried=tried)))
    assert sum(line.startswith("  change") for line in lines) == 4
    assert "  and 5 more in the report section" in lines
    assert len(lines) == 10


def test_evidence_that_another_line_shows_is_not_repeated(failed):
    evidence = {"final_loss": 0.431, "initial_loss": 2.303, "gauge": -3.5, "rate": 0.1, "rows": 7}
    diagnosis = cause(message="rate 0.1 is too high (gauge -3.5).", evidence=evidence)
    assert "  rows=7" in lines_of(with_diagnosis(failed, diagnosis))


def test_long_code_is_broken_where_it_stays_code_and_never_cut(failed):
    once = repair("once")
    code = (
        'model.compile(keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True), "mse", '
        "metrics=['a, (b', \"mean_absolute_error\"])"
    )
    lines = lines_of(with_diagnosis(failed, cause(fix=code, verified=(once,), tried=(once,))))
    assert lines[2:5] == [
        "fix:",
        '  model.compile(keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True), "mse",',
        "      metrics=['a, (b', \"mean_absolute_error\"])",
    ]
    name = "x" * 90
    lines = lines_of(with_diagnosis(failed, cause(fix=name, verified=(once,), tried=(once,))))
    assert lines[2:4] == ["fix:", f"  {name}"]


def test_very_long_code_points_to_the_section(failed):
    diagnosis = cause(fix="\n".join(f"a{i} = {i}" for i in range(9)))
    lines = lines_of(with_diagnosis(failed, diagnosis))
    assert lines[2:7] == [
        "fix, not verified:",
        "  a0 = 0",
        "  a1 = 1",
        "  a2 = 2",
        "  # 6 more lines in the report section",
    ]


@pytest.mark.parametrize("message", ["short", LONG, "x" * 160, "損失は" * 40, "a\nb\n\nc" * 9, ""])
@pytest.mark.parametrize("fix", ["", "a = 1", "a = 1\nb = 2", "f(1, 2)\n" * 30])
@pytest.mark.parametrize("count", [0, 1, 2, 4, 5, 40])
@pytest.mark.parametrize("code", ["unknown", "regularisation-too-strong"])
@pytest.mark.parametrize("bare", [True, False])
def test_any_diagnosis_fits(make_result, unscaled, message, fix, count, code, bare):
    finding = Finding(code="target-missed", message=message)
    result = make_result([finding] * 3, number=2)
    trials = [
        repair(f"{i} {message}", math.nan, -math.inf, 1e300, comparable=i % 2 == 0, passed=i % 3)
        for i in range(count)
    ]
    bracket = RateBracket(
        own=0.12345, lowest=1.2345e-8, highest=math.inf, proposed=1e-300, stability_limit=math.nan
    )
    diagnosis = Diagnosis(
        cause=code,
        message=message,
        fix=fix,
        evidence={} if bare else dict(unscaled.evidence) | {"nan": math.nan, "損失": "\n" * 9},
        where=() if bare else ("損失" * 60, "x[:, 1]", message),
        verified=tuple(trials[: count // 2]),
        tried=tuple(trials),
        bracket=None if bare else bracket,
        floor=None if bare else math.nan,
        left_out=() if bare else ("a",),
        budget=10.0,
    )
    result = dataclasses.replace(result, runs=result.runs * (1 if bare else 3), diagnosis=diagnosis)
    lines = lines_of(result)
    assert len(lines) <= 12
    assert max(map(cell_width, lines)) <= 80
    assert lines[0].startswith("training 2 did not converge: ")
    assert lines[-1] == f"reproduce: {COMMAND}"
    assert not any(line.endswith(" ") for line in lines[1:])
    if count and not (fix.count("\n") > 1 and not bare):
        assert any(line.startswith("tried from the same start") for line in lines)


def test_a_diagnosis_that_crossed_a_process_reads_the_same(diagnosed, failed, unknown):
    for result in (diagnosed, with_diagnosis(failed, unknown)):
        again = ConvergenceResult.from_dict(json.loads(json.dumps(result.to_dict())))
        assert lines_of(again) == lines_of(result)
