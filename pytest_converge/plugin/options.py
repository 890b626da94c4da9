"""Every option of the plugin, once: registered, read, checked and described from one list.

The list is the class `Settings`. Its help texts are Markdown: `docs/generate_options.py` makes the
tables of the documentation from them.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar, cast, overload

import pytest

from pytest_converge.plugin.outputs import Report, path_of, report_of, wrong_file, wrong_folder

if TYPE_CHECKING:
    from pytest_converge.core.baseline import BaselineMode
    from pytest_converge.core.diagnosis import DiagnosisMode

__all__ = [
    "OPTIONS",
    "ROOT_VARIABLE",
    "SETTINGS",
    "Option",
    "Settings",
    "add_options",
    "read_settings",
]

Value = TypeVar("Value")
Number = TypeVar("Number", int, float)
Parser = Callable[[Any], Value | None]

#: Tells the session at another revision that it is one, and where to leave its runs.
ROOT_VARIABLE = "PYTEST_CONVERGE_AB_ROOT"
#: Modes of `--converge-baseline` in which files are written.
WRITING = frozenset({"new", "update"})
#: Since pytest 9.2 an ini setting has any type, so that native TOML takes a plain number.
VERBOSITY_TYPE: Any = int | Literal["auto"] if pytest.version_tuple >= (9, 2) else "string"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Option(Generic[Value]):
    """One setting, given as `--converge-<name>` or as `converge_<name>` in the configuration.

    As an attribute of `Settings` it has its name from there, and gives the value of a session.

    Attributes:
        help: one sentence, for `--help` and the tables.
        details: what the reference adds to it.
        default: the value where nobody gives one.
        default_text: the default in words, where the value itself does not tell.
        metavar: the placeholder in `--help`; empty for what takes no value there.
        ini: the type of the ini setting; None for what is said for one run only.
        ini_name: of the ini setting, where it is not the usual one.
        expected: the valid values, for messages.
        remedy: an example, for messages.
        parse: turns the given value into the setting, None being none; a ValueError,
            TypeError or OverflowError refuses it.
        argument: the argument of the expectation that it gives every training.
        output: "file" or "folder" for the path of what is written; else empty.
        repeatable: it is given several times, each value parsed by itself.
        of_baseline: what becomes of a baseline depends on it, so that the command that repeats a
            test has to carry it.
        name: the name of the attribute.
    """

    help: str
    details: str = ""
    default: Value
    default_text: str = ""
    metavar: str = ""
    ini: Any = None
    ini_name: str = ""
    expected: str = ""
    remedy: str = ""
    parse: Parser[Value]
    argument: str = ""
    output: Literal["", "file", "folder"] = ""
    repeatable: bool = False
    of_baseline: bool = False
    name: str = dataclasses.field(init=False, default="")

    def __set_name__(self, owner: type, name: str) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "ini_name", self.ini_name or f"converge_{name}")

    @overload
    def __get__(self, settings: None, owner: type) -> Option[Value]: ...
    @overload
    def __get__(self, settings: Settings, owner: type) -> Value: ...
    def __get__(self, settings: Settings | None, owner: type) -> Option[Value] | Value:
        if settings is None:
            return self
        value: Value = settings.values[self.name]
        return value

    @property
    def flag(self) -> str:
        """The command line option; empty where only a file can say it."""
        only_in_files = self.ini is not None and not self.metavar
        return "" if only_in_files else f"--converge-{self.name.replace('_', '-')}"

    def words(self, value: object) -> str:
        """The argument of pytest that gives it a value."""
        return f"{self.flag}={value}"

    @property
    def shown_default(self) -> str:
        """The default in Markdown."""
        number = isinstance(self.default, float)
        return self.default_text or f"`{format(self.default, 'g' if number else '')}`"

    @property
    def help_text(self) -> str:
        """The sentence of `--help`."""
        text = f"{self.help[0].upper()}{self.help[1:]} (default: {self.shown_default})"
        return text.replace("`", "")


def _number(kind: Callable[[Any], Number], allowed: Callable[[Number], bool]) -> Parser[Number]:
    def parse(value: Any) -> Number:
        number = kind(value)
        if not allowed(number):
            raise ValueError(value)
        return number

    return parse


def _tolerance(value: Any) -> float:
    from pytest_converge.baselines.gate.bounds import require_tolerance

    require_tolerance(number := float(value))
    return number


def _alpha(value: Any) -> float:
    from pytest_converge.baselines.gate.bounds import require_alpha

    require_alpha(number := float(value))
    return number


def _place(value: Any) -> str:
    module, colon, attribute = str(value).partition(":")
    parts = (*module.split("."), *attribute.split("."))
    if not colon or not all(part.isidentifier() for part in parts):
        raise ValueError(value)
    return str(value)


def _sentence(value: Any) -> str:
    text = " ".join(str(value).split())
    if not text:
        raise ValueError(value)
    return text


def _revision(value: Any) -> str:
    # git would take a leading dash for an option.
    if str(value).startswith("-"):
        raise ValueError(value)
    return _sentence(value)


def _verbosity(value: Any) -> int | None:
    return None if value == "auto" else int(value)


def _choice(*choices: Value, **rest: Any) -> Option[Value]:
    """An option with a few values."""

    def parse(value: Any) -> Value:
        return choices[choices.index(value)]

    return Option(
        metavar="|".join(map(str, choices)),
        ini="string",
        expected="one of " + ", ".join(map(repr, choices)),
        parse=parse,
        **rest,
    )


# Without slots, which would make the class, and so the names of its options, twice.
@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What the command line and the configuration say, an attribute for each option.

    Every start of pytest makes this list: what only some values need is imported in their parser,
    and limits that other modules have too are written out, which a test compares.

    Attributes:
        values: the value of each option.
        command_line: arguments of the expectation given as options.
        ini: arguments of the expectation given in the configuration.
        ab_root: the folder in which the session at another revision leaves its runs; else empty.
        baseline_flags: the options of the command line on which baselines depend, as they are
            given there.
    """

    values: Mapping[str, Any]
    command_line: Mapping[str, Any]
    ini: Mapping[str, Any]
    ab_root: str = ""
    baseline_flags: tuple[str, ...] = ()

    @property
    def expectation(self) -> list[str]:
        """The arguments of pytest that say on the command line what trainings must reach."""
        stated = self.command_line
        return [each.words(stated[each.argument]) for each in OPTIONS if each.argument in stated]

    steps = Option(
        help="optimizer updates of a training whose test does not state them",
        default=100,
        metavar="N",
        ini="int",
        expected="an integer from 1 to 2**31 - 1",
        remedy="Give the number of optimizer updates, as --converge-steps=200.",
        parse=_number(int, lambda steps: 1 <= steps < 2**31),
        argument="steps",
    )
    max_loss: ClassVar[Option[float | None]] = Option(
        help="highest final loss of a training whose test does not state it",
        default=None,
        default_text="none",
        metavar="LOSS",
        expected="a finite number",
        remedy="Give the highest final loss that counts as converged, as --converge-max-loss=0.1.",
        parse=_number(float, math.isfinite),
        argument="max_loss",
    )
    seeds = Option(
        help="starts that must all pass of a training whose test does not state how many",
        details="more than one need a building function",
        default=1,
        metavar="N",
        expected="an integer from 1 to 10000",
        remedy="Give how many starts must pass, as --converge-seeds=3.",
        parse=_number(int, lambda seeds: 1 <= seeds <= 10_000),
        argument="seeds",
    )
    model: ClassVar[Option[str | None]] = Option(
        help="judge a training without a test file: the function that builds its model",
        details="[a training without a test file](how-to/without-a-test-file.md)",
        default=None,
        default_text="tests alone",
        metavar="MODULE:FUNCTION",
        expected="module:function",
        remedy="Write, for example, --converge-model=package.models:build.",
        parse=_place,
    )
    data: ClassVar[Option[str | None]] = Option(
        help="its data: a function that returns `(x, y)`, `(x, y, sample_weight)`, a dataset, or a "
        "dict of arguments of `converge.fit`",
        default=None,
        default_text="tests alone",
        metavar="MODULE:FUNCTION",
        expected="module:function",
        remedy="Write, for example, --converge-data=package.inputs:training_data.",
        parse=_place,
    )
    timeout: ClassVar[Option[float | None]] = Option(
        help="seconds that a training may take from each of its starts; more is an error",
        details="looked at between its steps: what a step, a builder or a generator never returns "
        "from is a matter of pytest-timeout",
        default=None,
        default_text="no limit",
        metavar="SECONDS",
        ini="float",
        expected="a number above 0",
        remedy="Write, for example, --converge-timeout=60.",
        parse=_number(float, lambda seconds: 0 < seconds < float("inf")),
    )
    seed = Option(
        help="number from which, together with its id, the seed of each convergence test is "
        "derived",
        default=0,
        metavar="N",
        ini="int",
        expected="an integer from 0 to 2**32 - 1",
        remedy="Leave it out for the usual seeds.",
        parse=_number(int, lambda seed: 0 <= seed < 2**32),
    )
    diagnose: ClassVar[Option[DiagnosisMode]] = _choice(
        *("quick", "full", "off"),
        help="how long to look for the cause of a failed training by training it again with one "
        "thing changed: `quick` takes 10 seconds or eight times the training's own time, `full` "
        "five times as long",
        default="quick",
        remedy="Write, for example, --converge-diagnose=off.",
    )
    json: ClassVar[Option[Path | None]] = Option(
        help="write every training of the session, with its loss curve, to PATH as JSON",
        details="an ini path is relative to the configuration file",
        default=None,
        default_text="no report",
        metavar="PATH",
        ini="string",
        expected="the path of a file",
        remedy="Write, for example, --converge-json=convergence.json.",
        parse=path_of,
        output="file",
    )
    html: ClassVar[Option[Path | None]] = Option(
        help="write a page about every training and study of the session to PATH; needs the extra "
        "`html`",
        details="one file, which needs no network: [the page](how-to/read-the-page.md)",
        default=None,
        default_text="no page",
        metavar="PATH",
        ini="string",
        expected="the path of a file",
        remedy="Write, for example, --converge-html=convergence.html.",
        parse=path_of,
        output="file",
    )
    report: ClassVar[Option[tuple[Report, ...] | None]] = Option(
        help="write what failed where people look: `annotations` at the lines of the tests and a "
        "`summary` in Markdown, as GitHub Actions shows them, or a `codequality` file for GitLab; "
        "may be repeated; `off` writes nothing",
        details="[reports in CI](how-to/reports-in-ci.md)",
        default=None,
        default_text="annotations and summary where GitHub Actions runs the tests, else none",
        metavar="KIND[:PATH]",
        ini="linelist",
        expected="annotations, summary, codequality or off, a colon and a path behind it where it "
        "goes to another file than the usual one; outside of GitHub Actions summary has none",
        remedy="Write, for example, --converge-report=summary:convergence.md.",
        parse=cast("Parser[Any]", report_of),
        output="file",
        repeatable=True,
    )
    plots: ClassVar[Option[Path | None]] = Option(
        help="draw every training and study of the session to a file in DIR; needs the extra "
        "`plots`",
        details="the folder is made where it is missing",
        default=None,
        default_text="no pictures",
        metavar="DIR",
        ini="string",
        expected="the path of a folder",
        remedy="Write, for example, --converge-plots=pictures.",
        parse=path_of,
        output="folder",
    )
    tensorboard: ClassVar[Option[Path | None]] = Option(
        help="write every training of the session, and every change that a diagnosis tried, as a "
        "run of TensorBoard to DIR; needs the extra `tensorboard`",
        details="losses on batches and on the probe set, learning rate, gradient norm, and the "
        "verdict as text: [trackers](how-to/trackers.md)",
        default=None,
        default_text="no runs",
        metavar="DIR",
        ini="string",
        expected="the path of a folder",
        remedy="Write, for example, --converge-tensorboard=runs.",
        parse=path_of,
        output="folder",
    )
    progress: ClassVar[Option[Literal["auto", "off"]]] = _choice(
        *("auto", "off"),
        help="show the progress of trainings longer than two seconds: `auto` does on a terminal, "
        "`off` never does",
        default="auto",
        remedy="Leave it out for auto.",
    )
    baseline: ClassVar[Option[BaselineMode]] = _choice(
        *("check", "new", "update", "off"),
        help="what to do with the recorded loss curves of tests with `baseline=True`: `check` "
        "compares with them, `new` also records missing ones, `update` records those anew that "
        "differ, `off` leaves them alone",
        details="`check` refuses a missing one",
        of_baseline=True,
        default="check",
        remedy="Write, for example, --converge-baseline=new.",
    )
    tolerance = Option(
        help="how much worse than its baseline a training may be, as a share of the loss",
        details="0 to 1",
        default=0.05,
        metavar="SHARE",
        ini="float",
        expected="a share from 0 to 1",
        remedy="Write 0.05 for five percent.",
        of_baseline=True,
        parse=_tolerance,
    )
    alpha = Option(
        help="bound on the probability that the gate against a baseline fails unchanged code",
        details="1.3e-05 to 0.05",
        default=0.001,
        metavar="P",
        ini="float",
        expected="a number from 1.3e-05, the least that so few runs allow, to 0.05",
        remedy="Leave it out for 0.001.",
        of_baseline=True,
        parse=_alpha,
    )
    baseline_seconds = Option(
        help="seconds that all runs for one baseline may take; more is an error",
        default=600.0,
        metavar="N",
        ini="float",
        expected="a number above 0",
        remedy="Write, for example, --converge-baseline-seconds=1200.",
        parse=_number(float, lambda seconds: 0 < seconds < float("inf")),
    )
    accept_worse = Option(
        help="let `--converge-baseline=update` replace a baseline by worse runs, and keep the "
        "reason in the file",
        details="runs that are not finite can be recorded with it too",
        of_baseline=True,
        default="",
        default_text="worse ones are refused",
        metavar="REASON",
        expected="the reason, in words",
        remedy='Write, for example, --converge-accept-worse="smaller model for phones".',
        parse=_sentence,
    )
    ab: ClassVar[Option[str | None]] = Option(
        help="compare with the same tests at another git revision, run first, in place of "
        "recorded baselines",
        details="they run in a worktree of their own",
        default=None,
        default_text="recorded baselines are used",
        metavar="REV",
        expected="a git revision",
        remedy="Write, for example, --converge-ab=origin/main.",
        parse=_revision,
    )
    power = Option(
        help="train every test that passed again under changes for the worse, as half the "
        "learning rate, and show which of them it notices",
        details="they are judged as the test does: "
        "[how sensitive is a test](how-to/how-sensitive-is-a-test.md)",
        default=False,
        default_text="off",
        parse=bool,
    )
    calibrate = Option(
        help="train every test from twenty starts, propose its `steps` and `max_loss`, and show "
        "their false alarms and their power",
        details="needs a building function",
        default=False,
        default_text="off",
        parse=bool,
    )
    baselines = Option(
        help="gate every training against its baseline, unless its marker or call says "
        "`baseline=False`",
        default=False,
        default_text="`false`",
        ini="bool",
        expected="true or false",
        remedy="It gives every test baseline=True; leave it out for single markers.",
        parse=bool,
        argument="baseline",
    )
    threads: ClassVar[Option[int | None]] = Option(
        help="threads that TensorFlow uses in each process, within an operation and for several at "
        "a time",
        details="under pytest-xdist the cores of a machine are shared out between its worker "
        "processes, unless `TF_NUM_INTRAOP_THREADS` is set; other numbers of threads may give "
        "other last digits",
        default=None,
        default_text="TensorFlow's own; cores over workers with pytest-xdist",
        metavar="N",
        ini="int",
        expected="an integer from 1 to 1024",
        remedy="Give the threads of one process, as --converge-threads=2.",
        parse=_number(int, lambda threads: 1 <= threads <= 1024),
    )
    verbosity = Option(
        help="verbosity of the convergence summary: -1 the tally, 0 also trainings that failed, "
        "1 every training, 2 also their details",
        details="`auto` takes pytest's",
        default=0,
        default_text="`auto`",
        ini=VERBOSITY_TYPE,
        ini_name="verbosity_converge",
        expected="an integer or auto",
        remedy="Leave it out for the global verbosity.",
        parse=_verbosity,
    )


