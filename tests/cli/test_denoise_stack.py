"""The command denoise on stacks: read and written plane by plane, stopped, killed and gone on with."""

from __future__ import annotations

import json
import signal
import time

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from forked import start_program
from napari_blindspot.cli.app import app
from napari_blindspot.core.events import Finished
from napari_blindspot.files.door import (
    ImageFile,
    Spacing,
    open_image,
    read_image,
    read_settings,
    write_image,
    write_ome_tiff,
)
from napari_blindspot.jobs.plane_store import PlaneStore
from napari_blindspot.samples import z_stack
from napari_blindspot.settings import Settings
from napari_blindspot.stack import fit_stack

SPACING = {"Z": Spacing(0.5, "µm"), "Y": Spacing(0.1, "µm"), "X": Spacing(0.1, "µm")}


WARM = Settings.from_preset(
    "fast",
    iterations=6,
    refine_iterations=(),
    symmetries=1,
    unet_width=8,
    device="cpu",
    precision="float32",
)
"""With these each plane starts from the one before it."""


@pytest.fixture
def warm(tmp_path) -> Settings:
    (tmp_path / "warm.json").write_text(WARM.model_dump_json())
    return WARM


@pytest.fixture
def stack(tmp_path) -> np.ndarray:
    image = z_stack((3, 40, 48)).noisy
    write_ome_tiff(tmp_path / "s.ome.tif", ImageFile(image, "ZYX", SPACING))
    return image


def denoise(tmp_path, *arguments: str):
    words = (str(tmp_path / a) if "." in a and a[0].isalpha() else a for a in arguments)
    return CliRunner().invoke(app, ["denoise", *words])


@pytest.fixture(scope="module")
def whole() -> np.ndarray:
    """The pixels of a run that was not interrupted."""
    events = fit_stack(z_stack((3, 40, 48)).noisy, WARM, axes="ZYX")
    return np.stack([event.result.denoised for event in events if isinstance(event, Finished)])


def test_ome_zarr_goes_in_and_out_with_the_same_pixels_as_ome_tiff(tmp_path, warm, stack, whole):
    image = ImageFile(stack, "ZYX", SPACING)
    write_image(tmp_path / "s.ome.zarr", image, stack.__getitem__, stack.dtype)
    done = denoise(tmp_path, "s.ome.zarr", "--settings", "warm.json", "--ngff", "0.4")
    assert done.exit_code == 0, done.stderr
    output = tmp_path / "s_denoised.ome.zarr"
    assert json.loads((output / ".zattrs").read_text())["multiscales"][0]["version"] == "0.4"
    assert done.stdout.strip() == str(output)
    written = open_image(output)
    assert (written.axes, written.spacing, written.dtype) == ("ZYX", SPACING, np.float32)
    assert np.array_equal(np.asarray(written.array), whole)
    assert read_settings(output) == warm
    refused = denoise(tmp_path, "s.ome.zarr", "--settings", "warm.json")
    assert (refused.exit_code, "is there already" in refused.stderr) == (2, True)


def test_the_axes_and_the_image_of_a_file_can_be_chosen(tmp_path, tiny):
    (tmp_path / "tiny.json").write_text(tiny.model_dump_json())
    with tifffile.TiffWriter(tmp_path / "two.ome.tif", ome=True) as tiff:
        tiff.write(z_stack((2, 32, 32)).noisy, metadata={"axes": "ZYX", "Name": "small"})
        tiff.write(z_stack((2, 32, 40)).noisy, metadata={"axes": "ZYX", "Name": "wide"})
    refused = denoise(tmp_path, "two.ome.tif", "--settings", "tiny.json")
    assert refused.exit_code == 2
    assert "choose one: 0 'small' (2×32×32 ZYX), 1 'wide' (2×32×40 ZYX) (--series" in refused.stderr
    done = denoise(tmp_path, "two.ome.tif", "--settings", "tiny.json", "--series", "1", "--axes", "TYX")
    assert done.exit_code == 0, done.stderr
    written = read_image(tmp_path / "two_denoised.ome.tif")
    assert (written.axes, written.shape) == ("TYX", (2, 32, 40))


def test_what_is_finished_is_only_computed_once(tmp_path, warm, stack, whole):
    path = tmp_path / "s_denoised.ome.tif"
    with start_program(tmp_path, "denoise", "s.ome.tif", "--settings", "warm.json") as process:
        folder = PlaneStore.folder_of(path)
        while len(list(folder.glob("plane-*.json"))) < 2:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert not path.exists()
    done = denoise(tmp_path, "s.ome.tif", "--settings", "warm.json")
    assert done.exit_code == 0, done.stderr
    assert "of 3 planes, kept by an earlier run." in done.stderr
    assert np.array_equal(read_image(path).array, whole)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [
        "s.ome.tif",
        "s_denoised.ome.tif",
        "warm.json",
    ]


def test_planes_of_other_settings_are_not_gone_on_with(tmp_path, warm, stack):
    output = tmp_path / "s_denoised.ome.tif"
    PlaneStore.open(output, {"settings": "others"}, resume=False).keep(
        (0,), {"denoised": stack[0]}, {"stopped": False}
    )
    done = denoise(tmp_path, "s.ome.tif", "--settings", "warm.json")
    assert done.exit_code == 0, done.stderr
    assert "kept by an earlier run" not in done.stderr
    assert not np.array_equal(read_image(output).array[0], stack[0])


def test_a_plane_that_cannot_be_denoised_is_named_and_the_planes_before_it_are_kept(tmp_path, warm):
    stack = z_stack((3, 32, 32)).noisy.astype(np.float32)
    stack[2] = np.inf
    write_ome_tiff(tmp_path / "s.ome.tif", ImageFile(stack, "ZYX"))
    done = denoise(tmp_path, "s.ome.tif", "--settings", "warm.json")
    assert done.exit_code == 2
    assert "Plane Z=2: The image has 1024 infinite pixels" in done.stderr
    kept = tmp_path / "s_denoised.ome.tif.planes"
    assert len(list(kept.glob("**/*.npy"))) >= 2, list(kept.glob("**/*"))
