"""The list of formats: what reads it, and that one module is enough to add a format."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_blindspot.core.errors import FileError
from napari_blindspot.files import formats
from napari_blindspot.files.door import list_series, open_image
from napari_blindspot.files.formats.registry import (
    all_formats,
    dialog_filter,
    endings,
    format_names,
    format_of,
    is_image_folder,
    known_format,
    writer_of,
    writers,
)

ROOT = Path(__file__).parents[3]

TOY = '''
"""Numpy's own format, as a module that is added."""

from napari_blindspot.files.formats.registry import Format, begins_with


def _open(source, series, axes):
    import numpy as np

    from napari_blindspot.files.formats.finish_reading import image_of
    from napari_blindspot.files.formats.metadata import Metadata

    return image_of(np.load(source), "", axes, Metadata())


def _series(source):
    from napari_blindspot.files.image_file import Series

    image = _open(source, None, None)
    return [Series(0, "", image.shape, image.axes, str(image.dtype))]


FORMATS = (Format("NPY", (".npy",), begins_with(b"\\x93NUMPY"), _open, _series),)
'''


@pytest.fixture
def a_new_format(tmp_path, monkeypatch):
    (tmp_path / "formats").mkdir()
    (tmp_path / "formats" / "toy_format.py").write_text(TOY)
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(tmp_path / "formats")])
    all_formats.cache_clear()
    yield
    all_formats.cache_clear()
    sys.modules.pop("napari_blindspot.files.formats.toy_format", None)


def test_one_module_makes_a_format_known_everywhere(a_new_format, tmp_path):
    pixels = np.arange(5 * 20 * 30, dtype=np.uint16).reshape(5, 20, 30)
    np.save(tmp_path / "a.npy", pixels)
    (tmp_path / "a.npy").rename(tmp_path / "cells.tif")  # what it holds counts, not its name
    opened = open_image(tmp_path / "cells.tif", axes="TYX")
    assert opened.axes == "TYX"
    assert np.array_equal(opened.array, pixels)
    assert [str(one) for one in list_series(tmp_path / "cells.tif")] == ["0 (5×20×30 ZYX)"]
    assert ".npy" in endings()
    assert "*.npy" in dialog_filter()
    assert format_names() == "CZI, LIF, ND2, NPY, OME-Zarr, PNG or TIFF"
    (tmp_path / "empty").touch()
    with pytest.raises(FileError, match=r"an image is needed .*NPY"):
        open_image(tmp_path / "empty")


def test_the_list_is_read_without_loading_any_library():
    code = (
        "import sys\n"
        "from napari_blindspot.files.formats.registry import all_formats, writers\n"
        "assert all_formats() and writers()\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"numpy", "torch", "zarr", "tifffile", "imagecodecs", "dask", "pydantic"}
    loaded = set(done.stdout.split())
    assert not loaded & heavy
    assert not [name for name in loaded if name.startswith(("liffile", "nd2", "pylibCZIrw"))]


def test_each_format_has_a_name_and_endings_of_its_own():
    names = [one.name for one in all_formats()]
    assert names == ["CZI", "LIF", "ND2", "OME-Zarr", "PNG", "TIFF"]
    assert len(set(endings())) == len(endings())
    assert all(re.fullmatch(r"\.[a-z0-9]+", ending) for ending in endings())


def test_a_dialog_for_files_does_not_offer_images_that_are_folders():
    assert set(endings()) - set(endings(folders=False)) == {".zarr"}
    assert dialog_filter() == "Images (" + " ".join(f"*{end}" for end in endings(folders=False)) + ")"


def test_each_extra_that_a_format_names_can_be_installed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {one.extra for one in all_formats()} - {""} <= set(project["optional-dependencies"])


def test_the_documentation_names_each_format_and_its_endings():
    text = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    for one in all_formats():
        rows = [
            line for line in text.splitlines() if line.startswith("|") and one.name in line.split("|")[1]
        ]
        row = next(line for line in rows if f"`{one.endings[0]}`" in line)
        for ending in one.endings:
            assert f"`{ending}`" in row
        assert (f"extra `{one.extra}`" in row) == bool(one.extra)


def test_the_content_of_a_file_decides_its_format_not_its_name(tmp_path):
    Image.new("L", (20, 20)).save(tmp_path / "a.tif", format="PNG")
    tifffile.imwrite(tmp_path / "a.png", np.zeros((20, 20), "uint8"))
    (tmp_path / "a.czi").write_text("hello")
    assert format_of(tmp_path / "a.tif").name == "PNG"
    assert format_of(tmp_path / "a.png").name == "TIFF"
    assert format_of(tmp_path / "a.czi") is None
    with pytest.raises(FileError, match=r"a\.czi is no image that can be read \(.*\): it begins with b'he"):
        known_format(tmp_path / "a.czi")
    with pytest.raises(FileError, match=r"Cannot read .*none\.tif: No such file"):
        format_of(tmp_path / "none.tif")


def test_a_folder_is_an_image_if_it_holds_zarr_or_is_called_one(tmp_path):
    for name in ("plain", "v3", "v2", "damaged.zarr"):
        (tmp_path / name).mkdir()
    (tmp_path / "v3" / "zarr.json").touch()
    (tmp_path / "v2" / ".zattrs").touch()
    (tmp_path / "file.zarr").write_text("no folder")
    found = {entry.name for entry in tmp_path.iterdir() if is_image_folder(entry)}
    assert found == {"v3", "v2", "damaged.zarr"}
    with pytest.raises(FileError, match=r"plain: it is a folder, and no OME-Zarr\."):
        open_image(tmp_path / "plain")
    with pytest.raises(FileError, match=r"The Zarr folder .*damaged\.zarr is damaged or incomplete"):
        open_image(tmp_path / "damaged.zarr")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.ome.tif", "OME-TIFF"),
        ("a.TIF", "OME-TIFF"),
        ("a.tiff", "OME-TIFF"),
        ("a.ome.zarr", "OME-Zarr"),
        ("a.Zarr", "OME-Zarr"),
    ],
)
def test_the_name_of_an_output_decides_what_writes_it(name, expected):
    assert writer_of(name).name == expected


def test_an_output_of_another_name_is_refused_with_the_endings_that_would_do():
    assert [writer.endings[0] for writer in writers()] == [".ome.zarr", ".ome.tif"]
    with pytest.raises(
        FileError, match=r"output out\.png must end in \.ome\.zarr, .* or \.tiff\."
    ) as caught:
        writer_of("out.png")
    assert caught.value.setting == "output"


@pytest.mark.parametrize(
    ("name", "start", "sentence"),
    [
        ("a.ome.zarr.zip", b"PK\x03\x04", "is a ZIP archive, which cannot be read; unpack it"),
        ("a.tif.gz", b"\x1f\x8b\x08", "is compressed by gzip, which cannot be read; unpack it"),
        ("a.ims", b"\x89HDF\r\n\x1a\n", "is an HDF5 file, as Imaris and BigDataViewer write"),
        ("a.jpg", b"\xff\xd8\xff\xe0", "is a JPEG, which cannot be read"),
        ("a.ics", b"\t\nics_version\t1.0", "is an ICS file, which cannot be read; export it as OME-TIFF."),
        ("zarr.json", b"{", "describes a Zarr; give the folder "),
    ],
)
def test_a_file_of_another_kind_is_named_with_what_would_help(name, start, sentence, tmp_path):
    (tmp_path / name).write_bytes(start + bytes(40))
    with pytest.raises(FileError, match=re.escape(sentence)):
        known_format(tmp_path / name)
