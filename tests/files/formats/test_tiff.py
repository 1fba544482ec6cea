"""TIFF of many kinds, opened plane by plane and written plane by plane."""

from __future__ import annotations

import gc
import os
import subprocess
import sys

import numpy as np
import pytest
import tifffile

from napari_blindspot.core.errors import FileError, ImageError, SettingsError
from napari_blindspot.files.door import (
    Spacing,
    WriteOptions,
    list_series,
    open_image,
    read_record,
    read_settings,
    write_image,
    write_ome_tiff,
)
from napari_blindspot.files.image_file import ImageFile
from napari_blindspot.files.lazy_array import LazyArray
from napari_blindspot.settings import Settings

SPACING = {
    "T": Spacing(2.5, "min"),
    "Z": Spacing(0.5, "µm"),
    "Y": Spacing(0.11, "µm"),
    "X": Spacing(0.12, "µm"),
}
FIVE = ImageFile(
    np.random.default_rng(0).normal(100, 20, (2, 3, 4, 33, 40)).astype(np.float32),
    "TZCYX",
    SPACING,
    ("DAPI", "GFP", "µ-<RFP>&", "Cy5"),
    (),
    ("#0000ff", "#00ff00", "", "#ff00ff"),
    {"Z": 3.5, "Y": -1200.25, "X": 40.0},
)


def pixels(*shape: int, dtype: str = "uint16") -> np.ndarray:
    return np.random.default_rng(0).integers(0, 200, shape).astype(dtype)


KINDS = {
    "plain": {},
    "contiguous ImageJ": {"imagej": True},
    "OME": {"ome": True},
    "zlib": {"compression": "zlib"},
    "zstd with predictor": {"compression": "zstd", "predictor": True},
    "tiled": {"tile": (16, 16)},
    "tiled, zlib, OME": {"tile": (16, 32), "compression": "zlib", "ome": True},
    "big-endian": {"byteorder": ">"},
    "big-endian, zlib": {"byteorder": ">", "compression": "zlib"},
    "BigTIFF": {"bigtiff": True},
    "a few rows a strip": {"rowsperstrip": 5},
}


@pytest.mark.parametrize("kind", KINDS)
def test_any_plane_of_any_kind_of_tiff_is_read_by_itself(tmp_path, kind):
    image = pixels(3, 4, 33, 40)
    options = KINDS[kind]
    tifffile.imwrite(
        tmp_path / "a.tif", image, metadata={"axes": "TZYX"}, photometric="minisblack", **options
    )
    opened = open_image(tmp_path / "a.tif")
    assert isinstance(opened.array, LazyArray)
    assert (opened.axes, opened.shape, opened.dtype) == ("TZYX", image.shape, np.uint16)
    assert opened.array[2, 1].dtype == np.dtype(np.uint16)
    assert np.array_equal(opened.array[2, 1], image[2, 1])
    assert np.array_equal(opened.array[-1, :2], image[-1, :2])
    assert np.array_equal(np.asarray(opened.array), image)


