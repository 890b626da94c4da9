"""`--converge-model` and `--converge-data`: a training that is judged without a test file.

The two options name a function each. The session gets one more module, that of the model's
function, with one test in it that calls `converge.fit`; everything else is as for a written test.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import shlex
import sys
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_converge.core.errors import InvalidTrainingError, complaint, invalid, nearest, shown
from pytest_converge.core.failures import ConvergenceError
from pytest_converge.plugin.options import Settings

if TYPE_CHECKING:
    from pytest_converge.plugin.converge_fixture import Converge

__all__ = ["TrainingFunction", "TrainingModule", "configure"]

#: What both options take.
EXPECTED = "module:function"


def configure(config: pytest.Config, settings: Settings) -> None:
    """Have the training collected that the options name.

    Raises:
        pytest.UsageError: one option is given without the other, or is no `module:function`.
    """
    if settings.model is None or settings.data is None:
        flag, missing = "--converge-model", "--converge-data"
        if settings.model is None:
            flag, missing = missing, flag
        remedy = f"Add {missing}={EXPECTED}."
        raise pytest.UsageError(complaint(f"{flag} without {missing}", "both", remedy))
    # Who names a training and no files wants that training, not the whole suite beside it.
    if config.args_source is not config.ArgsSource.ARGS:
        config.args = []
    _extend_path(config)
    config.pluginmanager.register(ZeroCodePlugin(settings.model, settings.data), "converge_model")


class ZeroCodePlugin:
    """Adds the training to what the session collects.

    Args:
        model: names the function that builds the model, as `module:function`.
        data: names the function that returns the data.
    """

    def __init__(self, model: str, data: str) -> None:
        self._model = model
        self._data = data
        self._refused = False

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Add the module with the training behind the given files."""
        report = yield
        if isinstance(collector, pytest.Session):
            report.result = [*report.result, self._module(collector)]
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remember that a worker process refused one of the options."""
        self._refused = self._refused or (report.failed and report.nodeid == RefusedTraining.NAME)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """End as with any other option that is refused."""
        if self._refused:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def _module(self, session: pytest.Session) -> pytest.Collector:
        try:
            module, model = _loaded("--converge-model", self._model)
            _, data = _loaded("--converge-data", self._data)
        except pytest.UsageError as error:
            # In a worker process it would be shown as an internal error.
            if not hasattr(session.config, "workerinput"):
                raise
            refused: RefusedTraining = RefusedTraining.from_parent(
                session, name=RefusedTraining.NAME, nodeid=RefusedTraining.NAME
            )
            refused.reason = str(error)
            return refused
        made: TrainingModule = TrainingModule.from_parent(session, path=Path(str(module.__file__)))
        made.obj = module
        made.training = TrainingOfOptions(self._model, model, self._data, data)
        return made


class RefusedTraining(pytest.Collector):
    """Says in a worker process why there is no training.

    Attributes:
        reason: the message of the usage error.
    """

    NAME = "--converge-model"
    reason = ""

    def collect(self) -> list[pytest.Item]:
        """Nothing but the error."""
        raise self.CollectError(self.reason)


class TrainingOfOptions:
    """The training that the options name.

    Args:
        model_name: of the function that builds the model, as the option says it.
        model: that function, or a compiled model.
        data_name: of the function that returns the data.
        data: that function, or the data.
    """

    def __init__(self, model_name: str, model: Any, data_name: str, data: Any) -> None:
        self.model_name, self.model = model_name, model
        self.data_name, self.data = data_name, data

    @property
    def name(self) -> str:
        """The name of the function that builds the model."""
        return self.model_name.partition(":")[2]

    @property
    def selection(self) -> list[str]:
        """The options that select it."""
        return [f"--converge-model={self.model_name}", f"--converge-data={self.data_name}"]

    def arguments(self) -> dict[str, Any]:
        """The arguments of `converge.fit` beside the model.

        Raises:
            InvalidTrainingError: the data are of no kind that it takes.
        """
        made = self.data() if callable(self.data) else self.data
        if isinstance(made, Mapping):
            if "model" in made:
                given = f"the key 'model' from {self.data_name}"
                remedy = "Leave it out: --converge-model names the model."
                raise invalid(given, "arguments of converge.fit beside the model", remedy)
            return dict(made)
        if not isinstance(made, tuple):
            return {"x": made}
        if not 1 <= len(made) <= 3:
            given = f"{shown(made)} from {self.data_name}"
            expected = "(x, y), (x, y, sample_weight), a dataset or a dict of arguments"
            raise invalid(given, expected, "Return, for example, x, y.")
        return dict(zip(("x", "y", "sample_weight"), made, strict=False))


class TrainingModule(pytest.Module):
    """The module of the model's function, with the training as its only test.

    Attributes:
        training: what the options name.
    """

    training: TrainingOfOptions

    def collect(self) -> Iterator[pytest.Item]:
        """The training."""
        training = self.training

        def judge(converge: Converge) -> None:
            try:
                converge.fit(training.model, **training.arguments())
            except InvalidTrainingError as error:
                # The commands in it select a test by its id, as one that is written has.
                by_id, by_options = ["pytest", item.nodeid], ["pytest", *training.selection]
                text = str(error).replace(shlex.join(by_id), shlex.join(by_options))
                error.args = (text,)
                raise

        item: TrainingFunction = TrainingFunction.from_parent(
            self, name=training.name, callobj=judge
        )
        item.training = training
        yield item


class TrainingFunction(pytest.Function):
    """The test that trains it.

    Attributes:
        training: what the options name.
    """

    training: TrainingOfOptions

    @property
    def selection(self) -> list[str]:
        """The arguments of pytest that select it; its id is that of no written test."""
        return self.training.selection

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The place of the function that builds the model."""
        try:
            line: int | None = inspect.getsourcelines(self.training.model)[1] - 1
        except (OSError, TypeError):
            line = None  # a model that was built already, or a function without source
        return self.path, line, self.name

    def repr_failure(  # type: ignore[override]  # as that of pytest.Function
        self, excinfo: pytest.ExceptionInfo[BaseException]
    ) -> Any:
        """The message alone where there is no line of a test that it could stand under."""
        if isinstance(excinfo.value, (ConvergenceError, InvalidTrainingError)):
            return excinfo.getrepr(style="value")
        return super().repr_failure(excinfo)


