"""TIFF as the programs of microscopes write it, and as other programs leave it: notes that are not true."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from napari_blindspot.cli.app import app
from napari_blindspot.core.errors import FileError
from napari_blindspot.core.words import sentences_of
from napari_blindspot.files.door import open_image
from napari_blindspot.files.spacing import Spacing

STACK = np.random.default_rng(5).integers(-90, 900, (12, 24, 20)).astype("int16")


def said(image) -> str:
    return " ".join(sentences_of([image.notices]))


def write_pages(path, pages, description="", software="") -> None:
    """Write pages that lie one after another, each with its own notes."""
    with tifffile.TiffWriter(path) as tiff:
        for number, plane in enumerate(pages):
            text = description.replace("#", str(number)) or None
            tiff.write(
                plane,
                photometric="minisblack",
                metadata=None,
                contiguous=False,
                description=text,
                software=software,
            )


# ScanImage

NOTES = {
    "version 3": ("state.configPath='C:'\rstate.acq.numberOfChannelsSave=2\r", "", 2),
    "version 3 by channel": ("state.acq.savingChannel1=1\rstate.acq.savingChannel2=1\r", "", 2),
    "version 4": ("Frame Number = #\nscanimage.SI4.channelsSave = [1;2;4]\n", "", 3),
    "version 2015": ("frame = #\nscanimage.SI.hChannels.channelSave = [1;2]\n", "", 2),
    "version 2016": ("frameNumbers = #\n", "SI.LINE = 1\nSI.hChannels.channelSave = [1;3]\n", 2),
    "one channel": ("frameNumbers = #\n", "SI.LINE = 1\nSI.hChannels.channelSave = 1\n", 1),
}


@pytest.mark.parametrize("case", NOTES)
def test_every_page_of_scanimage_is_read_and_channels_in_turn_are_spoken_of(case, tmp_path):
    description, software, count = NOTES[case]
    write_pages(tmp_path / "a.tif", STACK, description, software)
    image = open_image(tmp_path / "a.tif")
    assert image.axes == "ZYX"
    assert np.array_equal(np.asarray(image.array), STACK)
    assert (f"images of {count} channels in turn on the axis of length 12" in said(image)) == (count > 1)
    if count > 1:
        parted = open_image(tmp_path / "a.tif", split=f"{count}:C")
        assert np.array_equal(parted.array[1, 1], STACK[count + 1])
        assert "in turn" not in said(parted)


def test_the_option_that_takes_the_channels_apart_stands_behind_the_sentence(tmp_path):
    write_pages(tmp_path / "a.tif", STACK, *NOTES["version 3"][:2])
    shown = CliRunner().invoke(app, ["noise", str(tmp_path / "a.tif"), "--json"]).stderr
    assert "the split 2:C keeps them apart (--split 2:C)." in shown


def test_a_number_of_pages_that_no_channels_fit_is_not_spoken_of(tmp_path):
    write_pages(tmp_path / "a.tif", STACK[:11], *NOTES["version 3"][:2])
    assert "in turn" not in said(open_image(tmp_path / "a.tif"))


# MetaMorph


def write_stk(path, planes, *, deep: bool) -> None:
    """Write an STK: one page, whose planes follow, with MetaMorph's four tags."""
    count, height, width = planes.shape
    pixels = planes.astype("<i2").tobytes()
    depth = 3 if deep else 0
    blocks = [b"".join(struct.pack("<6I", depth, 10, 2455000, 500 * k, 2455000, 0) for k in range(count))]
    blocks.append(struct.pack("<2I", 488, 1) * count)
    blocks.append(struct.pack("<2H", 0, 0))
    blocks.append(struct.pack("<3I", 1, 4, 3) + b"um\0\0")
    starts = [8 + len(pixels)]
    for block in blocks:
        starts.append(starts[-1] + len(block))
    calibrations = struct.pack("<6I", 4, starts[3], 5, starts[3], 6, starts[3] + 8)
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 16), (259, 3, 1, 1), (262, 3, 1, 1)]
    entries += [(273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, height * width * 2)]
    entries += [(339, 3, 1, 2), (33628, 4, 3, starts[4]), (33629, 5, count, starts[0])]
    entries += [(33630, 5, count, starts[1]), (33631, 4, count, starts[2])]
    page = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *one) for one in entries)
    start = struct.pack("<2sHI", b"II", 42, starts[4] + len(calibrations))
    path.write_bytes(start + pixels + b"".join(blocks) + calibrations + page + struct.pack("<I", 0))


@pytest.mark.parametrize(("deep", "axes"), [(True, "ZYX"), (False, "TYX")])
def test_an_stk_gives_its_planes_and_their_distance_in_space_or_time(deep, axes, tmp_path):
    write_stk(tmp_path / "a.stk", STACK, deep=deep)
    image = open_image(tmp_path / "a.stk")
    assert (image.axes, image.notices) == (axes, ())
    assert np.array_equal(np.asarray(image.array), STACK)
    first = {"Z": Spacing(0.3, "µm")} if deep else {"T": Spacing(500.0, "ms")}
    assert image.spacing == {"X": Spacing(0.25, "µm"), "Y": Spacing(0.25, "µm"), **first}


