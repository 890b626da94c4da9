"""The smallest difference to a training that works: several causes, and each of them needed."""

from __future__ import annotations

import itertools
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from pytest_converge.diagnosis import reference
from pytest_converge.diagnosis.cause import Answer
from pytest_converge.diagnosis.reference import seen_causes, together, without
from pytest_converge.diagnosis.trials import OutOfTimeError
from pytest_converge.report.message import failure_message
from pytest_converge.training.interventions.intervention import Intervention
from tests.diagnosis import programs
from tests.zoo.compounds import compound_of
from tests.zoo.problems import fit, step

rng = np.random.default_rng(0)
X = rng.normal(size=(256, 8)).astype("float32")
Y = (np.sin(X[:, 0]) + X[:, 1] * X[:, 2]).astype("float32")
UNSCALED = (X * 10.0 ** np.arange(8) / 100).astype("float32")


@pytest.fixture(autouse=True)
def one_start():
    """Weights that are drawn alike whatever ran before."""
    keras.utils.set_random_seed(0)


def diagnosis_of(start, **options):
    """The diagnosis with all the time that it needs, also on a busy machine."""
    return programs.diagnosis_of(start, diagnose="full", **options)


def network(optimizer, activation="relu", penalty=None, dropout=0.0):
    hidden = [layers.Dense(32, activation, kernel_regularizer=penalty) for _ in range(2)]
    drop = [layers.Dropout(dropout)] if dropout else []
    model = keras.Sequential([keras.Input((8,)), *hidden, *drop, layers.Dense(1)])
    model.compile(optimizer, "mse")
    return model


def changes_of(found):
    return {trial.change: trial for trial in found.tried}


# ---- which of several changes are needed --------------------------------------------------------

NAMES = "abcde"
PARTS = tuple(Intervention(code=name, change=name, fix=f"fix {name}") for name in NAMES)


@pytest.mark.parametrize(
    "needed",
    [set(some) for count in range(1, 4) for some in itertools.combinations(NAMES, count)],
    ids=lambda needed: "".join(sorted(needed)),
)
def test_what_is_left_is_what_is_needed(needed):
    asked = []

    def passes(parts):
        assert parts
        asked.append(parts)
        return needed <= {part.change for part in parts}

    left = without(PARTS, PARTS, passes)
    assert {part.change for part in left} == needed
    assert len(asked) <= 3 * len(NAMES)


def test_only_candidates_are_taken_back():
    left = without(PARTS, PARTS[:2], lambda _: True)
    assert left == PARTS[2:]


def test_changes_together_keep_the_lines_of_each():
    both = together(PARTS[:2])
    assert (both.code, both.change, both.fix) == ("a", "a and b", "fix a\nfix b")


class Verifying:
    """A failed training of which only some sets of changes pass on every seed.

    Attributes:
        asked: what was tried on every seed, in order.
    """

    def __init__(self, *, tried, passing, time=100):
        self.asked, self.passing, self.time = [], set(passing), time
        self.trials = types.SimpleNamespace(done=dict.fromkeys(map(named, tried)))

    def first_passing(self, changes):
        (change,) = changes
        self.asked.append(change.change)
        if len(self.asked) > self.time:
            raise OutOfTimeError
        self.trials.done[change.change] = "trial"
        passes = change.change in {named(each) for each in self.passing}
        return Answer(cause=change.code, message="passes") if passes else None


def named(letters):
    return " and ".join(letters)


def verified(sets, failed):
    """The parts of the answer of a search that found some sets, the smallest last."""
    search = object.__new__(reference._Search)
    search._failed, search._order = failed, {}
    search.passing = [tuple(PARTS[NAMES.index(name)] for name in letters) for letters in sets]
    answer = search.verified()
    return answer and "".join(part.change for part in answer.parts)


@pytest.mark.parametrize(
    ("sets", "passing", "left", "asked"),
    [
        (["abc", "ab"], ["ab"], "ab", ["ab"]),
        (["abc", "ab", "a"], ["ab"], "ab", ["a", "ab", "b"]),
        (["abc", "ab", "a"], ["ab", "b"], "b", ["a", "ab", "b"]),
        (["abcd", "abc", "a"], ["abc", "bc", "b"], "b", ["a", "abc", "ab", "ac", "bc", "b"]),
        (["abc", "ab"], [], None, ["ab", "abc"]),
    ],
    ids=["smallest", "one more", "the other one", "one of two more", "none"],
)
def test_what_passed_by_luck_of_one_seed_was_not_the_part_to_take_back(sets, passing, left, asked):
    failed = Verifying(tried=sets, passing=passing)
    assert verified(sets, failed) == left
    assert failed.asked == [named(each) for each in asked]