OPTIONS: tuple[Option[Any], ...] = tuple(
    item for item in vars(Settings).values() if isinstance(item, Option)
)
SETTINGS = pytest.StashKey[Settings]()


def add_options(parser: pytest.Parser) -> None:
    """Register all options in one group, and the ini settings."""
    group = parser.getgroup("converge", "convergence tests of TensorFlow models")
    for option in OPTIONS:
        # Values stay text here: read_settings refuses bad ones in one wording for both places.
        takes = {"metavar": option.metavar} if option.metavar else {"action": "store_true"}
        takes |= {"action": "append"} if option.repeatable else {}
        if option.flag:
            text = option.help_text
            group.addoption(option.flag, dest=option.ini_name, default=None, help=text, **takes)
        if option.ini is not None:
            # config.get_verbosity takes no other default than this.
            default = "auto" if option is Settings.verbosity else None
            parser.addini(option.ini_name, option.help_text, type=option.ini, default=default)


def read_settings(config: pytest.Config) -> Settings:
    """The settings of this session.

    Raises:
        pytest.UsageError: a value is not valid; the message names the option and valid values.
    """
    given, configured = (
        {option.name: value for option in OPTIONS if (value := read(config, option)) is not None}
        for read in (_from_command_line, _from_ini)
    )
    values = {option.name: option.default for option in OPTIONS}
    values |= {"verbosity": config.get_verbosity(), **configured, **given}
    settings = Settings(
        values=values,
        command_line=_arguments(given),
        ini=_arguments(configured),
        # Taken away: the processes that tests start are sessions of their own.
        ab_root=os.environ.pop(ROOT_VARIABLE, ""),
        baseline_flags=tuple(
            option.words(given[option.name])
            for option in OPTIONS
            if option.of_baseline and option.name in given
        ),
    )
    # A worker process may be on another machine, and what it writes there is no reason to stop.
    for option in () if hasattr(config, "workerinput") else OPTIONS:
        if option.output and values[option.name] is not None:
            place = option.flag if option.name in given else option.ini_name
            _check_outputs(config, option, values[option.name], place)
    mode = given.get("baseline", "check")
    if settings.ab is not None and mode != "check":
        both = f"--converge-ab={settings.ab} with --converge-baseline={mode}"
        remedy = "The runs at the other revision take the place of recorded ones; leave one out."
        raise _usage_error(both, "one of them", remedy)
    if settings.accept_worse and mode not in WRITING:
        alone = f"--converge-accept-worse with --converge-baseline={mode}"
        remedy = "Nothing is recorded without: add --converge-baseline=update, or leave it out."
        raise _usage_error(alone, "a session that writes baselines", remedy)
    return settings


