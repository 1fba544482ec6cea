"""The INR beside the blind-spot fit: F_φ learns the noisy pixels, then what D_θ makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_blindspot.method.inr import Siren, pixel_coordinates

if TYPE_CHECKING:
    from napari_blindspot.settings import Settings

__all__ = ["ImplicitFit"]

POINTS = 8192
"""Points a step looks at."""

CHUNK = 16384
"""Points evaluated at once when the whole plane is asked for."""


class ImplicitFit:
    """F_φ for one plane, fitted by L_inr and L_mc.

    Parameters
    ----------
    noisy : Tensor
        (Y, X) float32, stabilised and standardised.
    valid : Tensor
        (Y, X) bool.
    settings : Settings
        Width, octaves, dropout and learning rate; which losses are on.
    steps : int
        How many there will be, for the learning rate's cycle.
    generator : torch.Generator
        Draws weights, points and shifts.
    """

    def __init__(
        self,
        noisy: torch.Tensor,
        valid: torch.Tensor,
        settings: Settings,
        steps: int,
        generator: torch.Generator,
    ) -> None:
        self.settings = settings
        self.generator = generator
        self.shape = noisy.shape
        self.noisy = noisy.flatten()
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
        self.siren.requires_grad_(settings.train_inr)
        fused = noisy.device.type != "mps"
        self.optimizer = torch.optim.Adam(self.siren.parameters(), settings.inr_learning_rate, fused=fused)
        # A tenth of 10 steps leaves the rise no length, by which torch would divide.
        cycle = 11 if steps == 10 else max(2, steps)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, settings.inr_learning_rate, total_steps=cycle, pct_start=0.1
        )
        self.taken = 0
        self.estimate: torch.Tensor | None = None

    def step(self, record: torch.Tensor) -> None:
        """Take one step.

        With an estimate of D_θ at hand, L_mc takes the place of L_inr: the shift is drawn from a pixel
        around the centre, so that F_φ is not moved by half a pixel, as shifts in (0, 1) would move it.

        Parameters
        ----------
        record : Tensor
            (3,); L_inr and L_mc are written to its second and third place.
        """
        settings = self.settings
        teaching = self.estimate is not None and settings.consistency_loss
        if not settings.train_inr or not (teaching or settings.inr_loss):
            return
        pick = torch.randint(
            len(self.visible), (POINTS,), device=self.visible.device, generator=self.generator
        )
        points = self.visible[pick]
        where = self.coordinates[points]
        if teaching:
            assert self.estimate is not None
            shift = torch.rand(where.shape, device=where.device, generator=self.generator) - 0.5
            where = where + shift * self.pixel
            target = self.estimate[points]
        else:
            target = self.noisy[points]
        loss = (self.siren(where) - target).square().mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.taken += 1
        if self.taken < self.schedule.total_steps:
            self.schedule.step()
        record[2 if teaching else 1] = loss.detach()

    @torch.no_grad()
    def image(self) -> torch.Tensor:
        """Return F_φ at all pixel centres, (Y, X)."""
        chunks = range(0, len(self.coordinates), CHUNK)
        parts = [self.siren(self.coordinates[start : start + CHUNK]) for start in chunks]
        return torch.cat(parts).view(self.shape)
