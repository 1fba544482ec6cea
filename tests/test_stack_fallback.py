"""A GPU that is too small: what is left goes on with the CPU, and the user is told."""

import csv
import functools

import numpy as np
import pytest
import tifffile
import torch
from typer.testing import CliRunner

from napari_blindspot import stack
from napari_blindspot.batch import BatchOptions, plan_batch, run_batch
from napari_blindspot.batch.item_events import PlaneWork
from napari_blindspot.cli.app import app
from napari_blindspot.core.errors import OutOfMemoryError
from napari_blindspot.core.events import Finished, Started
from napari_blindspot.core.words import sentence, sentences_of
from napari_blindspot.engine import measured_run
from napari_blindspot.files.door import ImageFile, read_image, write_ome_tiff
from napari_blindspot.method.compact_unet import CompactUNet
from napari_blindspot.samples import z_stack
from napari_blindspot.settings import Settings

QUICK = {"iterations": 6, "refine_iterations": (2,), "symmetries": 1, "unet_width": 8}
STACK = z_stack((3, 64, 64)).noisy
SENTENCE = (
    "The 64×64 plane does not fit into the memory of the device cpu, so the fit goes on with the CPU."
)


@pytest.fixture
def small_gpu(monkeypatch):
    """Let the device auto pass for a GPU, whose memory is full after so many planes; the CPU has enough."""
    planes, moved = [], []
    started, forward = measured_run.started, CompactUNet.forward

    def counted(run, networks):
        planes.append(run)
        return started(run, networks)

    def gpu(fits):
        if fits.settings.device == "cpu":
            return None
        moved.append(fits)
        return "cpu"

    def full(network, x):
        if not moved and len(planes) > full.after:
            torch.empty(2**52, dtype=torch.uint8)
        return forward(network, x)

    full.after = 1
    monkeypatch.setattr(stack._PlaneFits, "_gpu", gpu)
    monkeypatch.setattr(measured_run, "started", counted)
    monkeypatch.setattr(CompactUNet, "forward", full)
    return full


def fallen(**changes):
    settings = Settings.from_preset(**QUICK | changes)
    return list(stack.fit_stack(STACK, settings))


@functools.cache
def without_a_gpu():
    """The pixels of a machine that has none."""
    fits = stack.fit_stack(STACK, Settings.from_preset(**QUICK))
    return np.stack([event.result.denoised for event in fits if isinstance(event, Finished)])


def test_the_planes_that_are_left_go_on_with_the_cpu_to_the_same_pixels(small_gpu):
    events = fallen()
    begun = [event for event in events if isinstance(event, Started)]
    assert [event.plane for event in begun] == [(0,), (1,), (1,), (2,)]
    finished = [event.result for event in events if isinstance(event, Finished)]
    # Also the network of the plane before is taken along.
    assert finished[1].origin == "warm"
    assert np.array_equal([result.denoised for result in finished], without_a_gpu())


def test_it_is_said_where_it_happens_and_every_plane_of_the_cpu_remembers_it(small_gpu):
    events = fallen()
    said = [sentence(event.notices[0]) for event in events if isinstance(event, Started)]
    assert [text == SENTENCE for text in said] == [False, False, True, False]
    warnings = [event.result.warnings for event in events if isinstance(event, Finished)]
    assert [SENTENCE in each for each in warnings] == [False, True, True]


def test_without_the_wish_for_it_the_lack_of_memory_is_an_error(small_gpu):
    with pytest.raises(OutOfMemoryError, match="64×64 plane does not fit"):
        list(stack.fit_stack(STACK, Settings.from_preset(**QUICK), fall_back_to_cpu=False))


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
    begun = [event for event in work if isinstance(event, Started)]
    assert [SENTENCE in sentences_of([event.notices]) for event in begun].count(True) == 1
    large, small = batch.items
    assert (large.state, small.state) == ("done", "done")
    assert large.warnings == (f"{SENTENCE} (2 of 3 planes)",)
    assert small.warnings == ()
    assert np.array_equal(read_image(large.output).array, without_a_gpu())
    with (out / "batch_report.csv").open(encoding="utf-8-sig", newline="") as table:
        assert [row["warnings"] for row in csv.DictReader(table)] == [large.warnings[0], ""]
    assert (out / "batch_report.html").read_text(encoding="utf-8").count(SENTENCE) == 1
