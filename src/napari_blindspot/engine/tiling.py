"""A large plane predicted in overlapping tiles, to the same pixels as in one piece.

What is computed in a tile belongs to `napari_blindspot.engine.blind_fit`.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import torch

from napari_blindspot.core.notices import Notice
from napari_blindspot.engine.hardware.memory import LEAST_TILE, MARGIN, retry
from napari_blindspot.engine.hardware.side_by_side import side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Predict = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
    Input = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
    """An image, what of it is visible, and its neighbours: (1, 1, Y, X), (1, 1, Y, X) and (1, K, Y, X)."""

__all__ = ["Tiling"]


class Tiling:
    """The side of the tiles of a plane; it is halved where memory does not suffice.

    Tiles overlap by more than the network sees and begin at multiples of its coarsest pixel, so that the
    cores equal those of one large pass.

    Parameters
    ----------
    side : int
        Of a tile's core in pixels, at first.
    multiple : int
        That sides must divide by: the network's coarsest pixel.
    compromises : dict of str to Notice
        Where it is noted that tiles had to be smaller.
    """

    def __init__(self, side: int, multiple: int, compromises: dict[str, Notice]) -> None:
        self.side = side
        self._multiple = multiple
        self._compromises = compromises

    def predict(self, predict: Predict, inputs: Sequence[Input]) -> list[torch.Tensor]:
        """Return what `predict` makes of whole planes of one size, (1, 1, Y, X) each.

        Parameters
        ----------
        predict : callable
            Takes parts of the three tensors of an input and returns the estimate of that part.
        inputs : sequence of Input
            Computed side by side.
        """
        image = inputs[0][0]
        return retry(
            lambda: side_by_side(
                [functools.partial(self._predict, predict, *one) for one in inputs], image.device
            ),
            lambda: self._halve(max(image.shape[-2:])),
            image.device,
        )

    def _halve(self, longest: int) -> bool:
        """Halve the side of the tiles, so often that a plane in one piece falls into several."""
        side = self.side
        while True:
            side = side // 2 // self._multiple * self._multiple
            if side < LEAST_TILE:
                return False
            if side + MARGIN < longest:
                self.side = side
                self._compromises["tiles"] = Notice("tiles-halved", {"side": side})
                return True

    def _predict(
        self, predict: Predict, image: torch.Tensor, visible: torch.Tensor, neighbours: torch.Tensor
    ) -> torch.Tensor:
        side = self.side
        height, width = image.shape[-2:]
        if max(height, width) <= side + MARGIN:
            return predict(image, visible, neighbours)
        out = torch.empty_like(image)
        for top in range(0, height, side):
            for left in range(0, width, side):
                y = slice(max(0, top - MARGIN), min(height, top + side + MARGIN))
                x = slice(max(0, left - MARGIN), min(width, left + side + MARGIN))
                tile = predict(image[..., y, x], visible[..., y, x], neighbours[..., y, x])
                bottom, right = min(height, top + side), min(width, left + side)
                out[..., top:bottom, left:right] = tile[
                    ..., top - y.start : bottom - y.start, left - x.start : right - x.start
                ]
        return out
