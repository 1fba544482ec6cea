from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_blindspot.core.errors import FileError, ImageError, SettingsError
from napari_blindspot.core.words import sentences_of
from napari_blindspot.files.door import (
    ImageFile,
    Spacing,
    output_dtype,
    read_image,
    read_settings,
    write_image,
    write_ome_tiff,
)
from napari_blindspot.files.formats import tiff_writer
from napari_blindspot.files.formats.metadata import RUN_RECORD
from napari_blindspot.files.formats.tiff_format import OME_DTYPES
from napari_blindspot.settings import Settings

MICRON = {"Z": Spacing(0.5, "µm"), "Y": Spacing(0.11, "µm"), "X": Spacing(0.12, "µm")}


def pixels(*shape: int, dtype: str = "uint16") -> np.ndarray:
    return np.random.default_rng(0).integers(0, 200, shape).astype(dtype)


# Reading


def test_a_plain_tiff_gives_its_pixels(tmp_path):
    image = pixels(20, 30)
    tifffile.imwrite(tmp_path / "a.tif", image)
    read = read_image(tmp_path / "a.tif")
    assert np.array_equal(read.array, image)
    assert (read.axes, read.array.dtype, read.notices) == ("YX", np.uint16, ())


@pytest.mark.parametrize("compression", ["zlib", "lzw", "packbits", "zstd", "lzma"])
def test_compressed_tiffs_are_read(tmp_path, compression):
    image = pixels(3, 20, 30)
    options = {"compression": compression, "photometric": "minisblack"}
    tifffile.imwrite(tmp_path / "a.tif", image, metadata={"axes": "ZYX"}, **options)
    assert np.array_equal(read_image(tmp_path / "a.tif").array, image)


def test_an_imagej_stack_gives_axes_and_voxel_size(tmp_path):
    image = pixels(4, 3, 2, 20, 30)
    tifffile.imwrite(
        tmp_path / "a.tif",
        image,
        imagej=True,
        resolution=(1 / 0.12, 1 / 0.11),
        metadata={"axes": "TZCYX", "spacing": 0.5, "unit": "um", "finterval": 2.5},
    )
    read = read_image(tmp_path / "a.tif")
    assert read.axes == "TZCYX"
    assert np.array_equal(read.array, image)
    assert read.spacing["X"].step == pytest.approx(0.12, rel=1e-4)
    assert read.spacing["Y"].step == pytest.approx(0.11, rel=1e-4)
    assert read.spacing["Z"] == Spacing(0.5, "µm")
    assert read.spacing["T"] == Spacing(2.5, "s")


def test_an_ome_tiff_of_another_program_gives_axes_voxel_size_and_channel_names(tmp_path):
    image = pixels(2, 3, 20, 30)
    metadata = {
        "axes": "CZYX",
        "PhysicalSizeX": 65.0,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 0.065,
        "PhysicalSizeZ": 0.0003,
        "PhysicalSizeZUnit": "mm",
        "Channel": {"Name": ["DAPI", "GFP"]},
    }
    tifffile.imwrite(tmp_path / "a.ome.tif", image, metadata=metadata)
    read = read_image(tmp_path / "a.ome.tif")
    assert read.axes == "CZYX"
    assert read.channel_names == ("DAPI", "GFP")
    assert read.spacing["X"] == Spacing(65.0, "nm")
    assert read.spacing["Y"] == Spacing(0.065, "µm")
    assert read.spacing["Z"].micrometres == pytest.approx(0.3)


def test_the_resolution_of_a_plain_tiff_counts_when_only_a_microscope_has_it(tmp_path):
    fine, coarse = tmp_path / "fine.tif", tmp_path / "coarse.tif"
    tifffile.imwrite(fine, pixels(20, 30), resolution=(1e5, 5e4), resolutionunit="CENTIMETER")
    tifffile.imwrite(coarse, pixels(20, 30), resolution=(300, 300), resolutionunit="INCH")
    assert read_image(fine).spacing["X"].micrometres == pytest.approx(0.1)
    assert read_image(fine).spacing["Y"].micrometres == pytest.approx(0.2)
    assert read_image(coarse).spacing == {}


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_a_grayscale_png_gives_its_pixels_in_full_depth(tmp_path, dtype):
    image = pixels(20, 30, dtype=dtype) * (200 if dtype == "uint16" else 1)
    Image.fromarray(image).save(tmp_path / "a.png")
    read = read_image(tmp_path / "a.png")
    assert np.array_equal(read.array, image)
    assert (read.array.dtype, read.axes) == (np.dtype(dtype), "YX")


