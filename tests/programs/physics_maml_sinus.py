"""Meta-learning with an inner loop.

MAML on sinusoids of different phase.
Sick: the query loss is taken with the unadapted weights, so that only the mean over all tasks can
be learnt.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "unknown", ("unreachable-target", "frozen-variables", "unread-data"), "step"
EXPECT = {"steps": 300, "max_loss": 0.25, "monotone": "off"}

rng = np.random.default_rng(229)
TASKS = []
for _ in range(60):
    sign = rng.choice([-1.0, 1.0], 8)[:, None, None]
    xs, xq = rng.uniform(-2, 2, (2, 8, 10, 1))
    TASKS.append(tuple(a.astype("float32") for a in (xs, sign * np.sin(xs), xq, sign * np.sin(xq))))


def forward(w, x):
    h = tf.tanh(x @ w[0] + w[1])
    return h @ w[2] + w[3]


def maml(adapted):
    init = [
        tf.random.normal((1, 24)),
        tf.random.normal((24,)),
        tf.random.normal((24, 1)) * 0.2,
        tf.zeros((1,)),
    ]
    weights = [tf.Variable(w) for w in init]
    meta = keras.optimizers.Adam(0.01)
    meta.build(weights)

    def task_loss(task):
        xs, ys, xq, yq = task
        fast = [tf.convert_to_tensor(w) for w in weights]
        for _ in range(2):
            with tf.GradientTape() as inner:
                inner.watch(fast)
                support = tf.reduce_mean((forward(fast, xs) - ys) ** 2)
            fast = [w - 0.1 * g for w, g in zip(fast, inner.gradient(support, fast), strict=False)]
        return tf.reduce_mean((forward(fast if adapted else weights, xq) - yq) ** 2)

    @tf.function
    def step(xs, ys, xq, yq):
        with tf.GradientTape() as outer:
            loss = tf.add_n([task_loss((xs[k], ys[k], xq[k], yq[k])) for k in range(8)]) / 8
        meta.apply(outer.gradient(loss, weights), weights)
        return loss

    return {"step": step, "variables": weights, "data": TASKS, "optimizer": meta}


def healthy():
    return maml(True)


def sick():
    return maml(False)


def plain(arguments, steps):
    return [
        float(arguments["step"](*map(tf.constant, arguments["data"][i % 60]))) for i in range(steps)
    ]
