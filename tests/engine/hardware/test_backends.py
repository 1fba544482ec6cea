"""The devices: named without torch, and chosen with one sentence for what cannot be."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import torch

from napari_blindspot import denoise
from napari_blindspot.core.errors import DeviceError, SettingsError
from napari_blindspot.engine.hardware import backends, device_trial
from napari_blindspot.engine.hardware.backends import (
    BACKENDS,
    available_devices,
    choose_device,
    describe_device,
)


def test_the_devices_can_be_named_without_torch():
    code = (
        "import sys; from napari_blindspot.engine.hardware.backends import BACKENDS\n"
        "print(*BACKENDS, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["cuda", "mps", "cpu", "False"]


def test_each_is_found_by_its_own_name_which_torch_knows():
    for name, backend in BACKENDS.items():
        assert backend.name == torch.device(name).type == name


def test_the_cpu_is_always_there_and_has_no_memory_of_its_own():
    assert available_devices()[-1] == "cpu"
    assert BACKENDS["cpu"].own_memory() is None


def test_auto_takes_the_first_device_that_is_there(monkeypatch):
    absent = {
        name: dataclasses.replace(backend, is_present=lambda: False) for name, backend in BACKENDS.items()
    }
    present = {
        name: dataclasses.replace(BACKENDS[name], is_present=lambda: True) for name in ("mps", "cpu")
    }
    monkeypatch.setattr(backends, "BACKENDS", absent | present)
    monkeypatch.setattr(device_trial, "trouble", lambda device: "")
    assert available_devices() == ["mps", "cpu"]
    assert choose_device("auto").type == "mps"
    with pytest.raises(DeviceError, match="There is no cuda device here; choose one of: auto, mps, cpu"):
        choose_device("cuda")


def test_an_unknown_device_is_refused_in_one_sentence_that_names_the_known_ones():
    noisy = np.random.default_rng(0).poisson(30, (32, 32))
    with pytest.raises(SettingsError) as caught:
        denoise(noisy, device="tpu")
    assert str(caught.value) == "There is no device 'tpu'; choose one of: auto, cuda, mps, cpu."
    assert caught.value.setting == "device"


def test_a_cpu_is_described_by_its_threads(monkeypatch):
    for threads, words in ((1, "CPU (1 thread,"), (3, "CPU (3 threads,")):
        monkeypatch.setenv("OMP_NUM_THREADS", str(threads))
        assert describe_device(torch.device("cpu")).startswith(words)
