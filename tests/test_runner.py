"""The runner: a verb called, trained from every start, judged, and everything put back."""

from __future__ import annotations

import gc
import json
import random
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge import Finding, runner
from pytest_converge.core.curve import LossCurve
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.guard import STRICT
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.diagnosis import diagnose
from pytest_converge.report.section import section
from pytest_converge.runner import isolation
from pytest_converge.training.loop import whole_probes
from pytest_converge.training.measures import dead_units
from tests.zoo.problems import (
    HEALTHY,
    SICK,
    breast_cancer,
    classifier,
    fit,
    linear,
    minimize,
    sequential,
    step,
    wine,
)
from tests.zoo.trainings import NoHooks, failing, judged, quiet, recorded

ignore_softmax_warning = pytest.mark.filterwarnings("ignore:You are using a softmax:UserWarning")


def names(problems):
    return pytest.mark.parametrize("problem", problems, ids=[each.name for each in problems])


# ---- the zoo ------------------------------------------------------------------------------------


@names(HEALTHY)
def test_a_healthy_training_is_green(problem):
    result = judged(problem.start(1), seed=1, **problem.expectation)
    assert result.passed, [finding.message for finding in result.findings]


@names(SICK)
@ignore_softmax_warning
def test_a_sick_training_trips_its_gates(problem):
    result = judged(problem.start(1), seed=1, **problem.expectation)
    assert not result.passed
    assert failing(result) >= problem.codes


def test_the_zoo_is_as_large_and_varied_as_it_has_to_be():
    assert len(HEALTHY) >= 25
    assert len(SICK) >= 15
    assert len({each.name for each in [*HEALTHY, *SICK]}) == len(HEALTHY) + len(SICK)
    assert all(each.codes for each in SICK)
    unbounded = [each for each in HEALTHY if "max_loss" not in each.expectation]
    assert len(unbounded) >= len(HEALTHY) / 2


# ---- starts -------------------------------------------------------------------------------------


def build():
    return classifier(optimizers.Adam(0.01), layers.Dropout(0.2))


def test_seeds_report_as_many_runs_through_one_trace():
    result = judged(fit(build, *wine()), seed=10, seeds=3, steps=60)
    records = [run.record for run in result.runs]
    assert [record.seed for record in records] == [10, 11, 12]
    assert [record.traces > 0 for record in records] == [True, False, False]
    assert len({record.curve.initial_loss for record in records}) == 3
    assert len({record.curve.batch_loss for record in records}) == 3
    assert result.passed
    assert result.seconds == pytest.approx(sum(record.seconds for record in records))


def test_every_start_trains_as_it_does_alone():
    """Weights, order and dropout are its own; the probe stays the same for all of them."""
    together = judged(fit(build, *wine()), seed=3, seeds=3, steps=20)
    for run in together.runs:
        alone = recorded(fit(build, *wine()), seed=run.record.seed, steps=20)
        assert alone.curve.batch_loss == pytest.approx(run.record.curve.batch_loss, rel=1e-5)


def test_seeds_wrap_around():
    result = judged(fit(build, *wine()), seed=2**32 - 1, seeds=2, steps=2, min_decrease=0)
    assert [run.record.seed for run in result.runs] == [2**32 - 1, 0]


def test_one_failing_start_makes_the_result_red():
    """A builder that breaks its second model: k of n pass, and the failing run is shown."""
    built = []

    def second_is_dead():
        built.append(None)
        bias = keras.initializers.Constant(0.0 if len(built) == 1 else -50.0)
        hidden = layers.Dense(16, "relu", bias_initializer=bias)
        head = layers.Dense(1, use_bias=False)
        return sequential(hidden, head, optimizer=optimizers.Adam(0.01), loss="mse", shape=(4,))

    result = judged(fit(second_is_dead, *linear(0)), seeds=2, steps=80)
    assert [run.passed for run in result.runs] == [True, False]
    assert not result.passed
    assert result.shown_run is result.runs[1]


def test_several_seeds_need_a_builder():
    pattern = r"got seeds=3 with objects that are built already; expected .*converge\.fit\("
    with pytest.raises(ValueError, match=pattern):
        judged(fit(build(), *wine()), seeds=3)


