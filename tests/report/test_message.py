"""The message: seven lines at most, the first stands alone in 80 columns."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest

from pytest_converge.core.curve import LossCurve
from pytest_converge.core.diagnosis import Diagnosis, NamedCause, RateBracket, Trial
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
        "target-missed: loss 0.4310 > max_loss=0.1",
        "loss 2.303 -> 0.4310 in 200 steps, learning rate 0.01",
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
        "target-missed, training 2: loss 0.4310 > max_loss=0.1",
        "also: skill 0.3048 over the best constant prediction (loss 0.6200),",
        "  min_skill=0.5",
        "loss 2.303 -> 0.4310 in 200 steps, 2 of 3 starts passed",
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
        "nonfinite-loss: the loss became nan at step 3",
        "loss 2.303 -> nan in 3 of 200 steps, learning rate 0.01",
    ]


def test_a_callback_that_ended_the_training_is_named(make_curve, judged):
    curve = make_curve(steps=3, batch_loss=(2.0, 2.0, 2.0), gradient_norm=())
    lines = lines_of(judged(curve=curve, stopped_by="EarlyStopping"))
    assert "3 of 200 steps, ended by EarlyStopping" in lines[1]


def test_a_long_sentence_goes_on_in_the_second_line(make_result):
    first, second, *_ = lines_of(make_result([Finding(code="loss-disagrees", message=LONG)]))
    assert (
        first == "loss-disagrees: the loss reported by Keras is 0.131 but the loss recomputed ..."
    )
    assert second.startswith("  ... from predict() is 8.06: the loss")
    assert second.endswith("...")


@pytest.mark.parametrize("count", range(12))
@pytest.mark.parametrize("message", ["short", LONG, "x" * 160, "損失は" * 40, "a\nb\n\nc" * 9])
@pytest.mark.parametrize("starts", [1, 3])
def test_any_number_of_findings_fits(make_result, count, message, starts):
    codes = [*GATE_CODES, "of-a-hook"][:count]
    result = make_result([Finding(code=code, message=message) for code in codes])
    result = dataclasses.replace(result, runs=result.runs * starts)
    lines = lines_of(result)
    assert len(lines) <= 7
    assert max(map(cell_width, lines)) <= 80
    assert lines[0].startswith(f"{codes[0]}: " if codes else "did not converge: ")
    assert lines[-1] == f"reproduce: {COMMAND}"


def test_findings_that_do_not_fit_are_counted(make_result):
    findings = [Finding(code=code, message=f"sentence {i}") for i, code in enumerate(GATE_CODES)]
    lines = lines_of(make_result(findings))
    assert len(lines) == 7
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
    assert lines_of(failed, "")[-1] == "loss 2.303 -> 0.4310 in 200 steps, learning rate 0.01"


def test_a_result_without_a_failing_finding_and_without_steps(make_result):
    curve = LossCurve(steps=(), batch_loss=())
    lines = lines_of(make_result(curve=curve, expectation=Expectation(steps=5)))
    assert lines[:2] == [
        "did not converge: loss nan after 0 steps",
        "loss nan -> nan in 0 of 5 steps",
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
        "unscaled-features: loss 0.4310 > max_loss=0.1",
        "x[:, 12] has a standard deviation of 314 and x[:, 7] of 0.12; standardised, ...",
        "fix (loss 0.02364, 3 of 3 seeds pass):",
        "  scaler = keras.layers.Normalization()",
        "  scaler.adapt(x)",
        "loss 2.303 -> 0.4310 in 200 steps, learning rate 0.01",
        f"reproduce: {COMMAND}",
    ]


def test_a_repair_of_one_line_has_its_proof_in_the_next(failed):
    first = repair("momentum 0.5")
    tried = (first, repair("momentum 0.9", 9, passed=0))
    diagnosis = cause(fix=first.fix, verified=(first,), tried=tried)
    assert lines_of(with_diagnosis(failed, diagnosis)) == [
        "learning-rate-too-high: loss 0.4310 > max_loss=0.1",
        "the rate is too high",
        "fix: keras.optimizers.SGD(0.01)",
        "proof: momentum 0.5, loss 0.01000, 3 of 3 seeds pass",
        "loss 2.303 -> 0.4310 in 200 steps, learning rate 0.01",
        f"reproduce: {COMMAND}",
    ]


def test_what_the_sentence_says_is_not_said_again(failed):
    first = repair("learning rate 0.001")
    message = "learning rate 0.01 is too high; it converges with learning rate 0.001"
    diagnosis = cause(message=message, fix=first.fix, verified=(first,), tried=(first,))
    assert lines_of(with_diagnosis(failed, diagnosis))[3:5] == [
        "proof: loss 0.01000, 3 of 3 seeds pass",
        "loss 2.303 -> 0.4310 in 200 steps",
    ]


def test_the_names_that_the_sentence_counted_are_all_there(failed):
    names = ("a", "b", "c", "d", "a", "e")
    message = "root mean square 227 in a, b, c and 2 more"
    lines = lines_of(with_diagnosis(failed, cause("unscaled-features", message, where=names)))
    assert lines[1] == "root mean square 227 in a, b, c, d, e"


def test_a_training_without_randomness_says_that_one_seed_is_all(failed):
    once = repair("momentum 0.9", 0.02, deterministic=True)
    diagnosis = cause(fix=once.fix, verified=(once,), tried=(once,))
    proof = "proof: momentum 0.9, loss 0.02000, 1 of 1 seed passes, nothing is random"
    assert proof in lines_of(with_diagnosis(failed, diagnosis))


def test_an_unreachable_target_shows_its_floor_unless_the_sentence_does(failed):
    diagnosis = cause("unreachable-target", "rows contradict each other", floor=0.41666)
    assert lines_of(with_diagnosis(failed, diagnosis)) == [
        "unreachable-target: loss 0.4310 > max_loss=0.1",
        "rows contradict each other",
        "floor: no run went below 0.4167",
        "loss 2.303 -> 0.4310 in 200 steps, learning rate 0.01",
        f"reproduce: {COMMAND}",
    ]
    diagnosis = cause("unreachable-target", "no change gets below 0.4167", floor=0.41666)
    assert not any("floor" in line for line in lines_of(with_diagnosis(failed, diagnosis)))


def test_a_bound_missed_by_a_hair_does_not_read_as_met(make_curve, judged):
    result = judged(curve=make_curve(final_loss=0.1000001, probe_loss=(), checkpoints=()))
    assert lines_of(result)[0] == "target-missed: loss 0.1000001 > max_loss=0.1"


def test_no_cause_within_the_budget(failed, unknown):
    assert lines_of(with_diagnosis(failed, unknown)) == [
        "target-missed: loss 0.4310 > max_loss=0.1",
        "no cause found within the budget of 10 s: none of 2 changes made the test pass;",
        "  the best of them reached 0.204",
        "loss 2.303 -> 0.4310 in 200 steps, learning rate 0.01",
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


def test_several_causes_are_counted_and_each_has_its_sentence(failed):
    parts = (
        NamedCause(cause="nonfinite-data", message="x[:, 3] is not finite"),
        NamedCause(cause="learning-rate-too-low", message="learning rate 0.01 is too low"),
    )
    diagnosis = cause("nonfinite-data", "both", causes=parts, fix="a = 1\nb = 2")
    assert lines_of(with_diagnosis(failed, diagnosis))[:4] == [
        "nonfinite-data and 1 more: loss 0.4310 > max_loss=0.1",
        "nonfinite-data: x[:, 3] is not finite",
        "learning-rate-too-low: learning rate 0.01 is too low",
        "fix, not verified:",
    ]


def test_a_cause_that_is_the_gate_has_its_sentence_once(failed):
    gate = Finding(code="nonfinite-data", message="x[:, 2] is not finite, first in row 17")
    run = dataclasses.replace(failed.runs[0], findings=(gate,))
    failed = dataclasses.replace(failed, runs=(run,))
    alone = cause("nonfinite-data", "x[:, 2] holds values that are not finite", fix="a = 1")
    first = "x[:, 2] is not finite, first in row 17"
    assert lines_of(with_diagnosis(failed, alone))[:2] == [
        f"nonfinite-data: {first}",
        "fix, not verified: a = 1",
    ]
    slow = NamedCause(cause="learning-rate-too-low", message="learning rate 0.01 is too low")
    parts = (NamedCause(cause="nonfinite-data", message=alone.message), slow)
    assert lines_of(with_diagnosis(failed, dataclasses.replace(alone, causes=parts)))[:3] == [
        f"nonfinite-data and 1 more: {first}",
        "learning-rate-too-low: learning rate 0.01 is too low",
        "fix, not verified: a = 1",
    ]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(
    ("gate", "message", "evidence", "start"),
    [
        (
            "target-missed",
            "loss 0.02 after 200 steps, above max_loss=0.01",
            {"final_loss": 0.02, "max_loss": 0.01},
            "loss 0.02000 > max_loss=0.01",
        ),
        (
            "target-missed",
            "loss 1.086e+05 after 20000 steps, above max_loss=0.0125",
            {"final_loss": 108612.3, "max_loss": 0.0125, "initial_loss": 3.0},
            "loss 1.086e5 > max_loss=0.0125",
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
    assert first.startswith(f"{code}: {start}")
    assert gate != "not-monotone" or "loss rose by 0.5" in first
    assert gate != "nonfinite-loss" or "loss became nan at step 12" in first
    assert cell_width(first) <= 80
    assert second == "the rate is too high"


def test_what_happened_goes_on_where_it_has_no_room_beside_the_cause(make_result):
    result = make_result([Finding(code="loss-disagrees", message=LONG)])
    lines = lines_of(with_diagnosis(result, cause("output-loss-mismatch", "softmax over one unit")))
    assert lines[0] == "output-loss-mismatch: the loss reported by Keras is 0.131 but the loss ..."
    assert lines[1].startswith("  ... recomputed")
    assert lines[2] == "softmax over one unit"


def test_a_repair_that_was_not_verified_says_so(failed):
    once = repair("once", 0.01)
    diagnosis = cause(fix=once.fix, tried=(once,))
    assert "fix, not verified: keras.optimizers.SGD(0.01)" in lines_of(
        with_diagnosis(failed, diagnosis)
    )


def test_long_code_is_broken_where_it_stays_code_and_never_cut(failed):
    once = repair("once")
    code = (
        'model.compile(keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True), "mse", '
        "metrics=['a, (b', \"mean_absolute_error\"])"
    )
    lines = lines_of(with_diagnosis(failed, cause(fix=code, verified=(once,), tried=(once,))))
    assert lines[2:5] == [
        "fix (loss 0.01000, 3 of 3 seeds pass):",
        '  model.compile(keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True), "mse",',
        "      metrics=['a, (b', \"mean_absolute_error\"])",
    ]
    name = "x" * 90
    lines = lines_of(with_diagnosis(failed, cause(fix=name, verified=(once,), tried=(once,))))
    assert lines[2:4] == ["fix (loss 0.01000, 3 of 3 seeds pass):", f"  {name}"]


def test_very_long_code_points_to_the_section(failed):
    diagnosis = cause(fix="\n".join(f"a{i} = {i}" for i in range(9)))
    lines = lines_of(with_diagnosis(failed, diagnosis))
    assert lines[2:6] == [
        "fix, not verified:",
        "  a0 = 0",
        "  a1 = 1",
        "  # 7 more lines in the report section",
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
    assert len(lines) <= 7
    assert max(map(cell_width, lines)) <= 80
    assert lines[0].startswith(
        "target-missed, training 2: " if code == "unknown" else f"{code}, training 2: "
    )
    assert lines[-1] == f"reproduce: {COMMAND}"
    assert not any(line.endswith(" ") for line in lines[1:])
    assert not fix or any(line.startswith("fix") for line in lines)


def test_a_diagnosis_that_crossed_a_process_reads_the_same(diagnosed, failed, unknown):
    for result in (diagnosed, with_diagnosis(failed, unknown)):
        again = ConvergenceResult.from_dict(json.loads(json.dumps(result.to_dict())))
        assert lines_of(again) == lines_of(result)
