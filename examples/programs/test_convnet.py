"""The first convolutional network of many.

From keras.io, "Simple MNIST convnet" (https://keras.io/examples/vision/mnist_convnet/), with the
digits of scikit-learn, doubled in size, in place of MNIST's; lines that differ otherwise end in
`# changed:`.
"""

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

# Model / data parameters
num_classes = 10
input_shape = (16, 16, 1)

x_train, y_train = load_digits(return_X_y=True)
x_train = np.kron(x_train.reshape(-1, 8, 8), np.ones((2, 2)))

# Scale images to the [0, 1] range
x_train = x_train.astype("float32") / 16
# Make sure images have shape (16, 16, 1)
x_train = np.expand_dims(x_train, -1)

# convert class vectors to binary class matrices
y_train = keras.utils.to_categorical(y_train, num_classes)


def test_convnet(converge):
    model = keras.Sequential(
        [
            keras.Input(shape=input_shape),
            layers.Conv2D(32, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Conv2D(64, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(num_classes, activation="softmax"),
        ]
    )

    batch_size = 128
    epochs = 15

    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])

    converge.fit(  # changed: model.fit
        model,
        x_train,
        y_train,
        batch_size=batch_size,
        epochs=epochs,
        validation_split=0.1,
        metrics={"val_accuracy": (0.9, None)},
    )
