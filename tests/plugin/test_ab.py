"""`--converge-ab`: the same tests at another revision, in a repository made for the purpose."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SOURCE = """
import pytest
from net import level

@pytest.mark.converges(baseline=True)
@pytest.mark.parametrize("number", [0, 1])
def test_it(converge, number):
    converge.fit(level)

@pytest.mark.converges(baseline=True)
class TestIn:
    def test_two(self, converge):
        converge.fit(level)
        converge.fit(level, steps=7)

def test_plain():
    pass
"""
INI = "[pytest]\npythonpath = lib\n"


def git(folder: Path, *arguments: str) -> str:
    names = ("-c", "user.name=n", "-c", "user.email=e@x", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(folder), *names, *arguments]
    done = subprocess.run(  # noqa: S603 - git with the arguments below
        command, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for temporary files of the inner sessions."""
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture
def repository(
    faked: pytest.Pytester, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    """A repository with one commit, in which the loss is that of level 0; tests lie in `tests`."""
    monkeypatch.setenv("TMPDIR", str(temporary))
    root = faked.path
    (root / "lib").mkdir()
    (root / "tests").mkdir()
    (root / "lib" / "net.py").write_text("level = 0.0\n")
    (root / "tests" / "test_a.py").write_text(SOURCE)
    (root / "pytest.ini").write_text(INI)
    (root / ".gitignore").write_text("__pycache__\n.pytest_cache\n")
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    return faked


def level(pytester: pytest.Pytester, value: float) -> None:
    (pytester.path / "lib" / "net.py").write_text(f"level = {value}\n")


def left_behind(pytester: pytest.Pytester) -> list[str]:
    """Temporary files, worktrees and baselines that should not be there."""
    files = [path.name for path in Path(os.environ["TMPDIR"]).iterdir()]
    trees = git(pytester.path, "worktree", "list").splitlines()[1:]
    stored = [path.name for path in pytester.path.glob("**/__converge__")]
    return [name for name in files if name.startswith("pytest-converge")] + trees + stored


@pytest.mark.parametrize("arguments", [("-p", "no:xdist"), ("-n2",)])
def test_equal_code_passes_and_nothing_is_left(
    repository: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    if arguments == ("-n2",):
        pytest.importorskip("xdist")
    result = repository.runpytest_subprocess("-v", "--converge-ab=HEAD", *arguments)
    result.assert_outcomes(passed=4)
    commit = git(repository.path, "rev-parse", "HEAD")
    result.stdout.fnmatch_lines(
        [
            f"converge: running 1 test files at HEAD ({commit[:10]})",
            "  baseline: passed at the look 'signature' against HEAD, whole curve equal",
            "convergence: 4 trainings converged, *",
        ]
    )
    shown = [line for line in result.outlines if line.startswith("  baseline: passed")]
    assert len(shown) == 4
    assert left_behind(repository) == []


@pytest.mark.parametrize("arguments", [(), ("-n2",)])
def test_worse_code_fails_and_names_the_revision(
    repository: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    if arguments:
        pytest.importorskip("xdist")
    git(repository.path, "tag", "before")
    level(repository, 0.5)
    git(repository.path, "commit", "-qam", "two")
    result = repository.runpytest_subprocess("--converge-ab=before", *arguments)
    result.assert_outcomes(failed=3, passed=1)
    result.stdout.fnmatch_lines(
        [
            "E       *: worse-than-baseline: trains worse than before: 65 % worse in 4 runs",
            "E       reproduce: pytest 'tests/test_a.py::test_it[[]0[]]' --converge-ab=before",
        ]
    )


@pytest.mark.slow
def test_selected_tests_alone_are_run_there(repository: pytest.Pytester, temporary: Path) -> None:
    test = repository.path / "tests" / "test_a.py"
    log = temporary / "log"
    said = f"    open({str(log)!r}, 'a').write(f'{{number}} ')\n    converge.fit(level)"
    test.write_text(SOURCE.replace("    converge.fit(level)", said, 1))
    git(repository.path, "commit", "-qam", "two")
    arguments = ("--converge-ab=HEAD", "tests/test_a.py::test_it[1]")
    repository.runpytest_subprocess(*arguments).assert_outcomes(passed=1)
    assert log.read_text() == "1 1 "


@pytest.mark.slow
def test_from_a_folder_inside_the_repository(repository: pytest.Pytester) -> None:
    arguments = ("--converge-ab=HEAD", "-v", "test_a.py")
    command = [sys.executable, "-m", "pytest", *arguments]
    folder = repository.path / "tests"
    done = subprocess.run(  # noqa: S603 - the suite's own Python
        command, capture_output=True, text=True, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("passed at the look 'signature' against HEAD") == 4


@pytest.mark.slow
def test_tests_that_are_not_there_are_named(repository: pytest.Pytester) -> None:
    tests = repository.path / "tests"
    (tests / "test_b.py").write_text(SOURCE)
    (tests / "test_a.py").write_text(SOURCE.replace("[0, 1]", "[0, 1, 2]"))
    result = repository.runpytest_subprocess("--converge-ab=HEAD", "-v")
    result.assert_outcomes(passed=9)
    result.stdout.fnmatch_lines(
        [
            "  baseline: no such test at HEAD",
            "tests that HEAD does not have, which were compared with nothing:",
            "  tests/test_a.py::test_it[[]2[]]",
            "  tests/test_b.py::TestIn::test_two",
            "  tests/test_b.py::test_it[[]0[]]",
            "  tests/test_b.py::test_it[[]1[]]",
        ]
    )


def test_only_new_files_need_no_session_there(repository: pytest.Pytester) -> None:
    (repository.path / "tests" / "test_b.py").write_text(SOURCE)
    result = repository.runpytest_subprocess("--converge-ab=HEAD", "tests/test_b.py")
    result.assert_outcomes(passed=4)
    result.stdout.no_fnmatch_line("converge: running*")
    result.stdout.fnmatch_lines(["tests that HEAD does not have, *"])


def test_a_test_that_fails_there_is_an_error_with_its_reason(repository: pytest.Pytester) -> None:
    test = repository.path / "tests" / "test_a.py"
    test.write_text(SOURCE.replace("    converge.fit(level)", "    raise OSError('no disk')", 1))
    git(repository.path, "commit", "-qam", "broken")
    test.write_text(SOURCE)
    result = repository.runpytest_subprocess("--converge-ab=HEAD")
    result.assert_outcomes(failed=2, passed=2)
    pattern = "*InvalidTrainingError: got no runs of this test at HEAD (OSError: no disk); *"
    result.stdout.fnmatch_lines([pattern])


def test_a_module_that_cannot_be_imported_there_too(repository: pytest.Pytester) -> None:
    level(repository, 1)
    (repository.path / "lib" / "net.py").write_text("lvel = 0\n")
    git(repository.path, "commit", "-qam", "broken")
    level(repository, 0.0)
    result = repository.runpytest_subprocess("--converge-ab=HEAD")
    result.assert_outcomes(failed=3, passed=1)
    result.stdout.fnmatch_lines(["*got no runs of this test at HEAD (ImportError: cannot import*"])


@pytest.mark.slow
def test_a_training_that_failed_its_gates_there_is_compared(repository: pytest.Pytester) -> None:
    level(repository, 0.5)
    test = repository.path / "tests" / "test_a.py"
    check = "import pytest\ndef pytest_converge_check(record):\n"
    finding = "    from pytest_converge import Finding\n    return Finding(code='c', message='m')\n"
    conftest = repository.path / "tests" / "conftest.py"
    conftest.write_text(check + finding)
    git(repository.path, "add", "-A")
    git(repository.path, "commit", "-qm", "failing")
    conftest.unlink()
    level(repository, 0.0)
    assert test.is_file()
    result = repository.runpytest_subprocess("--converge-ab=HEAD", "-v")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["  note better-than-baseline: trains better than HEAD: *"])


@pytest.mark.slow
def test_stored_baselines_are_neither_read_nor_written(repository: pytest.Pytester) -> None:
    repository.runpytest_subprocess("--converge-baseline=new")
    files = {path: path.read_bytes() for path in repository.path.glob("tests/__converge__/*/*")}
    assert len(files) == 3
    for path in files:
        path.write_bytes(b"broken")
    repository.runpytest_subprocess("--converge-ab=HEAD").assert_outcomes(passed=4)
    assert {path.read_bytes() for path in files} == {b"broken"}


@pytest.mark.slow
def test_without_any_baseline_it_says_that_nothing_was_compared(
    repository: pytest.Pytester,
) -> None:
    test = repository.path / "tests" / "test_a.py"
    test.write_text(SOURCE.replace("baseline=True", ""))
    result = repository.runpytest_subprocess("--converge-ab=HEAD")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["nothing was compared with HEAD: no training has baseline=True"])


def test_modules_from_the_working_tree_are_an_error_that_names_them(
    repository: pytest.Pytester,
) -> None:
    lib = repository.path / "lib"
    (repository.path / "pytest.ini").write_text("[pytest]\n")
    conftest = repository.path / "tests" / "conftest.py"
    conftest.write_text(f"import sys\nsys.path.insert(0, {str(lib)!r})\n")
    git(repository.path, "add", "-A")
    git(repository.path, "commit", "-qm", "as an editable installation does")
    result = repository.runpytest_subprocess("--converge-ab=HEAD")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    pattern = f"ERROR: got --converge-ab=HEAD with net imported from {repository.path}; *"
    result.stderr.fnmatch_lines([pattern])
    assert left_behind(repository) == []


@pytest.mark.slow
def test_what_is_on_the_python_path_is_taken_from_the_other_side(
    repository: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository.path / "pytest.ini").write_text("[pytest]\n")
    git(repository.path, "commit", "-qam", "no path")
    entries = [os.environ.get("PYTHONPATH", ""), str(repository.path / "lib")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, entries)))
    level(repository, 0.5)
    repository.runpytest_subprocess("--converge-ab=HEAD").assert_outcomes(failed=3, passed=1)


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [(), ("-n2",)])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("--converge-ab=nothing", "got --converge-ab=nothing; expected a revision of this repo*"),
        ("--converge-ab=HEAD:lib", "got --converge-ab=HEAD:lib; expected a revision of this repo*"),
    ],
)
def test_an_unknown_revision_is_a_usage_error(
    repository: pytest.Pytester, given: str, message: str, arguments: tuple[str, ...]
) -> None:
    if arguments:
        pytest.importorskip("xdist")
    result = repository.runpytest_subprocess(given, *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])
    result.stderr.no_fnmatch_line("*Traceback*")
    assert left_behind(repository) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--converge-ab=",), "got --converge-ab=; expected a git revision. *"),
        (("--converge-ab=--help",), "got --converge-ab=--help; expected a git revision. *"),
        (
            ("--converge-ab=HEAD", "--converge-baseline=new"),
            "got --converge-ab=HEAD with --converge-baseline=new; expected one of them. *",
        ),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    faked: pytest.Pytester, arguments: tuple[str, ...], message: str
) -> None:
    faked.makepyfile("def test_it(): pass")
    result = faked.runpytest(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])


