"""The joint optimisation of F_φ and D_θ on one plane: state, one step, one pass (paper, section 3.3).

Everything here is tensors on one device, on the scale of the fit; events and numpy belong to
`napari_blindspot.engine.paper_run`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from napari_blindspot.engine.hardware import cuda_graph
from napari_blindspot.engine.hardware.adam import Adam, make_adam
from napari_blindspot.engine.hardware.backends import unet_arithmetic
from napari_blindspot.engine.run import LossRecord
from napari_blindspot.method.layers import use_generator
from napari_blindspot.method.losses import LOSSES
from napari_blindspot.method.masks import invisible_set, sample_visible
from napari_blindspot.method.siren import Siren, pixel_coordinates
from napari_blindspot.method.unet import UNet

if TYPE_CHECKING:
    from napari_blindspot.core.notices import Notice
    from napari_blindspot.settings import PaperSettings

__all__ = ["PaperFit"]

MEMORY = 0.95
"""Share of the running mean of outputs that the next iteration keeps."""


class PaperFit:
    """Both networks, their optimisers and the random numbers of one fit.

    Parameters
    ----------
    noisy : Tensor
        (Y, X) float32 on the scale of the fit, without NaN. The networks see it as
        `PaperSettings.input_channels` identical channels.
    valid : Tensor
        (Y, X) bool, False where the image had no value.
    settings : PaperSettings
        With the precision resolved.
    """

    def __init__(self, noisy: torch.Tensor, valid: torch.Tensor, settings: PaperSettings) -> None:
        self.settings = settings
        channels = settings.input_channels
        self.noisy = noisy.expand(channels, -1, -1)
        self.valid = valid.expand(channels, -1, -1)
        self.device = noisy.device
        self.generator = torch.Generator(self.device).manual_seed(settings.seed)
        self.unet = UNet(
            settings.unet_width, settings.unet_dilation, settings.unet_dropout, channels, self.generator
        )
        if self.device.type == "cuda":
            self.unet.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.inr = Siren(
            settings.inr_features,
            settings.inr_octaves,
            settings.inr_dropout,
            settings.inr_omega,
            self.generator,
            channels,
        )
        use_generator(self.unet, self.generator)
        use_generator(self.inr, self.generator)
        self.inr.requires_grad_(settings.train_inr)

        falling = [self._unet_rate(i) for i in range(settings.iterations)]
        self.unet_optimizer = self._adam(self.unet, falling)
        self.inr_optimizer = self._adam(self.inr, [settings.inr_learning_rate] * settings.iterations)
        self.compromises: dict[str, Notice] = {}
        self.replay = cuda_graph.StepReplay(self.generator, self.compromises)
        height, width = noisy.shape
        self.coordinates = pixel_coordinates(height, width, self.device)
        self.pixel = torch.tensor([2.0 / (height - 1), 2.0 / (width - 1)], device=self.device)
        self.losses = LossRecord(settings.iterations, self.device)
        self._latest = torch.full((len(LOSSES),), math.nan, device=self.device)
        self._means = {name: torch.zeros_like(noisy) for name in ("denoised", "inr")}

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
        self.losses.write_all(self._latest)
        self.losses.done += 1

    def _work(self) -> None:
        """Do what is the same in every iteration."""
        terms = self._forward()
        total = self._loss(terms)
        self.unet_optimizer.zero_grad()
        self.inr_optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        self.unet_optimizer.step()
        if self.settings.train_inr:
            self.inr_optimizer.step()
        for name, image in terms.images().items():
            self._means[name].lerp_(image.detach(), 1.0 - MEMORY)

    def _tensors(self) -> list[torch.Tensor]:
        """Return what an iteration on a GPU changes."""
        moved = self.unet_optimizer.tensors() + self.inr_optimizer.tensors()
        return [*moved, *self._means.values(), self._latest]

    @torch.no_grad()
    def predict(self) -> dict[str, torch.Tensor]:
        """Return the images for a new visible set, (Y, X) each."""
        return self._forward().images()

    def running_mean(self) -> dict[str, torch.Tensor]:
        """Return the recent mean of the images that the iterations computed anyway, (Y, X) each.

        It costs no pass and draws no random number, so that looking does not change the result.
        """
        weight = 1.0 - MEMORY**self.losses.done
        return {name: mean / weight for name, mean in self._means.items()}

    def _forward(self) -> _Terms:
        """Draw the visible set, fill the rest (eq. 13) and denoise (the argument of eq. 14)."""
        visible = sample_visible(self.valid, self.settings.visible_fraction, self.generator)
        inr = self._image_of(self.inr(self.coordinates))
        if self.settings.fill == "zero":
            fill = torch.zeros_like(inr)
        else:
            fill = inr.detach() if self.settings.detach_fill else inr
        masked = torch.where(visible, self.noisy, fill)
        with unet_arithmetic(self.settings.precision, self.device):
            denoised = self.unet(masked[None])
        return _Terms(self, visible, denoised[0].float(), inr)

    def _loss(self, terms: _Terms) -> torch.Tensor:
        """Sum the losses that are switched on, (), and note each of them."""
        values = []
        for column, (name, loss) in enumerate(LOSSES.items()):
            if name in self.settings.losses:
                values.append(loss.of(terms))
                self._latest[column] = values[-1].detach()
        return torch.stack(values).sum()

    def shifted_inr(self, visible: torch.Tensor) -> torch.Tensor:
        """Return F_φ at the pixels of a mask, each moved by a random shift.

        Parameters
        ----------
        visible : Tensor
            (C, Y, X) bool.

        Returns
        -------
        Tensor
            (C, Y, X); what it holds where no channel is visible is not defined.
        """
        seen = visible.any(dim=0).flatten()
        # Where steps are recorded, sizes must stay, and only the device knows how many are visible.
        points = self._first(seen) if cuda_graph.keeps_numbers(self.device) else seen.nonzero()[:, 0]
        intensities = self.inr(self.shifted(self.coordinates[points.clamp(max=len(seen) - 1)]))
        # One row more, for the places that no pixel fills.
        shifted = intensities.new_zeros(len(seen) + 1, intensities.shape[1])
        return self._image_of(shifted.index_copy(0, points, intensities)[:-1])

    def _first(self, seen: torch.Tensor) -> torch.Tensor:
        """Return where a mask, (N,), is true, in as many places as it ever needs; N in those left over.

        The places suffice for six standard deviations more pixels than are visible on average; what would
        be beyond them has no part in the step.
        """
        count, share = len(seen), self.settings.visible_fraction
        share = 1.0 - (1.0 - share) ** self.settings.input_channels
        places = min(count, math.ceil(count * share + 6.0 * math.sqrt(count * share * (1.0 - share))))
        rank = torch.where(seen, seen.cumsum(0) - 1, places).clamp(max=places)
        first = torch.full((places + 1,), count, device=self.device)
        return first.scatter_(0, rank, torch.arange(count, device=self.device))[:-1]

    def shifted(self, coordinates: torch.Tensor) -> torch.Tensor:
        """Return coordinates (N, 2), each moved by a random 0 < Δ < 1 pixel on both axes."""
        shift = torch.rand(coordinates.shape, device=self.device, generator=self.generator)
        return coordinates + shift * self.pixel

    def _image_of(self, intensities: torch.Tensor) -> torch.Tensor:
        """Put the intensities of all points, (Y * X, C), in their places, (C, Y, X)."""
        return intensities.T.reshape(self.noisy.shape)

    def _adam(self, network: torch.nn.Module, rates: list[float]) -> Adam:
        """Return Adam with these learning rates and torch's usual memories."""
        return make_adam(network.parameters(), [(rate, 0.9) for rate in rates], 0.999, self.device)

    def _unet_rate(self, iteration: int) -> float:
        """Return the U-Net's learning rate, which falls to 0 on half a cosine."""
        progress = iteration / self.settings.iterations
        return self.settings.unet_learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))


@dataclass(frozen=True, slots=True)
class _Terms:
    """What an iteration offers to its losses, (C, Y, X) each; see `napari_blindspot.method.losses`."""

    fit: PaperFit
    visible: torch.Tensor
    denoised: torch.Tensor
    inr: torch.Tensor

    @property
    def noisy(self) -> torch.Tensor:
        return self.fit.noisy

    def invisible(self) -> torch.Tensor:
        return invisible_set(self.visible, self.fit.valid, self.fit.settings.dilation)

    def shifted_inr(self) -> torch.Tensor:
        return self.fit.shifted_inr(self.visible)

    def images(self) -> dict[str, torch.Tensor]:
        """Return the mean of the channels of both images, (Y, X) each."""
        return {"denoised": self.denoised.mean(0), "inr": self.inr.mean(0)}
