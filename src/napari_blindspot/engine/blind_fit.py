"""The blind-spot fit of the measured presets: patches, holes by the noise's reach, every pixel predicted.

As in the paper, D_θ sees the visible pixels with estimates elsewhere and must predict pixels that lie away
from every visible one. What differs is measured, not guessed: the visible set is everything but a hole
around each target, as wide as the noise is correlated, and the loss is L2 on pixels whose noise has been
stabilised. Tensors on the scale of the fit only; events and numpy belong to `napari_blindspot.engine`'s
other modules.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from napari_blindspot.core.notices import Notice
from napari_blindspot.engine.hardware.backends import unet_arithmetic
from napari_blindspot.engine.hardware.memory import MOST_PASSES, retry, tile_side
from napari_blindspot.engine.hardware.side_by_side import pieces_at_once
from napari_blindspot.engine.patches import Patches
from napari_blindspot.engine.tiling import Tiling
from napari_blindspot.method.compact_unet import MULTIPLE, CompactUNet, estimate_by
from napari_blindspot.method.fill import normalised_convolution
from napari_blindspot.method.masks import MASKS
from napari_blindspot.method.symmetry import turn, turn_back

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Protocol

    from torch import nn

    from napari_blindspot.engine.hardware.cuda_graph import StepReplay
    from napari_blindspot.engine.tiling import Input
    from napari_blindspot.engine.trainer import Piece, Trainer
    from napari_blindspot.settings import PlannedSettings

    class PatchLoss(Protocol):
        """What a phase of the fit makes small, for a few patches at random places."""

        count: int
        """Of patches, at most."""

        def pieces(self) -> list[Piece]:
            """Return the terms of the loss of the patches that were placed last."""


__all__ = ["BlindFit", "BlindLoss"]


class BlindFit:
    """The network, its input and its random numbers for one plane.

    Parameters
    ----------
    noisy : Tensor
        (Y, X) float32, stabilised and standardised, without NaN.
    valid : Tensor
        (Y, X) bool, False where the image had no value.
    settings : PlannedSettings
        With the patches of the plane.
    neighbours : Tensor, optional
        (K, Y, X), neighbouring planes on the scale of `noisy`, which are never hidden; NaN where they have
        no value.
    """

    def __init__(
        self,
        noisy: torch.Tensor,
        valid: torch.Tensor,
        settings: PlannedSettings,
        neighbours: torch.Tensor | None = None,
    ) -> None:
        self.neighbours = (noisy.new_empty(0, *noisy.shape) if neighbours is None else neighbours)[None]
        self.noisy = noisy[None, None]
        self.valid = valid[None, None]
        self.settings = settings
        self.device = noisy.device
        self.generator = torch.Generator(self.device).manual_seed(settings.seed)
        self.mask = MASKS[settings.mask](settings.gap, settings.visible_fraction)
        self.compromises: dict[str, Notice] = {}
        height, width = noisy.shape
        self.patches = Patches((height, width), settings, MULTIPLE, self.device)
        self.tiling = Tiling(tile_side((height, width), settings, self.device), MULTIPLE, self.compromises)
        self.network = CompactUNet(self.neighbours.shape[1], settings.unet_width, self.generator)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def apply(
        self, network: nn.Module, image: torch.Tensor, visible: torch.Tensor, neighbours: torch.Tensor
    ) -> torch.Tensor:
        """Return D_θ's estimate of (N, 1, Y, X) images of which `visible` pixels may be seen.

        `neighbours` are (N, K, Y, X) planes; K may be 0.
        """

        def correct(features: torch.Tensor) -> torch.Tensor:
            features = features.contiguous(memory_format=torch.channels_last)
            with unet_arithmetic(self.settings.precision, self.device):
                correction: torch.Tensor = network(features)
            return correction

        return estimate_by(correct, image, visible, neighbours, self.mask.fill_weights)

    def apply_tiled(
        self, network: nn.Module, image: torch.Tensor, visible: torch.Tensor, neighbours: torch.Tensor
    ) -> torch.Tensor:
        """Do what `apply` does to one whole plane, in tiles where it is large, to the same pixels."""
        return next(self.apply_to_all(network, [(image, visible, neighbours)]))

    def apply_to_all(self, network: nn.Module, inputs: Iterable[Input]) -> Iterator[torch.Tensor]:
        """Do it to many inputs, as many at once as the machine does."""
        inputs, at_once = iter(inputs), min(MOST_PASSES, pieces_at_once(self.device))
        while some := list(itertools.islice(inputs, at_once)):
            yield from self.tiling.predict(lambda *parts: self.apply(network, *parts), some)

    def learn(
        self,
        trainer: Trainer,
        loss: PatchLoss,
        replay: StepReplay | None = None,
        beside: Callable[[], None] | None = None,
    ) -> torch.Tensor:
        """Take a step, and return its loss; with fewer patches from then on if memory does not suffice.

        Parameters
        ----------
        trainer : Trainer
            Of the network.
        loss : PatchLoss
            The same one in all steps that share `replay`.
        replay : StepReplay, optional
            Takes the step from a graph where it has one.
        beside : callable, optional
            Other work, done once: meanwhile, or on a GPU afterwards.

        Returns
        -------
        Tensor
            (), overwritten by the next step.
        """
        others = [] if beside is None else [beside]

        def work() -> None:
            meanwhile = list(others) if self.device.type == "cpu" else []
            if meanwhile:
                # A step that is taken again does not do this again.
                others.clear()
            trainer.step(loss.pieces(), meanwhile)

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
        for other in others:
            other()
        return trainer.loss

    def _halve_patches(self) -> bool:
        halved = self.patches.halve()
        if halved:
            values = {"count": self.patches.most, "side": self.patches.side}
            self.compromises["patches"] = Notice("patches-halved", values)
        return halved

    def pieces(
        self, patches: torch.Tensor, share: float = 1.0, learned: torch.Tensor | None = None
    ) -> list[Piece]:
        """Return the terms of L_dn, the mean squared error at targets hidden with their neighbours.

        Parameters
        ----------
        patches : Tensor
            (N, 2 + K, Y, X): the noisy image, 1 where it has a value, and its neighbours.
        share : float
            Weight of the loss.
        learned : Tensor, optional
            (N, 1, Y, X), 1 where a pixel may be a target; all may, if it is left out.

        Returns
        -------
        list of callable
            One for each of `groups`.
        """
        noisy, valid, neighbours = patches[:, :1], patches[:, 1:2] > 0.5, patches[:, 2:]
        count, _, height, width = noisy.shape
        targets, visible = self.mask.draw(count, height, width, self.generator)
        weight = (targets & valid).to(noisy.dtype)
        if learned is not None:
            weight *= learned
        weight *= share / weight.sum().clamp_min(1.0)
        visible &= valid
        return [
            functools.partial(self.weighted_error, noisy[n], visible[n], neighbours[n], noisy[n], weight[n])
            for n in self.groups(count)
        ]

    def groups(self, count: int) -> list[slice]:
        """Return which of so many patches belong to the same piece of a step: one, or on a GPU all."""
        if self.device.type != "cpu":
            return [slice(None)]
        return [slice(n, n + 1) for n in range(count)]

    def weighted_error(
        self,
        image: torch.Tensor,
        visible: torch.Tensor,
        neighbours: torch.Tensor,
        target: torch.Tensor,
        weight: torch.Tensor,
        network: nn.Module,
    ) -> torch.Tensor:
        """Return the weighted sum, (), of the squared errors of a network's estimate of some patches."""
        return (weight * (self.apply(network, image, visible, neighbours) - target) ** 2).sum()

    @property
    def fill(self) -> torch.Tensor:
        """The normalised convolution of all valid pixels, (1, 1, Y, X)."""
        return normalised_convolution(self.noisy, self.valid.to(self.noisy.dtype), self.mask.fill_weights)

    @property
    def pixels(self) -> torch.Tensor:
        """The noisy plane, its valid mask and its neighbours as channels, (1, 2 + K, Y, X)."""
        return torch.cat([self.noisy, self.valid.to(self.noisy.dtype), self.neighbours], dim=1)

    def passes(self, symmetries: int, *, hidden: bool) -> int:
        """Return how many passes a prediction takes."""
        return symmetries * (self.mask.covers if hidden else 1)

    def predict_hidden(self, network: nn.Module, symmetries: int) -> Iterator[torch.Tensor | None]:
        """Predict every pixel in the one pass in which it is the target of its cell.

        Yields
        ------
        None or Tensor
            None after each pass, and at last the mean over the symmetries, (1, 1, Y, X).
        """
        return self._mean_of(network, self._hidden_passes(symmetries), symmetries)

    def predict_seen(self, network: nn.Module, symmetries: int) -> Iterator[torch.Tensor | None]:
        """Predict with every pixel visible; yields as `predict_hidden`."""
        return self._mean_of(network, self._seen_passes(symmetries), symmetries)

    def _hidden_passes(self, symmetries: int) -> Iterator[_Pass]:
        for symmetry in range(symmetries):
            image, valid, neighbours = self._turned(symmetry)
            height, width = image.shape[-2:]
            for targets, visible in self.mask.cover(height, width, self.generator):
                yield _Pass(symmetry, (image, visible & valid, neighbours), targets)

    def _seen_passes(self, symmetries: int) -> Iterator[_Pass]:
        for symmetry in range(symmetries):
            yield _Pass(symmetry, self._turned(symmetry), None)

    def _turned(self, symmetry: int) -> Input:
        image, valid, neighbours = (turn(x, symmetry) for x in (self.noisy, self.valid, self.neighbours))
        return image, valid, neighbours

    @torch.no_grad()
    def _mean_of(
        self, network: nn.Module, passes: Iterator[_Pass], symmetries: int
    ) -> Iterator[torch.Tensor | None]:
        """Take the passes, and add their estimates in their order."""
        total = torch.zeros_like(self.noisy)
        passes, ahead = itertools.tee(passes)
        estimates = self.apply_to_all(network, (one.input for one in ahead))
        for one, estimate in zip(passes, estimates, strict=True):
            if one.targets is not None:
                estimate = torch.where(one.targets, estimate, 0.0)
            total += turn_back(estimate, one.symmetry)
            yield None
        yield total / symmetries


