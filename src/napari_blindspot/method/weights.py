"""The weights of this package on disk: reading, and writing after training.

How they came to be is in `napari_blindspot.pretraining.train`.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["Noise", "load", "save"]

Noise = Literal["white", "correlated"]


def load(noise: Noise) -> dict[str, npt.NDArray[np.float32]]:
    """Return the weights for a kind of noise, by the names of the network's parameters."""
    with resources.files(__package__).joinpath(f"{noise}.npz").open("rb") as file, np.load(file) as arrays:
        return {name: arrays[name].astype(np.float32) for name in arrays.files}


def save(weights: Mapping[str, npt.NDArray[np.float32]], folder: Path, noise: Noise) -> None:
    """Write weights to a file in a folder, in half precision, as `load` reads them from this package."""
    halves = {name: values.astype(np.float16) for name, values in weights.items()}
    np.savez_compressed(folder / f"{noise}.npz", **halves)  # type: ignore[arg-type]
