"""OME-Zarr as other programs write it: all versions, plates, collections, labels, byte orders, chunks."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import zarr
from typer.testing import CliRunner

from napari_blindspot.cli.app import app
from napari_blindspot.core.errors import FileError
from napari_blindspot.core.words import sentences_of
from napari_blindspot.files.door import Spacing, list_series, open_image, read_image

PIXELS = np.random.default_rng(0).integers(1, 4000, (2, 20, 30)).astype(np.uint16)
AXES = [{"name": "c", "type": "channel"}] + [
    {"name": name, "type": "space", "unit": "micrometer"} for name in "yx"
]
SCALE = {"type": "scale", "scale": [1, 0.2, 0.25]}


def write(path, attributes: dict, pixels: np.ndarray = PIXELS, version: int = 3, **options):
    """Write an array "0" in a group with the attributes of OME-Zarr, and return the array."""
    group = zarr.open_group(path, mode="w", zarr_format=version)
    array = group.create_array("0", shape=pixels.shape, dtype=options.pop("dtype", pixels.dtype), **options)
    array[...] = pixels
    group.attrs.update({"ome": attributes} if version == 3 else attributes)
    return array


def described(*, axes=AXES, **more) -> dict:
    return {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": [SCALE]}], **more}


# Version 0.6 names its systems of axes.


def systems(dataset: dict, **more) -> dict:
    physical = {"name": "physical", "axes": AXES}
    pixels = {"name": "pixels", "axes": [{"name": f"dim_{k}", "type": "array"} for k in range(3)]}
    dataset = {"path": "0", "coordinateTransformations": [dataset]}
    return {
        "version": "0.6",
        "multiscales": [{"coordinateSystems": [physical, pixels], "datasets": [dataset], **more}],
    }


SHIFT = {"type": "translation", "translation": [0, 5, 7]}
VERSION_6 = {
    "a scale": (systems({**SCALE, "input": {"path": "0"}, "output": {"name": "physical"}}), {}),
    "a scale and a shift": (
        systems(
            {"type": "sequence", "transformations": [SCALE, SHIFT], "input": "0", "output": "physical"}
        ),
        {"Y": 5.0, "X": 7.0},
    ),
    "pixels first": (
        systems(
            {"type": "identity", "input": {"path": "0"}, "output": {"name": "pixels"}},
            coordinateTransformations=[
                {**SCALE, "scale": [1, 9, 9], "input": {"name": "pixels"}, "output": {"name": "elsewhere"}},
                {**SCALE, "input": {"name": "pixels"}, "output": {"name": "physical"}},
            ],
        ),
        {},
    ),
}


@pytest.mark.parametrize("kind", VERSION_6)
def test_version_0_6_keeps_its_axes_in_a_system_that_has_a_name(tmp_path, kind):
    attributes, origin = VERSION_6[kind]
    write(tmp_path / "a.zarr", attributes)
    image = open_image(tmp_path / "a.zarr")
    assert (image.axes, image.notices, image.origin) == ("CYX", (), origin)
    assert image.spacing == {"Y": Spacing(0.2, "µm"), "X": Spacing(0.25, "µm")}
    assert np.array_equal(np.asarray(image.array), PIXELS)


def test_three_axes_without_names_are_not_taken_for_z_without_a_word(tmp_path):
    write(
        tmp_path / "a.zarr", {"multiscales": [{"version": "0.2", "datasets": [{"path": "0"}]}]}, version=2
    )
    image = open_image(tmp_path / "a.zarr")
    assert sentences_of([image.notices]) == [
        "The file does not name the axis of length 2; it is taken for Z."
    ]
    assert open_image(tmp_path / "a.zarr", axes="CYX").axes == "CYX"


def test_axes_that_are_named_by_words_are_known(tmp_path):
    write(tmp_path / "a.zarr", {"multiscales": [described(axes=["channel", "y", "x"])]}, version=2)
    assert open_image(tmp_path / "a.zarr").axes == "CYX"


@pytest.mark.parametrize("version", [2, 3])
def test_the_axes_of_an_array_outside_ome_zarr_may_have_names_too(version, tmp_path):
    names = ("time", "y", "x")
    given = {"dimension_names": names} if version == 3 else {}
    options = {"shape": PIXELS.shape, "dtype": PIXELS.dtype, "zarr_format": version}
    array = zarr.create_array(tmp_path / "a.zarr", **options, **given)
    array[...] = PIXELS
    if version == 2:
        array.attrs["_ARRAY_DIMENSIONS"] = names
    image = open_image(tmp_path / "a.zarr")
    assert (image.axes, image.notices) == ("TYX", ())


@pytest.mark.parametrize("version", [2, 3])
def test_the_array_of_an_image_has_the_axes_and_the_voxel_size_of_the_image(version, tmp_path):
    write(tmp_path / "a.zarr", {"multiscales": [described()]}, version=version)
    image = open_image(tmp_path / "a.zarr" / "0")
    assert (image.axes, image.notices) == ("CYX", ())
    assert np.array_equal(np.asarray(image.array), PIXELS)
    assert image.spacing == {"Y": Spacing(0.2, "µm"), "X": Spacing(0.25, "µm")}


def test_a_scene_gives_the_images_that_it_puts_together(tmp_path):
    root = zarr.open_group(tmp_path / "a.zarr", mode="w")
    for number in range(2):
        write(tmp_path / "a.zarr" / f"tile_{number}", {"multiscales": [described()]}, PIXELS + number)
    place = [
        {"type": "translation", "input": {"path": f"tile_{k}", "name": "p"}, "output": {"name": "world"}}
        for k in range(2)
    ]
    root.attrs["ome"] = {"version": "0.6", "scene": {"coordinateTransformations": place}}
    assert [one.name for one in list_series(tmp_path / "a.zarr")] == ["tile_0", "tile_1"]
    assert np.array_equal(np.asarray(open_image(tmp_path / "a.zarr", series=1).array), PIXELS + 1)


# Labels, plates, collections.


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("place", ["labels", "labels/cells", "labels/cells/0"])
def test_labels_are_refused_and_do_not_count_as_images(tmp_path, version, place):
    path = tmp_path / "a.zarr"
    write(path, {"multiscales": [described()]}, version=version)
    listed = {"labels": ["cells"]}
    zarr.open_group(path / "labels", mode="w", zarr_format=version).attrs.update(
        {"ome": listed} if version == 3 else listed
    )
    label = {"multiscales": [described()], "image-label": {"source": {"image": "../../"}}}
    write(path / "labels" / "cells", label, version=version)
    assert open_image(path).shape == PIXELS.shape
    with pytest.raises(FileError, match=r"is a label image \(image-label\), whose numbers name objects"):
        open_image(path / place)


def test_a_folder_that_is_merely_called_labels_is_no_reason_to_refuse_an_image(tmp_path):
    write(tmp_path / "labels" / "a.zarr", {"multiscales": [described()]})
    assert open_image(tmp_path / "labels" / "a.zarr").axes == "CYX"


def plate(path) -> None:
    root = zarr.open_group(path, mode="w", zarr_format=2)
    root.attrs["plate"] = {"wells": [{"path": "A/1"}, {"path": "B/2"}, {"path": "H/12"}]}
    for well in ("A/1", "B/2"):
        group = zarr.open_group(path / well, mode="w", zarr_format=2)
        group.attrs["well"] = {"images": [{"path": "0"}, {"path": "1"}]}
        for image in "01":
            write(path / well / image, {"multiscales": [described()]}, version=2)


def test_the_fields_of_the_wells_that_are_there_are_images(tmp_path):
    plate(tmp_path / "a.zarr")
    names = [one.name for one in list_series(tmp_path / "a.zarr")]
    assert names == ["A/1/0", "A/1/1", "B/2/0", "B/2/1"]
    assert open_image(tmp_path / "a.zarr", series=3).axes == "CYX"


def test_a_plate_without_its_chunks_is_refused_and_nothing_is_written(tmp_path):
    plate(tmp_path / "a.zarr")
    for chunk in (tmp_path / "a.zarr" / "B/2/1/0").iterdir():
        if not chunk.name.startswith("."):
            chunk.unlink() if chunk.is_file() else shutil.rmtree(chunk)
    done = CliRunner().invoke(app, ["denoise", str(tmp_path / "a.zarr"), "--series", "3"])
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1].endswith(
        "a.zarr has no pixels: none of its 1 chunk is there, only what describes them."
    )
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.zarr"]


def test_chunks_that_are_missing_are_counted(tmp_path):
    array = write(tmp_path / "a.zarr", {"multiscales": [described()]}, chunks=(1, 10, 30), fill_value=7)
    assert array.nchunks == 4
    (tmp_path / "a.zarr" / "0" / "c" / "1" / "0" / "0").unlink()
    image = open_image(tmp_path / "a.zarr")
    assert sentences_of([image.notices]) == [
        "1 of the 4 chunks of the image are not in the folder; their pixels are 7."
    ]
    assert (np.asarray(image.array[1])[:10] == 7).all()
    assert np.array_equal(np.asarray(image.array[1])[10:], PIXELS[1, 10:])


@pytest.mark.parametrize("listed", [True, False])
def test_the_images_of_bioformats2raw_are_in_the_order_that_it_gives(tmp_path, listed):
    path = tmp_path / "a.zarr"
    root = zarr.open_group(path, mode="w", zarr_format=2)
    root.attrs["bioformats2raw.layout"] = 3
    for number in (0, 1, 10):
        write(path / str(number), {"multiscales": [described()]}, PIXELS + number, version=2)
    if listed:
        root.create_group("OME").attrs["series"] = ["10", "0"]
    names = ["10", "0"] if listed else ["0", "1", "10"]
    assert [one.name for one in list_series(path)] == names
    last = np.asarray(open_image(path, series=len(names) - 1).array)
    assert np.array_equal(last, PIXELS + int(names[-1]))


# Bytes and chunks.


@pytest.mark.parametrize("separator", [".", "/"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_chunks_are_found_whatever_separates_their_numbers_and_however_they_lie(tmp_path, separator, order):
    encoding = {"name": "v2", "separator": separator}
    options = {"chunks": (1, 8, 16), "chunk_key_encoding": encoding, "order": order}
    write(tmp_path / "a.zarr", {"multiscales": [described(version="0.4")]}, version=2, **options)
    image = open_image(tmp_path / "a.zarr")
    assert (image.notices, np.array_equal(np.asarray(image.array), PIXELS)) == ((), True)


@pytest.mark.parametrize("output", ["out.ome.tif", "out.ome.zarr"])
def test_big_endian_pixels_give_the_result_of_little_endian_ones(tmp_path, monkeypatch, output):
    monkeypatch.chdir(tmp_path)
    results = []
    for order in "<>":
        write(f"{ord(order)}.zarr", {"multiscales": [described()]}, version=2, dtype=f"{order}u2")
        assert open_image(f"{ord(order)}.zarr").dtype == np.dtype("uint16")
        quick = (
            "--preset",
            "fast",
            "--iterations",
            "1",
            "--set",
            "refine_iterations=[1]",
            "--device",
            "cpu",
        )
        options = (*quick, "--dtype", "input", "--overwrite", "-o", output)
        done = CliRunner().invoke(app, ["denoise", f"{ord(order)}.zarr", *options])
        assert done.exit_code == 0, done.stderr
        results.append(read_image(output).array)
    assert results[0].dtype == np.uint16
    assert np.array_equal(*results)


def test_a_chunk_of_many_planes_is_decoded_once(tmp_path, monkeypatch):
    pixels = np.random.default_rng(1).integers(1, 99, (2, 6, 20, 30)).astype(np.uint8)
    axes = [{"name": "t", "type": "time"}, {"name": "z", "type": "space"}, *AXES[1:]]
    attributes = {"multiscales": [{"axes": axes, "datasets": [{"path": "0"}]}]}
    write(tmp_path / "a.zarr", attributes, pixels, chunks=(1, 3, 10, 30))
    image = open_image(tmp_path / "a.zarr")
    reads = []
    inner = zarr.Array.__getitem__

    def counted(array, part):
        reads.append(part)
        return inner(array, part)

    monkeypatch.setattr(zarr.Array, "__getitem__", counted)
    assert np.array_equal(np.asarray(image.array), pixels)
    assert reads == [(slice(t, t + 1), slice(z, z + 3)) for t in range(2) for z in (0, 3)]


# Files of other programs, beside the repository.


def test_what_bioformats2raw_wrote_is_read_without_a_word_of_zarr(real_files, capfd):
    image = open_image(real_files / "zarr_bioformats2raw_v2" / "data.zarr")
    assert (image.axes, image.shape, image.dtype) == ("TCZYX", (1, 3, 1, 167, 439), np.int8)
    pixels = np.asarray(image.array)
    assert (pixels.min(), pixels.max()) == (-1, 96)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "listed", "axes"),
    [
        ("zarr_hcs_v04_nochunks.ome.zarr", ["B/03/0"], "CZYX"),
        ("zarr_v06_stitched_tiles.zarr", ["tile_0", "tile_1"], "YX"),
    ],
)
def test_images_that_are_only_described_are_listed_and_refused(real_files, name, listed, axes):
    there = list_series(real_files / name)
    assert ([one.name for one in there], {one.axes for one in there}) == (listed, {axes})
    with pytest.raises(FileError, match=r"has no pixels: none of its . chunks? is there"):
        open_image(real_files / name, series=0)
