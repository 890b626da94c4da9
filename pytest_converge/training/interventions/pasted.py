"""Objects of Keras written as the code that makes them, for users to paste."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import keras

__all__ = [
    "Code",
    "call",
    "compiled_loss",
    "found",
    "layer_lines",
    "literal",
    "settings_of",
    "short",
    "written",
]

#: What turns the short form of an argument into the object that a configuration holds.
GETTERS = {
    "initializer": keras.initializers.get,
    "regularizer": keras.regularizers.get,
    "constraint": keras.constraints.get,
    "activation": keras.activations.get,
}
#: Kinds of objects, each with a module of its own name in Keras.
MODULES = ("layers", "regularizers", "initializers", "constraints", "optimizers", "losses")


#: Settings that Keras gives every layer: one of the user's need not take them.
OF_KERAS = frozenset({"autocast", "dtype", "trainable"})


class Code(str):
    """A value that is code already."""

    __slots__ = ()


class _UnwritableError(Exception):
    """A value that no code can be written for, as a lambda."""


def settings_of(kind: type) -> dict[str, Any]:
    """The arguments that make an object of a class, with their defaults.

    Args:
        kind: a class whose base classes take the arguments that it passes on by `**kwargs`.
    """
    found: dict[str, Any] = {}
    for owner in kind.__mro__:
        if "__init__" not in vars(owner) or owner is object:
            continue
        parameters = list(inspect.signature(vars(owner)["__init__"]).parameters.values())[1:]
        for parameter in parameters:
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                found.setdefault(parameter.name, parameter.default)
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    return found


def call(kind: type, config: Mapping[str, Any], *, keep: Iterable[str] = ()) -> str:
    """The call that makes an object of a class, as `keras.layers.Dense(32, activation="relu")`.

    Args:
        kind: its class.
        config: its settings; those at their defaults are left out.
        keep: settings to be written although they are at their defaults.
    """
    shown: list[str] = []
    for place, (name, default) in enumerate(settings_of(kind).items()):
        if name not in config:
            continue
        value, needed = config[name], default is inspect.Parameter.empty
        if not needed and name not in keep and _is_default(name, value, default, kind):
            continue
        # People write SGD(0.1) and L2(0.01), but Dense(8, activation="relu").
        first = place == 0 and isinstance(value, (int, float)) and not isinstance(value, bool)
        shown.append(literal(value) if needed or first else f"{name}={literal(value)}")
    return f"{_path(kind)}({', '.join(shown)})"


def layer_lines(changes: Iterable[tuple[keras.layers.Layer, Mapping[str, Any]]]) -> str:
    """Layers with some settings changed, one a line; a comment names those that become so.

    Args:
        changes: layers of Keras, or of the user with configurations of their own, and their new
            settings.

    Returns:
        The lines, without layers that cannot say how they were made.
    """
    lines: dict[str, list[str]] = {}
    for layer, settings in changes:
        made = _made(layer, settings)
        if made:
            lines.setdefault(made, []).append(layer.name)
    return "\n".join(
        f"{made}  # layer{'s' if len(names) > 1 else ''} {', '.join(names)}"
        for made, names in lines.items()
    )


def found(layer: keras.layers.Layer) -> str:
    """The code by which a user gets hold of a layer of `model`, or of the model itself."""
    return "model" if isinstance(layer, keras.Model) else f'model.get_layer("{layer.name}")'


def _made(layer: keras.layers.Layer, settings: Mapping[str, Any]) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a lambda, which is refused here too
            config = layer.get_config()
        return call(type(layer), {**config, **settings})
    except (NotImplementedError, _UnwritableError):  # the first is what Keras raises
        return ""


def literal(value: Any) -> str:
    """A value as code: short numbers, and objects of Keras by the call that makes them."""
    text = repr(value)
    if isinstance(value, float):
        text = _float(value)
    elif isinstance(value, Code):
        text = str(value)
    elif isinstance(value, str):
        text = f'"{value}"' if '"' not in text and "\\" not in text else text
    elif isinstance(value, (tuple, list)):
        inside = ", ".join(literal(part) for part in value)
        comma = "," if len(value) == 1 else ""
        text = f"[{inside}]" if isinstance(value, list) else f"({inside}{comma})"
    elif isinstance(value, Mapping):
        text = _object(value) if "class_name" in value else _dict(value)
    elif hasattr(value, "get_config"):
        text = call(type(value), value.get_config())
    elif callable(value):
        text = getattr(value, "__name__", "")
        if not text.isidentifier():
            raise _UnwritableError
    return text


def written(value: Any) -> str:
    """A value as code; empty where it holds something that no code can be written for."""
    try:
        return literal(value)
    except _UnwritableError:
        return ""


def compiled_loss(loss: Any) -> tuple[str, str]:
    """What code calls a function that a model is compiled with, and the line that makes it so.

    Returns:
        Its own name and no line, or `own` and the line that gets it from `model`, where it has
        none, or one that is known in its class or the function that makes it alone.
    """
    name, bound = getattr(loss, "__name__", ""), hasattr(loss, "__self__")
    inside = getattr(loss, "__qualname__", name).rpartition(".<locals>.")[0].rpartition(".")[2]
    known = not inside or inside.startswith("test")  # what a function makes has no name outside
    return (
        (name, "") if name.isidentifier() and not bound and known else ("own", "own = model.loss\n")
    )


def short(value: Any) -> str:
    """A value for a sentence: the code without the place of a class, as `L1(0.05)`."""
    try:
        return re.sub(r"keras\.[a-z_.]*(?=[A-Z])", "", literal(value))
    except _UnwritableError:
        return type(value).__name__


def _dict(value: Mapping[str, Any]) -> str:
    if list(value) == ["value"]:  # of a lambda Keras keeps the bytes
        raise _UnwritableError
    return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"


def _object(serialised: Mapping[str, Any]) -> str:
    """An object in the form in which Keras saves it."""
    name, config = serialised["class_name"], serialised["config"]
    if name == "DTypePolicy":
        return literal(config["name"])
    if not isinstance(config, Mapping):  # a function is saved by its name
        return str(config)
    own = str(serialised.get("module") or "").rpartition(".")[2]  # some names are in two modules
    modules = sorted(MODULES, key=lambda module: module != own)
    kinds = [getattr(getattr(keras, module), name, None) for module in modules]
    kind = next((kind for kind in kinds if isinstance(kind, type)), None)
    if kind is not None:
        return call(kind, config)
    arguments = (
        f"{key}={literal(value)}"
        for key, value in config.items()
        if key != "name" and not (key in OF_KERAS and _is_default(key, value, None, object))
    )
    return f"{name}({', '.join(arguments)})"


def _path(kind: type) -> str:
    """The public name of a class of Keras; the plain name of one of the user's."""
    if not kind.__module__.startswith("keras."):
        return kind.__name__
    for module in (*MODULES, "optimizers.schedules"):
        place: Any = keras
        for part in module.split("."):
            place = getattr(place, part)
        if getattr(place, kind.__name__, None) is kind:
            return f"keras.{module}.{kind.__name__}"
    return kind.__name__