# LSM


def write_lsm(path, pages, sizes, scan, *, thumbnails: bool) -> None:
    """Write an LSM of a kind of scan; `sizes` are those along x, y, z, of channels, and of times."""
    info = bytearray(500)
    struct.pack_into("<Iiiiiiii", info, 0, 0x0400494C, 500, *sizes, 2)
    struct.pack_into("<ddd", info, 40, 1e-7, 2e-7, 3e-7)
    struct.pack_into("<H", info, 88, scan)
    with tifffile.TiffWriter(path, byteorder="<") as tiff:
        for number, plane in enumerate(pages):
            tags = [(34412, 1, 500, bytes(info), True)] if number == 0 else ()
            planar = "separate" if plane.ndim == 3 else None
            tiff.write(plane, photometric="minisblack", metadata=None, planarconfig=planar, extratags=tags)
            if thumbnails:
                small = np.zeros((6, 5), "uint8")
                tiff.write(small, photometric="minisblack", subfiletype=1, metadata=None)


def test_the_rows_of_an_xz_scan_of_an_lsm_are_called_y(tmp_path):
    write_lsm(tmp_path / "a.lsm", STACK[None, :3], (20, 1, 24, 3, 1), 1, thumbnails=True)
    image = open_image(tmp_path / "a.lsm")
    assert (image.axes, image.shape) == ("CYX", (3, 24, 20))
    assert {axis: step.micrometres for axis, step in image.spacing.items()} == pytest.approx(
        {"X": 0.1, "Y": 0.3}
    )
    assert "The planes of this image are Z×X" in said(image)


def test_an_lsm_without_its_thumbnails_gives_all_its_planes(tmp_path):
    write_lsm(tmp_path / "a.lsm", STACK, (20, 24, 12, 1, 1), 0, thumbnails=False)
    image = open_image(tmp_path / "a.lsm")
    assert np.array_equal(np.asarray(image.array), STACK)


# ImageJ


def test_a_stack_that_another_program_has_shortened_is_read_as_far_as_it_goes(tmp_path):
    notes = "ImageJ=1.53t\nimages=40\nchannels=2\nslices=20\nhyperstack=true\nunit=micron\n"
    write_pages(tmp_path / "a.tif", STACK, notes)
    image = open_image(tmp_path / "a.tif")
    assert np.array_equal(np.asarray(image.array), STACK)
    assert "The file speaks of 40 planes, of which 12 are there; those are taken." in said(image)


def test_a_large_stack_has_its_planes_behind_one_page_and_is_refused_where_they_end_early(tmp_path):
    path = tmp_path / "a.tif"
    notes = "ImageJ=1.53t\nimages=12\nchannels=2\nframes=6\nhyperstack=true\n"
    with tifffile.TiffWriter(path, byteorder=">") as tiff:
        tiff.write(STACK[0], photometric="minisblack", metadata=None, description=notes)
    path.write_bytes(path.read_bytes() + STACK[1:].astype(">i2").tobytes())
    image = open_image(path)
    assert image.axes == "TCYX"
    assert np.array_equal(np.asarray(image.array), STACK.reshape(6, 2, 24, 20))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(
        FileError, match=r"a\.tif is damaged or cut off: its notes speak of 12 planes, and it"
    ):
        open_image(path)


def test_a_stack_that_was_recorded_downwards_has_a_distance_and_each_axis_its_own_unit(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        notes = "ImageJ=1.53t\nimages=12\nslices=12\nspacing=-0.5\nunit=micron\nyunit=nm\nzunit=mm\n"
        tiff.write(STACK, photometric="minisblack", metadata=None, description=notes, resolution=(4, 0.004))
    spacing = open_image(tmp_path / "a.tif").spacing
    assert spacing == {"X": Spacing(0.25, "µm"), "Y": Spacing(250.0, "nm"), "Z": Spacing(0.5, "mm")}


# Others


def test_a_single_plane_of_metamorph_has_the_size_of_a_pixel(tmp_path):
    described = "".join(
        f'<prop id="spatial-calibration-{name}" type="{kind}" value="{value}"/>'
        for name, kind, value in (("x", "float", 0.5), ("y", "float", 0.25), ("units", "string", "um"))
    )
    notes = f"<MetaData><PlaneInfo>{described}</PlaneInfo></MetaData>"
    write_pages(tmp_path / "a.tif", STACK[:1], notes, "MetaSeries")
    assert open_image(tmp_path / "a.tif").spacing == {"X": Spacing(0.5, "µm"), "Y": Spacing(0.25, "µm")}


def test_axes_of_one_step_without_a_name_are_left_out(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", STACK.reshape(1, 3, 1, 4, 24, 20), photometric="minisblack")
    image = open_image(tmp_path / "a.tif")
    assert image.axes == "ZTYX"
    assert np.array_equal(np.asarray(image.array), STACK.reshape(3, 4, 24, 20))
