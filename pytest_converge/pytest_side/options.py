"""The command line options, their ini twins, and the settings read from both."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest

__all__ = ["OPTIONS", "SETTINGS", "Option", "Settings", "add_options", "read_settings"]

# Every start of pytest loads this module, so it is kept light: named tuples are defined ten times
# faster than dataclasses, and core.expectation is not imported; a test compares the defaults.
PROGRESS = ("auto", "off")
DIAGNOSE = ("quick", "full", "off")
VERBOSITY = "converge"


class Option(NamedTuple):
    """One setting, given as `--converge-<name>` or as `converge_<name>` in the configuration.

    Attributes:
        name: the part after the prefix.
        metavar: the placeholder in `--help`.
        default: the default as `--help` shows it.
        help: one sentence for `--help`.
        ini_type: the type of the ini setting.
        expected: the valid values, for messages.
        remedy: an example, for messages.
        parse: turns the given value into the setting; a ValueError or TypeError refuses it.
    """

    name: str
    metavar: str
    default: str
    help: str
    ini_type: Literal["int", "string"]
    expected: str
    remedy: str
    parse: Callable[[Any], Any]

    @property
    def flag(self) -> str:
        """The command line option."""
        return f"--converge-{self.name}"

    @property
    def ini(self) -> str:
        """The ini setting, and the attribute of the parsed command line."""
        return f"converge_{self.name}"


class Settings(NamedTuple):
    """What the command line and the configuration say.

    Attributes:
        command_line: arguments of the expectation given as options.
        ini: arguments of the expectation given in the configuration.
        seed: the number from which the seed of every test is derived.
        diagnose: how long to look for the cause of a failure: "quick", "full" or "off".
        json: where the JSON report goes, or None.
        progress: whether long trainings show their progress on a terminal.
        verbosity: how much the terminal summary shows, 0 being the usual amount.
    """

    command_line: Mapping[str, Any]
    ini: Mapping[str, Any]
    seed: int
    diagnose: str
    json: Path | None
    progress: bool
    verbosity: int


SETTINGS = pytest.StashKey[Settings]()


def _integer(lowest: int, highest: float) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        number = int(value)
        if not lowest <= number <= highest:
            raise ValueError(value)
        return number

    return parse


def _choice(*choices: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if value not in choices:
            raise ValueError(value)
        return choices[choices.index(value)]

    return parse


def _path(value: Any) -> str:
    if not value:
        raise ValueError(value)
    return os.path.expanduser(str(value))


OPTIONS = (
    Option(
        name="steps",
        metavar="N",
        default="100",
        help="Optimizer updates of a training whose test does not state them",
        ini_type="int",
        expected="an integer of at least 1",
        remedy="Give the number of optimizer updates, as --converge-steps=200.",
        parse=_integer(1, float("inf")),
    ),
    Option(
        name="seed",
        metavar="N",
        default="0",
        help="Number from which, together with its id, the seed of each convergence test is "
        "derived",
        ini_type="int",
        expected="an integer from 0 to 2**32 - 1",
        remedy="Leave it out for the usual seeds.",
        parse=_integer(0, 2**32 - 1),
    ),
    Option(
        name="diagnose",
        metavar="|".join(DIAGNOSE),
        default="quick",
        help="How long to look for the cause of a failed training by training it again with one "
        "thing changed: quick takes 10 seconds or five times the training's own time, full five "
        "times as long",
        ini_type="string",
        expected="one of " + ", ".join(repr(choice) for choice in DIAGNOSE),
        remedy="Write, for example, --converge-diagnose=off.",
        parse=_choice(*DIAGNOSE),
    ),
    Option(
        name="json",
        metavar="PATH",
        default="no report",
        help="Write every training of the session, with its loss curve, to PATH as JSON",
        ini_type="string",
        expected="the path of a file",
        remedy="Write, for example, --converge-json=convergence.json.",
        parse=_path,
    ),
    Option(
        name="progress",
        metavar="|".join(PROGRESS),
        default="auto",
        help="Show the progress of trainings longer than two seconds: auto does on a terminal, "
        "off never does",
        ini_type="string",
        expected="auto or off",
        remedy="Leave it out for auto.",
        parse=_choice(*PROGRESS),
    ),
)


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
        parser.addini(
            option.ini,
            f"{option.help} (default: {option.default})",
            type=option.ini_type,
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

    return Settings(
        command_line={} if given["steps"] is None else {"steps": given["steps"]},
        ini={} if configured["steps"] is None else {"steps": configured["steps"]},
        seed=first("seed", 0),
        diagnose=first("diagnose", "quick"),
        json=_json_path(config, given["json"], configured["json"]),
        progress=first("progress", "auto") == "auto",
        verbosity=_verbosity(config),
    )


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


def _json_path(config: pytest.Config, given: str | None, configured: str | None) -> Path | None:
    """The absolute path, checked while there is still time to correct it.

    On the command line it is relative to where pytest was called, in the configuration to the
    file that says so.
    """
    if given is not None:
        path = config.invocation_params.dir / given
    elif configured is not None:
        inipath = config.inipath
        path = (inipath.parent if inipath else config.invocation_params.dir) / configured
    else:
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