def test_outside_of_a_repository(faked: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(faked.path.parent))
    faked.makepyfile("def test_it(): pass")
    result = faked.runpytest_subprocess("--converge-ab=HEAD")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: got --converge-ab=HEAD in *; expected a git repository.*"])


def test_without_git(repository: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    result = repository.runpytest_subprocess("--converge-ab=HEAD")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: got --converge-ab=HEAD and no git (*); expected git. *"])


def test_a_session_there_that_ends_in_an_error_is_shown(repository: pytest.Pytester) -> None:
    (repository.path / "pytest.ini").write_text(INI + "addopts = --no-such-option\n")
    git(repository.path, "commit", "-qam", "broken")
    (repository.path / "pytest.ini").write_text(INI)
    result = repository.runpytest_subprocess("--converge-ab=HEAD")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: got --converge-ab=HEAD, where pytest ends with exit code 4; *",
            "*unrecognized arguments: --no-such-option*",
        ]
    )


def test_only_collecting_runs_nothing_there(repository: pytest.Pytester) -> None:
    result = repository.runpytest_subprocess("--converge-ab=HEAD", "--collect-only")
    result.stdout.no_fnmatch_line("converge: running*")
    assert left_behind(repository) == []


@pytest.mark.skipif(os.name == "nt", reason="signals are a thing of POSIX")
def test_an_interruption_leaves_nothing(repository: pytest.Pytester, temporary: Path) -> None:
    test = repository.path / "tests" / "test_a.py"
    sign = temporary / "running"
    slow = f"    open({str(sign)!r}, 'w').close(); import time; time.sleep(60)\n"
    test.write_text(SOURCE.replace("    converge.fit(level)\n", slow, 1))
    git(repository.path, "commit", "-qam", "slow")
    # A job in the background is started with the signal ignored, and so are its children.
    program = (
        "import signal, sys, pytest\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.exit(pytest.main(['--converge-ab=HEAD']))"
    )
    with subprocess.Popen(  # noqa: S603 - the program stands above
        [sys.executable, "-c", program],
        cwd=repository.path,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        _wait_for(sign)
        os.kill(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == pytest.ExitCode.INTERRUPTED, output
    assert left_behind(repository) == []


def _wait_for(path: Path) -> None:
    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.slow
def test_sessions_that_tests_start_are_told_nothing(
    repository: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository.path / "tests" / "test_b.py").write_text(
        """
import subprocess, sys
import pytest

@pytest.mark.converges(baseline=True)
def test_it(converge, tmp_path):
    inner = tmp_path / "test_inner.py"
    inner.write_text("def test_plain(): pass")
    command = [sys.executable, "-m", "pytest", "-q", "--rootdir", str(tmp_path), str(inner)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "1 passed" in done.stdout, done.stdout
    converge.fit(0.0)
"""
    )
    git(repository.path, "add", "-A")
    git(repository.path, "commit", "-qm", "two")
    result = repository.runpytest("--converge-ab=HEAD", "tests/test_b.py")
    result.assert_outcomes(passed=1)
    assert left_behind(repository) == []
