"""A frozen backbone under a new head, and then all of it at a low rate.

From keras.io, "Transfer learning & fine-tuning" (https://keras.io/guides/transfer_learning/), with
handwritten digits and a base trained on five of them in place of cats, dogs and Xception; lines
that differ otherwise end in `# changed:`.
"""

import keras
import numpy as np
from sklearn.datasets import load_digits

digits, kinds = load_digits(return_X_y=True)
digits = (digits / 16).reshape(-1, 8, 8, 1).astype("float32")
old, new = kinds < 5, np.isin(kinds, (7, 8))
x_train, y_train = digits[new], (kinds[new] == 8).astype("float32")


def pretrained():
    base = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(64, 3, activation="relu"),
        ]
    )
    top = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(5, activation="softmax")]
    classifier = keras.Sequential([base, *top])
    classifier.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    classifier.fit(digits[old], kinds[old], epochs=5, verbose=0)
    return base


def test_fine_tuning(converge):
    base_model = pretrained()

    # Freeze the base_model
    base_model.trainable = False

    # Create new model on top
    inputs = keras.Input(shape=(8, 8, 1))
    # The base model contains batchnorm layers. We want to keep them in inference mode
    # when we unfreeze the base model for fine-tuning, so we make sure that the
    # base_model is running in inference mode here.
    x = base_model(inputs, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.2)(x)  # Regularize with dropout
    outputs = keras.layers.Dense(1)(x)
    model = keras.Model(inputs, outputs)

    model.compile(
        optimizer=keras.optimizers.Adam(0.01),  # changed: Adam()
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy()],
    )
    converge.fit(model, x_train, y_train, epochs=20, max_loss=0.35)  # changed: model.fit

    # Unfreeze the base_model. Note that it keeps running in inference mode
    # since we passed `training=False` when calling it.
    base_model.trainable = True
    model.compile(
        optimizer=keras.optimizers.Adam(1e-5),  # Low learning rate
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy()],
    )
    converge.fit(model, x_train, y_train, epochs=10, max_loss=0.35)  # changed: model.fit
