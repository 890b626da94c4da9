"""The report section under a failing test."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest

from pytest_converge.core.curve import LossCurve
from pytest_converge.core.diagnosis import Diagnosis, Trial
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import Finding
from pytest_converge.core.record import NonFinite
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.report.layout import cell_width
from pytest_converge.report.message import failure_message
from pytest_converge.report.section import section

AT_80 = """\
fit, training 2: did not converge, 200 steps in 1.2 s, lowest 0.4310 at step 200
loss 2.303 █▇▅▄▃▃▂▂▂▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁ 0.4310
step     0                                   200

loss-disagrees: the loss of the predictions is 8.060, the reported loss is
  0.1310
target-missed: loss 0.4310 after 200 steps, above max_loss=0.1
metric-out-of-bounds: accuracy is 0.4213, below 0.9
note constant-feature: x[:, 3] has the same value in every row

step    loss  gradient norm  learning rate
   0   2.303          3.500            0.1
  31  0.9727          2.232        0.07397
  69  0.5495          1.262        0.05049
 100  0.4653         0.7928        0.03697
 131  0.4409         0.4980        0.02708
 169  0.4332         0.2816        0.01848
 200  0.4310         0.1769        0.01353

expected        200 steps, loss at most 0.1, 50 % of the initial loss gone,
                skill at least 0.5, accuracy at least 0.9, monotone "strict"
probe set       178 rows for the loss
inference loss  0.2080, but 0.4310 in training mode: they differ by 52 %, as
                after BatchNorm with young moving averages, or Dropout
loss function   sparse_categorical_crossentropy: 8.060 recomputed from
                predict(), 0.1310 reported by Keras
