"""Too little memory: it is seen before the run, and where it is not, less is done at once."""

import gc
import os
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from napari_blindspot import Settings, denoise
from napari_blindspot.core.errors import OutOfMemoryError
from napari_blindspot.core.events import Started
from napari_blindspot.core.notices import Notice
from napari_blindspot.core.words import sentence
from napari_blindspot.engine import fit_plane as engine_fit
from napari_blindspot.engine.blind_fit import BlindFit, BlindLoss
from napari_blindspot.engine.fit_plane import fit_plane
from napari_blindspot.engine.hardware import memory
from napari_blindspot.engine.hardware.memory import (
    free_memory,
    largest_side,
    peak_memory,
    shortage,
    tile_side,
)
from napari_blindspot.engine.paper_fit import PaperFit
from napari_blindspot.engine.refinement import RefinementLoss
from napari_blindspot.engine.trainer import Trainer
from napari_blindspot.method.compact_unet import CompactUNet
from planned import planned

CPU = torch.device("cpu")
QUICK = {
    "device": "cpu",
    "iterations": 6,
    "refine_iterations": (3,),
    "unet_width": 8,
    "patch_size": 32,
    "batch_size": 4,
    "symmetries": 2,
    "precision": "float32",
}


def settings(preset: str = "auto", **changes) -> Settings:
    return Settings.from_preset(preset, **({"device": "cpu", "precision": "float32"} | changes))


def blind_fit(size: int, **changes) -> BlindFit:
    chosen = planned(**({"device": "cpu", "precision": "float32", "unet_width": 8} | changes))
    noisy = torch.from_numpy(np.random.default_rng(0).normal(size=(size, size)).astype(np.float32))
    fit = BlindFit(noisy, torch.ones_like(noisy, dtype=torch.bool), chosen)
    torch.nn.init.normal_(fit.network.output.weight, generator=fit.generator)
    return fit


def allocate_more_than_there_is() -> None:
    torch.empty(2**52, dtype=torch.uint8)


@pytest.fixture
def at_most(monkeypatch):
    """Let the network fail, by an allocation that fails, when it gets more than so many pixels."""
    seen = []

    def limit(pixels: int) -> list[int]:
        forward = CompactUNet.forward

        def greedy(self, x):
            seen.append(x.shape[0] * x.shape[2] * x.shape[3])
            if seen[-1] > pixels:
                allocate_more_than_there_is()
            return forward(self, x)

        monkeypatch.setattr(CompactUNet, "forward", greedy)
        return seen

    return limit


def most_bytes(work) -> int:
    """Return the most bytes that torch's allocator has handed out at once during some work."""
    work()
    gc.collect()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        work()
    events = profiler.profiler.kineto_results.events()
    changes = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]")
    return int(np.cumsum([size for _, size in changes]).max())


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_estimate_covers_what_is_allocated_and_is_not_much_more(precision):
    fit = blind_fit(256, precision=precision, unet_width=16, patch_size=64, batch_size=4, neighbours=0)
    trainer = Trainer(fit.network, 10, 1e-3, 0.9)
    loss = BlindLoss(fit)
    training = most_bytes(lambda: fit.learn(trainer, loss))
    applied = most_bytes(lambda: list(fit.predict_seen(fit.network, 1)))
    plane = memory.SCRATCH + 256**2 * memory.PLANE_BYTES
    estimate = peak_memory((256, 256), fit.settings) - plane
    assert max(training, applied) < 1.1 * estimate < 2 * max(training, applied)

    paper = settings("paper", precision=precision, unet_width=48)
    noisy = torch.rand(64, 64)
    joint = PaperFit(noisy, torch.ones_like(noisy, dtype=torch.bool), paper)
    estimate = peak_memory((64, 64), paper) - memory.SCRATCH
    assert 0.6 * estimate < most_bytes(joint.step) < 1.1 * estimate