@dataclass(frozen=True, slots=True)
class _Pass:
    """One pass of a prediction.

    Attributes
    ----------
    symmetry : int
        By which the plane is turned.
    input : tuple of Tensor
        The turned image, what of it is visible, and its neighbours.
    targets : Tensor or None
        (1, 1, Y, X) bool, the pixels that this pass predicts; None for all.
    """

    symmetry: int
    input: Input
    targets: torch.Tensor | None


class BlindLoss:
    """L_dn of patches at random places: what the blind-spot fit makes small.

    Parameters
    ----------
    fit : BlindFit
        The plane and its random numbers.
    learned : Tensor, optional
        (1, 1, Y, X) bool, pixels that may be targets; all, if it is left out.
    """

    def __init__(self, fit: BlindFit, learned: torch.Tensor | None = None) -> None:
        self.fit = fit
        self.count = fit.settings.batch_size
        self.pixels = fit.pixels
        self._channels = self.pixels.shape[1]
        if learned is not None:
            self.pixels = torch.cat([self.pixels, learned.to(self.pixels.dtype)], dim=1)

    def pieces(self) -> list[Piece]:
        """Return the terms of the loss of the patches that were placed last."""
        patches = self.fit.patches.cut(self.pixels)
        pixels, learned = patches[:, : self._channels], patches[:, self._channels :]
        return self.fit.pieces(pixels, learned=learned if learned.shape[1] else None)
