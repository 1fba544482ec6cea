"""The patches that an iteration sees: how many, how large, where they lie and how they are turned.

What is learned from them belongs to `napari_blindspot.engine.blind_fit` and
`napari_blindspot.engine.refinement`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_blindspot.engine.hardware import cuda_graph
from napari_blindspot.method.symmetry import SYMMETRIES, turn, turned_places

if TYPE_CHECKING:
    from napari_blindspot.settings import MeasuredSettings

__all__ = ["Patches"]

LEAST_SIDE = 32
"""Of a patch, in pixels; smaller ones are mostly border."""


class Patches:
    """Squares at random places of one plane.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) of the plane.
    settings : MeasuredSettings
        Side and number of the patches, at most, and the seed.
    multiple : int
        That sides must divide by.
    device : torch.device
        Of what will be cut.
    """

    def __init__(
        self, shape: tuple[int, int], settings: MeasuredSettings, multiple: int, device: torch.device
    ) -> None:
        self.shape = shape
        self.multiple = multiple
        self.device = device
        # Patches are turned, so they are square.
        self.side = min(settings.patch_size, *shape) // multiple * multiple
        self.most = settings.batch_size
        # Where they lie is drawn on the host, where slices need it.
        self.generator = torch.Generator().manual_seed(settings.seed)
        # Top, left and symmetry of each, or all three in one number, which only the device knows.
        self.places: list[list[int]] | torch.Tensor = []
        self._turned: torch.Tensor | None = None

    def place(self, count: int) -> None:
        """Draw where the next `count` patches lie, or as many as fit, and how they are turned."""
        height, width = self.shape
        limits = (height - self.side + 1, width - self.side + 1, SYMMETRIES)
        drawn = [[self._draw(below) for below in limits] for _ in range(min(count, self.most))]
        if not cuda_graph.keeps_numbers(self.device):
            self.places = drawn
            return
        places = self.places
        if not isinstance(places, torch.Tensor) or len(places) != len(drawn):
            self.places = places = torch.zeros(len(drawn), dtype=torch.int64, device=self.device)
        # Numbers travel with the launch of a fill, so that nothing waits as a copy from the host might.
        for place, (top, left, symmetry) in zip(places.unbind(), drawn, strict=True):
            place.fill_((symmetry * height + top) * width + left)

    def _draw(self, below: int) -> int:
        # A list is read without the synchronisation that `item` stands for.
        number: int = torch.randint(below, (1,), generator=self.generator).tolist()[0]
        return number

    def cut(self, stack: torch.Tensor) -> torch.Tensor:
        """Cut the patches that were placed last out of (1, C, Y, X), and turn them; (N, C, side, side)."""
        side = self.side
        if isinstance(self.places, torch.Tensor):
            return self._gather(stack, self.places)
        pieces = (
            turn(stack[..., top : top + side, left : left + side], symmetry)
            for top, left, symmetry in self.places
        )
        return torch.cat(list(pieces))

    def _gather(self, stack: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Do the same with places that the host does not know."""
        height, width = self.shape
        if self._turned is None or self._turned.shape[1] != self.side**2:
            self._turned = turned_places(self.side, width, self.device)
        first, symmetry = places % (height * width), places // (height * width)
        cut = stack.flatten(2)[0][:, self._turned[symmetry] + first[:, None]]
        return cut.transpose(0, 1).reshape(len(places), -1, self.side, self.side)

    def halve(self) -> bool:
        """Halve their number, and then their sides; False if they are as few and small as can be."""
        if self.most > 1:
            self.most //= 2
        elif self.side >= 2 * LEAST_SIDE:
            self.side = self.side // 2 // self.multiple * self.multiple
        else:
            return False
        return True
