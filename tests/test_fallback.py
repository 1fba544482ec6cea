"""A GPU that is too small: what is left goes on with the CPU, and the user is told."""

import csv

import numpy as np
import pytest
import tifffile
import torch
from typer.testing import CliRunner

from napari_blindspot import fallback
from napari_blindspot.batch import BatchOptions, plan_batch, run_batch
from napari_blindspot.batch.item_events import PlaneWork
from napari_blindspot.cli.app import app
from napari_blindspot.core.errors import OutOfMemoryError
from napari_blindspot.core.events import Finished, Started
from napari_blindspot.engine import measurement
from napari_blindspot.fallback import fit_stack_or_fall_back
from napari_blindspot.files.door import ImageFile, read_image, write_ome_tiff
from napari_blindspot.method.compact_unet import CompactUNet
from napari_blindspot.samples import z_stack
from napari_blindspot.settings import Settings
from napari_blindspot.stack import fit_stack

QUICK = {"iterations": 6, "refine_iterations": (2,), "passes": 1, "unet_width": 8}
STACK = z_stack((3, 64, 64)).noisy
SENTENCE = (
    "The 64×64 plane does not fit into the memory of the device cpu, so the fit goes on with the CPU."
)


@pytest.fixture
def small_gpu(monkeypatch):
    """Let the device auto pass for a GPU, whose memory is full after so many planes; the CPU has enough."""
    planes, fits = [], []
    measure, forward = measurement.StabilisedRun._measure, CompactUNet.forward

    def counted(run):
        planes.append(run)
        measure(run)

    def begun(*arguments, **options):
        fits.append(arguments)
        return fit_stack(*arguments, **options)

    def full(network, x):
        # The first fit has the small GPU; its way out is a second one.
        if len(fits) == 1 and len(planes) > full.after:
            torch.empty(2**52, dtype=torch.uint8)
        return forward(network, x)

    full.after = 1
    monkeypatch.setattr(fallback, "_on_a_gpu", lambda settings: settings.device == "auto")
    monkeypatch.setattr(fallback, "fit_stack", begun)
    monkeypatch.setattr(measurement.StabilisedRun, "_measure", counted)
    monkeypatch.setattr(CompactUNet, "forward", full)
    return full


def fallen(**changes):
    settings = Settings.from_preset(**QUICK | changes)
    return list(fit_stack_or_fall_back(STACK, settings, planes=[(0,), (1,), (2,)]))


def without_a_gpu():
    """The pixels of a machine that has none."""
    fits = fit_stack(STACK, Settings.from_preset(**QUICK))
    return np.stack([event.result.denoised for event in fits if isinstance(event, Finished)])


def test_the_planes_that_are_left_go_on_with_the_cpu_to_the_same_pixels(small_gpu):
    events = fallen()
    begun = [event for event in events if isinstance(event, Started)]
    assert [event.plane for event in begun] == [(0,), (1,), (1,), (2,)]
    finished = [event.result for event in events if isinstance(event, Finished)]
    # Also the network of the plane before is taken along.
    assert finished[1].start == "warm"
    assert np.array_equal([result.denoised for result in finished], without_a_gpu())


def test_it_is_said_where_it_happens_and_every_plane_of_the_cpu_remembers_it(small_gpu):
    events = fallen()
    notes = [event.note for event in events if isinstance(event, Started)]
    assert [note.startswith(f"{SENTENCE} ") for note in notes] == [False, False, True, False]
    warnings = [event.result.warnings for event in events if isinstance(event, Finished)]
    assert [SENTENCE in each for each in warnings] == [False, True, True]


def test_on_the_cpu_there_is_nothing_to_fall_back_to(small_gpu):
    with pytest.raises(OutOfMemoryError, match="64×64 plane does not fit"):
        fallen(device="cpu")


def test_the_command_denoise_falls_back_and_says_so_once(small_gpu, tmp_path):
    tifffile.imwrite(tmp_path / "in.tif", STACK[0])
    (tmp_path / "settings.json").write_text(Settings.from_preset(**QUICK).model_dump_json())
    small_gpu.after = 0
    arguments = ["denoise", tmp_path / "in.tif", "--settings", tmp_path / "settings.json"]
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    assert result.output.count(SENTENCE) == 1
    assert np.isfinite(tifffile.imread(result.stdout.strip().splitlines()[-1])).all()


def test_a_batch_falls_back_and_its_report_says_for_which_file(small_gpu, tmp_path):
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    for name in ("large.ome.tif", "small.ome.tif"):
        write_ome_tiff(data / name, ImageFile(STACK, "ZYX"))
    batch = plan_batch([data], BatchOptions(output=out, settings=Settings.from_preset(**QUICK)))
    work = [event.event for event in run_batch(batch) if isinstance(event, PlaneWork)]
    assert sum(SENTENCE in event.note for event in work if isinstance(event, Started)) == 1
    large, small = batch.items
    assert (large.state, small.state) == ("done", "done")
    assert large.warnings == (f"{SENTENCE} (2 of 3 planes)",)
    assert small.warnings == ()
    assert np.array_equal(read_image(large.output).array, without_a_gpu())
    with (out / "batch_report.csv").open(encoding="utf-8-sig", newline="") as table:
        assert [row["warnings"] for row in csv.DictReader(table)] == [large.warnings[0], ""]
    assert (out / "batch_report.html").read_text(encoding="utf-8").count(SENTENCE) == 1