def test_no_file_stays_open_between_planes(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", pixels(3, 32, 32), compression="zlib", photometric="minisblack")
    opened = open_image(tmp_path / "a.tif")
    for index in range(3):
        opened.array[index]
    gc.collect()
    names = [
        os.readlink(entry.path) for entry in os.scandir("/proc/self/fd") if os.path.lexists(entry.path)
    ]
    assert str(tmp_path / "a.tif") not in names


@pytest.mark.parametrize("planar", [False, True])
def test_a_colour_stack_gives_single_samples(tmp_path, planar):
    image = pixels(4, 32, 33, 3, dtype="uint8")
    stored = np.moveaxis(image, -1, 1) if planar else image
    tifffile.imwrite(
        tmp_path / "a.tif", stored, photometric="rgb", planarconfig="separate" if planar else "contig"
    )
    opened = open_image(tmp_path / "a.tif", axes="ZSYX" if planar else "ZYXS")
    assert (opened.axes, opened.shape, opened.channels) == ("ZYXS", image.shape, 3)
    green = opened.channel(1)
    assert (green.axes, green.shape) == ("ZYX", image.shape[:3])
    assert np.array_equal(green.array[2], image[2, ..., 1])


def test_the_axes_that_a_user_names_count_more_than_those_of_the_file(tmp_path):
    image = pixels(3, 4, 32, 40)
    tifffile.imwrite(
        tmp_path / "a.ome.tif", image, metadata={"axes": "ZCYX", "Channel": {"Name": list("abcd")}}
    )
    opened = open_image(tmp_path / "a.ome.tif", axes="CTYX")
    assert (opened.axes, opened.channel_names, opened.notices) == ("CTYX", (), ())
    assert np.array_equal(opened.channel(2).array[3], image[2, 3])
    with pytest.raises(ImageError, match=r"are 3, but the image has 4 \(3×4×32×40\)"):
        open_image(tmp_path / "a.ome.tif", axes="ZYX")


def two_images(path) -> None:
    with tifffile.TiffWriter(path, ome=True) as tiff:
        tiff.write(pixels(20, 30), metadata={"Name": "overview", "PhysicalSizeX": 2.0})
        tiff.write(pixels(3, 40, 50), metadata={"Name": "detail", "axes": "ZYX", "PhysicalSizeX": 0.5})


def test_of_several_images_one_must_be_chosen_and_the_sentence_names_them(tmp_path):
    two_images(tmp_path / "a.ome.tif")
    with pytest.raises(FileError, match=r"holds 2 images; choose one: 0 'overview' .20×30 YX., 1 'd"):
        open_image(tmp_path / "a.ome.tif")
    with pytest.raises(FileError, match="has no image 2; those that it has: 0 'overview'"):
        open_image(tmp_path / "a.ome.tif", series=2)
    there = list_series(tmp_path / "a.ome.tif")
    assert [(one.name, one.shape, one.axes) for one in there] == [
        ("overview", (20, 30), "YX"),
        ("detail", (3, 40, 50), "ZYX"),
    ]
    detail = open_image(tmp_path / "a.ome.tif", series=1)
    assert (detail.shape, detail.spacing["X"]) == ((3, 40, 50), Spacing(0.5, "µm"))
    assert np.array_equal(np.asarray(detail.array), pixels(3, 40, 50))


def test_an_imagej_hyperstack_gives_its_colours_and_its_origin(tmp_path):
    ramp = np.arange(256, dtype=np.uint8)
    red, green = np.zeros((3, 256), np.uint8), np.zeros((3, 256), np.uint8)
    red[0], green[1] = ramp, ramp
    tifffile.imwrite(
        tmp_path / "a.tif",
        pixels(3, 2, 32, 40),
        imagej=True,
        resolution=(1 / 0.5, 1 / 0.25),
        metadata={"axes": "ZCYX", "unit": "um", "spacing": 2.0, "xorigin": 10.0, "LUTs": [red, green]},
    )
    opened = open_image(tmp_path / "a.tif")
    assert opened.channel_colors == ("#ff0000", "#00ff00")
    assert opened.origin == {"X": pytest.approx(-5.0)}


def test_the_time_between_frames_is_taken_from_the_planes_where_it_is_nowhere_else(tmp_path):
    plane = {"DeltaT": [100.0, 350.0, 600.0], "DeltaTUnit": ["ms"] * 3}
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels(3, 32, 40), metadata={"axes": "TYX", "Plane": plane})
    assert open_image(tmp_path / "a.ome.tif").spacing["T"] == Spacing(250.0, "ms")


@pytest.mark.parametrize("options", [{"imagej": True}, {"compression": "zlib"}, {"tile": (16, 16)}])
def test_a_file_without_its_end_is_refused_before_any_plane_is_read(tmp_path, options):
    tifffile.imwrite(tmp_path / "a.tif", pixels(5, 64, 64), photometric="minisblack", **options)
    whole = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(FileError, match=r"a\.tif is damaged or cut off"):
        open_image(tmp_path / "a.tif")


