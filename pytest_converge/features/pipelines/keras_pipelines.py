"""Keras' preprocessing layers, models of these, and `FeatureSpace` as pipelines."""

from __future__ import annotations

import copy
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.features.pipelines.pipeline import Pipeline

__all__ = ["keras_pipeline"]


def keras_pipeline(own: Any) -> Pipeline:
    """The adapter for a layer, a model or a feature space."""
    return (FeatureSpacePipeline if isinstance(own, keras.utils.FeatureSpace) else KerasLayer)(own)


class KerasLayer(Pipeline):
    """A preprocessing layer, or a model of some."""

    def __init__(self, own: Any) -> None:
        super().__init__(own)
        self.name, self.fits = type(own).__name__, hasattr(own, "adapt")

    def given(self) -> Pipeline | None:
        """A copy, if the layer was adapted or brings its statistics."""
        if not self.fits or not _was_adapted(self.own):
            return None
        return KerasLayer(_copied(self.own))

    def fitted(self, train: Any, targets: Any = None) -> Pipeline:
        """A copy adapted to `train`; a plain copy of a layer that does not adapt."""
        own = _copied(self.own)
        if self.fits and not _brings_statistics(self.own):
            own.adapt(_ready(train))
        return KerasLayer(own)

    def transform(self, data: Any) -> Any:
        """What a call in inference mode gives."""
        return _called(self.own, _ready(data), training=False)

    def in_training(self, data: Any, targets: Any = None) -> Any:
        """What a call in training mode gives, on another copy."""
        return _called(_copied(self.own), _ready(data), training=True)

    def copy(self) -> Pipeline:
        """The same layer: a call in inference mode does not change it."""
        return self

    def reloaded(self, data: Any) -> Pipeline | None:
        """Through a `.keras` file."""
        model = self.own
        if not isinstance(model, keras.Model):
            inputs = keras.tree.map_structure(_input, _ready(data))
            model = keras.Model(inputs, self.own(inputs))
        return KerasLayer(_through_file(model))


class FeatureSpacePipeline(Pipeline):
    """A `keras.utils.FeatureSpace`, which a call does not change."""

    def __init__(self, own: Any) -> None:
        super().__init__(own)
        self.name = type(own).__name__

    def given(self) -> Pipeline | None:
        """The object itself, if it was adapted."""
        return self if self.own.built else None

    def fitted(self, train: Any, targets: Any = None) -> Pipeline:
        """A new one of the same configuration, adapted to `train`."""
        own = keras.utils.FeatureSpace.from_config(self.own.get_config())
        own.adapt(tf.data.Dataset.from_tensor_slices(_columns(train)))
        return FeatureSpacePipeline(own)

    def transform(self, data: Any) -> Any:
        """What a call gives."""
        return self.own({key: tf.convert_to_tensor(v) for key, v in _columns(data).items()})

    def copy(self) -> Pipeline:
        """The same object."""
        return self

    def reloaded(self, data: Any) -> Pipeline | None:
        """Through a `.keras` file."""
        return FeatureSpacePipeline(_through_file(self.own))


def _through_file(model: Any) -> Any:
    # Keras' own warnings about its files are none of the user's.
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = str(Path(folder) / "pipeline.keras")
        model.save(path)
        return keras.saving.load_model(path)


def _copied(own: Any) -> Any:
    """A copy with the same state; a model by its configuration and weights."""
    if isinstance(own, keras.Model):
        twin = keras.models.clone_model(own)
        twin.set_weights(own.get_weights())
        for old, new in zip(own.layers, twin.layers, strict=True):
            if hasattr(old, "save_own_variables") and hasattr(old, "adapt"):
                _copy_state(old, new)
        return twin
    config = getattr(own, "get_config", None)
    if hasattr(own, "adapt") and not _brings_statistics(own) and not _was_adapted(own) and config:
        settings = config()
        if settings.get("bin_boundaries") == []:  # Keras 3.7 says so of none, and refuses it
            del settings["bin_boundaries"]
        return type(own).from_config(settings)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a copy goes through a file too
            twin = copy.deepcopy(own)
            if getattr(own, "num_bins", None) and hasattr(own, "input_bin_boundaries"):
                twin.input_bin_boundaries = None  # Keras 3.7 takes adapted ones for given ones
            return twin
    except Exception:  # noqa: BLE001 - a layer that Keras cannot save cannot be copied either
        return own  # without `adapt`, and in inference mode, nothing changes it


def _called(own: Any, data: Any, *, training: bool) -> Any:
    try:
        return own(data, training=training)
    except TypeError as error:
        if "training" not in str(error):
            raise
        return own(data)


def _copy_state(old: Any, new: Any) -> None:
    """The vocabulary of a lookup, the boundaries of a discretization, the mean of a norm."""
    state: dict[str, Any] = {}
    old.save_own_variables(state)
    if state:
        new.load_own_variables(state)
    if hasattr(old, "get_vocabulary") and old.vocabulary_size() > 1:
        new.set_vocabulary(old.get_vocabulary(include_special_tokens=False))


def _brings_statistics(own: Any) -> bool:
    """True where the layer was built with its mean, vocabulary or boundaries."""
    if hasattr(own, "bin_boundaries"):
        return own.num_bins is None
    return any(getattr(own, name, None) is not None for name in ("input_mean", "input_vocabulary"))


def _was_adapted(own: Any) -> bool:
    if _brings_statistics(own):
        return False
    if hasattr(own, "vocabulary_size"):
        return int(own.vocabulary_size()) > int(getattr(own, "num_oov_indices", 1) or 0) + (
            getattr(own, "mask_token", None) is not None
        )
    if hasattr(own, "bin_boundaries"):
        return bool(own.bin_boundaries)  # None, and in Keras 3.7 an empty list, before
    # A normalisation that was called without having been adapted has mean 0 and variance 1.
    mean, variance = getattr(own, "adapt_mean", None), getattr(own, "adapt_variance", None)
    if mean is None or variance is None:
        return False
    ends = keras.ops.any(mean != 0.0), keras.ops.any(variance != 1.0)
    return any(bool(end) for end in ends)


def _ready(data: Any) -> Any:
    """Data as a layer takes them: tables as one matrix, text as strings."""
    if isinstance(data, Mapping):
        return {key: _ready(value) for key, value in data.items()}
    return tf.convert_to_tensor(data.to_numpy() if hasattr(data, "to_numpy") else data)


def _input(tensor: Any) -> Any:
    return keras.Input(tuple(tensor.shape[1:]), dtype=tensor.dtype.name)


def _columns(data: Any) -> dict[str, Any]:
    if isinstance(data, Mapping):
        return {str(key): np.asarray(value) for key, value in data.items()}
    return {str(column): np.asarray(data[column].to_numpy()) for column in data.columns}
