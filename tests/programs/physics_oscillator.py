"""Physics-informed network (second derivative by nested tapes).

U'' = -u with u(0)=1, u'(0)=0.
Sick: tanh became ReLU, whose second derivative is zero everywhere: of the best, that falls to 0
between two points, a 40th is left.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, VERB = "vanishing-gradient", "step"
# It rests at 0.307, and other starts end lower.
ALSO = ("too-small-capacity", "unreachable-target", "plateau", "local-minimum")
EXPECT = {"steps": 300, "max_loss": 0.02, "monotone": "off"}

t = tf.constant(np.linspace(0, 3, 40, dtype="float32")[:, None])


def pinn(activation):
    net = keras.Sequential(
        [
            keras.Input((1,)),
            keras.layers.Dense(24, activation),
            keras.layers.Dense(24, activation),
            keras.layers.Dense(1),
        ]
    )
    opt = keras.optimizers.Adam(0.01)
    opt.build(net.trainable_variables)

    @tf.function
    def step():
        with tf.GradientTape() as outer:
            with tf.GradientTape() as second:
                second.watch(t)
                with tf.GradientTape() as first:
                    first.watch(t)
                    u = net(t)
                du = first.gradient(u, t)
            ddu = second.gradient(du, t)
            residual = tf.reduce_mean((ddu + u) ** 2)
            boundary = (u[0, 0] - 1.0) ** 2 + du[0, 0] ** 2
            loss = residual + boundary
        opt.apply_gradients(
            zip(
                outer.gradient(loss, net.trainable_variables), net.trainable_variables, strict=False
            )
        )
        return loss

    return {"step": step, "variables": net.trainable_variables, "optimizer": opt}


def healthy():
    return pinn("tanh")


def sick():
    return pinn("relu")


def plain(arguments, steps):
    return [float(arguments["step"]()) for _ in range(steps)]
