"""Variables of graphs, and the updates that sessions make."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.training.state.optimizer import GradientStore
from pytest_converge.training.state.session import (
    ObservedSession,
    SessionVariable,
    graph_of,
    is_session,
    optimizers_in,
    variables_of,
)
from pytest_converge.training.state.snapshot import Snapshot, name_of, unique_variables

v1 = tf.compat.v1


class Bowl:
    """Half the squared length of a variable, whose gradient is the variable."""

    def __init__(self, make=v1.train.GradientDescentOptimizer, rate=0.1, *, resource=False):
        self.graph = tf.Graph()
        with self.graph.as_default():
            self.w = v1.get_variable("w", initializer=[3.0, 4.0], use_resource=resource)
            self.loss = tf.reduce_sum(self.w**2) / 2
            self.optimizer = make(rate)
            self.update = self.optimizer.minimize(self.loss)
            self.session = v1.Session()
            self.session.run(v1.global_variables_initializer())
        self.state = variables_of(self.graph, [self.w], self.session)
        self.found = optimizers_in(self.graph, self.state[:1], [self.optimizer])
        self.observed = ObservedSession(self.session, self.found, self.state[:1])


@pytest.mark.parametrize("resource", [False, True], ids=["ref", "resource"])
def test_a_variable_is_read_and_set_through_its_session(resource):
    bowl = Bowl(resource=resource)
    held, operations = SessionVariable(bowl.w, bowl.session), len(bowl.graph.get_operations())
    assert (name_of(held), held.shape, held.dtype) == ("w", (2,), tf.float32)
    before = Snapshot(unique_variables([held]))
    held.assign(tf.constant([5.0, 6.0]))
    np.testing.assert_array_equal(held.numpy(), [5.0, 6.0])
    assert before.is_left()
    before.restore()
    np.testing.assert_array_equal(bowl.session.run(bowl.w), [3.0, 4.0])
    assert len(bowl.graph.get_operations()) == operations


def test_variables_of_graphs_and_of_eager_tensorflow_are_told_apart():
    bowl = Bowl()
    assert graph_of(bowl.w) is bowl.graph
    assert graph_of(Bowl(resource=True).w) is not None
    for other in (tf.Variable(1.0), v1.Variable(1.0), 3):
        assert graph_of(other) is None
    assert is_session(bowl.session)
    assert not is_session(bowl.graph)


def test_slots_are_part_of_the_state_and_what_has_no_value_is_not():
    bowl = Bowl(lambda rate: v1.train.MomentumOptimizer(rate, 0.9))
    assert [each.name for each in bowl.state] == ["w:0", "w/Momentum:0"]
    with bowl.graph.as_default():
        v1.get_variable("late", initializer=1.0)
    assert len(variables_of(bowl.graph, [bowl.w], bowl.session)) == 2


MAKERS = {
    "descent": v1.train.GradientDescentOptimizer,
    "momentum": lambda rate: v1.train.MomentumOptimizer(rate, 0.9),
    "adam": v1.train.AdamOptimizer,
    "adagrad": v1.train.AdagradOptimizer,
    "rmsprop": v1.train.RMSPropOptimizer,
    "ftrl": v1.train.FtrlOptimizer,
}


@pytest.mark.parametrize("resource", [False, True], ids=["ref", "resource"])
@pytest.mark.parametrize("maker", MAKERS)
def test_the_rate_and_the_gradient_of_an_update_are_seen(maker, resource):
    bowl = Bowl(MAKERS[maker], resource=resource)
    (found,) = bowl.found
    assert not found.applied
    with bowl.observed.observed():
        found.begin_step()
        bowl.session.run(bowl.loss)
        assert not found.applied
        bowl.session.run([bowl.update, bowl.loss])
    assert found.applied
    assert float(found.gradient_norm()) == pytest.approx(5.0)
    assert float(found.learning_rate()) == pytest.approx(0.1)
    assert found.user_rate == 0.1
    assert found.optimizer is bowl.optimizer
    assert "run" not in vars(bowl.session)


def test_the_rate_is_multiplied():
    bowl = Bowl()
    (found,) = bowl.found
    with bowl.observed.observed():
        for factor, expected in ((0.5, 0.95), (2.0, 0.95 * 0.8), (1.0, 0.95 * 0.8 * 0.9)):
            found.set_learning_rate_factor(factor)
            bowl.session.run(bowl.update)
            np.testing.assert_allclose(bowl.state[0].numpy() / [3.0, 4.0], expected, rtol=1e-6)
            assert float(found.learning_rate()) == pytest.approx(0.1 * factor)
    assert found.user_rate == 0.1


def test_gradients_are_handed_out():
    bowl = Bowl()
    (found,), store = bowl.found, GradientStore(bowl.state[:1])
    with bowl.observed.observed(), found.muted(), found.handing_out(store):
        bowl.session.run(bowl.update)
    np.testing.assert_allclose(store.values[0], [3.0, 4.0])
    assert store.filled


def test_what_is_fetched_is_given_as_it_was_asked_for():
    bowl = Bowl()
    with bowl.observed.observed():
        found = bowl.session.run({"loss": bowl.loss, "made": [bowl.update, "w:0"]})
    assert set(found) == {"loss", "made"}
    assert found["loss"] == 12.5
    assert found["made"][0] is None


def test_an_optimizer_that_nobody_knows_is_seen_by_its_updates():
    bowl = Bowl()
    (found,) = optimizers_in(bowl.graph, bowl.state[:1], [])
    assert found.name == "GradientDescent/learning_rate"
    assert found.rate is bowl.found[0].rate


@pytest.mark.parametrize(
    ("make", "settings"),
    [
        (v1.train.GradientDescentOptimizer, {}),
        (lambda rate: v1.train.MomentumOptimizer(rate, 0.8), {"_momentum": 0.8}),
        (lambda rate: v1.train.AdamOptimizer(rate, beta1=0.7), {"_beta1": 0.7, "_beta2": 0.999}),
        (lambda rate: v1.train.RMSPropOptimizer(rate, decay=0.8), {"_decay": 0.8}),
    ],
)
def test_an_optimizer_that_nobody_knows_is_told_by_its_updates(make, settings):
    bowl = Bowl(make)
    (found,) = optimizers_in(bowl.graph, bowl.state[:1], [])
    assert type(found.optimizer) is type(bowl.optimizer)
    assert {name: getattr(found.optimizer, name) for name in settings} == settings


def test_updates_of_other_variables_are_not_looked_at():
    bowl = Bowl()
    with bowl.graph.as_default():
        other = v1.get_variable("other", initializer=1.0)
    bowl.session.run(other.initializer)
    assert optimizers_in(bowl.graph, [SessionVariable(other, bowl.session)], []) == ()
