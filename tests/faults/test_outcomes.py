"""What docs/what-can-go-wrong.md promises, row by row, and what it says of files."""

from __future__ import annotations

import fnmatch
import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from pytest_converge.baselines.files.document import dumps
from pytest_converge.core.finding import GATE_CODES
from tests.plugin.conftest import FAKE
from tests.recorded import recorded
from tests.test_packaging import codes, read, tables

PAGE = "docs/what-can-go-wrong.md"
ROWS = {what: rest for what, *rest in tables(PAGE, "what happens")}
#: How pytest counts the outcomes that the page names.
COUNTED = {"error": "errors", "none runs": None, "none is judged": None}

GATED = """
from pathlib import Path
import pytest

@pytest.mark.converges(baseline=True)
def test_it(converge):
    converge.fit(float(Path("level").read_text()) if Path("level").exists() else 0.0)
"""
MARKED = "import pytest\n@pytest.mark.converges{}\n{}"
#: The modules by what happens in them.
SOURCES = {
    "a training converges": "def test_it(converge): converge.fit('good')",
    "a gate fails": "def test_it(converge): converge.fit('bad')",
    "a gate fails, and the test catches it": """
import pytest
from pytest_converge import ConvergenceError

def test_it(converge):
    with pytest.raises(ConvergenceError):
        converge.fit("bad")
""",
    "a gate fails in a test marked `xfail`": """
import pytest

@pytest.mark.xfail(strict=True)
def test_it(converge): converge.fit("bad")
""",
    "a call is refused": "def test_it(converge): converge.fit('invalid')",
    "a call is refused, and the test catches it": """
import pytest

def test_it(converge):
    with pytest.raises(ValueError):
        converge.fit("invalid")
""",
    "the marker has a mistake": MARKED.format("(steps=0)", "def test_it(converge): pass"),
    "a marked test trains nothing": MARKED.format("", "def test_it(): pass"),
    "the marker is on a `unittest.TestCase`": "import unittest\n"
    + MARKED.format("", "class TestIt(unittest.TestCase):\n    def test_it(self): pass"),
    "the marker is on an async test": MARKED.format("", "async def test_it(): pass"),
    "your own code raises": """
def test_it(converge):
    converge.fit("good")
    raise OSError("own words")
""",
    "the session is interrupted": "def test_it(converge): converge.fit('interrupted')",
    "a worker process of pytest-xdist dies": "import os\ndef test_it(converge): os._exit(3)",
    **dict.fromkeys(
        [
            "a baseline is missing",
            "a baseline is recorded",
            "a training is worse than its baseline",
            "the file of a baseline was changed by hand",
            "the file of a baseline has a merge conflict",
        ],
        GATED,
    ),
}
ARGUMENTS = {
    "a baseline is recorded": ["--converge-baseline=new"],
    "an option has a wrong value": ["--converge-steps=many"],
    "a report cannot be written where it should be": ["--converge-json=no/a.json"],
    "pictures cannot be drawn where they should be": ["--converge-plots=test_a.py"],
    "the other revision does not exist": ["--converge-ab=nowhere"],
    "a worker process of pytest-xdist dies": ["-n1"],
    "a training is longer than `--converge-timeout`": ["--converge-timeout=1e-6"],
}
#: What needs TensorFlow, or its absence, in place of the stand-in.
REAL = "a training is longer than `--converge-timeout`"
ABSENT = "TensorFlow is not installed"
TRAINING = """
import keras, tensorflow as tf

def test_it(converge):
    w = tf.Variable(3.0)
    converge.minimize(lambda: (w - 1) ** 2, [w], keras.optimizers.SGD({rate}))
"""


def files(folder: Path) -> list[Path]:
    """The baselines below a folder."""
    return sorted(folder.glob("**/__converge__/*/*.json"))


def prepare(pytester: pytest.Pytester, what: str) -> None:
    """What has happened before the session."""
    if what in {
        "a training is worse than its baseline",
        "the file of a baseline was changed by hand",
        "the file of a baseline has a merge conflict",
    }:
        pytester.runpytest_inprocess("--converge-baseline=new", "-pno:randomly")
    if what == "a training is worse than its baseline":
        (pytester.path / "level").write_text("1.0")
    for path in files(pytester.path):
        text = path.read_text()
        if "changed by hand" in what:
            path.write_text(
                text.replace('"batch_loss"', '"x"').replace('"commit": ""', '"commit": "1"')
            )
            assert path.read_text() != text
        elif "merge conflict" in what:
            path.write_text(f"<<<<<<< ours\n{text}=======\n{text}>>>>>>> theirs\n")


@pytest.mark.parametrize("what", ROWS)
def test_it_is_as_the_page_says(
    pytester: pytest.Pytester, tensorflow_loaded: None, what: str
) -> None:
    seen, outcome, code = ROWS[what]
    arguments: Sequence[str] = ARGUMENTS.get(what, ())
    if "-n1" in arguments:
        pytest.importorskip("xdist")
    conftest = {REAL: "", ABSENT: "import sys\nsys.modules['tensorflow'] = None\n"}
    pytester.makeconftest(conftest.get(what, FAKE))
    default = TRAINING.format(rate=0.1) if what == REAL else SOURCES["a training converges"]
    pytester.makepyfile(test_a=SOURCES.get(what, default))
    prepare(pytester, what)
    own = what in {ABSENT, "the session is interrupted"}
    run = pytester.runpytest_subprocess if own else pytester.runpytest_inprocess
    result = run(*arguments, "-pno:randomly")
    assert result.ret == int(code)
    counted = COUNTED.get(outcome, outcome)
    if counted is not None:
        result.assert_outcomes(**{counted: 1})
    text = result.stdout.str() + result.stderr.str()
    assert codes(seen)
    for part in codes(seen):
        assert part in text
    assert "INTERNALERROR" not in text