def test_the_transparency_of_a_png_is_left_out_and_that_is_said(tmp_path):
    both = np.stack([pixels(20, 30, dtype="uint8"), np.full((20, 30), 255, "uint8")], axis=-1)
    Image.fromarray(both, mode=None).save(tmp_path / "a.png")
    read = read_image(tmp_path / "a.png")
    assert np.array_equal(read.array, both[..., 0])
    assert sentences_of([read.notices]) == ["The transparency of the image was left out."]


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_a_colour_image_keeps_its_samples_apart(tmp_path, name):
    image = pixels(20, 30, 3, dtype="uint8")
    if name.endswith("png"):
        Image.fromarray(image).save(tmp_path / name)
    else:
        tifffile.imwrite(tmp_path / name, image, photometric="rgb")
    read = read_image(tmp_path / name)
    assert (read.axes, read.is_rgb, read.channels) == ("YXS", True, 3)
    assert np.array_equal(read.channel(1).array, image[..., 1])
    assert read.channel(1).axes == "YX"


def test_a_channel_of_a_stack_keeps_its_name_and_the_other_axes(tmp_path):
    image = ImageFile(pixels(3, 2, 20, 30), "ZCYX", MICRON, ("DAPI", "GFP"))
    green = image.channel(1)
    assert np.array_equal(green.array, image.array[:, 1])
    assert (green.axes, green.channel_names, green.spacing) == ("ZYX", ("GFP",), MICRON)
    with pytest.raises(ImageError, match=r"no channel 2; they are 0 to 1\."):
        image.channel(2)