def test_sets_that_were_tried_before_are_not_tried_again():
    failed = Verifying(tried=["abc", "ab", "a", "b", "bc", "ac"], passing=["abc", "bc"])
    assert verified(["abc", "a"], failed) == "abc"
    assert failed.asked == ["a", named("abc")]


@pytest.mark.parametrize(("time", "left"), [(2, "abc"), (5, "bc"), (6, "b")])
def test_what_is_proven_when_the_time_is_up_is_the_answer(time, left):
    passing = ["abc", "bc", "b"]
    failed = Verifying(tried=["abcd", "abc", "a"], passing=passing, time=time)
    assert verified(["abcd", "abc", "a"], failed) == left


# ---- several causes -----------------------------------------------------------------------------


class Passing:
    """A failed training some sets of whose changes pass; keeps what is tried and whether proven."""

    def __init__(self, passing):
        self.asked = []
        self.passing = set(map(named, passing))
        self.trials = types.SimpleNamespace(done={}, try_out=self.try_out, spent=0.0, budget=1.0)

    def try_out(self, change, *, confirm):
        if change.change not in self.trials.done:
            self.asked.append((change.change, confirm))
        passed = change.change in self.passing
        seeds = 3 if confirm else 1
        trial = types.SimpleNamespace(passed=seeds, seeds=seeds) if passed else FAILED
        return self.trials.done.setdefault(change.change, trial)


FAILED = types.SimpleNamespace(passed=0, seeds=1)


def search_of(failed, first, *, seen):
    search = object.__new__(reference._Search)
    search._failed, search.passing, search._others = failed, [], []
    search._first = tuple(PARTS[NAMES.index(name)] for name in first)
    search._seen = set(seen)
    search._optimizers = lambda: [(PARTS[NAMES.index("d")],)]
    return search


@pytest.mark.parametrize(
    ("passing", "found", "asked"),
    [
        (["ab"], "ab", ["ab"]),
        (["abd"], "abd", ["ab", "abd"]),
        (["abc"], "abc", ["ab", "abd", "abc"]),
        (["abcd"], "abcd", ["ab", "abd", "abc", "abcd"]),
    ],
)
def test_a_remedy_is_added_where_it_does_not_pass_without(monkeypatch, passing, found, asked):
    monkeypatch.setattr(reference, "seen_causes", lambda _: {part.code for part in PARTS})
    failed = Passing(passing)
    parts = search_of(failed, "abc", seen="ab").reference()
    assert "".join(part.change for part in parts) == found
    assert failed.asked == [(named(each), False) for each in asked]


def test_a_set_is_proven_at_once_where_every_part_is_known_to_be_needed():
    failed = Passing(["ab", "abc"])
    search = search_of(failed, "abc", seen="")
    a, b, c = PARTS[:3]
    assert search._passes((a, b, c))
    assert search._passes((a, b))
    assert not search._passes((a,))
    assert not search._passes((b,))
    failed.trials.done.pop(named("ab"))
    assert search._passes((a, b))
    confirmed = [("a and b and c", False), ("a and b", False), ("a", True), ("b", True)]
    assert failed.asked == [*confirmed, ("a and b", True)]


def test_what_fails_from_another_start_is_no_reference(monkeypatch):
    monkeypatch.setattr(reference, "seen_causes", lambda _: set())
    failed = Passing(["ad"])
    failed.trials.done["a"] = types.SimpleNamespace(passed=1, seeds=2)
    assert search_of(failed, "a", seen="").reference() == (PARTS[0], PARTS[3])


def test_two_causes_are_both_named_and_neither_is_enough_alone():
    start = fit(network(keras.optimizers.SGD(1.0)), UNSCALED, Y)
    found = diagnosis_of(start, steps=200, max_loss=0.3)
    assert [part.cause for part in found.causes] == ["unscaled-features", "learning-rate-too-high"]
    assert found.cause == "unscaled-features"
    assert found.proven
    scaled, slower = (part.fix for part in found.causes)
    assert "Normalization" in scaled
    assert slower == "keras.optimizers.SGD(0.1)"
    assert found.fix == f"{scaled}\n{slower}"
    tried = changes_of(found)
    assert not tried["features standardised"].passed
    assert not tried["learning rate 0.1"].passed


