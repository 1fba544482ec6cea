"""CZI, written here by Zeiss's own library, and by real microscopes."""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from napari_blindspot.cli.app import app
from napari_blindspot.core.errors import FileError
from napari_blindspot.core.words import sentences_of
from napari_blindspot.files.door import Spacing, list_series, open_image, read_image

czi_library = pytest.importorskip("pylibCZIrw.czi", reason="CZI needs pylibCZIrw, of the extra formats")

PIXELS = np.random.default_rng(0).integers(1, 4000, (2, 3, 2, 40, 50)).astype(np.uint16)


@pytest.fixture
def czi(tmp_path):
    """A CZI with the axes T, Z, C and its pixels (T, Z, C, Y, X)."""
    path = tmp_path / "cells.czi"
    with czi_library.create_czi(str(path)) as file:
        for t, z, c in np.ndindex(2, 3, 2):
            file.write(data=PIXELS[t, z, c][..., None], plane={"T": t, "Z": z, "C": c})
        names = {0: "DAPI", 1: "GFP"}
        file.write_metadata("cells", channel_names=names, scale_x=1.2e-7, scale_y=1.1e-7, scale_z=5e-7)
    return path


def test_a_czi_gives_its_planes_axes_channels_and_voxel_size(czi):
    opened = open_image(czi)
    assert (opened.axes, opened.shape, opened.dtype) == ("TCZYX", (2, 2, 3, 40, 50), np.uint16)
    assert np.array_equal(opened.array[1, 0, 2], PIXELS[1, 2, 0])
    assert np.array_equal(np.asarray(opened.array), PIXELS.transpose(0, 2, 1, 3, 4))
    assert (opened.channel_names, opened.notices) == (("DAPI", "GFP"), ())
    assert {axis: s.micrometres for axis, s in opened.spacing.items()} == pytest.approx(
        {"Z": 0.5, "Y": 0.11, "X": 0.12}
    )
    assert opened.spacing["X"].unit == Spacing(1.0, "µm").unit
    (series,) = list_series(czi)
    assert (series.shape, series.axes, series.dtype) == ((2, 2, 3, 40, 50), "TCZYX", "uint16")
    green = open_image(czi, axes="TCZYX").channel(1)
    assert np.array_equal(green.array[1, 2], PIXELS[1, 2, 1])


def test_a_czi_that_was_cut_off_is_refused(czi):
    czi.write_bytes(czi.read_bytes()[:4000])
    with pytest.raises(FileError, match=r"The CZI file .*cells\.czi is damaged, or of a kind that"):
        open_image(czi)


def test_planes_that_are_not_in_the_file_are_blank_and_counted(tmp_path):
    path = tmp_path / "sparse.czi"
    there = [(0, 0), (0, 1), (0, 2), (1, 1)]
    with czi_library.create_czi(str(path)) as file:
        for c, z in there:
            file.write(data=PIXELS[0, z, c][..., None], plane={"C": c, "Z": z})
    image = open_image(path)
    assert (image.axes, image.shape) == ("CZYX", (2, 3, 40, 50))
    assert sentences_of([image.notices]) == ["2 of the 6 planes are not in the file; they are left blank."]
    for c, z in np.ndindex(2, 3):
        expected = PIXELS[0, z, c] if (c, z) in there else np.zeros((40, 50))
        assert np.array_equal(image.array[c, z], expected)


def test_the_tiles_of_a_mosaic_are_put_together_and_what_lies_between_them_is_blank(tmp_path):
    path = tmp_path / "mosaic.czi"
    with czi_library.create_czi(str(path)) as file:
        for number, x in enumerate((-20, 40)):
            file.write(data=PIXELS[0, number, 0][..., None], location=(x, 5))
    image = open_image(path)
    assert (image.axes, image.shape) == ("YX", (40, 110))
    whole = np.asarray(image.array[()])
    assert np.array_equal(whole[:, :50], PIXELS[0, 0, 0])
    assert np.array_equal(whole[:, 60:], PIXELS[0, 1, 0])
    assert not whole[:, 50:60].any()
    assert sentences_of([image.notices]) == [
        "Between its tiles the image is blank (9.1% of it), and stays so."
    ]


