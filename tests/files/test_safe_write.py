"""Disks as they are: where nothing can be replaced or renamed, what is finished is whole all the same."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from napari_blindspot.core.errors import FileError
from napari_blindspot.files.door import WriteOptions, read_image, write_image
from napari_blindspot.files.formats.registry import format_of
from napari_blindspot.files.image_file import ImageFile
from napari_blindspot.files.safe_write import KeptBesideError, atomic_path, remove_leftovers

OLD, NEW = (ImageFile(np.full((2, 32, 40), value, np.uint16), "ZYX") for value in (3, 7))
ENDINGS = (".ome.tif", ".ome.zarr")


def write(path, image: ImageFile) -> None:
    options = WriteOptions(compression="none", ngff="0.4")
    write_image(path, image, image.array.__getitem__, "uint16", options=options)


def is_image(path, image: ImageFile) -> bool:
    return np.array_equal(np.asarray(read_image(path).array), image.array)


@pytest.fixture
def denied(tmp_path, monkeypatch):
    """Let nothing in the folder be renamed; what zarr does within its own is left alone."""
    move = os.replace

    def replace(source, target):
        if tmp_path in (Path(source).parent, Path(target).parent):
            raise PermissionError(errno.EACCES, "Permission denied")
        move(source, target)

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr("time.sleep", lambda _: None)


@pytest.mark.parametrize("ending", ENDINGS)
def test_where_nothing_can_be_renamed_what_is_finished_is_copied_to_its_name(tmp_path, denied, ending):
    path = tmp_path / f"a{ending}"
    write(path, NEW)
    assert is_image(path, NEW)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_output_that_cannot_be_replaced_stays_and_the_new_one_is_kept_beside_it(
    tmp_path, monkeypatch, request, ending
):
    path = tmp_path / f"a{ending}"
    write(path, OLD)
    request.getfixturevalue("denied")
    for number in (2, 3):
        with pytest.raises(KeptBesideError) as kept:
            write(path, NEW)
        beside = tmp_path / f"a-{number}{ending}"
        assert str(kept.value) == (
            f"{path} could not be replaced (Permission denied), so the result was kept as {beside}."
        )
        assert kept.value.path == beside
        assert is_image(beside, NEW)
    assert is_image(path, OLD)
    assert len(list(tmp_path.iterdir())) == 3
    again = pickle.loads(pickle.dumps(kept.value))
    assert (again.path, str(again)) == (kept.value.path, str(kept.value))


def test_a_folder_that_is_open_elsewhere_is_left_and_the_new_one_is_moved_beside_it(tmp_path, monkeypatch):
    path, move = tmp_path / "a.ome.zarr", os.replace
    write(path, OLD)

    def replace(source, target):
        if path in (source, target):
            raise PermissionError(errno.EACCES, "Permission denied")
        move(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(KeptBesideError):
        write(path, NEW)
    assert is_image(path, OLD)
    assert is_image(tmp_path / "a-2.ome.zarr", NEW)


def test_a_moment_of_denial_is_waited_for(tmp_path, monkeypatch):
    path, move, calls = tmp_path / "a.ome.tif", os.replace, []
    write(path, OLD)

    def replace(source, target):
        calls.append(target)
        if len(calls) == 1:
            raise PermissionError(errno.EACCES, "Permission denied")
        move(source, target)

    monkeypatch.setattr(os, "replace", replace)
    write(path, NEW)
    assert is_image(path, NEW)
    assert list(tmp_path.iterdir()) == [path]


def test_a_part_of_a_copy_is_no_image_and_a_copy_that_fails_leaves_nothing(tmp_path, denied, monkeypatch):
    path, copy, kinds = tmp_path / "a.ome.tif", shutil.copyfileobj, []

    def full(source, target):
        copy(source, target)
        target.flush()
        kinds.append(format_of(path))
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(FileError, match="Input/output error"):
        write(path, NEW)
    assert kinds == [None]
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_output_is_not_kept_under_another_name(tmp_path, denied):
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(FileError, match="Permission denied"), atomic_path(path) as temporary:
        temporary.write_text("new")
    assert [entry.read_text() for entry in tmp_path.iterdir()] == ["old"]


def test_a_name_may_be_as_long_as_names_can_be_with_what_is_kept_beside_it(tmp_path):
    name = "µ" * 119 + "a.ome.tif"
    assert len(os.fsencode(name)) == 247
    write(tmp_path / name, NEW)
    assert is_image(tmp_path / name, NEW)
    with pytest.raises(RuntimeError), atomic_path(tmp_path / name) as temporary:
        temporary.touch()
        raise RuntimeError
    (tmp_path / temporary.name).touch()
    remove_leftovers(tmp_path / name)
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
