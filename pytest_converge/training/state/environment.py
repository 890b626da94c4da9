"""What must be installed and set before a training can run."""

from __future__ import annotations

from pytest_converge.core.errors import invalid

__all__ = ["require_tensorflow"]

#: The first TensorFlow whose `tf.keras` is Keras 3.
OLDEST_TENSORFLOW = (2, 16)


def require_tensorflow() -> None:
    """Imports TensorFlow and Keras, or says what is missing.

    Raises:
        InvalidTrainingError: TensorFlow is missing or too old, or Keras runs on another backend.
    """
    try:
        import tensorflow as tf
    except ImportError as error:
        remedy = "Install it with: pip install 'pytest-converge[tensorflow]' (or tensorflow-cpu)."
        raise invalid(f"no TensorFlow ({error})", "TensorFlow 2.16 or newer", remedy) from error
    version = tf.__version__
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_TENSORFLOW:
        remedy = "Upgrade it with: pip install --upgrade tensorflow."
        raise invalid(f"TensorFlow {version}", "TensorFlow 2.16 or newer", remedy)
    try:
        import keras
    except ImportError as error:
        remedy = "Install it with: pip install --upgrade keras."
        raise invalid(f"no usable Keras ({error})", "Keras 3", remedy) from error
    if keras.__version__.startswith("2."):
        given = f"Keras {keras.__version__}"
        remedy = "Upgrade it with: pip install --upgrade keras."
        raise invalid(given, "Keras 3", remedy)
    if keras.backend.backend() != "tensorflow":
        given = f"Keras on the backend {keras.backend.backend()!r}"
        remedy = 'Set KERAS_BACKEND=tensorflow (or "backend" in keras.json).'
        raise invalid(given, "the backend 'tensorflow'", remedy)