@pytest.mark.slow
def test_three_causes_and_nothing_that_does_no_harm():
    optimizer = keras.optimizers.Adam(20.0)
    model = network(optimizer, penalty=keras.regularizers.L2(1.0), dropout=0.02)
    found = diagnosis_of(fit(model, UNSCALED, Y), steps=200, max_loss=0.4)
    assert {part.cause for part in found.causes} == {
        "regularisation-too-strong",
        "unscaled-features",
        "learning-rate-too-high",
    }
    assert "dropout" not in found.verified[0].change


@pytest.mark.slow
def test_the_users_own_optimizer_is_kept_where_another_rate_is_enough():
    classes = np.argmax(X @ rng.normal(size=(8, 4)), axis=1)
    model = keras.Sequential([keras.Input((8,)), layers.Dense(32, "relu"), layers.Dense(4)])
    model.compile(keras.optimizers.RMSprop(1e-7), "sparse_categorical_crossentropy")
    found = diagnosis_of(fit(model, X, classes), steps=200, max_loss=0.3)
    assert [part.cause for part in found.causes] == [
        "output-loss-mismatch",
        "learning-rate-too-low",
    ]
    assert "RMSprop" in found.fix
    assert "Adam" not in found.fix


def test_rows_that_are_not_finite_need_not_be_all():
    x = UNSCALED.copy()
    x[::50, 3] = np.nan
    found = diagnosis_of(fit(network(keras.optimizers.Adam(0.01)), x, Y), steps=200, max_loss=0.3)
    assert [part.cause for part in found.causes] == ["nonfinite-data", "unscaled-features"]
    assert found.proven


def test_what_is_too_slow_from_some_starts_needs_more_steps_and_no_larger_model():
    rows = np.random.default_rng(0).normal(size=(128, 4)).astype("float32")
    wanted = rows @ np.ones((4, 1), "float32")
    rows[17, 2] = np.nan

    def build():
        model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.01), "mse")
        return model

    found = diagnosis_of(fit(build, rows, wanted), steps=100, max_loss=0.1, seed=2102591131)
    assert [part.cause for part in found.causes] == ["nonfinite-data", "too-few-steps"]
    assert found.proven


def two_heads(scale, *, trained):
    """An amount and a flag behind one layer, which may be frozen."""
    inputs = keras.Input((8,))
    trunk = layers.Dense(8, "tanh", trainable=trained, name="trunk")(inputs)
    heads = {
        "amount": layers.Dense(1, name="amount")(trunk),
        "flag": layers.Dense(1, "sigmoid", name="flag")(trunk),
    }
    model = keras.Model(inputs, heads)
    model.compile(keras.optimizers.Adam(0.03), {"amount": "mse", "flag": "binary_crossentropy"})
    targets = {"amount": np.tanh(X[:, :1] - X[:, 1:2]), "flag": 1.0 * (X[:, 2:3] > X[:, 3:4])}
    return fit(model, scale * X + scale, targets)


def test_what_a_frozen_layer_is_fed_with_has_a_scale_too():
    found = diagnosis_of(two_heads(1000.0, trained=False), steps=200, max_loss=0.4)
    causes = [part.cause for part in found.causes]
    assert (causes, found.proven) == (["frozen-variables", "unscaled-features"], True)


def test_a_schedule_is_at_fault_before_another_rate_makes_up_for_it():
    rows, decay = X.copy(), keras.optimizers.schedules.CosineDecay(0.02, 12, alpha=1e-4)
    rows[3, 1] = np.nan
    target = (X @ np.ones((8, 1)) / 4).astype("float32")
    start = fit(network(keras.optimizers.Adam(decay)), rows, target)
    found = diagnosis_of(start, steps=200, max_loss=0.01)
    assert [part.cause for part in found.causes] == ["nonfinite-data", "learning-rate-too-low"]
    assert "the schedule, 0.02 at its peak, is at 2e-06 after 200 steps" in found.message


def test_a_rate_that_is_far_off_counts_as_one_of_several_signs():
    heavy = network(keras.optimizers.SGD(1e-6), penalty=keras.regularizers.L2(1.0))
    found = diagnosis_of(fit(heavy, X, Y), steps=400, max_loss=0.3)
    (first, *_) = [trial for trial in found.tried if " and " in trial.change]
    singles = found.tried[: found.tried.index(first)]
    assert [trial.code for trial in singles] == ["regularisation-too-strong"]


