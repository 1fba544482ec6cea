"""TIFF as laboratories have it: thumbnails, positions, sets of files, samples, palettes, turned pixels.

Each case follows a public report of users of other programs. Real files lie beside the checkout.
"""

from __future__ import annotations

import struct

import numpy as np
import pytest
import tifffile

from napari_blindspot.core.errors import FileError
from napari_blindspot.core.words import sentences_of
from napari_blindspot.files.door import list_series, open_image
from napari_blindspot.files.formats.ome_set import set_members
from napari_blindspot.files.spacing import Spacing

RNG = np.random.default_rng(3)
STACK = RNG.integers(100, 900, (4, 48, 40)).astype("uint16")


def said(image) -> str:
    return " ".join(sentences_of([image.notices]))


# Thumbnails


def write_lsm(path) -> None:
    """Write what a Zeiss LSM looks like: after each page its thumbnail, and the voxel size in metres."""
    z, y, x = STACK.shape
    info = bytearray(500)
    struct.pack_into("<Iiiiiiii", info, 0, 0x0400494C, 500, x, y, z, 1, 1, 2)
    struct.pack_into("<ddd", info, 40, 1e-7, 1e-7, 3e-7)
    with tifffile.TiffWriter(path, byteorder="<") as tiff:
        for number, plane in enumerate(STACK):
            tags = [(34412, 1, 500, bytes(info), True)] if number == 0 else ()
            tiff.write(plane, photometric="minisblack", metadata=None, extratags=tags)
            small = (plane[::4, ::4] // 16).astype("uint8")
            tiff.write(small, photometric="minisblack", subfiletype=1, metadata=None)


def test_an_lsm_is_one_image_with_its_voxel_size(tmp_path):
    write_lsm(tmp_path / "a.lsm")
    image = open_image(tmp_path / "a.lsm")
    assert (image.axes, image.notices) == ("ZYX", ())
    assert np.array_equal(np.asarray(image.array), STACK)
    steps = {axis: spacing.micrometres for axis, spacing in image.spacing.items()}
    assert steps == pytest.approx({"X": 0.1, "Y": 0.1, "Z": 0.3})


@pytest.mark.parametrize(("marked", "first"), [(True, False), (False, False), (True, True)])
def test_a_thumbnail_is_no_image_whether_it_is_marked_or_not(tmp_path, marked, first):
    rows, columns = np.mgrid[:96, :80]
    picture = (np.hypot(rows - 40, columns - 30) * 9).astype("uint16") + STACK[0, 0, 0]
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        if first:
            tiff.write(picture[::3, ::3], photometric="minisblack", subfiletype=1, metadata=None)
        tiff.write(
            picture, photometric="minisblack", metadata=None, resolution=(1e5, 1e5), resolutionunit=3
        )
        small = (picture[::4, ::4] // 8).astype("uint8")
        tiff.write(small, photometric="minisblack", subfiletype=int(marked), metadata=None)
    image = open_image(tmp_path / "a.tif")
    assert np.array_equal(np.asarray(image.array), picture)
    assert image.spacing["X"].micrometres == pytest.approx(0.1)


def test_an_image_that_shows_something_else_is_no_thumbnail_however_small(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        for plane in (STACK[0], STACK[1, ::4, ::4].astype("float32")):
            tiff.write(plane, photometric="minisblack", metadata=None)
    assert len(list_series(tmp_path / "a.tif")) == 2


def test_a_slide_is_its_baseline_without_thumbnail_label_and_macro(tmp_path):
    slide = RNG.integers(0, 255, (64, 96, 3)).astype("uint8")
    description = "Aperio Image Library v12\n96x64 (32x32)|AppMag = 20|MPP = 0.5"
    with tifffile.TiffWriter(tmp_path / "a.svs") as tiff:
        tiff.write(slide, tile=(32, 32), photometric="rgb", description=description, metadata=None)
        tiff.write(
            slide[::4, ::4], photometric="rgb", description="Aperio Image Library v12\n", metadata=None
        )
        for name in ("label", "macro"):
            text = f"Aperio Image Library v12\n{name} 30x20"
            extra = RNG.integers(0, 255, (20, 30, 3)).astype("uint8")
            tiff.write(extra, photometric="rgb", subfiletype=1, description=text, metadata=None)
    image = open_image(tmp_path / "a.svs")
    assert (image.axes, image.shape, image.spacing["X"]) == ("YXS", slide.shape, Spacing(0.5, "µm"))
    assert np.array_equal(np.asarray(image.array), slide)


# Positions


def test_positions_are_images_and_no_depth(tmp_path):
    pixels = RNG.integers(0, 900, (3, 2, 32, 40)).astype("uint16")
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", metadata={"axes": "TRYX"})
    there = list_series(tmp_path / "a.tif")
    assert [(one.axes, one.shape) for one in there] == [("TYX", (3, 32, 40))] * 2
    for position in (0, 1):
        image = open_image(tmp_path / "a.tif", series=position)
        assert (image.axes, image.notices) == ("TYX", ())
        assert np.array_equal(np.asarray(image.array), pixels[:, position])


def test_a_real_micro_manager_file_gives_its_two_positions(real_files):
    path = real_files / "ome_renamed_internalfilenames.ome.tif"
    there = list_series(path)
    assert [(one.axes, one.shape) for one in there] == [("TYX", (10, 256, 256))] * 2
    second = open_image(path, series=1)
    assert second.spacing["X"] == Spacing(5.2304, "µm")
    assert second.spacing["T"] == Spacing(5000.0, "ms")
    with tifffile.TiffFile(path) as tiff:
        assert np.array_equal(second.array[3], tiff.pages[7].asarray())


# Sets of files


def write_set(folder, *, companion=False, count=3) -> list[str]:
    """Write a Z stack as one OME-TIFF a plane, described in the first of them or in a companion file."""
    names = [f"plane-{number}.ome.tif" for number in range(count)]
    uuids = [f"urn:uuid:00000000-0000-0000-0000-{number:012d}" for number in range(count)]
    data = "".join(
        f'<TiffData FirstZ="{number}" IFD="0" PlaneCount="1">'
        f'<UUID FileName="{name}">{uuid}</UUID></TiffData>'
        for number, (name, uuid) in enumerate(zip(names, uuids, strict=True))
    )
    schema = 'xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'
    home = "set.companion.ome" if companion else names[0]
    xml = (
        '<OME {} UUID="{}"><Image ID="Image:0" Name="cells"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" '
        'Type="uint16" SizeX="40" SizeY="48" SizeZ="{}" SizeC="1" SizeT="1" PhysicalSizeX="0.2" '
        'PhysicalSizeY="0.2" PhysicalSizeZ="0.5"><Channel ID="Channel:0:0" Name="DAPI"/>{}</Pixels>'
        "</Image></OME>"
    ).format(schema, "urn:uuid:companion" if companion else uuids[0], count, data)
    for number, (name, uuid) in enumerate(zip(names, uuids, strict=True)):
        member = f'<OME {schema} UUID="{uuid}"><BinaryOnly MetadataFile="{home}" UUID="{uuids[0]}"/></OME>'
        text = xml if number == 0 and not companion else member
        tifffile.imwrite(
            folder / name, STACK[number], photometric="minisblack", description=text, metadata=None
        )
    if companion:
        (folder / home).write_text(f'<?xml version="1.0" encoding="UTF-8"?>{xml}', encoding="utf-8")
    return names


@pytest.mark.parametrize("companion", [False, True])
@pytest.mark.parametrize("member", [0, 2])
def test_every_member_of_a_set_opens_the_whole_set(tmp_path, companion, member):
    names = write_set(tmp_path, companion=companion)
    image = open_image(tmp_path / names[member])
    assert (image.axes, image.channel_names, image.spacing["Z"]) == ("ZYX", ("DAPI",), Spacing(0.5, "µm"))
    assert np.array_equal(np.asarray(image.array), STACK[:3])
    assert f"{names[member]} is one of 3 of a set" in said(image)
    assert [path.name for path in set_members(tmp_path / names[member])] == names


def test_the_description_of_a_set_opens_it_too(tmp_path):
    write_set(tmp_path, companion=True)
    image = open_image(tmp_path / "set.companion.ome")
    assert np.array_equal(np.asarray(image.array), STACK[:3])


@pytest.mark.parametrize("companion", [False, True])
def test_a_missing_member_of_a_set_is_named(tmp_path, companion):
    names = write_set(tmp_path, companion=companion)
    (tmp_path / names[1]).unlink()
    with pytest.raises(
        FileError, match=r"set of 3 OME-TIFF files, of which plane-1\.ome\.tif is not there"
    ):
        open_image(tmp_path / names[0])


def test_a_missing_description_of_a_set_is_named(tmp_path):
    names = write_set(tmp_path, companion=True)
    (tmp_path / "set.companion.ome").unlink()
    with pytest.raises(FileError, match=r"that set\.companion\.ome describes, which is not beside it"):
        open_image(tmp_path / names[1])


def test_a_master_alone_under_another_name_gives_its_planes_and_names_the_missing_files(tmp_path):
    names = write_set(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / names[0]).rename(tmp_path / "elsewhere" / "renamed.ome.tif")
    image = open_image(tmp_path / "elsewhere" / "renamed.ome.tif")
    assert np.array_equal(np.asarray(image.array), STACK[:1])
    assert "speaks of 3 planes, of which 1 are there (missing: plane-1.ome.tif, plane-2.ome.tif)" in said(
        image
    )


def test_a_file_that_promises_more_planes_than_it_has_gives_those(tmp_path):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, STACK, metadata={"axes": "TYX"}, photometric="minisblack")
    with tifffile.TiffFile(path) as tiff:
        xml = tiff.ome_metadata.replace('SizeT="4"', 'SizeT="3198"').replace(
            'PlaneCount="4"', 'PlaneCount="3198"'
        )
    tifffile.imwrite(path, STACK, description=xml, metadata=None, photometric="minisblack")
    image = open_image(path)
    assert np.array_equal(np.asarray(image.array), STACK)
    assert "speaks of 3198 planes, of which 4 are there" in said(image)


def test_each_file_of_a_set_that_holds_a_position_is_whole_by_itself(tmp_path):
    names = [f"Pos{number}.ome.tif" for number in (0, 1)]
    images = "".join(
        f'<Image ID="Image:{number}" Name="{name}"><Pixels ID="Pixels:{number}" DimensionOrder="XYCZT" '
        'Type="uint16" SizeX="40" SizeY="48" SizeZ="1" SizeC="1" SizeT="4"><Channel ID="Channel:0:0"/>'
        f'<TiffData IFD="0" PlaneCount="4"><UUID FileName="{name}">urn:{number}</UUID></TiffData>'
        "</Pixels></Image>"
        for number, name in enumerate(names)
    )
    xml = f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">{images}</OME>'
    for number, name in enumerate(names):
        tifffile.imwrite(
            tmp_path / name, STACK + number, description=xml, metadata=None, photometric="minisblack"
        )
    second = open_image(tmp_path / names[1])
    assert (second.axes, second.notices) == ("TYX", ())
    assert np.array_equal(np.asarray(second.array), STACK + 1)
    assert set_members(tmp_path / names[1]) == ()


def test_the_real_sets_are_whole_and_no_library_speaks(real_files, capfd):
    master = open_image(real_files / "ome_master_set" / "multifile-Z3.ome.tiff")
    assert (master.axes, master.shape) == ("ZYX", (5, 24, 18))
    first = real_files / "prairie_multi_image_node" / "TSeries-camp-005_Cycle00001_Ch1_000001.ome.tif"
    assert [(one.axes, one.shape) for one in list_series(first)] == [("TCYX", (4, 2, 128, 128))] * 3
    planes = set()
    for number in range(3):
        image = open_image(first, series=number)
        assert image.spacing["X"] == Spacing(4.05296, "µm")
        planes |= {image.array[index].tobytes() for index in np.ndindex(4, 2)}
    assert len(planes) == len(set_members(first)) == 24
    other = open_image(first.with_name("TSeries-camp-005_Cycle00003_Ch2_000002.ome.tif"))
    assert np.array_equal(other.array[0, 0], image.array[0, 0])
    assert capfd.readouterr() == ("", "")


# Samples


@pytest.mark.parametrize("planar", [True, False])
@pytest.mark.parametrize("count", [2, 3, 4, 7])
def test_samples_of_16_bits_are_channels_and_none_is_left_out(tmp_path, planar, count):
    pixels = RNG.integers(100, 900, (count, 32, 40)).astype("uint16")
    stored = pixels if planar else np.moveaxis(pixels, 0, -1)
    tifffile.imwrite(
        tmp_path / "a.tif",
        stored,
        photometric="rgb" if count > 2 else "minisblack",
        planarconfig="separate" if planar else "contig",
    )
    image = open_image(tmp_path / "a.tif")
    assert (image.axes, image.is_rgb) == ("CYX", False)
    assert np.array_equal(np.asarray(image.array), pixels)
    assert np.array_equal(np.asarray(image.channel(1).array), pixels[1])


def test_slices_that_were_taken_for_colours_can_be_called_depth(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", STACK[:3], photometric="rgb", planarconfig="separate")
    image = open_image(tmp_path / "a.tif", axes="ZYX")
    assert (image.axes, image.notices) == ("ZYX", ())
    assert np.array_equal(np.asarray(image.array), STACK[:3])


def test_three_samples_of_8_bits_are_colours_and_transparency_is_left_out(tmp_path):
    colours = RNG.integers(0, 255, (5, 32, 40, 4)).astype("uint8")
    options = {"photometric": "rgb", "extrasamples": ["unassalpha"], "metadata": {"axes": "TYXS"}}
    tifffile.imwrite(tmp_path / "a.tif", colours, **options)
    image = open_image(tmp_path / "a.tif")
    assert (image.axes, image.is_rgb) == ("TYXS", True)
    assert np.array_equal(np.asarray(image.array), colours[..., :3])
    assert said(image) == "The transparency of the image was left out."


def test_the_transparency_of_16_bits_is_told_by_its_pixels(tmp_path):
    pixels = RNG.integers(100, 900, (32, 40, 4)).astype("uint16")
    pixels[..., 3] = 65535
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb")
    image = open_image(tmp_path / "a.tif")
    assert np.array_equal(np.asarray(image.array), np.moveaxis(pixels[..., :3], -1, 0))


def test_real_files_of_many_samples_are_channels_and_gray_is_gray(real_files):
    seven = open_image(real_files / "tif_7channels_contig.tif")
    assert (seven.axes, seven.shape, seven.dtype) == ("CYX", (7, 72, 128), np.float32)
    gray = open_image(real_files / "tif_gray_alpha.tif")
    assert (gray.axes, gray.shape, said(gray)) == (
        "YX",
        (512, 512),
        "The transparency of the image was left out.",
    )


@pytest.mark.parametrize("photometric", [5, 8])
def test_colours_that_no_screen_has_are_refused_in_one_sentence(tmp_path, photometric):
    count = 4 if photometric == 5 else 3
    pixels = RNG.integers(0, 255, (32, 40, count)).astype("uint8")
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric=photometric)
    with pytest.raises(FileError, match=r"are stored as (CMYK|CIELAB); save it as gray or RGB"):
        open_image(tmp_path / "a.tif")


# What the numbers mean


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
def test_pixels_of_which_0_is_white_are_inverted(tmp_path, dtype):
    pixels = STACK[0].astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="miniswhite", metadata=None)
    image = open_image(tmp_path / "a.tif")
    shown = image.array[()] if image.array.ndim == 2 else None
    white = np.iinfo(dtype).max if dtype != "int16" else -1
    assert shown.dtype == np.dtype(dtype)
    assert np.array_equal(shown, white - pixels)
    assert "0 is white" in said(image)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_pixels_stand_upright_as_pillow_shows_them(tmp_path, orientation):
    from PIL import Image, ImageOps

    pixels = RNG.integers(0, 255, (32, 40)).astype("uint8")
    tags = [(274, 3, 1, orientation, True)]
    tifffile.imwrite(
        tmp_path / "a.tif", pixels, metadata=None, extratags=tags, resolution=(1e5, 2e5), resolutionunit=3
    )
    image = open_image(tmp_path / "a.tif")
    picture = Image.fromarray(pixels)
    picture.getexif()[274] = orientation
    assert np.array_equal(np.asarray(image.array), np.asarray(ImageOps.exif_transpose(picture)))
    assert image.spacing["Y" if orientation > 4 else "X"].step == pytest.approx(0.1)
    assert ("turned" in said(image)) == (orientation > 1)


def palette(*, gray: bool) -> np.ndarray:
    table = np.random.default_rng(0).permutation(256).astype("uint16") * 257
    return np.stack([table] * 3 if gray else [table, table[::-1], np.roll(table, 9)])


@pytest.mark.parametrize("gray", [True, False])
def test_numbers_of_colours_are_looked_up(tmp_path, gray):
    pixels = RNG.integers(0, 255, (32, 40)).astype("uint8")
    table = palette(gray=gray)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="palette", colormap=table, metadata=None)
    image = open_image(tmp_path / "a.tif")
    colours = np.moveaxis(table // 257, 0, -1).astype("uint8")[pixels]
    assert image.axes == ("YX" if gray else "YXS")
    assert np.array_equal(np.asarray(image.array), colours[..., 0] if gray else colours)


def test_a_palette_that_only_colours_intensities_leaves_them_alone(tmp_path):
    pixels = RNG.integers(0, 255, (32, 40)).astype("uint8")
    green = np.zeros((3, 256), "uint16")
    green[1] = np.arange(256) * 257
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="palette", colormap=green, metadata=None)
    image = open_image(tmp_path / "a.tif")
    assert np.array_equal(np.asarray(image.array), pixels)
    assert (image.channel_colors, image.notices) == (("#00ff00",), ())


def test_a_real_photograph_of_indexed_colours_is_upright_and_in_colour(real_files):
    image = open_image(real_files / "tif_rotated_palette.tif")
    assert (image.axes, image.shape) == ("YXS", (1008, 756, 3))


def test_bad_text_in_tags_is_no_hindrance_and_not_spoken_of(tmp_path, capfd):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        for number, plane in enumerate(STACK):
            tags = [(270, 2, 0, bytes(range(128, 250)) + b"\0", True)] if number else ()
            tiff.write(plane, photometric="minisblack", metadata=None, extratags=tags)
    image = open_image(tmp_path / "a.tif")
    assert np.array_equal(np.asarray(image.array), STACK)
    assert capfd.readouterr() == ("", "")


def test_negative_intensities_stay_negative(tmp_path):
    pixels = STACK.astype("int16") - 500
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", metadata=None)
    image = open_image(tmp_path / "a.tif")
    assert image.dtype == np.int16
    assert np.array_equal(np.asarray(image.array), pixels)
