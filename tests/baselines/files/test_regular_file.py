"""One file: strict about what is read, whole or untouched when written."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pytest_converge.baselines.files import regular_file
from pytest_converge.baselines.files.errors import (
    BaselineFileError,
    DefectError,
    MissingBaselineError,
)
from pytest_converge.baselines.files.paths import is_leftover
from pytest_converge.baselines.files.regular_file import (
    SIZE_LIMIT,
    read_regular,
    replace_regular,
)
from pytest_converge.baselines.files.store import load, read, save
from tests.recorded import TEST, recorded

posix = pytest.mark.skipif(os.name != "posix", reason="needs permissions and pipes of POSIX")
both_ways = pytest.mark.usefixtures("_both_ways")


def names(folder):
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*"))


@both_ways
class TestReading:
    def test_any_file_may_be_read_through_links_to_its_folder(self, saved, tmp_path):
        (tmp_path / "link").symlink_to(saved.parent)
        assert read(tmp_path / "link" / saved.name)[0].test == TEST

    @pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="open files cannot be counted here")
    def test_nothing_stays_open(self, saved, tmp_path):
        before = len(os.listdir("/dev/fd"))
        for _ in range(5):
            load(saved, TEST)
            save(saved, [recorded()])
            with pytest.raises(MissingBaselineError):
                load(saved.parent / "missing.json", TEST)
        assert len(os.listdir("/dev/fd")) == before

    @pytest.mark.parametrize("level", range(3))
    def test_a_link_is_refused_wherever_it_stands(self, saved, level, tmp_path):
        target = [saved, *saved.parents][level]
        moved = tmp_path / "elsewhere"
        target.rename(moved)
        target.symlink_to(moved)
        with pytest.raises(BaselineFileError, match="that is a symbolic link") as caught:
            load(saved, TEST)
        assert caught.value.path == target
        with pytest.raises(BaselineFileError, match="that is a symbolic link"):
            save(saved, [recorded(level=1.0)])
        assert target.is_symlink()

    def test_a_link_that_leads_nowhere_is_not_followed(self, saved, tmp_path):
        saved.unlink()
        saved.symlink_to(tmp_path / "victim")
        for use in (lambda: load(saved, TEST), lambda: save(saved, [recorded()])):
            with pytest.raises(BaselineFileError, match="that is a symbolic link"):
                use()
        assert not (tmp_path / "victim").exists()

    def test_the_folder_of_the_test_may_be_a_link(self, path_below, tmp_path):
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "real")
        path = path_below(tmp_path / "link")
        save(path, [recorded()])
        assert load(path, TEST)[0].test == TEST

    @pytest.mark.parametrize("level", range(3))
    def test_what_is_no_file_or_folder_is_refused(self, path, level):
        target = [path, *path.parents][level]
        target.parent.mkdir(parents=True, exist_ok=True)
        if level:
            target.write_text("")
        else:
            target.mkdir()
        for use in (lambda: load(path, TEST), lambda: save(path, [recorded()])):
            with pytest.raises(BaselineFileError, match="that is no ") as caught:
                use()
            assert caught.value.path == target

    @posix
    def test_a_pipe_does_not_make_it_wait(self, path):
        path.parent.mkdir(parents=True)
        os.mkfifo(path)
        with pytest.raises(BaselineFileError, match="no regular file"):
            load(path, TEST)

    @posix
    def test_a_file_exchanged_for_a_pipe_is_noticed(self, saved, monkeypatch):
        looked = regular_file._require

        def exchange(kind, state, path):
            looked(kind, state, path)
            monkeypatch.setattr(regular_file, "_require", looked)
            path.unlink()
            os.mkfifo(path)

        monkeypatch.setattr(regular_file, "_require", exchange)
        with pytest.raises(DefectError, match="no regular file"):
            read_regular(saved)

    @posix
    @pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links are always followed here")
    def test_a_file_exchanged_for_a_link_is_not_followed(self, saved, tmp_path, monkeypatch):
        looked = regular_file._require
        (tmp_path / "secret").write_text("")

        def exchange(kind, state, path):
            looked(kind, state, path)
            path.unlink()
            path.symlink_to(tmp_path / "secret")

        monkeypatch.setattr(regular_file, "_require", exchange)
        with pytest.raises(DefectError, match="cannot be read"):
            read_regular(saved)

    def test_the_size_has_a_limit(self, saved):
        with saved.open("r+b") as file:
            file.truncate(SIZE_LIMIT)
        with pytest.raises(BaselineFileError, match="no JSON"):
            read(saved)
        with saved.open("r+b") as file:
            file.truncate(SIZE_LIMIT + 1)
        with pytest.raises(BaselineFileError, match=f"more than {SIZE_LIMIT} bytes"):
            read(saved)

    @posix
    @pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read all")
    def test_a_file_that_must_not_be_read_is_named(self, saved):
        saved.chmod(0)
        with pytest.raises(BaselineFileError, match="Permission denied"):
            read(saved)

    def test_an_error_of_reading_is_named(self, saved, monkeypatch):
        monkeypatch.setattr(regular_file._Folder, "open", failing(5, "Input/output error"))
        with pytest.raises(DefectError, match=r"cannot be read \(Input/output error\)"):
            read_regular(saved)


def failing(number, text):
    def fail(*_args, **_options):
        raise OSError(number, text)

    return fail


@both_ways
class TestWriting:
    @pytest.mark.parametrize("step", ["fsync", "replace"])
    def test_a_failure_leaves_the_old_file_and_nothing_else(self, saved, step, monkeypatch):
        before = saved.read_bytes()
        monkeypatch.setattr(regular_file.os, step, failing(28, "No space left on device"))
        with pytest.raises(BaselineFileError, match="No space left on device"):
            save(saved, [recorded(level=1.0)])
        assert saved.read_bytes() == before
        assert names(saved.parent) == [saved.name]

    def test_ctrl_c_leaves_the_old_file_and_nothing_else(self, saved, monkeypatch):
        def interrupt(_fd):
            raise KeyboardInterrupt

        before = saved.read_bytes()
        monkeypatch.setattr(regular_file.os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            save(saved, [recorded(level=1.0)])
        assert saved.read_bytes() == before
        assert names(saved.parent) == [saved.name]

    def test_it_is_on_the_disk_before_it_takes_the_place(self, path, monkeypatch):
        events = []
        sync, replace = os.fsync, os.replace

        def spy_on_sync(fd):
            state = os.fstat(fd)
            events.append("folder" if stat.S_ISDIR(state.st_mode) else state.st_size)
            sync(fd)

        def spy_on_replace(old, new, **options):
            assert is_leftover(Path(old).name)
            events.append(Path(new).name)
            replace(old, new, **options)

        monkeypatch.setattr(regular_file.os, "fsync", spy_on_sync)
        monkeypatch.setattr(regular_file.os, "replace", spy_on_replace)
        save(path, [recorded()])
        expected = ["folder", "folder", path.stat().st_size, path.name, "folder"]
        # Without opened folders only the file can be synced.
        assert events == (expected if regular_file.RELATIVE else expected[2:4])

    def test_a_folder_that_cannot_be_synced_is_no_failure(self, path, monkeypatch):
        real = os.fsync

        def only_files(fd):
            if stat.S_ISDIR(os.fstat(fd).st_mode):
                raise OSError(22, "Invalid argument")
            real(fd)

        monkeypatch.setattr(regular_file.os, "fsync", only_files)
        save(path, [recorded()])
        assert load(path, TEST)

    def test_a_missing_root_is_not_made(self, path_below, tmp_path):
        path = path_below(tmp_path / "missing")
        with pytest.raises(BaselineFileError, match="No such file or directory"):
            save(path, [recorded()])

    @posix
    def test_the_mode_is_the_one_that_open_gives(self, path):
        old = os.umask(0o027)
        try:
            save(path, [recorded()])
        finally:
            os.umask(old)
        modes = [stat.S_IMODE(part.stat().st_mode) for part in (path, path.parent)]
        assert modes == [0o640, 0o750]
        path.chmod(0o604)
        save(path, [recorded(level=1.0)])
        assert stat.S_IMODE(path.stat().st_mode) == 0o604

    def test_a_temporary_file_of_a_killed_writer_is_harmless(self, saved):
        left = saved.with_name(f"{saved.name}.0123456789abcdef.tmp")
        left.write_text("half")
        save(saved, [recorded(level=1.0)])
        assert load(saved, TEST)
        assert left.read_text() == "half"
        assert is_leftover(left.name)

    def test_a_file_elsewhere_is_replaced_too(self, tmp_path):
        replace_regular(tmp_path / "a.json", b"1")
        replace_regular(tmp_path / "a.json", b"2")
        assert (tmp_path / "a.json").read_bytes() == b"2"

    def test_only_the_folders_of_baselines_are_made(self, tmp_path):
        with pytest.raises(DefectError, match="cannot be written"):
            replace_regular(tmp_path / "missing" / "a.json", b"1")
        assert names(tmp_path) == []
