"""Text with strings and TextVectorization.

From keras.io example "Text classification from scratch".
Sick: the layer was adapted to the file names, not to the texts, and every word is out of
vocabulary.

Changed: a few made-up reviews in place of IMDB, a smaller network, Adam(0.01); converge.fit in
place of model.fit.
"""

import re
import string

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from keras.layers import TextVectorization

CAUSE, ALSO, VERB = "unknown", ("unreachable-target", "labels-unrelated"), "fit"
EXPECT = {"steps": 150, "max_loss": 0.3}

good, bad = (
    ["great", "wonderful", "superb", "moving", "clever"],
    ["dull", "awful", "boring", "clumsy", "weak"],
)
filler = [
    "the",
    "film",
    "was",
    "a",
    "story",
    "of",
    "two",
    "friends<br",
    "/>and",
    "Their",
    "long,",
    "trip",
    "home",
]
rng = np.random.default_rng(79)
texts, sentiment, files = [], [], []
for i in range(256):
    label = int(rng.integers(2))
    words = list(rng.choice(filler, 9)) + list(rng.choice([bad, good][label], 2))
    rng.shuffle(words)
    texts.append(" ".join(words))
    sentiment.append(label)
    files.append(f"aclImdb/train/{i:05d}.txt")
sentiment = np.array(sentiment, "float32")


def custom_standardization(input_data):
    lowercase = tf.strings.lower(input_data)
    stripped_html = tf.strings.regex_replace(lowercase, "<br />", " ")
    return tf.strings.regex_replace(stripped_html, f"[{re.escape(string.punctuation)}]", "")


def vectorized(adapt_to):
    vectorize_layer = TextVectorization(
        standardize=custom_standardization,
        max_tokens=100,
        output_mode="int",
        output_sequence_length=14,
    )
    vectorize_layer.adapt(tf.data.Dataset.from_tensor_slices(adapt_to).batch(64))
    raw_train_ds = tf.data.Dataset.from_tensor_slices((texts, sentiment)).batch(32)
    return (
        raw_train_ds.map(lambda text, label: (vectorize_layer(tf.expand_dims(text, -1)), label))
        .cache()
        .prefetch(buffer_size=10)
    )


def build():
    inputs = keras.Input(shape=(None,), dtype="int64")
    x = layers.Embedding(100, 8)(inputs)
    x = layers.Conv1D(12, 3, padding="valid", activation="relu", strides=1)(x)
    x = layers.GlobalMaxPooling1D()(x)
    x = layers.Dense(12, activation="relu")(x)
    predictions = layers.Dense(1, activation="sigmoid", name="predictions")(x)
    model = keras.Model(inputs, predictions)
    model.compile(
        loss="binary_crossentropy", optimizer=keras.optimizers.Adam(0.01), metrics=["accuracy"]
    )
    return model


def healthy():
    return {"model": build, "x": vectorized(texts)}


def sick():
    return {"model": build, "x": vectorized(files)}


def plain(arguments, steps):
    out = []
    for x, y in arguments["x"].repeat().take(steps):
        arguments["model"].reset_metrics()
        out.append(arguments["model"].train_on_batch(x, y, return_dict=True)["loss"])
    return out
