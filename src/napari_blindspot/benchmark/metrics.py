"""The protocol: full image, float estimate clipped to [0, 255] and not rounded, scikit-image's metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.core.errors import ImageError

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["DATA_RANGE", "Scores", "best_affine", "score"]

DATA_RANGE = 255.0

CORNER = 256
"""Side in pixels of the four parts that FMD's authors score (Zhang et al., CVPR 2019)."""


@dataclass(frozen=True, slots=True)
class Scores:
    """How close an estimate is to the truth.

    Attributes
    ----------
    psnr : float
        Peak signal-to-noise ratio in dB, data range 255.
    si_psnr : float
        The same after the affine fit of the estimate to the truth that makes it largest. Captures drift in
        gain by up to ±10 %, which caps `psnr` for everyone.
    ssim : float
        Structural similarity with scikit-image's default 7×7 uniform window, data range 255. Other
        toolboxes' SSIM has a Gaussian window and is not comparable.
    psnr_corners, ssim_corners : float or None
        Means over four corners of 256×256 pixels, as FMD's authors score; None for images below 512².
    """

    psnr: float
    si_psnr: float
    ssim: float
    psnr_corners: float | None = None
    ssim_corners: float | None = None


def best_affine(estimate: Floats, truth: Floats) -> Floats:
    """Return gain * estimate + offset with the least squared distance to the truth."""
    centred = estimate - estimate.mean()
    power = float((centred**2).sum())
    gain = float((centred * (truth - truth.mean())).sum()) / power if power > 0 else 0.0
    fitted: Floats = gain * centred + truth.mean()
    return fitted


def score(estimate: npt.ArrayLike, truth: npt.ArrayLike) -> Scores:
    """Score an estimate by the protocol.

    Parameters
    ----------
    estimate : array_like
        (Y, X) float, on the scale of the truth; clipped to [0, 255] here.
    truth : array_like
        (Y, X) in [0, 255], 7×7 or larger.

    Raises
    ------
    ImageError
        If the shapes differ or the estimate is not finite.
    """
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    x = np.asarray(estimate, dtype=np.float64)
    y = np.asarray(truth, dtype=np.float64)
    if x.shape != y.shape:
        raise ImageError(f"The estimate has the shape {x.shape}, but the truth has {y.shape}.")
    bad = int((~np.isfinite(x)).sum())
    if bad:
        raise ImageError(f"{bad} of {x.size} pixels of the estimate are not finite.")
    x = np.clip(x, 0.0, DATA_RANGE)

    def psnr(truth: Floats, estimate: Floats) -> float:
        return float(peak_signal_noise_ratio(truth, estimate, data_range=DATA_RANGE))

    def ssim(truth: Floats, estimate: Floats) -> float:
        return float(structural_similarity(truth, estimate, data_range=DATA_RANGE))

    with np.errstate(divide="ignore"):  # a perfect estimate has infinite PSNR
        corners = [(y[part], x[part]) for part in _corners(y.shape)]
        return Scores(
            psnr=psnr(y, x),
            si_psnr=psnr(y, best_affine(x, y)),
            ssim=ssim(y, x),
            psnr_corners=float(np.mean([psnr(*pair) for pair in corners])) if corners else None,
            ssim_corners=float(np.mean([ssim(*pair) for pair in corners])) if corners else None,
        )


def _corners(shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
    """Return where the four corners of an image lie; none where they would overlap."""
    if min(shape) < 2 * CORNER:
        return []
    rows, columns = ((slice(CORNER), slice(side - CORNER, side)) for side in shape)
    return [(row, column) for row in rows for column in columns]