regularisation  0.01000 of the loss
metrics         accuracy 0.4213, mae 0.3100
skill           0.6168; the best constant prediction has loss 1.099
seed            7
one by one      each step by itself, since the data is a generator of unknown
                length"""


@pytest.fixture
def everything(judged, make_curve):
    """A result with every kind of number that a section can hold."""
    return judged(
        number=2,
        expectation=Expectation(
            max_loss=0.1,
            steps=200,
            min_decrease=0.5,
            min_skill=0.5,
            monotone="strict",
            metrics={"accuracy": (0.9, None)},
        ),
        curve=make_curve(
            inference_loss=0.208, learning_rate=tuple(0.1 * 0.99**i for i in range(200))
        ),
        metrics={"mae": 0.31, "accuracy": 0.4213},
        constant_columns=("x[:, 3]",),
        reported_loss=0.131,
        predicted_loss=8.06,
        constant_loss=1.0986,
        regularisation=0.01,
        loss_name="sparse_categorical_crossentropy",
        driver="step",
        driver_reason="the data is a generator of unknown length",
    )


def broken(make_curve, judged):
    """A loss that is not finite from the third step on, and weights that are not."""
    curve = make_curve(
        steps=3, points=3, batch_loss=(2.3, 9.9, math.nan), final_loss=None, probe_loss=(2.3, 4, 99)
    )
    return judged(
        curve=curve,
        nonfinite=(
            NonFinite(what="data", name="x['age']", row=4, count=2),
            NonFinite(what="loss", name="loss", step=3),
            NonFinite(what="weights", name="dense/kernel", step=3, count=17),
        ),
    )


def test_everything_at_80_columns(everything):
    assert section(everything, width=80, unicode=True) == AT_80


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_no_line_is_wider_than_asked(everything, make_curve, make_result, width, unicode, judged):
    wide = Finding(code="of-a-hook", message="損失" * 60 + "\x1b[31m" + "x" * 99)
    for result in (
        everything,
        broken(make_curve, judged),
        make_result([wide], loss_name="損" * 50, metrics={"精度": 0.5}),
    ):
        text = section(result, width=width, unicode=unicode)
        assert max(map(cell_width, text.split("\n"))) <= width
        assert "\x1b" not in text
        assert unicode or text.isascii()
        assert not any(line.endswith(" ") for line in text.split("\n"))


def test_a_narrow_section_gives_up_columns_not_rows(everything):
    text = section(everything, width=40, unicode=True)
    assert "step    loss  gradient norm\n   0   2.303          3.500\n" in text
    assert "learning rate" not in text


def test_a_broken_end_is_drawn_listed_and_explained(make_curve, make_result, judged):
    text = section(broken(make_curve, judged), width=80, unicode=True)
    assert "loss 2.303 ▁▁█× nan\n" in text
    assert "   3    nan" in text
    assert "not finite     data x['age'], first in row 4, 2 values\n" in text
    assert "not finite     loss, after step 3\n" in text
    assert "not finite     weights dense/kernel, after step 3, 17 values\n" in text


def test_one_step(make_curve, make_result):
    text = section(make_result(curve=make_curve(steps=1, points=2)), width=80, unicode=False)
    assert text.startswith(
        "fit: converged, 1 step in 1.2 s, lowest 0.4310 at step 1\n"
        "loss 2.303 #_ 0.4310\nstep     0    1\n"
    )
    assert (
        "\nstep    loss  gradient norm\n   0   2.303          3.500\n   1  0.4310          3.500"
        in text
    )


def test_without_a_probe_set_norms_and_rates(make_result):
    curve = LossCurve(steps=tuple(range(1, 101)), batch_loss=tuple(1000 / i for i in range(1, 101)))
    text = section(make_result(curve=curve, probe_rows=0), width=80, unicode=True)
    assert "probe set  none; the loss is the median of neighbouring batches\n" in text
    assert "logarithmic scale" not in text
    assert "step   loss\n   2  500.0\n" in text
    assert "learning rate" not in text


@pytest.mark.parametrize(("ended", "said"), [("", "A, B"), ("B", "A, B; B ended it after step 40")])
def test_callbacks_are_listed_and_the_one_that_ended_it(make_curve, make_result, ended, said):
    result = make_result(curve=make_curve(steps=40), callbacks=("A", "B", "A"), stopped_by=ended)
    lines = section(result, width=100, unicode=True).splitlines()
    facts = [line.split(maxsplit=1)[1] for line in lines if line.startswith("callbacks")]
    assert facts == [said]


def test_without_any_step(make_result):
    text = section(make_result(curve=LossCurve(steps=(), batch_loss=())), width=80, unicode=True)
    assert "no step was recorded" in text


def test_a_curve_over_many_decades_says_its_scale(make_curve, make_result):
    text = section(make_result(curve=make_curve(first=3000.0)), width=80, unicode=True)
    assert "lowest 0.4310 at step 200, logarithmic scale\n" in text


def test_the_lowest_checkpoint_is_in_the_table(make_curve, make_result):
    losses = [2.0] * 33
    losses[13] = 0.125
    curve = make_curve(probe_loss=tuple(losses), initial_loss=2.0, final_loss=2.0)
    text = section(make_result(curve=curve), width=80, unicode=True)
    assert "lowest 0.1250 at step 81\n" in text
    assert "\n  81  0.1250 " in text


def test_a_partial_probe_is_said(make_curve, make_result):
    text = section(make_result(curve=make_curve(final_loss=0.5)), width=80, unicode=True)
    assert "178 rows for the first and last loss; between them a fixed part" in text


@pytest.mark.parametrize(
    ("inference", "text"),
    [(0.47, "0.4700\n"), (math.nan, "nan\n"), (0.5, "0.5000, but 0.4310 in")],
)
def test_inference_and_training_mode_are_compared(make_curve, make_result, inference, text):
    result = make_result(curve=make_curve(inference_loss=inference))
    assert f"inference loss  {text}" in section(result, width=80, unicode=True)


def test_a_loss_in_inference_mode_that_reads_the_same_is_left_out(make_curve, make_result):
    result = make_result(curve=make_curve(inference_loss=0.431))
    assert "inference" not in section(result, width=80, unicode=True)


def test_several_starts_have_a_line_each(failed):
    run = failed.runs[0]
    runs = [
        dataclasses.replace(run, record=dataclasses.replace(run.record, seed=seed), findings=found)
        for seed, found in [(7, ()), (8, run.findings), (9, ())]
    ]
    text = section(dataclasses.replace(failed, runs=tuple(runs)), width=80, unicode=True)
    assert text.endswith(
        "\n\n2 of 3 starts passed\n"
        "  seed 8: 2.303 -> 0.4310 in 200 steps, target-missed\n"
        "  seed 7: 2.303 -> 0.4310 in 200 steps, passed\n"
        "  seed 9: 2.303 -> 0.4310 in 200 steps, passed"
    )


def test_very_many_starts_are_counted(failed):
    text = section(dataclasses.replace(failed, runs=failed.runs * 30), width=80, unicode=True)
    assert text.endswith("  and 10 more, of which 10 failed")


def test_a_section_reads_the_same_after_it_crossed_a_process(
    everything, make_curve, make_result, judged
):
    long = LossCurve(steps=tuple(range(1, 3001)), batch_loss=tuple(9 / i for i in range(1, 3001)))
    for result in (everything, broken(make_curve, judged), make_result(curve=long)):
        again = ConvergenceResult.from_dict(result.to_dict())
        assert section(again, width=80, unicode=True) == section(result, width=80, unicode=True)


# ---- with a diagnosis ---------------------------------------------------------------------------

DIAGNOSIS_AT_80 = """\
target-missed: loss 0.4310 after 200 steps, above max_loss=0.1

