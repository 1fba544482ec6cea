"""OME-Zarr of both versions, opened plane by plane and written plane by plane."""

from __future__ import annotations

import importlib.util
import json
import shutil
from itertools import permutations

import numpy as np
import pytest
import zarr

from napari_blindspot.core.errors import FileError, ImageError
from napari_blindspot.core.words import sentence, sentences_of
from napari_blindspot.files.door import (
    Spacing,
    WriteOptions,
    list_series,
    open_image,
    read_image,
    read_record,
    read_settings,
    write_image,
)
from napari_blindspot.files.image_file import ImageFile
from napari_blindspot.settings import Settings

SPACING = {
    "T": Spacing(2.5, "min"),
    "Z": Spacing(0.5, "µm"),
    "Y": Spacing(110.0, "nm"),
    "X": Spacing(0.12, "µm"),
}
NGFF = ["0.4", "0.5"]


def pixels(*shape: int, dtype: str = "uint16") -> np.ndarray:
    return np.random.default_rng(0).integers(1, 200, shape).astype(dtype)


def write(path, image: ImageFile, **options) -> None:
    write_image(path, image, image.array.__getitem__, image.dtype, options=WriteOptions(**options))


def attributes(path, version: str) -> dict:
    if version == "0.4":
        return json.loads((path / ".zattrs").read_text())
    return json.loads((path / "zarr.json").read_text())["attributes"]["ome"]


@pytest.mark.parametrize("version", NGFF)
@pytest.mark.parametrize("compression", ["none", "zlib", "zstd"])
def test_five_axes_go_through_with_all_their_metadata(tmp_path, version, compression):
    array = pixels(2, 3, 4, 33, 70)
    colors, origin = ("#0000ff", "#00ff00", "", "#ff00ff"), {"Z": 3.5, "Y": -1200.25}
    image = ImageFile(array, "TZCYX", SPACING, ("DAPI", "GFP", "µ-<RFP>&", "Cy5"), (), colors, origin)
    path, settings = tmp_path / "ä b.ome.zarr", Settings.from_preset(seed=7)
    options = WriteOptions(ngff=version, compression=compression, tile=32)
    write_image(
        path, image, array.__getitem__, "uint16", options=options, settings=settings, record={"a": "µ"}
    )
    read = open_image(path)
    assert (read.axes, read.dtype, read.notices) == ("TCZYX", np.uint16, ())
    assert np.array_equal(np.asarray(read.array), array.transpose(0, 2, 1, 3, 4))
    assert np.array_equal(read.array[1, 3, 2], array[1, 2, 3])
    assert (read.spacing, read.origin) == (SPACING, origin)
    assert (read.channel_names, read.channel_colors) == (image.channel_names, colors)
    assert read_settings(path) == settings
    assert read_record(path)["a"] == "µ"
    assert [entry.name for entry in tmp_path.iterdir()] == ["ä b.ome.zarr"]


@pytest.mark.parametrize("version", NGFF)
def test_the_metadata_are_those_of_the_specification(tmp_path, version):
    image = ImageFile(
        pixels(3, 2, 600, 400), "ZCYX", SPACING, ("DAPI", "GFP"), (), ("#0000ff", ""), {"X": 12.0}
    )
    write(tmp_path / "a.ome.zarr", image, ngff=version, pyramid=True)
    ome = attributes(tmp_path / "a.ome.zarr", version)
    (multiscales,) = ome["multiscales"]
    assert (multiscales if version == "0.4" else ome)["version"] == version
    assert multiscales["axes"] == [
        {"name": "c", "type": "channel"},
        {"name": "z", "type": "space", "unit": "micrometer"},
        {"name": "y", "type": "space", "unit": "nanometer"},
        {"name": "x", "type": "space", "unit": "micrometer"},
    ]
    assert [dataset["path"] for dataset in multiscales["datasets"]] == ["0", "1", "2"]
    full, half, _ = (dataset["coordinateTransformations"] for dataset in multiscales["datasets"])
    assert full == [
        {"type": "scale", "scale": [1.0, 0.5, 110.0, 0.12]},
        {"type": "translation", "translation": [0.0, 0.0, 0.0, 12.0]},
    ]
    assert half[0]["scale"] == [1.0, 0.5, 220.0, 0.24]
    assert half[1]["translation"] == pytest.approx([0.0, 0.0, 55.0, 12.06])
    blue, other = ome["omero"]["channels"]
    assert (blue["label"], blue["color"], other["color"]) == ("DAPI", "0000FF", "FFFFFF")
    window = blue["window"]
    assert 0 < window["start"] < 10 < 190 < window["end"] <= window["max"] == 199
    group = zarr.open_group(tmp_path / "a.ome.zarr", mode="r")
    assert group.metadata.zarr_format == (2 if version == "0.4" else 3)
    assert [group[str(level)].shape for level in range(3)] == [
        (2, 3, 600, 400),
        (2, 3, 300, 200),
        (2, 3, 150, 100),
    ]
    assert group["0"].chunks == (1, 1, 512, 400)
    assert np.abs(group["1"][1, 2, :150, :100].mean() - image.array[2, 1, :300, :200].mean()) < 0.5