def test_a_builder_of_changing_shapes_is_refused():
    units = iter((4, 5))
    with pytest.raises(ValueError, match="got a builder whose variables change their shape"):
        judged(
            fit(lambda: classifier(optimizers.SGD(0.1), units=next(units)), *wine()),
            seeds=2,
            steps=3,
        )


def test_the_same_seed_gives_the_same_result():
    first, second = (recorded(fit(build, *wine()), seed=5, steps=20) for _ in range(2))
    assert first.curve == second.curve


def test_another_seed_gives_another_order():
    keras.utils.set_random_seed(0)
    model = classifier(optimizers.SGD(0.0), shape=(13,))
    one, other = (recorded(fit(model, *wine()), seed=seed, steps=5) for seed in (1, 2))
    assert one.curve.initial_loss == pytest.approx(other.curve.initial_loss, rel=1e-6)
    assert one.curve.batch_loss != other.curve.batch_loss


# ---- nothing is left behind ---------------------------------------------------------------------


def draws():
    return (
        random.random(),
        np.random.random(),  # noqa: NPY002 - the state that Keras seeds
        float(tf.random.uniform(())),
        float(keras.random.uniform(())),
    )


@pytest.mark.parametrize("fails", [False, True], ids=["trained", "refused"])
def test_the_random_state_is_restored(fails):
    """What a test draws after a training does not depend on the training."""
    start = fit(build, *wine())
    keras.utils.set_random_seed(99)
    expected = [draws() for _ in range(3)]
    keras.utils.set_random_seed(99)
    seen = [draws()]
    if fails:
        with pytest.raises(ValueError, match="got no data"):
            judged(fit(build))
    else:
        judged(start, steps=5, min_decrease=0)
    seen += [draws() for _ in range(2)]
    assert seen == expected


def test_isolation_seeds_a_test_and_restores():
    keras.utils.set_random_seed(1)
    expected = draws()
    keras.utils.set_random_seed(1)
    with isolation(7):
        first = draws()
    assert draws() == expected
    with isolation(7):
        assert draws() == first


def graphs():
    gc.collect()
    return sum(type(each).__name__.endswith("FuncGraph") for each in gc.get_objects())


@names([problem for problem in HEALTHY if problem.name in ("dropout_half", "compiled_step", "vae")])
def test_a_training_leaves_no_graph_behind(problem):
    """Each would cost megabytes until the end of the session."""
    before = graphs()
    judged(problem.start(0), steps=20)
    assert graphs() <= before


# ---- gates --------------------------------------------------------------------------------------


@ignore_softmax_warning
def test_softmax_over_one_unit_is_red_although_its_loss_is_low():
    parts = [layers.Dense(8, "relu"), layers.Dense(1, "softmax")]
    model = sequential(*parts, optimizer=optimizers.Adam(0.01), loss="binary_crossentropy")
    x, y = breast_cancer()
    result = judged(fit(model, x, y), steps=150, max_loss=0.2)
    assert result.final_loss < 0.2
    assert failing(result) == {"loss-disagrees"}
    assert model.predict(x, verbose=0) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("labels", "bound"), [(lambda y: y + 1, 0.1), (lambda y: 2 * y - 1, 0.1), (lambda y: -y, None)]
)
def test_a_negative_cross_entropy_is_red(labels, bound):
    x, y = breast_cancer()
    model = sequential(
        layers.Dense(1, "sigmoid"), optimizer=optimizers.Adam(0.05), loss="binary_crossentropy"
    )
    result = judged(fit(model, x, labels(y)), steps=120, max_loss=bound)
    assert result.final_loss < 0
    assert "negative-loss" in failing(result)


def test_a_penalty_larger_than_the_loss_is_not_a_negative_loss():
    x, y = wine()
    hidden = layers.Dense(16, "relu", kernel_regularizer=keras.regularizers.L2(0.02))
    model = sequential(
        hidden,
        layers.Dense(3, "softmax"),
        optimizer=optimizers.Adam(0.02),
        loss="sparse_categorical_crossentropy",
    )
    result = judged(fit(model, x, y), steps=150)
    assert result.runs[0].record.regularisation > result.runs[0].record.reported_loss
    assert result.passed, result.findings


@pytest.mark.parametrize(("bound", "green"), [((0.5, None), True), ((None, 0.5), False)])
def test_metric_bounds(bound, green):
    model = classifier(optimizers.Adam(0.01), metrics=["accuracy"])
    result = judged(fit(model, *wine()), steps=60, metrics={"accuracy": bound})
    assert failing(result) == (set() if green else {"metric-out-of-bounds"})
    assert result.metrics["accuracy"] > 0.9


