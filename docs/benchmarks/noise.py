"""The figures of `noise.md`: what `estimate_noise` finds, against what was put in, or against residuals.

python docs/benchmarks/noise.py texture
python docs/benchmarks/noise.py thresholds PATH/TO/FMDD
python docs/benchmarks/noise.py real PATH/TO/FMDD
python docs/benchmarks/noise.py doubts PATH/TO/FMDD
"""

from __future__ import annotations

import argparse
import io
import zlib
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, median_filter

from napari_blindspot import Settings, estimate_noise
from napari_blindspot.benchmark.awgn import BUNDLED
from napari_blindspot.benchmark.pairs import find_pairs
from napari_blindspot.core.noise_model import CORRELATED, next_pixel_correlation
from napari_blindspot.noise.block_fit import BlockFit, fit_blocks
from napari_blindspot.noise.blocks import finite_blocks
from napari_blindspot.noise.correlation import MAX_LAG
from napari_blindspot.noise.estimate import BLOCK_SIDE
from napari_blindspot.noise.gap_choice import make_plan
from napari_blindspot.noise.processed import doubt_about, traces_of
from napari_blindspot.noise.stripes import stripe_offsets
from napari_blindspot.noise.texture import (
    LONG_SIDE,
    MAX_CORRELATION_TO_TEST,
    SHORT_SIDE,
    TEXTURE_GROWTH,
    TEXTURE_GROWTH_PER_CORRELATION,
    growth_of_variance,
    on_white_floor,
    total_variance,
)
from napari_blindspot.noise.white_floor import white_floor

AUTO = Settings.from_preset("auto")

LEVELS = (10, 25, 50)


def scenes(size: int = 512) -> dict[str, np.ndarray]:
    """Return scikit-image's images, and artificial textures that leave no part of the image quiet."""
    import skimage.data

    found = {name: np.asarray(getattr(skimage.data, name)(), float) for name in BUNDLED}
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:size, :size]
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size))
    frequency[0, 0] = 1
    spectrum = np.fft.fft2(rng.normal(size=(size, size))) / frequency
    textures = {
        "1/f field": np.fft.ifft2(spectrum).real,
        "grain, 1.5 px": gaussian_filter(rng.normal(size=(size, size)), 1.5, mode="wrap"),
        "grating, 6 px": np.sin(2 * np.pi * (x + 0.3 * y) / 6),
        "weave": np.maximum(np.sin(2 * np.pi * x / 9), 0) * (np.sin(2 * np.pi * y / 17) > 0)
        + np.maximum(np.sin(2 * np.pi * y / 9), 0) * (np.sin(2 * np.pi * x / 17) > 0),
        "puncta": gaussian_filter((rng.random((size, size)) < 0.02) * 1.0, 1.8, mode="wrap"),
    }
    return found | {name: 128 + 35 * (t - t.mean()) / t.std() for name, t in textures.items()}


def noise(shape: tuple[int, ...], blur: float, name: str) -> tuple[np.ndarray, float]:
    """Return Gaussian noise of standard deviation 1, and its true correlation at lag 1."""
    rng = np.random.default_rng([1, zlib.crc32(name.encode())])
    white = rng.normal(size=shape)
    if blur == 0:
        return white, 0.0
    impulse = np.zeros((65, 65))
    impulse[32, 32] = 1
    table = np.fft.ifft2(np.abs(np.fft.fft2(gaussian_filter(impulse, blur))) ** 2).real
    blurred = gaussian_filter(white, blur, mode="wrap")
    return blurred / blurred.std(), float(table[0, 1] / table[0, 0])


