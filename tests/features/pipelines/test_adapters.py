"""Pipelines of several kinds behind one interface."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.features.pipelines.adapters import (
    Adaptable,
    Function,
    PairFunction,
    Transformer,
    pipeline_for,
)

X = np.random.default_rng(0).normal(3, 2, (40, 2))


class Centre:
    """As Keras' layers, without being one."""

    def adapt(self, data):
        self.mean = data.mean(axis=0)

    def __call__(self, data):
        return data - self.mean


def scaled(data, by=2.0):
    return data / by


def of_both(train, other):
    return train - train.mean(axis=0), other - train.mean(axis=0)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (scaled, Function),
        (lambda x: x, Function),
        (functools.partial(scaled, by=3.0), Function),
        (of_both, PairFunction),
        (Centre(), Adaptable),
        (np.log1p, Function),
    ],
)
def test_the_adapter_is_chosen_by_what_was_given(given, kind):
    assert type(pipeline_for(given)) is kind


def test_a_transformer_is_fitted_as_a_copy():
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    scaler = preprocessing.StandardScaler()
    pipeline = pipeline_for(scaler)
    assert isinstance(pipeline, Transformer)
    assert pipeline.given() is None
    fitted = pipeline.fitted(X)
    assert fitted.transform(X).mean() == pytest.approx(0, abs=1e-12)
    assert fitted.names() == ("x0", "x1")
    assert not hasattr(scaler, "mean_")
    assert pipeline_for(scaler.fit(X)).given() is not None


def test_a_pipeline_with_a_fitted_step_is_fitted():
    sklearn = pytest.importorskip("sklearn.pipeline")
    from sklearn.preprocessing import StandardScaler

    pipeline = sklearn.make_pipeline(StandardScaler())
    assert pipeline_for(pipeline).given() is None
    assert pipeline_for(pipeline.fit(X)).given() is not None


def test_what_is_adapted_is_adapted_as_a_copy():
    centre = Centre()
    fitted = pipeline_for(centre).fitted(X)
    assert fitted.transform(X).mean() == pytest.approx(0, abs=1e-12)
    assert not hasattr(centre, "mean")
    assert fitted.reloaded(X).transform(X) == pytest.approx(X - X.mean(axis=0))


def test_a_function_of_both_keeps_the_training_rows():
    fitted = pipeline_for(of_both).fitted(X)
    assert fitted.transform(X[:1]) == pytest.approx(X[:1] - X.mean(axis=0))
    with pytest.raises(InvalidTrainingError, match="the features of both"):
        pipeline_for(lambda train, other: other).fitted(X).transform(X)


def test_functions_are_not_saved_and_objects_are():
    assert pipeline_for(scaled).reloaded(X) is None
    assert pipeline_for(functools.partial(scaled, by=4.0)).reloaded(X).transform(4.0) == 1.0


@pytest.mark.parametrize(
    ("given", "said"),
    [(3, "got pipeline=3 (int)"), (Centre, "got the class Centre")],
)
def test_what_makes_no_features_is_refused(given, said):
    with pytest.raises(InvalidTrainingError) as caught:
        pipeline_for(given)
    assert str(caught.value).startswith(said)
