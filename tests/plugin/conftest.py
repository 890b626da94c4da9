"""Inner sessions of pytest, with the real runner or with a stand-in."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

FAKE = f"""
import sys

sys.path.insert(0, {str(Path(__file__).parent)!r})
import fake_runner

fake_runner.install()
"""


@pytest.fixture
def faked(pytester: pytest.Pytester) -> pytest.Pytester:
    """A pytester in which no training needs TensorFlow."""
    pytester.makeconftest(FAKE)
    return pytester


@pytest.fixture
def real(pytester: pytest.Pytester, tensorflow_loaded: None) -> pytest.Pytester:
    """A pytester with the real runner."""
    return pytester


@pytest.fixture
def on_terminal(pytester: pytest.Pytester) -> Callable[..., str]:
    """Runs pytest on a terminal of so many columns; returns what it wrote there."""
    pty = pytest.importorskip("pty", reason="pseudo-terminals are a thing of POSIX")
    fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")
    environment = {**os.environ, "TERM": "dumb", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    environment.pop("COLUMNS", None)

    def run(*arguments: str, columns: int = 80) -> str:
        main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        with subprocess.Popen(  # noqa: S603 - the suite's own Python
            [sys.executable, "-m", "pytest", *arguments],
            cwd=pytester.path,
            stdin=subprocess.DEVNULL,
            stdout=side,
            stderr=subprocess.DEVNULL,
            env=environment,
        ):
            os.close(side)
            output = b"".join(iter(lambda: _read(main), b""))
        os.close(main)
        return output.decode().replace("\r\n", "\n")

    return run


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""  # Linux says so when the other side is closed.
