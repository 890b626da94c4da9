"""Files that are written: their names, and the one writer."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest

from pytest_converge.core.files import append_to_file, digest, slug, write_file


@pytest.mark.parametrize(
    ("text", "besides", "name"),
    [
        ("test_it[a b]", "", "test_it-a-b-"),
        ("test/é.py::test", "", "test-py-test"),
        ("rate=0.1-x", ".=-", "rate=0.1-x"),
        ("rate=0.1", "", "rate-0-1"),
    ],
)
def test_a_slug_holds_what_every_file_system_takes(text, besides, name):
    assert slug(text, besides=besides) == name


def test_a_digest_tells_texts_apart():
    assert digest("a") != digest("A")
    assert len(digest("\udc80")) == 8


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "a.json"
    write_file(path, b"12")
    path.chmod(0o604)
    write_file(path, b"3")
    assert path.read_bytes() == b"3"
    assert names(tmp_path) == ["a.json"]
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o604


def test_a_new_file_has_the_usual_permissions(tmp_path):
    write_file(tmp_path / "a.json", b"1")
    (tmp_path / "other").touch()
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a.json", "other")]
    assert modes[0] == modes[1]


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_leads_to_what_is_written(tmp_path, exists):
    (tmp_path / "link").symlink_to("a.json")
    if exists:
        (tmp_path / "a.json").write_bytes(b"old")
    write_file(tmp_path / "link", b"1")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "a.json").read_bytes() == b"1"
    assert names(tmp_path) == ["a.json", "link"]


def test_a_device_stays_one(tmp_path):
    """One of its own: a writer that replaced it would take `/dev/null` from the whole machine."""
    device = tmp_path / "null"
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        device.write_bytes(b"")
    except (AttributeError, OSError):
        pytest.skip("no devices can be made here")
    write_file(device, b"1")
    assert stat.S_ISCHR(device.stat().st_mode)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are a thing of POSIX")
def test_a_pipe_is_written_to_and_one_without_a_reader_is_an_error(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match=r"."):
        write_file(pipe, b"1")
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_file(pipe, b"1")
    assert os.read(reader, 9) == b"1"
    os.close(reader)
    assert names(tmp_path) == ["pipe"]


def test_the_file_that_holds_the_output_is_written_on(tmp_path):
    """As by `> log` in a shell, where replacing the file would lose what is written to it later."""
    code = (
        "import pathlib, sys; from pytest_converge.core.files import write_file\n"
        "print('before', flush=True); write_file(pathlib.Path(sys.argv[1]), b'report\\n')\n"
        "print('after')"
    )
    log = tmp_path / "log"
    with log.open("wb") as output:
        command = [sys.executable, "-c", code, str(log)]
        subprocess.run(command, stdout=output, check=True)  # noqa: S603 - the suite's own Python
    assert log.read_text().split() == ["before", "report", "after"]


@pytest.mark.parametrize("where", ["missing/a.json", "."])
def test_what_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path, where):
    with pytest.raises(OSError, match=r"."):
        write_file(tmp_path / where, b"1")
    assert names(tmp_path) == []


def test_what_is_appended_comes_behind_what_others_wrote(tmp_path):
    path = tmp_path / "page.md"
    append_to_file(path, b"first\n")
    with path.open("ab") as other:
        other.write(b"of another\n")
    append_to_file(path, b"second\n")
    assert path.read_bytes() == b"first\nof another\nsecond\n"
