"""The options as pytest registers them, and the settings read from them and the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest

from pytest_converge.plugin.option_table import BASELINES, FLAGS, OPTIONS, VERBOSITY, Option

__all__ = ["SETTINGS", "Settings", "add_options", "read_settings"]


class Settings(NamedTuple):
    """What the command line and the configuration say.

    Attributes:
        command_line: arguments of the expectation given as options.
        ini: arguments of the expectation given in the configuration.
        seed: the number from which the seed of every test is derived.
        diagnose: how long to look for the cause of a failure: "quick", "full" or "off".
        json: where the JSON report goes, or None.
        plots: the folder that pictures go to, or None.
        progress: whether long trainings show their progress on a terminal.
        verbosity: how much the terminal summary shows, 0 being the usual amount.
        baseline: what is done with recorded baselines: "check", "new", "update" or "off".
        tolerance: how much worse than its baseline a training may be, as a share.
        alpha: bound on the probability that the gate against baselines fails unchanged code.
        accept_worse: why worse runs may replace recorded ones; empty where they may not.
        baseline_seconds: what all runs of one gate may take.
        ab: the revision to compare with in place of recorded baselines, or None.
        power: whether to measure which changes for the worse each test notices.
        calibrate: whether to propose a number of steps and a bound on the loss for each test.
    """

    command_line: Mapping[str, Any]
    ini: Mapping[str, Any]
    seed: int
    diagnose: str
    json: Path | None
    plots: Path | None
    progress: bool
    verbosity: int
    baseline: str
    tolerance: float
    alpha: float
    accept_worse: str
    baseline_seconds: float
    ab: str | None
    power: bool
    calibrate: bool


SETTINGS = pytest.StashKey[Settings]()


def add_options(parser: pytest.Parser) -> None:
    """Register all options in one group, and the ini settings."""
    group = parser.getgroup("converge", "convergence tests of TensorFlow models")
    for option in OPTIONS:
        # Values stay text here: read_settings refuses bad ones in one wording for both sources.
        group.addoption(
            option.flag,
            dest=option.ini,
            metavar=option.metavar,
            default=None,
            help=f"{option.help} (default: {option.default})",
        )
        if option.ini_type is None:
            continue
        parser.addini(
            option.ini,
            f"{option.help} (default: {option.default})",
            type=option.ini_type,
            default=None,
        )
    for flag in FLAGS:
        group.addoption(
            flag.flag,
            dest=f"converge_{flag.name}",
            action="store_true",
            default=False,
            help=flag.help,
        )
    parser.addini(
        BASELINES,
        "Gate every training against its baseline, unless its marker or call says baseline=False "
        "(default: false)",
        type="bool",
        default=None,
    )
    verbosity_help = (
        "Verbosity of the convergence summary: -1 the tally, 0 also trainings that failed, "
        "1 every training, 2 also their details (default: auto, the global verbosity)"
    )
    name = f"verbosity_{VERBOSITY}"
    if pytest.version_tuple >= (9, 2):
        # So that native TOML takes a plain number.
        parser.addini(name, verbosity_help, type=int | Literal["auto"], default="auto")
    else:
        parser.addini(name, verbosity_help, type="string", default="auto")


def read_settings(config: pytest.Config) -> Settings:
    """The settings of this session.

    Raises:
        pytest.UsageError: a value is not valid; the message names the option and valid values.
    """
    given = {option.name: _from_command_line(config, option) for option in OPTIONS}
    configured = {option.name: _from_ini(config, option) for option in OPTIONS}

    def first(name: str, default: Any) -> Any:
        found = (source[name] for source in (given, configured) if source[name] is not None)
        return next(found, default)

    _check_ab(first("ab", None), given["baseline"])
    return Settings(
        command_line={} if given["steps"] is None else {"steps": given["steps"]},
        ini={
            **({} if configured["steps"] is None else {"steps": configured["steps"]}),
            **_baselines(config),
        },
        seed=first("seed", 0),
        diagnose=first("diagnose", "quick"),
        json=_json_path(config, given["json"], configured["json"]),
        plots=_path_of(config, given["plots"], configured["plots"]),
        progress=first("progress", "auto") == "auto",
        verbosity=_verbosity(config),
        baseline=first("baseline", "check"),
        tolerance=first("tolerance", 0.05),
        alpha=first("alpha", 0.001),
        accept_worse=first("accept-worse", ""),
        baseline_seconds=first("baseline-seconds", 600.0),
        ab=first("ab", None),
        power=bool(config.getoption("converge_power")),
        calibrate=bool(config.getoption("converge_calibrate")),
    )


def _check_ab(revision: str | None, mode: str | None) -> None:
    if revision is not None and mode not in {None, "check"}:
        given = f"--converge-ab={revision} with --converge-baseline={mode}"
        remedy = "The runs at the other revision take the place of recorded ones; leave one out."
        raise _usage_error(given, "one of them", remedy)


def _from_command_line(config: pytest.Config, option: Option) -> Any:
    raw = config.getoption(option.ini)
    if raw is None:
        return None
    try:
        return option.parse(raw)
    except (TypeError, ValueError):
        given = f"{option.flag}={raw}"
        raise _usage_error(given, option.expected, option.remedy) from None


def _from_ini(config: pytest.Config, option: Option) -> Any:
    if option.ini_type is None:
        return None
    remedy = f"It is the ini setting of {option.flag}."
    try:
        raw = config.getini(option.ini)
    except (pytest.UsageError, TypeError, ValueError) as error:
        # What pytest says about a value of the wrong type need not name the setting.
        given = f"{option.ini} of a wrong type ({error})"
        raise _usage_error(given, option.expected, remedy) from None
    if raw is None:
        return None
    try:
        return option.parse(raw)
    except (TypeError, ValueError):
        given = f"{option.ini}={raw}"
        raise _usage_error(given, option.expected, remedy) from None


def _baselines(config: pytest.Config) -> dict[str, bool]:
    """The argument `baseline` of every test that does not state it."""
    try:
        given = config.getini(BASELINES)
    except (pytest.UsageError, TypeError, ValueError) as error:
        shown = f"{BASELINES} of a wrong type ({error})"
        remedy = "It gives every test baseline=True; leave it out for single markers."
        raise _usage_error(shown, "true or false", remedy) from None
    return {} if given is None else {"baseline": bool(given)}


def _path_of(config: pytest.Config, given: str | None, configured: str | None) -> Path | None:
    """An absolute path, relative to where it was said."""
    if given is not None:
        return config.invocation_params.dir / given
    if configured is None:
        return None
    inipath = config.inipath
    return (inipath.parent if inipath else config.invocation_params.dir) / configured


def _json_path(config: pytest.Config, given: str | None, configured: str | None) -> Path | None:
    """The absolute path, checked while there is still time to correct it.

    On the command line it is relative to where pytest was called, in the configuration to the
    file that says so.
    """
    path = _path_of(config, given, configured)
    if path is None:
        return None
    source = f"--converge-json={given}" if given is not None else f"converge_json={configured}"
    if path.is_dir():
        remedy = "Name a file in that directory."
        raise _usage_error(source, "the path of a file", remedy)
    if not path.parent.is_dir():
        remedy = f"Create {path.parent} first."
        raise _usage_error(source, "a path in an existing directory", remedy)
    return path


def _usage_error(given: str, expected: str, remedy: str) -> pytest.UsageError:
    from pytest_converge.core.errors import complaint

    return pytest.UsageError(complaint(given, expected, remedy))


def _verbosity(config: pytest.Config) -> int:
    try:
        return config.get_verbosity(VERBOSITY)
    except (pytest.UsageError, TypeError, ValueError) as error:
        given = f"verbosity_{VERBOSITY} of a wrong type ({error})"
        remedy = "Leave it out for the global verbosity."
        raise _usage_error(given, "an integer or auto", remedy) from None
