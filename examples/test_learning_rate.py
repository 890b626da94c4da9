"""Which learning rates work, how near the edge the own one is, and which scaling trains best."""

import keras
import pytest
import tensorflow as tf
from sklearn.datasets import load_wine
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from pytest_converge import LearningRateError, PreprocessingError

RAW, Y = load_wine(return_X_y=True)
X = StandardScaler().fit_transform(RAW)


def build(rate=0.1):
    model = keras.Sequential(
        [
            keras.Input((13,)),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy")
    return model


@pytest.mark.converges(max_loss=0.15, steps=200)
class TestWine:
    def test_the_rate_has_room_on_both_sides(self, learning_rate):
        found = learning_rate.range(lambda: build(0.2), X, Y)
        found.assert_within(margin=3)

    @pytest.mark.xfail(strict=True, raises=LearningRateError, reason="just below what diverges")
    def test_the_rate_is_near_the_edge(self, learning_rate):
        learning_rate.range(lambda: build(1.5), X, Y).assert_within(margin=3)

    def test_schedules_beside_constant_rates(self, learning_rate):
        schedules = keras.optimizers.schedules
        found = learning_rate.range(
            build,
            X,
            Y,
            schedules={
                "cosine": schedules.CosineDecay(0.5, 200),
                "exponential": schedules.ExponentialDecay(0.5, 100, 0.5),
            },
        )
        assert all(run.point.passed for run in found.schedules)


def test_gradient_descent_diverges_where_the_curvature_says(learning_rate):
    def parts():
        w = tf.Variable([1.0, 1.0])
        loss = lambda: tf.reduce_sum(tf.constant([4.0, 0.5]) * w**2)  # noqa: E731
        return loss, [w], keras.optimizers.SGD(0.05)

    found = learning_rate.range(parts, steps=200, max_loss=1e-3)
    assert found.stability_limit == pytest.approx(2 / 8, rel=1e-3)
    assert found.divergence == pytest.approx(2 / 8, rel=0.1)


@pytest.mark.converges(max_loss=0.1, steps=100)
class TestPipelines:
    def test_quantiles_are_as_good_as_z_scores(self, preprocessing):
        quantiles = QuantileTransformer(n_quantiles=100, output_distribution="normal")
        preprocessing.compare(build, {"raw": RAW, "ours": quantiles.fit_transform(RAW)}, Y)

    @pytest.mark.xfail(strict=True, raises=PreprocessingError, reason="proline was forgotten")
    def test_one_column_was_forgotten(self, preprocessing):
        ours = X.copy()
        ours[:, 12] = RAW[:, 12]
        preprocessing.compare(build, {"raw": RAW, "ours": ours}, Y)
