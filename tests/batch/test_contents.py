"""A batch over files that hold several images, and over files that together hold one."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_blindspot.batch import BatchOptions, Input, plan_batch, run_batch
from napari_blindspot.batch.job_file import BatchJob, load_job, save_job
from napari_blindspot.core.errors import SettingsError
from napari_blindspot.files.door import open_image, write_ome_tiff
from napari_blindspot.files.image_file import ImageFile
from napari_blindspot.settings import Settings

STACK = np.random.default_rng(0).poisson(30, (3, 2, 24, 24)).astype("uint16")


@pytest.fixture
def out(tmp_path):
    """Return options that read files but write nothing yet."""
    return BatchOptions(output=tmp_path / "out")


def write_set(folder, names) -> None:
    """Write a Z stack as one OME-TIFF a plane, described in the last of them."""
    folder.mkdir()
    data = "".join(
        f'<TiffData FirstZ="{number}" IFD="0" PlaneCount="1"><UUID FileName="{name}">urn:{number}</UUID>'
        "</TiffData>"
        for number, name in enumerate(names)
    )
    schema = 'xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'
    pixels = (
        f'<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="24" SizeY="24" SizeC="1" '
        f'SizeT="1" SizeZ="{len(names)}"><Channel ID="Channel:0:0"/>{data}</Pixels>'
    )
    for number, name in enumerate(names):
        text = f'<OME {schema} UUID="urn:{number}"><BinaryOnly MetadataFile="{names[-1]}" UUID="x"/></OME>'
        if name == names[-1]:
            text = f'<OME {schema} UUID="urn:{number}"><Image ID="Image:0">{pixels}</Image></OME>'
        plane = STACK[number, 0]
        tifffile.imwrite(folder / name, plane, photometric="minisblack", description=text, metadata=None)


def test_a_set_of_files_is_denoised_once_by_the_file_that_describes_it(tmp_path, out):
    write_set(tmp_path / "set", ["a.ome.tif", "b.ome.tif", "master.ome.tif"])
    items = plan_batch([tmp_path / "set"], out).items
    assert [(item.source.name, item.state) for item in items] == [
        ("a.ome.tif", "skipped"),
        ("b.ome.tif", "skipped"),
        ("master.ome.tif", "waiting"),
    ]
    assert "one of the 3 files of the set of master.ome.tif" in items[0].reason
    (alone,) = plan_batch([tmp_path / "set" / "b.ome.tif"], out).items
    assert alone.state == "waiting"


def test_every_image_of_a_file_is_denoised_under_a_name_of_its_own(tmp_path, tiny):
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in" / "a.tif", STACK, photometric="minisblack", metadata={"axes": "TRYX"})
    options = BatchOptions(output=tmp_path / "out", settings=tiny)
    batch = plan_batch([tmp_path / "in"], options)
    assert [item.output.name for item in batch.items] == ["a_0_denoised.ome.tif", "a_1_denoised.ome.tif"]
    list(run_batch(batch))
    assert [item.state for item in batch.items] == ["done", "done"]
    for item in batch.items:
        assert (open_image(item.output).axes, open_image(item.output).shape) == ("TYX", (3, 24, 24))


def test_one_image_that_was_chosen_keeps_the_name_of_its_file(tmp_path, out):
    tifffile.imwrite(tmp_path / "a.tif", STACK, photometric="minisblack", metadata={"axes": "TRYX"})
    (item,) = plan_batch([Input(path=tmp_path / "a.tif", series=1)], out).items
    assert item.output.name == "a_denoised.ome.tif"


def test_ten_files_with_thumbnails_need_no_choice(tmp_path, out):
    (tmp_path / "in").mkdir()
    for number in range(10):
        with tifffile.TiffWriter(tmp_path / "in" / f"{number}.tif") as tiff:
            tiff.write(STACK[0, 0], photometric="minisblack", metadata=None)
            small = STACK[0, 0, ::4, ::4].astype("uint8")
            tiff.write(small, photometric="minisblack", subfiletype=1, metadata=None)
    batch = plan_batch([tmp_path / "in"], out)
    assert [item.read.series for item in batch.items] == [None] * 10
    assert [item.job(out).open().shape for item in batch.items] == [(24, 24)] * 10


def test_channels_in_turn_and_the_voxel_size_are_said_in_a_job_file(tmp_path, tiny):
    tifffile.imwrite(tmp_path / "a.tif", STACK.reshape(6, 24, 24), photometric="minisblack", metadata=None)
    options = BatchOptions(
        output=tmp_path / "out", settings=tiny, axes="TYX", split="2:c", voxel_size="0.3, 0.1, 0.2"
    )
    save_job(BatchJob.of([Input(path=tmp_path / "a.tif", split="2:C")], options), tmp_path / "job.yaml")
    job = load_job(tmp_path / "job.yaml")
    assert (job.split, job.voxel_size, job.inputs[0].split) == ("2:C", (0.3, 0.1, 0.2), "2:C")
    batch = job.plan()
    list(run_batch(batch))
    (item,) = batch.items
    assert (item.state, item.axes, item.shape) == ("done", "TCYX", (3, 2, 24, 24))
    written = open_image(item.output)
    assert (written.axes, written.spacing["X"].micrometres) == ("TCYX", pytest.approx(0.2))
    # A channel is fitted as if the other one were not there.
    write_ome_tiff(tmp_path / "one.ome.tif", ImageFile(STACK[:, 1], "TYX"))
    alone = plan_batch([tmp_path / "one.ome.tif"], BatchOptions(output=tmp_path / "one", settings=tiny))
    list(run_batch(alone))
    result = np.asarray(open_image(alone.items[0].output).array)
    assert np.array_equal(np.asarray(written.array)[:, 1], result)


@pytest.mark.parametrize("options", [{"voxel_size": "0.3"}, {"split": "C"}])
def test_what_cannot_be_is_refused_with_the_name_of_the_option(tmp_path, options):
    with pytest.raises(SettingsError, match=f"'{next(iter(options))}'"):
        BatchOptions(output=tmp_path, **options)


def test_a_colour_image_comes_back_in_colour_with_each_sample_fitted_on_its_own(tmp_path, tiny):
    colours = np.random.default_rng(1).integers(0, 255, (24, 24, 3)).astype("uint8")
    tifffile.imwrite(tmp_path / "a.tif", colours, photometric="rgb")
    assert isinstance(tiny, Settings)
    for ending in ("ome-tiff", "ome-zarr"):
        options = BatchOptions(output=tmp_path / ending, settings=tiny, format=ending)
        batch = plan_batch([tmp_path / "a.tif"], options)
        list(run_batch(batch))
        (item,) = batch.items
        assert item.state == "done", item.reason
        result = open_image(item.output)
        if ending == "ome-tiff":
            with tifffile.TiffFile(item.output) as tiff:
                assert (tiff.pages.first.photometric, tiff.pages.first.dtype) == (2, np.uint8)
            assert (result.axes, result.shape) == ("YXS", colours.shape)
            written = np.asarray(result.array)
        else:
            assert (result.axes, result.channel_names) == ("CYX", ("red", "green", "blue"))
            assert np.array_equal(np.asarray(result.array), np.moveaxis(written, -1, 0))
    one = plan_batch(
        [tmp_path / "a.tif"],
        BatchOptions(
            output=tmp_path / "green",
            channel=1,
            settings=tiny.model_copy(update={"output_dtype": "uint8"}),
        ),
    )
    list(run_batch(one))
    assert np.array_equal(np.asarray(open_image(one.items[0].output).array), written[..., 1])


def test_a_real_bruker_set_is_three_images_and_every_file_is_in_one(real_files, out):
    items = plan_batch([real_files / "prairie_multi_image_node"], out).items
    assert [item.read.series for item in items if item.state == "waiting"] == [0, 1, 2]
    assert len([item for item in items if item.state == "skipped"]) == 23
