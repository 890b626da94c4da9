"""Another activation of the output layer, another loss, or both, to fit the targets."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import keras
import numpy as np

from pytest_converge.columns.classes import as_table, row_sums, task_of
from pytest_converge.core.numbers import number
from pytest_converge.training.data.arrays import batch_leaves, map_named
from pytest_converge.training.data.batches import ArrayData
from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.targets import in_one_column, one_hot, relabelled
from pytest_converge.training.model.losses import OutputLoss, loss_names, losses_of_outputs
from pytest_converge.training.model.structure import output_layer, output_layers, with_loss
from pytest_converge.training.state.snapshot import attributes_set
from pytest_converge.training.training import Training

__all__ = [
    "FITTING",
    "REGRESSION",
    "by_output",
    "for_targets",
    "head",
    "in_array",
    "other_encodings",
    "outside",
    "with_squared_error",
    "without_bounds",
]

#: Labels as they are, as they could be, and the change that makes them so.
Encoding: TypeAlias = tuple[tuple[float, ...], tuple[float, ...], Intervention]

#: Losses that compare numbers, and take predictions of any size.
REGRESSION = frozenset(
    {
        "mean_squared_error",
        "mean_absolute_error",
        "mean_squared_logarithmic_error",
        "mean_absolute_percentage_error",
        "huber",
        "log_cosh",
    }
)
#: The activation that turns outputs into what each cross-entropy reads.
FITTING = {
    "binary_crossentropy": "sigmoid",
    "binary_focal_crossentropy": "sigmoid",
    "categorical_crossentropy": "softmax",
    "categorical_focal_crossentropy": "softmax",
    "sparse_categorical_crossentropy": "softmax",
}
#: The activations that keep predictions where a loss takes their logarithm. The exponential is the
#: canonical link of Poisson regression (McCullagh and Nelder 1989, Generalized linear models, 2.2).
POSITIVE = {
    "poisson": ("exponential", "softplus"),
    "mean_squared_logarithmic_error": ("softplus",),
    "kl_divergence": ("softmax",),
}
#: Activations that give positive numbers with a slope everywhere.
GIVES_POSITIVE = frozenset({"exponential", "softplus", "softmax", "sigmoid"})
#: Losses of labels -1 and 1, into which Keras turns 0 and 1, that want outputs of either sign.
MARGINS = frozenset({"hinge", "squared_hinge"})
#: The two values that a bounded output can come near to.
BOUNDED = {"sigmoid": (0.0, 1.0), "hard_sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}
#: What an output without such an activation can reach.
EITHER = (-float("inf"), float("inf"))
#: What outputs can reach; a softmax over one unit is 1 whatever its input.
RANGES = {**BOUNDED, "relu": (0.0, float("inf")), "softplus": (0.0, float("inf"))}
#: Amounts and not probabilities, from this share of values outside of [0, 1] on: single rows below
#: 0 or above 1 are unknown labels.
MOST_OUT_OF_RANGE = 0.5
#: The loss in percent of the targets, and the part of their mean under which one is next to zero.
PERCENTAGE, NEXT_TO_NOTHING = "mean_absolute_percentage_error", 1e-3
#: What is wrong about a softmax beside labels of which several hold.
SHARED = "rows hold several ones, among which softmax has only one to share"
#: How far the sum of a row of probabilities may be from 1: float16.
SUM_ERROR = 5e-3


def for_targets(model: keras.Model, targets: Mapping[str, Any]) -> list[Intervention]:
    """The changes of output, loss or labels that a training invites, output after output.

    Args:
        model: built.
        targets: the arrays of targets by name, as NumPy arrays with the rows first.
    """
    return [change for changes in by_output(model, targets) for change in changes]


def by_output(model: keras.Model, targets: Mapping[str, Any]) -> list[list[Intervention]]:
    """The same, one list an output, of which each change is an alternative to the others.

    Outputs whose losses are exchanged have one list together.
    """
    layers = output_layers(model)
    found, outputs = [], []
    for reading in losses_of_outputs(model, list(targets)):
        array = targets[reading.target]
        if array.dtype.kind not in "fiub" or not array.size:
            continue
        layer = layers[reading.index] if reading.index < len(layers) else None
        output = _Output(model, layer, reading, array)
        outputs.append(output)
        invited = output.changes()
        several = len(targets) > 1
        found.append([in_array(c, reading.target) if several else c for c in invited])
    swapped = [output for output in outputs if output.wanted is not None]
    if not _are_exchanged(swapped):
        return found
    pairs = list(zip(outputs, found, strict=True))
    singly = [change for output, changes in pairs if output in swapped for change in changes]
    others = [changes for output, changes in pairs if output not in swapped]
    return [[_put_back(model, swapped), *singly], *others]


def kind_of(targets: Any) -> str:
    """The kind of targets.

    "one-hot", "labels" (several ones in a row), "two values", "classes" (whole numbers) or "real".
    """
    table, task = as_table(targets), task_of(targets)
    if table.shape[1] == 1 and len(np.unique(table)) == 2:
        return "two values"
    if task == "one-hot" and abs(row_sums(table)[0] - 1.0) < SUM_ERROR:
        return "one-hot"
    if task in ("one-hot", "labels"):
        return "labels" if bool(((table == 0) | (table == 1)).all()) else "real"
    whole = np.isfinite(table).all() and (table == np.round(table)).all()
    return "classes" if task == "classes" and whole else "real"


def outside(targets: Any, low: float, high: float) -> bool:
    """True where some target lies outside of what an output can give."""
    return bool(targets.min() < low or targets.max() > high)


@dataclasses.dataclass(frozen=True, slots=True)
class _Output:
    """One output of a model, with its last layer, its loss and its targets."""

    model: keras.Model
    layer: Any
    reading: OutputLoss
    targets: Any

    def changes(self) -> list[Intervention]:
        """What output, loss and targets invite."""
        name, kind = self.reading.name, kind_of(self.targets)
        found: list[Intervention] = []
        two = kind == "one-hot" and self.columns == 2 and self.targets.ndim == 2
        positive = self.activation in (*GIVES_POSITIVE, "")
        if name in FITTING:
            found = self._for_crossentropy(kind)
        elif two and self._units() == 1 and name in REGRESSION | {""}:
            found = [in_one_column()]
        elif name in POSITIVE and not positive and self.targets.min() >= 0:
            found = [self.head(activation=fitting) for fitting in POSITIVE[name]]
        elif name in MARGINS and outside(
            np.array([-1.0, 1.0]), *RANGES.get(self.activation, EITHER)
        ):
            fault = f"{name} wants outputs up to -1 and 1, which {self.activation} never gives"
            found = [dataclasses.replace(self.head(activation=None), fault=fault)]
        elif name == PERCENTAGE and self._near_zero:
            found = [self._absolute()]
        elif name in REGRESSION:
            found = self._for_regression(kind)
        elif name == "" and kind == "two values":
            found = _other_labels(self.targets, swapped=True)
        elif name == "" and kind == "labels" and self.activation == "softmax":
            change = self.head(activation="sigmoid")
            found = [dataclasses.replace(change, fault=SHARED)]
        return found

    @property
    def fitting(self) -> tuple[str | None, keras.losses.Loss] | None:
        """The activation and the loss that fit the targets; None where these want no other loss."""
        kind = kind_of(self.targets)
        if self.reading.name in FITTING:
            amounts = kind == "real" and self._amounts
            return (None, keras.losses.MeanSquaredError()) if amounts else None
        if self.reading.name not in REGRESSION or (self.columns == 1 and self._units() > 1):
            return None
        if self._is_flag(kind) or kind == "labels":
            return "sigmoid", keras.losses.BinaryCrossentropy()
        return ("softmax", keras.losses.CategoricalCrossentropy()) if kind == "one-hot" else None

    @property
    def wanted(self) -> tuple[str | None, keras.losses.Loss] | None:
        """The same beside other outputs: shares that a cross-entropy reads may be amounts."""
        shares = self.reading.name in FITTING and kind_of(self.targets) == "real"
        return (None, keras.losses.MeanSquaredError()) if shares else self.fitting

    def fitted(self) -> Intervention:
        """The output with the activation and the loss that fit its targets."""
        activation, loss = self.wanted or (self.activation, None)
        return self.head(activation=activation, loss=loss)

    @property
    def activation(self) -> str:
        """The name of the last layer's activation; empty where it has none that can be set."""
        return "" if self.layer is None else getattr(self.layer.activation, "__name__", "")

    @property
    def columns(self) -> int:
        """Numbers in the targets of a row."""
        return int(self.targets.reshape(len(self.targets), -1).shape[1])

    def head(self, *, activation: str | None, loss: Any = None) -> Intervention:
        """The output with another activation, and another loss where one is given."""
        return head(
            self.model, activation=activation, loss=loss, layer=self.layer, reading=self.reading
        )

    def _for_crossentropy(self, kind: str) -> list[Intervention]:
        name, loss, activation = self.reading.name, self.reading.loss, self.activation
        config = loss.get_config() if hasattr(loss, "get_config") else {}
        logits = bool(config.get("from_logits"))
        binary = keras.losses.BinaryCrossentropy(from_logits=logits)
        if name.startswith("categorical") and (kind == "labels" or self._is_flag(kind)):
            alone = "a categorical cross-entropy over one output is 0 for every row"
            change = self.head(activation=None if logits else "sigmoid", loss=binary)
            return [dataclasses.replace(change, fault=SHARED if kind == "labels" else alone)]
        fitting = None if logits else FITTING[name]
        changes = []
        if self.fitting is not None:
            low, high = number(float(self.targets.min())), number(float(self.targets.max()))
            fault = f"the targets are amounts from {low} to {high}, and {name} reads probabilities"
            changes.append(dataclasses.replace(self.fitted(), fault=fault))
        if activation not in ((fitting or "linear"), ""):
            changes.append(self.head(activation=fitting))
        if activation == "" and isinstance(loss, keras.losses.Loss):
            changes.append(self._other_logits(logits=not logits))
        if name.startswith("binary") and kind == "two values":
            changes += [c for c in _other_labels(self.targets) if "{0, 1} instead" in c.change]
        if name.startswith("binary") and kind == "one-hot" and activation == "softmax":
            cce = keras.losses.CategoricalCrossentropy()
            changes.append(self.head(activation="softmax", loss=cce))
        return changes

    @property
    def _near_zero(self) -> bool:
        """True where an error in percent of some targets is next to infinite."""
        size = np.abs(self.targets)
        both_signs = self.targets.min() < 0 < self.targets.max()
        return bool(both_signs or size.min() < NEXT_TO_NOTHING * size.mean())

    def _absolute(self) -> Intervention:
        """The absolute error in the unit of the targets, which may be zero."""
        change = self.head(activation=self.activation, loss=keras.losses.MeanAbsoluteError())
        fault = "an error in percent of targets that are zero, or near it, has no bounds"
        return dataclasses.replace(change, fault=fault)

    @property
    def _amounts(self) -> bool:
        """True for targets that no cross-entropy means, and not because of a few rows.

        Behind an activation that is meant for one they may be shares in percent.
        """
        shares = self.activation not in ("linear", "") and self.targets.min() >= 0
        beyond = np.mean((self.targets < 0) | (self.targets > 1))
        return not shares and bool(beyond > MOST_OUT_OF_RANGE)

    def _is_flag(self, kind: str) -> bool:
        return kind == "two values" and set(np.unique(self.targets)) == {0, 1}

    def _other_logits(self, *, logits: bool) -> Intervention:
        """The same cross-entropy told that it gets logits, or that it gets probabilities."""
        loss = self.reading.loss
        changed = type(loss).from_config({**loss.get_config(), "from_logits": logits})
        held = loss_replaced(self.model.loss, self.model, self.reading, changed)
        return Intervention(
            code="output-loss-mismatch",
            change=f"loss with from_logits={logits}",
            fix=_loss_line(held, changed, self.reading),
            variant=lambda training: _with_loss(training, self.reading, changed),
        )

    def _for_regression(self, kind: str) -> list[Intervention]:
        units, activation, targets = self._units(), self.activation, self.targets
        if kind in ("classes", "two values") and self.columns == 1 and units > 1:
            return [one_hot(units)] if targets.min() >= 0 and targets.max() < units else []
        changes = []
        if self.fitting is not None:
            if (activation == "softmax") != (kind == "one-hot"):
                changes.append(self.head(activation=self.fitting[0]))
            changes.append(self.fitted())
        elif activation not in ("linear", "") and not _within_range(activation, targets):
            if kind == "two values" and activation in BOUNDED:
                old = tuple(float(v) for v in np.unique(targets))
                changes.append(relabelled(old, BOUNDED[activation]))
            changes.append(self.head(activation=None))
        return changes

    def _units(self) -> int:
        units = getattr(self.layer, "units", None)
        if isinstance(units, int):
            return units
        shape = getattr(self.model, "output_shape", None)
        return shape[-1] if isinstance(shape, tuple) and isinstance(shape[-1], int) else 1


