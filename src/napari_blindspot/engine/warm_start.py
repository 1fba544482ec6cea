"""Starting from networks that have learned before: whether another plane's suit, and were of help.

What a run does with them is in `napari_blindspot.engine.measured_run`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_blindspot.method import weights as pretrained_weights
from napari_blindspot.method.compact_unet import CompactUNet
from napari_blindspot.method.siren import Siren

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    from torch import nn

    from napari_blindspot.core.model import Model
    from napari_blindspot.method.weights import Noise
    from napari_blindspot.noise.estimate import NoiseModel
    from napari_blindspot.noise.gap_choice import Plan
    from napari_blindspot.settings import Settings

__all__ = [
    "WARM_RATE",
    "WARM_SHARE",
    "check_weights",
    "learned_much",
    "load_pretrained",
    "load_weights",
    "network_inputs",
    "suits",
    "take_weights",
]

WARM_SHARE = 0.2
"""Length of the blind fit after a warm start, relative to one from nothing."""

WARM_RATE = 0.5
"""Learning rates of networks that have learned before, relative to those of random ones: high ones forget
what they knew."""

MUCH = 0.05
"""Fall of the blind loss, in units of the noise's variance, that a short fit is not enough for. It was
0.02 between planes of a synthetic stack, also after one of them was bleached to a third."""

CHANCE = 3.0
"""Standard errors that a fall must exceed as well: small planes have few targets."""

FEWEST = 8
"""Losses that are needed to tell anything."""

FIRST, LAST = 0.1, 0.3
"""Shares of the blind fit in which its loss is averaged at the beginning and at the end."""


def suits(start: Model, plan: Plan, noise: NoiseModel, neighbours: int) -> bool:
    """Tell whether a plane is one that the networks of another can be of help for.

    Parameters
    ----------
    start : Model
        Of the other plane.
    plan : Plan
        For this plane by itself.
    noise : NoiseModel
        Measured on this plane.
    neighbours : int
        How many neighbouring planes the network will see.
    """
    correlated = bool(start.settings.dilation)
    same = correlated == plan.correlated and network_inputs(start) == 2 + neighbours
    return noise.measured and same


def network_inputs(model: Model) -> int:
    """Return how many channels the denoiser sees: the plane, what is visible, and its neighbours."""
    return int(model.weights["refined.stem.0.weight"].shape[1])


def learned_much(losses: torch.Tensor, sigma: float) -> bool:
    """Tell whether the blind loss fell so far that the start was no help and the short fit too short.

    Parameters
    ----------
    losses : Tensor
        (iterations,), the blind loss.
    sigma : float
        The noise's standard deviation on the scale of the losses.
    """
    if len(losses) < FEWEST:
        return False
    heads, tails = (max(1, round(share * len(losses))) for share in (FIRST, LAST))
    fall = losses[:heads].mean() - losses[-tails:].mean()
    chance = losses[-tails:].std(correction=0) * (1 / heads + 1 / tails) ** 0.5
    return bool(fall > max(MUCH * sigma**2, CHANCE * float(chance)))


def check_weights(settings: Settings, weights: Mapping[str, npt.NDArray[np.float32]]) -> None:
    """Make sure that weights are those of the networks that the settings describe.

    Raises
    ------
    ValueError
        If one is missing, unknown or of another shape; the text says which.
    """
    stem = weights.get("refined.stem.0.weight")
    if stem is None or stem.ndim != 4 or stem.shape[1] < 2:
        raise ValueError("the weights of the first layer are missing")
    generator = torch.Generator()
    denoiser = CompactUNet(stem.shape[1], settings.unet_width, generator)
    siren = Siren(
        settings.inr_features, settings.inr_octaves, settings.inr_dropout, settings.inr_omega, generator
    )
    networks = {"blind.": denoiser, "refined.": denoiser, "inr.": siren}
    expected = {
        prefix + name: tuple(parameter.shape)
        for prefix, network in networks.items()
        for name, parameter in network.named_parameters()
    }
    for name in sorted(expected.keys() | weights.keys()):
        found = weights[name].shape if name in weights else "nothing"
        if found != expected.get(name):
            raise ValueError(f"{name} is {found}, but should be {expected.get(name, 'nothing')}")


def load_weights(network: nn.Module, weights: Mapping[str, npt.NDArray[np.float32]], prefix: str) -> None:
    """Put the arrays whose names begin with `prefix` into a network, in its dtype and memory format."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(torch.from_numpy(np.asarray(weights[prefix + name])))


def load_pretrained(network: CompactUNet, noise: Noise) -> None:
    """Put this package's weights for a kind of noise into a denoiser of their width.

    They know of no neighbouring planes, whose part begins at zero.
    """
    weights = pretrained_weights.load(noise)
    stem = weights["stem.0.weight"]
    inputs = next(network.parameters()).shape[1]
    weights["stem.0.weight"] = np.pad(stem, ((0, 0), (0, inputs - stem.shape[1]), (0, 0), (0, 0)))
    load_weights(network, weights, "")


def take_weights(networks: Mapping[str, nn.Module]) -> dict[str, npt.NDArray[np.float32]]:
    """Return copies of all weights as arrays, named by prefix and parameter."""
    return {
        prefix + name: parameter.detach().float().cpu().contiguous().numpy().copy()
        for prefix, network in networks.items()
        for name, parameter in network.named_parameters()
    }