@pytest.mark.parametrize(("skill", "green"), [(0.5, True), (0.9999, False)])
def test_min_skill(skill, green):
    model = classifier(optimizers.Adam(0.01))
    result = judged(fit(model, *wine()), steps=60, min_skill=skill)
    assert failing(result) == (set() if green else {"skill-too-low"})
    assert 0.5 < result.skill < 0.9999


@pytest.mark.parametrize(("bound", "green"), [(0.7, True), (0.6, False)])
def test_max_loss_of_a_loss_that_cannot_fall_below_two_thirds(bound, green):
    w, y = tf.Variable(0.0), tf.constant([1.5, 2.5, 3.5])
    arguments = {
        "loss": lambda: tf.reduce_mean((y - w) ** 2),
        "variables": [w],
        "optimizer": optimizers.SGD(0.1),
    }
    start = type(fit(None))("minimize", arguments)
    result = judged(start, max_loss=bound)
    assert failing(result) == (set() if green else {"target-missed"})


# ---- hooks and progress -------------------------------------------------------------------------


class Hooks(NoHooks):
    def __init__(self, answers=(), adapted=None):
        self.answers, self.adapted = list(answers), adapted
        self.seen = []

    def pytest_converge_adapt(self, *, model, x, y):
        self.seen.append((model, x, y))
        return self.adapted(model) if self.adapted else None

    def pytest_converge_check(self, *, record, expectation):
        self.seen.append((record, expectation))
        return self.answers


def test_findings_of_a_plugin_count():
    finding = Finding(code="too-slow", message="it took too long")
    result = judged(fit(build, *wine()), steps=40, hooks=Hooks([finding, [finding], ()]))
    assert failing(result) == {"too-slow"}
    assert len(result.findings) == 2


def test_notes_of_a_plugin_do_not_fail_and_can_be_ignored():
    note = Finding(code="remark", message="by the way", fails=False)
    result = judged(fit(build, *wine()), steps=40, hooks=Hooks([note]))
    assert result.passed
    assert [finding.code for finding in result.findings] == ["remark"]
    ignored = judged(fit(build, *wine()), steps=40, hooks=Hooks([note]), ignore=("remark",))
    assert ignored.findings == ()


def test_a_check_that_returns_something_else_is_an_error():
    with pytest.raises(ValueError, match=r"got 'bad' \(str\) from pytest_converge_check; expected"):
        judged(fit(build, *wine()), steps=5, hooks=Hooks(["bad"]))


class Wrapper:
    """A training of a library that no adapter knows."""

    def __init__(self):
        self.model = build()


def test_an_unknown_object_is_adapted_to_a_model():
    x, y = wine()
    wrapper = Wrapper()
    hooks = Hooks(adapted=lambda each: each.model)
    assert judged(fit(wrapper, x, y), steps=40, hooks=hooks).passed
    assert hooks.seen[0] == (wrapper, x, y)


