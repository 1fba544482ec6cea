"""Pixels that the blind fit does not learn from: they tell whether more of it is worth its time.

They are hidden and predicted as the targets of the fit are. The noise of a hidden pixel adds the same to
the error of every prediction of it, so that the fall of their mean squared error is that of the true error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_blindspot.engine.neighbour_choice import busiest_part

if TYPE_CHECKING:
    from torch import nn

    from napari_blindspot.engine.networks import Networks

__all__ = ["HeldOut"]

SEED = 1
"""Draws the pixels, whatever the seed of the run."""

LEAST_GAIN = 0.01
"""Fall of the mean squared error in a leg, in units of the noise's variance, that makes another leg worth
its time. On FMDD's white noise and a photograph the first leg gained 0.003 to 0.005, and all others another
0.01 to 0.1 dB; on a page of text, unlike all that the weights have seen, 0.16 and 0.4 dB
(docs/benchmarks/speed.md)."""

STANDARD_ERRORS = 3.0
"""By how many of its standard errors a gain must exceed zero: small planes have few pixels."""


class HeldOut:
    """Pixels of the busiest part of a plane, one in each cell of a mask.

    Parameters
    ----------
    networks : Networks
        Before the blind fit.
    """

    def __init__(self, networks: Networks) -> None:
        fit = networks.fit
        self._fit = fit
        self._variance = networks.sigma**2
        y, x = busiest_part(networks.measurement.stabilised)
        self._part = (slice(None), slice(None), y, x)
        valid = fit.valid[self._part]
        generator = torch.Generator(fit.device).manual_seed(SEED)
        targets, visible = fit.mask.draw(1, valid.shape[-2], valid.shape[-1], generator)
        self._targets, self._visible = targets & valid, visible & valid
        self.learned = torch.ones_like(fit.valid)
        """(1, 1, Y, X) bool, the pixels that the fit may have as its targets."""
        self.learned[self._part] = ~self._targets
        self._errors = self._squared_errors(fit.network)

    def gained(self, network: nn.Module) -> bool:
        """Whether a network predicts the pixels so much better than the one of the last question did."""
        before, self._errors = self._errors, self._squared_errors(network)
        falls = (before - self._errors) / self._variance
        if len(falls) < 2:
            return False
        chance = float(falls.std()) / len(falls) ** 0.5
        return bool(falls.mean() > max(LEAST_GAIN, STANDARD_ERRORS * chance))

    @torch.no_grad()
    def _squared_errors(self, network: nn.Module) -> torch.Tensor:
        fit, part = self._fit, self._part
        estimate = fit.apply_tiled(network, fit.noisy[part], self._visible, fit.neighbours[part])
        return ((estimate - fit.noisy[part]) ** 2)[self._targets]
