"""The command line of `converge`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import pytest_converge
from pytest_converge.command import compare, history, prune, rename, show, trend
from pytest_converge.command.terminal import Terminal
from pytest_converge.core.errors import InvalidTrainingError

__all__ = ["main"]

DESCRIPTION = """\
Show, compare, move and clear away the baselines that pytest-converge recorded,
and show trainings over several reports.

pytest --converge-baseline=new records them; nothing here changes their runs.
"""
EPILOG = "converge COMMAND --help says more about a command, and its exit codes."
#: What a shell reports of a process that Ctrl-C ended: 128 + SIGINT.
INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"converge: {message}; see {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: those of the command line; None takes the process's own.

    Returns:
        The exit code: 0, 1 or 2 as each command documents, 130 after Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    terminal = Terminal(sys.stdout, sys.stderr)
    try:
        code: int = options.run(options, terminal)
        sys.stdout.flush()
    except InvalidTrainingError as error:
        terminal.complain(str(error))
        return 2
    except BrokenPipeError:
        # The reader, as head, has seen enough. Python would complain again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="converge",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    version = f"pytest-converge {pytest_converge.__version__}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module, run, summary in (
        (show, show.show, "show curves and scores of baselines"),
        (compare, compare.compare, "compare two baseline files, or two folders of them"),
        (history, history.history, "show what each commit recorded for a training"),
        (trend, trend.trend, "show how trainings went over several JSON reports"),
        (rename, rename.rename, "move the baseline of a test that was renamed"),
        (prune, prune.prune, "list baselines that no test reads any more; delete them if told"),
    ):
        command = commands.add_parser(
            run.__name__,
            help=summary,
            description=module.DESCRIPTION,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=run)
    return parser
