"""Every command line option with its ini twin: name, help, valid values and how it is parsed."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

__all__ = ["BASELINES", "FLAGS", "OPTIONS", "VERBOSITY", "Flag", "Option"]

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
    from pytest_converge.baselines.gate.bounds import require_tolerance

    require_tolerance(number := float(value))
    return number


def _alpha(value: Any) -> float:
    from pytest_converge.baselines.gate.bounds import require_alpha

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
