"""A device is tried before it is trusted, and its owner is told what helps."""

import dataclasses

import numpy as np
import pytest
import torch

from napari_blindspot import denoise
from napari_blindspot.core import words
from napari_blindspot.core.errors import DeviceError
from napari_blindspot.engine.hardware import backends, device_trial
from napari_blindspot.engine.hardware.backends import BACKENDS, choose_device, passed_over
from napari_blindspot.engine.hardware.nvidia import Build, Card, cards, remedy

AMPERE = Card("RTX 3080", "550.54", (8, 6))
BLACKWELL = Card("RTX 5090", "570.86", (12, 0))
KEPLER = Card("Tesla K80", "470.57", (3, 7))
FOR_CUDA_12 = Build("2.6.0+cu124", "12.4", ("sm_50", "sm_60", "sm_70", "sm_80", "sm_90"))


@pytest.fixture
def gpu_that_fails(monkeypatch):
    """Return a function that makes torch see a GPU whose kernels do what is given."""

    def make(compute):
        present = dataclasses.replace(BACKENDS["cuda"], is_present=lambda: True)
        monkeypatch.setattr(backends, "BACKENDS", BACKENDS | {"cuda": present})
        monkeypatch.setattr(device_trial, "_computed", compute)
        device_trial.forget_trials()

    yield make
    device_trial.forget_trials()


def without_kernels(device):
    if device.type == "cuda":
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device\nmore")
    return [torch.ones(2)]


def test_auto_goes_to_the_cpu_where_a_gpu_fails_in_a_small_trial_and_says_so_in_one_sentence(
    gpu_that_fails,
):
    gpu_that_fails(without_kernels)
    noisy = np.random.default_rng(0).poisson(30, (32, 32)).astype(np.float32)
    result = denoise(noisy, "fast", iterations=1, refine_iterations=(), symmetries=1)
    assert result.settings.device == "cpu"
    assert np.isfinite(result.denoised).all()
    (sentence,) = [words.sentence(notice) for notice in passed_over("auto", "cpu")]
    assert sentence == (
        "The cuda device cannot be used here (CUDA error: no kernel image is available for execution on "
        "the device), so the fit uses the cpu; `napari-blindspot doctor` says what may help."
    )
    assert passed_over("cpu", "cpu") == ()


def test_a_gpu_that_is_asked_for_by_name_and_fails_ends_in_one_sentence(gpu_that_fails):
    gpu_that_fails(without_kernels)
    with pytest.raises(
        DeviceError, match=r"The cuda device cannot be used here \(CUDA error: no kernel image"
    ):
        choose_device("cuda")


def test_a_gpu_that_computes_something_else_is_not_trusted(gpu_that_fails):
    gpu_that_fails(lambda device: [torch.full((2,), float("nan") if device.type == "cuda" else 1.0)])
    assert choose_device("auto").type == "cpu"
    assert "computes something else than the CPU" in words.sentence(passed_over("auto", "cpu")[0])


def test_a_gpu_whose_memory_is_full_is_not_taken_for_one_that_fails(gpu_that_fails):
    def full(device):
        if device.type == "cuda":
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return [torch.ones(2)]

    gpu_that_fails(full)
    assert choose_device("auto").type == "cuda"


def test_a_device_is_tried_once_in_a_process(gpu_that_fails):
    tried = []

    def works(device):
        tried.append(device.type)
        return [torch.ones(2)]

    gpu_that_fails(works)
    for _ in range(3):
        assert choose_device("auto").type == "cuda"
    assert tried == ["cuda", "cpu"]


def test_the_cpu_passes_its_own_trial():
    device_trial.forget_trials()
    assert device_trial.trouble("cpu") == ""


@pytest.mark.parametrize(
    ("card", "build", "is_available", "part"),
    [
        (AMPERE, FOR_CUDA_12, True, ""),
        (AMPERE, Build("2.13.0+cpu", None, ()), False, "a build without CUDA; install one with it"),
        (AMPERE, FOR_CUDA_12, False, "the driver 550.54 does not serve CUDA 12.4"),
        (BLACKWELL, FOR_CUDA_12, True, "the card needs sm_120; install a torch for a newer CUDA"),
        (BLACKWELL, Build("2.7.0", "12.8", ("sm_90", "compute_90")), True, ""),
        (KEPLER, FOR_CUDA_12, True, "the card needs sm_37; install a torch for an older CUDA"),
    ],
)
def test_a_card_that_this_torch_cannot_use_has_a_remedy(card, build, is_available, part):
    said = remedy(card, build, is_available=is_available)
    assert part in said
    assert bool(said) == bool(part)


def test_the_cards_are_those_that_the_driver_names(monkeypatch, tmp_path):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA H100 80GB HBM3, 550.90.07, 9.0'\necho nonsense\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert cards() == [Card("NVIDIA H100 80GB HBM3", "550.90.07", (9, 0))]
    program.write_text("#!/bin/sh\nexit 9\n")
    assert cards() == []
