"""A training with the code of a diagnosis pasted into it, as a user would.

    repair = Repair(start, steps=100)
    repair.paste('keras.layers.Dense(8, activation="relu")  # layer dense')
    # train repair.start for repair.steps, within repair.patched()

The code runs in the names that a user has around a test. What it is follows from what it makes: an
optimizer takes the place of the old one, a layer that of the layer in its comment, an argument of
the call that of the old argument.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import inspect
import re
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.training.adapters.step import optimizers_of
from pytest_converge.training.keras_internals import learning_rate_held
from pytest_converge.training.model.structure import compiled_metrics, output_layer
from pytest_converge.training.state.snapshot import attributes_set
from tests.zoo.problems import Start

__all__ = ["CannotPasteError", "Repair"]

#: Arguments of the verbs, and of `compile`, that code may set by their names.
ARGUMENTS = ("batch_size", "class_weight", "sample_weight", "shuffle", "variables")
#: The arguments whose values are the settings of the test, not of the training.
OF_THE_TEST = ("max_loss", "min_skill")


class CannotPasteError(Exception):
    """Code for which nobody but a person knows the place."""


@dataclasses.dataclass
class Repair:
    """A training while it is repaired.

    Attributes:
        start: what is called; its arguments are changed.
        steps: of the training.
        names: what else the user's code knows, as classes of its own.
    """

    start: Start
    steps: int
    names: dict[str, Any] = dataclasses.field(default_factory=dict)
    _patches: list[tuple[Any, str, Any]] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        model = self.arguments.get("model")
        if model is not None and not isinstance(model, keras.Model):
            self.arguments["model"] = model()

    @property
    def arguments(self) -> dict[str, Any]:
        return self.start.arguments

    @property
    def model(self) -> Any:
        return self.arguments.get("model")

    @property
    def optimizer(self) -> Any:
        return self.model.optimizer if self.start.verb == "fit" else self.arguments["optimizer"]

    def patched(self) -> contextlib.AbstractContextManager[None]:
        """Edits inside of the user's functions, for as long as they are run."""
        return attributes_set(self._patches)

    def paste(self, fix: str) -> None:
        """Runs the code and puts what it makes in its place.

        Raises:
            CannotPasteError: code that has no place here.
        """
        if not fix.strip():
            raise CannotPasteError("no code")
        if "dataset" not in fix and re.search(r"\b[xy]\b", fix):
            self._read_rows()
        known, lines = self._known(), fix.splitlines()
        layers: dict[str, str] = {}
        for node in ast.parse(fix).body:
            comment = lines[(node.end_lineno or 1) - 1].partition("  # ")[2]
            named = re.match(r"layers? (.+)", comment)
            if named:
                layers.update(dict.fromkeys(named[1].split(", "), ast.unparse(node)))
            elif not self._is_argument(node, known):
                self._run(node, comment, known)
        if layers:
            self._rebuild(lambda layer: [eval(layers[layer.name], known)], layers)  # noqa: S307

    def _known(self) -> dict[str, Any]:
        known = {
            "__name__": "test_of_a_user",
            "keras": keras,
            "np": np,
            "tf": tf,
            **self._beside_the_call(),
            **self.names,
            **self.arguments,
        }
        if self.start.verb == "fit":
            known.update(dataset=self.arguments["x"])
        if self.start.verb == "fit" or self.arguments.get("optimizer") is not None:
            known["optimizer"] = self.optimizer
            known["schedule"] = learning_rate_held(self.optimizer)
        if self.model is not None:
            if not self.model.built:
                self.model(self._first_rows())
            known["variables"] = self.model.trainable_variables
        return known

    def _beside_the_call(self) -> dict[str, Any]:
        """What a loss or a step reads from around it: the code of its test stands there too."""
        given = (self.arguments.get(name) for name in ("loss", "step"))
        read = (
            inspect.getclosurevars(code).nonlocals for code in given if inspect.isfunction(code)
        )
        return {name: value for names in read for name, value in names.items()}

    def _first_rows(self) -> Any:
        x = self.arguments["x"]
        if isinstance(x, tf.data.Dataset):
            batch = next(iter(x))
            return batch[0] if isinstance(batch, tuple) else batch
        return keras.tree.map_structure(lambda array: np.asarray(array)[:4], x)

    def _read_rows(self) -> None:
        """Data sets as arrays, on which code about x and y can run."""
        x = self.arguments.get("x")
        if isinstance(x, tf.data.Dataset):
            self.arguments["batch_size"] = len(keras.tree.flatten(next(iter(x)))[0])
            rows = list(x.unbatch().as_numpy_iterator())
            columns = [np.stack(part) for part in zip(*rows, strict=True)]
            self.arguments.update(x=columns[0], y=columns[1], shuffle=True)
        for name in ("x", "y"):
            if self.arguments.get(name) is not None:
                self.arguments[name] = keras.tree.map_structure(np.asarray, self.arguments[name])

    def _is_argument(self, node: ast.stmt, known: dict[str, Any]) -> bool:
        """Sets an argument of the call or of `compile`, where the code is one."""
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            called = ast.unparse(node.value.func)
            if called in ("model.fit", "converge.fit"):
                for keyword in node.value.keywords:
                    value = eval(ast.unparse(keyword.value), known)  # noqa: S307
                    self.arguments[str(keyword.arg)] = value
                return True
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            return False
        name, value = node.targets[0].id, ast.unparse(node.value)
        if name == "steps":
            self.steps = eval(value, known)  # noqa: S307 - that it runs is what is checked
        elif name == "loss" and self.model is not None:
            self._compile(self.model, loss=eval(value, known))  # noqa: S307
        elif name in ARGUMENTS and name != "variables":
            self.arguments[name] = eval(value, known)  # noqa: S307
        else:
            return name in OF_THE_TEST
        return True

    def _run(self, node: ast.stmt, comment: str, known: dict[str, Any]) -> None:
        code = ast.unparse(node)
        if "without tf.stop_gradient" in comment:
            self._patches.append((tf, "stop_gradient", tf.identity))
            return
        if not isinstance(node, ast.Expr):
            before = dict(known)
            exec(code, known)  # noqa: S102 - that it runs is what is checked
            self._take(code, comment, before, known)
            return
        made = eval(code, known)  # noqa: S307
        if "no dtype=" in comment:
            policy = keras.config.dtype_policy().name
            names = dict.fromkeys((layer.name for layer in self.model.layers), "")
            self._rebuild(lambda layer: [_again(layer, dtype=policy)], names)
        if isinstance(made, (keras.optimizers.Optimizer, tf.compat.v1.train.Optimizer)):
            self._optimize_with(made, comment)
        elif isinstance(made, keras.layers.Layer) and comment == "as the first layer":
            self._in_front(made)
        elif isinstance(made, keras.layers.Layer) and comment == "before the output":
            self._before_the_output(made)
        elif isinstance(made, keras.layers.Layer) and not comment:
            output = output_layer(self.model)
            self._rebuild(lambda layer: [made], {output.name: code})
        elif comment == "as the first layer":  # the line that adapts it
            self._in_front(known["norm"])
        elif comment.startswith("in place of "):
            self._rebuild(lambda _: [known["norm"]], {comment.removeprefix("in place of "): ""})

    def _optimize_with(self, optimizer: Any, comment: str = "") -> None:
        if "instead of " in comment:
            kind = type(optimizer)
            used = optimizers_of(self.arguments["step"]).values()
            (old,) = (each for each in used if type(each) is kind)
            old.learning_rate.assign(optimizer.learning_rate)
        elif self.start.verb == "fit":
            self._compile(self.model, optimizer=optimizer)
        elif self.start.verb == "minimize":
            self.arguments["optimizer"] = optimizer
        else:
            self.optimizer.learning_rate.assign(optimizer.learning_rate)

    def _in_front(self, layer: Any) -> None:
        first = next(x for x in self.model.layers if not isinstance(x, keras.layers.InputLayer))
        self._rebuild(lambda old: [layer, _again(old)], {first.name: ""})

    def _before_the_output(self, layer: Any) -> None:
        output = output_layer(self.model)
        self._rebuild(lambda old: [layer, _again(old)], {output.name: ""})

    def _rebuild(self, make: Callable[[Any], list[Any]], names: dict[str, str]) -> None:
        """The model with other layers in the place of those with some names; weights are kept.

        Args:
            make: from an old layer to what takes its place, in their order.
            names: the keys are the names of the layers.
        """
        old = self.model
        if old is None:
            raise CannotPasteError("the model is held by a function")
        held = {layer.name: layer for layer in old.layers}
        missing = [name for name in names if name not in held]
        if missing:
            raise CannotPasteError(f"no layer {', '.join(missing)} at the top of the model")
        pairs = []

        def made_of(layer: Any) -> list[Any]:
            made = make(layer) if layer.name in names else [_again(layer)]
            pairs.append((layer, made[-1]))  # what is put before a layer is new
            return made

        if isinstance(old, keras.Sequential):
            parts = [part for layer in old.layers for part in made_of(layer)]
            model = keras.Sequential([keras.Input(old.input_shape[1:]), *parts])
        elif type(old) is keras.Model or type(old).__name__ == "Functional":

            def clone(layer: Any) -> Any:
                made = made_of(layer)
                return made[0] if len(made) == 1 else keras.Sequential(made)

            model = keras.models.clone_model(old, clone_function=clone)
        else:
            model = old
            for attribute, layer in list(vars(old).items()):
                if isinstance(layer, keras.layers.Layer) and layer.name in names:
                    setattr(model, attribute, made_of(layer)[0])
            model(self._first_rows())
        for before, after in pairs:
            _keep_weights(before, after)
        self._compile(model, like=old)
        self.arguments["model"] = model

    def _compile(
        self, model: Any, *, like: Any = None, optimizer: Any = None, loss: Any = None
    ) -> None:
        old = like or model
        optimizer = optimizer or type(old.optimizer).from_config(old.optimizer.get_config())
        model.compile(optimizer, loss or old.loss, metrics=compiled_metrics(old))

    def _take(self, code: str, comment: str, before: dict[str, Any], known: dict[str, Any]) -> None:
        """What the code has given other values."""
        for name, argument in (("x", "x"), ("y", "y"), ("dataset", "x")):
            if known.get(name) is not before.get(name):
                self.arguments[argument] = known[name]
        if known.get("optimizer") is not before.get("optimizer"):
            self._optimize_with(known["optimizer"])
        if "variables" in self.arguments:
            self.arguments["variables"] = known["variables"]
        if self.model is not None and "model" in code:
            model, old = known["model"], self.model
            if "before it is built" in comment:
                model = keras.models.clone_model(model)
                model(self._first_rows())
                model.set_weights(old.get_weights())
            self.arguments["model"] = model
            self._compile(model, like=old)


def _again(layer: Any, **changes: Any) -> Any:
    return type(layer).from_config({**layer.get_config(), **changes})


def _keep_weights(old: Any, new: Any) -> None:
    """The weights of a layer and the seeds of its random numbers, where it draws them alike."""
    theirs, ours = old.variables, new.variables
    alike = [tuple(v.shape) for v in theirs] == [tuple(v.shape) for v in ours]
    if alike and _initialisers(old) == _initialisers(new):
        for one, other in zip(theirs, ours, strict=True):
            other.assign(tf.cast(one, other.dtype))
        if hasattr(new, "finalize_state"):
            new.finalize_state()  # a normalisation reads its weights here


def _initialisers(layer: Any) -> dict[str, Any]:
    config = layer.get_config()
    return {name: value for name, value in config.items() if name.endswith("_initializer")}
