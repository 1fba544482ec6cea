"""CZI, written here by Zeiss's own library; and what is said where a reader is not installed."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from napari_blindspot.core.errors import FileError
from napari_blindspot.files.door import Spacing, list_series, open_image

STARTS = {"CZI": b"ZISRAWFILE", "LIF": b"\x70\x00\x00\x00", "ND2": b"\xda\xce\xbe\x0a"}


@pytest.fixture
def czi(tmp_path):
    """A CZI with the axes T, Z, C and its pixels (T, Z, C, Y, X)."""
    writer = pytest.importorskip("pylibCZIrw.czi", reason="CZI needs bioio-czi, of the extra formats")
    pytest.importorskip("bioio_czi", reason="CZI needs bioio-czi, of the extra formats")
    pixels = np.random.default_rng(0).integers(0, 4000, (2, 3, 2, 40, 50)).astype(np.uint16)
    path = tmp_path / "cells.czi"
    with writer.create_czi(str(path)) as file:
        for t, z, c in np.ndindex(2, 3, 2):
            file.write(data=pixels[t, z, c][..., None], plane={"T": t, "Z": z, "C": c})
        names = {0: "DAPI", 1: "GFP"}
        file.write_metadata("cells", channel_names=names, scale_x=1.2e-7, scale_y=1.1e-7, scale_z=5e-7)
    return path, pixels


def test_a_czi_gives_its_planes_axes_channels_and_voxel_size(czi):
    path, pixels = czi
    opened = open_image(path)
    assert (opened.axes, opened.shape, opened.dtype) == ("TCZYX", (2, 2, 3, 40, 50), np.uint16)
    assert np.array_equal(opened.array[1, 0, 2], pixels[1, 2, 0])
    assert np.array_equal(np.asarray(opened.array), pixels.transpose(0, 2, 1, 3, 4))
    assert opened.channel_names == ("DAPI", "GFP")
    assert {axis: s.micrometres for axis, s in opened.spacing.items()} == pytest.approx(
        {"Z": 0.5, "Y": 0.11, "X": 0.12}
    )
    assert opened.spacing["X"].unit == Spacing(1.0, "µm").unit
    (series,) = list_series(path)
    assert (series.shape, series.axes, series.dtype) == ((2, 2, 3, 40, 50), "TCZYX", "uint16")
    green = open_image(path, axes="TCZYX").channel(1)
    assert np.array_equal(green.array[1, 2], pixels[1, 2, 1])


def test_a_czi_that_was_cut_off_is_refused(czi):
    path, _ = czi
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(FileError, match=r"The CZI file .*cells\.czi is damaged, or bioio cannot read it"):
        open_image(path)


@pytest.mark.parametrize("name", STARTS)
def test_a_reader_that_is_not_installed_is_named_with_the_command_that_installs_it(
    tmp_path, monkeypatch, name
):
    monkeypatch.setitem(sys.modules, f"bioio_{name.lower()}", None)
    path = tmp_path / "cells.tif"  # the first bytes count, not the name
    path.write_bytes(STARTS[name] + bytes(100))
    with pytest.raises(FileError) as caught:
        open_image(path)
    assert str(caught.value).startswith(
        f"{name} needs the package bioio-{name.lower()}, which is not installed"
    )
    assert str(caught.value).endswith('install it with: pip install "napari-blindspot[formats]".')
