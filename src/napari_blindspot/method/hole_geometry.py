"""How wide the hole around a hidden pixel is, and how far apart holes lie: plain numbers, without torch."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["hole_radius", "target_spacing"]


def hole_radius(gap: int) -> float:
    """Return the radius in pixels of the disc that is hidden around a target; gap 0 hides it alone."""
    return gap + 0.3 if gap else 0.0


def target_spacing(gap: int, visible_fraction: float) -> int:
    """Return the side in pixels of the cells with one target each, so that this fraction stays visible."""
    reach = np.arange(-gap, gap + 1)
    area = int((reach[:, None] ** 2 + reach**2 <= hole_radius(gap) ** 2 + 1e-6).sum())
    # Rounded first: 1 / (1 - 8/9) is 9 and a little, whose root must not become 4.
    return max(2, math.ceil(math.sqrt(round(area / (1.0 - visible_fraction), 6))))
