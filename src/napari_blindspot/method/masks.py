"""Which pixels the networks see, and which they must predict (paper, section 3.2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F

__all__ = [
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
