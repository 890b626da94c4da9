"""What must be installed and set before a training; TensorFlow itself is not needed here."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.training.state.environment import (
    OLDEST_KERAS,
    OLDEST_TENSORFLOW,
    require_tensorflow,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

METADATA = Path(__file__).parents[3] / "pyproject.toml"
PROJECT = tomllib.loads(METADATA.read_text(encoding="utf-8"))["project"]


@pytest.fixture
def installed(monkeypatch):
    """Puts stand-ins in the place of TensorFlow and Keras; None for one that is missing."""

    def install(tensorflow="2.21.0", keras="3.15.0", backend="tensorflow"):
        tf = tensorflow and types.SimpleNamespace(__version__=tensorflow)
        config = types.SimpleNamespace(backend=lambda: backend)
        k = keras and types.SimpleNamespace(__version__=keras, backend=config)
        monkeypatch.setitem(sys.modules, "tensorflow", tf)
        monkeypatch.setitem(sys.modules, "keras", k)

    return install


@pytest.mark.parametrize("tensorflow", ["2.16.0", "2.16.0-rc0", "2.21.0", "2.30.1", "3.0.0"])
@pytest.mark.parametrize("keras", ["3.7.0", "3.15.0", "3.16.0.dev2026010103"])
def test_what_is_new_enough(installed, tensorflow, keras):
    installed(tensorflow=tensorflow, keras=keras)
    require_tensorflow()


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (
            {"tensorflow": None},
            (
                "got no TensorFlow (import of tensorflow halted; None in sys.modules); expected"
                " TensorFlow 2.16 or newer. Install it with: pip install"
                " 'pytest-converge[tensorflow]' (or tensorflow-cpu)."
            ),
        ),
        (
            {"tensorflow": "2.15.1"},
            (
                "got TensorFlow 2.15.1; expected TensorFlow 2.16 or newer."
                " Upgrade it with: pip install --upgrade tensorflow."
            ),
        ),
        (
            {"tensorflow": "2.9.0"},
            (
                "got TensorFlow 2.9.0; expected TensorFlow 2.16 or newer."
                " Upgrade it with: pip install --upgrade tensorflow."
            ),
        ),
        (
            {"tensorflow": "1.99.0"},
            (
                "got TensorFlow 1.99.0; expected TensorFlow 2.16 or newer."
                " Upgrade it with: pip install --upgrade tensorflow."
            ),
        ),
        (
            {"keras": None},
            (
                "got no usable Keras (import of keras halted; None in sys.modules);"
                " expected Keras 3.7 or newer. Install it with: pip install --upgrade keras."
            ),
        ),
        (
            {"keras": "2.15.0"},
            (
                "got Keras 2.15.0; expected Keras 3.7 or newer."
                " Upgrade it with: pip install --upgrade keras."
            ),
        ),
        (
            {"keras": "3.6.0"},
            (
                "got Keras 3.6.0; expected Keras 3.7 or newer."
                " Upgrade it with: pip install --upgrade keras."
            ),
        ),
        (
            {"backend": "jax"},
            (
                "got Keras on the backend 'jax'; expected the backend 'tensorflow'."
                ' Set KERAS_BACKEND=tensorflow (or "backend" in keras.json).'
            ),
        ),
    ],
)
def test_what_is_missing_or_too_old(installed, found, message):
    installed(**found)
    with pytest.raises(InvalidTrainingError) as caught:
        require_tensorflow()
    assert str(caught.value) == message


def test_the_oldest_versions_are_those_that_are_declared():
    needs = PROJECT["optional-dependencies"]["tensorflow"]
    assert set(needs) == {
        f"keras>={'.'.join(map(str, OLDEST_KERAS))}",
        f"tensorflow>={'.'.join(map(str, OLDEST_TENSORFLOW))}",
    }
