"""What a fit costs, counted instead of timed: passes, operations, synchronisations, bytes."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from napari_blindspot import Settings
from napari_blindspot.engine import run
from napari_blindspot.engine.blind_fit import BlindFit, BlindLoss
from napari_blindspot.engine.fit_plane import fit_plane
from napari_blindspot.engine.inr_fit import InrFit
from napari_blindspot.engine.paper_fit import PaperFit
from napari_blindspot.engine.refinement import RefinementLoss
from napari_blindspot.engine.run import LossRecord
from napari_blindspot.engine.trainer import Trainer
from napari_blindspot.method.compact_unet import CompactUNet
from napari_blindspot.samples import confocal
from planned import planned
from recorder import Counting

CHEAP = {"device": "cpu", "unet_width": 8, "inr_features": 8, "precision": "float32"}


def steps(gap: int) -> dict:
    """Return the steps of which a measured run on 128² consists, each as a function without arguments."""
    settings = planned(gap=gap, patch_size=64, **CHEAP)
    noisy = torch.from_numpy(np.random.default_rng(0).normal(size=(128, 128)).astype(np.float32))
    valid = torch.ones_like(noisy, dtype=torch.bool)
    fit = BlindFit(noisy, valid, settings)
    # As on a GPU, which takes all patches in one piece.
    fit.groups = lambda count: [slice(None)]
    blind = BlindLoss(fit)
    correlation = torch.eye(9) if gap else None
    refinement = RefinementLoss(fit, fit.noisy, 0 * fit.noisy, torch.ones_like(fit.noisy), correlation)
    trainer = Trainer(fit.network, 10_000, 1e-3, 0.9)
    inr, taught = (InrFit(noisy, valid, fit.fill[0, 0], settings, 10_000, fit.generator) for _ in range(2))
    taught.estimate = noisy.flatten()
    losses = LossRecord(1, noisy.device)
    return {
        "blind": lambda: fit.learn(trainer, blind),
        "refinement": lambda: fit.learn(trainer, refinement),
        "INR": lambda: inr.step(losses),
        "taught INR": lambda: taught.step(losses),
    }


def of_this_torch(ceiling: int) -> float:
    """Return a ceiling counted with the torch of the constraints; another may start a few kernels more."""
    constraints = (Path(__file__).parents[1] / "constraints.txt").read_text(encoding="utf-8").splitlines()
    same = f"torch=={torch.__version__.partition('+')[0]}" in constraints
    return ceiling if same else 1.2 * ceiling


def paper_step():
    noisy = torch.rand(32, 32)
    settings = Settings.from_preset("paper", device="cpu", unet_width=8, precision="float32")
    return PaperFit(noisy, torch.ones_like(noisy, dtype=torch.bool), settings).step


def test_auto_passes_240_times_over_a_plane_of_128_pixels_and_never_more(monkeypatch):
    pixels = Counter()
    forward = CompactUNet.forward

    def counted(network, x):
        pixels[torch.is_grad_enabled()] += x.shape[0] * x.shape[2] * x.shape[3]
        return forward(network, x)

    monkeypatch.setattr(CompactUNet, "forward", counted)
    noisy = confocal((128, 128)).noisy
    default = Settings.from_preset("auto")
    counts = {}
    for blind, refined in ((10, 2), (20, 2), (10, 4)):
        pixels.clear()
        settings = Settings.from_preset("auto", iterations=blind, refine_iterations=(refined,), **CHEAP)
        *_, finished = fit_plane(noisy, settings)
        counts[blind, refined] = {kind: count / 128**2 for kind, count in pixels.items()}
    assert finished.result.settings.gap == 0
    fitted = {key: count[True] for key, count in counts.items()}
    iteration = (fitted[20, 2] - fitted[10, 2]) / 10
    refinement = (fitted[10, 4] - fitted[10, 2]) / 2
    # Half of the plane; the refinement sees a patch with noise, and blindly.
    assert (iteration, refinement) == (0.5, 0.5)
    # Every pixel hidden once, one in nine a pass, and eight symmetries of the refined network.
    assert {count[False] for count in counts.values()} == {9 + 8}
    assert default.iterations * iteration + 40 * refinement + 9 + default.symmetries <= 240


@pytest.mark.parametrize(
    ("gap", "name", "ceiling"),
    [
        (0, "blind", 150),
        (2, "blind", 165),
        (0, "refinement", 305),
        (2, "refinement", 160),
        (0, "INR", 80),
        (0, "taught INR", 85),
    ],
)
def test_a_step_starts_no_more_kernels_than_it_did_and_never_waits(gap, name, ceiling):
    step = steps(gap)[name]
    for _ in range(2):
        step()
    with Counting() as counting:
        step()
    assert counting.kernels.total() <= of_this_torch(ceiling), counting.kernels
    assert not counting.waits


def waits_on_a_gpu(counting: Counting) -> Counter[str]:
    """Return what would wait on a GPU: the paper's fit asks only on a CPU where the visible pixels are."""
    return Counter({name: count for name, count in counting.waits.items() if name != "nonzero"})


def test_so_does_a_step_of_the_paper():
    step = paper_step()
    step()
    with Counting() as counting:
        step()
    assert counting.kernels.total() <= of_this_torch(440), counting.kernels
    assert not waits_on_a_gpu(counting)


@pytest.mark.parametrize("preset", ["auto", "paper"])
def test_a_longer_run_waits_no_more_often_unless_it_reports(preset, monkeypatch):
    noisy = np.random.default_rng(0).poisson(30, (48, 48))
    changes = {"refine_iterations": (2,), "symmetries": 2} if preset == "auto" else {"passes": 2}

    def waits(iterations: int) -> Counter[str]:
        settings = Settings.from_preset(preset, iterations=iterations, **CHEAP, **changes)
        with Counting() as counting:
            for _ in fit_plane(noisy, settings):
                pass
        return waits_on_a_gpu(counting)

    monkeypatch.setattr(run, "REPORT_INTERVAL", math.inf)
    assert waits(4) == waits(12)


@pytest.mark.parametrize("name", ["blind", "refinement", "INR", "taught INR", "paper"])
def test_memory_does_not_grow_with_the_iterations(name):
    step = paper_step() if name == "paper" else steps(0)[name]
    for _ in range(3):
        step()

    def left_over(iterations: int) -> int:
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            for _ in range(iterations):
                step()
        events = profiler.profiler.kineto_results.events()
        return sum(event.nbytes() for event in events if event.name() == "[memory]")

    # What the last iteration leaves (gradients, its loss) replaces what the one before had left, which the
    # profiler must have seen come to know its size.
    left_over(2)
    assert left_over(2) == pytest.approx(left_over(8), abs=4096)


def test_the_tensors_of_a_run_die_with_it():
    import gc

    def floats() -> int:
        gc.collect()
        return sum(x.numel() for x in gc.get_objects() if torch.is_tensor(x))

    noisy = np.random.default_rng(0).poisson(30, (48, 48))
    settings = Settings.from_preset("auto", iterations=2, refine_iterations=(1,), symmetries=1, **CHEAP)
    before = floats()
    *_, finished = fit_plane(noisy, settings)
    assert floats() == before
    events = fit_plane(noisy, settings)
    next(events)
    assert floats() > before
    events.close()
    assert floats() == before
    assert finished.result.denoised.shape == (48, 48)
