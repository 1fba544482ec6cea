"""Sample images for napari's menu File > Open Sample, each with its truth as a second layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_blindspot import samples

if TYPE_CHECKING:
    from napari_blindspot.samples import Sample

    LayerData = tuple[Any, dict[str, Any], str]

__all__ = ["confocal_layers", "two_photon_layers", "wide_field_layers", "z_stack_layers"]


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
