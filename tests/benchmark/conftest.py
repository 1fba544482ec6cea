"""Tiny datasets in both layouts, and methods that misbehave."""

from __future__ import annotations

import json
import os

import pytest
from benchmark_data import noisy_version, save, smooth

from napari_blindspot import settings
from napari_blindspot.benchmark import methods, runner, worker
from napari_blindspot.benchmark.method_protocol import Method
from napari_blindspot.core.knobs import UnetWidth  # noqa: TC001 (pydantic reads it at run time)


@pytest.fixture
def flat(tmp_path):
    """Two scenes: one with two captures, one with a single one that carries no number."""
    root = tmp_path / "flat"
    for scene, captures in (("Confocal_A_fov1", [""]), ("WideField_B_fov19", ["_1", "_2"])):
        truth = smooth(seed=len(captures))
        save(root / "gt" / f"{scene}.png", truth)
        for seed, suffix in enumerate(captures):
            save(root / "raw" / f"{scene}{suffix}.png", noisy_version(truth, seed))
    return root


@pytest.fixture
def official(tmp_path):
    """A sample folder with two fields of view, as FMD unpacks."""
    root = tmp_path / "fmd"
    for fov in (3, 19):
        truth = smooth(seed=fov)
        save(root / "Confocal_BPAE_B" / "gt" / str(fov) / "avg50.png", truth)
        for number in (1, 2, 10):
            path = root / "Confocal_BPAE_B" / "raw" / str(fov) / f"HV110_P{number}.png"
            save(path, noisy_version(truth, number))
    return root


@pytest.fixture
def in_this_process(monkeypatch):
    """Do the work of the methods here, where a process of their own is not the subject."""

    def work(python, place, timeout):
        worker.do_job(place)
        return json.loads((place / "outcome.json").read_text(encoding="utf-8"))

    monkeypatch.setattr(runner, "_run_worker", work)
    monkeypatch.setattr(worker, "_end_with_parent", lambda: None)


class FewPasses(settings.PaperSettings):
    """Those of the paper with a fifth of the passes."""

    passes: int = 20


class Quick(settings.PaperSettings):
    """Those of the paper with a sixth of the width as well, where a line of a table is the subject."""

    unet_width: UnetWidth = 8
    passes: int = 4


@pytest.fixture
def few_passes(monkeypatch):
    """Let the preset "paper" have fewer passes and the network that it has."""
    monkeypatch.setitem(settings._PRESETS, "paper", settings._Preset(FewPasses))


@pytest.fixture
def quick_paper(monkeypatch, in_this_process):
    """Let the preset "paper" take a moment."""
    monkeypatch.setitem(settings._PRESETS, "paper", settings._Preset(Quick))


@pytest.fixture
def misbehaving(monkeypatch):
    """Add peers that fail in different ways; they run in real processes."""
    here = "tests_benchmark_peers"
    extra = tuple(Method(name, f"{here}:{name}") for name in ("raises", "sleeps", "dies", "nans"))
    known = methods.find_peers()
    monkeypatch.setattr(methods, "find_peers", lambda: (*known, *extra))
    return extra


@pytest.fixture(autouse=True)
def _peers_on_the_path(tmp_path_factory, monkeypatch):
    """A module of peers that a worker process can import."""
    folder = tmp_path_factory.mktemp("peers")
    (folder / "tests_benchmark_peers.py").write_text(
        "import os, time\n"
        "import numpy as np\n"
        "def raises(request):\n"
        "    def denoise(image): raise ValueError('no patience left')\n"
        "    return denoise\n"
        "def sleeps(request):\n"
        "    return lambda image: time.sleep(60)\n"
        "def dies(request):\n"
        "    return lambda image: os._exit(3)\n"
        "def nans(request):\n"
        "    return lambda image: np.full_like(image, np.nan)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
