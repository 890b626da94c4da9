"""Pipelines of several libraries behind one interface: fit on a copy, transform, save and load.

scikit-learn's transformers (and what looks like them), objects with `adapt` and a call, plain
functions of the data, and functions of training data and other data. Keras layers are in
`keras_pipelines`, which is imported for them alone.
"""

from __future__ import annotations

import copy
import inspect
import pickle
import sys
from typing import Any, Protocol

from pytest_converge.core.errors import InvalidTrainingError, complaint, shown

__all__ = ["Pipeline", "pipeline_for"]


class Pipeline(Protocol):
    """A pipeline that is never the user's own object, but a copy of it.

    Attributes:
        name: in a few words.
        fits: True where it learns anything from training data.
        takes_targets: True where fitting takes targets.
    """

    name: str
    fits: bool
    takes_targets: bool

    def given(self) -> Pipeline | None:
        """As the user gave it, where that was fitted already."""

    def fitted(self, train: Any, targets: Any = None) -> Pipeline:
        """A copy fitted to `train`."""

    def transform(self, data: Any) -> Any:
        """The features of `data`."""

    def in_training(self, data: Any, targets: Any = None) -> Any:
        """The features that a training on `data` sees; None where there is one way only."""

    def names(self) -> tuple[str, ...]:
        """Names of the features; empty where it has none."""

    def copy(self) -> Pipeline:
        """Another one in the same state."""

    def reloaded(self, data: Any) -> Pipeline | None:
        """Saved and loaded; None for code, which is not saved. `data` are what it takes."""


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


class Transformer:
    """What has `fit` and `transform`, as in scikit-learn."""

    def __init__(self, own: Any) -> None:
        self.own = own
        self.name = type(own).__name__
        self.fits, self.takes_targets = True, True

    def given(self) -> Pipeline | None:
        """A copy, if the object has attributes that only fitting gives (they end in `_`)."""
        return Transformer(copy.deepcopy(self.own)) if _is_fitted(self.own) else None

    def fitted(self, train: Any, targets: Any = None) -> Pipeline:
        """A copy fitted to `train`, with the targets where there are some."""
        own = copy.deepcopy(self.own)
        _ = own.fit(train) if targets is None else own.fit(train, targets)
        return Transformer(own)

    def transform(self, data: Any) -> Any:
        """What `transform` gives."""
        return self.own.transform(data)

    def in_training(self, data: Any, targets: Any = None) -> Any:
        """What `fit_transform` gives, on another copy."""
        own = copy.deepcopy(self.own)
        if not hasattr(own, "fit_transform"):
            return None
        return own.fit_transform(data) if targets is None else own.fit_transform(data, targets)

    def names(self) -> tuple[str, ...]:
        """What `get_feature_names_out` gives, if anything."""
        try:
            return tuple(map(str, self.own.get_feature_names_out()))
        except Exception:  # noqa: BLE001 - many transformers in a pipeline do not have it
            return ()

    def copy(self) -> Pipeline:
        """Another one in the same state."""
        return Transformer(copy.deepcopy(self.own))

    def reloaded(self, data: Any) -> Pipeline | None:
        """Through pickle."""
        return Transformer(_through_pickle(self.own))


class Plain:
    """What makes features in one way only, and has no names for them."""

    def in_training(self, data: Any, targets: Any = None) -> Any:
        """There is one way only."""
        return None

    def names(self) -> tuple[str, ...]:
        """It has none."""
        return ()


class Adaptable(Plain):
    """What has `adapt` and is called, without being a Keras layer."""

    def __init__(self, own: Any) -> None:
        self.own = own
        self.name = type(own).__name__
        self.fits, self.takes_targets = True, False

    def given(self) -> Pipeline | None:
        """Unknown: nothing tells whether it was adapted."""
        return None

    def fitted(self, train: Any, targets: Any = None) -> Pipeline:
        """A copy adapted to `train`."""
        own = copy.deepcopy(self.own)
        own.adapt(train)
        return Adaptable(own)

    def transform(self, data: Any) -> Any:
        """What a call gives."""
        return self.own(data)

    def copy(self) -> Pipeline:
        """Another one in the same state."""
        return Adaptable(copy.deepcopy(self.own))

    def reloaded(self, data: Any) -> Pipeline | None:
        """Through pickle."""
        return Adaptable(_through_pickle(self.own))


class Function(Plain):
    """A function of the data."""

    def __init__(self, own: Any) -> None:
        self.own = own
        self.name = getattr(own, "__name__", type(own).__name__)
        self.fits = self.takes_targets = False

    def given(self) -> Pipeline | None:
        """There is nothing to be fitted."""
        return None

    def fitted(self, train: Any, targets: Any = None) -> Pipeline:
        """A copy, where it is an object."""
        return Function(copy.deepcopy(self.own))

    def transform(self, data: Any) -> Any:
        """What it returns."""
        return self.own(data)

    def copy(self) -> Pipeline:
        """Another one in the same state, where it is an object."""
        return Function(copy.deepcopy(self.own))

    def reloaded(self, data: Any) -> Pipeline | None:
        """Functions are code; objects that are called go through pickle."""
        if inspect.isroutine(self.own):
            return None
        return Function(_through_pickle(self.own))


class PairFunction(Function):
    """A function of training data and other data, which returns the features of both."""

    def __init__(self, own: Any, train: Any = None) -> None:
        super().__init__(own)
        self.train = train
        self.fits = True

    def fitted(self, train: Any, targets: Any = None) -> Pipeline:
        """Keeps the training data for each call."""
        return PairFunction(self.own, train)

    def copy(self) -> Pipeline:
        """Another one with the same training data."""
        return PairFunction(copy.deepcopy(self.own), self.train)

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


def _through_pickle(own: Any) -> Any:
    return pickle.loads(pickle.dumps(own))  # noqa: S301 - dumped in the same line
