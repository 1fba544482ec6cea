"""A run leaves torch as it found it, and does not depend on how that is."""

import os
import threading

import numpy as np
import pytest
import torch

from napari_blindspot import denoise
from napari_blindspot.engine.fit_plane import fit_plane
from napari_blindspot.engine.hardware import threads as threads_module
from napari_blindspot.engine.hardware.threads import threads_of_a_run, usable_cores
from napari_blindspot.engine.hardware.torch_state import computing
from napari_blindspot.settings import Settings

QUICK = {
    "auto": {
        "iterations": 4,
        "refine_iterations": (2,),
        "unet_width": 8,
        "patch_size": 32,
        "symmetries": 2,
    },
    "paper": {"iterations": 3, "passes": 2, "unet_width": 8},
}
NOISY = np.random.default_rng(0).poisson(30, (48, 48))
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def global_settings() -> dict[str, object]:
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    return {
        "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "gradients": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "cudnn": (cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32),
        "matmul": (matmul.allow_tf32, torch.get_float32_matmul_precision()),
        "products": torch.backends.mkldnn.matmul.fp32_precision,
        # Is 0 where denormal numbers are flushed, for which torch has no getter.
        "denormal": (torch.tensor([1e-40]) * 0.5).item(),
        "random": torch.get_rng_state().sum().item(),
    }


@pytest.fixture
def three_threads(monkeypatch):
    """A process with three threads on a machine of eight cores, and no say of the environment."""
    before = torch.get_num_threads()
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(threads_module, "usable_cores", lambda: 8)
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("preset", ["auto", "paper"])
def test_a_run_leaves_the_global_settings_as_it_found_them(preset, three_threads, monkeypatch):
    monkeypatch.setattr(threads_module, "usable_cores", lambda: 3)
    before = global_settings()
    settings = Settings.from_preset(preset, device="cpu", **QUICK[preset])
    for event in fit_plane(NOISY, settings, preview_interval=0.0):
        # Also between two events, when the caller has the thread.
        assert global_settings() == before, event
    assert global_settings() == before


def test_so_does_one_that_fails_and_one_that_is_not_read_to_its_end(three_threads, monkeypatch):
    before = global_settings()
    settings = Settings.from_preset("auto", device="cpu", **QUICK["auto"])
    events = fit_plane(NOISY, settings)
    next(events)
    next(events)
    events.close()
    assert global_settings() == before
    with pytest.raises(ZeroDivisionError), computing(CUDA):
        assert global_settings() != before
        raise ZeroDivisionError
    assert global_settings() == before


@pytest.mark.parametrize("preset", ["auto", "paper"])
def test_what_a_caller_has_set_does_not_change_the_result(preset):
    expected = denoise(NOISY, preset, device="cpu", **QUICK[preset]).denoised
    before = torch.get_default_dtype()
    surroundings = (
        torch.no_grad(),
        torch.inference_mode(),
        torch.autocast("cpu", dtype=torch.bfloat16),
        torch.device("meta"),
    )
    for surrounding in surroundings:
        with surrounding:
            result = denoise(NOISY, preset, device="cpu", **QUICK[preset]).denoised
        assert np.array_equal(result, expected), surrounding
    try:
        torch.set_default_dtype(torch.float64)
        assert np.array_equal(denoise(NOISY, preset, device="cpu", **QUICK[preset]).denoised, expected)
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(before)


def test_a_gpu_computes_repeatably_and_only_convolutions_take_tf32():
    before = global_settings()
    torch.backends.cudnn.benchmark = torch.backends.cuda.matmul.allow_tf32 = True
    try:
        with computing(CUDA):
            now = global_settings()
            assert now["cudnn"] == (before["cudnn"][0], False, True, True)
            assert now["matmul"] == (False, "highest")
        assert torch.backends.cudnn.benchmark and torch.backends.cuda.matmul.allow_tf32
    finally:
        torch.backends.cudnn.benchmark = torch.backends.cuda.matmul.allow_tf32 = False
    assert global_settings() == before


@pytest.mark.parametrize(
    ("threads", "cores", "expected"), [(1, 1, 1), (2, 2, 2), (8, 8, 7), (4, 8, 4), (64, 4, 3), (64, 2, 2)]
)
def test_one_core_of_more_than_two_is_left_free(threads, cores, expected, three_threads, monkeypatch):
    monkeypatch.setattr(threads_module, "usable_cores", lambda: cores)
    torch.set_num_threads(threads)
    assert threads_of_a_run() == expected
    with computing(CPU, shared_operations=True):
        assert torch.get_num_threads() == threads_of_a_run() == expected
    with computing(CPU):
        # The others compute pieces of their own.
        assert (torch.get_num_threads(), threads_of_a_run()) == (1, expected)
    assert torch.get_num_threads() == threads


def test_the_environment_has_the_last_word_on_threads(three_threads, monkeypatch):
    monkeypatch.setattr(threads_module, "usable_cores", lambda: 3)
    assert threads_of_a_run() == 2
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads_of_a_run() == 3
    # Also where another library has changed torch's number for this thread.
    torch.set_num_threads(1)
    assert threads_of_a_run() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "2,1")
    assert threads_of_a_run() == 2
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert threads_of_a_run() == 1


@pytest.mark.parametrize(
    ("content", "expected"), [("150000 100000\n", 2), ("max 100000\n", 64), ("1000 100000\n", 1), ("", 64)]
)
def test_a_containers_share_of_the_processor_counts_as_its_cores(content, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64), raising=False)
    monkeypatch.setattr(threads_module, "QUOTA", tmp_path / "cpu.max")
    (tmp_path / "cpu.max").write_text(content)
    assert usable_cores() == expected


def test_the_device_of_a_result_names_the_threads_that_were_used(three_threads, monkeypatch):
    monkeypatch.setattr(threads_module, "usable_cores", lambda: 3)
    assert "2 threads" in denoise(NOISY, "auto", device="cpu", **QUICK["auto"]).device


def test_runs_in_two_threads_that_end_in_any_order_restore_what_was_before(three_threads, monkeypatch):
    monkeypatch.setattr(threads_module, "usable_cores", lambda: 3)
    before = global_settings()
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with computing(CUDA):
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(10)
    with computing(CUDA):
        leave.set()
        thread.join()
        assert torch.backends.cudnn.deterministic
    assert global_settings() == before
    seen = []
    late = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    late.start()
    late.join()
    assert seen == [3]
