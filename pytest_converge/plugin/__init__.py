"""The pytest plugin: hooks and fixtures, each handing on to the module that knows.

PYTEST_DONT_REWRITE, because there is no assert here, and pytest warns where it comes too late.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_converge import hookspecs
from pytest_converge.plugin import marker, options
from pytest_converge.plugin.runtest import TURN

if TYPE_CHECKING:
    from pytest_converge.plugin.converge_fixture import Converge
    from pytest_converge.plugin.learning_rate_fixture import LearningRate
    from pytest_converge.plugin.preprocessing_fixture import Preprocessing


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option group and the ini settings."""
    options.add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Let others implement the hooks of `hookspecs`."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Read the settings, register the marker, and what each setting needs."""
    from pytest_converge.plugin import ci_reports, html_page
    from pytest_converge.plugin.baselines import BaselinesPlugin
    from pytest_converge.plugin.extras import require_library
    from pytest_converge.plugin.results import ResultsPlugin
    from pytest_converge.plugin.terminal import remember_output

    settings = config.stash[options.SETTINGS] = options.read_settings(config)
    config.stash[TURN] = threading.RLock()
    config.addinivalue_line("markers", marker.DEFINITION)
    remember_output(config)
    if not hasattr(config, "workerinput"):
        results = ResultsPlugin(settings)
        config.pluginmanager.register(results, "converge_results")
        config.pluginmanager.register(BaselinesPlugin(settings), "converge_baselines")
        ci_reports.configure(config, settings, results)
        if settings.tensorboard is not None:
            from pytest_converge.plugin import tensorboard

            tensorboard.configure(config, settings.tensorboard, results)
    if settings.threads is not None:
        from pytest_converge.plugin import threads

        threads.configure(config)
    if settings.plots is not None:
        require_library("matplotlib", flag=options.Settings.plots.flag, extra="plots")
    if settings.html is not None and not hasattr(config, "workerinput"):
        require_library(*html_page.LIBRARIES, flag=options.Settings.html.flag, extra="html")
    if settings.model is not None or settings.data is not None:
        from pytest_converge.plugin import zero_code

        zero_code.configure(config, settings)
    if settings.ab is not None or settings.ab_root:
        from pytest_converge.plugin import ab

        ab.configure(config, settings)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker process of pytest-xdist for which terminal its texts are, and its share."""
    from pytest_converge.plugin import threads
    from pytest_converge.plugin.terminal import tell_worker

    tell_worker(node.config, node.workerinput)
    threads.tell_worker(node)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use the fixture, before `-m` selects."""
    marker.mark_users(items)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse impossible markers and seed, after skips were decided and before any fixture."""
    from pytest_converge.plugin import runtest

    runtest.begin(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a marked test that trained nothing, or whose baseline has to be reviewed first."""
    from pytest_converge.plugin import runtest

    outcome = yield
    runtest.require_training(item)
    runtest.require_review(item)
    return outcome


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Seed again right before the body, after everything else had its turn."""
    from pytest_converge.plugin import runtest

    with runtest.seeded_body(pyfuncitem):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Put the random state back after the last fixture."""
    from pytest_converge.plugin import runtest

    try:
        return (yield)
    finally:
        runtest.end(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let the report carry the results, and no frames of the plugin above those of the user."""
    if call.excinfo is not None:
        from pytest_converge.plugin import frames

        frames.hide(call.excinfo.value)
    from pytest_converge.plugin import xdist

    report = yield
    xdist.attach(item, call, report)
    return report


@pytest.fixture
def converge(request: pytest.FixtureRequest) -> Converge:
    """Trains a TensorFlow model and judges its loss curve: converge.fit(model, x, y, max_loss=0.1).

    The verbs fit, minimize and step take what model.fit, optimizer.minimize and a hand-written
    loop take, and the expectation as keyword arguments where the marker `converges` does not
    state it. Each returns a ConvergenceResult or raises ConvergenceError.
    """
    from pytest_converge.plugin import converge_fixture, runtest

    runtest.open_fixture(request.node)
    return converge_fixture.Converge(request.node)


@pytest.fixture
def learning_rate(request: pytest.FixtureRequest) -> LearningRate:
    """Finds which learning rates work: learning_rate.range(build, x, y, max_loss=0.1).

    Returns the smallest and the largest rate that pass, the user's own place between them, and the
    loss at each; `.assert_within(margin=3)` fails where the own rate is too near an edge.
    """
    from pytest_converge.plugin import runtest
    from pytest_converge.plugin.learning_rate_fixture import LearningRate

    runtest.open_fixture(request.node)
    return LearningRate(request.node)


@pytest.fixture
def preprocessing(request: pytest.FixtureRequest) -> Preprocessing:
    """Checks features and the pipeline that makes them: preprocessing.check(features, targets).

    check looks at data as they go into a network, fit_once at a pipeline that is fitted to
    training rows. Neither trains. Each returns a report or raises PreprocessingError.
    """
    from pytest_converge.plugin.preprocessing_fixture import Preprocessing

    return Preprocessing(request.node)
