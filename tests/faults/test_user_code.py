"""Whatever the code of a test does, its verdict and the summary are what they must be."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.conftest import Fault

Check = Callable[[Fault], pytest.RunResult]

ONE = "1 training converged"
ONE_BAD = "1 training did not converge"
FAULTS = [
    Fault(
        name="skips after a training",
        source="""
import pytest

def test_it(converge):
    converge.fit("good")
    pytest.skip("no more")
""",
        outcomes={"skipped": 1},
        tally=ONE,
    ),
    Fault(
        name="skips before",
        source="import pytest\ndef test_it(converge): pytest.skip('no')",
        outcomes={"skipped": 1},
    ),
    Fault(
        name="fails after a training",
        source="def test_it(converge):\n    converge.fit('good')\n    assert not 1",
        outcomes={"failed": 1},
        code=1,
        tally=ONE,
    ),
    Fault(
        name="expects what does not come",
        source="""
import pytest

@pytest.mark.xfail(strict=True)
def test_it(converge):
    converge.fit("good")
""",
        outcomes={"failed": 1},
        code=1,
        tally=ONE,
    ),
    Fault(
        name="expects what does not come, and does not mind",
        source="import pytest\n@pytest.mark.xfail\ndef test_it(converge): converge.fit('good')",
        outcomes={"xpassed": 1},
        tally=ONE,
    ),
    Fault(
        name="swallows the failure",
        source="""
def test_it(converge):
    try:
        converge.fit("bad")
    except AssertionError:
        pass
""",
        outcomes={"passed": 1},
        tally="1 training, 1 failed in tests that passed",
    ),
    Fault(
        name="swallows it and fails as expected",
        source="""
import pytest

@pytest.mark.xfail(strict=True, raises=OSError)
def test_it(converge):
    with pytest.raises(AssertionError):
        converge.fit("bad")
    raise OSError
""",
        outcomes={"xfailed": 1},
        tally="1 training, 1 failed as expected",
    ),
    Fault(
        name="swallows a refusal",
        source="""
def test_it(converge):
    try:
        converge.fit("invalid")
    except ValueError:
        pass
""",
        outcomes={"failed": 1},
        code=1,
        lines=["got no training from *, whose call was refused (got no data; *"],
    ),
    Fault(
        name="trains in a fixture",
        source="""
import pytest

@pytest.fixture
def trained(converge):
    return converge.fit("good")

def test_it(trained):
    assert trained.passed
""",
        outcomes={"passed": 1},
        tally=ONE,
    ),
    Fault(
        name="fails in a fixture",
        source="""
import pytest

@pytest.fixture
def trained(converge):
    return converge.fit("bad")

def test_it(trained): pass
""",
        outcomes={"errors": 1},
        code=1,
        tally=ONE_BAD,
    ),
    Fault(
        name="asks for it in a fixture of the session",
        source="""
import pytest

@pytest.fixture(scope="session")
def trained(converge):
    return converge.fit("good")

def test_it(trained): pass
""",
        outcomes={"errors": 1},
        code=1,
        lines=["*ScopeMismatch*"],
    ),
    Fault(
        name="asks for it while it runs",
        source="def test_it(request):\n    request.getfixturevalue('converge').fit('good')",
        outcomes={"passed": 1},
        tally=ONE,
    ),
    Fault(
        name="asks for it while it runs, and trains nothing",
        source="def test_it(request):\n    request.getfixturevalue('converge')",
        outcomes={"failed": 1},
        code=1,
        lines=["got no training from a test with the *"],
    ),
    Fault(
        name="fails at its tear-down",
        source="""
import pytest

@pytest.fixture
def closing():
    yield
    raise OSError("closed")

def test_it(closing, converge):
    converge.fit("good")
""",
        outcomes={"passed": 1, "errors": 1},
        code=1,
        tally=ONE,
    ),
    Fault(
        name="trains while it is torn down",
        source="""
import pytest

@pytest.fixture
def closing(converge):
    yield
    converge.fit("bad")

def test_it(closing, converge):
    converge.fit("good")
""",
        outcomes={"passed": 1, "errors": 1},
        code=1,
        tally="2 trainings, 1 did not converge",
    ),
    Fault(
        name="is interrupted",
        source="def test_it(converge): converge.fit('interrupted')\ndef test_b(): pass",
        outcomes=None,
        lines=["*KeyboardInterrupt*"],
        code=2,
        process=True,
    ),
    Fault(
        name="exits",
        source="import sys\ndef test_it(converge):\n    converge.fit('good')\n    sys.exit(0)",
        outcomes={"failed": 1},
        code=1,
        tally=ONE,
    ),
    Fault(
        name="ends the session",
        source="""
import pytest

def test_it(converge):
    converge.fit("good")
    pytest.exit("enough", 7)
""",
        outcomes={},
        code=7,
    ),
    Fault(
        name="is of unittest",
        source="""
import unittest
import pytest

@pytest.mark.converges
class TestIt(unittest.TestCase):
    def test_it(self): pass
""",
        outcomes={"errors": 1},
        code=1,
        lines=["*unittest.TestCase*"],
    ),
    Fault(
        name="is asynchronous",
        source="async def test_it(converge): pass",
        outcomes={"errors": 1},
        code=1,
        lines=["*got test_it, an async test, with the marker converges; *"],
    ),
    Fault(
        name="lies beside doctests",
        source="'''\n>>> 1 + 1\n2\n'''\ndef test_it(converge): converge.fit('good')\n",
        arguments=["--doctest-modules"],
        outcomes={"passed": 2},
        tally=ONE,
    ),
    Fault(
        name="moves away",
        source="""
import os

def test_it(converge, tmp_path):
    os.chdir(tmp_path)
    converge.fit("good")
""",
        arguments=["--converge-json=a.json"],
        outcomes={"passed": 1},
        tally=ONE,
        lines=["- generated convergence report: *a.json -"],
        process=True,
    ),
    Fault(
        name="stops the clock",
        source="""
import time

def test_it(converge, monkeypatch):
    monkeypatch.setattr(time, "perf_counter", lambda: 0.0)
    monkeypatch.setattr(time, "monotonic", lambda: 0.0)
    converge.fit("good")
""",
        outcomes={"passed": 1},
        tally=ONE,
    ),
    Fault(
        name="has a fixture of the same name",
        source="""
import pytest

@pytest.fixture
def converge():
    return 1

def test_it(converge):
    assert converge == 1
""",
        outcomes={"passed": 1},
    ),
    Fault(
        name="has a parameter of the same name",
        source="""
import pytest

@pytest.mark.parametrize("learning_rate", [0.1, 0.2])
def test_it(learning_rate):
    assert learning_rate
""",
        outcomes={"passed": 2},
    ),
    Fault(
        name="is marked and trains nothing",
        source="import pytest\n@pytest.mark.converges\ndef test_it(): pass",
        outcomes={"failed": 1},
        code=1,
        lines=["got no training from a test with the marker converges; *"],
    ),
    Fault(
        name="warns, and warnings are errors",
        source="""
import warnings

def test_it(converge):
    converge.fit("good")
    warnings.warn("own words")
""",
        arguments=["-Werror"],
        outcomes={"failed": 1},
        code=1,
        tally=ONE,
    ),
    Fault(
        name="cannot be collected",
        source="def test_it(converge:\n    pass",
        outcomes={"errors": 1},
        code=2,
    ),
    Fault(
        name="trains a hundred times",
        source="def test_it(converge):\n    for _ in range(100): converge.fit('good')",
        outcomes={"passed": 1},
        tally="100 trainings converged",
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_test_that(check: Check, fault: Fault) -> None:
    check(fault)