def texture() -> None:
    """Compare with noise that was put on clean images."""
    for blur in (0.0, 0.7):
        kind = f"blurred by {blur} px" if blur else "white"
        print(f"\n| {kind} noise | " + " | ".join(f"σ = {sigma}" for sigma in LEVELS) + " |")
        print("| --- |" + " ---: |" * len(LEVELS))
        for name, clean in scenes().items():
            row = []
            for sigma in LEVELS:
                unit, _ = noise(clean.shape, blur, name)
                noisy = clean + sigma * unit
                model = estimate_noise(noisy)
                gap = make_plan(noisy, model, AUTO).settings.gap
                row.append(f"{model.sigma:.1f}, {model.neighbour_correlation:.2f}, {gap}")
            print(f"| {name} | " + " | ".join(row) + " |", flush=True)
    print(f"\nTrue correlation of the blurred noise at lag 1: {noise((256, 256), 0.7, '')[1]:.2f}")


def thresholds(folder: Path) -> None:
    """Print what the thresholds of `napari_blindspot.noise` are compared with, beside the thresholds."""
    print("| image | excess over the floor | ρ | growth 12² to 24² (limit) | growth 16² to 32² |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for pair in find_pairs(folder, 1).pairs:
        statistics(pair.scene, pair.load()[0])
    for blur in (0.0, 0.6, 0.7):
        kind = f"blurred by {blur} px" if blur else "white"
        for name, clean in scenes().items():
            statistics(f"{name}, {kind}", clean + 25 * noise(clean.shape, blur, name)[0])


def statistics(name: str, plane: np.ndarray) -> None:
    """Print a row of `thresholds`; the growth is looked at in correlated noise only."""
    planes = np.asarray(plane, np.float64)[None]

    def fitted(side: int) -> BlockFit:
        fit = fit_blocks(finite_blocks(planes, side), MAX_LAG)
        assert fit is not None
        return fit

    usual = fitted(BLOCK_SIDE)
    floor = white_floor(usual.means, usual.residuals)
    excess = total_variance(usual.means, usual) / total_variance(usual.means, floor) - 1
    fit = on_white_floor(usual)
    rho = next_pixel_correlation(fit.correlation)
    flat = f"{excess:+.3f}" if floor.flatness == 1 else "not flat"
    row = [name, flat, f"{rho:.2f}", "", ""]
    if rho > CORRELATED:
        growth = growth_of_variance(fitted(SHORT_SIDE), fitted(LONG_SIDE), planes)
        limit = TEXTURE_GROWTH + TEXTURE_GROWTH_PER_CORRELATION * rho
        told = f"({limit:.2f})" if rho <= MAX_CORRELATION_TO_TEST else "(not told)"
        long, median = fit_blocks(finite_blocks(planes, 2 * BLOCK_SIDE), 2 * MAX_LAG), np.median(planes)
        assert long is not None
        row[3:] = [f"{growth:.2f} {told}", f"{long.line.at(median) / fit.line.at(median):.2f}"]
    print(f"| {' | '.join(row)} |", flush=True)


def real(folder: Path) -> None:
    """Compare with the residuals of captures, where the mean of 50 captures is flat."""
    print("| image | variance, measured : residual | ρ in x, y, measured | ρ in x, y, residual |")
    print("| --- | ---: | ---: | ---: |")
    for pair in find_pairs(folder, 1).pairs:
        noisy, truth = (np.asarray(plane, float) for plane in pair.load())
        slope, intercept = np.polyfit(truth.ravel(), noisy.ravel(), 1)
        scaled = slope * truth + intercept
        residual = noisy - scaled
        steep = np.hypot(*np.gradient(gaussian_filter(truth, 1.5)))
        level = (truth > np.quantile(truth, 0.4)) & (truth < np.quantile(truth, 0.9))
        flat = level & (steep < np.quantile(steep[level], 0.5))
        model = estimate_noise(noisy)
        variance = model.variance(scaled)
        ratio = variance[flat].mean() / residual[flat].var()
        z = np.where(flat, residual / np.sqrt(np.maximum(variance, 1e-3)), 0.0)
        z -= z.sum() / flat.sum() * flat
        power = (z**2).sum() / flat.sum()
        lag_x = (z[:, 1:] * z[:, :-1]).sum() / (flat[:, 1:] & flat[:, :-1]).sum() / power
        lag_y = (z[1:] * z[:-1]).sum() / (flat[1:] & flat[:-1]).sum() / power
        c = len(model.correlation) // 2
        x, y = model.correlation[c, c + 1], model.correlation[c + 1, c]
        print(f"| {pair.scene} | {ratio:.2f} | {x:.2f}, {y:.2f} | {lag_x:.2f}, {lag_y:.2f} |", flush=True)


def processed(plane: np.ndarray) -> dict[str, np.ndarray]:
    """Return what is made of a raw plane before it reaches anyone who denoises it."""
    repeated, between, sharp = plane.copy(), plane.copy(), plane
    repeated[1::2] = repeated[: 2 * (len(plane) // 2) : 2]
    between[1:-1:2] = (between[:-2:2] + between[2::2]) / 2
    for _ in range(2):
        beside = sum(np.roll(sharp, step, axis) for step in (1, -1) for axis in (0, 1)) / 4
        sharp = sharp + 0.7 * (sharp - beside)
    stream = io.BytesIO()
    Image.fromarray(plane.clip(0, 255).astype(np.uint8)).save(stream, "jpeg", quality=75)
    rows = np.arange(len(plane))[:, None]
    return {
        "pixels doubled": np.kron(plane, np.ones((2, 2))),
        "rows repeated": repeated,
        "every second line interpolated": between,
        "JPEG, quality 75": np.asarray(Image.open(stream), float),
        "median of 3×3": median_filter(plane, 3),
        "sharpened": sharp,
        "in steps of twice the noise": np.floor(plane / (2 * estimate_noise(plane).sigma)),
        "stripes, period 7.3": plane + 0.5 * plane.std() * np.sin(2 * np.pi * rows / 7.3),
    }


def doubts(folder: Path) -> None:
    """Print what tells raw planes from others, beside what is said of each."""
    print("| image | repeated | interpolated | blocked | equal (excess) | ρ | levels | said |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |")
    pairs = find_pairs(folder, 1).pairs
    for pair in pairs:
        doubt_row(pair.scene, np.asarray(pair.load()[0], float))
    for blur in (0.0, 0.7):
        for name, clean in scenes().items():
            unit, _ = noise(clean.shape, blur, name)
            doubt_row(f"{name}, blurred by {blur} px", np.rint(clean + 25 * unit))
    for name, plane in processed(np.asarray(pairs[3].load()[0], float)).items():
        doubt_row(f"{pairs[3].scene}, {name}", plane)


def doubt_row(name: str, plane: np.ndarray) -> None:
    """Print a row of `doubts`."""
    model = estimate_noise(plane)
    traces, doubt, stripes = traces_of(plane, model), doubt_about(plane, model), stripe_offsets(plane)
    said = [doubt.kind] if doubt else []
    said += [f"stripes of {stripes[1]:.1f} lines"] if stripes else []
    figures = [
        f"{max(traces.repeated):.2f}",
        f"{max(traces.interpolated):.2f}",
        f"{min(traces.blocked):.2f} ({min(traces.blocked_errors):.1f})",
        f"{traces.equal:.2f} ({traces.equal_excess:.1f})",
        f"{traces.correlation:.2f}",
        f"{traces.levels:.2f}" if traces.levels < 1e6 else "–",
    ]
    print(f"| {' | '.join([name, *figures, ', '.join(said)])} |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("texture", help="noise put on clean images")
    with_images = {
        "thresholds": (thresholds, "what they separate"),
        "real": (real, "captures against their mean"),
        "doubts": (doubts, "raw planes against processed ones"),
    }
    for name, (_, about) in with_images.items():
        commands.add_parser(name, help=about).add_argument("folder", type=Path)
    options = parser.parse_args()
    if options.command in with_images:
        with_images[options.command][0](options.folder)
    else:
        texture()


if __name__ == "__main__":
    main()