def _arguments(values: Mapping[str, Any]) -> dict[str, Any]:
    """What one place says that every training is expected to reach."""
    stated = (option for option in OPTIONS if option.argument and option.name in values)
    return {option.argument: values[option.name] for option in stated}


def _from_command_line(config: pytest.Config, option: Option[Any]) -> Any:
    raw = config.getoption(option.ini_name) if option.flag else None
    return _parsed(option, raw, option.flag, option.remedy, config.invocation_params.dir)


def _from_ini(config: pytest.Config, option: Option[Any]) -> Any:
    if option.ini is None:
        return None
    remedy = f"It is the ini setting of {option.flag}." if option.flag else option.remedy
    try:
        raw = config.getini(option.ini_name)
    except (pytest.UsageError, TypeError, ValueError) as error:
        # What pytest says about a value of the wrong type need not name the setting.
        given = f"{option.ini_name} of a wrong type ({error})"
        raise _usage_error(given, option.expected, remedy) from None
    folder = config.inipath.parent if config.inipath else config.invocation_params.dir
    return _parsed(option, raw, option.ini_name, remedy, folder)


def _parsed(option: Option[Any], raw: Any, place: str, remedy: str, folder: Path) -> Any:
    """The value, None where there is none; a path is relative to where it was said."""
    if raw is None:
        return None
    if option.repeatable:
        lines = raw if isinstance(raw, (list, tuple)) else [raw]
        return tuple(_parsed_one(option, each, place, remedy, folder) for each in lines)
    return _parsed_one(option, raw, place, remedy, folder)


def _parsed_one(option: Option[Any], raw: Any, place: str, remedy: str, folder: Path) -> Any:
    try:
        value = option.parse(raw)
    except (TypeError, ValueError, OverflowError):
        raise _usage_error(f"{place}={raw}", option.expected, remedy) from None
    if isinstance(value, Report):
        return value._replace(path=None if value.path is None else folder / value.path)
    return folder / value if isinstance(value, Path) else value


def _check_outputs(config: pytest.Config, option: Option[Any], value: Any, place: str) -> None:
    """Refuse a path that cannot be written to, while there is still time to correct it."""
    raw = (config.getoption if place == option.flag else config.getini)(option.ini_name)
    texts, values = (raw, value) if option.repeatable else ([raw], [value])
    for text, each in zip(texts, values, strict=True):
        path = each.path if isinstance(each, Report) else each
        look = wrong_file if option.output == "file" else wrong_folder
        wrong = None if path is None else look(path)
        if wrong:
            raise _usage_error(f"{place}={text}", *wrong)


def _usage_error(given: str, expected: str, remedy: str) -> pytest.UsageError:
    from pytest_converge.core.errors import complaint

    return pytest.UsageError(complaint(given, expected, remedy))
