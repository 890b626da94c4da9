"""`converge.step` for programs of TensorFlow 1: a graph, a session and placeholders."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.diagnosis.programs import diagnosis_of
from tests.zoo.problems import linear, step
from tests.zoo.trainings import failing, judged, recorded, running

v1 = tf.compat.v1


class Program:
    """A linear regression as it was written for TensorFlow 1.

    Args:
        optimizer: makes the optimizer from a learning rate.
        rate: "constant", "variable", "placeholder" or "schedule".
        value: of the learning rate.
        resource: whether variables are resources.
    """

    def __init__(
        self, optimizer=v1.train.GradientDescentOptimizer, rate="constant", value=0.1, resource=True
    ):
        self.rows, self.targets = linear(0)
        self.calls, self.graph, self.value = 0, tf.Graph(), value
        with self.graph.as_default():
            self.x = v1.placeholder(tf.float32, (None, 4))
            self.y = v1.placeholder(tf.float32, (None, 1))
            self.w = v1.get_variable("w", (4, 1), use_resource=resource, initializer=zeros())
            self.b = v1.get_variable("b", (), use_resource=resource, initializer=zeros())
            self.count = v1.train.get_or_create_global_step()
            self.rate = {
                "constant": lambda: value,
                "variable": lambda: v1.get_variable("rate", initializer=value, trainable=False),
                "placeholder": lambda: v1.placeholder(tf.float32, (), name="rate"),
                "schedule": lambda: v1.train.exponential_decay(value, self.count, 10, 0.5),
            }[rate]()
            self.loss = tf.reduce_mean((self.x @ self.w + self.b - self.y) ** 2)
            self.optimizer = optimizer(self.rate)
            self.update = self.optimizer.minimize(self.loss, global_step=self.count)
            self.session = v1.Session()
            self.session.run(v1.global_variables_initializer())
        self.fed = {self.rate: value} if rate == "placeholder" else {}

    @property
    def variables(self):
        return self.graph.get_collection(v1.GraphKeys.TRAINABLE_VARIABLES)

    def run(self, rows, targets):
        self.calls += 1
        feeds = {self.x: rows, self.y: targets, **self.fed}
        return self.session.run([self.update, self.loss], feed_dict=feeds)[1]

    def batches(self, count=4):
        return [(self.rows[n::count], self.targets[n::count]) for n in range(count)]

    def start(self, **others):
        return step(self.run, variables=self.variables, data=self.batches(), **others)


def zeros():
    return v1.zeros_initializer()


def own_losses(steps, **how):
    program = Program(**how)
    batches = program.batches()
    return [float(program.run(*batches[n % 4])) for n in range(steps)], program


KINDS = {
    "descent": {},
    "by ref": {"resource": False},
    "momentum": {"optimizer": lambda rate: v1.train.MomentumOptimizer(rate, 0.9), "value": 0.01},
    "adam by ref": {"optimizer": v1.train.AdamOptimizer, "resource": False},
    "rate in a variable": {"rate": "variable"},
    "rate fed": {"rate": "placeholder"},
    "schedule": {"rate": "schedule"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_curve_is_that_of_the_programs_own_loop(kind):
    expected, own = own_losses(30, **KINDS[kind])
    program = Program(**KINDS[kind])
    record = recorded(program.start(), steps=30)
    np.testing.assert_allclose(record.curve.batch_loss, expected, rtol=1e-6)
    assert program.calls == 30
    assert (record.driver, record.curve.checkpoints) == ("eager", ())
    value = KINDS[kind].get("value", 0.1)
    assert record.curve.learning_rate[0] == pytest.approx(value)
    assert len(record.curve.gradient_norm) == 30
    np.testing.assert_array_equal(program.session.run(program.w), own.session.run(own.w))
    assert program.session.run(program.count) == 30
    assert record.curve.gradient_norm[0] == pytest.approx(first_norm(program), rel=1e-4)
    assert "run" not in vars(program.session)


def first_norm(program):
    rows, targets = program.batches()[0]
    of_w, of_b = -2 * rows.T @ targets / len(rows), -2 * targets.mean()
    return np.sqrt((of_w**2).sum() + of_b**2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_restart_puts_back_all_that_the_session_holds(kind):
    program = Program(**KINDS[kind])
    run = running(program.start(), steps=10)
    first = run.run(0).curve
    run.restart()
    assert program.session.run(program.count) == 0
    assert run.run(0).curve == first


@pytest.mark.parametrize("kind", ["descent", "rate in a variable", "rate fed", "schedule"])
def test_the_rate_is_set_by_feeding_it(kind):
    program = Program(**KINDS[kind])
    expected, _ = own_losses(12, **{**KINDS[kind], "value": 0.02})
    run = running(program.start(), steps=12)
    run.restart()
    curve = run.run(0, rate_factor=0.2).curve
    np.testing.assert_allclose(curve.batch_loss, expected, rtol=1e-4)
    assert curve.learning_rate[0] == pytest.approx(0.02)


@pytest.mark.parametrize("kind", ["descent", "rate fed"])
def test_a_rate_that_is_too_low_is_named(kind):
    program = Program(**{**KINDS[kind], "value": 1e-4})
    found = diagnosis_of(program.start(), steps=100, max_loss=0.1)
    assert (found.cause, found.proven) == ("learning-rate-too-low", True)
    assert "learning rate 0.0001 is too low" in found.message
    assert found.fix.startswith("tf.compat.v1.train.GradientDescentOptimizer(")
    assert dict(found.excluded)["another optimizer"] == "the step holds its own"


def test_of_two_rates_the_one_at_fault_is_named():
    rows, targets = linear(0)
    with tf.Graph().as_default() as graph:
        w, b = v1.get_variable("w", (4, 1)), v1.get_variable("b", ())
        loss = tf.reduce_mean((rows @ w + b - targets - 5.0) ** 2)
        good = v1.train.GradientDescentOptimizer(0.1, name="of_w").minimize(loss, var_list=[w])
        bad = v1.train.GradientDescentOptimizer(1e-5, name="of_b").minimize(loss, var_list=[b])
        session = v1.Session()
        session.run(v1.global_variables_initializer())

    def train_step():
        return session.run([good, bad, loss])[2]

    variables = graph.get_collection("trainable_variables")
    found = diagnosis_of(step(train_step, variables=variables), steps=100, max_loss=0.1)
    assert (found.cause, found.proven) == ("learning-rate-too-low", True)
    assert found.fix.startswith("tf.compat.v1.train.GradientDescentOptimizer(")
    assert "GradientDescentOptimizer(1e-05)" in found.fix


def test_a_session_is_found_where_it_is_the_default_one():
    program = Program()
    held = [program.session]
    del program.session

    class Runner:
        def __call__(self, rows, targets):
            feeds = {program.x: rows, program.y: targets}
            return held[0].run([program.update, program.loss], feed_dict=feeds)[1]

    start = step(Runner(), variables=program.variables, data=program.batches())
    with pytest.raises(ValueError, match="no sessions that the step could run; expected the sess"):
        judged(start, steps=60)
    with held[0].as_default():
        assert judged(start, steps=60, max_loss=0.1).passed
    start.arguments["session"] = held[0]
    assert judged(start, steps=60, max_loss=0.1).passed


def test_a_program_may_stand_in_its_graph_and_session():
    program = Program()
    with program.graph.as_default(), program.session:
        start = step(program.run, variables=v1.trainable_variables(), data=program.batches())
        assert judged(start, steps=60, max_loss=0.1).passed
        assert not tf.executing_eagerly()


DISABLED = """
import tensorflow.compat.v1 as tf
tf.disable_v2_behavior()
from tests.training.adapters.test_graph_step import Program, judged
program = Program(resource=False)
result = judged(program.start(), steps=60, max_loss=0.1)
assert result.passed and program.calls == 60 and not tf.executing_eagerly()
"""


@pytest.mark.slow
def test_a_program_may_disable_the_behaviour_of_tensorflow_2():
    """For its whole process, as most of them did."""
    made = subprocess.run(  # noqa: S603 - the interpreter of the tests
        [sys.executable, "-c", DISABLED], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr


def test_a_step_that_only_measures_is_red():
    program = Program()

    def measure(rows, targets):
        return program.session.run(program.loss, {program.x: rows, program.y: targets})

    start = step(
        measure, variables=program.variables, data=program.batches(), session=program.session
    )
    result = judged(start, steps=20)
    assert "nothing-trained" in failing(result)
    assert result.curve.learning_rate == ()


def test_an_iterator_of_the_graph_goes_on():
    rows, targets = linear(0)
    with tf.Graph().as_default() as graph:
        data = tf.data.Dataset.from_tensor_slices((rows, targets)).repeat().batch(32)
        x, y = v1.data.make_one_shot_iterator(data).get_next()
        w = v1.get_variable("w", (4, 1))
        loss = tf.reduce_mean((x @ w - y) ** 2)
        update = v1.train.GradientDescentOptimizer(0.1).minimize(loss)
        session = v1.Session()
        session.run(v1.global_variables_initializer())
    start = step(
        lambda: session.run([update, loss])[1],
        variables=graph.get_collection("trainable_variables"),
    )
    run = running(start, steps=60)
    assert not run.training.replays
    assert run.training.beyond_reach == "an iterator"
    assert judged(start, steps=60, max_loss=0.1).passed


ERRORS = {
    "not initialised": (
        lambda p: p.session.__init__(graph=p.graph) or p.start(),
        r"got the variable 'w:0' without a value in its session; expected initialised variables\.",
    ),
    "another graph": (
        lambda p: p.start(session=v1.Session(graph=tf.Graph())),
        r"got a session of another graph; expected a tf\.compat\.v1\.Session of the graph of",
    ),
    "no session": (
        lambda p: p.start(session=3),
        r"got session=3 \(int\); expected a tf\.compat\.v1\.Session of the graph of the variables",
    ),
    "a session for variables of eager TensorFlow": (
        lambda p: step(p.run, variables=[tf.Variable(1.0)], session=p.session),
        r"got a session without variables of a graph; expected variables of a tf\.Graph\.",
    ),
    "several graphs": (
        lambda p: step(p.run, variables=[p.w, Program().w]),
        r"got variables of several graphs; expected variables of one tf\.Graph\.",
    ),
    "an optimizer of Keras": (
        lambda p: p.start(optimizer="adam"),
        r"got optimizer='adam' \(str\); expected one of tf\.compat\.v1\.train\.",
    ),
    "no function": (
        lambda p: step(3, variables=p.variables),
        r"got step=3 \(int\); expected a function\.",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_come_before_any_update(case):
    make, pattern = ERRORS[case]
    program = Program()
    with pytest.raises(ValueError, match=pattern) as caught:
        judged(make(program))
    assert type(caught.value).__name__ == "InvalidTrainingError"
    assert program.calls == 0


def test_variables_outside_of_var_list_are_known_not_to_be_written():
    graph = tf.Graph()
    with graph.as_default():
        w, b = v1.get_variable("w", initializer=1.0), v1.get_variable("b", initializer=1.0)
        loss = (w + b - 3.0) ** 2
        update = v1.train.GradientDescentOptimizer(0.1).minimize(loss, var_list=[b])
        session = v1.Session()
        session.run(v1.global_variables_initializer())
    run = running(
        step(lambda: session.run([update, loss])[1], variables=[w, b], session=session), steps=3
    )
    assert [variable.name for variable in run.training.unwritten] == ["w:0"]


def test_updates_by_hand_are_multiplied_in_a_session():
    graph = tf.Graph()
    with graph.as_default():
        w = v1.get_variable("w", initializer=1.0)
        loss = w**2
        with tf.control_dependencies([loss]):
            update = v1.assign_sub(w, 30.0 * tf.gradients(loss, w)[0])
        session = v1.Session()
        session.run(v1.global_variables_initializer())

    def run():
        return session.run([update, loss])[1]

    found = diagnosis_of(step(run, variables=[w], session=session), steps=30, max_loss=0.01)
    assert (found.cause, found.proven) == ("learning-rate-too-high", True)
    assert found.fix == "# in run: 0.01 times the learning rate"
