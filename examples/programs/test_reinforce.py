"""REINFORCE: a step that runs a simulator, written in NumPy, before it updates the policy.

Nothing of it can be traced as a whole. It returns the share of the reward that was lost, rather
than the objective, which does not say how good the policy is.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf


class Bandit:
    """Four states; in each one of three levers pays."""

    pays = np.array([2, 0, 1, 2])

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)

    def observe(self, count):
        self.states = self.random.integers(0, 4, count)
        return np.eye(4, dtype="float32")[self.states]

    def pull(self, levers):
        return (levers == self.pays[self.states]).astype("float32")


@pytest.mark.converges(steps=150, max_loss=0.25, monotone="off")
def test_reinforce(converge):
    bandit = Bandit(seed=0)
    policy = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    weights = policy.trainable_variables
    optimizer = keras.optimizers.Adam(0.08)

    def step():
        states = bandit.observe(32)
        levers = tf.random.categorical(policy(states), 1)[:, 0]
        rewards = bandit.pull(levers.numpy())
        advantages = rewards - 1 / 3
        with tf.GradientTape() as tape:
            log_likelihood = -tf.nn.sparse_softmax_cross_entropy_with_logits(levers, policy(states))
            objective = -tf.reduce_mean(log_likelihood * advantages)
        optimizer.apply_gradients(zip(tape.gradient(objective, weights), weights, strict=True))
        return 1 - float(rewards.mean())

    converge.step(step, variables=weights, optimizer=optimizer)
