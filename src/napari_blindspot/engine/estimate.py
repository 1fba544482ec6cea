"""What a fit has come to, on its own scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_blindspot.core.notices import Notice

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["Estimate"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a fit has come to.

    Attributes
    ----------
    image : Tensor
        (1, 1, Y, X), D_θ's estimate on the scale of the fit.
    first : Tensor
        (1, 1, Y, X), what the blind fit has predicted: every pixel while it was hidden, or, where noise is
        correlated and a refinement follows, every pixel while it was shown.
    blind, refined : Module
        D_θ after the blind fit, and after the refinement; the same where there was none.
    trust : float or None
        Share of the filter over all planes in the image, in [0, 1]; None where there was none.
    uneven : Tensor or None
        (1, 1, Y, X), by how much the noise's standard deviation exceeds that of its model; None where the
        model explains it.
    """

    image: torch.Tensor
    first: torch.Tensor
    blind: nn.Module
    refined: nn.Module
    trust: float | None = None
    uneven: torch.Tensor | None = None

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the result is made of."""
        found = []
        if self.uneven is not None:
            found.append(Notice("noise-uneven", {"times": float(self.uneven.max())}, is_warning=False))
        if self.trust is not None:
            found.append(Notice("planes-filtered-together", {"share": self.trust}, is_warning=False))
        return tuple(found)