def test_every_source_and_argument_is_of_a_row() -> None:
    assert SOURCES.keys() | ARGUMENTS.keys() | {REAL, ABSENT} == ROWS.keys()


def test_the_page_names_every_gate() -> None:
    paragraph = re.search(r"^A gate that fails .+?\n\n", read(PAGE), re.MULTILINE | re.DOTALL)
    assert paragraph is not None
    assert tuple(codes(paragraph[0])) == GATE_CODES


# ---- files and the network ----------------------------------------------------------------------


def test_the_files_that_a_session_writes_are_those_of_the_page(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(FAKE)
    pytester.makepyfile(test_a=GATED)
    before = set(pytester.path.rglob("*"))
    outputs = ("--converge-json=a.json", "-pno:randomly", "-pno:cacheprovider")
    pytester.runpytest("--converge-baseline=new", *outputs)
    (pytester.path / "level").write_text("1.0")
    pytester.runpytest(*outputs).assert_outcomes(failed=1)
    written = {
        path.relative_to(pytester.path).as_posix()
        for path in set(pytester.path.rglob("*")) - before
        if path.is_file() and "__pycache__" not in path.parts
    }
    named = [code for row in tables(PAGE, "file") for code in codes(row[0]) if "<" in code]
    patterns = [re.sub(r"<\w+>", "*", name) for name in named]
    written -= {"level"}
    assert len(written) == 3
    for name in written:
        assert any(fnmatch.fnmatch(name, pattern) for pattern in patterns), name


def blocked(*_: object, **__: object) -> None:
    raise AssertionError("a session asked for the network")


@pytest.fixture
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("connect", "connect_ex", "sendto", "bind"):
        monkeypatch.setattr(socket.socket, name, blocked, raising=False)
    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, name, blocked)


@pytest.mark.usefixtures("_no_network")
def test_the_network_is_blocked_where_it_is_not_wanted() -> None:
    with pytest.raises(AssertionError, match="network"):
        socket.create_connection(("localhost", 9))
    with socket.socket() as own, pytest.raises(AssertionError, match="network"):
        own.connect(("localhost", 9))


@pytest.mark.usefixtures("_no_network", "tensorflow_loaded")
def test_nothing_goes_to_the_network(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_good=TRAINING.format(rate=0.1),
        # A rate that diverges, so that a diagnosis is made.
        test_bad=TRAINING.format(rate=1.5),
    )
    # Beside pytest-xdist reruns are counted by a server.
    others = ("-pno:randomly", "-pno:rerunfailures")
    result = pytester.runpytest("--converge-json=a.json", *others)
    result.assert_outcomes(passed=1, failed=1)
    trainings = json.loads((pytester.path / "a.json").read_text())["trainings"]
    assert [training.get("cause") for training in trainings] == ["learning-rate-too-high", None]


#: Reads a file under a watch on all that runs code, opens a process or loads a module by a name.
WATCHED = """
import sys
from pathlib import Path

from pytest_converge.baselines.files import store
from pytest_converge.command.main import main

seen = []
CODE = ("compile", "exec", "import")
OTHER = ("os.exec", "os.system", "pickle.find_class", "subprocess.Popen")

def watch(event, args):
    # Modules of the package and the library are imported where they are used first.
    if event in OTHER or (event in CODE and "touch" in str(args)):
        seen.append((event, args))

sys.addaudithook(watch)
for reader in (lambda: store.read(Path(sys.argv[1])), lambda: main(["show", sys.argv[1]])):
    try:
        reader()
    except Exception as error:
        assert type(error).__name__ == "BaselineFileError", error
print("SEEN", seen)
"""
ATTACK = "__import__('os').system('touch ATTACK')"


def _sound(path: Path) -> None:
    values = {"settings": {"metric": None, ATTACK: ATTACK}, "reason": ATTACK, "commit": ATTACK}
    path.write_text(dumps([recorded(test=ATTACK, **values)]))


def _code(path: Path) -> None:
    path.write_text(ATTACK)


def _pickled(path: Path) -> None:
    path.write_bytes(b"cos\nsystem\n(S'touch ATTACK'\ntR.")


@pytest.mark.parametrize("write", [_sound, _code, _pickled], ids=lambda each: each.__name__)
def test_nothing_in_a_baseline_is_executed(tmp_path: Path, write: Callable[[Path], None]) -> None:
    path = tmp_path / "test_it--0123456789.json"
    write(path)
    root = Path(__file__).parents[2]
    done = subprocess.run(  # noqa: S603 - the suite's own Python
        [sys.executable, "-c", WATCHED, str(path)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.rstrip().endswith("SEEN []"), done.stdout
    assert {each.name for each in tmp_path.iterdir()} == {path.name}
