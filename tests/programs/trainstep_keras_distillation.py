"""Own compute_loss.

From keras.io example "Knowledge Distillation".
Sick: the student ends in a softmax, and its loss expects logits.

Changed: dense networks on synthetic rows in place of MNIST; Adam(0.01) stated; the teacher's
weights are computed in place of trained.
"""

import keras
import numpy as np
from keras import layers, ops

CAUSE, ALSO, VERB = "output-loss-mismatch", (), "fit"
EXPECT = {"steps": 250, "max_loss": 0.25}

rng = np.random.default_rng(17)
truth = rng.normal(0, 1.5, (8, 4)).astype("float32")
x_train = rng.normal(size=(384, 8)).astype("float32")
y_train = np.argmax(x_train @ truth, 1)


class Distiller(keras.Model):
    def __init__(self, student, teacher):
        super().__init__()
        self.teacher = teacher
        self.student = student

    def compile(
        self, optimizer, metrics, student_loss_fn, distillation_loss_fn, alpha=0.1, temperature=3
    ):
        super().compile(optimizer=optimizer, metrics=metrics)
        self.student_loss_fn = student_loss_fn
        self.distillation_loss_fn = distillation_loss_fn
        self.alpha = alpha
        self.temperature = temperature

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, allow_empty=False, training=True
    ):
        teacher_pred = self.teacher(x, training=False)
        student_loss = self.student_loss_fn(y, y_pred)
        distillation_loss = self.distillation_loss_fn(
            ops.softmax(teacher_pred / self.temperature, axis=1),
            ops.softmax(y_pred / self.temperature, axis=1),
        ) * (self.temperature**2)
        return self.alpha * student_loss + (1 - self.alpha) * distillation_loss

    def call(self, x):
        return self.student(x)


def build(student_activation=None):
    teacher = keras.Sequential([keras.Input((8,)), layers.Dense(4, use_bias=False)], name="teacher")
    teacher.set_weights([truth])
    teacher.trainable = False
    student = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(16),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Dense(4),
        ],
        name="student",
    )
    if student_activation:
        student.add(layers.Activation(student_activation))
    distiller = Distiller(student=student, teacher=teacher)
    distiller.compile(
        optimizer=keras.optimizers.Adam(0.01),
        metrics=[keras.metrics.SparseCategoricalAccuracy()],
        student_loss_fn=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        distillation_loss_fn=keras.losses.KLDivergence(),
        alpha=0.1,
        temperature=3,
    )
    distiller.build((None, 8))
    return distiller


def healthy():
    return {"model": build, "x": x_train, "y": y_train}


def sick():
    return {"model": lambda: build("softmax"), "x": x_train, "y": y_train}


def plain(arguments, steps):
    d, losses = arguments["model"], []
    for i in range(steps):
        s = slice(i % 12 * 32, i % 12 * 32 + 32)
        d.reset_metrics()
        losses.append(
            float(d.train_on_batch(arguments["x"][s], arguments["y"][s], return_dict=True)["loss"])
        )
    return losses