def test_scenes_are_images_of_their_own_size(tmp_path):
    path = tmp_path / "scenes.czi"
    with czi_library.create_czi(str(path)) as file:
        file.write(data=PIXELS[0, 0, 0][..., None], location=(0, 0), scene=0)
        for z in range(2):
            file.write(data=PIXELS[1, z, 0, :30][..., None], location=(300, 0), scene=1, plane={"Z": z})
    assert [(one.shape, one.axes) for one in list_series(path)] == [((40, 50), "YX"), ((2, 30, 50), "ZYX")]
    with pytest.raises(FileError, match="holds 2 images; choose one"):
        open_image(path)
    assert np.array_equal(np.asarray(open_image(path, series=1).array), PIXELS[1, :2, 0, :30])


def test_the_samples_of_a_colour_image_are_red_green_and_blue(tmp_path):
    path = tmp_path / "rgb.czi"
    colour = PIXELS[0, :, 0].transpose(1, 2, 0).astype(np.uint8)
    with czi_library.create_czi(str(path)) as file:
        # Zeiss's library takes and gives blue, green and red.
        file.write(data=np.ascontiguousarray(colour[..., ::-1]))
    image = read_image(path)
    assert (image.axes, image.dtype) == ("YXS", np.uint8)
    assert np.array_equal(image.array, colour)


def test_phases_of_a_real_airyscan_are_channels_and_missing_planes_are_said(real_files):
    image = open_image(real_files / "czi_LSM880_AiryScan.czi")
    assert (image.axes, image.shape, image.dtype) == ("CYX", (256, 36, 38), np.uint16)
    assert image.spacing["X"].micrometres == pytest.approx(0.0353, rel=1e-3)
    assert sentences_of([image.notices]) == [
        "The file's axes H (32) are counted as channels.",
        "124 of the 256 planes are not in the file; they are left blank.",
    ]
    assert image.channel_names[33].endswith(" H1")
    assert np.asarray(image.array).shape == image.shape


def test_real_tiles_are_put_together_and_nothing_of_a_library_reaches_the_terminal(real_files, capfd):
    path = real_files / "czi_tiles_time_z.czi"
    image = open_image(path)
    assert (image.axes, image.shape, image.dtype) == ("TCZYX", (2, 2, 2, 512, 512), np.uint8)
    assert {axis: one.micrometres for axis, one in image.spacing.items()} == pytest.approx(
        {"Z": 4.0, "Y": 1.66053, "X": 1.66053}, rel=1e-5
    )
    assert image.array[1, 0, 1].max() == 4
    assert CliRunner().invoke(app, ["noise", str(path), "--channel", "0"]).stderr == ""
    assert capfd.readouterr() == ("", "")


def test_a_real_colour_image_of_several_channels_has_both_axes(real_files):
    image = open_image(real_files / "czi_RGB-multichannel.czi")
    assert (image.axes, image.shape, image.dtype) == ("CYXS", (7, 81, 147, 3), np.uint8)
    assert image.channel_names[:2] == ("Bright", "Pol_0")
    assert image.array[6].mean((0, 1)) == pytest.approx([3.76, 5.33, 5.19], abs=0.01)
    red = image.channel(0)
    assert np.array_equal(red.array[6], image.array[6][..., 0])


def test_a_real_lattice_light_sheet_gives_its_voxels(real_files):
    image = open_image(real_files / "czi_LLS7_small.czi")
    assert (image.axes, image.shape, image.dtype) == ("TCZYX", (2, 2, 3, 64, 64), np.uint16)
    assert [image.spacing[axis].micrometres for axis in "ZYX"] == pytest.approx([0.144992] * 3)
    assert (image.array[0, 0, 0].max(), np.asarray(image.array).max()) == (1012, 9601)
