"""Own loop with a simulator in numpy.

REINFORCE on a contextual bandit.
Sick: the advantage has the wrong sign (reward - baseline became baseline - reward). The step
returns the share of lost reward.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "uphill-steps", ("unknown", "labels-unrelated"), "step"
EXPECT = {"steps": 150, "max_loss": 0.25, "monotone": "off"}


class Bandit:
    """Four states; in each one of three levers pays."""

    pays = np.array([2, 0, 1, 2])

    def observe(self, n):
        self.state = np.random.randint(0, 4, n)  # noqa: NPY002 - as people write it
        return np.eye(4, dtype="float32")[self.state]

    def pull(self, lever):
        return (lever == self.pays[self.state]).astype("float32")


def agent(sign):
    env = Bandit()
    policy = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    optimizer = keras.optimizers.Adam(0.08)
    baseline = [0.3]

    def step():
        states = env.observe(32)
        p = tf.nn.softmax(policy(states)).numpy()
        levers = (p.cumsum(1) > np.random.rand(32, 1)).argmax(1)  # noqa: NPY002 - as people write it
        rewards = env.pull(levers)
        advantage = sign * (rewards - baseline[0])
        baseline[0] = 0.9 * baseline[0] + 0.1 * rewards.mean()
        with tf.GradientTape() as tape:
            log_p = -tf.nn.sparse_softmax_cross_entropy_with_logits(levers, policy(states))
            objective = -tf.reduce_mean(log_p * advantage)
        optimizer.apply_gradients(
            zip(
                tape.gradient(objective, policy.trainable_variables),
                policy.trainable_variables,
                strict=False,
            )
        )
        return 1.0 - float(rewards.mean())

    return {"step": step, "variables": policy.trainable_variables, "optimizer": optimizer}


def healthy():
    return agent(1.0)


def sick():
    return agent(-1.0)


def plain(arguments, steps):
    return [float(arguments["step"]()) for _ in range(steps)]


def fixed_order():
    policy = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    optimizer = keras.optimizers.Adam(0.08)
    states = np.eye(4, dtype="float32")[np.arange(32) % 4]

    def step():
        levers = tf.nn.softmax(policy(states)).numpy().argmax(1)
        rewards = (levers == Bandit.pays[np.arange(32) % 4]).astype("float32")
        with tf.GradientTape() as tape:
            log_p = -tf.nn.sparse_softmax_cross_entropy_with_logits(levers, policy(states))
            objective = -tf.reduce_mean(log_p * (rewards - 0.3))
        optimizer.apply_gradients(
            zip(
                tape.gradient(objective, policy.trainable_variables),
                policy.trainable_variables,
                strict=False,
            )
        )
        return objective

    return {"step": step, "variables": policy.trainable_variables, "optimizer": optimizer}


compared = fixed_order
