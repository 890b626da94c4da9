"""Pipelines of several libraries behind one interface: fit on a copy, transform, save and load.

scikit-learn's transformers (and what looks like them), objects with `adapt` and a call, plain
functions of the data, and functions of training data and other data. Keras layers are in
`keras_pipelines`, which is imported for them alone.
"""

from __future__ import annotations

import copy
import inspect
import sys
from typing import Any

from pytest_converge.core.errors import InvalidTrainingError, complaint, shown
from pytest_converge.features.pipelines.pipeline import Pipeline

__all__ = ["pipeline_for"]


class Transformer(Pipeline):
    """What has `fit` and `transform`, as in scikit-learn."""

    takes_targets = True

    def given(self) -> Pipeline | None:
        """A copy, if the object has attributes that only fitting gives (they end in `_`)."""
        return self.copy() if _is_fitted(self.own) else None

    def fitted(self, train: Any, targets: Any = None) -> Pipeline:
        """A copy fitted to `train`, with the targets where there are some."""
        twin = self.copy()
        _ = twin.own.fit(train) if targets is None else twin.own.fit(train, targets)
        return twin

    def transform(self, data: Any) -> Any:
        """What `transform` gives."""
        return self.own.transform(data)

    def in_training(self, data: Any, targets: Any = None) -> Any:
        """What `fit_transform` gives, on another copy."""
        own = self.copy().own
        if not hasattr(own, "fit_transform"):
            return None
        return own.fit_transform(data) if targets is None else own.fit_transform(data, targets)

    def names(self) -> tuple[str, ...]:
        """What `get_feature_names_out` gives, if anything."""
        try:
            return tuple(map(str, self.own.get_feature_names_out()))
        except Exception:  # noqa: BLE001 - many transformers in a pipeline do not have it
            return ()


class Adaptable(Pipeline):
    """What has `adapt` and is called, without being a Keras layer; nothing tells if it was."""

    def fitted(self, train: Any, targets: Any = None) -> Pipeline:
        """A copy adapted to `train`."""
        twin = self.copy()
        twin.own.adapt(train)
        return twin


class Function(Pipeline):
    """A function of the data."""

    fits = False

    def reloaded(self, data: Any) -> Pipeline | None:
        """Functions are code; objects that are called go through pickle."""
        return None if inspect.isroutine(self.own) else super().reloaded(data)


class PairFunction(Function):
    """A function of training data and other data, which returns the features of both."""

    fits = True

    def __init__(self, own: Any, train: Any = None) -> None:
        super().__init__(own)
        self.train = train

    def fitted(self, train: Any, targets: Any = None) -> Pipeline:
        """Keeps the training data for each call."""
        return PairFunction(self.own, train)

    def copy(self) -> Pipeline:
        """Another one with the same training data."""
        return type(self)(copy.deepcopy(self.own), self.train)

    def transform(self, data: Any) -> Any:
        """The features of the other data."""
        return self.both(data)[1]

    def both(self, data: Any) -> tuple[Any, Any]:
        """The features of the training data and of `data`.

        Raises:
            InvalidTrainingError: it does not return two.
        """
        output = self.own(self.train, data)
        if not isinstance(output, (tuple, list)) or len(output) != 2:
            given = f"{shown(output)} from {self.name}(train, other)"
            remedy = "Return both: return train_features, other_features."
            raise InvalidTrainingError(complaint(given, "the features of both", remedy))
        return output[0], output[1]


def pipeline_for(given: Any) -> Pipeline:
    """The adapter for what the user passed.

    Raises:
        InvalidTrainingError: nothing that makes features of data.
    """
    keras = sys.modules.get("keras")
    if keras is not None and isinstance(given, keras.layers.Layer):
        from pytest_converge.features.pipelines.keras_pipelines import keras_pipeline

        return keras_pipeline(given)
    if inspect.isclass(given):
        name = given.__name__
        remedy = f"Write {name}()."
        raise InvalidTrainingError(complaint(f"the class {name}", "an object of it", remedy))
    if hasattr(given, "fit") and hasattr(given, "transform"):
        return Transformer(given)
    if hasattr(given, "adapt") and callable(given):
        return Adaptable(given)
    if callable(given):
        return PairFunction(given) if _takes_two(given) else Function(given)
    expected = "a transformer, a preprocessing layer, or a function of the data"
    remedy = "Pass what has fit and transform, adapt and a call, or can be called."
    raise InvalidTrainingError(complaint(f"pipeline={shown(given)}", expected, remedy))


def _takes_two(function: Any) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [p for p in parameters if p.kind in places and p.default is p.empty]
    return len(needed) == 2


def _is_fitted(own: Any) -> bool:
    """True where an attribute ends in `_`, as those that fitting gives; also of a step."""
    steps = [step for _, step in getattr(own, "steps", ())]
    if steps:
        return any(_is_fitted(step) for step in steps if hasattr(step, "__dict__"))
    names = vars(own) if hasattr(own, "__dict__") else {}
    return any(name.endswith("_") and not name.startswith("_") for name in names)
