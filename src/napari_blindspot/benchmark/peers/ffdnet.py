"""FFDNet between the generalised Anscombe transform and its inverse: a network that knows photographs.

One pass, told the noise that this package measures. Where the noise is correlated, the four images of every
second row and column are denoised by themselves, between whose pixels less of it is shared (Zhou et al.,
"When AWGN-based Denoiser Meets Real Noises", AAAI 2020).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.benchmark.method_protocol import Method
from napari_blindspot.noise.anscombe import Anscombe
from napari_blindspot.noise.estimate import estimate_noise

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_blindspot.benchmark.method_protocol import Denoiser, Request

__all__ = ["METHODS", "ffdnet_vst"]

_NOISE2VST = "napari_blindspot.benchmark.peers.shared.noise2vst:noise2vst"

METHODS = (
    Method("ffdnet-vst", f"{__name__}:ffdnet_vst", place=25, needs=("torch", "h5py"), weights="ffdnet"),
    Method("noise2vst", _NOISE2VST, place=25, needs=("torch", "h5py"), weights="ffdnet"),
)
"""The second learns the transform instead."""

APART = 2
"""Pixels from one to the next of an image that is denoised by itself where noise is correlated."""


def ffdnet_vst(request: Request) -> Denoiser:
    """Return FFDNet with the weights that the request names."""
    import torch
    import torch.nn.functional as F

    from napari_blindspot.benchmark.peers.shared.ffdnet import FFDNet

    network = FFDNet(request)

    @torch.no_grad()
    def denoise(image: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        noise = estimate_noise(image)
        stabiliser = Anscombe.of(noise)
        plane = stabiliser.forward(image)
        low, span = float(plane.min()), float(np.ptp(plane)) or 1.0
        x = torch.from_numpy(((plane - low) / span).astype(np.float32))[None, None]
        apart = APART if noise.is_correlated else 1
        height, width = image.shape
        x = F.pad(x, (0, -width % apart, 0, -height % apart), mode="replicate")
        phases = F.pixel_unshuffle(x, apart).swapaxes(0, 1)
        estimate = F.pixel_shuffle(network(phases, 1 / span).swapaxes(0, 1), apart)
        found = estimate[0, 0, :height, :width].numpy().astype(np.float64)
        return stabiliser.inverse(found * span + low)

    return denoise