def test_an_axis_without_a_name_is_taken_for_z_and_that_is_said(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", pixels(5, 20, 30), photometric="minisblack")
    read = read_image(tmp_path / "a.tif")
    assert read.axes == "ZYX"
    assert sentences_of([read.notices]) == [
        "The file does not name the axis of length 5; it is taken for Z."
    ]


def test_of_several_images_the_first_is_read_and_that_is_said(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as tiff:
        tiff.write(pixels(20, 30), metadata={"Name": "first"})
        tiff.write(pixels(40, 50), metadata={"Name": "second"})
    read = read_image(tmp_path / "a.ome.tif")
    assert read.array.shape == (20, 30)
    assert sentences_of([read.notices]) == ["The file holds 2 images; the first, 'first', is used."]


@pytest.mark.parametrize("options", [{}, {"ome": True}, {"imagej": True}, {"compression": "zlib"}])
@pytest.mark.parametrize("share", [0.001, 0.3, 0.6, 0.95])
def test_a_tiff_that_was_cut_off_is_never_read_as_if_it_were_whole(tmp_path, options, share):
    tifffile.imwrite(tmp_path / "a.tif", pixels(5, 64, 64), metadata={"axes": "ZYX"}, **options)
    whole = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "b.tif").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(FileError, match=r"b\.tif is damaged or cut off"):
        read_image(tmp_path / "b.tif")


def test_a_png_that_was_cut_off_is_refused(tmp_path):
    Image.fromarray(pixels(64, 64, dtype="uint8")).save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    for size in (12, 40, len(whole) // 2):
        (tmp_path / "b.png").write_bytes(whole[:size])
        with pytest.raises(FileError, match=r"b\.png is damaged or cut off"):
            read_image(tmp_path / "b.png")


def test_a_file_that_is_no_image_is_named_with_its_first_bytes(tmp_path):
    (tmp_path / "notes.tif").write_text("dear diary, today")
    with pytest.raises(
        FileError, match=r"\(CZI, LIF, ND2, OME-Zarr, PNG or TIFF\): it begins with b'dear diary, '"
    ):
        read_image(tmp_path / "notes.tif")


def test_real_stacks_are_read_with_their_axes(shared_data):
    embryo = read_image(shared_data / "stacks" / "embryo_nuclei_zyx_uint16.tif")
    assert embryo.array.shape == (51, 120, 122)
    assert embryo.array.dtype == np.uint16
    assert embryo.axes.endswith("YX")


# Writing


def test_what_is_written_is_read_back_the_same(tmp_path):
    image = ImageFile(pixels(2, 3, 20, 30).astype("float32"), "CZYX", MICRON, ("DAPI", "µ-<GFP>&"))
    write_ome_tiff(tmp_path / "a.ome.tif", image)
    read = read_image(tmp_path / "a.ome.tif")
    assert np.array_equal(read.array, image.array)
    assert (read.axes, read.spacing, read.channel_names) == ("CZYX", MICRON, ("DAPI", "µ-<GFP>&"))
    assert read.array.dtype == np.float32


@pytest.mark.parametrize("axes", ["".join(p) for n in range(4) for p in permutations("TZC", n)])
def test_every_order_of_axes_survives(tmp_path, axes):
    shape = tuple({"T": 2, "Z": 3, "C": 4}[axis] for axis in axes)
    image = pixels(*shape, 16, 17)
    write_ome_tiff(tmp_path / "a.ome.tif", ImageFile(image, f"{axes}YX", {"T": Spacing(0.2, "s")}))
    read = read_image(tmp_path / "a.ome.tif")
    assert read.axes == f"{axes}YX"
    assert np.array_equal(read.array, image)
    assert read.spacing["T"] == Spacing(0.2, "s")


@pytest.mark.parametrize("dtype", OME_DTYPES)
def test_every_dtype_of_ome_is_kept(tmp_path, dtype):
    image = ImageFile(pixels(16, 16, dtype=dtype), "YX")
    write_ome_tiff(tmp_path / "a.ome.tif", image)
    assert read_image(tmp_path / "a.ome.tif").array.dtype == np.dtype(dtype)


@pytest.mark.parametrize("dtype", ["float16", "uint64", "int64"])
def test_a_dtype_that_ome_does_not_know_is_refused(tmp_path, dtype):
    with pytest.raises(ImageError, match=f"cannot hold {dtype}; choose one of: int8"):
        write_ome_tiff(tmp_path / "a.ome.tif", ImageFile(pixels(16, 16, dtype=dtype), "YX"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.ome.tif", "a.ome.zarr"])
def test_an_output_is_written_as_float32_or_as_the_input_is(name):
    assert output_dtype("uint16", "float32", name) == np.dtype("float32")
    assert output_dtype("uint64", "float32", name) == np.dtype("float32")
    assert output_dtype(">u2", "input", name) == np.dtype("uint16")
    assert output_dtype(">u2", "input", name).isnative


def test_a_dtype_that_the_format_of_an_output_cannot_hold_is_refused():
    for dtype in ("uint64", "int64", "float16"):
        assert output_dtype(dtype, "input", "a.ome.zarr") == np.dtype(dtype)
        with pytest.raises(ImageError, match=f"OME-TIFF cannot hold {dtype}; choose float32") as caught:
            output_dtype(dtype, "input", "a.ome.tif")
        assert caught.value.setting == "output_dtype"


def test_a_dtype_without_intensities_is_refused_whatever_the_format():
    with pytest.raises(ImageError, match="boolean"):
        output_dtype("bool", "input", "a.ome.zarr")


def test_the_ome_xml_keeps_to_the_schema(tmp_path):
    ome_types = pytest.importorskip("ome_types", reason="ome-types checks OME-XML against its schema")
    image = ImageFile(pixels(2, 3, 20, 30), "CZYX", MICRON, ("DAPI", "GFP"))
    write_ome_tiff(
        tmp_path / "a.ome.tif", image, settings=Settings.from_preset(seed=7), record={"input": "x.tif"}
    )
    ome = ome_types.from_tiff(tmp_path / "a.ome.tif", validate=False)
    found = ome.images[0].pixels
    assert (found.physical_size_x, found.physical_size_x_unit.value) == (0.12, "µm")
    assert (found.size_c, found.size_z, found.size_y, found.size_x) == (2, 3, 20, 30)
    assert [channel.name for channel in found.channels] == ["DAPI", "GFP"]
    assert ome.creator.startswith("napari-blindspot")
    assert ome.structured_annotations.map_annotations[0].namespace == RUN_RECORD


def test_programs_that_only_know_tiff_find_the_pixel_size_too(tmp_path):
    write_ome_tiff(tmp_path / "a.ome.tif", ImageFile(pixels(20, 30), "YX", MICRON))
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tiff:
        tags = tiff.pages.first.tags
        numerator, denominator = tags["XResolution"].value
        assert tags["ResolutionUnit"].value == 3
    assert 1e4 * denominator / numerator == pytest.approx(0.12)


def test_napari_opens_the_output_with_the_same_pixels(tmp_path):
    from napari_builtins.io import napari_get_reader

    image = pixels(3, 20, 30).astype("float32")
    write_ome_tiff(tmp_path / "a.ome.tif", ImageFile(image, "ZYX", MICRON))
    path = str(tmp_path / "a.ome.tif")
    layers = napari_get_reader(path)(path)
    assert np.array_equal(np.asarray(layers[0][0]), image)


def test_the_settings_of_a_run_come_back_from_its_file(tmp_path):
    settings = Settings.from_preset(seed=5, iterations=77, inr_dropout=(0.1, 0.2), output_dtype="input")
    write_ome_tiff(tmp_path / "a.ome.tif", ImageFile(pixels(20, 30), "YX"), settings=settings)
    assert read_settings(tmp_path / "a.ome.tif") == settings


def test_the_settings_may_also_come_from_json(tmp_path):
    settings = Settings.from_preset(seed=5, iterations=77)
    (tmp_path / "a.json").write_text(settings.model_dump_json())
    assert read_settings(tmp_path / "a.json") == settings
    (tmp_path / "b.json").write_text('{"iterations": -4}')
    with pytest.raises(SettingsError, match="'iterations' is -4"):
        read_settings(tmp_path / "b.json")
    (tmp_path / "c.json").write_text("hello")
    with pytest.raises(FileError, match="neither an OME-TIFF of an earlier run nor a JSON object"):
        read_settings(tmp_path / "c.json")


def test_a_tiff_of_another_program_has_no_settings(tmp_path):
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels(20, 30))
    with pytest.raises(FileError, match="holds no settings of napari-blindspot"):
        read_settings(tmp_path / "a.ome.tif")


def test_large_arrays_become_bigtiff(tmp_path, monkeypatch):
    image = ImageFile(pixels(40, 40), "YX")
    write_ome_tiff(tmp_path / "small.ome.tif", image)
    monkeypatch.setattr(tiff_writer, "CLASSIC_LIMIT", 1000)
    write_ome_tiff(tmp_path / "large.ome.tif", image)
    with tifffile.TiffFile(tmp_path / "small.ome.tif") as small:
        assert not small.is_bigtiff
    with tifffile.TiffFile(tmp_path / "large.ome.tif") as large:
        assert large.is_bigtiff
    assert np.array_equal(read_image(tmp_path / "large.ome.tif").array, image.array)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.ome.tif"
    write_ome_tiff(path, ImageFile(pixels(20, 30), "YX"))
    before = path.read_bytes()

    def fail(*args, **kwargs):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(tifffile.TiffWriter, "write", fail)
    with pytest.raises(FileError, match="Input/output error"):
        write_ome_tiff(path, ImageFile(pixels(20, 30) + 1, "YX"))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_said_and_leaves_nothing_behind(small_disk):
    image = ImageFile(np.zeros((512, 512), np.float32), "YX")
    with pytest.raises(FileError, match=r"the disk is full \(1\.0 MB are needed"):
        write_ome_tiff(small_disk / "a.ome.tif", image)
    assert list(small_disk.iterdir()) == []


def test_the_file_has_the_permissions_of_any_other_file(tmp_path):
    (tmp_path / "other").touch()
    write_ome_tiff(tmp_path / "a.ome.tif", ImageFile(pixels(20, 30), "YX"))
    assert (tmp_path / "a.ome.tif").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("name", ["a.ome.tif", "a.ome.zarr"])
def test_floats_are_rounded_and_clipped_where_an_output_holds_integers(tmp_path, name):
    plane = np.array([[-3.0, 0.5, 1.5, 254.4], [254.6, 255.4, 256.0, 1e9]] * 8).repeat(4, axis=1)
    like = ImageFile(plane, "YX")
    write_image(tmp_path / name, like, lambda index: plane, "uint8")
    assert read_image(tmp_path / name).array[:2, ::4].tolist() == [[0, 0, 2, 254], [255, 255, 255, 255]]
