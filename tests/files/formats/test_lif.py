"""Leica's LIF: the scans that its microscopes make, by files that are written here and by real ones."""

from __future__ import annotations

import numpy as np
import pytest
from lif_files import Scan, write_lif

from napari_blindspot.core.errors import FileError
from napari_blindspot.core.words import sentences_of
from napari_blindspot.files.door import list_series, open_image

pytest.importorskip("liffile", reason="LIF needs liffile, of the extra formats")

PIXELS = np.random.default_rng(0).integers(0, 4000, (3, 2, 20, 24)).astype("uint16")
STEPS = {"X": 1.2e-7, "Y": 1.1e-7, "Z": 5e-7, "T": 2.5, "λ": 1e-8}


def spacing(image) -> dict[str, tuple[float, str]]:
    return {axis: (round(one.step, 6), one.unit) for axis, one in image.spacing.items()}


def test_a_stack_gives_its_planes_channels_and_voxel_size(tmp_path):
    write_lif(tmp_path / "a.lif", Scan("cells", PIXELS, "ZCYX", STEPS, ("Green", "Red")))
    image = open_image(tmp_path / "a.lif")
    assert (image.axes, image.shape, image.dtype, image.notices) == ("ZCYX", PIXELS.shape, "uint16", ())
    assert np.array_equal(np.asarray(image.array), PIXELS)
    assert spacing(image) == {"Z": (0.5, "µm"), "Y": (0.11, "µm"), "X": (0.12, "µm")}
    assert image.channel_colors == ("#00ff00", "#ff0000")


@pytest.mark.parametrize(
    ("axes", "read", "said", "steps"),
    [
        (
            "TCZX",
            "TCYX",
            "Z×X; in what is read and written, Z is called Y",
            {"T": 2.5, "Y": 0.5, "X": 0.12},
        ),
        (
            "YCZX",
            "ZCYX",
            "Z×X; in what is read and written, Z is called Y and Y is called Z",
            {"Z": 0.11, "Y": 0.5, "X": 0.12},
        ),
        ("ZCTX", "ZCYX", "T×X; in what is read and written, T is called Y", {"Z": 0.5, "X": 0.12}),
    ],
)
def test_the_planes_of_a_scan_are_what_it_scanned_whatever_their_axes(tmp_path, axes, read, said, steps):
    write_lif(tmp_path / "a.lif", Scan("scan", PIXELS, axes, STEPS, ("Green", "Red")))
    image = open_image(tmp_path / "a.lif")
    assert (image.axes, image.shape) == (read, PIXELS.shape)
    assert np.array_equal(image.array[2, 1], PIXELS[2, 1])
    assert {axis: one.step for axis, one in image.spacing.items()} == pytest.approx(steps)
    assert sentences_of([image.notices]) == [f"The planes of this image are {said}."]


def test_wavelengths_are_channels_with_their_names(tmp_path):
    write_lif(tmp_path / "a.lif", Scan("lambda", PIXELS[:, 0], "λYX", STEPS))
    image = open_image(tmp_path / "a.lif")
    assert (image.axes, image.shape) == ("CYX", (3, 20, 24))
    assert image.channel_names == ("0 nm", "10 nm", "20 nm")
    assert sentences_of([image.notices]) == ["The file's axes λ (3) are counted as channels."]
    write_lif(tmp_path / "b.lif", Scan("lambda", PIXELS, "λCYX", STEPS, ("Green", "Red")))
    both = open_image(tmp_path / "b.lif")
    assert both.shape == (6, 20, 24)
    # Channel 1, third wavelength.
    assert np.array_equal(both.array[5], PIXELS[2, 1])
    assert both.channel_names[5] == "C1 20 nm"
    assert both.channel_colors == ("#00ff00",) * 3 + ("#ff0000",) * 3


def test_each_image_and_each_tile_is_one_of_the_series(tmp_path):
    write_lif(
        tmp_path / "a.lif",
        Scan("overview", PIXELS[0, 0], "YX", STEPS),
        Scan("mosaic", PIXELS, "MCYX", STEPS, ("Green", "Red")),
    )
    there = list_series(tmp_path / "a.lif")
    assert [one.name for one in there] == ["overview", "mosaic, tile 0", "mosaic, tile 1", "mosaic, tile 2"]
    assert [one.axes for one in there] == ["YX", "CYX", "CYX", "CYX"]
    with pytest.raises(FileError, match="holds 4 images; choose one: 0 'overview'") as caught:
        open_image(tmp_path / "a.lif")
    assert caught.value.setting == "series"
    assert np.array_equal(np.asarray(open_image(tmp_path / "a.lif", series=2).array), PIXELS[1])


def test_channels_that_alternate_line_by_line_are_taken_apart(tmp_path):
    lines = np.ascontiguousarray(PIXELS.transpose(0, 2, 1, 3))
    write_lif(tmp_path / "a.lif", Scan("lines", lines, "ZYCX", STEPS, ("Green", "Red")))
    image = open_image(tmp_path / "a.lif")
    assert image.axes == "ZCYX"
    assert np.array_equal(np.asarray(image.array), PIXELS)


def test_photon_arrival_times_are_refused_in_one_true_sentence(tmp_path):
    path = tmp_path / "a.lif"
    write_lif(path, Scan("intensity", PIXELS[0, 0], "YX", STEPS), flim="FLIM")
    assert [one.name for one in list_series(path)] == ["intensity", "FLIM"]
    assert open_image(path, series=0).axes == "YX"
    with pytest.raises(FileError) as caught:
        open_image(path, series=1)
    assert str(caught.value) == (
        f"The image 'FLIM' of {path} holds the arrival times of single photons (FLIM), but intensities are "
        "needed: choose an intensity image of the file, or export one."
    )


def test_a_lif_that_was_cut_off_says_that_pixels_are_not_there(tmp_path):
    path = tmp_path / "a.lif"
    write_lif(path, Scan("cells", PIXELS, "ZCYX", STEPS, ("Green", "Red")))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FileError, match=r"The pixels of the image 'cells' are not in .*it is cut off"):
        open_image(path)


@pytest.mark.parametrize(
    ("series", "axes", "shape", "steps"),
    [
        (0, "TCYX", (20, 2, 128, 128), {"T": 0.53, "Y": 0.14028, "X": 0.14028}),
        (1, "ZCYX", (23, 2, 128, 128), {"Z": 0.22906, "Y": 0.14028, "X": 0.14028}),
        (2, "CYX", (2, 512, 512), {"Y": 0.1027, "X": 0.1027}),
    ],
)
def test_real_xz_scans_give_all_their_planes(real_files, series, axes, shape, steps):
    image = open_image(real_files / "lif_xz-example.lif", series=series)
    assert (image.axes, image.shape, image.dtype) == (axes, shape, "uint8")
    assert {axis: one.step for axis, one in image.spacing.items()} == pytest.approx(steps, rel=1e-3)
    assert all(image.array[index].max() > 0 for index in np.ndindex(*shape[:-2]))
