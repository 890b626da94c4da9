"""CNN.

From keras.io example "Simple MNIST convnet".
Sick: x_train.astype("float32") / 255 was left out.

Changed: synthetic 10x10 shapes in place of MNIST and fewer filters, no dropout; SGD with momentum
in place of adam; converge.fit in place of model.fit.
"""

import keras
import numpy as np
from keras import layers

CAUSE, ALSO, VERB = "unscaled-features", ("learning-rate-too-high", "dead-units"), "fit"
EXPECT = {"steps": 150, "max_loss": 0.3}

num_classes, input_shape = 4, (10, 10, 1)
rng = np.random.default_rng(149)
y = rng.integers(0, num_classes, 256)
x_bytes = rng.integers(0, 90, (256, 10, 10)).astype("uint8")
for k in range(256):
    c = rng.integers(2, 8)
    if y[k] in (0, 2):
        x_bytes[k, c, :] = 230
    if y[k] in (1, 2):
        x_bytes[k, :, c] = 230
x_train = np.expand_dims(x_bytes.astype("float32") / 255, -1)
x_forgot = np.expand_dims(x_bytes.astype("float32"), -1)
y_train = keras.utils.to_categorical(y, num_classes)


def build():
    model = keras.Sequential(
        [
            keras.Input(shape=input_shape),
            layers.Conv2D(8, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Flatten(),
            layers.Dense(num_classes, activation="softmax"),
        ]
    )
    model.compile(
        loss="categorical_crossentropy",
        optimizer=keras.optimizers.SGD(0.1, momentum=0.9),
        metrics=["accuracy"],
    )
    return model


def healthy():
    return {"model": build, "x": x_train, "y": y_train}


def sick():
    return {"model": build, "x": x_forgot, "y": y_train}


def plain(arguments, steps):
    model, out = arguments["model"], []
    for i in range(steps):
        k = i % 8 * 32
        model.reset_metrics()
        out.append(
            float(model.train_on_batch(arguments["x"][k : k + 32], arguments["y"][k : k + 32])[0])
        )
    return out
