"""Whether a device that torch sees can be trusted: a small computation that must come out as on the CPU.

Torch calls a GPU available whose driver answers, also where this build of torch has no kernels for the
card. What then fails is the first kernel of a fit. What the owner of such a card can do about it is in
`napari_blindspot.engine.hardware.nvidia`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from napari_blindspot.core.words import first_line

__all__ = ["forget_trials", "trouble"]

SIDE = 16
"""Of the plane that is computed, in pixels."""

TOLERANCE = 0.02
"""How far a device may be from the CPU, relative to the largest value: TF32 and Metal round more."""

_found: dict[str, str] = {}
"""What the trial of a device has found in this process; empty where it works."""


def trouble(device: str) -> str:
    """Try a device, once in a process, and return what is wrong with it in a few words.

    Parameters
    ----------
    device : str
        Torch's name of a type of devices.

    Returns
    -------
    str
        Empty if the device computes what the CPU computes. Want of memory is no fault of a device.
    """
    if device not in _found:
        _found[device] = _try(device)
    return _found[device]


def forget_trials() -> None:
    """Let the next question try anew."""
    _found.clear()


def _try(device: str) -> str:
    from napari_blindspot.engine.hardware.failures import is_out_of_memory

    try:
        there = [part.cpu() for part in _computed(torch.device(device))]
    except Exception as error:
        # Whatever it is: torch raises an AssertionError, a NotImplementedError or a RuntimeError here.
        return "" if is_out_of_memory(error) else first_line(error)
    for part, expected in zip(there, _computed(torch.device("cpu")), strict=True):
        # Written so that NaN is no success.
        if not (part - expected).abs().max() <= TOLERANCE * expected.abs().max():
            return "it computes something else than the CPU"
    return ""


def _computed(device: torch.device) -> list[torch.Tensor]:
    """Do what a fit does: a convolution and its gradients, a spectrum, and pixels sorted and looked up."""
    plane = torch.linspace(-1, 1, SIDE * SIDE).sin().reshape(1, 1, SIDE, SIDE).to(device)
    weight = torch.linspace(-1, 1, 36).cos().reshape(4, 1, 3, 3).to(device).requires_grad_()
    with torch.enable_grad():
        features = F.leaky_relu(F.conv2d(plane, weight, padding=1), 0.1)
        (slope,) = torch.autograd.grad(features.square().mean(), weight)
    spectrum = torch.fft.ifft2(torch.fft.fft2(plane) * 0.5).real
    order = plane.flatten()[plane.flatten().argsort()]
    return [features.detach(), slope, spectrum, order]
