"""One run at a time for one output: real processes that hold it, want it and are killed."""

import contextlib
import errno
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from napari_blindspot.core.errors import FileError
from napari_blindspot.core.words import sentence
from napari_blindspot.files.output_lock import locked, locked_folder

HOLD = """
import sys, time
from napari_blindspot.files.output_lock import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""

CONTEND = """
import os, sys, time
from napari_blindspot.core.errors import FileError
from napari_blindspot.files.output_lock import locked
held = 0
while held < 150:
    try:
        with locked(sys.argv[1]):
            os.close(os.open(sys.argv[2], os.O_CREAT | os.O_EXCL))
            time.sleep(0.001)
            os.unlink(sys.argv[2])
            held += 1
    except FileError:
        pass
"""


@contextlib.contextmanager
def held_by_another(path: Path):
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_the_second_run_is_told_which_output_and_by_whom(tmp_path):
    output = tmp_path / "Zellen ü.ome.tif"
    with held_by_another(output) as process, pytest.raises(FileError) as refused:
        with locked(tmp_path / "free.tif", output):
            pytest.fail("two runs held one output")
    assert str(refused.value) == (
        f"The output {output} is in use by another run (process {process.pid} on {platform.node()}); "
        "wait until that has ended, or choose another one."
    )
    assert not (tmp_path / ".free.tif.lock").exists()


def test_a_killed_run_holds_nothing_and_leaves_nothing_to_clean(tmp_path):
    with held_by_another(tmp_path / "a.tif") as process:
        process.kill()
        process.wait()
        assert list(tmp_path.iterdir())
        with locked(tmp_path / "a.tif"):
            pass
    assert not list(tmp_path.iterdir())


def test_another_output_and_the_folder_itself_are_free(tmp_path):
    with held_by_another(tmp_path / "a.tif"), locked(tmp_path / "b.tif"), locked_folder(tmp_path):
        with pytest.raises(FileError, match=f"The output folder {tmp_path} is in use"):
            with locked_folder(tmp_path):
                pass


def test_of_many_processes_that_want_it_never_two_have_it(tmp_path):
    command = [sys.executable, "-c", CONTEND, str(tmp_path / "a.tif"), str(tmp_path / "exclusive")]
    processes = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
    assert not list(tmp_path.iterdir())


def test_where_no_lock_file_can_be_made_the_writers_say_what_is_wrong(tmp_path):
    with locked(tmp_path / "nowhere" / "a.tif"):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="Windows locks on every file system")
@pytest.mark.parametrize("number", [37, 38, 95, 524, errno.EACCES, errno.EPERM])
def test_a_file_system_that_knows_no_locks_is_said_once_and_no_reason_to_refuse_work(
    tmp_path, monkeypatch, number
):
    def unknown(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", unknown)
    with locked(tmp_path / "a.tif", tmp_path / "b.tif") as notices, locked_folder(tmp_path) as others:
        pass
    assert notices == others
    assert [sentence(notice) for notice in notices] == [
        f"The file system of {tmp_path} knows no locks, so nothing keeps a second run from writing "
        "the same output."
    ]
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has another function for it")
def test_a_lock_that_is_denied_where_others_can_be_had_is_held_by_another_run(tmp_path, monkeypatch):
    import fcntl

    lock = fcntl.flock

    def denied(descriptor, operation):
        if os.path.samestat(os.fstat(descriptor), os.stat(tmp_path / ".a.tif.lock")):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        lock(descriptor, operation)

    monkeypatch.setattr("fcntl.flock", denied)
    with pytest.raises(FileError, match="is in use by another run"), locked(tmp_path / "a.tif"):
        pass
