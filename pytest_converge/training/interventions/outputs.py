"""Another activation of the output layer, another loss, or both, to fit the targets."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from pytest_converge.columns.classes import as_table, row_sums, task_of
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.targets import one_hot, relabelled
from pytest_converge.training.model.losses import loss_names
from pytest_converge.training.model.structure import output_layer, with_loss
from pytest_converge.training.state.snapshot import attributes_set
from pytest_converge.training.training import Training

__all__ = ["for_targets", "head"]

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
#: The two values that a bounded output can come near to.
BOUNDED = {"sigmoid": (0.0, 1.0), "hard_sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}
#: What outputs can reach; a softmax over one unit is 1 whatever its input.
RANGES = {**BOUNDED, "relu": (0.0, float("inf")), "softplus": (0.0, float("inf"))}
#: How far the sum of a row of probabilities may be from 1: float16.
SUM_ERROR = 5e-3


def for_targets(model: keras.Model, targets: Any) -> list[Intervention]:
    """The changes of output, loss or labels that a training with one output invites.

    Args:
        model: built, with one output.
        targets: NumPy array with the rows first.
    """
    layer, known = output_layer(model), loss_names(model.loss)
    if len(known) != 1 or targets is None or targets.dtype.kind not in "fiub":
        return []
    (name, loss), kind = known[0], kind_of(targets)
    activation = _activation(layer)
    if name in FITTING:
        return _for_crossentropy(model, name, loss, activation, kind, targets)
    if name in POSITIVE and activation not in (*GIVES_POSITIVE, "") and targets.min() >= 0:
        return [head(model, activation=fitting) for fitting in POSITIVE[name]]
    if name in REGRESSION:
        return _for_regression(model, activation, kind, targets)
    if name == "" and kind == "two values":
        return _other_labels(targets)
    return []


def kind_of(targets: Any) -> str:
    """The kind of targets: "one-hot", "two values", "classes" (whole numbers) or "real"."""
    table, task = as_table(targets), task_of(targets)
    if table.shape[1] == 1 and len(np.unique(table)) == 2:
        return "two values"
    if task == "one-hot":
        return "one-hot" if abs(row_sums(table)[0] - 1.0) < SUM_ERROR else "real"
    whole = np.isfinite(table).all() and (table == np.round(table)).all()
    return "classes" if task == "classes" and whole else "real"


def _for_crossentropy(
    model: keras.Model, name: str, loss: Any, activation: str, kind: str, targets: Any
) -> list[Intervention]:
    logits = bool(loss.get_config().get("from_logits")) if hasattr(loss, "get_config") else False
    fitting = None if logits else FITTING[name]
    changes = []
    if activation not in ((fitting or "linear"), ""):
        changes.append(head(model, activation=fitting))
    if activation == "" and isinstance(loss, keras.losses.Loss):
        changes.append(other_logits(loss, logits=not logits))
    if name.startswith("binary") and kind == "two values":
        changes += [c for c in _other_labels(targets) if "{0, 1} instead" in c.change]
    if name.startswith("binary") and kind == "one-hot" and activation == "softmax":
        changes.append(
            head(model, activation="softmax", loss=keras.losses.CategoricalCrossentropy())
        )
    return changes


def _for_regression(
    model: keras.Model, activation: str, kind: str, targets: Any
) -> list[Intervention]:
    units = _units(model)
    one_column = targets.reshape(len(targets), -1).shape[1] == 1
    if kind in ("classes", "two values") and one_column and units > 1:
        return [one_hot(units)] if targets.min() >= 0 and targets.max() < units else []
    changes = []
    if kind == "two values" and set(np.unique(targets)) == {0, 1}:
        if activation == "softmax":
            changes.append(head(model, activation="sigmoid"))
        bce = keras.losses.BinaryCrossentropy()
        changes.append(head(model, activation="sigmoid", loss=bce))
    elif kind == "one-hot":
        cce = keras.losses.CategoricalCrossentropy()
        if activation != "softmax":
            changes.append(head(model, activation="softmax"))
        changes.append(head(model, activation="softmax", loss=cce))
    elif activation not in ("linear", "") and not _within_range(activation, targets):
        if kind == "two values" and activation in BOUNDED:
            old = tuple(float(v) for v in np.unique(targets))
            changes.append(relabelled(old, BOUNDED[activation]))
        changes.append(head(model, activation=None))
    return changes


def _within_range(activation: str, targets: Any) -> bool:
    """True where an output with this activation can reach every target."""
    low, high = RANGES.get(activation, (1.0, 1.0))
    return bool(low <= targets.min() and targets.max() <= high)


def _other_labels(targets: Any) -> list[Intervention]:
    old = tuple(float(v) for v in np.unique(targets))
    return [relabelled(old, new) for new in ((0.0, 1.0), (-1.0, 1.0)) if new != old]


def _activation(layer: keras.layers.Layer) -> str:
    """The name of a layer's activation; "" where it has none that can be set."""
    return "" if layer is None else getattr(layer.activation, "__name__", "")


def _units(model: keras.Model) -> int:
    shape = getattr(model, "output_shape", None)
    return shape[-1] if isinstance(shape, tuple) and isinstance(shape[-1], int) else 1


def head(
    model: keras.Model, *, activation: str | None, loss: Any = None, fix: str = ""
) -> Intervention:
    """The output layer with another activation and, where one is given, another loss.

    Args:
        model: the user's model, for the name of its layer.
        activation: name of the activation, None for a linear output.
        loss: a Keras loss; None keeps the user's. Another loss has another unit.
        fix: the change as code; empty for the default line.
    """
    layer = output_layer(model)
    shown = activation or "no activation"
    name = None if loss is None else type(loss).__name__
    change = f"output with {shown}" + ("" if name is None else f", loss {name}")
    return Intervention(
        code="output-loss-mismatch",
        change=change,
        fix=fix or _code(layer, activation, name),
        where=(layer.name,) if layer is not None else (),
        variant=_variant(layer, activation, loss),
        loss_factor=1.0 if loss is None or name == _name_of(model.loss) else None,
        redefines_loss=loss is not None,
    )


def other_logits(loss: Any, *, logits: bool) -> Intervention:
    """The same cross-entropy told that it gets logits, or that it gets probabilities."""
    changed = type(loss).from_config({**loss.get_config(), "from_logits": logits})
    name = type(loss).__name__
    return Intervention(
        code="output-loss-mismatch",
        change=f"loss with from_logits={logits}",
        fix=f"loss=keras.losses.{name}(from_logits={logits})",
        variant=lambda training: with_loss(training.model, changed),
    )


def _variant(layer: keras.layers.Layer, activation: str | None, loss: Any) -> Any:
    @contextlib.contextmanager
    def variant(training: Training) -> Iterator[None]:
        model = training.model
        with contextlib.ExitStack() as stack:
            if layer is not None:
                function = keras.activations.get(activation)
                stack.enter_context(attributes_set([(layer, "activation", function)]))
            if loss is not None:
                stack.enter_context(with_loss(model, loss))
            yield

    return variant


def _code(layer: keras.layers.Layer, activation: str | None, loss: str | None) -> str:
    units = getattr(layer, "units", None)
    shown = "" if activation is None else f", activation={activation!r}"
    line = "" if units is None else f"keras.layers.Dense({units}{shown})"
    return line if loss is None else f"{line}; loss=keras.losses.{loss}()"


def _name_of(loss: Any) -> str:
    return type(loss).__name__ if isinstance(loss, keras.losses.Loss) else str(loss)
