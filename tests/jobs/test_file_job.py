"""What a job knows before anything is fitted: which pixels it would give, and what cannot be."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
import tifffile

from napari_blindspot.core.errors import FileError, ImageError, SettingsError
from napari_blindspot.files.door import ImageFile, ReadOptions, write_image, write_ome_tiff
from napari_blindspot.jobs.file_job import FileJob
from napari_blindspot.samples import z_stack

STACK = z_stack((2, 32, 32)).noisy


@pytest.fixture
def job(tmp_path, tiny):
    """Make a job over the stack; it needs no run."""
    source = tmp_path / "s.ome.tif"
    write_ome_tiff(source, ImageFile(STACK, "ZYX"))

    def make(settings=tiny, output="out.ome.tif", **values) -> FileJob:
        values.setdefault("source", source)
        outputs = values.pop("outputs", {"denoised": tmp_path / output})
        names = ("series", "axes", "split", "voxel_size", "channel")
        read = ReadOptions(**{name: values.pop(name) for name in names if name in values})
        return FileJob(outputs=outputs, settings=settings, read=read, **values)

    return make


def digest(job: FileJob) -> str:
    return job.digest(job.open())


def test_the_same_pixels_have_the_same_digest_however_the_user_said_which(job):
    assert digest(job()) == digest(job(axes="zyx", series=0, output="elsewhere.ome.zarr"))
    assert digest(job()) == digest(pickle.loads(pickle.dumps(job())))


def test_all_that_decides_the_pixels_is_in_the_digest(job, tiny):
    others = [
        job(axes="TYX"),
        job(axes="CYX", channel=1),
        job(split="2:C"),
        job(voxel_size="0.3,0.1,0.1"),
        job(tiny.model_copy(update={"seed": 1})),
        job(tiny.model_copy(update={"output_dtype": "input"})),
    ]
    digests = {digest(each) for each in (job(), *others)}
    assert len(digests) == 1 + len(others)


def test_a_file_that_was_written_anew_is_another_one(job):
    before = digest(job())
    os.utime(job().source, (0, 0))
    assert digest(job()) != before


@pytest.mark.parametrize("change", ["newer", "older", "gone", "renamed"])
def test_a_zarr_whose_chunks_have_changed_is_another_one(job, tmp_path, change):
    pytest.importorskip("zarr", reason="OME-Zarr needs the package zarr")
    source = tmp_path / "s.ome.zarr"
    write_image(source, ImageFile(STACK, "ZYX"), STACK.__getitem__, STACK.dtype)
    before = digest(job(source=source))
    assert digest(job(source=source)) == before
    folder = source.stat()
    chunk = max((p for p in source.rglob("*") if p.is_file()), key=lambda path: path.stat().st_size)
    if change in ("newer", "older"):
        times = chunk.stat()
        moment = times.st_mtime_ns + (1 if change == "newer" else -1) * 10**9
        os.utime(chunk, ns=(times.st_atime_ns, moment))
    elif change == "gone":
        chunk.unlink()
    else:
        chunk.rename(chunk.with_name("9"))
    os.utime(source, ns=(folder.st_atime_ns, folder.st_mtime_ns))
    assert digest(job(source=source)) != before


@pytest.mark.parametrize("dtype", ["uint64", "int64", "float16"])
def test_a_pixel_type_that_an_output_cannot_hold_is_refused_at_once(job, tmp_path, tiny, dtype):
    source = tmp_path / "wide.tif"
    tifffile.imwrite(source, STACK.astype(dtype), photometric="minisblack")
    keeping = tiny.model_copy(update={"output_dtype": "input"})
    with pytest.raises(ImageError, match=f"OME-TIFF cannot hold {dtype}") as refused:
        job(keeping, source=source).open()
    assert refused.value.setting == "output_dtype"
    both = {"denoised": tmp_path / "a.ome.zarr", "inr": tmp_path / "b.ome.tif"}
    with pytest.raises(ImageError, match="OME-TIFF cannot hold"):
        job(keeping, source=source, outputs=both).open()
    assert job(source=source).open().dtype == dtype
    assert job(keeping, "out.ome.zarr", source=source).open().dtype == dtype


def test_the_samples_of_a_colour_image_are_planes_of_their_own_and_keep_their_8_bits(job, tmp_path):
    colours = np.random.default_rng(0).integers(0, 255, (4, 32, 32, 3)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "rgb.tif", colours, photometric="rgb", metadata={"axes": "TYXS"})
    whole = job(source=tmp_path / "rgb.tif")
    image = whole.open()
    assert (image.axes, whole.dtype(image)) == ("TSYX", np.uint8)
    assert np.array_equal(image.array[2, 1], colours[2, ..., 1])
    assert np.array_equal(image.channel(2).array[1], colours[1, ..., 2])
    assert job(source=tmp_path / "rgb.tif", channel=2).open().axes == "TYX"


def test_what_a_file_does_not_say_can_be_said(job, tmp_path):
    turns = np.arange(12 * 32 * 32, dtype=np.int16).reshape(12, 32, 32) - 500
    tifffile.imwrite(tmp_path / "s.tif", turns, photometric="minisblack", metadata=None)
    said = job(source=tmp_path / "s.tif", axes="TYX", split="2:C", voxel_size=(0.3, 0.1, 0.2))
    image = said.open()
    assert (image.axes, image.shape, image.dtype) == ("TCYX", (6, 2, 32, 32), np.int16)
    assert np.array_equal(np.asarray(image.array[:, 1]), turns[1::2])
    steps = {axis: spacing.micrometres for axis, spacing in image.spacing.items()}
    assert steps == {"Z": 0.3, "Y": 0.1, "X": 0.2}


@pytest.mark.parametrize("size", ["0.3", "0.3,0.1,x", "1,0,1", (1, 2, 3, 4)])
def test_a_voxel_size_that_is_none_is_refused(size):
    with pytest.raises(SettingsError, match=r"give the distances along Z, Y and X in µm") as refused:
        ReadOptions(voxel_size=size)
    assert refused.value.setting == "voxel_size"


def test_an_output_that_is_there_is_refused_unless_it_may_be_replaced(job):
    there = job(existing="refuse")
    there.output.touch()
    with pytest.raises(FileError, match="is there already") as refused:
        there.check_outputs()
    assert refused.value.setting == "overwrite"
    job(existing="renew").check_outputs()


def test_an_output_that_is_the_input_is_refused(job, tmp_path):
    with pytest.raises(FileError, match="is the input itself"):
        job(output="s.ome.tif", existing="renew").check_outputs()
    with pytest.raises(FileError, match="Both outputs are named"):
        job(outputs={"denoised": tmp_path / "a.tif", "inr": tmp_path / "a.tif"}).check_outputs()
