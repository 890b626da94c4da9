"""What must be installed and set before a training can run."""

from __future__ import annotations

from pytest_converge.core.errors import invalid

__all__ = ["require_tensorflow"]

#: The first TensorFlow whose `tf.keras` is Keras 3.
OLDEST_TENSORFLOW = (2, 16)
#: The first Keras whose optimizers keep their learning rate where it is looked for.
OLDEST_KERAS = (3, 7)


def require_tensorflow() -> None:
    """Imports TensorFlow and Keras, or says what is missing.

    Raises:
        InvalidTrainingError: TensorFlow or Keras is missing or too old, or Keras runs on another
            backend.
    """
    try:
        import tensorflow as tf
    except ImportError as error:
        remedy = "Install it with: pip install 'pytest-converge[tensorflow]' (or tensorflow-cpu)."
        raise invalid(f"no TensorFlow ({error})", "TensorFlow 2.16 or newer", remedy) from error
    version = tf.__version__
    if _two_parts(version) < OLDEST_TENSORFLOW:
        remedy = "Upgrade it with: pip install --upgrade tensorflow."
        raise invalid(f"TensorFlow {version}", "TensorFlow 2.16 or newer", remedy)
    try:
        import keras
    except ImportError as error:
        remedy = "Install it with: pip install --upgrade keras."
        raise invalid(f"no usable Keras ({error})", "Keras 3.7 or newer", remedy) from error
    if _two_parts(keras.__version__) < OLDEST_KERAS:
        given = f"Keras {keras.__version__}"
        remedy = "Upgrade it with: pip install --upgrade keras."
        raise invalid(given, "Keras 3.7 or newer", remedy)
    if keras.backend.backend() != "tensorflow":
        given = f"Keras on the backend {keras.backend.backend()!r}"
        remedy = 'Set KERAS_BACKEND=tensorflow (or "backend" in keras.json).'
        raise invalid(given, "the backend 'tensorflow'", remedy)


def _two_parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])
