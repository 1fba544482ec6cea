"""The INR beside the blind-spot fit: F_φ learns the noisy pixels, then what D_θ makes of them.

F_φ is a SIREN on top of an image that is read between its pixels: the SIREN has to learn only what that
lacks. At first that image is the normalised convolution that fills the U-Net's holes; as soon as D_θ has an
estimate it is the estimate, by cubic B-splines (docs/benchmarks/inr.md). While F_φ learns, their values at
the pixels are read linearly between them, which is quicker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_blindspot.engine.hardware import cuda_graph
from napari_blindspot.engine.hardware.adam import make_adam, one_cycle
from napari_blindspot.engine.hardware.memory import retry
from napari_blindspot.method.inr_field import b_spline_at_pixels, read_linear
from napari_blindspot.method.siren import Siren, pixel_coordinates

if TYPE_CHECKING:
    from napari_blindspot.core.notices import Notice
    from napari_blindspot.engine.run import LossRecord
    from napari_blindspot.settings import PlannedSettings

__all__ = ["InrFit"]

POINTS = 2048
"""Points a step looks at."""

BETA = 0.999
"""Memory of the squared gradients."""

CHUNK, LEAST_CHUNK = 16384, 256
"""Points evaluated at once when the whole plane is asked for, and how few if memory does not suffice."""


class InrFit:
    """F_φ for one plane, fitted by L_inr and L_mc.

    Parameters
    ----------
    noisy : Tensor
        (Y, X) float32, stabilised and standardised.
    valid : Tensor
        (Y, X) bool.
    fill : Tensor
        (Y, X), the normalised convolution that F_φ starts from.
    settings : PlannedSettings
        Width, octaves, dropout and learning rate; which losses are on.
    iterations : int
        How many there will be, for the learning rate's cycle.
    generator : torch.Generator
        Draws weights, points and shifts.
    compromises : dict of str to Notice, optional
        Where what was done without is collected.
    """

    def __init__(
        self,
        noisy: torch.Tensor,
        valid: torch.Tensor,
        fill: torch.Tensor,
        settings: PlannedSettings,
        iterations: int,
        generator: torch.Generator,
        compromises: dict[str, Notice] | None = None,
    ) -> None:
        self.settings = settings
        self.generator = generator
        self.shape = noisy.shape
        self.noisy = noisy.flatten()
        self.base = self._at_pixels = fill.clone()
        self._chunk = CHUNK
        self.visible = valid.flatten().nonzero()[:, 0]
        self.coordinates = pixel_coordinates(noisy.shape[0], noisy.shape[1], noisy.device)
        self.pixel = 2.0 / (torch.tensor(noisy.shape, device=noisy.device) - 1.0)
        self.siren = Siren(
            settings.inr_features,
            settings.inr_octaves,
            settings.inr_dropout,
            settings.inr_omega,
            generator,
        )
        self._add_nothing()
        self.siren.requires_grad_(settings.train_inr)
        numbers = one_cycle(max(iterations, 2), settings.inr_learning_rate, rise=0.1, below=25, last=10_000)
        self.optimizer = make_adam(self.siren.parameters(), numbers, BETA, noisy.device)
        self.loss = torch.zeros((), device=noisy.device)
        self.compromises = {} if compromises is None else compromises
        self.replay = cuda_graph.StepReplay(generator, self.compromises)
        self._estimate: torch.Tensor | None = None

    @property
    def estimate(self) -> torch.Tensor | None:
        """D_θ's estimate, (Y * X,), once there is one; F_φ stands on it and learns from it then."""
        return self._estimate

    @estimate.setter
    def estimate(self, values: torch.Tensor) -> None:
        if self._estimate is None:
            # Steps are others from now on; the ones after a later estimate read it from the same place.
            self.replay = cuda_graph.StepReplay(self.generator, self.compromises)
            self._estimate = values.clone()
            self.base = self._estimate.view(self.shape)
            self._at_pixels = b_spline_at_pixels(self.base)
            self._add_nothing()
        else:
            self._estimate.copy_(values)
            self._at_pixels.copy_(b_spline_at_pixels(self.base))

    @torch.no_grad()
    def _add_nothing(self) -> None:
        """Let F_φ be what it stands on: the network has not learned yet what that lacks."""
        self.siren.output.weight.zero_()
        self.siren.output.bias.zero_()

    def step(self, losses: LossRecord) -> None:
        """Take one step.

        With an estimate of D_θ at hand, L_mc takes the place of L_inr: the shift is drawn from a pixel
        around the centre, so that F_φ is not moved by half a pixel, as shifts in (0, 1) would move it.

        Parameters
        ----------
        losses : LossRecord
            L_inr or L_mc is noted for its iteration at work.
        """
        if not self.settings.train_inr or not (self._taught or "inr" in self.settings.losses):
            return
        self.optimizer.advance()
        self.replay(self._work, self._tensors)
        losses.write("consistency" if self._taught else "inr", self.loss)

    @property
    def _taught(self) -> bool:
        return self._estimate is not None and "consistency" in self.settings.losses

    def _work(self) -> None:
        """Draw points, and move F_φ towards what it learns there."""
        pick = torch.randint(
            len(self.visible), (POINTS,), device=self.visible.device, generator=self.generator
        )
        points = self.visible[pick]
        where = self.coordinates[points]
        if self._estimate is not None and self._taught:
            shift = torch.rand(where.shape, device=where.device, generator=self.generator) - 0.5
            where = where + shift * self.pixel
            target = self._estimate[points]
        else:
            target = self.noisy[points]
        loss = (read_linear(self._at_pixels, where) + self.siren(where)[:, 0] - target).square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.loss.copy_(loss.detach())

    def _tensors(self) -> list[torch.Tensor]:
        return [*self.optimizer.tensors(), self.loss]

    @torch.no_grad()
    def image(self) -> torch.Tensor:
        """Return F_φ at all pixel centres, (Y, X)."""
        return retry(self._image, self._halve_chunk, self.coordinates.device)

    def _image(self) -> torch.Tensor:
        image = self._at_pixels.clone()
        pixels = image.view(-1)
        for start in range(0, len(pixels), self._chunk):
            part = slice(start, start + self._chunk)
            pixels[part] += self.siren(self.coordinates[part])[:, 0]
        return image

    def _halve_chunk(self) -> bool:
        self._chunk //= 2
        return self._chunk >= LEAST_CHUNK
