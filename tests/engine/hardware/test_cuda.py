"""The same runs on an NVIDIA GPU: as good as on the CPU, without waiting, without a trace at the end."""

import gc
import subprocess
import sys
import textwrap
import threading
from collections import Counter

import numpy as np
import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from napari_blindspot import Control, Settings, denoise
from napari_blindspot.core.errors import OutOfMemoryError
from napari_blindspot.core.events import Finished, Paused, Step
from napari_blindspot.engine import first_look
from napari_blindspot.engine.blind_fit import BlindFit, BlindLoss
from napari_blindspot.engine.fit_plane import fit_plane
from napari_blindspot.engine.hardware.cuda_graph import SWITCH, WARM_UP, StepReplay
from napari_blindspot.engine.hardware.memory import free_memory, peak_memory
from napari_blindspot.engine.hardware.torch_state import computing
from napari_blindspot.engine.inr_fit import InrFit
from napari_blindspot.engine.paper_fit import PaperFit
from napari_blindspot.engine.refinement import RefinementLoss
from napari_blindspot.engine.run import LossRecord
from napari_blindspot.engine.trainer import Trainer
from napari_blindspot.method.losses import LOSSES
from napari_blindspot.samples import confocal, z_stack
from napari_blindspot.stack import fit_stack
from planned import planned

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


def paper_step():
    settings = Settings.from_preset("paper", device="cuda", precision="float32", unet_width=24)
    noisy = torch.rand(128, 128, device="cuda")
    joint = PaperFit(noisy, torch.ones_like(noisy, dtype=torch.bool), settings)
    return joint.step, lambda: torch.stack([joint.losses.of(name) for name in LOSSES]), joint.replay


def measured_step(name: str, gap: int):
    """Return a step of a measured run as a function, its loss, and what replays it."""
    settings = planned(gap=gap, device="cuda", precision="float32", batch_size=2)
    generator = torch.Generator("cuda").manual_seed(0)
    noisy = torch.randn(256, 256, device="cuda", generator=generator)
    valid = torch.ones_like(noisy, dtype=torch.bool)
    fit = BlindFit(noisy, valid, settings)
    if name == "INR":
        inr = InrFit(noisy, valid, fit.fill[0, 0], settings, 100, fit.generator)
        losses = LossRecord(100, noisy.device)

        def step() -> None:
            inr.step(losses)
            losses.done += 1

        return step, lambda: losses.of("inr"), inr.replay
    sigma, correlation = torch.ones_like(fit.noisy), torch.eye(9, device="cuda") if gap else None
    refinement = RefinementLoss(fit, fit.noisy, 0 * fit.noisy, sigma, correlation)
    loss = BlindLoss(fit) if name == "blind" else refinement
    trainer, replay = Trainer(fit.network, 100, 1e-3, 0.9), StepReplay(fit.generator, fit.compromises)
    return lambda: fit.learn(trainer, loss, replay), lambda: trainer.loss, replay


STEPS = [("blind", 0), ("blind", 2), ("refinement", 0), ("refinement", 2), ("INR", 0), ("paper", 0)]


@pytest.mark.parametrize("replays", [True, False])
@pytest.mark.parametrize(("name", "gap"), STEPS)
def test_no_step_waits_for_the_gpu(name, gap, replays, monkeypatch):
    monkeypatch.setenv(SWITCH, str(int(replays)))
    step, losses, replay = paper_step() if name == "paper" else measured_step(name, gap)
    with computing(torch.device("cuda")):
        for _ in range(WARM_UP + 2):
            step()
        assert (replay.graph is not None) == replays, replay.compromises
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode("error")
        try:
            for _ in range(3):
                step()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    assert torch.isfinite(losses()).all()


@pytest.mark.parametrize(("name", "gap"), STEPS)
def test_a_replayed_step_is_one_launch_and_a_few_small_copies(name, gap):
    step, _, replay = paper_step() if name == "paper" else measured_step(name, gap)
    with computing(torch.device("cuda")):
        for _ in range(WARM_UP + 2):
            step()
        assert replay.graph is not None, replay.compromises
        torch.cuda.synchronize()
        activities = [ProfilerActivity.CPU, ProfilerActivity.CUDA]
        with profile(activities=activities) as profiler:
            for _ in range(4):
                step()
            torch.cuda.synchronize()
    calls = Counter(event.name for event in profiler.events())
    started = sum(count for name, count in calls.items() if name.startswith(("cudaLaunch", "cuLaunch")))
    assert calls["cudaGraphLaunch"] == 4, calls
    assert started <= 4 * 8, calls


