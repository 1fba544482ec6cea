"""The weights of networks as arrays: put in, taken out, checked; and those that are part of this package.

How the latter came to be is in `napari_blindspot.pretraining.train`.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from napari_blindspot.method.compact_unet import CompactUNet
from napari_blindspot.method.siren import Siren

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt
    from torch import nn

    Weights = Mapping[str, npt.NDArray[np.float32]]

__all__ = [
    "NoiseKind",
    "check_weights",
    "count_neighbours",
    "put_pretrained",
    "put_weights",
    "read_pretrained",
    "take_weights",
    "write_pretrained",
]

NoiseKind = Literal["white", "correlated"]


def read_pretrained(noise: NoiseKind, *, stacks: bool = False) -> dict[str, npt.NDArray[np.float32]]:
    """Return this package's weights for a kind of noise, by the names of the network's parameters.

    With `stacks`, those that look at neighbouring planes.
    """
    file_name = _file_name(noise, stacks=stacks)
    with resources.files(__package__).joinpath(file_name).open("rb") as file, np.load(file) as arrays:
        return {name: arrays[name].astype(np.float32) for name in arrays.files}


def write_pretrained(weights: Weights, folder: Path, noise: NoiseKind, *, stacks: bool = False) -> None:
    """Write weights to a file in a folder, in half precision, as `read_pretrained` reads them."""
    halves = {name: values.astype(np.float16) for name, values in weights.items()}
    np.savez_compressed(folder / _file_name(noise, stacks=stacks), **halves)  # type: ignore[arg-type]


def _file_name(noise: NoiseKind, *, stacks: bool) -> str:
    return f"{noise}_stacks.npz" if stacks else f"{noise}.npz"


def put_pretrained(network: CompactUNet, noise: NoiseKind) -> None:
    """Put this package's weights for a kind of noise into a denoiser of their width."""
    put_weights(network, read_pretrained(noise, stacks=network.beside is not None), "")


def put_weights(network: nn.Module, weights: Weights, prefix: str) -> None:
    """Put the arrays whose names begin with `prefix` into a network, in its dtype and memory format."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(torch.from_numpy(np.asarray(weights[prefix + name])))


def take_weights(networks: Mapping[str, nn.Module]) -> dict[str, npt.NDArray[np.float32]]:
    """Return copies of all weights as arrays, named by prefix and parameter."""
    return {
        prefix + name: parameter.detach().float().cpu().contiguous().numpy().copy()
        for prefix, network in networks.items()
        for name, parameter in network.named_parameters()
    }


def count_neighbours(weights: Weights) -> int:
    """Return how many planes beside the plane a model's denoiser can look at."""
    beside = weights.get("refined.beside.fine.0.weight")
    return 0 if beside is None or beside.ndim != 4 else int(beside.shape[1]) - 1


def check_weights(
    weights: Weights,
    *,
    unet_width: int,
    inr_features: int,
    inr_octaves: int,
    inr_dropout: tuple[float, ...],
    inr_omega: float,
) -> None:
    """Make sure that weights are those of a model's networks.

    Parameters
    ----------
    weights : mapping of str to ndarray
        As in `napari_blindspot.core.model.Model`.
    unet_width, inr_features, inr_octaves, inr_dropout, inr_omega
        As in the settings of the model.

    Raises
    ------
    ValueError
        If one is missing, unknown or of another shape; the text says which.
    """
    stem = weights.get("refined.stem.0.weight")
    if stem is None or stem.ndim != 4:
        raise ValueError("the weights of the first layer are missing")
    generator = torch.Generator()
    denoiser = CompactUNet(count_neighbours(weights), unet_width, generator)
    siren = Siren(inr_features, inr_octaves, inr_dropout, inr_omega, generator)
    networks: dict[str, nn.Module] = {"blind.": denoiser, "refined.": denoiser}
    if any(name.startswith("inr.") for name in weights):
        # The INR of a plane of a stack is fitted when somebody asks for it.
        networks["inr."] = siren
    expected = {
        prefix + name: tuple(parameter.shape)
        for prefix, network in networks.items()
        for name, parameter in network.named_parameters()
    }
    for name in sorted(expected.keys() | weights.keys()):
        found = weights[name].shape if name in weights else "nothing"
        if found != expected.get(name):
            raise ValueError(f"{name} is {found}, but should be {expected.get(name, 'nothing')}")
