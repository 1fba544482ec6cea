"""FFDNet for gray images, with its authors' weights, whose file is not part of this package.

Zhang, Zuo, Zhang, "FFDNet: Toward a Fast and Flexible Solution for CNN-based Image Denoising" (IEEE TIP
2018), trained on photographs with white Gaussian noise.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from napari_blindspot.core.errors import FileError, SettingsError

if TYPE_CHECKING:
    from napari_blindspot.benchmark.method_protocol import Request

__all__ = ["FFDNet"]

SHRINKS = 2
"""The network works on the planes of every second row and column."""


class FFDNet:
    """The network, frozen.

    Parameters
    ----------
    request : Request
        Its overrides name the file of `weights`, of MATLAB's kind (``FFDNet_gray.mat``).

    Raises
    ------
    SettingsError
        If no file is named.
    FileError
        If it cannot be read as such weights.
    """

    def __init__(self, request: Request) -> None:
        given = request.overrides.get("weights")
        if not given:
            raise SettingsError("FFDNet's weights are needed: give FFDNet_gray.mat as --ffdnet-weights.")
        self.layers = _read(Path(given))

    def __call__(self, image: torch.Tensor, sigma: torch.Tensor | float) -> torch.Tensor:
        """Return the estimate of images, (N, 1, Y, X) in [0, 1], with noise of standard deviation sigma."""
        height, width = image.shape[-2:]
        padded = F.pad(image, (0, width % SHRINKS, 0, height % SHRINKS), mode="replicate")
        x = F.pixel_unshuffle(padded, SHRINKS)
        x = torch.cat([x, torch.as_tensor(sigma, dtype=x.dtype).expand_as(x[:, :1])], dim=1)
        for weight, bias in self.layers[:-1]:
            x = F.relu(F.conv2d(x, weight, bias, padding=1))
        x = F.conv2d(x, *self.layers[-1], padding=1)
        return F.pixel_shuffle(x, SHRINKS)[..., :height, :width]


def _read(path: Path) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return weights and offsets of the convolutions of a file, in their order."""
    import h5py

    if not path.is_file():
        raise FileError(f"There is no file {path}; FFDNet's weights are FFDNet_gray.mat of its authors.")
    try:
        with h5py.File(path, "r") as file:
            layers = [file[layer] for layer in file["net/layers"][()].ravel()]
            pairs = [
                [file[part][()] for part in layer["weights"][()].ravel()]
                for layer in layers
                if "weights" in layer and layer["weights"].dtype == object
            ]
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise FileError(f"{path} does not hold FFDNet's weights: {error}") from error
    if not pairs or any(len(pair) != 2 for pair in pairs):
        raise FileError(f"{path} does not hold FFDNet's weights: no convolutions are in it.")
    return [(torch.from_numpy(weight), torch.from_numpy(offset.ravel())) for weight, offset in pairs]