@pytest.fixture(scope="session")
def models():
    """The models of OME-Zarr's community, by version: what they accept is as the specification has it.

    ome-zarr-models asks for an older pydantic than ours (`pip install --no-deps ome-zarr-models
    pydantic-zarr`), under which a type of its version 0.4 is not looked up by itself.
    """
    if importlib.util.find_spec("ome_zarr_models") is None:
        pytest.skip(
            "ome-zarr-models is not installed (pip install --no-deps ome-zarr-models pydantic-zarr)"
        )
    from ome_zarr_models.v04.image import Image as Image4
    from ome_zarr_models.v05.image import Image as Image5
    from pydantic_zarr.v2 import ArraySpec

    Image4.model_rebuild(_types_namespace={"ArraySpec": ArraySpec})
    return {"0.4": Image4, "0.5": Image5}


@pytest.mark.parametrize("version", NGFF)
@pytest.mark.parametrize("axes", ["YX", "TZCYX"])
def test_what_is_written_is_valid_by_a_package_of_others(tmp_path, models, version, axes):
    sides = dict(zip("TZCYX", (2, 3, 4, 300, 270), strict=True))
    names, colors = (("a", "µ", "", "b"), ("#ff0000", "", "", "#00ff00")) if "C" in axes else ((), ())
    array = pixels(*(sides[axis] for axis in axes))
    image = ImageFile(array, axes, SPACING, names, (), colors, {"Y": -1200.25})
    write(tmp_path / "a.ome.zarr", image, ngff=version, pyramid=True)
    found = models[version].from_zarr(zarr.open_group(tmp_path / "a.ome.zarr", mode="r"))
    described = found.attributes if version == "0.4" else found.attributes.ome
    (multiscales,) = described.multiscales
    ordered = sorted(axes, key="TCZYX".index)
    assert [axis.name.upper() for axis in multiscales.axes] == ordered
    assert [dataset.path for dataset in multiscales.datasets] == ["0", "1"]
    scale, start = multiscales.datasets[1].coordinateTransformations
    steps = {axis: spacing.step for axis, spacing in SPACING.items()} | {"C": 1}
    assert scale.scale == pytest.approx([steps[a] * (2 if a in "YX" else 1) for a in ordered])
    assert start.translation[-2] == pytest.approx(-1200.25 + 110 / 2)


@pytest.mark.parametrize("axes", ["".join(p) for n in range(4) for p in permutations("TZC", n)])
def test_every_order_of_axes_becomes_that_of_the_specification(tmp_path, axes):
    array = pixels(*({"T": 2, "Z": 3, "C": 4}[axis] for axis in axes), 16, 17)
    write(tmp_path / "a.ome.zarr", ImageFile(array, f"{axes}YX"))
    read = read_image(tmp_path / "a.ome.zarr")
    ordered = "".join(sorted(axes, key="TCZ".index))
    assert read.axes == f"{ordered}YX"
    assert np.array_equal(read.array, array.transpose([*(axes.index(a) for a in ordered), -2, -1]))


@pytest.mark.parametrize("dtype", ["uint8", "int64", "uint64", "float16", "float32", "float64"])
def test_every_dtype_is_kept(tmp_path, dtype):
    write(tmp_path / "a.zarr", ImageFile(pixels(16, 16, dtype=dtype), "YX"))
    assert read_image(tmp_path / "a.zarr").dtype == np.dtype(dtype)


