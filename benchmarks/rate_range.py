"""The range of learning rates against a brute-force scan with plain Keras, and what it costs.

    python -m benchmarks.rate_range edges [--only NAME] [--ratio 1.2]
    python -m benchmarks.rate_range divergence
    python -m benchmarks.rate_range cost [--repeats 5]

`edges`: eight models under SGD, momentum and Adam. The scan trains by `train_on_batch` on the same
start and the same batches at every rate of a grid, and asks whether the final loss reaches the
target. `divergence`: quadratics of known curvature. `cost`: CPU time of the whole range in units of
one training after the import, a fresh model each time.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import math
import os
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import sklearn.datasets
import tensorflow as tf

from pytest_converge import runner
from pytest_converge.core.calls import FitCall, MinimizeCall
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.rate_range import RateRange
from pytest_converge.learning_rate.study import range_of_rates
from pytest_converge.training.data.batch_order import BatchOrder
from pytest_converge.training.state.seeding import seed_everything

SEED, BATCH = 0, 32
SPARSE = "sparse_categorical_crossentropy"
OPTIMIZERS = {
    "SGD": keras.optimizers.SGD,
    "momentum": lambda rate: keras.optimizers.SGD(rate, momentum=0.9),
    "Adam": keras.optimizers.Adam,
}
OWN = {"SGD": 0.1, "momentum": 0.02, "Adam": 0.01}
#: Decades on both sides of the user's rate that are scanned.
SCANNED = 3
layers = keras.layers


class NoHooks:
    """A hook relay to which nobody listens."""

    def pytest_converge_adapt(self, **_):
        return None

    def pytest_converge_check(self, **_):
        return []


@dataclasses.dataclass(frozen=True)
class Subject:
    """A model, its data, and the loss that counts as trained."""

    name: str
    layers: Callable[[], list]
    x: np.ndarray
    y: np.ndarray
    loss: str
    max_loss: float
    steps: int

    def builder(self, optimizer):
        def build():
            model = keras.Sequential([keras.Input(self.x.shape[1:]), *self.layers()])
            model.compile(OPTIMIZERS[optimizer](OWN[optimizer]), self.loss, jit_compile=False)
            return model

        return build


def standardised(x):
    return ((x - x.mean(axis=0)) / (x.std(axis=0) + 1e-9)).astype("float32")


def subjects() -> list[Subject]:
    load = sklearn.datasets
    rng = np.random.default_rng(0)
    wine, cancer = load.load_wine(return_X_y=True), load.load_breast_cancer(return_X_y=True)
    digits, diabetes = load.load_digits(return_X_y=True), load.load_diabetes(return_X_y=True)
    images, kinds = (digits[0][:600] / 16).reshape(-1, 8, 8, 1).astype("float32"), digits[1][:600]
    series = rng.normal(size=(256, 12, 3)).astype("float32")
    tokens = rng.integers(0, 50, (256, 10))
    sums = (series[:, :, 0].sum(axis=1) > 0).astype("int64")
    many = ((tokens < 25).sum(axis=1) > 5).astype("int64")
    target = standardised(diabetes[1][:, None])

    def dense(units, kind, outputs, last):
        return lambda: [layers.Dense(units, kind), layers.Dense(outputs, last)]

    def cnn():
        first = [layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D()]
        return [*first, layers.Flatten(), layers.Dense(10, "softmax")]

    def normalised():
        first = [layers.Flatten(), layers.Dense(32), layers.BatchNormalization()]
        return [*first, layers.ReLU(), layers.Dense(10, "softmax")]

    def embedded():
        first = [layers.Embedding(50, 8), layers.GlobalAveragePooling1D()]
        return [*first, layers.Dense(2, "softmax")]

    def linear(units, last):
        return lambda: [layers.Dense(units, last)]

    wine_x, cancer_x = standardised(wine[0]), standardised(cancer[0])
    binary = "binary_crossentropy"
    return [
        Subject("wine linear", linear(3, "softmax"), wine_x, wine[1], SPARSE, 0.2, 100),
        Subject("wine MLP", dense(16, "relu", 3, "softmax"), wine_x, wine[1], SPARSE, 0.15, 150),
        Subject("cancer logistic", linear(1, "sigmoid"), cancer_x, cancer[1], binary, 0.15, 100),
        Subject(
            "diabetes MLP",
            dense(32, "tanh", 1, None),
            standardised(diabetes[0]),
            target,
            "mse",
            0.55,
            150,
        ),
        Subject("digits CNN", cnn, images, kinds, SPARSE, 0.8, 150),
        Subject("digits BatchNorm", normalised, images, kinds, SPARSE, 0.3, 150),
        Subject(
            "sums GRU",
            lambda: [layers.GRU(8), layers.Dense(2, "softmax")],
            series,
            sums,
            SPARSE,
            0.45,
            150,
        ),
        Subject("tokens embedding", embedded, tokens, many, SPARSE, 0.4, 150),
    ]


def context(**expectation):
    return runner.Context(
        test="benchmark",
        number=1,
        expectation=Expectation(seed=SEED, monotone="off", **expectation),
        hooks=NoHooks(),
        progress=lambda *_: None,
    )


def call_of(build, x, y, batch_size=BATCH):
    return FitCall(model=build, x=x, y=y, batch_size=batch_size)


def the_range(subject: Subject, optimizer: str) -> RateRange:
    expected = context(max_loss=subject.max_loss, steps=subject.steps)
    given = call_of(subject.builder(optimizer), subject.x, subject.y)
    return range_of_rates(expected, given)


def scan(subject: Subject, optimizer: str, ratio: float) -> list[tuple[float, float]]:
    """(rate, final loss) at every rate of a grid, by plain Keras."""
    seed_everything(SEED)
    model = subject.builder(optimizer)()
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    start = [variable.numpy() for variable in variables]
    rows = len(subject.x)
    order, offsets = BatchOrder.of_epochs(rows, BATCH, steps=subject.steps, seed=SEED).whole()
    batches = [order[a:b] for a, b in itertools.pairwise(offsets)]
    count = math.ceil(SCANNED * math.log(10) / math.log(ratio))
    found = []
    for rate in (OWN[optimizer] * ratio**i for i in range(-count, count + 1)):
        for variable, value in zip(variables, start, strict=True):
            variable.assign(value)
        model.optimizer.learning_rate.assign(rate)
        for batch in batches:
            loss = model.train_on_batch(subject.x[batch], subject.y[batch])
            if not np.isfinite(loss):
                break
        found.append((rate, final_loss(model, subject)))
    return found


def final_loss(model, subject: Subject) -> float:
    predicted = model(subject.x[:1024], training=True)
    return float(model.compute_loss(None, tf.convert_to_tensor(subject.y[:1024]), predicted))


def stretch(passing: list[bool], scanned, own) -> tuple[float, float] | None:
    """The connected stretch of passing rates around the own one, else around the lowest loss."""
    if not any(passing):
        return None
    middle = min(range(len(scanned)), key=lambda i: abs(math.log(scanned[i][0] / own)))
    if not passing[middle]:
        middle = min(range(len(scanned)), key=lambda i: (not passing[i], scanned[i][1]))
    first = last = middle
    while first and passing[first - 1]:
        first -= 1
    while last + 1 < len(scanned) and passing[last + 1]:
        last += 1
    return scanned[first][0], scanned[last][0]


def bridged(passing: list[bool]) -> list[bool]:
    """A lone rate that fails between two that pass counts as passing: luck, not an edge."""
    last = len(passing) - 1
    return [
        here or (0 < i < last and passing[i - 1] and passing[i + 1])
        for i, here in enumerate(passing)
    ]


def off(found: RateRange, truth, own: float) -> list[float]:
    """By what factor each edge is off; what the scan does not reach, it cannot contradict."""
    if not truth or not found.bracket:
        return [math.nan, math.nan]
    ends = own * 10.0**-SCANNED, own * 10.0**SCANNED
    clipped = [min(max(rate, ends[0]), ends[1]) for rate in found.bracket]
    return [max(a / b, b / a) for a, b in zip(clipped, truth, strict=True)]


def edges(only: str | None, ratio: float) -> None:
    print(
        f"edges by the range and by a scan in steps of {ratio:g}; off is the ratio of the two, at"
    )
    print("last with lone failing rates of the scan bridged")
    print(
        f"{'model':<18}{'optimizer':<10}{'range':>20}{'scan':>20}{'off':>12}{'bridged':>12}{'trained':>9}"
    )
    worst, gapless = [], []
    for subject in subjects():
        for optimizer in OPTIMIZERS:
            if only and only not in subject.name:
                continue
            own, found = OWN[optimizer], the_range(subject, optimizer)
            scanned = scan(subject, optimizer, ratio)
            passing = [loss <= subject.max_loss for _, loss in scanned]
            truth = stretch(passing, scanned, own)
            offs = off(found, truth, own)
            without_gaps = off(found, stretch(bridged(passing), scanned, own), own)
            worst += [(value, subject.name, optimizer) for value in offs]
            gapless += without_gaps
            trained = sum(point.steps for point in found.points) / subject.steps
            print(
                f"{subject.name:<18}{optimizer:<10}{span(found.bracket):>20}{span(truth):>20}"
                + "".join(f"{value:>6.2f}" for value in (*offs, *without_gaps))
                + f"{trained:>9.1f}",
                flush=True,
            )
    within = sum(value <= 1.5 for value, _, _ in worst)
    print(f"{within} of {len(worst)} edges within a factor 1.5; the worst:", *max(worst))
    print(f"{sum(value <= 1.5 for value in gapless)} with lone failing rates bridged")


def span(pair) -> str:
    return "none" if pair is None else f"{pair[0]:.3g} to {pair[1]:.3g}"


def divergence() -> None:
    print("rate from which on the loss of a quadratic ends above its start, against the theory")
    print(f"{'condition':>9}{'momentum':>9}{'way':>10}{'range':>10}{'theory':>10}{'off':>8}")
    for condition in (1.0, 10.0, 100.0, 1e4):
        for momentum in (0.0, 0.5, 0.9):
            for way, measure in (("minimize", by_minimize), ("fit", by_fit)):
                found, largest = measure(condition, momentum)
                theory = 2 * (1 + momentum) / largest
                got = found.divergence or math.nan
                print(
                    f"{condition:>9g}{momentum:>9g}{way:>10}{got:>10.4g}{theory:>10.4g}"
                    f"{got / theory - 1:>8.1%}",
                    flush=True,
                )


def by_minimize(condition: float, momentum: float) -> tuple[RateRange, float]:
    values = tf.constant(np.geomspace(3.0, 3.0 / condition, 5).astype("float32"))

    def build():
        w = tf.Variable(tf.ones(5))
        optimizer = keras.optimizers.SGD(0.05, momentum=momentum)
        return (lambda: 0.5 * tf.reduce_sum(values * w**2)), [w], optimizer

    return range_of_rates(context(steps=200), MinimizeCall(loss=build)), 3.0


def by_fit(condition: float, momentum: float) -> tuple[RateRange, float]:
    """Linear regression on all rows at once: the Hessian is 2 X'X / rows."""
    rng = np.random.default_rng(0)
    x = np.linalg.qr(rng.normal(size=(200, 5)))[0] * np.sqrt(200)
    x = (x * np.sqrt(np.geomspace(3.0, 3.0 / condition, 5))).astype("float32")
    y = x @ rng.normal(size=(5, 1)).astype("float32")

    def build():
        model = keras.Sequential([keras.Input((5,)), layers.Dense(1, use_bias=False)])
        model.compile(keras.optimizers.SGD(0.02, momentum=momentum), "mse", jit_compile=False)
        return model

    largest = float(np.linalg.eigvalsh(2 * x.T.astype("float64") @ x / len(x))[-1])
    given = call_of(build, x, y, batch_size=len(x))
    return range_of_rates(context(steps=200), given), largest