def _are_exchanged(outputs: Sequence[_Output]) -> bool:
    """True where the losses that the outputs want are those that they have, of one another."""
    wanted = [loss for output in outputs if output.wanted for loss in output.wanted[1:]]
    held = sorted(output.reading.name for output in outputs)
    return len(outputs) > 1 and held == sorted(name for name, _ in loss_names(wanted))


def _put_back(model: keras.Model, outputs: Sequence[_Output]) -> Intervention:
    """Every one of some outputs with the activation and the loss that fit its targets."""
    held, lines = model.loss, []
    for output in outputs:
        activation, loss = output.wanted or (None, None)
        held = loss_replaced(held, model, output.reading, loss)
        lines.append(_layer_line(output.layer, activation))
    names = " and ".join(output.reading.output for output in outputs)
    return dataclasses.replace(
        functools.reduce(Intervention.combined, [output.fitted() for output in outputs]),
        fault=f"the losses of {names} are exchanged",
        fix="\n".join([*filter(None, lines), f"loss={pasted.written(held)}"]),
        parts=(),
    )


def _within_range(activation: str, targets: Any) -> bool:
    """True where an output with this activation can reach every target."""
    return not outside(targets, *RANGES.get(activation, (1.0, 1.0)))


def other_encodings(targets: Any, *, swapped: bool = False) -> list[Encoding]:
    """Two values as 0 and 1, as -1 and 1, and the wrong way round where a loss of one's own reads.

    A similarity where a distance is read wants the other label, and the other way round.

    Returns:
        (the values as they are, as they could be, the targets changed so) of each.
    """
    old = tuple(float(v) for v in np.unique(targets))
    usual = [(0.0, 1.0), (-1.0, 1.0)]
    found: list[Encoding] = [(old, new, relabelled(old, new)) for new in usual if new != old]
    if swapped and old in usual:
        low, high = old
        line = f"y = {low + high:g} - y" if low + high else "y = -y"
        other = relabelled(old, (high, low))
        fault = "the loss reads the labels the other way round, as a distance for a similarity"
        change = "labels the other way round"
        other = dataclasses.replace(other, change=change, fault=fault, fix=line)
        found.append((old, (high, low), other))
    return found


