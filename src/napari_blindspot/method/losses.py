"""The losses of the fits, each with its formula and what a report of it needs (paper, section 3.3).

A loss that is added here can be chosen in the settings, and is plotted and listed wherever losses are. The
paper writes sums; with equal weights and sets of different sizes we take means, and each loss is a number
of the same scale whatever the size of the plane. Importing this does not load torch: settings and screens
read the names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    import torch

    class Terms(Protocol):
        """What an iteration of the joint fit offers to its losses, each (C, Y, X)."""

        @property
        def noisy(self) -> torch.Tensor:
            """The noisy plane."""

        @property
        def visible(self) -> torch.Tensor:
            """Ω_vis, bool."""

        @property
        def denoised(self) -> torch.Tensor:
            """D_θ's estimate."""

        @property
        def inr(self) -> torch.Tensor:
            """F_φ at the pixel centres."""

        def invisible(self) -> torch.Tensor:
            """Ω_inv, bool."""

        def shifted_inr(self) -> torch.Tensor:
            """F_φ within a pixel of each centre; every call draws other shifts."""


__all__ = ["LOSSES", "Loss", "consistency_loss", "denoising_loss", "inr_loss", "masked_l1"]


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss and how it is shown.

    Attributes
    ----------
    name : str
        In settings and records.
    symbol, label : str
        The paper's symbol, and what it is called on a screen.
    colours : tuple of str
        Of its curve on a dark and on a light background, as #rrggbb. Also those who see no red and green
        must tell the curves apart: these are colours of Okabe and Ito.
    of : callable
        Its value, (), from the `Terms` of an iteration.
    """

    name: str
    symbol: str
    label: str
    colours: tuple[str, str]
    of: Callable[[Terms], torch.Tensor]


def masked_l1(a: torch.Tensor, b: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the mean of |a - b| over the pixels of `mask`; 0 if there are none."""
    weight = mask.to(a.dtype)
    return ((a - b).abs() * weight).sum() / weight.sum().clamp(min=1.0)


def denoising_loss(denoised: torch.Tensor, noisy: torch.Tensor, invisible: torch.Tensor) -> torch.Tensor:
    """L_dn, equation (14): D_θ must predict the noisy pixels of Ω_inv."""
    return masked_l1(denoised, noisy, invisible)


def inr_loss(inr: torch.Tensor, noisy: torch.Tensor, visible: torch.Tensor) -> torch.Tensor:
    """L_inr, equation (12): F_φ must fit the noisy pixels of Ω_vis."""
    return masked_l1(inr, noisy, visible)


def consistency_loss(
    shifted_inr: torch.Tensor, denoised: torch.Tensor, visible: torch.Tensor
) -> torch.Tensor:
    """L_mc, equation (15): F_φ within a pixel of (i, j) must be close to D_θ's estimate there.

    No gradient reaches D_θ: it teaches, it is not taught.
    """
    return masked_l1(shifted_inr, denoised.detach(), visible)


LOSSES: dict[str, Loss] = {
    loss.name: loss
    for loss in (
        Loss(
            "denoising",
            "L_dn",
            "denoising",
            ("#56b4e9", "#0072b2"),
            lambda terms: denoising_loss(terms.denoised, terms.noisy, terms.invisible()),
        ),
        Loss(
            "inr",
            "L_inr",
            "INR",
            ("#f0a830", "#b85c00"),
            lambda terms: inr_loss(terms.inr, terms.noisy, terms.visible),
        ),
        Loss(
            "consistency",
            "L_mc",
            "consistency",
            ("#3fcf9f", "#00805c"),
            lambda terms: consistency_loss(terms.shifted_inr(), terms.denoised, terms.visible),
        ),
    )
}
"""By name, in the order in which they are summed and shown."""
