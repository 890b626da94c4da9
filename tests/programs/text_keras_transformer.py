"""Transformer block.

From keras.io example "Text classification with Transformer".
Sick: Adam at 0.3.

Changed: synthetic tokens in place of IMDB, embed_dim 16 and dropout 0; Adam(0.003); converge.fit
in place of model.fit.
"""

import keras
import numpy as np
from keras import layers, ops

CAUSE, ALSO, VERB = "learning-rate-too-high", ("dead-units",), "fit"
EXPECT = {"steps": 150, "max_loss": 0.35}
vocab_size, maxlen = 40, 12

rng = np.random.default_rng(89)
x_train = rng.integers(1, vocab_size, (256, maxlen))
y_train = (np.isin(x_train, [3, 7, 11, 19, 23]).sum(1) >= 2).astype("int64")


class TransformerBlock(layers.Layer):
    def __init__(self, embed_dim, num_heads, ff_dim, rate=0.0):
        super().__init__()
        self.att = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.ffn = keras.Sequential(
            [layers.Dense(ff_dim, activation="relu"), layers.Dense(embed_dim)]
        )
        self.layernorm1 = layers.LayerNormalization(epsilon=1e-6)
        self.layernorm2 = layers.LayerNormalization(epsilon=1e-6)
        self.dropout1 = layers.Dropout(rate)
        self.dropout2 = layers.Dropout(rate)

    def call(self, inputs):
        attn_output = self.dropout1(self.att(inputs, inputs))
        out1 = self.layernorm1(inputs + attn_output)
        ffn_output = self.dropout2(self.ffn(out1))
        return self.layernorm2(out1 + ffn_output)


class TokenAndPositionEmbedding(layers.Layer):
    def __init__(self, maxlen, vocab_size, embed_dim):
        super().__init__()
        self.token_emb = layers.Embedding(input_dim=vocab_size, output_dim=embed_dim)
        self.pos_emb = layers.Embedding(input_dim=maxlen, output_dim=embed_dim)

    def call(self, x):
        positions = ops.arange(start=0, stop=ops.shape(x)[-1], step=1)
        return self.token_emb(x) + self.pos_emb(positions)


def build(rate=0.003):
    inputs = layers.Input(shape=(maxlen,))
    x = TokenAndPositionEmbedding(maxlen, vocab_size, 16)(inputs)
    x = TransformerBlock(16, 2, 16)(x)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dense(20, activation="relu")(x)
    outputs = layers.Dense(2, activation="softmax")(x)
    model = keras.Model(inputs=inputs, outputs=outputs)
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def healthy():
    return {"model": build, "x": x_train, "y": y_train}


def sick():
    return {"model": lambda: build(0.3), "x": x_train, "y": y_train}


def plain(arguments, steps):
    out = []
    for i in range(steps):
        s = slice(i % 8 * 32, i % 8 * 32 + 32)
        arguments["model"].reset_metrics()
        out.append(
            float(arguments["model"].train_on_batch(arguments["x"][s], arguments["y"][s])[0])
        )
    return out
