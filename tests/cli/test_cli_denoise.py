from __future__ import annotations

import re

import numpy as np
import pytest
import tifffile
from PIL import Image
from typer.testing import CliRunner

from napari_blindspot import __version__, denoise
from napari_blindspot.cli.app import app
from napari_blindspot.files.door import ImageFile, Spacing, read_image, read_settings, write_ome_tiff
from napari_blindspot.samples import confocal, z_stack

SPACING = {"Z": Spacing(0.5, "µm"), "Y": Spacing(0.1, "µm"), "X": Spacing(0.1, "µm")}


@pytest.fixture
def run(tiny, tmp_path, monkeypatch):
    """Run the command line in the test's folder; --tiny stands for settings that take a moment."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.json").write_text(tiny.model_dump_json())

    def call(*arguments: str):
        words = [
            word for a in arguments for word in (("--settings", "tiny.json") if a == "--tiny" else (a,))
        ]
        return CliRunner().invoke(app, words)

    return call


@pytest.fixture
def plane(tmp_path):
    image = confocal((32, 40)).noisy
    write_ome_tiff(tmp_path / "cells.ome.tif", ImageFile(image, "YX", {a: SPACING[a] for a in "YX"}))
    return image


def test_a_plane_becomes_an_ome_tiff_beside_it_with_its_voxel_size_and_settings(run, plane, tmp_path, tiny):
    done = run("denoise", "cells.ome.tif", "--tiny", "--seed", "3")
    assert (done.exit_code, done.stdout.strip()) == (0, "cells_denoised.ome.tif")
    written = read_image(tmp_path / "cells_denoised.ome.tif")
    assert (written.array.shape, written.array.dtype, written.axes) == (plane.shape, np.float32, "YX")
    assert written.spacing == {a: SPACING[a] for a in "YX"}
    settings = read_settings(tmp_path / "cells_denoised.ome.tif")
    assert (settings.seed, settings.iterations, settings.device) == (3, tiny.iterations, "cpu")


def test_the_command_line_gives_the_same_pixels_as_the_python_api(run, plane, tmp_path, tiny):
    run("denoise", "cells.ome.tif", "--tiny", "--inr-output", "inr.ome.tif")
    result = denoise(plane, settings=tiny)
    assert np.array_equal(read_image(tmp_path / "cells_denoised.ome.tif").array, result.denoised)
    assert np.array_equal(read_image(tmp_path / "inr.ome.tif").array, result.inr)


def test_what_an_option_says_of_the_method_is_in_the_settings_of_the_output(run, plane, tmp_path):
    short = "--preset fast --iterations 2 --set refine_iterations=2 --device cpu --overwrite".split()
    for options, start, mends in (
        ((), "pretrained", True),
        (("--unet-weights", "random", "--keep-defects"), "random", False),
    ):
        assert run("denoise", "cells.ome.tif", *short, *options).exit_code == 0
        settings = read_settings(tmp_path / "cells_denoised.ome.tif")
        assert (settings.unet_weights, settings.mend_defects) == (start, mends)


def test_a_run_is_repeated_from_its_own_output(run, plane, tmp_path):
    run("denoise", "cells.ome.tif", "--tiny", "--seed", "9")
    done = run("denoise", "cells.ome.tif", "--settings", "cells_denoised.ome.tif", "-o", "again.ome.tif")
    assert done.exit_code == 0, done.stderr
    first, second = (read_image(tmp_path / f"{n}.ome.tif").array for n in ("cells_denoised", "again"))
    assert np.array_equal(first, second)


def test_the_dtype_of_the_input_is_kept_on_request(run, plane, tmp_path):
    run("denoise", "cells.ome.tif", "--tiny", "--dtype", "input", "-o", "ints.tif")
    run("denoise", "cells.ome.tif", "--tiny", "-o", "floats.tif")
    ints, floats = read_image(tmp_path / "ints.tif").array, read_image(tmp_path / "floats.tif").array
    assert ints.dtype == np.uint16
    assert np.abs(ints - floats.clip(0)).max() <= 0.5 + 1e-3


def test_a_png_is_denoised(run, tmp_path):
    Image.fromarray(confocal((32, 32)).noisy.astype("uint8")).save(tmp_path / "cells.png")
    done = run("denoise", "cells.png", "--tiny")
    assert done.exit_code == 0, done.stderr
    assert read_image(tmp_path / "cells_denoised.ome.tif").array.shape == (32, 32)


def test_a_stack_of_channels_keeps_axes_names_and_voxel_size_and_fits_each_plane(run, tmp_path, tiny):
    stack = np.stack([z_stack((2, 32, 32), seed).noisy for seed in (0, 1)], axis=1)
    write_ome_tiff(tmp_path / "s.ome.tif", ImageFile(stack, "ZCYX", SPACING, ("DAPI", "GFP")))
    done = run("denoise", "s.ome.tif", "--tiny")
    assert done.exit_code == 0, done.stderr
    written = read_image(tmp_path / "s_denoised.ome.tif")
    assert (written.axes, written.channel_names, written.spacing) == ("ZCYX", ("DAPI", "GFP"), SPACING)
    assert np.array_equal(written.array[1, 0], denoise(stack[1, 0], settings=tiny).denoised)
    assert "plane 4 of 4" in done.stderr


LEVELS = np.arange(40, 52, dtype=np.uint16)
"""Of planes that are constant, so that they go through without a fit."""


def test_voxel_size_and_names_of_an_imagej_hyperstack_come_back(run, tmp_path):
    stack = np.broadcast_to(LEVELS.reshape(6, 2, 1, 1), (6, 2, 32, 32))
    metadata = {"axes": "ZCYX", "unit": "\\u00B5m", "spacing": 0.5}
    tifffile.imwrite(tmp_path / "s.tif", stack, imagej=True, metadata=metadata, resolution=(9.25, 9.25))
    assert run("denoise", "s.tif", "--dtype", "input").exit_code == 0
    written = read_image(tmp_path / "s_denoised.ome.tif")
    assert (written.axes, written.dtype) == ("ZCYX", np.uint16)
    assert np.array_equal(written.array, stack)
    assert {axis: spacing.unit for axis, spacing in written.spacing.items()} == dict.fromkeys("ZYX", "µm")
    assert [written.spacing[a].step for a in "ZYX"] == pytest.approx([0.5, 1 / 9.25, 1 / 9.25])


def test_a_greek_mu_and_names_in_any_script_come_back(run, tmp_path):
    stack = np.broadcast_to(LEVELS.reshape(3, 2, 2, 1, 1), (3, 2, 2, 32, 32))
    metadata = {"axes": "TCZYX", "Channel": {"Name": ["Дапи", "GFP-µ"]}}
    metadata |= {f"PhysicalSize{a}": 0.108 for a in "XY"} | {f"PhysicalSize{a}Unit": "μm" for a in "XY"}
    tifffile.imwrite(tmp_path / "s.ome.tif", stack, photometric="minisblack", metadata=metadata)
    assert run("denoise", "s.ome.tif", "--dtype", "input").exit_code == 0
    written = read_image(tmp_path / "s_denoised.ome.tif")
    assert (written.axes, written.channel_names) == ("TCZYX", ("Дапи", "GFP-µ"))
    assert written.spacing == {axis: Spacing(0.108, "µm") for axis in "YX"}
    assert np.array_equal(written.array, stack)
    # The unit is the micro sign of the OME schema, whatever the input had.
    assert 'PhysicalSizeXUnit="µm"' in tifffile.TiffFile(tmp_path / "s_denoised.ome.tif").ome_metadata


def test_one_channel_of_a_colour_image_is_denoised(run, tmp_path, tiny):
    image = np.stack([confocal((32, 32), seed).noisy.astype("uint8") for seed in range(3)], axis=-1)
    Image.fromarray(image).save(tmp_path / "rgb.png")
    done = run("denoise", "rgb.png", "--tiny", "--channel", "1")
    assert done.exit_code == 0, done.stderr
    written = read_image(tmp_path / "rgb_denoised.ome.tif").array
    assert np.array_equal(written, denoise(image[..., 1], settings=tiny).denoised)


def test_every_sample_of_a_bright_colour_image_comes_back_rounded_and_never_wrapped(run, tmp_path, tiny):
    gray = confocal((32, 32), 0).noisy.astype(float)
    image = np.clip(200 + 60 * gray / gray.max(), 0, 255).astype(np.uint8)[..., None].repeat(3, axis=-1)
    Image.fromarray(image).save(tmp_path / "rgb.png")
    done = run("denoise", "rgb.png", "--tiny")
    assert done.exit_code == 0, done.stderr
    written = read_image(tmp_path / "rgb_denoised.ome.tif")
    assert (written.axes, written.array.dtype) == ("YXS", np.uint8)
    (estimate,) = {plane.tobytes(): plane for plane in np.moveaxis(written.array, -1, 0)}.values()
    exact = denoise(image[..., 0], settings=tiny).denoised
    assert np.array_equal(estimate, np.clip(np.rint(exact), 0, 255))


def test_one_channel_of_a_stack_is_denoised_and_keeps_its_name(run, tmp_path):
    stack = z_stack((2, 32, 32)).noisy
    write_ome_tiff(tmp_path / "s.ome.tif", ImageFile(stack, "CYX", {}, ("DAPI", "GFP")))
    done = run("denoise", "s.ome.tif", "--tiny", "--channel", "1")
    assert done.exit_code == 0, done.stderr
    written = read_image(tmp_path / "s_denoised.ome.tif")
    assert (written.axes, written.channel_names) == ("YX", ("GFP",))


def test_nan_pixels_stay_nan_in_the_file_and_that_is_said(run, tmp_path):
    image = confocal((32, 32)).noisy.astype("float32")
    image[3:5, 7] = np.nan
    tifffile.imwrite(tmp_path / "holes.tif", image)
    done = run("denoise", "holes.tif", "--tiny")
    written = read_image(tmp_path / "holes_denoised.ome.tif").array
    assert np.array_equal(np.isnan(written), np.isnan(image))
    assert "2 NaN pixels were left out" in done.stderr


def test_a_blank_plane_of_a_stack_comes_back_unchanged_with_a_warning(run, tmp_path):
    stack = z_stack((3, 32, 32)).noisy
    stack[1] = 77
    tifffile.imwrite(tmp_path / "s.tif", stack, photometric="minisblack")
    done = run("denoise", "s.tif", "--tiny")
    assert done.exit_code == 0, done.stderr
    assert (read_image(tmp_path / "s_denoised.ome.tif").array[1] == 77).all()
    assert "All pixels are equal, so the plane was left as it is. (1 of 3 planes)" in done.stderr


def test_an_output_that_is_there_is_only_replaced_on_request(run, plane, tmp_path):
    (tmp_path / "cells_denoised.ome.tif").write_text("precious")
    refused = run("denoise", "cells.ome.tif", "--tiny")
    assert refused.exit_code == 2
    assert "is there already; replace it or choose another name (--overwrite)." in refused.stderr
    assert "iteration" not in refused.stderr
    assert (tmp_path / "cells_denoised.ome.tif").read_text() == "precious"
    assert run("denoise", "cells.ome.tif", "--tiny", "--overwrite").exit_code == 0
    assert read_image(tmp_path / "cells_denoised.ome.tif").array.shape == plane.shape


def test_what_the_file_left_unsaid_is_told_to_the_user(run, tmp_path):
    tifffile.imwrite(tmp_path / "s.tif", z_stack((2, 32, 32)).noisy, photometric="minisblack")
    done = run("denoise", "s.tif", "--tiny")
    assert "it is taken for Z" in done.stderr
    assert read_image(tmp_path / "s_denoised.ome.tif").axes == "ZYX"


def test_progress_goes_to_standard_error_with_losses_and_the_time_left(run, plane):
    done = run("denoise", "cells.ome.tif", "--tiny")
    assert "iteration 1/4  L_dn 0." in done.stderr
    assert re.search(r"averaging pass [12]/2  \d+ s left", done.stderr)
    assert " left" in done.stderr
    assert "iteration" not in done.stdout


def test_the_version_is_shown(run):
    assert run("--version").stdout.strip() == f"napari-blindspot {__version__}"


def test_the_doctor_shows_versions_and_that_a_tiny_fit_works(run):
    done = run("doctor")
    assert done.exit_code == 0, done.stdout
    for word in ("Python", "torch", "memory", "napari-blindspot", "device cpu", "a tiny fit works"):
        assert word in done.stdout
    assert len(done.stdout.splitlines()) < 25