def test_a_rate_alone_is_left_to_the_search_for_rates():
    found = diagnosis_of(fit(network(keras.optimizers.SGD(1e-5)), X, Y), steps=300, max_loss=0.3)
    assert [part.cause for part in found.causes] == ["learning-rate-too-low"]
    assert found.bracket is not None


def test_hidden_layers_without_activation():
    model = network(keras.optimizers.Adam(0.01), activation=None)
    found = diagnosis_of(fit(model, X, Y), steps=200, max_loss=0.3)
    assert found.cause == "too-small-capacity"
    assert "instead of no activation" in found.verified[0].change


@pytest.mark.slow
def test_an_activation_that_overflows():
    model = network(keras.optimizers.Adam(0.01), activation="exponential")
    found = diagnosis_of(fit(model, 4 * X, Y), steps=200, max_loss=0.3)
    assert "exploding-gradient" in {part.cause for part in found.causes}
    assert "instead of exponential" in found.verified[0].change


@pytest.mark.slow
def test_a_step_of_the_user_with_two_faults():
    y = (X[:, :3] @ [[1.0], [2.0], [-1.0]]).astype("float32")
    x = X[:, :3] * np.array([1.0, 100.0, 0.01], dtype="float32")
    w, b = tf.Variable(tf.zeros((3, 1))), tf.Variable(0.0)
    optimizer = keras.optimizers.SGD(1e-7)

    @tf.function
    def train_step(features, targets):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((features @ w + b - targets) ** 2)
        gradients = tape.gradient(loss, [w, b])
        optimizer.apply_gradients(zip(gradients, [w, b], strict=True))
        return loss

    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
    start = step(train_step, variables=[w, b], data=data, optimizer=optimizer)
    found = diagnosis_of(start, steps=100, max_loss=0.05)
    assert {part.cause for part in found.causes} == {"unscaled-features", "learning-rate-too-low"}
    assert found.proven


def test_a_change_that_two_causes_ask_for_is_made_once():
    """Labels {1, 2} made {0, 1} twice would be 0 for every row."""
    labels = np.where(X[:, 0] + X[:, 1] > 0, 2.0, 1.0).astype("float32")
    heavy = keras.regularizers.L2(10.0)
    hidden = layers.Dense(16, "relu", kernel_regularizer=heavy)
    parts = [keras.Input((8,)), hidden, layers.Dense(1, "sigmoid", kernel_regularizer=heavy)]
    model = keras.Sequential(parts)
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy")
    found = diagnosis_of(fit(model, X, labels), steps=150, max_loss=0.3)
    assert {part.cause for part in found.causes} == {"label-encoding", "regularisation-too-strong"}
    assert found.proven


@pytest.mark.slow
def test_targets_of_another_shape_are_traced_anew_beside_another_start():
    compound = compound_of("friedman_by_own_loop", "targets_in_a_row", "biases_of_minus_twenty")
    start = compound.start(fixed=False, seed=0)
    found = diagnosis_of(start, **compound.expected(fixed=False))
    assert {part.cause for part in found.causes} == {"label-encoding", "bad-initialisation"}
    assert found.proven


# ---- what did not act ---------------------------------------------------------------------------


def test_a_change_without_any_effect_is_named_and_proves_nothing():
    """The optimizer updates what the loss does not read."""
    w, unread, idle = tf.Variable(5.0), tf.Variable(0.0), keras.optimizers.SGD(0.1)

    @tf.function
    def train_step():
        with tf.GradientTape() as tape:
            loss = (w - 1.0) ** 2
        w.assign_sub(1e-4 * tape.gradient(loss, w))
        idle.apply_gradients([(tf.constant(1.0), unread)])
        return loss

    start = step(train_step, variables=[w, unread], optimizer=idle)
    found = diagnosis_of(start, steps=30, max_loss=0.1)
    reasons = [why for change, why in found.excluded if change.startswith("learning rate")]
    assert reasons
    assert all("changes nothing" in why for why in reasons)
    assert not any(change.startswith("learning rate") for change in changes_of(found))


# ---- the model is at fault ----------------------------------------------------------------------


class Averaging(keras.Model):
    """Sees the mean of the features alone."""

    def __init__(self):
        super().__init__()
        self.hidden, self.head = layers.Dense(16, "relu"), layers.Dense(1)

    def call(self, x):
        return self.head(self.hidden(tf.reduce_mean(x, axis=1, keepdims=True)))


def averaging():
    model = Averaging()
    model.compile(keras.optimizers.Adam(0.01), "mse")
    return model


