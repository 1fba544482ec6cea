"""The figures of `kinds.md`: other kinds of noise than FMDD's, put on images that are nearly clean.

python docs/benchmarks/kinds.py PATH/TO/FMDD --preset auto
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, zoom
from skimage import data
from skimage.io import imread

from napari_blindspot import denoise
from napari_blindspot.benchmark.method_protocol import Request
from napari_blindspot.benchmark.methods import available_methods
from napari_blindspot.benchmark.metrics import best_affine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari_blindspot import Result

SIDE = 256
SIGMAS = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8)
"""Of the Gaussian filter, of which the truth picks the best."""
PEERS = ("bm3d-vst", "bm3d-vst-psd")

Floats = np.ndarray[Any, np.dtype[np.float64]]


def scenes(folder: Path) -> Iterator[tuple[str, Floats]]:
    """Yield nearly clean images, 0 to 1; FMDD's truths are smoothed, for they have noise of their own."""
    for name in ("Confocal_MICE", "TwoPhoton_BPAE_R"):
        path = next(path for path in sorted((folder / "gt").iterdir()) if path.name.startswith(name))
        truth = imread(path)
        yield name, scaled(gaussian_filter(centre(truth.astype(float)), 0.7))
    yield "cell", scaled(gaussian_filter(centre(data.cell().astype(float)), 1.0))


def centre(image: Floats) -> Floats:
    """Return the middle of an image."""
    return centre_of(image, SIDE)


def centre_of(image: Floats, length: int) -> Floats:
    """Return the middle of an image, as a square of some side."""
    y, x = ((side - length) // 2 for side in image.shape)
    return image[y : y + length, x : x + length]


def scaled(image: Floats) -> Floats:
    """Return an image whose values go from 0 to 1."""
    return (image - image.min()) / np.ptp(image)


def kinds(clean: Floats, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Yield one noisy image of each kind."""

    def photons(peak: float, dark: float = 0.0) -> Floats:
        return rng.poisson(peak * clean + dark).astype(float)

    normal = rng.standard_normal
    yield "photons counted, 2 at most", photons(2, 0.1).astype(np.uint16)
    yield (
        "10 photons, read noise, offset",
        np.rint(photons(10) + 100 + 1.5 * normal(clean.shape)).astype(np.uint16),
    )
    hits = photons(8, 0.2)
    amplified = 20 * rng.gamma(np.maximum(hits, 1e-9)) * (hits > 0) + 200 + 5 * normal(clean.shape)
    yield "EMCCD, 8 photons", np.rint(amplified).astype(np.uint16)
    hot = photons(30, 1)
    places = rng.random(clean.shape) < 0.001
    hot[places] += rng.uniform(100, 1000, places.sum())
    yield "0.1 % hot pixels", hot.astype(np.uint16)
    rows = photons(30, 1)
    rows += 100 + 0.5 * np.sqrt(rows.mean()) * normal((len(clean), 1))
    yield "rows with offsets", np.rint(rows).astype(np.uint16)
    yield "noise blurred by 0.6 px", gaussian_filter(10 * photons(20, 1), 0.6).astype(np.float32)
    yield "noise blurred by 0.8 px", gaussian_filter(10 * photons(20, 1), 0.8).astype(np.float32)
    stream = io.BytesIO()
    Image.fromarray(np.clip(6 * photons(30, 1), 0, 255).astype(np.uint8)).save(stream, "JPEG", quality=75)
    yield "JPEG, quality 75", np.array(Image.open(stream))
    yield "half a grey level", np.rint(60 * clean + 10 + 0.5 * normal(clean.shape)).astype(np.uint8)
    yield "saturated", np.clip(6 * photons(60, 2), 0, 255).astype(np.uint8)
    spread = rng.lognormal(0.7, 0.6, clean.shape)
    yield "sCMOS", np.rint(100 + 2 * photons(15) + spread * normal(clean.shape)).astype(np.uint16)
    half = rng.poisson(30 * zoom(clean, 0.5, order=1) + 1).astype(float)
    yield "enlarged twice", zoom(half, 2, order=1).astype(np.float32)
    yield "2000 photons", photons(2000, 50).astype(np.uint16)


def psnr(estimate: Any, clean: Floats) -> float:
    """Return the PSNR in dB after the best affine fit to the truth, whose range is 1."""
    fitted = best_affine(np.asarray(estimate, np.float64), clean)
    return float(-10 * np.log10(np.mean((fitted - clean) ** 2)))


def on_255(method: Callable[[Any], Any], noisy: Any) -> Floats:
    """Apply a peer, which wants intensities up to 255."""
    low, high = float(noisy.min()), float(noisy.max())
    return np.asarray(method(((noisy - low) * (255 / (high - low))).astype(np.float32)), float)


def asked(description: str, content: str) -> argparse.Namespace:
    """Return the folder of FMDD and the preset that a command line names."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("folder", type=Path, help=f"FMDD, flat: with {content}")
    parser.add_argument("--preset", default="auto")
    return parser.parse_args()


def installed_peers() -> dict[str, Callable[[Any], Any]]:
    """Return the peers that can be run here, by name."""
    table = available_methods()
    return {name: table[name].build(Request(method=name)) for name in PEERS if not table[name].missing()}


def scored(
    noisy: Any, clean: Floats, peers: dict[str, Callable[[Any], Any]], preset: str
) -> tuple[list[float], Result]:
    """Return PSNR of the noisy image, the best Gaussian, the peers and the preset, and its result."""
    blurred = max(psnr(gaussian_filter(noisy.astype(float), sigma), clean) for sigma in SIGMAS)
    others = [psnr(on_255(peer, noisy), clean) for peer in peers.values()]
    result = denoise(noisy, preset, device="cpu")
    return [psnr(noisy, clean), blurred, *others, psnr(result.denoised, clean)], result


def main() -> None:
    """Print a table for each scene."""
    options, peers = asked(__doc__, "gt/"), installed_peers()
    for scene, clean in scenes(options.folder):
        print(f"\n| {scene} | noisy | best Gaussian | {' | '.join(peers)} | {options.preset} | it says |")
        print("| --- |" + " ---: |" * (3 + len(peers)) + " --- |")
        for kind, noisy in kinds(clean, np.random.default_rng(1)):
            figures, result = scored(noisy, clean, peers, options.preset)
            cells = " | ".join(f"{figure:.2f}" for figure in figures)
            print(f"| {kind} | {cells} | {' '.join(result.warnings)} |", flush=True)


if __name__ == "__main__":
    main()
