"""Threads of TensorFlow: given by the option, or shared out between worker processes."""

from __future__ import annotations

import os
import types

import pytest

from pytest_converge.plugin import threads

#: Shows what TensorFlow would be told, from within a test.
TOLD = """
import os

def told():
    return [os.environ.get(name, "") for name in {names!r}]

def test_other():
    print("\\nother", *told())

def test_training(converge):
    print("\\ntraining", *told())
    converge.fit("good")
"""


@pytest.fixture
def telling(faked: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A pytester whose tests print the variables; none is set."""
    for name in threads.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    faked.makepyfile(TOLD.format(names=threads.VARIABLES))
    return faked


def lines(result: pytest.RunResult) -> dict[str, list[str]]:
    words = [line.split() for line in result.outlines if line.strip()]
    return {first: rest for first, *rest in words if first in {"other", "training"}}


def test_nothing_is_changed_by_default(telling: pytest.Pytester) -> None:
    result = telling.runpytest_subprocess("-s")
    assert lines(result) == {"other": [], "training": []}


@pytest.mark.parametrize("given", ["--converge-threads=3", "-oconverge_threads=3"])
def test_the_option_is_for_the_whole_process(telling: pytest.Pytester, given: str) -> None:
    result = telling.runpytest_subprocess("-s", given)
    assert lines(result) == {"other": ["3", "3"], "training": ["3", "3"]}


def test_the_variables_are_as_before_afterwards(telling: pytest.Pytester) -> None:
    config = telling.parseconfig()
    threads._set_variables(config, 3)
    assert [os.environ[name] for name in threads.VARIABLES] == ["3", "3"]
    config._ensure_unconfigure()
    assert not any(name in os.environ for name in threads.VARIABLES)


def worker(processes: int | None, given: int | None = None) -> pytest.Config:
    """What there is of a worker process: told of so many that share its machine."""
    config = types.SimpleNamespace(cleanups=[])
    config.add_cleanup = config.cleanups.append
    config.stash = {threads.SETTINGS: types.SimpleNamespace(threads=given)}
    if processes is not None:
        config.workerinput = {threads.WORKER_KEY: processes}
    return config


@pytest.mark.parametrize(
    ("processes", "cores", "share"), [(2, 8, "4"), (3, 8, "2"), (4, 2, "1"), (1, 8, "8")]
)
def test_workers_share_the_cores(
    monkeypatch: pytest.MonkeyPatch, processes: int, cores: int, share: str
) -> None:
    monkeypatch.setattr(threads, "_cores", lambda: cores)
    monkeypatch.delitem(threads.sys.modules, "tensorflow", raising=False)
    for name in threads.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    config = worker(processes)
    threads.share_out(config)
    assert [os.environ[name] for name in threads.VARIABLES] == [share, share]
    config.cleanups.pop()()
    for unchanged in (worker(None), worker(processes, given=5)):
        threads.share_out(unchanged)
        assert unchanged.cleanups == []
    monkeypatch.setenv(threads.VARIABLES[0], "1")
    threads.share_out(config)
    assert config.cleanups == []


class Started:
    """A TensorFlow that takes a number of threads, unless it has started."""

    def __init__(self, *, started: bool) -> None:
        self.config, self.taken = types.SimpleNamespace(threading=self), []
        self.started = started

    def set_intra_op_parallelism_threads(self, number: int) -> None:
        if self.started:
            raise RuntimeError("Intra op parallelism cannot be modified after initialization.")
        self.taken.append(number)

    set_inter_op_parallelism_threads = set_intra_op_parallelism_threads


def test_a_tensorflow_that_was_imported_is_told_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_cores", lambda: 8)
    for name in threads.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for started, taken in ((False, [4, 4]), (True, [])):
        tensorflow = Started(started=started)
        monkeypatch.setitem(threads.sys.modules, "tensorflow", tensorflow)
        threads.share_out(worker(2))
        assert tensorflow.taken == taken


def test_a_number_that_comes_too_late_is_a_usage_error(
    telling: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(threads.sys.modules, "tensorflow", Started(started=True))
    result = telling.runpytest("--converge-threads=3")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*got --converge-threads=3 for a TensorFlow that has started; *"])
    assert not any(name in os.environ for name in threads.VARIABLES)


def test_workers_are_counted_by_machine() -> None:
    xspec = pytest.importorskip("execnet").XSpec
    specs = [xspec(text) for text in ("popen", "popen//id=b", "ssh=host", "popen//id=c")]
    counted = []
    for spec in specs:
        node = types.SimpleNamespace(
            nodemanager=types.SimpleNamespace(specs=specs),
            gateway=types.SimpleNamespace(spec=spec),
            workerinput={},
        )
        threads.tell_worker(node)
        counted.append(node.workerinput[threads.WORKER_KEY])
    assert counted == [3, 3, 1, 3]


def test_worker_processes_in_a_session(telling: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    telling.makepyfile(
        TOLD.format(names=threads.VARIABLES)
        + "\n    (here,) = set(told())\n    assert int(here) >= 1\n"
    )
    result = telling.runpytest_subprocess("-n2", "-k", "training")
    result.assert_outcomes(passed=1)
