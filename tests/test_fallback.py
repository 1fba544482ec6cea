"""A GPU that is too small: what is left goes on with the CPU, and the user is told."""

import numpy as np
import pytest
import tifffile
import torch
from typer.testing import CliRunner

from napari_blindspot import fallback
from napari_blindspot.cli import app
from napari_blindspot.engine import stabilised
from napari_blindspot.errors import OutOfMemoryError
from napari_blindspot.events import Finished, Started
from napari_blindspot.fallback import fit_stack_or_fall_back
from napari_blindspot.method.compact import CompactUNet
from napari_blindspot.samples import z_stack
from napari_blindspot.settings import Settings
from napari_blindspot.stack import fit_stack

QUICK = {"iterations": 6, "refine_iterations": (2,), "passes": 1, "unet_width": 8}
STACK = z_stack((3, 64, 64)).noisy


@pytest.fixture
def small_gpu(monkeypatch):
    """Let the device auto pass for a GPU, whose memory is full after so many planes; the CPU has enough."""
    planes = []
    measure, forward = stabilised.StabilisedRun._measure, CompactUNet.forward

    def counted(run):
        planes.append(run.asked.device)
        measure(run)

    def full(network, x):
        if len(planes) > full.after and not full.told:
            torch.empty(2**52, dtype=torch.uint8)
        return forward(network, x)

    full.after, full.told = 1, []
    monkeypatch.setattr(fallback, "_on_a_gpu", lambda settings: settings.device == "auto")
    monkeypatch.setattr(stabilised.StabilisedRun, "_measure", counted)
    monkeypatch.setattr(CompactUNet, "forward", full)
    return full


def fallen(small_gpu, **changes):
    events = fit_stack_or_fall_back(
        STACK,
        Settings.from_preset(**QUICK | changes),
        planes=[(0,), (1,), (2,)],
        tell=small_gpu.told.append,
    )
    return list(events)


def test_the_planes_that_are_left_go_on_with_the_cpu_to_the_same_pixels(small_gpu):
    events = fallen(small_gpu)
    assert small_gpu.told == [
        "The 64×64 plane does not fit into the memory of the device cpu, so the fit goes on with the CPU."
    ]
    assert [event.plane for event in events if isinstance(event, Started)] == [(0,), (1,), (1,), (2,)]
    finished = {event.plane: event.result for event in events if isinstance(event, Finished)}
    # Also the network of the plane before is taken along.
    assert finished[1,].start == "warm"
    for event in fit_stack(STACK, Settings.from_preset(**QUICK)):
        if isinstance(event, Finished):
            assert np.array_equal(finished.pop(event.plane).denoised, event.result.denoised)
    assert not finished


def test_on_the_cpu_there_is_nothing_to_fall_back_to(small_gpu):
    with pytest.raises(OutOfMemoryError, match="64×64 plane does not fit"):
        fallen(small_gpu, device="cpu")
    assert small_gpu.told == []


def test_the_command_denoise_falls_back_and_says_so(small_gpu, tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "in.tif", STACK[0])
    (tmp_path / "settings.json").write_text(Settings.from_preset(**QUICK).model_dump_json())
    small_gpu.after = 0
    whole = fallback.fit_stack_or_fall_back

    def heard(*arguments, tell, **options):
        def both(sentence):
            small_gpu.told.append(sentence)
            tell(sentence)

        return whole(*arguments, tell=both, **options)

    monkeypatch.setattr("napari_blindspot.commands.denoise.fit_stack_or_fall_back", heard)
    arguments = ["denoise", tmp_path / "in.tif", "--settings", tmp_path / "settings.json"]
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    assert "so the fit goes on with the CPU." in result.output
    assert np.isfinite(tifffile.imread(result.stdout.strip().splitlines()[-1])).all()