def cost(repeats: int) -> None:
    """In one process, alternately; CPU time, so that other programs count less."""
    rng = np.random.default_rng(0)
    digits = sklearn.datasets.load_digits(return_X_y=True)
    images = (digits[0] / 16).reshape(-1, 8, 8, 1).astype("float32")
    x = rng.normal(size=(1024, 20)).astype("float32")
    y = (x @ rng.normal(size=(20, 3))).argmax(axis=1)

    def mlp():
        hidden = [layers.Dense(64, "relu"), layers.Dense(64, "relu")]
        return [*hidden, layers.Dense(3, "softmax")]

    def cnn():
        first = [layers.Conv2D(16, 3, activation="relu"), layers.Conv2D(32, 3, activation="relu")]
        return [*first, layers.Flatten(), layers.Dense(10, "softmax")]

    chosen = [
        Subject("MLP", mlp, x, y, SPARSE, 0.3, 200),
        Subject("CNN", cnn, images, digits[1], SPARSE, 0.5, 200),
    ]
    print(
        f"{'model':<6}{'optimizer':<10}{'one':>8}{'range':>8}{'ratio':>7}  (CPU seconds, medians)"
    )
    for subject in chosen:
        for optimizer in OPTIMIZERS:
            pairs = [cost_of(subject, optimizer) for _ in range(repeats + 1)]
            single, many = (statistics.median(times[1:]) for times in zip(*pairs, strict=True))
            print(
                f"{subject.name:<6}{optimizer:<10}{single:>8.2f}{many:>8.2f}{many / single:>7.1f}",
                flush=True,
            )


def cost_of(subject: Subject, optimizer: str) -> tuple[float, float]:
    """CPU seconds of one training, and of the whole range."""
    given = call_of(subject.builder(optimizer), subject.x, subject.y)
    expected = context(max_loss=subject.max_loss, steps=subject.steps)
    began = time.process_time()
    runner.run(expected, given)
    between = time.process_time()
    the_range(subject, optimizer)
    return between - began, time.process_time() - between


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["edges", "divergence", "cost"])
    parser.add_argument("--only")
    parser.add_argument("--ratio", type=float, default=1.2)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    if options.what == "edges":
        edges(options.only, options.ratio)
    elif options.what == "divergence":
        divergence()
    else:
        cost(options.repeats)


if __name__ == "__main__":
    main()