def test_the_estimate_of_a_measured_run_is_flat_in_what_is_done_at_once():
    small, large = (peak_memory((n, n), settings(neighbours=0)) for n in (1024, 4096))
    assert large - small == (4096**2 - 1024**2) * memory.PLANE_BYTES
    assert peak_memory((4096, 4096), settings()) - large == 8 * 4096**2 * memory.NEIGHBOUR_BYTES
    assert peak_memory((512, 512), settings()) < 2 * 2**30
    paper = [peak_memory((n, n), settings("paper")) - memory.SCRATCH for n in (256, 512)]
    assert paper[1] == pytest.approx(4 * paper[0], rel=1e-6)


def test_the_largest_plane_fits_and_the_next_does_not():
    for preset in ("auto", "paper"):
        side = largest_side(settings(preset), 8 * 2**30)
        assert side % 64 == 0
        fits, fails = (peak_memory((n, n), settings(preset), memory.LEAST_TILE) for n in (side, side + 64))
        assert fits <= 8 * 2**30 < fails
    assert largest_side(settings("paper"), 0) == 0


def test_a_run_that_needs_more_memory_than_there_is_says_so_before_it_begins(monkeypatch):
    noisy = np.random.default_rng(0).poisson(30, (64, 64))
    started = next(iter(fit_plane(noisy, settings(**QUICK))))
    assert "memory-short" not in [notice.kind for notice in started.notices]
    monkeypatch.setattr(memory, "free_memory", lambda device: 50 * 2**20)
    for preset in ("auto", "paper"):
        changes = QUICK if preset == "auto" else {"iterations": 2, "passes": 1, "unet_width": 8}
        started = next(iter(fit_plane(noisy, settings(preset, **changes))))
        assert isinstance(started, Started)
        (short,) = (notice for notice in started.notices if notice.kind == "memory-short")
        assert not short.is_warning
        assert "of memory, but 0.0 GiB are free: a smaller region is safer." in sentence(short)


def test_tiles_are_as_large_as_memory_allows(monkeypatch):
    sides = []
    for free in (2**40, 400 * 2**20, 260 * 2**20, 0):
        monkeypatch.setattr(memory, "free_memory", lambda device, free=free: free)
        sides.append(tile_side((800, 800), settings(neighbours=0), CPU))
    assert sides == [768, 384, 192, 96]


def test_only_a_run_that_needs_more_than_there_is_is_short_of_memory(monkeypatch):
    needed = peak_memory((2**12, 2**12), settings("paper"))
    monkeypatch.setattr(memory, "free_memory", lambda device: needed)
    assert shortage((2**12, 2**12), settings("paper"), CPU) == ()
    monkeypatch.setattr(memory, "free_memory", lambda device: needed - 1)
    values = {"needed": needed, "free": needed - 1, "device": ""}
    assert shortage((2**12, 2**12), settings("paper"), CPU) == (Notice("memory-short", values, False),)


def test_what_the_system_and_the_container_have_left_counts(tmp_path, monkeypatch):
    machine = SimpleNamespace(total=9000 * 1024, available=4000 * 1024)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: machine)
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    assert free_memory() == free_memory("cpu") == 4000 * 1024
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory("cpu") == 4000 * 1024
    (tmp_path / "memory.max").write_text("3000000\n")
    (tmp_path / "memory.current").write_text("2500000\n")
    (tmp_path / "memory.stat").write_text("anon 2000000\ninactive_file 400000\n")
    assert free_memory("cpu") == 900_000


def test_a_prediction_that_does_not_fit_is_made_in_tiles_to_the_same_pixels(at_most):
    fit = blind_fit(400)
    whole = fit.apply_tiled(fit.network, fit.noisy, fit.valid, fit.neighbours)
    seen = at_most(350**2)
    tiled = fit.apply_tiled(fit.network, fit.noisy, fit.valid, fit.neighbours)
    # 192 with a margin on either side is 320.
    assert fit.tiling.side == 192
    assert seen[0] == 400**2 and max(seen[-9:]) <= 320**2
    assert torch.allclose(tiled, whole, atol=1e-4)


def test_patches_that_do_not_fit_become_fewer_and_then_smaller(at_most):
    fit = blind_fit(128, patch_size=64, batch_size=4)
    trainer = Trainer(fit.network, 10, 1e-3, 0.9)
    before = fit.network.output.weight.clone()
    at_most(40**2)
    loss = fit.learn(trainer, BlindLoss(fit))
    assert (fit.patches.most, fit.patches.side) == (1, 32)
    assert torch.isfinite(loss)
    assert not torch.equal(fit.network.output.weight, before)
    assert trainer.iteration == 1