def _other_labels(targets: Any, *, swapped: bool = False) -> list[Intervention]:
    return [change for _, _, change in other_encodings(targets, swapped=swapped)]


def in_array(change: Intervention, name: str) -> Intervention:
    """A change for one of several arrays of targets, and said of it."""

    def only(data: ArrayData) -> ArrayData:
        if change.data is None:
            return data
        changed = dict(batch_leaves(change.data(data).arrays))
        return data.with_arrays(
            map_named(data.arrays, lambda at, array: changed[at] if at == name else array)
        )

    if change.data is None:
        return change
    return dataclasses.replace(
        change,
        change=f"{change.change} of {name}",
        fix=re.sub(r"\by\b", name, change.fix),
        where=(name,),
        data=only,
    )


def head(
    model: keras.Model,
    *,
    activation: str | None,
    loss: Any = None,
    fix: str = "",
    layer: Any = None,
    reading: OutputLoss | None = None,
) -> Intervention:
    """An output layer with another activation and, where one is given, another loss.

    Args:
        model: the user's model, for the name of its layer.
        activation: name of the activation, None for a linear output.
        loss: a Keras loss; None keeps the user's. Another loss has another unit.
        fix: the change as code; empty for the default line.
        layer: the layer; None for that of the only output.
        reading: which output it is, where the model has several.
    """
    layer = output_layer(model) if layer is None else layer
    shown = activation or "no activation"
    name = None if loss is None else type(loss).__name__
    old = model.loss if reading is None else reading.loss
    same = getattr(getattr(layer, "activation", None), "__name__", "") == (activation or "linear")
    parts = [] if same and loss is not None else [f"output with {shown}"]
    change = ", ".join([*parts, *([] if name is None else [f"loss {name}"])])
    if reading is not None and reading.output and layer is not None:
        change += f" at {layer.name}"
    held = None if loss is None else loss_replaced(model.loss, model, reading, loss)
    lines = [] if same and loss is not None else [_layer_line(layer, activation)]
    lines += [] if loss is None else [_loss_line(held, loss, reading)]
    return Intervention(
        code="output-loss-mismatch",
        change=change,
        fix=fix or "\n".join(line for line in lines if line),
        where=(layer.name,) if layer is not None else (),
        variant=_variant(layer, activation, reading, loss),
        loss_factor=1.0 if loss is None or name == _name_of(old) else None,
        redefines_loss=loss is not None,
    )


