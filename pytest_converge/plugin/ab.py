"""`--converge-ab`: the same tests at another revision, run first, then compared with.

The main session, or the controller of worker processes, checks the revision out into a folder of
its own and runs pytest there once. That session is told by an environment variable where to leave
its runs, and by a file there which tests are wanted. Beside the runs it leaves a report: which
tests it has, which failed, and which modules came from the working tree of the main session instead
of its own. The main session and its workers read both.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from pytest_converge.core.errors import complaint, invalid
from pytest_converge.plugin import marker
from pytest_converge.plugin.options import ROOT_VARIABLE, Settings
from pytest_converge.plugin.worktree import (
    Revision,
    find_revision,
    outside_of_hooks,
    worktree,
)

if TYPE_CHECKING:
    from pytest_converge.core.baseline import PolicyMode

__all__ = ["configure", "mode_of"]

#: Where the runs of the other revision are, in the session that has them made.
ROOT = pytest.StashKey[str]()
#: What the other session left.
REVISION_REPORT = pytest.StashKey["RevisionReport"]()
WORKER_KEY = "converge_ab_root"
#: The files in that folder: what is asked, and what is answered.
WANTED, REPORT = "wanted.json", "report.json"
#: Folders of installed packages, also of an environment within the repository.
INSTALLED = frozenset({"site-packages", "dist-packages"})
#: Exit codes of a session that ran its tests: all passed, some failed, or there were none.
RAN = frozenset({0, 1, 5})
#: Lines of the other session's output that say what is wrong.
MOST_LINES = 15
#: Modules from the wrong tree named one by one.
MOST_NAMED = 5


def configure(config: pytest.Config, settings: Settings) -> None:
    """Have another revision run, or be the session that is run for another one."""
    if settings.ab_root:
        recording = RecordingPlugin(Path(settings.ab_root))
        config.pluginmanager.register(recording, "converge_ab_recording")
    elif settings.ab is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(ComparisonPlugin(config, settings), "converge_ab")


class RevisionReport(NamedTuple):
    """What the session at the other revision says of its tests.

    Attributes:
        found: the wanted tests that it has.
        failed: why tests and modules failed.
        foreign: the modules that came from the working tree of the main session.
    """

    found: Collection[str]
    failed: dict[str, str]
    foreign: list[str]

    @classmethod
    def read(cls, root: Path) -> RevisionReport:
        """The report that was left in the folder for the runs."""
        data = json.loads((root / REPORT).read_text(encoding="utf-8"))
        return cls(frozenset(data["found"]), data["failed"], data["foreign"])

    def write(self, root: Path) -> None:
        """Leave the report there."""
        text = json.dumps({**self._asdict(), "found": list(self.found)})
        (root / REPORT).write_text(text, encoding="utf-8")


class ComparisonPlugin:
    """Has the other revision run, once, as soon as it is known which tests there are.

    Registered without worker processes, and in their controller.
    """

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self._config = config
        self._settings = settings
        self._done = False

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Run the tests of this session there."""
        self._run([item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker process where the runs will be."""
        node.workerinput[WORKER_KEY] = self._root()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Run the tests of the first worker process, which has all of them, there."""
        self._run(ids)

    def _root(self) -> str:
        """The folder for the runs, made at first use and removed with the session."""
        stash = self._config.stash
        if ROOT not in stash:
            # Resolved, as git gives its folders: some systems have a link for the temporary one.
            stash[ROOT] = os.path.realpath(tempfile.mkdtemp(prefix="pytest-converge-"))
            self._config.add_cleanup(lambda: shutil.rmtree(stash[ROOT], ignore_errors=True))
        return stash[ROOT]

    def _run(self, tests: Sequence[str]) -> None:
        if self._done or self._config.getoption("collectonly", False):
            return
        self._done = True
        root = Path(self._root())
        revision = find_revision(self._config.rootpath, str(self._settings.ab))
        wanted = {"tests": list(tests), "original": str(revision.top)}
        (root / WANTED).write_text(json.dumps(wanted), encoding="utf-8")
        with worktree(revision, root / "tree") as tree:
            self._session(root, tree, revision, tests)
        foreign = RevisionReport.read(root).foreign
        if foreign:
            named = ", ".join(foreign[:MOST_NAMED])
            if len(foreign) > MOST_NAMED:
                named += f" and {len(foreign) - MOST_NAMED} more"
            given = f"--converge-ab={revision.name} with {named} imported from {revision.top}"
            remedy = (
                "Both sides would train the same code: put the folder of the package on "
                "PYTHONPATH, as PYTHONPATH=lib, in place of an editable installation."
            )
            raise pytest.UsageError(complaint(given, "all of it from the other revision", remedy))

    def _session(self, root: Path, tree: Path, revision: Revision, tests: Sequence[str]) -> None:
        """Run the session at the other revision; it leaves its runs and its report in `root`."""
        folder = tree / os.path.relpath(self._config.rootpath.resolve(), revision.top)
        files = sorted({test.partition("::")[0] for test in tests})
        there = [file for file in files if (folder / file).is_file()]
        if not there:
            RevisionReport([], {}, []).write(root)
            return
        self._say(f"running {len(there)} test files at {revision.name} ({revision.commit[:10]})")
        command = [sys.executable, "-m", "pytest", *self._arguments(root, folder, tree, revision)]
        environment = {
            **outside_of_hooks(),
            ROOT_VARIABLE: str(root),
            "PYTHONPATH": os.pathsep.join(_python_path(folder, tree, revision.top)),
        }
        with (root / "output.txt").open("wb") as output:
            code = subprocess.run(  # noqa: S603 - pytest with options of our own
                [*command, *there],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            ).returncode
        if code not in RAN or not (root / REPORT).is_file():
            text = (root / "output.txt").read_text(encoding="utf-8", errors="replace")
            said = "\n".join(text.splitlines()[-MOST_LINES:])
            given = f"--converge-ab={revision.name}, where pytest ends with exit code {code}"
            remedy = f"Its last lines are:\n{said}"
            raise pytest.UsageError(complaint(given, "a session that runs the tests", remedy))

    def _arguments(self, root: Path, folder: Path, tree: Path, revision: Revision) -> list[str]:
        """Options that make the other session collect and train as this one does."""
        option, settings = self._config.option, self._settings
        given = [f"--rootdir={folder}", f"--import-mode={option.importmode}"]
        given += ["--continue-on-collection-errors"]
        given += [f"-p{name}" for name in option.plugins or ()]
        given += [f"-o{text}" for text in option.override_ini or ()]
        given += [f"-ocache_dir={root / 'cache'}", "-oconverge_baselines=true"]
        given += ["--converge-diagnose=off", "--converge-report=off"]
        given += [f"--converge-json={root / 'results.json'}"]
        given += [f"--converge-seed={settings.seed}"]
        given += settings.expectation
        if settings.timeout is not None:
            given.append(f"--converge-timeout={settings.timeout}")
        if settings.model is not None:
            given += [f"--converge-model={settings.model}", f"--converge-data={settings.data}"]
        given += [f"--converge-baseline-seconds={settings.baseline_seconds}"]
        inipath = self._config.inipath
        if inipath is not None:
            moved = tree / os.path.relpath(inipath.resolve(), revision.top)
            inside = inipath.resolve().is_relative_to(revision.top)
            given += [f"-c{moved if inside else inipath}"] if moved.exists() or not inside else []
        if self._config.pluginmanager.has_plugin("xdist"):
            given.append("-n0")
        return given

    def _say(self, text: str) -> None:
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None and self._settings.verbosity >= 0:
            reporter.write_line(f"converge: {text}")


class RecordingPlugin:
    """Runs the wanted tests at the other revision, and reports what came of them.

    Args:
        root: the folder for the runs and the report.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        wanted = json.loads((root / WANTED).read_text(encoding="utf-8"))
        self._wanted = frozenset(wanted["tests"])
        self._original = Path(wanted["original"])
        self._found: list[str] = []
        self._failed: dict[str, str] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Keep the wanted convergence tests."""
        kept = [i for i in items if i.nodeid in self._wanted and marker.is_marked(i)]
        left = [item for item in items if item not in kept]
        self._found = [item.nodeid for item in items if item.nodeid in self._wanted]
        items[:] = kept
        if left:
            config.hook.pytest_deselected(items=left)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remember why the tests of a module are not there."""
        if report.failed:
            self._failed[report.nodeid] = _last_line(str(report.longrepr))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember why a test failed."""
        if report.failed and report.nodeid not in self._failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            text = getattr(crash, "message", None) or str(report.longrepr)
            self._failed[report.nodeid] = text.partition("\n")[0]

    def pytest_sessionfinish(self) -> None:
        """Leave the report."""
        foreign = sorted(_modules_below(self._original, self._root))
        RevisionReport(self._found, self._failed, foreign).write(self._root)


def mode_of(item: pytest.Item, revision: str) -> tuple[PolicyMode, str]:
    """What is done for a test: (the mode of its policy, where the runs are).

    Raises:
        InvalidTrainingError: the test gave no runs at the other revision.
    """
    config = item.config
    told = getattr(config, "workerinput", {}).get(WORKER_KEY)
    root = told if told is not None else config.stash[ROOT]
    if REVISION_REPORT not in config.stash:
        config.stash[REVISION_REPORT] = RevisionReport.read(Path(root))
    report = config.stash[REVISION_REPORT]
    file = item.nodeid.partition("::")[0]
    reason = report.failed.get(item.nodeid) or report.failed.get(file)
    if item.nodeid not in report.found and file not in report.failed:
        return "absent", root
    if reason is not None and not _has_runs(item, root):
        given = f"no runs of this test at {revision} ({reason})"
        remedy = "Repair it there, or leave --converge-ab out for this test."
        raise invalid(given, "a training that runs on both sides", remedy)
    return "check", root


def _has_runs(item: pytest.Item, root: str) -> bool:
    from pytest_converge.baselines.files.paths import baseline_path

    return baseline_path(Path(root), item.path, item.nodeid).is_file()


def _python_path(folder: Path, tree: Path, top: Path) -> Iterator[str]:
    """The worktree's folders first, then what was there, moved into the worktree."""
    yield from map(str, dict.fromkeys((folder, folder / "src", tree, tree / "src")))
    for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep):
        path = Path(entry).resolve()
        if entry:
            inside = path.is_relative_to(top)
            yield str(tree / path.relative_to(top)) if inside else str(path)


def _modules_below(folder: Path, apart: Path) -> Iterator[str]:
    """The modules that were imported from a folder, without installed packages.

    Temporary folders may lie within the repository, so that `apart` is left out.
    """
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str):
            continue
        path = Path(file).resolve()
        within = path.is_relative_to(folder) and not path.is_relative_to(apart)
        if within and INSTALLED.isdisjoint(path.parts):
            yield name


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("E   ").strip() if lines else ""