@pytest.mark.parametrize("preset", ["auto", "paper"])
def test_replayed_steps_give_the_pixels_of_steps_one_by_one(preset, monkeypatch):
    noisy = confocal((96, 96)).noisy
    changes = SHORT[preset] | {"iterations": 30}
    replayed = denoise(noisy, preset, device="cuda", **changes)
    monkeypatch.setenv(SWITCH, "0")
    plain = denoise(noisy, preset, device="cuda", **changes)
    # No warning: the graphs were recorded, and computed what the steps do.
    assert replayed.warnings == plain.warnings == ()
    # The kernels are the same; only sums whose order is left to chance may differ.
    assert np.abs(replayed.denoised - plain.denoised).mean() < 0.01 * noisy.std()


def test_threads_can_record_at_the_same_time_and_get_the_pixels_of_one():
    noisy = confocal((96, 96)).noisy
    changes = {"device": "cuda", **SHORT["auto"], "iterations": 20}
    expected = denoise(noisy, "auto", **changes)
    results = []

    def run() -> None:
        results.append(denoise(noisy, "auto", **changes))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        assert result.warnings == ()
        assert np.array_equal(result.denoised, expected.denoised)
    assert len(results) == 2


@pytest.mark.parametrize("preset", ["auto", "paper"])
def test_a_run_can_be_paused_and_stopped_between_two_replays(preset, monkeypatch):
    monkeypatch.setattr("napari_blindspot.engine.run.REPORT_INTERVAL", 0.0)
    noisy = confocal((96, 96)).noisy
    settings = Settings.from_preset(preset, device="cuda", **SHORT[preset] | {"iterations": 20})
    *_, undisturbed = fit_plane(noisy, settings)
    control, paused = Control(), 0
    for event in fit_plane(noisy, settings, control=control, preview_interval=0.0):
        if isinstance(event, Step) and event.iteration == 12:
            control.pause()
        if isinstance(event, Paused):
            paused += 1
            control.resume()
    assert paused == 1
    assert np.array_equal(event.result.denoised, undisturbed.result.denoised)
    control = Control()
    for event in fit_plane(noisy, settings, control=control):
        if isinstance(event, Step) and event.iteration == 12:
            control.stop()
    assert event.result.stopped and event.result.iterations == 12


def test_a_step_that_cannot_be_recorded_leaves_torch_in_order():
    # In a process of its own, since no other recording is tried after one that failed.
    program = """
        import torch
        from napari_blindspot import denoise, sentence
        from napari_blindspot.engine.hardware.cuda_graph import WARM_UP, StepReplay
        from napari_blindspot.samples import confocal, z_stack
from napari_blindspot.stack import fit_stack

        generator, compromises = torch.Generator("cuda").manual_seed(0), {}
        replay, total = StepReplay(generator, compromises), torch.zeros((), device="cuda")

        def work():
            drawn = torch.rand((), device="cuda", generator=generator)
            total.add_(drawn.item())

        for _ in range(WARM_UP + 3):
            replay(work, lambda: [total])
        print(replay.graph, sentence(compromises["graph"]))
        torch.cuda.empty_cache()
        generator.manual_seed(0)
        again = sum(torch.rand((), device="cuda", generator=generator) for _ in range(WARM_UP + 3))
        print(torch.allclose(again, total))
        noisy = confocal((64, 64)).noisy
        result = denoise(noisy, device="cuda", iterations=10, refine_iterations=(), symmetries=1)
        print(result.denoised.std() > 0, result.warnings)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert lines[0].startswith("None The fit was slower than it could be on this GPU, because its steps")
    assert lines[1:] == ["True", "True ()"]


def test_a_gpu_without_room_ends_with_one_sentence_and_then_works_again():
    noisy = confocal((64, 64)).noisy
    settings = Settings.from_preset("auto", device="cuda", **SHORT["auto"] | {"iterations": 5})
    hog = []
    size = free_memory("cuda")
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


def test_planes_of_a_stack_are_measured_ahead_to_the_same_pixels(monkeypatch):
    stack = z_stack((3, 48, 48)).noisy
    settings = Settings.from_preset("fast", device="cuda", **SHORT["auto"] | {"iterations": 5})

    def pixels():
        done = (event for event in fit_stack(stack, settings, axes="ZYX") if isinstance(event, Finished))
        return [event.result.denoised for event in done]

    ahead = pixels()
    monkeypatch.setattr(first_look, "LARGEST_AHEAD", 0)
    assert np.array_equal(ahead, pixels())