def test_an_unknown_object_is_adapted_to_a_step():
    x, y = linear(0)
    w, optimizer = tf.Variable(tf.zeros((4, 1))), optimizers.SGD(0.1)

    def train_step(rows, targets):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((rows @ w - targets) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    parts = {"step": train_step, "variables": [w], "data": [(x, y)]}
    result = judged(fit(object(), x, y), steps=40, hooks=Hooks(adapted=lambda _: parts))
    assert result.passed, result.findings


@pytest.mark.parametrize(
    ("parts", "pattern"),
    [
        ({"setp": print, "variables": []}, r"'setp' from pytest_converge_adapt; .*mean 'step'"),
        ({"step": print, "variables": [], "epochs": 2}, r"got the argument 'epochs' from"),
        ({"step": print}, r"got no argument 'variables' from pytest_converge_adapt"),
    ],
)
def test_a_wrong_argument_of_an_adapted_step_is_named_before_any_training(parts, pattern):
    with pytest.raises(ValueError, match=pattern):
        judged(fit(object(), *linear(0)), steps=40, hooks=Hooks(adapted=lambda _: parts))


@pytest.mark.parametrize(
    ("arguments", "expectation", "pattern"),
    [
        ({}, {"min_skill": 0.5}, "got min_skill for converge.step; expected a training with"),
        ({}, {"metrics": {"mae": (0, 1)}}, "got metrics for converge.step; expected a compiled"),
        ({"batch_size": 0}, {}, "got batch_size for a model that is trained by a step of its own"),
        ({"shuffle": False}, {}, "got shuffle for a model .*; expected a compiled Keras model"),
        ({"class_weight": 3}, {}, "got class_weight for a model .* Leave it out, or let"),
        ({"sample_weight": [1]}, {}, "got sample_weight for a model that is trained by"),
        ({"data": None}, {}, "got x for a model .* return x in the 'data' of its dict"),
        ({"data": None, "x": None}, {}, "got y for a model .* return y in the 'data' of its dict"),
    ],
)
def test_what_an_adapted_step_cannot_use_is_refused(arguments, expectation, pattern):
    x, y = linear(0)
    parts = {"step": print, "variables": [tf.Variable(0.0)], "data": [(x, y)]}
    parts |= {name: arguments.pop(name) for name in ["data"] if name in arguments}
    start = fit(object(), **{"x": x, "y": y} | arguments)
    with pytest.raises(ValueError, match=pattern):
        judged(start, steps=40, hooks=Hooks(adapted=lambda _: parts), **expectation)


@pytest.mark.parametrize("adapted", [3, len])
def test_a_hook_that_adapts_to_something_else_is_named(adapted):
    pattern = r"from pytest_converge_adapt; expected a compiled Keras model, a dict of the"
    with pytest.raises(ValueError, match=pattern):
        judged(fit(object(), *linear(0)), steps=40, hooks=Hooks(adapted=lambda _: adapted))


def test_what_cannot_be_measured_for_a_note_is_named_and_the_training_passes(monkeypatch):
    def fails(*_):
        raise NameError("renamed")

    monkeypatch.setattr(dead_units, "dead_units", fails)
    start = HEALTHY[0].start(1)
    with pytest.raises(NameError):
        judged(start, seed=1, **HEALTHY[0].expectation)
    monkeypatch.delenv(STRICT)
    result = judged(HEALTHY[0].start(1), seed=1, **HEALTHY[0].expectation)
    assert result.passed
    assert result.runs[0].record.excluded == (("dead units", "NameError: renamed"),)
    text = section(result, width=80, unicode=True)
    assert "not measured dead units (NameError: renamed)" in " ".join(text.split())


@pytest.mark.parametrize(("updates", "tried"), [(False, False), (True, True)])
def test_of_a_training_that_makes_no_update_nothing_is_tried(updates, tried):
    """No change of it would act; one that is updated too little is looked into."""
    w = tf.Variable(1.0)

    def train_step():
        w.assign_sub(1e-3 * w if updates else 0.0)
        return w**2

    context = runner.Context(
        test="test",
        number=1,
        expectation=Expectation(seed=0, steps=5, max_loss=0.1),
        hooks=NoHooks(),
        progress=quiet,
        diagnose="quick",
    )
    result = runner.run(context, step(train_step, variables=[w]).call)
    assert ("nothing-trained" in failing(result)) == (not updates)
    assert bool(result.diagnosis.tried) == tried
    if not updates:
        assert result.diagnosis.cause == "frozen-variables"
        assert "no step changes any of the variables" in result.diagnosis.message


def test_progress_is_told_up_to_the_last_step():
    told = []
    record = recorded_with_progress(told, steps=90)
    done, total, losses = zip(*told, strict=True)
    assert list(done) == sorted(done)
    assert done[-1] == 90
    assert set(total) == {90}
    assert losses[-1] == pytest.approx(record.curve.batch_loss[-1])


def recorded_with_progress(told, **expectation):
    result = judged(fit(build, *wine()), progress=lambda *each: told.append(each), **expectation)
    return result.runs[0].record


def test_an_interrupt_in_the_progress_ends_it_and_gives_the_optimizer_back():
    model = build()

    def interrupt(done, steps, loss):
        if done > 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judged(fit(model, *wine()), progress=interrupt)
    assert not {"apply", "apply_gradients"} & set(vars(model.optimizer))


def test_a_result_survives_the_way_to_another_process():
    result = judged(fit(build, *wine()), steps=60, seeds=2)
    again = ConvergenceResult.from_dict(result.to_dict())
    assert again.to_dict() == result.to_dict()
    assert again.passed == result.passed
    assert json.loads(json.dumps(result.to_dict())) == result.to_dict()


#: Of fourteen starts those that rise on the 71 rows of the checkpoints, and not on all.
RISES_ON_A_PART = (9, 12)


@pytest.mark.parametrize(("whole", "green"), [(True, True), (False, False)])
def test_a_rise_on_a_part_of_the_probe_set_alone_is_none(monkeypatch, whole, green):
    rng = np.random.default_rng(0)
    y = (rng.random(2000) < 0.03).astype("int32")
    shift = y[:, None] * np.array([1.0, 0.8, -0.8, 0.6, 0, 0])
    x = (rng.normal(size=(2000, 6)) + shift).astype("float32")

    def rare_class():
        hidden = keras.layers.Dense(16, "relu")
        model = keras.Sequential([keras.Input((6,)), hidden, keras.layers.Dense(1, "sigmoid")])
        model.compile(keras.optimizers.Adam(0.005), "binary_crossentropy")
        return model

    if not whole:
        monkeypatch.setattr(whole_probes, "seen_on_whole", lambda *_: None)
    weights = {0: 0.5 / (1 - y.mean()), 1: 0.5 / y.mean()}
    passed = [
        judged(fit(rare_class, x, y, class_weight=weights), steps=300, seed=seed).passed
        for seed in RISES_ON_A_PART
    ]
    assert passed == [green] * len(RISES_ON_A_PART)


@pytest.mark.parametrize(
    ("surface", "max_loss", "measured"),
    [("all", 10.0, True), ("failed", 10.0, False), ("failed", 1e-9, True), ("off", 1e-9, False)],
)
def test_a_surface_is_measured_where_somebody_wants_to_see_it(surface, max_loss, measured):
    w = tf.Variable(3.0)
    start = minimize(lambda: (w - 1.0) ** 2, [w], optimizers.SGD(0.1))
    result = judged(start, surface=surface, steps=3, max_loss=max_loss)
    assert (result.surface is not None) == measured


@pytest.mark.parametrize(
    ("scales", "max_loss", "measured"),
    [(True, 10.0, True), (False, 10.0, False), (False, 1e-9, True)],
)
def test_scales_of_inputs_are_measured_of_what_failed_and_where_somebody_wants_to_see_them(
    scales, max_loss, measured
):
    model = sequential(layers.Dense(1), optimizer=optimizers.SGD(0.01), loss="mse")
    x = np.random.default_rng(0).normal(size=(16, 2)).astype("float32")
    start = fit(model, x, x[:, :1])
    result = judged(start, scales=scales, steps=3, max_loss=max_loss, monotone="off")
    assert (result.runs[0].record.input_scales is not None) == measured


@pytest.mark.parametrize(
    ("done", "times"),
    [(100, 1.0), (50, 2.0), (10, 3.0), (1, 3.0), (0, 1.0), (200, 1.0)],
    ids=["whole", "half", "a tenth", "one step", "none", "more"],
)
def test_a_training_that_broke_off_counts_as_far_as_its_first_steps_tell(done, times):
    curve = LossCurve(steps=tuple(range(1, done + 1)), batch_loss=(1.0,) * done)
    record = types.SimpleNamespace(curve=curve, seconds=4.0)
    assert runner._of_all_steps(record, 100) == pytest.approx(times * 4.0)


@pytest.mark.parametrize(("mode", "factor"), [("quick", 1.0), ("full", runner.FULL)])
def test_the_budget_of_a_diagnosis_is_that_of_a_whole_training(monkeypatch, mode, factor):
    budgets = []

    def noted(*_, budget, **__):
        budgets.append(budget)

    def slow(record, steps):
        return 7.0 * steps / record.curve.updates

    monkeypatch.setattr(diagnose, "diagnose", noted)
    monkeypatch.setattr(runner, "_of_all_steps", slow)
    context = runner.Context(
        test="test",
        number=1,
        expectation=Expectation(seed=0, steps=5, max_loss=0.0),
        hooks=NoHooks(),
        progress=quiet,
        diagnose=mode,
    )
    w = tf.Variable(1.0)
    runner.run(context, minimize(lambda: w**2, [w], optimizers.SGD(1e-3)).call)
    assert budgets == [pytest.approx(factor * runner.QUICK_TIMES * 7.0)]
