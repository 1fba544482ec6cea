"""The same runs on an NVIDIA GPU: as good as on the CPU, without waiting, without a trace at the end."""

import gc

import numpy as np
import pytest
import torch

from napari_blindspot import Settings, denoise
from napari_blindspot.engine.blind import BlindFit
from napari_blindspot.engine.fit import fit_plane
from napari_blindspot.engine.implicit import ImplicitFit
from napari_blindspot.engine.joint import JointFit
from napari_blindspot.engine.memory import free_memory, peak_memory
from napari_blindspot.engine.refine import Refinement
from napari_blindspot.engine.train import Trainer
from napari_blindspot.errors import OutOfMemoryError
from napari_blindspot.events import Step
from napari_blindspot.samples import confocal

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="torch finds no NVIDIA GPU on this machine"
)

SHORT = {
    "auto": {"iterations": 200, "refine_iterations": (20,)},
    "paper": {"iterations": 200, "passes": 20, "unet_width": 24},
}
SEEDS = (0, 1, 2)


def psnr(estimate: np.ndarray, truth: np.ndarray) -> float:
    return float(10 * np.log10(np.ptp(truth) ** 2 / np.mean((estimate - truth) ** 2)))


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["auto", "paper"])
def test_the_gpu_denoises_as_well_as_the_cpu(preset):
    sample = confocal((128, 128))
    scores = {
        device: [
            psnr(
                denoise(sample.noisy, preset, device=device, seed=seed, **SHORT[preset]).denoised,
                sample.truth,
            )
            for seed in SEEDS
        ]
        for device in ("cpu", "cuda")
    }
    # Its random numbers are others, so that only means over seeds agree.
    assert np.mean(scores["cuda"]) == pytest.approx(np.mean(scores["cpu"]), abs=0.1)


@pytest.mark.parametrize("preset", ["auto", "paper"])
def test_the_same_seed_gives_the_same_pixels_on_the_gpu(preset):
    noisy = confocal((96, 96)).noisy
    changes = SHORT[preset] | {"iterations": 20}
    first, second = (denoise(noisy, preset, device="cuda", **changes) for _ in range(2))
    assert "GPU" in first.device
    assert np.array_equal(first.denoised, second.denoised)


@pytest.mark.parametrize("preset", ["auto", "paper"])
@pytest.mark.parametrize("abandoned", [False, True])
def test_memory_is_released_at_the_end(preset, abandoned):
    noisy = confocal((256, 256)).noisy
    settings = Settings.from_preset(preset, device="cuda", **SHORT[preset] | {"iterations": 10})
    # The first run loads libraries, which stay.
    for _ in fit_plane(noisy, settings):
        pass
    gc.collect()
    allocated, reserved = torch.cuda.memory_allocated(), torch.cuda.memory_reserved()
    events = fit_plane(noisy, settings)
    for event in events:
        if abandoned and isinstance(event, Step):
            break
    events.close()
    assert torch.cuda.memory_allocated() == allocated
    assert torch.cuda.memory_reserved() <= reserved


@pytest.mark.parametrize("preset", ["auto", "paper"])
def test_the_estimate_covers_what_a_run_takes(preset):
    noisy = confocal((512, 512)).noisy
    settings = Settings.from_preset(
        preset, device="cuda", precision="float32", **SHORT[preset] | {"iterations": 5}
    )
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    for _ in fit_plane(noisy, settings):
        pass
    taken = torch.cuda.max_memory_allocated() - before
    assert taken < peak_memory((512, 512), settings) < 4 * taken


@pytest.mark.parametrize("gap", [0, 2])
def test_no_step_waits_for_the_gpu(gap):
    settings = Settings.from_preset(
        "auto",
        device="cuda",
        precision="float32",
        dilation=gap,
        visible_fraction=28 / 49 if gap else 8 / 9,
        batch_size=2,
    )
    generator = torch.Generator("cuda").manual_seed(0)
    noisy = torch.randn(256, 256, device="cuda", generator=generator)
    valid = torch.ones_like(noisy, dtype=torch.bool)
    fit = BlindFit(noisy, valid, settings)
    pixels, sigma = fit.pixels, torch.ones_like(fit.noisy)
    correlation = torch.eye(9, device="cuda") if gap else None
    refinement = Refinement(fit, fit.noisy, 0 * fit.noisy, sigma, correlation)
    trainer = Trainer(fit.network, 100, 1e-3, 0.9)
    inr = ImplicitFit(noisy, valid, settings, 100, fit.generator)
    record = torch.zeros(3, device="cuda")

    def steps() -> None:
        record[0] = fit.learn(trainer, lambda network: fit.loss(network, fit.patches(pixels, 2)))
        record[0] = fit.learn(trainer, refinement)
        inr.step(record)

    steps()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            steps()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.isfinite(record[:2]).all()


def test_no_step_of_the_paper_waits_for_the_gpu():
    settings = Settings.from_preset("paper", device="cuda", precision="float32", unet_width=24)
    noisy = torch.rand(128, 128, device="cuda")
    joint = JointFit(noisy, torch.ones_like(noisy, dtype=torch.bool), settings)
    joint.step()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            joint.step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.isfinite(joint.losses[:4]).all()


def test_a_gpu_without_room_ends_with_one_sentence_and_then_works_again():
    noisy = confocal((64, 64)).noisy
    settings = Settings.from_preset("auto", device="cuda", **SHORT["auto"] | {"iterations": 5})
    free = free_memory(torch.device("cuda"))
    assert free is not None
    hog = []
    size = free
    while size > 2**16:
        try:
            hog.append(torch.empty(size, dtype=torch.uint8, device="cuda"))
        except torch.cuda.OutOfMemoryError:
            size //= 2
    with pytest.raises(OutOfMemoryError, match="64×64 plane does not fit"):
        for _ in fit_plane(noisy, settings):
            pass
    hog.clear()
    torch.cuda.empty_cache()
    *_, finished = fit_plane(noisy, settings)
    assert np.isfinite(finished.result.denoised).all()