def _is_default(name: str, value: Any, default: Any, kind: type) -> bool:
    """True for a setting that need not be written."""
    if name == "name":
        return value in (None, default) or _is_given_by_keras(value, kind)
    if name == "data_format":
        return value in (None, keras.config.image_data_format())
    if name == "dtype":
        held = value.get("config", {}).get("name") if isinstance(value, Mapping) else value
        return held in (None, keras.config.dtype_policy().name)
    if value == default or (name in ("trainable", "autocast") and value is True):
        return True
    getter = GETTERS.get(name.rpartition("_")[2]) if "activity" not in name else None
    if getter is None:
        return isinstance(value, (list, tuple)) and tuple(value) == default
    usual = keras.saving.serialize_keras_object(getter(default))
    held = value if value is None or isinstance(value, Mapping) else getter(value)
    return bool(value == usual or keras.saving.serialize_keras_object(held) == usual)


def _is_given_by_keras(name: str, kind: type) -> bool:
    """True for a name that Keras makes of that of the class, as `dense_1`."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", kind.__name__).lower()
    plain = re.sub(r"_\d+$", "", re.sub(r"^(forward|backward)_", "", name))
    return plain.replace("_", "") == snake.replace("_", "")


def _float(value: float) -> str:
    """Without the digits that float32 adds, and never as a whole number: Keras refuses some."""
    text = f"{value:.7g}"
    return f"{text}.0" if text.lstrip("-").isdigit() else text
