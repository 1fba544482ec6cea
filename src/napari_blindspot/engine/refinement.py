"""The refinement after the blind-spot fit: the pixel itself comes back, with the noise that was measured.

A blind spot cannot use what a pixel says about itself. But once there is a good estimate, its noise is
known: the same network is trained a little further to undo measured noise put on that estimate, with the
blind-spot loss on the real pixels beside it, and is then shown the whole image. Close relatives are
Noisier2Noise (Moran et al., CVPR 2020) and Noisy-As-Clean (Xu et al., IEEE TIP 2020), which need to be
told the noise.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from napari_blindspot.engine.blind_fit import BlindFit
    from napari_blindspot.engine.trainer import Piece

__all__ = ["RefinementLoss", "wrapped"]

BLIND_SHARE = 0.3
"""Weight of the blind-spot loss on the real pixels."""

LEAST_POWER = 0.01
"""Floor of the noise's power spectrum, whose mean is 1: a measured one may dip below 0."""


def wrapped(correlation: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """Return an autocorrelation, (2L+1, 2L+1), on a plane (Y, X) whose edges meet, lag 0 at its corner.

    A plane shorter than the correlation holds only its inner part.
    """
    middle, device = len(correlation) // 2, correlation.device
    reach = min(middle, *((side - 1) // 2 for side in shape))
    inner = correlation[middle - reach : middle + reach + 1, middle - reach : middle + reach + 1]
    y, x = (torch.arange(-reach, reach + 1, device=device) % side for side in shape)
    kernel = torch.zeros(shape, device=device)
    kernel[y[:, None], x] = inner.to(kernel.dtype)
    return kernel


class RefinementLoss:
    """The loss of one round of refinement.

    Parameters
    ----------
    fit : BlindFit
        The plane and its random numbers.
    target : Tensor
        (1, 1, Y, X), what the network must give back.
    estimate : Tensor
        (1, 1, Y, X), whose residuals are a sample of the noise.
    sigma : Tensor
        (1, 1, Y, X), the noise's standard deviation.
    correlation : Tensor or None
        (2L+1, 2L+1), the noise's autocorrelation. None for white noise, which is then drawn from the
        residuals of pixels of like intensity, so that its skew comes along; correlated noise is drawn
        from a Gaussian of this correlation.
    """

    def __init__(
        self,
        fit: BlindFit,
        target: torch.Tensor,
        estimate: torch.Tensor,
        sigma: torch.Tensor,
        correlation: torch.Tensor | None,
    ) -> None:
        self.fit = fit
        self.count = max(1, fit.settings.batch_size // 4)
        self.correlation = correlation
        if correlation is None:
            intensity, valid = estimate.flatten(), fit.valid.flatten()
            # What is missing has no residual; it comes last.
            order = intensity.masked_fill(~valid, torch.inf).argsort()
            self.residuals = (fit.noisy - estimate).flatten()[order][: int(valid.sum())]
            rank = torch.empty_like(intensity)
            rank[order] = torch.arange(len(order), device=order.device, dtype=rank.dtype)
            self.spread = max(64, len(order) // 512)
            guide = rank.view_as(estimate)
        else:
            self.filter = self._filter(correlation, fit.patches.side)
            guide = sigma
        self.stack = torch.cat([fit.pixels, target, guide], dim=1)

    @staticmethod
    def _filter(correlation: torch.Tensor, side: int) -> torch.Tensor:
        """Return the amplitude spectrum of the noise on a patch."""
        power = torch.fft.fft2(wrapped(correlation, (side, side))).real.clamp_min(LEAST_POWER)
        amplitude: torch.Tensor = (power / power.mean()).sqrt()
        return amplitude

    def pieces(self) -> list[Piece]:
        """Return the terms of the loss: denoise target + noise, and the real pixels blindly."""
        patches = self.fit.patches.cut(self.stack)
        pixels, target, noise = patches[:, :-2], patches[:, -2:-1], self._noise(patches[:, -1:])
        times = (len(noise) // len(target), 1, 1, 1)
        target, neighbours = target.repeat(times), pixels[:, 2:].repeat(times)
        visible = pixels[:, 1:2].repeat(times) > 0.5
        image = target + noise
        weight = visible.to(target.dtype)
        weight /= weight.sum().clamp_min(1.0)
        terms: list[Piece] = [
            functools.partial(
                self.fit.weighted_error, image[n], visible[n], neighbours[n], target[n], weight[n]
            )
            for n in self.fit.groups(len(target))
        ]
        if self.correlation is None:
            # Where noise is correlated, the blind loss sees too few targets to be worth its time.
            terms += self.fit.pieces(pixels, BLIND_SHARE)
        return terms

    def _noise(self, guide: torch.Tensor) -> torch.Tensor:
        """Draw noise for each patch of `guide`: once, or where it is correlated twice, with either sign."""
        generator = self.fit.generator
        if self.correlation is None:
            uniform = torch.rand(guide.shape, device=guide.device, generator=generator)
            pick = guide + (2 * uniform - 1) * self.spread
            return self.residuals[pick.long().clamp(0, len(self.residuals) - 1)]
        if len(self.filter) != guide.shape[-1]:
            # The patches have become smaller, for want of memory.
            self.filter = self._filter(self.correlation, guide.shape[-1])
        white = torch.randn(guide.shape, device=guide.device, generator=generator)
        noise = torch.fft.ifft2(torch.fft.fft2(white) * self.filter).real * guide
        return torch.cat([noise, -noise])