def loss_replaced(held: Any, model: keras.Model, reading: OutputLoss | None, loss: Any) -> Any:
    """What to compile the model with so that one output has another loss, the others theirs.

    Args:
        held: what it is compiled with.
        model: whose outputs they are.
        reading: which output it is; None for the only one.
        loss: its other loss.
    """
    if reading is None or not reading.output:
        return loss
    if isinstance(held, Mapping):
        return {**held, reading.output: loss}
    listed = list(held) if isinstance(held, (list, tuple)) else [held] * len(model.outputs)
    listed[reading.index] = loss
    return listed


def without_bounds(training: Training) -> list[tuple[Intervention, float]]:
    """The outputs of a training's models without the activation that keeps them within a range.

    Returns:
        With each the share of the amounts behind the inputs of the first batch, of as many columns
        as the output has, that lie beyond that range.
    """
    batch = training.first_batch()
    leaves = [] if batch is None else [np.asarray(leaf) for _, leaf in batch_leaves(batch)]
    found = []
    for model in training.models:
        layer = output_layer(model)
        name = "" if layer is None else getattr(layer.activation, "__name__", "")
        if name not in RANGES:
            continue
        low, high = RANGES[name]
        beyond = [
            float(np.mean((leaf < low) | (leaf > high)))
            for leaf in leaves[1:]
            if leaf.dtype.kind == "f" and leaf.ndim > 1
            if leaf.shape[-1] == getattr(layer, "units", None)
        ]
        found.append((head(model, activation=None), max(beyond, default=0.0)))
    return found


