"""The joint optimisation of F_φ and D_θ on one plane: state, one step, one pass (paper, section 3.3).

Everything here is tensors on one device, on the scale of the fit; events, time and numpy belong to
`napari_blindspot.engine.fit_plane`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from napari_blindspot.engine.hardware import cuda_graph
from napari_blindspot.engine.hardware.adam import Adam, make_adam
from napari_blindspot.engine.hardware.backends import unet_arithmetic
from napari_blindspot.method.layers import use_generator
from napari_blindspot.method.losses import consistency_loss, denoising_loss, inr_loss
from napari_blindspot.method.masks import invisible_set, sample_visible
from napari_blindspot.method.siren import Siren, pixel_coordinates
from napari_blindspot.method.unet import UNet

if TYPE_CHECKING:
    from napari_blindspot.settings import Settings

__all__ = ["JointFit"]

MEMORY = 0.95
"""Share of the running mean of outputs that the next iteration keeps."""


class JointFit:
    """Both networks, their optimisers and the random numbers of one fit.

    Parameters
    ----------
    noisy : Tensor
        (Y, X) float32 on the scale of the fit, without NaN.
    valid : Tensor
        (Y, X) bool, False where the image had no value.
    settings : Settings
        With the precision resolved.
    """

    def __init__(self, noisy: torch.Tensor, valid: torch.Tensor, settings: Settings) -> None:
        assert settings.visible_fraction is not None
        assert settings.dilation is not None
        self.settings = settings
        self.visible_fraction = settings.visible_fraction
        self.dilation = settings.dilation
        self.noisy = noisy
        self.valid = valid
        self.device = noisy.device
        self.generator = torch.Generator(self.device).manual_seed(settings.seed)
        self.unet = UNet(settings.unet_width, settings.unet_dilation, settings.unet_dropout, self.generator)
        self.unet.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.inr = Siren(
            settings.inr_features,
            settings.inr_octaves,
            settings.inr_dropout,
            settings.inr_omega,
            self.generator,
        )
        use_generator(self.unet, self.generator)
        use_generator(self.inr, self.generator)
        self.inr.requires_grad_(settings.train_inr)

        falling = [self._unet_rate(i) for i in range(settings.iterations)]
        self.unet_optimizer = self._adam(self.unet, falling)
        self.inr_optimizer = self._adam(self.inr, [settings.inr_learning_rate] * settings.iterations)
        self.compromises: dict[str, str] = {}
        self.replay = cuda_graph.Replay(self.generator, self.compromises)
        height, width = noisy.shape
        self.coordinates = pixel_coordinates(height, width, self.device)
        self.pixel = torch.tensor([2.0 / (height - 1), 2.0 / (width - 1)], device=self.device)
        self.iteration = 0
        self.losses = torch.full((settings.iterations, 3), math.nan, device=self.device)
        self._record = torch.full((3,), math.nan, device=self.device)
        self._mean_denoised = torch.zeros_like(noisy)
        self._mean_inr = torch.zeros_like(noisy)

    @property
    def parameters(self) -> int:
        """Number of trainable parameters of both networks."""
        networks = (self.unet, self.inr)
        return sum(p.numel() for net in networks for p in net.parameters() if p.requires_grad)

    def step(self) -> None:
        """Run one iteration: draw the sets, sum the losses (eq. 16), move both networks."""
        self.unet_optimizer.advance()
        self.inr_optimizer.advance()
        self.replay(self._work, self._tensors)
        self.losses[self.iteration] = self._record
        self.iteration += 1

    def _work(self) -> None:
        """Do what is the same in every iteration."""
        visible = sample_visible(self.valid, self.visible_fraction, self.generator)
        denoised, inr = self._forward(visible)
        total = self._loss(visible, denoised, inr)
        self.unet_optimizer.zero_grad()
        self.inr_optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        self.unet_optimizer.step()
        if self.settings.train_inr:
            self.inr_optimizer.step()
        self._mean_denoised.lerp_(denoised.detach(), 1.0 - MEMORY)
        self._mean_inr.lerp_(inr.detach(), 1.0 - MEMORY)

    def _tensors(self) -> list[torch.Tensor]:
        """Return what an iteration on a GPU changes."""
        moved = self.unet_optimizer.tensors() + self.inr_optimizer.tensors()
        return [*moved, self._mean_denoised, self._mean_inr, self._record]

    @torch.no_grad()
    def predict(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return D_θ's estimate and the INR's image for a new visible set, (Y, X) each."""
        visible = sample_visible(self.valid, self.visible_fraction, self.generator)
        return self._forward(visible)

    def running_mean(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the recent mean of the outputs that the iterations computed anyway.

        It costs no pass and draws no random number, so that looking does not change the result.
        """
        weight = 1.0 - MEMORY**self.iteration
        return self._mean_denoised / weight, self._mean_inr / weight

    def _forward(self, visible: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Fill what is not visible (eq. 13) and denoise (the argument of eq. 14)."""
        inr = self.inr(self.coordinates).view_as(self.noisy)
        if self.settings.fill == "zero":
            fill = torch.zeros_like(inr)
        else:
            fill = inr.detach() if self.settings.detach_fill else inr
        masked = torch.where(visible, self.noisy, fill)
        with unet_arithmetic(self.settings, self.device):
            denoised = self.unet(masked[None, None])
        return denoised[0, 0].float(), inr

    def _loss(self, visible: torch.Tensor, denoised: torch.Tensor, inr: torch.Tensor) -> torch.Tensor:
        """Sum the losses that are switched on, and note each of them."""
        settings = self.settings
        terms = []
        record = self._record
        if settings.denoising_loss:
            invisible = invisible_set(visible, self.valid, self.dilation)
            terms.append(denoising_loss(denoised, self.noisy, invisible))
            record[0] = terms[-1].detach()
        if settings.inr_loss:
            terms.append(inr_loss(inr, self.noisy, visible))
            record[1] = terms[-1].detach()
        if settings.consistency_loss:
            shifted = self.inr(self._shifted_coordinates()).view_as(self.noisy)
            terms.append(consistency_loss(shifted, denoised, visible))
            record[2] = terms[-1].detach()
        return torch.stack(terms).sum()

    def _shifted_coordinates(self) -> torch.Tensor:
        """Move every pixel's coordinates by a random 0 < Δ < 1 pixel on both axes."""
        shift = torch.rand(self.coordinates.shape, device=self.device, generator=self.generator)
        return self.coordinates + shift * self.pixel

    def _adam(self, network: torch.nn.Module, rates: list[float]) -> Adam:
        """Return Adam with these learning rates and torch's usual memories."""
        return make_adam(network.parameters(), [(rate, 0.9) for rate in rates], 0.999, self.device)

    def _unet_rate(self, iteration: int) -> float:
        """Return the U-Net's learning rate, which falls to 0 on half a cosine."""
        progress = iteration / self.settings.iterations
        return self.settings.unet_learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))
