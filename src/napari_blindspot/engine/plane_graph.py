"""What a model's U-Net does with one plane by itself, as a graph that torch runs without this package.

The graph stabilises and standardises intensities, lets D_θ see every pixel, takes the mean over the
symmetries, and goes back to intensities. What a run measures on each plane anew is not in it: the noise,
defects, scan lines, neighbours, and the means of the noisy image. What stands around the graph in a file
belongs to `napari_blindspot.model_zoo`.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import torch
from torch import nn

from napari_blindspot.core.errors import InternalError, SettingsError
from napari_blindspot.method.compact_unet import CompactUNet, estimate_by
from napari_blindspot.method.masks import MASKS
from napari_blindspot.method.stabilisation import intensities, stabilise
from napari_blindspot.method.symmetry import turn, turn_back
from napari_blindspot.method.weights import count_neighbours, put_weights
from napari_blindspot.noise.anscombe import Anscombe

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_blindspot.core.model import Model

    Floats = npt.NDArray[np.float32]

__all__ = ["PlaneGraph", "torchscript_of"]

TRACED, CHECKED = (1, 1, 64, 48), (2, 1, 43, 72)
"""Shapes of the image that the graph is recorded with, and of the one that it is tried with."""


class PlaneGraph(nn.Module):
    """D_θ of a model between intensities and intensities.

    Parameters
    ----------
    model : Model
        With a refined U-Net.

    Raises
    ------
    SettingsError
        If its U-Net was not refined, so that it can only predict pixels that are hidden from it.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        settings, base = model.settings, model.inr_base
        if not any(settings.refine_iterations):
            raise SettingsError(
                "The U-Net of this model was not refined, so that it predicts a pixel only while it is "
                "hidden, which no exported graph does; fit again with a refinement (refine_iterations).",
                setting="refine_iterations",
            )
        stabiliser = Anscombe.of(model.noise) if base is None else Anscombe(base.gain, base.offset)
        self.gain, self.offset = stabiliser.told_gain, stabiliser.offset
        self.mean, self.scale = model.mean, model.scale
        self.symmetries = settings.symmetries
        self.neighbours = count_neighbours(model.weights)
        self.line = MASKS[settings.mask](settings.gap, settings.visible_fraction).fill_weights
        self.network = CompactUNet(self.neighbours, settings.unet_width, torch.Generator())
        put_weights(self.network, model.weights, "refined.")
        self.requires_grad_(False).eval()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return denoised intensities, (N, 1, Y, X) float32, of noisy ones without NaN."""
        standard = (stabilise(image.double(), self.gain, self.offset) - self.mean) / self.scale
        noisy = standard.float()
        total = torch.zeros_like(noisy)
        for symmetry in range(self.symmetries):
            total = total + turn_back(self._estimate(turn(noisy, symmetry)), symmetry)
        stabilised = (total / self.symmetries).double() * self.scale + self.mean
        return intensities(stabilised, self.gain, self.offset).float()

    def _estimate(self, noisy: torch.Tensor) -> torch.Tensor:
        absent = torch.full_like(noisy, torch.nan).expand(-1, self.neighbours, -1, -1)
        return estimate_by(self.network, noisy, torch.ones_like(noisy) > 0.5, absent, self.line)


def torchscript_of(graph: PlaneGraph) -> bytes:
    """Return the graph as a file of TorchScript, for (N, 1, Y, X) float32 images of 16×16 pixels or more.

    Raises
    ------
    InternalError
        If what was recorded computes something else than the graph.
    """
    generator = torch.Generator().manual_seed(0)
    traced_with, other = (
        graph.mean + graph.scale * torch.rand(shape, generator=generator) for shape in (TRACED, CHECKED)
    )
    with torch.no_grad(), warnings.catch_warnings():
        # It warns of each size that is a number to Python, and of its own end, which is years away.
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(graph, traced_with, check_trace=False)  # type: ignore[no-untyped-call]
        file = io.BytesIO()
        torch.jit.save(traced, file)
        file.seek(0)
        again = torch.jit.load(file)  # type: ignore[no-untyped-call]
        made, wanted = again(other), graph(other)
        if not torch.allclose(made, wanted, rtol=1e-4, atol=1e-4 * float(wanted.std())):
            raise InternalError(
                "The exported graph computes other pixels than the model; it was not written."
            )
    return file.getvalue()