def with_squared_error(model: keras.Model) -> Intervention:
    """The output of a model as it is, under the squared error."""
    held = getattr(output_layer(model).activation, "__name__", None)
    return head(model, activation=held, loss=keras.losses.MeanSquaredError())


def _with_loss(
    training: Training, reading: OutputLoss | None, loss: Any
) -> contextlib.AbstractContextManager[None]:
    """Another loss of one output beside those that the model has now: others may be changed too."""
    model = training.model
    return with_loss(model, loss_replaced(model.loss, model, reading, loss))


def _variant(
    layer: keras.layers.Layer, activation: str | None, reading: OutputLoss | None, loss: Any
) -> Any:
    @contextlib.contextmanager
    def variant(training: Training) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            if layer is not None:
                function = keras.activations.get(activation)
                stack.enter_context(attributes_set([(layer, "activation", function)]))
            if loss is not None:
                stack.enter_context(_with_loss(training, reading, loss))
            yield

    return variant


def _layer_line(layer: Any, activation: str | None) -> str:
    """The layer with its activation, where there is one to change."""
    if layer is None:
        return ""
    return pasted.layer_lines([(layer, {"activation": activation or "linear"})])


def _loss_line(held: Any, loss: Any, reading: OutputLoss | None) -> str:
    """What to compile the model with; of losses that cannot all be written that of one output."""
    every = pasted.written(held)
    if every or reading is None:
        return f"loss={every or pasted.literal(loss)}"
    return f"loss={pasted.literal(loss)}  # of {reading.output}"


def _name_of(loss: Any) -> str:
    return type(loss).__name__ if isinstance(loss, keras.losses.Loss) else str(loss)
