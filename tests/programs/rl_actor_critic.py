"""Own loop, two optimizers and a numpy environment.

Actor-critic (one-step, pole as a number to hold at 0).
Sick: the critic's rate was written 1e-6 for 3e-2.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "learning-rate-too-low", ("frozen-variables", "too-few-steps"), "step"
EXPECT = {"steps": 150, "max_loss": 0.12, "monotone": "off"}  # the critic's squared error

rng_data = np.random.default_rng(193)
START = rng_data.uniform(-1, 1, (300, 32)).astype("float32")


def setup(critic_rate):
    actor = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(16, "tanh"), keras.layers.Dense(1)]
    )
    critic = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(16, "tanh"), keras.layers.Dense(1)]
    )
    actor_opt, critic_opt = keras.optimizers.Adam(1e-3), keras.optimizers.Adam(critic_rate)
    count = [0]

    def step():
        position = START[count[0] % 300][:, None]
        count[0] += 1
        push = actor(position).numpy()
        landed = np.clip(position + 0.3 * push, -2, 2)  # the simulator
        reward = 1 - 2 * np.abs(landed)
        with tf.GradientTape(persistent=True) as tape:
            value = critic(position)
            critic_loss = tf.reduce_mean((reward - value) ** 2)
            advantage = tf.stop_gradient(reward - value)
            mean = actor(position)
            actor_loss = tf.reduce_mean(advantage * (push - mean + 0.1) ** 2)
        critic_opt.apply(
            tape.gradient(critic_loss, critic.trainable_variables), critic.trainable_variables
        )
        actor_opt.apply(
            tape.gradient(actor_loss, actor.trainable_variables), actor.trainable_variables
        )
        return critic_loss

    return {
        "step": step,
        "variables": actor.trainable_variables + critic.trainable_variables,
        "optimizer": [actor_opt, critic_opt],
    }


def healthy():
    return setup(0.03)


def sick():
    return setup(1e-6)


def plain(arguments, steps):
    return [arguments["step"]().numpy() for _ in range(steps)]