def test_a_damaged_plane_is_said_when_it_is_read_and_the_others_are_whole(tmp_path):
    image = pixels(5, 64, 64)
    tifffile.imwrite(tmp_path / "a.tif", image, compression="zlib", photometric="minisblack")
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        offset = tiff.pages[2].dataoffsets[0]
    with (tmp_path / "a.tif").open("rb+") as stream:
        stream.seek(offset)
        stream.write(b"\xff" * 40)
    opened = open_image(tmp_path / "a.tif")
    assert np.array_equal(opened.array[3], image[3])
    with pytest.raises(FileError, match=r"a\.tif is damaged or cut off"):
        opened.array[2]


def test_the_real_stacks_are_the_same_plane_by_plane_and_at_once(shared_data):
    for path in sorted((shared_data / "stacks").glob("*.tif")):
        opened, whole = open_image(path), tifffile.imread(path)
        assert opened.shape == whole.shape
        assert np.array_equal(opened.array[len(whole) // 2], whole[len(whole) // 2])
        assert np.array_equal(np.asarray(opened.array), whole)


# Writing

OPTIONS = {
    "as it is": WriteOptions(),
    "uncompressed": WriteOptions(compression="none"),
    "zlib in tiles": WriteOptions(pyramid=True, tile=16),
    "zstd in tiles": WriteOptions(compression="zstd", pyramid=True, tile=16),
    "uncompressed in tiles": WriteOptions(compression="none", pyramid=True, tile=32),
}


@pytest.mark.parametrize("kind", OPTIONS)
@pytest.mark.parametrize("dtype", ["float32", "uint16", "uint8"])
def test_five_axes_go_through_with_all_their_metadata(tmp_path, kind, dtype):
    path, settings = tmp_path / "a.ome.tif", Settings.from_preset(seed=7)
    array = FIVE.array.astype(dtype)
    write_image(
        path, FIVE, array.__getitem__, dtype, options=OPTIONS[kind], settings=settings, record={"a": "µ"}
    )
    read = open_image(path)
    assert np.array_equal(np.asarray(read.array), array)
    assert np.array_equal(tifffile.imread(path), array)
    assert (read.axes, read.dtype) == ("TZCYX", np.dtype(dtype))
    assert (read.spacing, read.origin) == (FIVE.spacing, FIVE.origin)
    assert (read.channel_names, read.channel_colors) == (FIVE.channel_names, FIVE.channel_colors)
    assert read_settings(path) == settings
    assert read_record(path)["a"] == "µ"


def test_the_ome_xml_of_five_axes_keeps_to_the_schema(tmp_path):
    ome_types = pytest.importorskip("ome_types", reason="ome-types checks OME-XML against its schema")
    path = tmp_path / "a.ome.tif"
    options = WriteOptions(pyramid=True)
    write_image(
        path, FIVE, FIVE.array.__getitem__, "float32", options=options, settings=Settings.from_preset()
    )
    with tifffile.TiffFile(path) as tiff:
        ome_types.validate_xml(tiff.ome_metadata)
        ome = ome_types.from_xml(tiff.ome_metadata)
    found = ome.images[0].pixels
    assert (found.size_t, found.size_z, found.size_c) == (2, 3, 4)
    assert (found.time_increment, found.time_increment_unit.value) == (2.5, "min")
    assert [channel.color.as_rgb_tuple(alpha=False) for channel in found.channels][:2] == [
        (0, 0, 255),
        (0, 255, 0),
    ]
    deep = next(plane for plane in found.planes if (plane.the_t, plane.the_z, plane.the_c) == (1, 2, 3))
    assert (deep.position_z, deep.position_y, deep.position_y_unit.value) == (4.5, -1200.25, "µm")


@pytest.mark.parametrize("dtype", ["float32", "uint16"])
def test_a_pyramid_has_the_means_of_the_planes_and_is_read_as_the_full_planes(tmp_path, dtype):
    image = pixels(2, 3, 700, 901).astype(dtype)
    like = ImageFile(image, "TZYX", SPACING)
    options = WriteOptions(pyramid=True, tile=256)
    write_image(tmp_path / "a.ome.tif", like, image.__getitem__, dtype, options=options)
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tiff:
        levels = tiff.series[0].levels
        assert [level.shape[-2:] for level in levels] == [(700, 901), (350, 451), (175, 226)]
        half, quarter = levels[1].asarray(), levels[2].asarray()
        assert len(tiff.series) == 1
    blocks = image[..., :900].astype(float).reshape(2, 3, 350, 2, 450, 2).mean((3, 5))
    assert np.abs(half[..., :450] - blocks).max() <= (0.5 if dtype == "uint16" else 1e-4)
    assert np.abs(half[..., 450] - image[..., 900].reshape(2, 3, 350, 2).mean(-1)).max() <= 0.5
    assert np.abs(quarter.mean() - image.mean()) < 0.5
    assert np.array_equal(np.asarray(open_image(tmp_path / "a.ome.tif").array), image)


def test_holes_do_not_grow_in_a_pyramid(tmp_path):
    image = np.ones((600, 600), np.float32)
    image[10:12, 20:22] = np.nan
    image[100, 100] = np.nan
    like = ImageFile(image, "YX")
    write_image(
        tmp_path / "a.ome.tif", like, lambda _: image, "float32", options=WriteOptions(pyramid=True)
    )
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tiff:
        half = tiff.series[0].levels[1].asarray()
    assert np.argwhere(np.isnan(half)).tolist() == [[5, 10]]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"compression": "lzw"}, "'lzw' is not known; choose one of: none, zlib, zstd"),
        ({"tile": 100}, "A tile of 100 pixels cannot be; choose a multiple of 16"),
        ({"ngff": "0.6"}, "OME-Zarr '0.6' cannot be written; choose one of: 0.4, 0.5"),
    ],
)
def test_options_that_cannot_be_are_refused(options, sentence):
    with pytest.raises(SettingsError, match=sentence):
        WriteOptions(**options)


