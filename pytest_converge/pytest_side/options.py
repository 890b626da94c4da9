"""The command line options, their ini twins, and the settings read from both."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest

__all__ = [
    "FLAGS",
    "OPTIONS",
    "SETTINGS",
    "Flag",
    "Option",
    "Settings",
    "add_options",
    "read_settings",
]

# Every start of pytest loads this module, so it is kept light: named tuples are defined ten times
# faster than dataclasses, and core.expectation is not imported; a test compares the defaults.
PROGRESS = ("auto", "off")
DIAGNOSE = ("quick", "full", "off")
BASELINE = ("check", "new", "update", "off")
#: The ini setting that gives every test `baseline=True`; the marker says so for single ones.
BASELINES = "converge_baselines"
VERBOSITY = "converge"


class Option(NamedTuple):
    """One setting, given as `--converge-<name>` or as `converge_<name>` in the configuration.

    Attributes:
        name: the part after the prefix.
        metavar: the placeholder in `--help`.
        default: the default as `--help` shows it.
        help: one sentence for `--help`.
        ini_type: the type of the ini setting; None for what is said for one run only.
        expected: the valid values, for messages.
        remedy: an example, for messages.
        parse: turns the given value into the setting; a ValueError or TypeError refuses it.
    """

    name: str
    metavar: str
    default: str
    help: str
    ini_type: Literal["int", "float", "string"] | None
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
        return f"converge_{self.name.replace('-', '_')}"


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


def _integer(lowest: int, highest: float) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        number = int(value)
        if not lowest <= number <= highest:
            raise ValueError(value)
        return number

    return parse


def _seconds(value: Any) -> float:
    number = float(value)
    if not 0 < number < float("inf"):
        raise ValueError(value)
    return number


def _tolerance(value: Any) -> float:
    from pytest_converge.baseline.bounds import require_tolerance

    require_tolerance(number := float(value))
    return number


def _alpha(value: Any) -> float:
    from pytest_converge.baseline.bounds import require_alpha

    require_alpha(number := float(value))
    return number


def _choice(*choices: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if value not in choices:
            raise ValueError(value)
        return choices[choices.index(value)]

    return parse


def _sentence(value: Any) -> str:
    text = " ".join(str(value).split())
    if not text:
        raise ValueError(value)
    return text


def _revision(value: Any) -> str:
    # git would take a leading dash for an option.
    if not str(value).strip() or str(value).startswith("-"):
        raise ValueError(value)
    return str(value).strip()


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
        name="plots",
        metavar="DIR",
        default="no pictures",
        help="Draw every training and study of the session to a file in DIR; needs matplotlib",
        ini_type="string",
        expected="the path of a folder",
        remedy="Write, for example, --converge-plots=pictures.",
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
    Option(
        name="baseline",
        metavar="|".join(BASELINE),
        default="check",
        help="What to do with the recorded loss curves of tests with baseline=True: check compares "
        "with them, new also records missing ones, update records those anew that differ, off "
        "leaves them alone",
        ini_type="string",
        expected="one of " + ", ".join(repr(choice) for choice in BASELINE),
        remedy="Write, for example, --converge-baseline=new.",
        parse=_choice(*BASELINE),
    ),
    Option(
        name="tolerance",
        metavar="SHARE",
        default="0.05",
        help="How much worse than its baseline a training may be, as a share of the loss",
        ini_type="float",
        expected="a share from 0 to 1",
        remedy="Write 0.05 for five percent.",
        parse=_tolerance,
    ),
    Option(
        name="alpha",
        metavar="P",
        default="0.001",
        help="Bound on the probability that the gate against a baseline fails unchanged code",
        ini_type="float",
        expected="a number from 0.00085, the least that so few runs allow, to 0.05",
        remedy="Leave it out for 0.001.",
        parse=_alpha,
    ),
    Option(
        name="baseline-seconds",
        metavar="N",
        default="600",
        help="Seconds that all runs for one baseline may take; more is an error",
        ini_type="float",
        expected="a number above 0",
        remedy="Write, for example, --converge-baseline-seconds=1200.",
        parse=_seconds,
    ),
    Option(
        name="accept-worse",
        metavar="REASON",
        default="worse ones are refused",
        help="Let --converge-baseline=update replace a baseline by worse runs, and keep the reason "
        "in the file",
        ini_type=None,
        expected="the reason, in words",
        remedy='Write, for example, --converge-accept-worse="smaller model for phones".',
        parse=_sentence,
    ),
    Option(
        name="ab",
        metavar="REV",
        default="recorded baselines are used",
        help="Compare with the same tests at another git revision, run first, in place of recorded "
        "baselines",
        ini_type=None,
        expected="a git revision",
        remedy="Write, for example, --converge-ab=origin/main.",
        parse=_revision,
    ),
)


class Flag(NamedTuple):
    """An option without a value, and without an ini twin: it is about one run.

    Such a run takes many times as long as usual; nobody wants all of them to.

    Attributes:
        name: the part after the prefix.
        help: one sentence for `--help`.
    """

    name: str
    help: str

    @property
    def flag(self) -> str:
        """The command line option."""
        return f"--converge-{self.name}"


FLAGS = (
    Flag(
        name="power",
        help="Train every test that passed again under changes for the worse, as half the learning "
        "rate, and show which of them it notices",
    ),
    Flag(
        name="calibrate",
        help="Train every test from twenty starts, propose its steps and max_loss, and show their "
        "false alarms and their power",
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
