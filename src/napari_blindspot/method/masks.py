"""Which pixels the networks see, and which they must predict (paper, section 3.2).

The paper draws a sparse visible set and predicts what lies away from it; the measured method draws a target
in every cell of a grid and hides a hole around each. A kind of hole that is added to `MASKS` can be chosen
in the settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from napari_blindspot.method.fill import fill_weights
from napari_blindspot.method.hole_geometry import hole_radius, target_spacing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Protocol

    class Mask(Protocol):
        """A kind of blind spot, made once for the settings of a fit."""

        @property
        def fill_weights(self) -> tuple[float, ...]:
            """Weights along an axis of the normalised convolution that fills the holes."""

        @property
        def covers(self) -> int:
            """In how many masks every pixel is a target once."""

        def draw(
            self, count: int, height: int, width: int, generator: torch.Generator
        ) -> tuple[torch.Tensor, torch.Tensor]:
            """Return random targets and what is visible for them, (count, 1, Y, X) bool each."""

        def cover(
            self, height: int, width: int, generator: torch.Generator
        ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
            """Give targets and visible pixels, (1, 1, Y, X), until every pixel was a target once."""


__all__ = [
    "MASKS",
    "DiscHoles",
    "dilate",
    "disc",
    "invisible_set",
    "place_targets",
    "punch_holes",
    "sample_visible",
    "scattered_targets",
]


def sample_visible(valid: torch.Tensor, fraction: float, generator: torch.Generator) -> torch.Tensor:
    """Draw the visible set Ω_vis: every valid pixel with the same probability.

    Parameters
    ----------
    valid : Tensor
        (…, Y, X) bool, False where the image has no value (NaN).
    fraction : float
        The paper's p0, in (0, 1).
    generator : torch.Generator
        On the device of `valid`; the draw never leaves it.

    Returns
    -------
    Tensor
        Bool mask of the shape of `valid`.
    """
    draw = torch.rand(valid.shape, device=valid.device, generator=generator)
    return (draw < fraction) & valid


def dilate(mask: torch.Tensor, radius: int) -> torch.Tensor:
    """Dilate a mask `radius` times with the cross-shaped element (the paper's k).

    Parameters
    ----------
    mask : Tensor
        (…, Y, X) bool.
    radius : int
        How often; the result reaches all pixels within this city-block distance.

    Returns
    -------
    Tensor
        Bool mask of the same shape; pixels outside the image count as not set.
    """
    for _ in range(radius):
        padded = F.pad(mask, (1, 1, 1, 1))
        vertical = padded[..., :-2, 1:-1] | padded[..., 2:, 1:-1]
        horizontal = padded[..., 1:-1, :-2] | padded[..., 1:-1, 2:]
        mask = mask | vertical | horizontal
    return mask


def invisible_set(visible: torch.Tensor, valid: torch.Tensor, radius: int) -> torch.Tensor:
    """Return Ω_inv: the valid pixels farther than `radius` from every visible one.

    With ``radius=0`` it is the plain complement of the visible set.
    """
    return ~dilate(visible, radius) & valid


def scattered_targets(
    count: int, height: int, width: int, spacing: int, generator: torch.Generator
) -> torch.Tensor:
    """Draw one target pixel in every cell of a grid.

    Compared with independent draws no two targets fall together, so that holes around them stay apart
    and every iteration predicts the most pixels for the least that it hides.

    Parameters
    ----------
    count, height, width : int
        Number and size of the masks.
    spacing : int
        Side of a cell in pixels; the fraction of targets is 1 / spacing².
    generator : torch.Generator
        Its device is that of the result.

    Returns
    -------
    Tensor
        (count, 1, height, width) bool.
    """
    rows, columns = -(-height // spacing), -(-width // spacing)
    device = generator.device
    choice = torch.randint(spacing**2, (count, rows, columns), device=device, generator=generator)
    return place_targets(choice, spacing, height, width)


def place_targets(choice: torch.Tensor, spacing: int, height: int, width: int) -> torch.Tensor:
    """Turn the number of the chosen pixel of each cell, (N, rows, columns), into a mask of targets.

    Returns
    -------
    Tensor
        (N, 1, height, width) bool.
    """
    count, rows, columns = choice.shape
    # Compared, not one_hot: that reads the numbers back to check them, and its masks are 8 bytes a pixel.
    cells = choice[..., None] == torch.arange(spacing**2, device=choice.device)
    cells = cells.view(count, rows, columns, spacing, spacing)
    mask = cells.permute(0, 1, 3, 2, 4).reshape(count, 1, rows * spacing, columns * spacing)
    return mask[..., :height, :width]


def disc(radius: float, device: torch.device) -> torch.Tensor:
    """Return a disc of ones, (1, 1, 2 * ⌊radius⌋ + 1, 2 * ⌊radius⌋ + 1); radius 0 is one pixel."""
    reach = int(radius)
    t = torch.arange(-reach, reach + 1, device=device, dtype=torch.float32)
    inside = t[:, None] ** 2 + t**2 <= radius**2 + 1e-6
    return inside.float()[None, None]


def punch_holes(targets: torch.Tensor, radius: float) -> torch.Tensor:
    """Return Ω_vis for these targets: everything but a disc around each, (N, 1, Y, X) bool.

    Structured Noise2Void (Broaddus et al., ISBI 2020) hides the neighbours that share the target's noise
    in the same way.
    """
    if radius < 1:
        return ~targets
    hidden = F.conv2d(targets.float(), disc(radius, targets.device), padding=int(radius))
    return hidden < 0.5


class DiscHoles:
    """One target in every cell of a grid, hidden together with a disc around it.

    Parameters
    ----------
    gap : int
        Pixels between a target and the nearest visible pixel.
    visible_fraction : float
        Fraction of the pixels that stays visible; it sets the size of the cells.
    """

    def __init__(self, gap: int, visible_fraction: float) -> None:
        self.radius = hole_radius(gap)
        self.spacing = target_spacing(gap, visible_fraction)
        self.fill_weights = fill_weights(self.radius)

    @property
    def covers(self) -> int:
        """In how many masks every pixel is a target once."""
        return self.spacing**2

    def draw(
        self, count: int, height: int, width: int, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return random targets and what is visible for them, (count, 1, Y, X) bool each."""
        targets = scattered_targets(count, height, width, self.spacing, generator)
        return targets, punch_holes(targets, self.radius)

    def cover(
        self, height: int, width: int, generator: torch.Generator
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Give targets and visible pixels, (1, 1, Y, X), until every pixel was a target once.

        Which pixel of a cell comes when is random.
        """
        cells = (-(-height // self.spacing), -(-width // self.spacing))
        device = generator.device
        orders = torch.rand(self.covers, *cells, device=device, generator=generator).argsort(dim=0)
        for choice in orders:
            targets = place_targets(choice[None], self.spacing, height, width)
            yield targets, punch_holes(targets, self.radius)


MASKS: dict[str, Callable[[int, float], Mask]] = {"disc": DiscHoles}
"""Kinds of blind spots by name; each is made from the gap and the visible fraction."""
