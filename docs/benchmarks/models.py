"""The table of `models.md`: what a model costs on planes that are less and less like its own.

    python docs/benchmarks/models.py --side 128

A model is fitted to one synthetic plane and applied to another of the same kind, with more and less light,
and to planes of other kinds; each of them is fitted by itself as well. What the notice of the engine goes
by is printed beside the loss.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot import denoise, fit, samples
from napari_blindspot.engine.model_likeness import ModelLikeness
from napari_blindspot.engine.restoration import FitScale
from napari_blindspot.noise.anscombe import Anscombe
from napari_blindspot.noise.estimate import estimate_noise

if TYPE_CHECKING:
    from napari_blindspot.core.model import Model
    from napari_blindspot.samples import Sample

LIGHT = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16)
"""Photons relative to those of the sample."""

MAKERS = (samples.confocal, samples.two_photon, samples.wide_field)

Floats = np.ndarray[Any, np.dtype[np.float64]]


def exposed(sample: Sample, light: float, seed: int) -> tuple[Floats, Floats]:
    """Return a noisy plane and its truth, with other light than the sample has; uncorrelated noise."""
    rng = np.random.default_rng(seed)
    photons = (sample.truth.astype(np.float64) - sample.offset) / sample.gain * light
    truth = sample.gain * photons + sample.offset
    noisy = (
        sample.gain * rng.poisson(photons) + sample.offset + rng.normal(0, sample.read_noise, truth.shape)
    )
    return np.rint(noisy), truth


def psnr(estimate: Any, truth: Any) -> float:
    """Return the peak signal-to-noise ratio in dB, of the range of the truth."""
    return float(10 * np.log10(np.ptp(truth) ** 2 / np.mean((np.asarray(estimate) - truth) ** 2)))


def row(name: str, model: Model, noisy: Floats, truth: Floats, preset: str, device: str) -> None:
    """Print what a model and a fit make of a plane, and how like the plane is to that of the model."""
    noise = estimate_noise(noisy)
    scale = float(Anscombe.of(noise).forward(noisy).std())
    like = ModelLikeness.of(FitScale(0.0, scale), noise, model)
    own = psnr(denoise(noisy, preset, device=device).denoised, truth)
    applied = psnr(denoise(noisy, model=model, device=device).denoised, truth)
    print(
        f"| {name} | {like.contrast:.2f} | {like.correlation:+.2f} | {psnr(noisy, truth):.2f} | "
        f"{own:.2f} | {applied:.2f} | {applied - own:+.2f} | {'yes' if like.notices else 'no'} |",
        flush=True,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    shape = (options.side, options.side)
    print("| plane | contrast | correlation | noisy | own fit | model | loss | notice |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |")
    for make in MAKERS:
        first, other = make(shape, seed=100), make(shape, seed=101)
        model = fit(first.noisy, options.preset, device=options.device)
        for light in LIGHT if not first.correlated else (1,):
            noisy, truth = exposed(other, light, 7)
            row(f"{first.name} → light × {light:g}", model, noisy, truth, options.preset, options.device)
        for another in MAKERS:
            sample = another(shape, seed=101)
            if sample.name != first.name or sample.correlated:
                name = f"{first.name} → {sample.name}"
                row(name, model, sample.noisy, sample.truth, options.preset, options.device)


if __name__ == "__main__":
    main()