cause: unscaled-features: x[:, 12] has a standard deviation of 314 and x[:, 7]
  of 0.12; standardised, the loss reaches 0.0236 at your own learning rate
measured: largest std 314.0, smallest std 0.1240, columns 13
where: x[:, 12], x[:, 4]
fix:
  scaler = keras.layers.Normalization()
  scaler.adapt(x)

tried from the same start          final loss on each seed    passed  time
  features standardised            0.02364  0.02511  0.1999   3 of 3  0.4 s
  learning rate 1e-5               0.08010  0.08220  0.07990  3 of 3  0.2 s
  targets standardised             0.07120*                   1 of 1  0.1 s
  keras.optimizers.Adam() in       0.6310  0.09000            1 of 2  0 s
    place of SGD
  800 steps                        1.085                      0 of 1  1 min 15 s
  learning rate 1                  nan                        0 of 1  0.04 s
* a loss in another unit; judged by its skill
or, learning rate 1e-5: keras.optimizers.SGD(1e-5)
learning rate: 0.1 is yours, 1e-6 to 3e-5 pass, 1e-5 is proposed, stable below
  4.12e-5
excluded: dropout off, regularisation off (no such layer); rows shuffled (they
  are already)
diagnosis took 9.8 s of 10 s; not tried: twice as wide, other seeds

step    loss  gradient norm
"""


def with_diagnosis(result, diagnosis, **expectation):
    changed = dataclasses.replace(result.expectation, **expectation)
    return dataclasses.replace(result, diagnosis=diagnosis, expectation=changed)


def test_the_whole_diagnosis_at_80_columns(diagnosed):
    assert DIAGNOSIS_AT_80 in section(diagnosed, width=80, unicode=True)


def test_a_wide_terminal_breaks_nothing(diagnosed):
    text = section(diagnosed, width=200, unicode=True)
    assert "  keras.optimizers.Adam() in place of SGD  0.6310  0.09000 " in text
    assert "1e-5 is proposed, stable below 4.12e-5\n" in text


def test_a_narrow_table_keeps_the_losses_of_all_seeds_then_that_of_the_run(diagnosed):
    at_60 = section(diagnosed, width=60, unicode=True)
    assert "tried from the same start  final loss on each seed    passed" in at_60
    at_44 = section(diagnosed, width=44, unicode=True)
    assert "final loss  passed\n" in at_44
    assert "0.07120*    1 of 1\n" in at_44


def test_no_cause_is_said_with_what_came_nearest(failed, unknown):
    text = section(with_diagnosis(failed, unknown), width=80, unicode=True)
    assert (
        """
no cause found within the budget of 10 s: none of 2 changes made the test pass;
  the best of them reached 0.204

tried from the same start  final loss on each seed  passed  time
  Adam()                   0.2044  nan              0 of 2  0 s
  learning rate 0.1        0.3100                   0 of 1  0 s
diagnosis took 10 s of 10 s; not tried: twice as wide