@pytest.mark.slow
def test_a_model_that_cannot_learn_what_a_plain_network_learns():
    x = rng.normal(size=(2048, 8)).astype("float32")
    found = diagnosis_of(fit(averaging(), x, np.tanh(x[:, 0])), steps=300, max_loss=0.02)
    assert found.cause == "output-loss-mismatch"
    assert not found.proven
    assert "a plain network learns these rows" in found.message
    assert "look at the model" in found.message
    assert not found.fix


def test_a_model_is_not_blamed_where_no_time_was_left_for_a_larger_one(monkeypatch):
    monkeypatch.setattr(reference, "left_out", lambda _: ["hidden layers 8 times as wide"])
    x = rng.normal(size=(1024, 8)).astype("float32")
    start = fit(averaging(), x, np.tanh(x[:, 0]))
    failed = programs.failed_of(start, steps=100, max_loss=0.02)
    found = reference.guilty_model(failed)
    assert found.cause == "unknown"
    assert "a plain network learns these rows" in found.message


@pytest.mark.slow
def test_rows_learnt_by_heart_accuse_no_model():
    few = rng.normal(size=24).astype("float32")
    found = diagnosis_of(fit(averaging(), X[:24], few), steps=100, max_loss=0.01)
    assert "plain network" not in found.message


def test_several_causes_are_told_one_a_line():
    start = fit(network(keras.optimizers.SGD(1.0)), UNSCALED, Y)
    result = programs.result_of(start, diagnose="full", steps=200, max_loss=0.3)
    lines = failure_message(result, reproduce="pytest").splitlines()
    assert " and 1 more: " in lines[0]
    assert any(line.startswith("unscaled-features: features on") for line in lines)
    assert any(line.startswith("learning-rate-too-high: ") for line in lines)
    assert max(map(len, lines)) <= 80


def test_targets_that_the_loss_never_reads_are_not_touched():
    class Pulling(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = layers.Dense(1)

        def call(self, x):
            return self.head(x)

        def train_step(self, data):
            x, _ = data
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((self(x) - 3.0) ** 2)
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            return {"loss": loss}

    model = Pulling()
    model.compile(keras.optimizers.SGD(1e-5))
    found = diagnosis_of(fit(model, X, 1000 + 500 * Y), steps=100, max_loss=0.1)
    assert [part.cause for part in found.causes] == ["learning-rate-too-low"]
    assert not any("targets standardised" in change for change in changes_of(found))


@pytest.mark.parametrize(
    ("base", "faults", "codes"),
    [
        (
            "bars_by_convolution",
            ("bytes_of_pixels", "a_fifteenth_of_the_steps"),
            {"unscaled-features", "too-few-steps"},
        ),
        (
            "factors_by_minimize",
            ("weights_thrown_far", "a_fifteenth_of_the_steps"),
            {"bad-initialisation", "too-few-steps"},
        ),
    ],
)
def test_what_needs_many_more_steps_needs_no_larger_model_and_no_other_start(base, faults, codes):
    compound = compound_of(base, *faults)
    found = diagnosis_of(compound.start(fixed=False, seed=0), **compound.expected(fixed=False))
    assert {part.cause for part in found.causes} == codes
    assert found.proven


def classes_in_a_row(*, shuffles=False):
    """Rows of three classes, sorted by class, whose columns have very different scales."""
    rows = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 80)
    x = (2.0 * np.eye(3)[y] + rows.normal(0, 1.6, (240, 3))) * [1000.0, 1.0, 0.01]
    if shuffles:
        order = rows.permutation(240)
        x, y = x[order], y[order]
    dataset = tf.data.Dataset.from_tensor_slices((x.astype("float32"), y)).batch(16)
    model = keras.Sequential([keras.Input((3,)), layers.Dense(3, "softmax")])
    model.compile(keras.optimizers.SGD(1.0), "sparse_categorical_crossentropy")
    return fit(model, dataset)


@pytest.mark.parametrize("shuffles", [False, True])
def test_rows_that_come_sorted_show_that_nobody_shuffles_them(shuffles):
    failed = programs.failed_of(classes_in_a_row(shuffles=shuffles), steps=20, max_loss=0.1)
    assert ("unshuffled-data" in seen_causes(failed)) != shuffles


def test_rows_that_come_sorted_and_features_of_other_scales_are_both_named():
    found = diagnosis_of(classes_in_a_row(), steps=120, max_loss=0.8, monotone="off")
    assert {part.cause for part in found.causes} == {"unshuffled-data", "unscaled-features"}
    assert found.proven
