"""Sample images for napari's menu File > Open Sample.

The synthetic ones and the series have their truth as a second layer. The real ones are those that
scikit-image carries with it, as they were recorded; nothing is downloaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot import samples
from napari_blindspot.files.formats.optional import import_optional

if TYPE_CHECKING:
    from napari_blindspot.samples import Sample

    LayerData = tuple[Any, dict[str, Any], str]

__all__ = [
    "cell_layers",
    "cell_series_layers",
    "confocal_layers",
    "fundus_layers",
    "tissue_layers",
    "two_photon_layers",
    "wide_field_layers",
    "z_stack_layers",
]

FRAMES, DRIFT = 6, 2
"""Of the series, and by how many pixels the cell moves from one to the next."""

PHOTONS = 20.0
"""At the brightest pixels of the series: few, so that the noise is plain to see."""


def confocal_layers() -> list[LayerData]:
    """Return a noisy confocal plane over its truth."""
    return _layers(samples.confocal())


def two_photon_layers() -> list[LayerData]:
    """Return a noisy two-photon plane over its truth."""
    return _layers(samples.two_photon())


def wide_field_layers() -> list[LayerData]:
    """Return a noisy wide-field plane over its truth."""
    return _layers(samples.wide_field())


def z_stack_layers() -> list[LayerData]:
    """Return a noisy confocal z-stack over its truth."""
    return _layers(samples.z_stack())


def cell_layers() -> list[LayerData]:
    """Return a living cell in a phase image (CC0, from scikit-image)."""
    return [(_shipped("cell"), {"name": "cell"}, "image")]


def fundus_layers() -> list[LayerData]:
    """Return small vessels of a retina (free of restrictions, from scikit-image)."""
    return [(_shipped("microaneurysms"), {"name": "fundus"}, "image")]


def tissue_layers() -> list[LayerData]:
    """Return stained tissue in colour (CC0, from scikit-image)."""
    return [(_shipped("immunohistochemistry"), {"name": "tissue", "rgb": True}, "image")]


def cell_series_layers() -> list[LayerData]:
    """Return a series of the cell that drifts, with photon noise in every frame, over its truth."""
    cell = _shipped("cell").astype(np.float32)
    side = min(cell.shape) - FRAMES * DRIFT
    frames = [cell[DRIFT * t : DRIFT * t + side, DRIFT * t : DRIFT * t + side] for t in range(FRAMES)]
    truth = 100 + 20 * PHOTONS * np.stack(frames) / cell.max()
    noisy = 100 + 20 * np.random.default_rng(0).poisson((truth - 100) / 20)
    common = {"axis_labels": ("t", "y", "x"), "contrast_limits": [float(truth.min()), float(truth.max())]}
    return [
        (truth, {"name": "cell series truth", **common}, "image"),
        (noisy.astype(np.uint16), {"name": "cell series", **common}, "image"),
    ]


def _shipped(name: str) -> np.ndarray[Any, Any]:
    """Return an image that scikit-image carries with it.

    Raises
    ------
    FileError
        If it is not installed.
    """
    data = import_optional("skimage.data", "This sample", "samples")
    return np.asarray(getattr(data, name)())


def _layers(sample: Sample) -> list[LayerData]:
    """Describe both images to napari; the noisy one last, so that it lies on top and is selected."""
    limits = [float(sample.truth.min()), float(sample.truth.max())]
    common = {
        "scale": sample.voxel_size,
        "units": ("µm",) * sample.noisy.ndim,
        "axis_labels": ("z", "y", "x")[-sample.noisy.ndim :],
        "contrast_limits": limits,
    }
    return [
        (sample.truth, {"name": f"{sample.name} truth", **common}, "image"),
        (sample.noisy, {"name": sample.name, **common}, "image"),
    ]
