"""The blind-spot fit of the measured presets: patches, holes by the noise's reach, every pixel predicted.

As in the paper, D_θ sees the visible pixels with estimates elsewhere and must predict pixels that lie away
from every visible one. What differs is measured, not guessed: the visible set is everything but a hole
around each target, as wide as the noise is correlated, and the loss is L2 on pixels whose noise has been
stabilised. Tensors on the scale of the fit only; events and numpy belong to `napari_blindspot.engine`'s
other modules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from napari_blindspot.engine.hardware.backends import unet_arithmetic
from napari_blindspot.engine.hardware.memory import LEAST_TILE, MARGIN, retry, tile_side
from napari_blindspot.engine.patches import Patches
from napari_blindspot.method.compact_unet import LEVELS, CompactUNet
from napari_blindspot.method.fill import gaussian, normalised_convolution
from napari_blindspot.method.masks import place_targets, punch_holes, scattered_targets
from napari_blindspot.method.symmetry import turn, turn_back
from napari_blindspot.noise.gap_choice import hole_radius, target_spacing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

    from torch import nn

    from napari_blindspot.engine.hardware.cuda_graph import Replay
    from napari_blindspot.engine.trainer import Trainer
    from napari_blindspot.settings import Settings

    class Loss(Protocol):
        """What a phase of the fit makes small, for a few patches at random places."""

        count: int
        """Of patches, at most."""

        def __call__(self, network: nn.Module) -> torch.Tensor:
            """Return the loss of the patches that were placed last."""


__all__ = ["BlindFit", "BlindLoss", "line_of_fill", "what_is_seen"]

MULTIPLE = 2**LEVELS


class BlindFit:
    """The network, its input and its random numbers for one plane.

    Parameters
    ----------
    noisy : Tensor
        (Y, X) float32, stabilised and standardised, without NaN.
    valid : Tensor
        (Y, X) bool, False where the image had no value.
    settings : Settings
        With everything that the noise decides filled in.
    beside : Tensor, optional
        (K, Y, X), neighbouring planes on the scale of `noisy`, which are never hidden.
    """

    def __init__(
        self,
        noisy: torch.Tensor,
        valid: torch.Tensor,
        settings: Settings,
        beside: torch.Tensor | None = None,
    ) -> None:
        self.beside = (noisy.new_empty(0, *noisy.shape) if beside is None else beside)[None]
        self.noisy = noisy[None, None]
        self.valid = valid[None, None]
        self.settings = settings
        self.device = noisy.device
        self.generator = torch.Generator(self.device).manual_seed(settings.seed)
        assert settings.dilation is not None
        assert settings.visible_fraction is not None
        self.radius = hole_radius(settings.dilation)
        self.spacing = target_spacing(settings.dilation, settings.visible_fraction)
        self.line = line_of_fill(self.radius)
        self.compromises: dict[str, str] = {}
        height, width = noisy.shape
        self.patches = Patches((height, width), settings, MULTIPLE, self.device)
        self.tile = tile_side((height, width), settings, self.device)
        self.network = CompactUNet(2 + self.beside.shape[1], settings.unet_width, self.generator)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def apply(
        self, network: nn.Module, image: torch.Tensor, visible: torch.Tensor, beside: torch.Tensor
    ) -> torch.Tensor:
        """Return D_θ's estimate of (N, 1, Y, X) images of which `visible` pixels may be seen.

        `beside` are (N, K, Y, X) neighbouring planes; K may be 0.
        """
        features, fill = what_is_seen(image, visible, beside, self.line)
        height, width = image.shape[-2:]
        features = F.pad(features, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")
        features = features.contiguous(memory_format=torch.channels_last)
        with unet_arithmetic(self.settings, self.device):
            correction = network(features)
        estimate: torch.Tensor = fill + correction.float()[..., :height, :width]
        return estimate

    def learn(self, trainer: Trainer, loss: Loss, replay: Replay | None = None) -> torch.Tensor:
        """Take a step, and return its loss; with fewer patches from then on if memory does not suffice.

        Parameters
        ----------
        trainer : Trainer
            Of the network.
        loss : Loss
            The same one in all steps that share `replay`.
        replay : Replay, optional
            Takes the step from a graph where it has one.

        Returns
        -------
        Tensor
            (), overwritten by the next step.
        """

        def work() -> None:
            trainer.step(loss(trainer.network))

        def step() -> None:
            self.patches.place(loss.count)
            if replay is None:
                work()
            else:
                replay(work, trainer.tensors)

        def halve() -> bool:
            if replay is not None:
                replay.release()
            return self._halve_patches()

        trainer.advance()
        retry(step, halve, self.device)
        return trainer.loss

    def _halve_patches(self) -> bool:
        halved = self.patches.halve()
        if halved:
            self.compromises["patches"] = f"Memory was short, so an iteration saw at most {self.patches}."
        return halved

    def loss(self, network: nn.Module, patches: torch.Tensor) -> torch.Tensor:
        """L_dn: the mean squared error at the targets, each of which is hidden with its neighbours.

        Parameters
        ----------
        network : Module
            The denoiser.
        patches : Tensor
            (N, 2 + K, Y, X): the noisy image, 1 where it has a value, and its neighbours.
        """
        noisy, valid, beside = patches[:, :1], patches[:, 1:2] > 0.5, patches[:, 2:]
        count, _, height, width = noisy.shape
        targets = scattered_targets(count, height, width, self.spacing, self.generator)
        estimate = self.apply(network, noisy, punch_holes(targets, self.radius) & valid, beside)
        weight = (targets & valid).to(noisy.dtype)
        return (weight * (estimate - noisy) ** 2).sum() / weight.sum().clamp_min(1.0)

    @property
    def fill(self) -> torch.Tensor:
        """The normalised convolution of all valid pixels, (1, 1, Y, X)."""
        return normalised_convolution(self.noisy, self.valid.to(self.noisy.dtype), self.line)

    @property
    def pixels(self) -> torch.Tensor:
        """The noisy plane, its valid mask and its neighbours as channels, (1, 2 + K, Y, X)."""
        return torch.cat([self.noisy, self.valid.to(self.noisy.dtype), self.beside], dim=1)

    @torch.no_grad()
    def predict_hidden(self, network: nn.Module, symmetries: int) -> Iterator[torch.Tensor | None]:
        """Predict every pixel in the one pass in which it is the hidden one of its cell.

        Yields
        ------
        None or Tensor
            None after each pass, and at last the mean over the symmetries, (1, 1, Y, X).
        """
        total = torch.zeros_like(self.noisy)
        for symmetry in range(symmetries):
            image, valid, beside = (turn(x, symmetry) for x in (self.noisy, self.valid, self.beside))
            height, width = image.shape[-2:]
            cells = (-(-height // self.spacing), -(-width // self.spacing))
            orders = torch.rand(
                self.spacing**2, *cells, device=self.device, generator=self.generator
            ).argsort(dim=0)
            filled = torch.zeros_like(image)
            for choice in orders:
                targets = place_targets(choice[None], self.spacing, height, width)
                visible = punch_holes(targets, self.radius) & valid
                estimate = self.apply_tiled(network, image, visible, beside)
                filled = torch.where(targets, estimate, filled)
                yield None
            total += turn_back(filled, symmetry)
        yield total / symmetries

    @torch.no_grad()
    def predict_seen(self, network: nn.Module, symmetries: int) -> Iterator[torch.Tensor | None]:
        """Predict with every pixel visible; yields as `predict_hidden`."""
        total = torch.zeros_like(self.noisy)
        for symmetry in range(symmetries):
            image, valid, beside = (turn(x, symmetry) for x in (self.noisy, self.valid, self.beside))
            total += turn_back(self.apply_tiled(network, image, valid, beside), symmetry)
            yield None
        yield total / symmetries

    def apply_tiled(
        self, network: nn.Module, image: torch.Tensor, visible: torch.Tensor, beside: torch.Tensor
    ) -> torch.Tensor:
        """Do what `apply` does, in tiles where the plane is large, to the same pixels.

        Tiles overlap by more than the network sees and begin at multiples of its coarsest pixel, so that
        the cores equal those of one large pass. Where memory does not suffice, they are halved.
        """
        return retry(
            lambda: self._apply_tiled(network, image, visible, beside),
            lambda: self._halve_tile(max(image.shape[-2:])),
            self.device,
        )

    def _halve_tile(self, longest: int) -> bool:
        """Halve the side of the tiles, so often that a plane in one piece falls into several."""
        side = self.tile
        while True:
            side = side // 2 // MULTIPLE * MULTIPLE
            if side < LEAST_TILE:
                return False
            if side + MARGIN < longest:
                self.tile = side
                self.compromises["tiles"] = f"Memory was short, so tiles of {side} pixels were predicted."
                return True

    def _apply_tiled(
        self, network: nn.Module, image: torch.Tensor, visible: torch.Tensor, beside: torch.Tensor
    ) -> torch.Tensor:
        side = self.tile
        height, width = image.shape[-2:]
        if max(height, width) <= side + MARGIN:
            return self.apply(network, image, visible, beside)
        out = torch.empty_like(image)
        for top in range(0, height, side):
            for left in range(0, width, side):
                y = slice(max(0, top - MARGIN), min(height, top + side + MARGIN))
                x = slice(max(0, left - MARGIN), min(width, left + side + MARGIN))
                seen, near = visible[..., y, x], beside[..., y, x]
                tile = self.apply(network, image[..., y, x], seen, near)
                bottom, right = min(height, top + side), min(width, left + side)
                out[..., top:bottom, left:right] = tile[
                    ..., top - y.start : bottom - y.start, left - x.start : right - x.start
                ]
        return out


def line_of_fill(radius: float) -> tuple[float, ...]:
    """Return the weights of the fill along an axis: it must look past a hole of this radius."""
    if radius < 1:
        return gaussian(1.0, 3)
    return gaussian(0.8 * radius + 0.2, int(2.5 * radius))


def what_is_seen(
    image: torch.Tensor, visible: torch.Tensor, beside: torch.Tensor, line: tuple[float, ...]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the input of D_θ, (N, 2 + K, Y, X), and the fill that it corrects, (N, 1, Y, X).

    The input is the image with the fill where it is not `visible`, what is visible, and the neighbouring
    planes; `line` are the weights of the fill.
    """
    seen = visible.to(image.dtype)
    fill = normalised_convolution(image, seen, line)
    return torch.cat([torch.where(visible, image, fill), seen, beside], dim=1), fill


class BlindLoss:
    """L_dn of patches at random places: what the blind-spot fit makes small.

    Parameters
    ----------
    fit : BlindFit
        The plane and its random numbers.
    """

    def __init__(self, fit: BlindFit) -> None:
        self.fit = fit
        self.count = fit.settings.batch_size
        self.pixels = fit.pixels

    def __call__(self, network: nn.Module) -> torch.Tensor:
        """Return the loss of the patches that were placed last."""
        return self.fit.loss(network, self.fit.patches.cut(self.pixels))
