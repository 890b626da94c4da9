"""Text as strings: a vocabulary is adapted in the pipeline, and the model reads its numbers.

From keras.io, "Text classification from scratch"
(https://keras.io/examples/nlp/text_classification_from_scratch/), with made-up reviews in place of
IMDB's; lines that differ otherwise end in `# changed:`.
"""

import re
import string

import keras
import numpy as np
import tensorflow as tf
from keras import layers

max_features = 100
embedding_dim = 128
sequence_length = 40

GOOD, BAD = (
    ["great", "wonderful", "superb", "moving", "clever"],
    ["dull", "awful", "boring", "clumsy", "weak"],
)
FILLER = [
    "the",
    "film",
    "was",
    "a",
    "story",
    "of",
    "two",
    "friends<br",
    "/>",
    "and",
    "Their",
    "long,",
    "trip",
    "home",
]


def reviews():
    rng = np.random.default_rng(0)
    for _ in range(256):
        label = int(rng.integers(2))
        words = [*rng.choice(FILLER, 34), *rng.choice([BAD, GOOD][label], 6)]
        yield " ".join(rng.permutation(words)), label


texts, labels = zip(*reviews(), strict=True)
raw_train_ds = tf.data.Dataset.from_tensor_slices((list(texts), list(labels))).batch(32)


def custom_standardization(input_data):
    lowercase = tf.strings.lower(input_data)
    stripped_html = tf.strings.regex_replace(lowercase, "<br />", " ")
    return tf.strings.regex_replace(stripped_html, f"[{re.escape(string.punctuation)}]", "")


def test_text_from_scratch(converge):
    vectorize_layer = keras.layers.TextVectorization(
        standardize=custom_standardization,
        max_tokens=max_features,
        output_mode="int",
        output_sequence_length=sequence_length,
    )
    text_ds = raw_train_ds.map(lambda x, y: x)
    vectorize_layer.adapt(text_ds)

    def vectorize_text(text, label):
        text = tf.expand_dims(text, -1)
        return vectorize_layer(text), label

    train_ds = raw_train_ds.map(vectorize_text)
    train_ds = train_ds.cache().prefetch(buffer_size=10)

    # A integer input for vocab indices.
    inputs = keras.Input(shape=(None,), dtype="int64")

    # Next, we add a layer to map those vocab indices into a space of dimensionality
    # 'embedding_dim'.
    x = layers.Embedding(max_features, embedding_dim)(inputs)
    x = layers.Dropout(0.5)(x)

    # Conv1D + global max pooling
    x = layers.Conv1D(128, 7, padding="valid", activation="relu", strides=3)(x)
    x = layers.Conv1D(128, 7, padding="valid", activation="relu", strides=3)(x)
    x = layers.GlobalMaxPooling1D()(x)

    # We add a vanilla hidden layer:
    x = layers.Dense(128, activation="relu")(x)
    x = layers.Dropout(0.5)(x)

    # We project onto a single unit output layer, and squash it with a sigmoid:
    predictions = layers.Dense(1, activation="sigmoid", name="predictions")(x)

    model = keras.Model(inputs, predictions)

    # Compile the model with binary crossentropy loss and an adam optimizer.
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])

    epochs = 12  # changed: 3
    converge.fit(model, train_ds, epochs=epochs, max_loss=0.2)  # changed: model.fit