def test_the_refinement_goes_on_with_smaller_patches_too(at_most):
    fit = blind_fit(128, patch_size=64, batch_size=4)
    offsets = torch.arange(-4, 5)
    correlation = torch.exp(-(offsets[:, None] ** 2 + offsets**2) / 3.0)
    sigma = torch.full_like(fit.noisy, 0.3)
    for autocorrelation in (None, correlation):
        loss = RefinementLoss(fit, fit.noisy, torch.zeros_like(fit.noisy), sigma, autocorrelation)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fit.patches, "side", 64)
            trainer = Trainer(fit.network, 10, 1e-3, 0.9)
            at_most(2 * 40**2)
            assert torch.isfinite(fit.learn(trainer, loss))
            assert fit.patches.side == 32


def test_a_run_short_of_memory_gives_nearly_the_same_result_and_says_so(at_most):
    y, x = np.mgrid[:272, :272]
    truth = 100 + 0.3 * y + 40 * np.sin(x / 20)
    noisy = truth + np.random.default_rng(0).normal(0, 10, truth.shape)
    plain = denoise(noisy, **QUICK)
    at_most(230**2)
    short = denoise(noisy, **QUICK)
    # The patches are the same, so only the tiles could make a difference.
    assert short.warnings == ("Memory was short, so tiles of 96 pixels were predicted.",)
    assert np.abs(short.denoised - plain.denoised).max() < 0.05
    assert plain.warnings == ()


def test_when_nothing_is_left_to_halve_the_run_ends_with_one_sentence(at_most):
    at_most(0)
    noisy = np.random.default_rng(0).poisson(30, (64, 64))
    with pytest.raises(
        OutOfMemoryError, match="64×64 plane does not fit into the memory of the device cpu"
    ):
        denoise(noisy, **QUICK)


def test_what_is_no_want_of_memory_is_not_tried_again():
    calls = []

    def work() -> None:
        calls.append(1)
        raise RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED")

    with pytest.raises(RuntimeError, match="EXECUTION"):
        memory.retry(work, lambda: True, CPU)
    assert len(calls) == 1


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to…"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to…"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    ],
)
def test_want_of_memory_is_known_by_all_its_names(error):
    tries = []

    def work() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise error
        return "done"

    assert memory.retry(work, lambda: True, CPU) == "done"


def test_the_tensors_of_a_failed_try_are_freed_before_the_next():
    alive = []

    def work() -> str:
        kept = torch.ones(1000, 1000)
        alive.append(sum(torch.is_tensor(x) and x.shape == (1000, 1000) for x in gc.get_objects()))
        if len(alive) < 4:
            allocate_more_than_there_is()
        del kept
        return "done"

    assert memory.retry(work, lambda: True, CPU) == "done"
    assert alive == [1, 1, 1, 1]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a process within an address space")
def test_a_process_that_may_not_grow_denoises_a_plane_that_would_not_fit_at_once():
    program = """
        import resource
        import numpy as np
        from pathlib import Path
        from napari_blindspot import denoise

        quick = dict(device="cpu", iterations=2, refine_iterations=(1,), symmetries=1, unet_width=24,
                     patch_size=32, precision="float32", gap=0, visible_fraction=0.75)
        rng = np.random.default_rng(0)
        denoise(rng.poisson(30, (64, 64)), **quick)
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + 200 * 2**20, -1))
        result = denoise(rng.poisson(30, (704, 704)), **quick)
        print(np.isfinite(result.denoised).all(), round(float(result.denoised.mean()), 1), *result.warnings)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=one_thread)
    assert done.stdout.startswith("True 30.0 Memory was short, so tiles of "), done.stderr


def test_nothing_is_estimated_for_a_plane_that_is_left_as_it_is(monkeypatch):
    asked = []
    monkeypatch.setattr(engine_fit, "shortage", lambda *given: asked.append(given) or ())
    started = next(iter(fit_plane(np.ones((64, 64)), settings())))
    assert [notice.kind for notice in started.notices] == ["all-equal"]
    assert asked == []
