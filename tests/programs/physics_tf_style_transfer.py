"""Optimising an image.

From tensorflow.org tutorial "Neural style transfer" (StyleContentModel, gram matrices, clip_0_1).
Sick: Adam at 2e-5 in place of 0.02.

Changed: two random convolutions in place of VGG19; 16x16 images; the loop over steps is
converge.step, epsilon=1e-4.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "learning-rate-too-low", ("too-few-steps",), "step"
EXPECT = {"steps": 150, "max_loss": 0.35}

rng = np.random.default_rng(227)
content_image = tf.constant(rng.uniform(0.3, 0.7, (1, 16, 16, 3)).astype("float32"))
style_image = tf.constant(
    (np.indices((16, 16)).sum(0) % 4 < 2)[None, ..., None].astype("float32").repeat(3, -1)
)
k1 = tf.constant(rng.normal(0, 0.3, (3, 3, 3, 8)).astype("float32"))
k2 = tf.constant(rng.normal(0, 0.2, (3, 3, 8, 8)).astype("float32"))


def extractor(image):
    a = tf.nn.relu(tf.nn.conv2d(image - 0.5, k1, 1, "SAME"))
    b = tf.nn.relu(tf.nn.conv2d(a, k2, 2, "SAME"))
    return a, b


def gram_matrix(input_tensor):
    result = tf.linalg.einsum("bijc,bijd->bcd", input_tensor, input_tensor)
    num_locations = tf.cast(tf.shape(input_tensor)[1] * tf.shape(input_tensor)[2], tf.float32)
    return result / num_locations


style_targets = [gram_matrix(f) for f in extractor(style_image)]
content_target = extractor(content_image)[1]
style_weight, content_weight = 1.0, 1e-3
scale = sum(
    float(tf.reduce_sum((gram_matrix(f) - s) ** 2))
    for f, s in zip(extractor(content_image), style_targets, strict=False)
)


def clip_0_1(image):
    return tf.clip_by_value(image, clip_value_min=0.0, clip_value_max=1.0)


def setup(rate):
    image = tf.Variable(content_image)
    opt = keras.optimizers.Adam(learning_rate=rate, beta_1=0.99, epsilon=1e-4)
    opt.build([image])

    @tf.function
    def train_step():
        with tf.GradientTape() as tape:
            outputs = extractor(image)
            style = (
                tf.add_n(
                    [
                        tf.reduce_sum((gram_matrix(f) - s) ** 2)
                        for f, s in zip(outputs, style_targets, strict=False)
                    ]
                )
                / scale
            )
            content = tf.reduce_mean((outputs[1] - content_target) ** 2)
            loss = style_weight * style + content_weight * content
        grad = tape.gradient(loss, image)
        opt.apply_gradients([(grad, image)])
        image.assign(clip_0_1(image))
        return loss

    return {"step": train_step, "variables": [image], "optimizer": opt}


def healthy():
    return setup(0.02)


def sick():
    return setup(2e-5)


def plain(arguments, steps):
    return [float(arguments["step"]()) for _ in range(steps)]