def test_nan_stays_nan(tmp_path):
    array = pixels(2, 20, 20, dtype="float32")
    array[1, 3:5, 7] = np.nan
    array[0] = np.nan
    write(tmp_path / "a.zarr", ImageFile(array, "ZYX", {}, ("DAPI",)))
    assert np.array_equal(read_image(tmp_path / "a.zarr").array, array, equal_nan=True)


def test_colour_samples_are_refused(tmp_path):
    with pytest.raises(ImageError, match="holds channels, not colour samples"):
        write(tmp_path / "a.zarr", ImageFile(pixels(20, 20, 3), "YXS"))


def test_a_folder_that_is_there_is_replaced_and_kept_when_the_new_one_fails(tmp_path):
    path = tmp_path / "a.ome.zarr"
    first, second = pixels(3, 20, 20), pixels(2, 30, 30)
    write(path, ImageFile(first, "ZYX"))

    def failing(index):
        if index == (1,):
            raise FileError("The disk has gone.")
        return second[index]

    with pytest.raises(FileError, match="The disk has gone"):
        write_image(path, ImageFile(second, "ZYX"), failing, "uint16")
    assert np.array_equal(read_image(path).array, first)
    write(path, ImageFile(second, "ZYX"))
    assert np.array_equal(read_image(path).array, second)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("version", "gone"),
    [
        *(("0.5", gone) for gone in ("*", "*/0/c/0", "*/0/zarr.json")),
        *(("0.4", gone) for gone in ("*", "*/0/0", "*/0/.zarray")),
    ],
)
def test_what_is_removed_while_it_is_written_does_not_end_under_the_final_name(tmp_path, version, gone):
    """Zarr makes anew a folder that has gone, and says nothing of what was in it."""
    array, out = pixels(3, 16, 16), tmp_path / "out"
    out.mkdir()

    def planes(index):
        if index == (2,):
            (found,) = out.glob(gone)
            shutil.rmtree(found) if found.is_dir() else found.unlink()
        return array[index]

    options = WriteOptions(ngff=version)
    with pytest.raises(FileError, match="was removed meanwhile") as caught:
        write_image(out / "a.ome.zarr", ImageFile(array, "ZYX"), planes, "uint16", options=options)
    assert "\n" not in str(caught.value)
    assert list(out.iterdir()) == []


def test_a_plane_of_zeros_is_stored_too(tmp_path):
    array = pixels(3, 16, 16)
    array[1] = 0
    write(tmp_path / "a.ome.zarr", ImageFile(array, "ZYX"))
    read = open_image(tmp_path / "a.ome.zarr")
    assert read.notices == () and np.array_equal(np.asarray(read.array), array)


def test_a_full_disk_is_said_and_leaves_nothing_behind(small_disk):
    noise = np.random.default_rng(0).normal(size=(3, 256, 256)).astype(np.float32)
    with pytest.raises(FileError, match=r"disk is full|No space left"):
        write(small_disk / "a.ome.zarr", ImageFile(noise, "ZYX"))
    assert list(small_disk.iterdir()) == []


# What other programs write


def multiscales(path: str = "0", **more) -> dict:
    axes = [{"name": n, "type": "space"} for n in "zyx"]
    transformation = [{"type": "scale", "scale": [2.0, 0.5, 0.25]}]
    return {"axes": axes, "datasets": [{"path": path, "coordinateTransformations": transformation}], **more}


def test_units_that_are_missing_are_taken_for_micrometres_and_that_is_said(tmp_path):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    group.create_array("0", data=pixels(3, 20, 30))
    group.attrs["multiscales"] = [
        multiscales(coordinateTransformations=[{"type": "scale", "scale": [1.0, 10.0, 10.0]}])
    ]
    read = open_image(tmp_path / "a.zarr")
    assert read.spacing == {"Z": Spacing(2.0, "µm"), "Y": Spacing(5.0, "µm"), "X": Spacing(2.5, "µm")}
    assert sentences_of([read.notices]) == ["The file names no unit for Z, Y, X; µm and s are assumed."]


