"""How far equivalent and broken pipelines lie from the z-scored reference of `compare`.

    python -m benchmarks.pipeline_comparison [--starts 20]

Wine and breast cancer under SGD and Adam. For each preparation of the features: the factor of a
single start (smallest, median, largest), and that which three starts agree on, over all runs of
three neighbouring starts. The last is what the tolerance is compared with.
"""

from __future__ import annotations

import argparse
import os
import statistics
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import sklearn.datasets
from sklearn import preprocessing

from pytest_converge.core.calls import FitCall
from pytest_converge.core.expectation import Expectation
from pytest_converge.features.comparison.column_exchange import (
    FeatureReruns,
    read_features,
    z_scored,
)
from pytest_converge.features.comparison.judgement import Reference
from pytest_converge.training.adapters.build import build_training
from pytest_converge.training.loop.run import TrainingRun

STEPS, AGREE = 100, 3
OPTIMIZERS = {
    "SGD": lambda: keras.optimizers.SGD(0.1),
    "Adam": lambda: keras.optimizers.Adam(0.01),
}


def sound(x):
    """Preparations that nobody would call broken."""
    normal = preprocessing.QuantileTransformer(output_distribution="normal", n_quantiles=100)
    uniform = preprocessing.QuantileTransformer(n_quantiles=100).fit_transform(x)
    yield "standardised", preprocessing.StandardScaler().fit_transform(x)
    yield "quantiles, normal", normal.fit_transform(x)
    yield "quantiles, uniform", (uniform - 0.5) * np.sqrt(12)
    yield "power", preprocessing.PowerTransformer().fit_transform(x)
    yield "robust", preprocessing.RobustScaler().fit_transform(x)


def slow(x):
    """Preparations that train, slower."""
    yield "-1 to 1", preprocessing.MinMaxScaler((-1, 1)).fit_transform(x)
    yield "0 to 1", preprocessing.MinMaxScaler().fit_transform(x)


def broken(x):
    """Preparations with a fault."""
    z = preprocessing.StandardScaler().fit_transform(x)
    for name, columns, factor, offset in (
        ("one column x 1000", [3], 1000.0, 0.0),
        ("one column x 30", [3], 30.0, 0.0),
        ("three columns + 30", [1, 4, 6], 1.0, 30.0),
        ("all / 100", list(range(z.shape[1])), 0.01, 0.0),
    ):
        changed = z.copy()
        changed[:, columns] = changed[:, columns] * factor + offset
        yield name, changed
    yield "raw", x
    yield "rows shuffled", np.random.default_rng(0).permutation(z)


def reruns_of(x, y, outputs, loss, optimizer):
    activation = "sigmoid" if outputs == 1 else "softmax"

    def build():
        hidden = keras.layers.Dense(16, "relu")
        output = keras.layers.Dense(outputs, activation)
        model = keras.Sequential([keras.Input((x.shape[1],)), hidden, output])
        model.compile(optimizer(), loss, jit_compile=False)
        return model

    reference = z_scored(read_features("raw", x), "z-scored")
    call = FitCall(model=build, x=reference.array, y=y)
    keras.utils.set_random_seed(0)
    training = build_training(call, Expectation(steps=STEPS, seed=0), 0, lambda *_: None)
    running = TrainingRun(training, STEPS, lambda *_: None)
    return FeatureReruns(running, 0, lambda *_: None), reference


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=20)
    starts = parser.parse_args().starts
    warnings.filterwarnings("ignore", category=UserWarning)
    print(f"{'data':<8}{'under':<6}{'features':<22}{'single start':^24}{'three agree':^16}")
    for name, load, outputs, loss in (
        ("wine", sklearn.datasets.load_wine, 3, "sparse_categorical_crossentropy"),
        ("cancer", sklearn.datasets.load_breast_cancer, 1, "binary_crossentropy"),
    ):
        x, y = load(return_X_y=True)
        for under, optimizer in OPTIMIZERS.items():
            reruns, reference = reruns_of(x, y, outputs, loss, optimizer)
            against = Reference(reruns.records(reference, starts), None)
            for kind in (sound, slow, broken):
                for label, array in kind(x):
                    features = read_features(label, array)
                    factors = against.run(features, reruns.records(features, starts)).factors
                    agreed = [min(factors[i : i + AGREE]) for i in range(starts - AGREE + 1)]
                    single = min(factors), statistics.median(factors), max(factors)
                    print(
                        f"{name:<8}{under:<6}{label:<22}"
                        + "".join(
                            f"{value:>8.2f}" for value in (*single, min(agreed), max(agreed))
                        ),
                        flush=True,
                    )


if __name__ == "__main__":
    main()
