"""Random numbers that predictions are to be, and that are none of those in their inputs."""

from __future__ import annotations

import keras
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.measures.computation import computation
from tests.measured import left_alone
from tests.zoo.problems import linear, step
from tests.zoo.trainings import training_of


def normal(x):
    return tf.random.normal(tf.shape(x))


def denoising(loss_of, *, parts=(layers.Dense, 4), compiled=False):
    """A step whose loss is made of a network and a batch of four columns."""
    kind, width = parts
    network, optimizer = keras.Sequential([keras.Input((4,)), kind(width)]), optimizers.Adam(0.01)

    def train_step(x):
        with tf.GradientTape() as tape:
            loss = loss_of(network, x)
        variables = network.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    data = tf.data.Dataset.from_tensor_slices(linear(0)[0]).batch(16, drop_remainder=True).repeat()
    own = tf.function(train_step) if compiled else train_step
    return step(own, variables=network.trainable_variables, data=data, optimizer=optimizer)


def squares(difference):
    return tf.reduce_mean(tf.square(difference))


def twice(network, x):
    predicted = network(0.6 * x + 0.8 * normal(x))
    return squares(predicted - normal(x))


def target_first(network, x):
    noise = normal(x)
    return squares(noise - network(0.6 * x + 0.8 * normal(x)))


SEEDS = keras.random.SeedGenerator(0)


def seeded(network, x):
    predicted = network(0.6 * x + 0.8 * keras.random.normal(x.shape, seed=SEEDS))
    return squares(predicted - keras.random.normal(x.shape, seed=SEEDS))


def seen(loss_of, **options):
    training = training_of(denoising(loss_of, **options))
    with left_alone(training):
        return computation(training).noise


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("loss_of", [twice, target_first])
def test_noise_that_the_loss_draws_for_itself_is_seen(loss_of, compiled):
    found = seen(loss_of, compiled=compiled)
    assert (found.kind, found.shape) == ("RandomStandardNormal", (16, 4))
    assert (found.first, found.second, found.of) == (0, 1, 2)
    assert [place[0] for place in found.places] == [__file__] * 2


def test_noise_of_a_generator_of_keras_is_seen_as_well():
    assert seen(seeded).kind == "StatelessRandomNormalV2"


def test_each_drawing_is_told_by_its_number():
    def with_times(network, x):
        scaled = x * tf.random.normal((16, 1))
        return twice(network, scaled)

    found = seen(with_times)
    assert (found.first, found.second, found.of) == (1, 2, 3)


def drawn_once(network, x):
    noise = normal(x)
    return squares(network(0.6 * x + 0.8 * noise) - noise)


def two_copies(network, x):
    """A noisy copy is predicted from another one, as by noise to noise."""
    return squares(network(x + normal(x)) - (x + normal(x)))


def clean(network, x):
    return squares(network(x + normal(x)) - x)


def prior(network, x):
    """Samples of a prior are compared with all codes."""
    codes, samples = network(x + normal(x)), normal(x)
    return tf.reduce_mean(tf.exp(-squares(codes[:, None] - samples)))


def of_another_kind(network, x):
    return squares(network(x + tf.random.uniform(tf.shape(x))) - normal(x))


def noise_alone(network, x):
    """Nothing in the inputs is drawn: the mean of the noise is learnt."""
    return squares(network(x) - normal(x))


@pytest.mark.parametrize(
    "loss_of", [drawn_once, two_copies, clean, prior, of_another_kind, noise_alone]
)
def test_noise_that_can_be_told_or_is_compared_with_all_is_none(loss_of):
    assert seen(loss_of) is None
