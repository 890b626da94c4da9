"""Files that are written: their names, and the one writer."""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import re
import stat

import pytest

from pytest_converge.core.files import append_to_file, digest, replace, slug, write_file


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


@pytest.mark.parametrize("write", [write_file, append_to_file])
def test_a_new_file_has_the_usual_permissions(tmp_path, write):
    write(tmp_path / "a.json", b"1")
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
    more_than_it_holds = b"1" * 2**20
    with (
        concurrent.futures.ThreadPoolExecutor(1) as pool,
        open(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), "rb") as reader,
    ):
        os.set_blocking(reader.fileno(), True)
        with pipe.open("wb"):  # without a writer the reader would be at the end already
            found = pool.submit(reader.read)
            write_file(pipe, more_than_it_holds)
        assert found.result() == more_than_it_holds
    assert names(tmp_path) == ["pipe"]


@contextlib.contextmanager
def kept(descriptor):
    """What is done to it inside is undone."""
    saved = os.dup(descriptor)
    try:
        yield
    finally:
        os.dup2(saved, descriptor)
        os.close(saved)


@pytest.mark.parametrize("descriptor", [1, 2])
def test_the_file_that_holds_the_output_is_written_on(tmp_path, descriptor):
    """As by `> log` in a shell, where replacing the file would lose what is written to it later."""
    log = tmp_path / "log"
    with log.open("wb") as output, kept(descriptor):
        os.dup2(output.fileno(), descriptor)
        os.write(descriptor, b"before ")
        write_file(log, b"report ")
        os.write(descriptor, b"after")
    assert log.read_bytes() == b"before report after"


def test_a_process_without_an_output_replaces_a_file(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    with kept(1):
        os.close(1)
        write_file(path, b"1")
    assert path.read_bytes() == b"1"


@pytest.mark.parametrize("where", ["missing/a.json", "."])
def test_what_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path, where):
    with pytest.raises(OSError, match=r"."):
        write_file(tmp_path / where, b"1")
    assert names(tmp_path) == []


@pytest.mark.skipif(os.open not in os.supports_dir_fd, reason="no folders can be opened here")
def test_in_an_opened_folder_a_file_is_written_beside_its_place_and_nothing_is_left(
    tmp_path, monkeypatch
):
    (tmp_path / "a.json").write_bytes(b"old")
    seen = []

    def full(_):
        seen.extend(names(tmp_path))
        raise OSError("no space left")

    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(OSError, match="no space left"):
                replace("a.json", b"1", old=None, folder=folder)
        assert re.fullmatch(r"a\.json a\.json\.[0-9a-f]{16}\.tmp", " ".join(seen))
        assert names(tmp_path) == ["a.json"]
        replace("a.json", b"1", old=None, folder=folder)
    finally:
        os.close(folder)
    assert (tmp_path / "a.json").read_bytes() == b"1"
    assert names(tmp_path) == ["a.json"]


def test_what_was_appended_in_part_is_an_error(tmp_path):
    resource = pytest.importorskip("resource", reason="limits are those of POSIX")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="1000 of 3000 bytes were written"):
            append_to_file(tmp_path / "page.md", b"x" * 3000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_what_is_appended_comes_behind_what_others_wrote(tmp_path):
    path = tmp_path / "page.md"
    append_to_file(path, b"first\n")
    with path.open("ab") as other:
        other.write(b"of another\n")
    append_to_file(path, b"second\n")
    assert path.read_bytes() == b"first\nof another\nsecond\n"
