"""The zoo of compounds: small trainings in which two or three components are at fault at once.

    for compound in COMPOUNDS:
        start = compound.start(fixed=False, seed=0)
        # train start.verb(**start.arguments) with the expectation compound.expected(fixed=False)

A compound is a sound base program and two or three parts, each a fault of another component: the
data, the start, the model, its head and loss, the optimizer, or the budget. Every row of the table
holds on three seeds in a loop written by hand: the base is below its bound by a tenth, and with all
parts, or any of them, it misses the bound by a tenth. So no repair of some of the parts is enough
(`python -m benchmarks.diagnosis --labels --compounds all`). `python -m benchmarks.compounds` finds
more rows.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import zlib
from collections.abc import Collection, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.zoo import faults
from tests.zoo.problems import Start
from tests.zoo.programs import BASES, PARTS, Base, Network, Part

#: Causes that another learning rate may make up for, and the rates that are looked at.
SCALES = frozenset({"unscaled-features", "unscaled-targets"})
OTHER_RATES = ("rate_by_100", "rate_by_10", "rate_times_10", "rate_times_1000")


@dataclasses.dataclass(frozen=True, slots=True)
class Compound:
    """A base program with faults in several components; the same interface as `faults.Fault`."""

    base: Base
    parts: tuple[Part, ...]

    @property
    def name(self) -> str:
        """Unique in the zoo."""
        return f"{self.base.name} with {' and '.join(part.name for part in self.parts)}"

    @property
    def faults(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """(code of the cause, codes that count as it as well) of each part."""
        return tuple((part.cause, part.also) for part in self.parts)

    @property
    def accepted(self) -> frozenset[str]:
        """The codes that count as right for any of the parts."""
        return frozenset().union(*(({cause, *also}) for cause, also in self.faults))

    @property
    def held(self) -> bool:
        """True for the half that nobody tunes the diagnosis to; a name stays where it is."""
        return zlib.crc32(self.name.encode()) % 2 == 1

    def start(self, *, fixed: bool, seed: int) -> Start:
        """The training from one start, data included."""
        keras.utils.set_random_seed(seed)
        return self.base.function(frozenset() if fixed else {p.name for p in self.parts}, seed)

    def expected(self, *, fixed: bool) -> dict[str, Any]:
        """The arguments of the expectation."""
        steps, bound = self.base.steps, self.base.max_loss
        for part in () if fixed else self.parts:
            steps, bound = round(part.budget * steps), bound * part.spread**self.base.power
        return {"steps": steps, "max_loss": bound}

    def remainders(self) -> Iterator[Compound]:
        """The compound itself, and what is left of it where some of its parts are repaired."""
        for size in range(len(self.parts), 0, -1):
            for parts in itertools.combinations(self.parts, size):
                yield Compound(self.base, parts)


# ---- a loop written by hand ---------------------------------------------------------------------


def train(start: Start, steps: int, seed: int) -> list[float]:
    """Trains by hand; the losses at the last few checkpoints, or those of a `train_step`."""
    model = start.arguments.get("model")
    if not isinstance(model, Network):
        return faults.train(start, steps, seed)
    arguments = {**faults.USUAL, **start.arguments}
    rows = arguments["x"], arguments["y"]
    batches = faults._batches(rows, arguments["batch_size"], arguments["shuffle"], seed)
    model(rows[0][:1])
    advance = tf.function(model.train_step)
    tensors = (faults._tensors(next(batches)) for _ in range(steps))
    losses = [float(advance(batch)["loss"]) for batch in tensors]
    return [float(np.mean(losses[-10:]))]


def holds(compound: Compound, *, fixed: bool, seed: int) -> tuple[bool, float]:
    """Whether a training is clearly on its side of the bound, and its last loss.

    Labels out of range may drive a loss below zero instead, which cannot be negative.
    """
    expected = compound.expected(fixed=fixed)
    start = compound.start(fixed=fixed, seed=seed)
    losses = train(start, expected["steps"], seed)
    bound = expected["max_loss"]
    if fixed:
        return losses[-1] <= (1 - faults.MARGIN) * bound, losses[-1]
    lowest = min(losses) if all(map(math.isfinite, losses)) else math.inf
    negative = losses[-1] < -faults.MARGIN
    return negative or lowest >= (1 + faults.MARGIN) * bound, losses[-1]


def verified(compound: Compound, *, fixed: bool = False, seeds: Collection[int] = range(3)) -> bool:
    """Whether a training is what its name says on every seed."""
    found = all(holds(compound, fixed=fixed, seed=seed)[0] for seed in seeds)
    keras.backend.clear_session()
    return found


def rates_instead(compound: Compound) -> Iterator[Compound]:
    """A compound of scale and optimizer with other rates in place of the repaired optimizer.

    One of them might suit the scale as it is, and then it alone would be the repair.
    """
    rest = tuple(part for part in compound.parts if part.component != "optimizer")
    if len(rest) < len(compound.parts) and any(part.cause in SCALES for part in rest):
        for name in OTHER_RATES:
            part = Part(name, "optimizer", "learning-rate-too-high")
            yield Compound(compound.base, (*rest, part))


def compound_of(base_name: str, *parts: str) -> Compound:
    """A compound from the names of its base and parts."""
    return Compound(BASES[base_name], tuple(PARTS[name] for name in parts))


# ---- the table ----------------------------------------------------------------------------------

TABLE: tuple[tuple[str, ...], ...] = (
    ("friedman_by_descent", "targets_in_thousands", "weights_on_a_leash"),
    ("friedman_by_descent", "missing_features", "rate_halved_each_step"),
    ("friedman_by_descent", "missing_targets", "momentum_of_0_999"),
    ("friedman_by_descent", "frozen_layers", "rate_by_1000"),
    ("friedman_by_descent", "relu_at_the_end", "weights_thrown_far", "eight_sigmoids"),
    ("rents_by_column", "a_wild_column", "sigmoid_at_the_end"),
    ("rents_by_column", "targets_in_thousands", "dropout_of_95_percent"),
    ("rents_by_column", "missing_targets", "weights_on_a_leash"),
    ("rents_by_column", "sigmoid_at_the_end", "dropout_of_95_percent"),
    ("rents_by_column", "targets_far_from_zero", "biases_of_minus_twenty", "rate_halved_each_step"),
    ("circles_by_adam", "features_far_from_zero", "eight_sigmoids"),
    ("circles_by_adam", "labels_of_one_and_two", "weights_on_a_leash"),
    ("circles_by_adam", "labels_of_one_and_two", "one_unit"),
    ("circles_by_adam", "missing_targets", "rate_by_1000"),
    ("circles_by_adam", "missing_features", "l2_of_ten", "rate_times_100"),
    ("digits_by_descent", "rows_in_order", "tanh_at_the_end"),
    ("digits_by_descent", "rows_in_order", "logits_as_probabilities"),
    ("digits_by_descent", "softmax_before_logits", "eight_sigmoids"),
    ("digits_by_descent", "logits_as_probabilities", "momentum_of_0_999"),
    (
        "digits_by_descent",
        "labels_in_two_numberings",
        "tanh_at_the_end",
        "clipped_to_a_ten_thousandth",
    ),
    ("clusters_one_hot", "features_far_from_zero", "eight_sigmoids"),
    ("clusters_one_hot", "labels_in_percent", "dropout_of_95_percent"),
    ("clusters_one_hot", "labels_in_percent", "weights_on_a_leash"),
    ("clusters_one_hot", "labels_in_percent", "one_unit"),
    ("clusters_one_hot", "tanh_at_the_end", "biases_of_minus_twenty", "rate_halved_each_step"),
    ("bars_by_convolution", "bytes_of_pixels", "l2_of_ten"),
    ("bars_by_convolution", "bytes_of_pixels", "weight_decay_of_thirty"),
    ("bars_by_convolution", "bytes_of_pixels", "a_fifteenth_of_the_steps"),
    ("bars_by_convolution", "missing_features", "rate_halved_each_step"),
    (
        "bars_by_convolution",
        "labels_of_one_and_two",
        "biases_of_minus_twenty",
        "dropout_of_95_percent",
    ),
    ("waves_by_gru", "features_in_thousands", "softmax_before_logits"),
    ("waves_by_gru", "softmax_before_logits", "l2_of_ten"),
    ("waves_by_gru", "softmax_before_logits", "rate_times_100"),
    ("waves_by_gru", "features_far_from_zero", "dropout_of_95_percent", "rate_halved_each_step"),
    ("recommender", "targets_far_from_zero", "dropout_of_95_percent"),
    ("recommender", "targets_far_from_zero", "weight_decay_of_thirty"),
    ("recommender", "missing_targets", "one_unit"),
    ("recommender", "sigmoid_at_the_end", "rate_times_100"),
    ("recommender", "missing_targets", "l2_of_ten", "relu_at_the_end"),
    ("autoencoder", "inputs_and_targets_in_thousands", "weights_of_zero"),
    ("autoencoder", "inputs_and_targets_in_thousands", "l2_of_ten"),
    ("autoencoder", "missing_features", "weights_on_a_leash"),
    ("autoencoder", "biases_of_minus_twenty", "eight_sigmoids"),
    ("autoencoder", "l2_of_ten", "weight_decay_of_thirty"),
    ("autoencoder", "relu_at_the_end", "one_unit"),
    ("autoencoder", "sigmoid_at_the_end", "dropout_of_95_percent", "rate_halved_each_step"),
    ("roll_subclassed", "features_in_thousands", "weight_decay_of_thirty"),
    ("roll_subclassed", "features_in_millions", "eight_sigmoids"),
    ("roll_subclassed", "targets_far_from_zero", "l2_of_ten"),
    ("roll_subclassed", "weights_of_zero", "rate_times_100"),
    ("roll_subclassed", "features_far_from_zero", "biases_of_minus_twenty", "weights_on_a_leash"),
    ("clusters_subclassed", "features_in_thousands", "weights_on_a_leash"),
    ("clusters_subclassed", "features_in_millions", "softmax_before_logits"),
    ("clusters_subclassed", "labels_in_two_numberings", "a_fifteenth_of_the_steps"),
    ("clusters_subclassed", "one_unit", "clipped_to_a_ten_thousandth"),
    ("clusters_subclassed", "features_in_millions", "eight_sigmoids", "weight_decay_of_thirty"),
    ("friedman_by_own_step", "features_far_from_zero", "weights_of_zero"),
    ("friedman_by_own_step", "targets_far_from_zero", "eight_sigmoids"),
    ("friedman_by_own_step", "targets_in_a_row", "weights_thrown_far"),
    ("friedman_by_own_step", "relu_at_the_end", "targets_in_a_row"),
    ("friedman_by_own_step", "targets_in_thousands", "frozen_layers", "weight_decay_of_thirty"),
    ("friedman_by_own_loop", "features_in_thousands", "weights_of_zero"),
    ("friedman_by_own_loop", "features_in_thousands", "sigmoid_at_the_end"),
    ("friedman_by_own_loop", "targets_in_a_row", "biases_of_minus_twenty"),
    ("friedman_by_own_loop", "weights_thrown_far", "rate_by_1000"),
    ("friedman_by_own_loop", "missing_features", "relu_at_the_end", "rate_times_100"),
    ("classes_from_variables", "features_far_from_zero", "clipped_to_a_ten_thousandth"),
    ("classes_from_variables", "features_in_millions", "frozen_layers"),
    ("classes_from_variables", "labels_of_one_and_two", "clipped_to_a_ten_thousandth"),
    ("classes_from_variables", "missing_features", "weight_decay_of_thirty"),
    ("classes_from_variables", "features_in_millions", "weights_of_zero", "rate_by_1000"),
    ("network_by_minimize", "weights_of_zero", "frozen_layers"),
    ("network_by_minimize", "weights_thrown_far", "rate_halved_each_step"),
    ("network_by_minimize", "weights_thrown_far", "weight_decay_of_thirty"),
    ("network_by_minimize", "frozen_layers", "weight_decay_of_thirty"),
    ("network_by_minimize", "weights_of_zero", "frozen_layers", "rate_by_1000"),
    ("factors_by_minimize", "weights_of_zero", "momentum_of_0_999"),
    ("factors_by_minimize", "weights_thrown_far", "momentum_of_0_999"),
    ("factors_by_minimize", "weights_thrown_far", "a_fifteenth_of_the_steps"),
    ("factors_by_minimize", "weights_of_zero", "frozen_layers", "clipped_to_a_ten_thousandth"),
    ("factors_by_minimize", "weights_thrown_far", "frozen_layers", "rate_times_100"),
    ("curve_by_minimize", "frozen_layers", "rate_by_1000"),
    ("curve_by_minimize", "frozen_layers", "momentum_of_0_999"),
    ("curve_by_minimize", "frozen_layers", "a_fifteenth_of_the_steps"),
)

COMPOUNDS: list[Compound] = [compound_of(*row) for row in TABLE]
#: The half for a figure on compounds that nobody tuned the diagnosis to, and the other one.
HELD = [compound for compound in COMPOUNDS if compound.held]
OPEN = [compound for compound in COMPOUNDS if not compound.held]