"""
        in text
    )


def test_a_deterministic_training_and_a_floor(failed):
    floor = Diagnosis(
        cause="unreachable-target",
        message="a fit of all rows at once ends at 0.667",
        tried=(
            Trial(
                change="2000 steps",
                code="too-few-steps",
                losses=(0.66667,),
                passed=0,
                deterministic=True,
            ),
        ),
        floor=2 / 3,
        seconds=1.0,
    )
    text = section(with_diagnosis(failed, floor, max_loss=0.5), width=80, unicode=True)
    assert "\nnothing about this training is random: one seed is all\n" in text
    assert "\nfloor: no run went below 0.6667; max_loss=0.5\n" in text
    assert "\ndiagnosis took 1.0 s\n" in text
    assert "fix" not in text
    assert "equivalent" not in text
    text = section(with_diagnosis(failed, floor, max_loss=None), width=80, unicode=True)
    assert "\nfloor: no run went below 0.6667\n" in text


def test_a_repair_that_was_not_verified_says_so(failed, unscaled):
    diagnosis = dataclasses.replace(unscaled, verified=unscaled.verified[1:])
    text = section(with_diagnosis(failed, diagnosis), width=80, unicode=True)
    assert "\nfix, not verified:\n  scaler = " in text


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("width", [20, 30, 40, 47, 60, 80, 200])
def test_no_line_of_a_diagnosis_is_wider_than_asked_but_code(
    diagnosed, unscaled, unknown, width, unicode
):
    trial = unscaled.verified[0]
    odd = dataclasses.replace(
        unscaled,
        fix="f(\n    '数', 2, 3, 4, 5)",
        message="損失" * 60 + "\x1b[31m",
        where=("損失" * 30,),
        verified=(),
        tried=(dataclasses.replace(trial, change="損失" * 40, code="c" * 90, losses=()),),
        excluded=(("損失" * 40, "x" * 99),),
    )
    for diagnosis in (unscaled, unknown, odd):
        text = section(with_diagnosis(diagnosed, diagnosis), width=width, unicode=unicode)
        code = {"  scaler = keras.layers.Normalization()", "  keras.optimizers.SGD(1e-5)"}
        lines = [line for line in text.split("\n") if line not in code]
        assert max(map(cell_width, lines)) <= width
        assert "\x1b" not in text
        assert unicode or text.isascii()
        assert not any(line.endswith(" ") for line in lines)
        assert diagnosis is not unscaled or "  scaler.adapt(x)" in text.split("\n")


def test_a_diagnosis_that_crossed_a_process_reads_the_same(diagnosed, failed, unknown):
    for result in (diagnosed, with_diagnosis(failed, unknown)):
        again = ConvergenceResult.from_dict(json.loads(json.dumps(result.to_dict())))
        assert section(again, width=80, unicode=True) == section(result, width=80, unicode=True)


# ---- below the message of a failure -------------------------------------------------------------


def below(result):
    message = failure_message(result, reproduce="pytest a.py")
    return message, section(result, width=80, unicode=True, message=message)


def test_nothing_of_the_message_is_said_again(diagnosed):
    message, text = below(diagnosed)
    for line in ("scaler.adapt(x)", "max_loss=0.1", "target-missed", "fix"):
        assert line in message or line == "target-missed"
        assert line not in text
    # The sentence had no room in the message, and is whole here.
    assert "  standardised, the loss reaches 0.0236 at your own learning rate\n" in text


def test_code_that_had_no_room_in_the_message_is_whole_below_it(failed, unscaled):
    fix = "\n".join(f"a{i} = {i}" for i in range(9))
    _, text = below(with_diagnosis(failed, dataclasses.replace(unscaled, fix=fix, verified=())))
    assert "fix, not verified:\n  a0 = 0\n" in text
    assert "  a8 = 8\n" in text


def test_a_failure_takes_25_lines(diagnosed, unknown, failed):
    for result in (diagnosed, with_diagnosis(failed, unknown), failed):
        assert len(below(result)[1].split("\n")) <= 25


def test_changes_that_differ_in_a_number_are_one_line(failed, unknown):
    rates = [
        Trial(change=f"learning rate {rate}", code="a", losses=(loss,), passed=0)
        for rate, loss in [("0.01", 0.5), ("1e-5", 0.7), ("10", math.nan)]
    ]
    starts = [
        Trial(change=f"another start (spread 0.1, seed {i})", code="b", losses=(2 / 3,), passed=0)
        for i in range(24)
    ]
    _, text = below(with_diagnosis(failed, dataclasses.replace(unknown, tried=(*rates, *starts))))
    assert "  learning rate 1e-5 to 10  0.5000 to nan  0 of 3   0 s\n" in text
    assert "  another start             0.6667         0 of 24  0 s\n" in text


def test_many_kinds_of_changes_are_counted(failed, unknown):
    tried = tuple(
        Trial(change=f"change {'abcdefghij'[i]}", code="a", losses=(float(i + 1),), passed=0)
        for i in range(10)
    )
    _, text = below(with_diagnosis(failed, dataclasses.replace(unknown, tried=tried)))
    assert "  4 more changes: 7.000 to 10.00\n" in text


def test_the_starts_beside_the_shown_one_follow(failed):
    run = failed.runs[0]
    other = dataclasses.replace(run, record=dataclasses.replace(run.record, seed=8), findings=())
    _, text = below(dataclasses.replace(failed, runs=(run, other)))
    assert text.endswith("\n\nthe other starts\n  seed 8: 2.303 -> 0.4310 in 200 steps, passed")
