"""The protocol: full image, float estimate clipped to [0, 255] and not rounded, scikit-image's metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.core.errors import ImageError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["DATA_RANGE", "Scores", "best_affine", "score"]

DATA_RANGE = 255.0


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
    """

    psnr: float
    si_psnr: float
    ssim: float


def best_affine(
    estimate: npt.NDArray[np.float64], truth: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return gain * estimate + offset with the least squared distance to the truth."""
    centred = estimate - estimate.mean()
    power = float((centred**2).sum())
    gain = float((centred * (truth - truth.mean())).sum()) / power if power > 0 else 0.0
    fitted: npt.NDArray[np.float64] = gain * centred + truth.mean()
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
    with np.errstate(divide="ignore"):  # a perfect estimate has infinite PSNR
        return Scores(
            psnr=float(peak_signal_noise_ratio(y, x, data_range=DATA_RANGE)),
            si_psnr=float(peak_signal_noise_ratio(y, best_affine(x, y), data_range=DATA_RANGE)),
            ssim=float(structural_similarity(y, x, data_range=DATA_RANGE)),
        )