def _loaded(flag: str, name: str) -> tuple[Any, Any]:
    """The module that an option names, and what it names in it.

    Raises:
        pytest.UsageError: the module cannot be imported, or has no such attribute.
    """
    place, _, attribute = name.partition(":")
    try:
        module = found = importlib.import_module(place)
    except Exception as error:  # noqa: BLE001 - a module may fail in any way; the message says how
        given = f"{flag}={name}, whose module cannot be imported ({_cause(error)})"
        remedy = "Look for it from the folder that pytest runs in, or set pythonpath."
        raise pytest.UsageError(complaint(given, EXPECTED, remedy)) from None
    for part in attribute.split("."):
        if not hasattr(found, part):
            given = f"{flag}={name}, but {place} has no {attribute}"
            raise pytest.UsageError(complaint(given, EXPECTED, _similar(module, attribute)))
        found = getattr(found, part)
    if getattr(module, "__file__", None) is None:
        given = f"{flag}={name}, but {place} is no module in a file"
        raise pytest.UsageError(complaint(given, EXPECTED, "Name the module with the function."))
    return module, found


def _cause(error: Exception) -> str:
    """An error on one line, with its place where it is not about the import itself."""
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if isinstance(error, ImportError) or frame is None:
        return text
    return f"{text}, {Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}"


def _similar(module: Any, attribute: str) -> str:
    names = [
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__
    ]
    return nearest(attribute, names) if names else "It defines no function."


def _extend_path(config: pytest.Config) -> None:
    """Modules are found from the working folder, as by `python -m pytest`, and from the root."""
    for folder in (str(config.rootpath), str(config.invocation_params.dir)):
        if folder not in sys.path:
            sys.path.insert(0, folder)
            config.add_cleanup(functools.partial(sys.path.remove, folder))
