"""The tests on all versions that are declared to work, each in an environment of its own.

    nox --list                  the sessions
    nox -s tests-3.12           one Python, with the oldest and newest TensorFlow and pytest
    nox -s newest -- tests/core the newest of all, other tests

A Python that is not there is skipped. Without paths behind `--` the matrix runs the tests in
.ci/part.txt: what meets other packages first, and what is quick.
"""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import nox

PYTHONS = nox.project.python_versions(nox.project.load_toml("pyproject.toml"))
PART = Path(".ci", "part.txt").read_text(encoding="utf-8").split()
#: tensorflow-cpu is built for x86 alone, and not for macOS.
FOR_X86 = sys.platform != "darwin" and platform.machine().lower() in ("x86_64", "amd64")
TENSORFLOW = "tensorflow-cpu" if FOR_X86 else "tensorflow"

nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["lint", "types", "newest", "examples"]


def install(session: nox.Session, *oldest: str, extras: str = "dev") -> None:
    """The package with TensorFlow, the named packages as old as is declared to work."""
    held = session.run("python", ".ci/lowest.py", *oldest, silent=True) if oldest else ""
    needs = str(held).split()
    session.install("-e", f".[{TENSORFLOW},{extras}]", *needs)


def test(session: nox.Session, paths: list[str]) -> None:
    """The tests there, or those that were asked for."""
    session.run("python", "-m", "pytest", "-p", "no:cacheprovider", *(session.posargs or paths))


@nox.session(python=PYTHONS)
@nox.parametrize("pytest", ["oldest", "newest"])
@nox.parametrize("tensorflow", ["oldest", "newest"])
def tests(session: nox.Session, tensorflow: str, pytest: str) -> None:
    """A part of the tests on one pair of versions."""
    keras = [TENSORFLOW, "keras"] if tensorflow == "oldest" else []
    install(session, *keras, *(["pytest"] if pytest == "oldest" else []))
    test(session, PART)


@nox.session(python=PYTHONS[-1])
def newest(session: nox.Session) -> None:
    """A part of the tests on the newest of all."""
    install(session)
    test(session, PART)


@nox.session(python=False)
def floor(session: nox.Session) -> None:
    """A part of the tests on the oldest of all, and on legacy Keras of its age."""
    session.run("bash", ".ci/floor", external=True)


@nox.session(python=PYTHONS[-1])
def legacy(session: nox.Session) -> None:
    """The tests about legacy Keras, beside the newest TensorFlow."""
    install(session)
    program = "import tensorflow as tf; print('.'.join(tf.__version__.split('.')[:2]))"
    version = str(session.run("python", "-c", program, silent=True)).split()[-1]
    # It asks for the distribution tensorflow, which may be there under another name.
    session.install("--no-deps", f"tf_keras=={version}.*")
    test(session, ["tests/training/adapters/test_legacy_keras.py"])


@nox.session(python=PYTHONS[-1])
def examples(session: nox.Session) -> None:
    """The examples, as the README installs them."""
    session.install(f".[{TENSORFLOW},examples]")
    test(session, ["examples"])


@nox.session(python=PYTHONS[-1])
def trackers(session: nox.Session) -> None:
    """The recipes for experiment trackers, offline, with what they are for."""
    install(session)
    session.install("mlflow-skinny>=3", "wandb>=0.20")
    test(session, ["tests/test_trackers.py"])


@nox.session(python=PYTHONS[-1])
def mutation(session: nox.Session) -> None:
    """Changes of the code that no test notices: all, or `-- "pytest_converge.checks.*"`."""
    install(session)
    session.install("mutmut>=3.8")
    session.run("mutmut", "run", *session.posargs)
    session.run("mutmut", "results")


@nox.session
def lint(session: nox.Session) -> None:
    """Rules and layout."""
    session.install(*needs_of("ruff"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(python=PYTHONS[-1])
def types(session: nox.Session) -> None:
    """Annotations."""
    install(session)
    session.run("mypy", "--strict")


def needs_of(*names: str) -> list[str]:
    """What the extra dev says about packages."""
    project = nox.project.load_toml("pyproject.toml")["project"]
    return [need for need in project["optional-dependencies"]["dev"] if need.startswith(names)]