def test_axes_before_version_0_4_are_known(tmp_path):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    group.create_array("0", data=pixels(2, 3, 4, 20, 30))
    group.attrs["multiscales"] = [{"version": "0.1", "datasets": [{"path": "0"}]}]
    assert open_image(tmp_path / "a.zarr").axes == "TCZYX"
    group.attrs["multiscales"] = [{"version": "0.3", "axes": list("tzcyx"), "datasets": [{"path": "0"}]}]
    assert open_image(tmp_path / "a.zarr").axes == "TZCYX"


@pytest.mark.parametrize("layout", ["plate", "collection"])
def test_of_a_plate_or_a_collection_one_image_must_be_chosen(tmp_path, layout):
    root = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    paths = ["A/1/0", "B/2/0"] if layout == "plate" else ["0", "1"]
    if layout == "plate":
        root.attrs["plate"] = {"wells": [{"path": "A/1"}, {"path": "B/2"}]}
        for well in ("A/1", "B/2"):
            root.create_group(well).attrs["well"] = {"images": [{"path": "0"}]}
    else:
        root.attrs["bioformats2raw.layout"] = 3
    for number, path in enumerate(paths):
        group = root.create_group(path)
        group.create_array("0", data=pixels(3, 20, 30) + number)
        group.attrs["multiscales"] = [multiscales()]
    assert [one.name for one in list_series(tmp_path / "a.zarr")] == paths
    with pytest.raises(FileError, match=f"holds 2 images; choose one: 0 '{paths[0]}'") as caught:
        open_image(tmp_path / "a.zarr")
    assert caught.value.setting == "series"
    assert np.array_equal(read_image(tmp_path / "a.zarr").array, pixels(3, 20, 30))
    second = open_image(tmp_path / "a.zarr", series=1)
    assert np.array_equal(np.asarray(second.array), pixels(3, 20, 30) + 1)


@pytest.mark.parametrize("version", [2, 3])
def test_a_plain_array_is_read_with_axes_by_its_shape_or_as_named(tmp_path, version):
    array = zarr.create_array(tmp_path / "a.zarr", shape=(5, 20, 30), dtype="uint16", zarr_format=version)
    array[:] = pixels(5, 20, 30)
    read = open_image(tmp_path / "a.zarr")
    assert (read.axes, sentence(read.notices[0])) == (
        "ZYX",
        "The file does not name the axis of length 5; it is taken for Z.",
    )
    named = open_image(tmp_path / "a.zarr", axes="TYX")
    assert (named.axes, named.notices) == ("TYX", ())
    assert np.array_equal(named.array[4], pixels(5, 20, 30)[4])


def test_planes_that_are_not_the_last_axes_are_found(tmp_path):
    array = zarr.create_array(
        tmp_path / "a.zarr", shape=(20, 30, 5), dtype="uint16", dimension_names=["y", "x", "z"]
    )
    array[:] = pixels(20, 30, 5)
    read = open_image(tmp_path / "a.zarr")
    assert read.axes == "ZYX"
    assert np.array_equal(read.array[3], pixels(20, 30, 5)[..., 3])


def test_a_group_without_an_image_is_refused(tmp_path):
    zarr.open_group(tmp_path / "a.zarr", mode="w")
    with pytest.raises(FileError, match="holds no image of OME-Zarr; give the folder of one of its arrays"):
        open_image(tmp_path / "a.zarr")


def test_a_missing_array_and_a_damaged_chunk_are_said_in_a_sentence(tmp_path):
    path = tmp_path / "a.ome.zarr"
    write(path, ImageFile(pixels(3, 20, 30), "ZYX"))
    (path / "0" / "c" / "1" / "0" / "0").write_bytes(b"no chunk at all")
    opened = open_image(path)
    assert np.array_equal(opened.array[0], pixels(3, 20, 30)[0])
    with pytest.raises(FileError, match=r"The Zarr folder .*a\.ome\.zarr is damaged or incomplete"):
        opened.array[1]
    (path / "0" / "zarr.json").unlink()
    with pytest.raises(
        FileError, match=r"a\.ome\.zarr is damaged or incomplete: the array '0' is not there"
    ):
        open_image(path)
