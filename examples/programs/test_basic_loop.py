"""A loop without an optimizer: the step itself subtracts the gradient.

From tensorflow.org, "Basic training loops" (https://www.tensorflow.org/guide/basic_training_loops),
with 201 points in place of 1,000; lines that differ otherwise end in `# changed:`.
"""

import tensorflow as tf

# The actual line
TRUE_W = 3.0
TRUE_B = 2.0

NUM_EXAMPLES = 201

# A vector of random x values
x = tf.linspace(-2, 2, NUM_EXAMPLES)
x = tf.cast(x, tf.float32)


def f(x):
    return x * TRUE_W + TRUE_B


# Generate some noise
noise = tf.random.stateless_normal([NUM_EXAMPLES], seed=(1, 2))

# Calculate y
y = f(x) + noise


class MyModel(tf.Module):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        # Initialize the weights to `5.0` and the bias to `0.0`
        # In practice, these should be randomly initialized
        self.w = tf.Variable(5.0)
        self.b = tf.Variable(0.0)

    def __call__(self, x):
        return self.w * x + self.b


# This computes a single loss value for an entire batch
def loss(target_y, predicted_y):
    return tf.reduce_mean(tf.square(target_y - predicted_y))


# Given a callable model, inputs, outputs, and a learning rate...
def train(model, x, y, learning_rate):
    with tf.GradientTape() as t:
        # Trainable variables are automatically tracked by GradientTape
        current_loss = loss(y, model(x))

    # Use GradientTape to calculate the gradients with respect to W and b
    dw, db = t.gradient(current_loss, [model.w, model.b])

    # Subtract the gradient scaled by the learning rate
    model.w.assign_sub(learning_rate * dw)
    model.b.assign_sub(learning_rate * db)
    return current_loss  # changed: nothing was returned


def test_linear_model(converge):
    model = MyModel()
    converge.step(  # changed: the loop over epochs, and 10 of them
        lambda: train(model, x, y, learning_rate=0.1),
        variables=[model.w, model.b],
        steps=50,
        max_loss=1.3,  # the variance of the noise is 1
    )
