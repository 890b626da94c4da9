"""A zoo of feature pipelines: sound ones, and broken ones with what is wrong with them.

Every entry draws its numbers anew from a seed. A broken one names the code and the columns that
must be found; nothing may be found in a sound one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

ROWS = 800


@dataclasses.dataclass(frozen=True)
class Case:
    """Arguments of `preprocessing.check`, and what it must find.

    Attributes:
        data, targets: what is checked.
        code: what must be found; empty for a sound pipeline.
        columns: the columns that must be named, all of them and no others.
        options: keyword arguments of the check.
    """

    data: Any
    targets: Any = None
    code: str = ""
    columns: tuple[str, ...] = ()
    options: dict[str, Any] = dataclasses.field(default_factory=dict)


SOUND: dict[str, Callable[[np.random.Generator], Case]] = {}
BROKEN: dict[str, Callable[[np.random.Generator], Case]] = {}


def sound(make):
    SOUND[make.__name__] = make
    return make


def broken(make):
    BROKEN[make.__name__] = make
    return make


def standardised(x):
    x = np.asarray(x, float)
    return (x - x.mean(axis=0)) / x.std(axis=0)


def normal(rng, width=5, rows=ROWS):
    """Standardised columns that are correlated, and classes that depend on them."""
    x = rng.normal(size=(rows, width)) @ rng.normal(size=(width, width))
    return standardised(x), (rng.normal(size=rows) + x[:, 0] / x[:, 0].std() > 0).astype(int)


def houses(rng, rows=ROWS):
    """Living area, bedrooms, property tax and year as they are, and prices."""
    area = rng.lognormal(7.4, 0.35, rows)
    bedrooms = np.clip(np.round(area / 650 + rng.normal(0, 0.8, rows)), 1, 7)
    tax = 1.4 * area + rng.normal(0, 300, rows)
    year = rng.integers(1900, 2021, rows).astype(float)
    price = 40 + 0.13 * area + 8 * bedrooms + rng.normal(0, 20, rows)
    return np.column_stack([area, bedrooms, tax, year]), price


def zipf(rng, size, vocabulary=5000):
    return np.minimum(rng.zipf(1.3, size), vocabulary - 1)


# --- sound ---------------------------------------------------------------------------------------


@sound
def standard_scaler(rng):
    x, y = normal(rng)
    return Case(x, y)


@sound
def standard_scaler_in_float32(rng):
    x, y = normal(rng)
    return Case(x.astype("float32"), y)


@sound
def standard_scaler_in_float16(rng):
    x, y = normal(rng)
    return Case(x.astype("float16"), y)


@sound
def min_max_scaler(rng):
    x, price = houses(rng)
    x = (x - x.min(axis=0)) / (x.max(axis=0) - x.min(axis=0))
    return Case(x, standardised(price))


@sound
def robust_scaler(rng):
    x, price = houses(rng)
    quartiles = np.quantile(x, [0.25, 0.75], axis=0)
    return Case((x - np.median(x, axis=0)) / (quartiles[1] - quartiles[0]), standardised(price))


@sound
def max_abs_scaler(rng):
    x, _ = houses(rng)
    return Case(x[:, :3] / np.abs(x[:, :3]).max(axis=0))


@sound
def quantile_uniform(rng):
    x, _ = houses(rng)
    return Case(x[:, [0, 2]].argsort(axis=0).argsort(axis=0) / len(x))


@sound
def quantile_normal(rng):
    from statistics import NormalDist

    x, _ = houses(rng)
    ranks = (x[:, [0, 2]].argsort(axis=0).argsort(axis=0) + 0.5) / len(x)
    return Case(np.vectorize(NormalDist().inv_cdf)(ranks))


@sound
def lognormal_money_logged(rng):
    return Case(standardised(np.log1p(rng.lognormal(10, 1.2, (ROWS, 3)))))


@sound
def lognormal_money_standardised(rng):
    return Case(standardised(rng.lognormal(10, 0.9, (ROWS, 3))))


@sound
def logarithms_as_they_are(rng):
    """Logarithms of areas, prices and incomes: means near 7 to 10, which networks bear."""
    area, income = np.log(rng.lognormal(1.5, 1.0, ROWS)), np.log1p(rng.lognormal(1.2, 0.8, ROWS))
    return Case(np.column_stack([area, income]))


@sound
def heavy_tails_standardised(rng):
    return Case(standardised(rng.standard_t(3, (ROWS, 4))))


@sound
def skewed_waiting_times(rng):
    return Case(standardised(rng.exponential(30.0, (ROWS, 3))))


@sound
def cyclic_time(rng):
    hour = rng.uniform(0, 24, ROWS) * 2 * np.pi / 24
    day = rng.integers(0, 7, ROWS) * 2 * np.pi / 7
    x = np.column_stack([np.sin(hour), np.cos(hour), np.sin(day), np.cos(day)])
    return Case(x, standardised(rng.normal(size=ROWS)))


@sound
def one_hot_beside_amounts(rng):
    x, y = normal(rng, 3)
    return Case(np.column_stack([x, np.eye(6)[rng.integers(0, 6, ROWS)]]), y)


@sound
def one_hot_of_rare_categories(rng):
    shares = np.array([0.6, 0.3, 0.08, 0.015, 0.005])
    return Case(np.eye(6)[rng.choice(5, ROWS, p=shares)])  # the sixth never occurs


@sound
def binary_flags(rng):
    shares = [0.5, 0.2, 0.03, 0.004]
    return Case((rng.random((ROWS, 4)) < shares).astype("float32"))


@sound
def rare_flags_standardised(rng):
    flags = rng.random((ROWS, 3)) < [0.5, 0.1, 0.01]
    return Case(standardised(flags))


@sound
def booleans(rng):
    return Case(rng.random((ROWS, 3)) < 0.4, rng.random(ROWS) < 0.5)


@sound
def token_ids(rng):
    return Case(zipf(rng, (ROWS, 40)), rng.integers(0, 2, ROWS))


@sound
def token_ids_with_mask(rng):
    """Two marks, words, padding: what a tokenizer for BERT gives."""
    lengths = rng.integers(5, 33, ROWS)
    place = np.arange(32)
    ids = 1000 + zipf(rng, (ROWS, 32), 28000)
    ids[:, 0] = 101
    ids[np.arange(ROWS), lengths - 1] = 102
    mask = (place < lengths[:, None]).astype("int32")
    ids = ids * mask
    data = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    return Case(data, rng.integers(0, 3, ROWS))


@sound
def padded_tokens(rng):
    lengths = rng.integers(1, 60, ROWS)
    return Case(zipf(rng, (ROWS, 60)) * (np.arange(60) < lengths[:, None]))


@sound
def users_and_films(rng):
    data = {
        "user": rng.integers(0, 3000, ROWS),
        "film": zipf(rng, ROWS, 2000),
        "stars": rng.integers(0, 5, ROWS),
    }
    return Case(data, standardised(rng.normal(size=ROWS)))


@sound
def ordinal_small_integers(rng):
    x = np.column_stack([rng.integers(1, 6, ROWS), rng.integers(0, 4, ROWS)]).astype(float)
    return Case(x, rng.integers(0, 2, ROWS))


@sound
def counts_of_words(rng):
    rates = rng.dirichlet(np.full(300, 0.3)) * 60
    return Case(rng.poisson(rates, (ROWS, 300)).astype("float32"), rng.integers(0, 4, ROWS))


@sound
def sparse_counts(rng):
    from scipy import sparse

    rates = rng.dirichlet(np.full(2000, 0.1)) * 50
    return Case(sparse.csr_matrix(rng.poisson(rates, (ROWS, 2000)).astype("float32")))


@sound
def tf_idf(rng):
    counts = rng.poisson(rng.dirichlet(np.full(400, 0.2)) * 40, (ROWS, 400)).astype(float)
    weights = counts * np.log((1 + ROWS) / (1 + (counts > 0).sum(axis=0)))
    return Case(weights / np.linalg.norm(weights, axis=1, keepdims=True))


@sound
def hashing_trick(rng):
    x = np.zeros((ROWS, 128), "float32")
    for _ in range(12):
        np.add.at(x, (np.arange(ROWS), zipf(rng, ROWS) * 7919 % 128), rng.choice([-1, 1], ROWS))
    return Case(x)


@sound
def sentence_embeddings(rng):
    x = rng.normal(size=(ROWS, 384)).astype("float32")
    return Case(x / np.linalg.norm(x, axis=1, keepdims=True), rng.integers(0, 5, ROWS))


@sound
def topic_shares(rng):
    return Case(rng.dirichlet(np.full(50, 0.8), ROWS))


@sound
def principal_components(rng):
    x = standardised(rng.normal(size=(ROWS, 8)) @ (rng.normal(size=(8, 8)) * np.logspace(0, -2, 8)))
    return Case(x @ np.linalg.svd(x, full_matrices=False)[2].T)


@sound
def polynomial_features(rng):
    x, y = normal(rng, 4)
    pairs = [x[:, i] * x[:, j] for i in range(4) for j in range(i, 4)]
    return Case(standardised(np.column_stack([x, *pairs])), y)


@sound
def target_encoded_categories(rng):
    rate = rng.beta(2, 5, 40)
    return Case(np.column_stack([rate[rng.integers(0, 40, ROWS)], rng.normal(size=ROWS)]))


@sound
def images_rescaled(rng):
    images = rng.integers(0, 256, (120, 16, 16, 3), dtype="uint8")
    return Case(images.astype("float32") / 255, rng.integers(0, 10, 120))


@sound
def images_from_minus_one_to_one(rng):
    images = rng.integers(0, 256, (120, 16, 16, 1)).astype("float32")
    return Case(images / 127.5 - 1)


@sound
def images_standardised(rng):
    images = rng.integers(0, 256, (120, 12, 12, 3)).astype("float32") / 255
    return Case((images - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225])


@sound
def image_bytes_before_rescaling(rng):
    """The model begins with `Rescaling(1 / 255)`, and the test says so."""
    images = rng.integers(0, 256, (120, 16, 16), dtype="uint8")
    return Case(images, rng.integers(0, 10, 120), options={"image_range": (0, 255)})


@sound
def sequences_of_sensors(rng):
    walks = rng.normal(size=(200, 50, 3)).cumsum(axis=1)
    return Case((walks - walks.mean()) / walks.std(), rng.integers(0, 4, 200))


@sound
def mixed_table(rng):
    import pandas as pd

    x, y = normal(rng, 2)
    frame = pd.DataFrame({"income": x[:, 0], "age": x[:, 1]})
    frame["member"] = rng.random(ROWS) < 0.3
    frame["city"] = pd.Categorical(rng.choice(["Bonn", "Kiel", "Ulm"], ROWS))
    frame["postcode"] = rng.choice(["01067", "53111", "24103"], ROWS)
    frame["rooms"] = rng.integers(1, 8, ROWS)
    return Case(frame, pd.Series(y, name="bought"))


@sound
def polars_table(rng):
    import polars as pl

    x, y = normal(rng, 3)
    frame = pl.DataFrame({name: x[:, i] for i, name in enumerate(("a", "b", "c"))})
    return Case(frame.with_columns(pl.Series("d", rng.integers(0, 9, ROWS))), pl.Series("y", y))


@sound
def classes_from_zero(rng):
    return Case(normal(rng)[0], rng.choice(4, ROWS, p=[0.4, 0.3, 0.2, 0.1]))


@sound
def labels_one_hot(rng):
    return Case(normal(rng)[0], np.eye(5)[rng.integers(0, 5, ROWS)].astype("float32"))


@sound
def labels_smoothed(rng):
    return Case(normal(rng)[0], np.eye(4)[rng.integers(0, 4, ROWS)] * 0.9 + 0.025)


@sound
def several_labels_a_row(rng):
    return Case(normal(rng)[0], (rng.random((ROWS, 6)) < 0.3).astype(int))


@sound
def binary_labels_as_floats(rng):
    x, y = normal(rng)
    return Case(x, y.astype("float32")[:, None])


@sound
def counted_targets(rng):
    return Case(normal(rng)[0], rng.poisson(3.0, ROWS))


@sound
def many_events_counted(rng):
    return Case(normal(rng)[0], rng.poisson(12.0, ROWS))


@sound
def letters_as_bytes(rng):
    return Case(rng.integers(97, 123, (ROWS, 30), dtype="uint8"), rng.integers(0, 2, ROWS))


@sound
def amounts_that_are_often_zero(rng):
    """Zeros meet zeros by chance: such rows do not contradict each other."""
    amounts = np.where(rng.random((ROWS, 3)) < 0.6, 0, rng.lognormal(8, 1, (ROWS, 3)))
    return Case(standardised(np.log1p(amounts)), rng.integers(0, 2, ROWS))


@sound
def gaps_filled_with_the_median(rng):
    x = np.where(rng.random((ROWS, 3)) < 0.3, 0.0, rng.normal(size=(ROWS, 3)))
    return Case(x, rng.integers(0, 2, ROWS))


@sound
def fraud_one_in_twenty(rng):
    return Case(normal(rng)[0], (rng.random(ROWS) < 0.05).astype(int))


@sound
def repeated_rows_with_the_same_label(rng):
    x, y = normal(rng)
    again = rng.integers(0, ROWS, ROWS // 4)
    return Case(np.concatenate([x, x[again]]), np.concatenate([y, y[again]]))


@sound
def survey_answers_that_disagree(rng):
    """Few answers to few questions: equal rows with different labels are what noise looks like."""
    return Case(rng.integers(0, 2, (ROWS, 4)), rng.integers(0, 2, ROWS))


# --- broken: values and types --------------------------------------------------------------------


@broken
def nan_left_after_a_merge(rng):
    x, y = normal(rng)
    x[rng.random(ROWS) < 0.1, 3] = np.nan
    return Case(x, y, "nonfinite-data", ("x[:, 3]",))


@broken
def logarithm_of_zero(rng):
    with np.errstate(divide="ignore"):
        logs = np.log(rng.poisson(1.5, ROWS).astype(float))
    x = normal(rng, 2)[0]
    return Case(np.column_stack([x, logs]), None, "nonfinite-data", ("x[:, 2]",))


@broken
def division_by_zero(rng):
    x = normal(rng, 3)[0]
    x[5, 1] = np.inf
    return Case(x.astype("float32"), None, "nonfinite-data", ("x[:, 1]",))


@broken
def missing_category(rng):
    import pandas as pd

    frame = pd.DataFrame({"a": rng.normal(size=ROWS)})
    frame["city"] = pd.Categorical(rng.choice(["Bonn", "Ulm", None], ROWS))
    return Case(frame, None, "nonfinite-data", ("city",))


@broken
def too_large_for_float32(rng):
    x = normal(rng, 3)[0]
    x[::100, 2] = 1e39
    return Case(x, None, "nonfinite-data", ("x[:, 2]",))


@broken
def numbers_read_as_text(rng):
    import pandas as pd

    frame = pd.DataFrame({"a": rng.normal(size=ROWS)})
    frame["area"] = [f"{value:,.1f}" for value in rng.lognormal(7, 0.3, ROWS)]
    return Case(frame, None, "wrong-dtype", ("area",))


@broken
def numbers_as_objects(rng):
    x = normal(rng, 2)[0]
    data = {"a": x[:, 0], "b": x[:, 1].astype(object)}
    return Case(data, None, "wrong-dtype", ("b",))


@broken
def numbers_and_text_mixed(rng):
    values = [f"{v:.0f}+" if v > 5 else float(v) for v in rng.exponential(2, ROWS)]
    data = {"a": rng.normal(size=ROWS), "rooms": np.array(values, object)}
    return Case(data, None, "wrong-dtype", ("rooms",))


@broken
def dates_left_in_the_table(rng):
    days = np.datetime64("2020-01-01") + rng.integers(0, 900, ROWS)
    return Case({"a": rng.normal(size=ROWS), "sold": days}, None, "wrong-dtype", ("sold",))


@broken
def float64_ids(rng):
    data = {"a": rng.normal(size=ROWS), "id": 2.0**40 + rng.permutation(ROWS).astype(float)}
    return Case(data, None, "wrong-dtype", ("id",))


@broken
def timestamps_in_seconds(rng):
    seconds = 1_600_000_000 + np.sort(rng.integers(0, 50_000, ROWS))
    return Case({"a": rng.normal(size=ROWS), "time": seconds}, None, "wrong-dtype", ("time",))


# --- broken: columns -----------------------------------------------------------------------------


@broken
def sensor_that_never_reported(rng):
    x, y = normal(rng)
    x[:, 2] = 273.15
    return Case(x, y, "constant-feature", ("x[:, 2]",))


@broken
def column_of_zeros_among_amounts(rng):
    x, y = normal(rng)
    x[:, 4] = 0
    return Case(x, y, "constant-feature", ("x[:, 4]",))


@broken
def mostly_imputed(rng):
    x = normal(rng)[0]
    x[rng.random(ROWS) < 0.9997, 1] = 0.37
    x[:3, 1] = [0.1, -0.8, 1.2]
    return Case(x, None, "near-constant-feature", ("x[:, 1]",))


@broken
def varies_in_the_seventh_digit(rng):
    x = normal(rng)[0]
    x[:, 0] = 1.0 + 1e-8 * rng.normal(size=ROWS)
    return Case(x, None, "near-constant-feature", ("x[:, 0]",))


@broken
def column_joined_twice(rng):
    x = normal(rng)[0]
    return Case(np.column_stack([x, x[:, 1]]), None, "duplicate-feature", ("x[:, 5]",))


@broken
def celsius_and_fahrenheit(rng):
    celsius = rng.normal(0.2, 0.7, ROWS)
    data = {"celsius": celsius, "wind": rng.normal(size=ROWS), "fahrenheit": 1.8 * celsius + 0.32}
    return Case(data, None, "duplicate-feature", ("fahrenheit",))


@broken
def flag_twice(rng):
    flag = (rng.random(ROWS) < 0.4).astype("float32")
    x = np.column_stack([rng.normal(size=ROWS), flag, rng.normal(size=ROWS), flag])
    return Case(x, None, "duplicate-feature", ("x[:, 3]",))


@broken
def typing_error(rng):
    income = rng.lognormal(10, 0.4, ROWS)
    income[rng.integers(ROWS)] *= 10_000
    x = standardised(np.column_stack([income, rng.normal(size=ROWS)]))
    return Case(x, None, "outliers", ("x[:, 0]",))


@broken
def mark_for_unknown(rng):
    age = rng.normal(45, 12, ROWS)
    age[rng.random(ROWS) < 0.02] = 999
    x = standardised(np.column_stack([rng.normal(size=ROWS), age]))
    return Case(x, None, "outliers", ("x[:, 1]",))


@broken
def money_without_logarithm(rng):
    x = standardised(np.column_stack([rng.normal(size=ROWS), rng.lognormal(10, 3.0, ROWS)]))
    return Case(x, None, "outliers", ("x[:, 1]",))


# --- broken: scale -------------------------------------------------------------------------------


@broken
def raw_houses(rng):
    x, price = houses(rng)
    names = ["area", "bedrooms", "tax", "year"]
    options = {"names": names}
    return Case(x, standardised(price), "unscaled-features", ("area", "tax", "year"), options)


@broken
def one_column_forgotten(rng):
    x, y = normal(rng, 8)
    x[:, 6] = rng.normal(50_000, 12_000, ROWS)
    return Case(x, y, "unscaled-features", ("x[:, 6]",))


@broken
def year_left_as_it_is(rng):
    import pandas as pd

    x = normal(rng, 3)[0]
    frame = pd.DataFrame(x, columns=["a", "b", "c"])
    frame["year"] = rng.integers(1950, 2021, ROWS)
    return Case(frame, None, "unscaled-features", ("year",))


@broken
def scaled_twice(rng):
    x = normal(rng)[0]
    return Case(x / 1000, None, "unscaled-features", tuple(f"x[:, {i}]" for i in range(5)))


@broken
def kelvin(rng):
    x = rng.normal([2.93, 2.85, 3.01], 0.02, (ROWS, 3))
    return Case(x, None, "unscaled-features", ("x[:, 0]", "x[:, 1]", "x[:, 2]"))


@broken
def pressure_far_from_zero(rng):
    x = normal(rng, 6)[0]
    x[:, 3] = rng.normal(10.13, 0.03, ROWS)
    return Case(x, None, "unscaled-features", ("x[:, 3]",))


@broken
def share_in_millionths(rng):
    x = normal(rng)[0]
    x[:, 2] *= 1e-6
    return Case(x, None, "unscaled-features", ("x[:, 2]",))


@broken
def raw_polars_table(rng):
    import polars as pl

    x = houses(rng)[0]
    frame = pl.DataFrame({"area": x[:, 0], "tax": x[:, 2], "noise": rng.normal(size=ROWS)})
    return Case(frame, None, "unscaled-features", ("area", "tax"))


@broken
def raw_sensors(rng):
    x = rng.normal(size=(200, 30, 3)) * [1, 300, 1] + [0, 1000, 0]
    return Case(x, None, "unscaled-features", ("x[..., 1]",))


@broken
def flat_images_of_bytes(rng):
    x = rng.integers(0, 256, (ROWS, 64), dtype="uint8")
    return Case(x, None, "unscaled-features", tuple(f"x[:, {i}]" for i in range(64)))


# --- broken: images ------------------------------------------------------------------------------


@broken
def image_bytes(rng):
    return Case(rng.integers(0, 256, (120, 16, 16, 3), dtype="uint8"), None, "image-range", ("x",))


@broken
def images_divided_twice(rng):
    images = rng.integers(0, 256, (120, 16, 16)).astype("float32") / 255 / 255
    return Case(images, None, "image-range", ("x",))


@broken
def some_images_not_divided(rng):
    images = rng.random((120, 16, 16, 3)).astype("float32")
    images[::10] *= 255
    return Case({"photo": images}, None, "image-range", ("photo",))


@broken
def images_outside_the_stated_range(rng):
    images = rng.normal(0, 1, (120, 16, 16, 1))
    return Case(images, None, "image-range", ("x",), {"image_range": (0, 1)})


# --- broken: targets -----------------------------------------------------------------------------


@broken
def labels_from_one(rng):
    return Case(normal(rng)[0], rng.integers(1, 4, ROWS), "label-encoding", ("y",))


@broken
def labels_with_a_gap(rng):
    return Case(normal(rng)[0], rng.choice([0, 1, 3], ROWS), "label-encoding", ("y",))


@broken
def labels_as_text(rng):
    return Case(normal(rng)[0], rng.choice(["cat", "dog"], ROWS), "label-encoding", ("y",))


@broken
def labels_standardised(rng):
    y = standardised(rng.random(ROWS) < 0.3)
    return Case(normal(rng)[0], y, "label-encoding", ("y",))


@broken
def classes_as_floats(rng):
    y = rng.integers(0, 4, ROWS).astype(float)
    return Case(normal(rng)[0], y, "label-encoding", ("y",))


@broken
def one_hot_rows_of_zeros(rng):
    y = np.eye(4)[rng.integers(0, 4, ROWS)]
    y[rng.random(ROWS) < 0.05] = 0
    return Case(normal(rng)[0], y, "label-encoding", ("y[:, 0]",))


@broken
def two_one_hot_blocks(rng):
    y = np.column_stack([np.eye(3)[rng.integers(0, 3, ROWS)] for _ in range(2)])
    return Case(normal(rng)[0], y, "label-encoding", ("y[:, 0]",))


@broken
def one_class_in_a_hundred(rng):
    y = (np.arange(ROWS) % 100 == 7).astype(int)
    return Case(normal(rng)[0], rng.permutation(y), "class-imbalance", ("y",))


@broken
def filter_that_left_one_class(rng):
    return Case(normal(rng)[0], np.ones(ROWS, int), "constant-target", ("y",))


@broken
def prices_in_dollars(rng):
    x, price = houses(rng)
    return Case(standardised(x), price * 1000, "unscaled-targets", ("y",))


@broken
def targets_in_millionths(rng):
    return Case(normal(rng)[0], 1e-6 * rng.normal(size=ROWS), "unscaled-targets", ("y",))


@broken
def missing_targets(rng):
    y = rng.normal(size=ROWS)
    y[::50] = np.nan
    return Case(normal(rng)[0], y, "nonfinite-data", ("y",))


@broken
def rows_sorted_by_class(rng):
    x, y = normal(rng)
    order = np.argsort(y, kind="stable")
    return Case(x[order], y[order], "unshuffled-data", ("y",))


@broken
def rows_sorted_by_price(rng):
    x, price = houses(rng)
    order = np.argsort(price)
    return Case(standardised(x)[order], standardised(price)[order], "unshuffled-data", ("y",))


@broken
def files_of_one_class_each(rng):
    y = np.repeat(rng.permutation(np.repeat([0, 1, 2, 3], 5)), 40)
    return Case(normal(rng)[0], y, "unshuffled-data", ("y",))


@broken
def rows_repeated_with_another_label(rng):
    x, y = normal(rng)
    again = rng.choice(ROWS, ROWS // 10, replace=False)
    data = np.concatenate([x, x[again]])
    return Case(data, np.concatenate([y, 1 - y[again]]), "contradictory-labels", ("y",))


@broken
def images_filed_under_two_classes(rng):
    images, y = rng.random((120, 12, 12, 1)), rng.integers(0, 4, 120)
    data = np.concatenate([images, images[:20]])
    targets = np.concatenate([y, (y[:20] + 1) % 4])
    return Case(data, targets, "contradictory-labels", ("y",))


@broken
def rows_held_out_that_were_oversampled(rng):
    x, y = normal(rng)
    return Case(x, y, "validation-overlap", options={"held_out": x[rng.permutation(ROWS)[:80]]})


@sound
def rows_held_out_of_few_categories(rng):
    x = rng.integers(0, 4, (ROWS, 4))
    return Case(x[160:], None, options={"held_out": x[:160]})
