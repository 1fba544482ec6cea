"""Artificial noise: grayscale images with i.i.d. Gaussian noise, the other half of the paper's Table 3."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.benchmark.pairs import SUFFIXES, centre_crop, natural, read_plane
from napari_blindspot.core.errors import FileError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    Plane = npt.NDArray[np.float32]

__all__ = ["BUNDLED", "NoisyImage", "find_images"]

BUNDLED = ("camera", "coins", "moon", "cell", "brick", "gravel", "page")
"""Grayscale images that scikit-image carries with it, so that nothing is downloaded."""


@dataclass(frozen=True, slots=True)
class NoisyImage:
    """A clean image that gets its noise when it is loaded.

    Attributes
    ----------
    scene : str
        Its name; together with `seed` it decides the noise.
    path : Path or None
        None for an image of scikit-image.
    sigma : float
        Standard deviation on the scale [0, 255]. As usual for this test the noisy image is not clipped.
    seed : int
    """

    scene: str
    path: Path | None
    sigma: float
    seed: int
    capture: int = 1

    def load(self, crop: int | None = None) -> tuple[Plane, Plane]:
        """Return noisy and clean image, (Y, X) float32."""
        if self.path is None:
            import skimage.data

            clean = np.asarray(getattr(skimage.data, self.scene)(), np.float32)
        else:
            clean = read_plane(self.path)
        clean = centre_crop(clean, crop)
        draw = np.random.default_rng([self.seed, zlib.crc32(self.scene.encode())])
        noise = draw.normal(0.0, self.sigma, clean.shape)
        return (clean + noise).astype(np.float32), clean


def find_images(folder: Path | None, sigma: float, seed: int) -> list[NoisyImage]:
    """Return the images of a folder such as BSD68, or scikit-image's own.

    Raises
    ------
    FileError
        If the folder has no images.
    """
    if folder is None:
        return [NoisyImage(name, None, sigma, seed) for name in BUNDLED]
    paths = (
        [path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES] if folder.is_dir() else []
    )
    if not paths:
        raise FileError(f"There are no images in {folder}; expected 8-bit grayscale PNG or TIFF files.")
    return [NoisyImage(p.stem, p, sigma, seed) for p in sorted(paths, key=lambda p: natural(p.name))]
