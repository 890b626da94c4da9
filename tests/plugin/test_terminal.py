"""The terminal that texts are made for."""

from __future__ import annotations

import io
import types
from typing import Any

import pytest

from pytest_converge.plugin.terminal import (
    OUTPUT,
    Output,
    TerminalFormat,
    tell_worker,
    terminal_format,
)


def config(*, encoding: str = "utf-8", reporter: bool = True, **attributes: Any) -> Any:
    stash = pytest.Stash()
    stash[OUTPUT] = Output(io.TextIOWrapper(io.BytesIO(), encoding=encoding), terminal=True)
    return types.SimpleNamespace(
        stash=stash,
        pluginmanager=types.SimpleNamespace(has_plugin=lambda name: reporter),
        get_terminal_writer=lambda: types.SimpleNamespace(fullwidth=133),
        **attributes,
    )


def test_width_and_encoding_are_those_of_the_reporter() -> None:
    assert terminal_format(config()) == TerminalFormat(133, unicode=True)
    assert terminal_format(config(encoding="ascii")) == TerminalFormat(133, unicode=False)


def test_without_a_reporter_it_is_80_columns_of_ascii() -> None:
    assert terminal_format(config(reporter=False)) == TerminalFormat(80, unicode=False)


def test_a_worker_process_is_told_the_terminal_of_its_controller() -> None:
    told: dict[str, Any] = {}
    tell_worker(config(), told)
    worker = config(encoding="ascii", reporter=False, workerinput=told)
    assert terminal_format(worker) == TerminalFormat(133, unicode=True)
