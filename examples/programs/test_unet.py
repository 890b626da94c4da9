"""A U-Net that marks the pixels of discs, with the skip connections that give it its name."""

import keras
import numpy as np
import pytest
from keras import layers

SIZE = 16
rng = np.random.default_rng(0)
ROWS, COLUMNS = np.indices((SIZE, SIZE))
centre = rng.uniform(4, 12, (96, 2, 1, 1))
masks = (np.hypot(ROWS - centre[:, 0], COLUMNS - centre[:, 1]) < 3.5).astype("float32")[..., None]
images = (masks + rng.normal(0, 0.4, masks.shape)).astype("float32")


def convolved(x, filters):
    for _ in range(2):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    return x


def unet():
    inputs = keras.Input((SIZE, SIZE, 1))
    fine = convolved(inputs, 8)
    coarse = convolved(layers.MaxPooling2D()(fine), 16)
    up = layers.Conv2DTranspose(8, 2, strides=2)(coarse)
    merged = convolved(layers.concatenate([up, fine]), 8)
    outputs = layers.Conv2D(1, 1, activation="sigmoid")(merged)
    model = keras.Model(inputs, outputs)
    overlap = keras.metrics.BinaryIoU(name="iou")
    model.compile(keras.optimizers.Adam(0.005), "binary_crossentropy", metrics=[overlap])
    return model


@pytest.mark.converges(steps=120, max_loss=0.12, metrics={"iou": (0.8, None)})
def test_unet(converge):
    converge.fit(unet, images, masks, batch_size=16)