def test_a_plane_that_cannot_be_given_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.ome.tif"
    write_ome_tiff(path, ImageFile(pixels(3, 32, 32), "ZYX"))
    before = path.read_bytes()

    def planes(index):
        if index == (2,):
            raise FileError("The disk has gone.")
        return pixels(32, 32)

    with pytest.raises(FileError, match="The disk has gone"):
        write_image(path, ImageFile(pixels(3, 32, 32), "ZYX"), planes, "uint16")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


COPY = """
import resource, sys
import numpy as np
from napari_blindspot.files.door import open_image, write_image, WriteOptions
from napari_blindspot.jobs.plane_store import PlaneStore
for source, output in zip(sys.argv[1::2], sys.argv[2::2]):
    image = open_image(source)
    store = PlaneStore.open(output, {}, resume=False)
    for index in np.ndindex(*image.shape[:-2]):
        store.keep(index, {"denoised": image.array[index].astype("float32")}, {})
    write_image(output, image, store.image, "float32", options=WriteOptions(compression="zstd"))
    store.discard()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.parametrize(
    ("ending", "compression"),
    [
        ("ome.tif", None),
        ("ome.zarr", "zstd"),
        pytest.param("ome.tif", "zstd", marks=pytest.mark.endurance),
        pytest.param("ome.zarr", None, marks=pytest.mark.endurance),
    ],
)
def test_memory_does_not_grow_with_the_length_of_a_stack(tmp_path, ending, compression):
    plane = pixels(512, 512)
    command = [sys.executable, "-c", COPY]
    for length in (10, 130):
        planes = (np.roll(plane, number) for number in range(length))
        source, output = tmp_path / f"{length}.tif", tmp_path / f"{length}.{ending}"
        tifffile.imwrite(
            source, planes, shape=(length, 512, 512), dtype="uint16", compression=compression, ome=True
        )
        command += [str(source), str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    for length in (10, 130):
        assert open_image(tmp_path / f"{length}.{ending}").shape == (length, 512, 512)
    # The most so far, after the short stack and after the long one.
    short, long = (int(kilobytes) // 1024 for kilobytes in done.stdout.split())
    # 120 more planes are 63 MB on the way in and 126 MB on the way out.
    assert long - short < 12
