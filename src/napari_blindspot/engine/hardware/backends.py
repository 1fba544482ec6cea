"""Choice of device and precision, and the words for what went wrong on it."""

from __future__ import annotations

import contextlib
import platform
import re
from typing import TYPE_CHECKING

import torch

from napari_blindspot.core.errors import DeviceError, OutOfMemoryError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_blindspot.settings import DeviceName, Precision, Settings

__all__ = [
    "available_devices",
    "choose_device",
    "choose_precision",
    "describe_device",
    "is_out_of_memory",
    "readable_errors",
    "release_memory",
]


def available_devices() -> list[str]:
    """Return the names of the devices that torch can use here, best first."""
    devices = []
    if torch.cuda.is_available():
        devices.append("cuda")
    if torch.backends.mps.is_available():
        devices.append("mps")
    return [*devices, "cpu"]


def choose_device(name: DeviceName) -> torch.device:
    """Turn the setting into a device.

    Raises
    ------
    DeviceError
        If that device is not there.
    """
    present = available_devices()
    if name == "auto":
        return torch.device(present[0])
    if name not in present:
        raise DeviceError(f"There is no {name} device here; choose one of: auto, {', '.join(present)}.")
    return torch.device(name)


def choose_precision(settings: Settings, device: torch.device) -> Precision:
    """Resolve ``auto``: bfloat16 where it was measured to be faster and as good, float32 elsewhere.

    That is on processors that multiply bfloat16 natively, for the presets that measure the noise. Others
    emulate it, slower than float32. On NVIDIA GPUs, where nothing was measured yet, convolutions take TF32;
    bfloat16 would halve their traffic, but add conversions of every weight to steps of small kernels.

    Raises
    ------
    SettingsError
        If the processor's convolutions cannot be trusted with these settings.
    """
    if settings.precision != "auto":
        dilated = not settings.measures_noise and settings.unet_dilation > 1
        if settings.precision == "bfloat16" and device.type == "cpu" and dilated:
            _check_dilated_width(settings.unet_width)
        return settings.precision
    if settings.measures_noise and device.type == "cpu" and _cpu_has_bfloat16():
        return "bfloat16"
    return "float32"


def _cpu_has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 natively (AVX512_BF16 or AMX)."""
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    found = [getattr(torch.cpu, probe, None) for probe in probes]
    return any(probe() for probe in found if probe is not None)


def _check_dilated_width(width: int) -> None:
    # The gradient of a dilated convolution reads past its weights, in oneDNN 3.12, where the input channels
    # are no multiple of 16: it ends in NaN, or ends the process. The U-Net's last widths are thirds.
    if width % 48:
        raise SettingsError(
            "On a CPU, dilated convolutions in bfloat16 need a U-Net width that is a multiple of 48, and "
            f"it is {width}; choose another width, or float32."
        )


def unet_arithmetic(settings: Settings, device: torch.device) -> torch.autocast:
    """Return the context in which the U-Net computes, by the precision of resolved settings."""
    # Without a cache, which would hold memory of a step that is being recorded.
    return torch.autocast(
        device.type,
        dtype=torch.bfloat16,
        enabled=settings.precision == "bfloat16",
        cache_enabled=False,
    )


def describe_device(device: torch.device) -> str:
    """Name the device as its owner would."""
    if device.type == "cuda":
        return f"GPU ({torch.cuda.get_device_name(device)})"
    if device.type == "mps":
        return "GPU (Apple, Metal)"
    threads = torch.get_num_threads()
    return f"CPU ({threads} thread{'s' * (threads != 1)}, {platform.machine()})"


def release_memory(device: torch.device) -> None:
    """Give cached device memory back to the system, so that other programs can have it."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


_OUT_OF_MEMORY = re.compile(
    r"out of memory|can't allocate memory|not enough memory|alloc_failed"
    r"|could not (create|execute) a primitive(?! descriptor)",
    re.IGNORECASE,
)
"""What torch's allocators say where they have no exception of their own, CUDA's libraries, and oneDNN when
it finds no room for its code or its scratch."""


def is_out_of_memory(error: Exception) -> bool:
    """Tell whether an exception means that a device or the machine has too little memory."""
    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and _OUT_OF_MEMORY.search(str(error)) is not None


@contextlib.contextmanager
def readable_errors(device: torch.device, shape: tuple[int, int]) -> Iterator[None]:
    """Turn torch's out-of-memory errors into one sentence, as an error that is not a RuntimeError.

    napari's worker threads take any RuntimeError for an abort and report nothing.

    Raises
    ------
    OutOfMemoryError
        When the device or the machine ran out of memory.
    DeviceError
        For any other RuntimeError of torch.
    """
    size = f"{shape[0]}×{shape[1]}"
    advice = "choose a smaller region" + ("" if device.type == "cpu" else " or the device cpu")
    try:
        yield
    except MemoryError as error:
        raise OutOfMemoryError(f"The {size} plane does not fit into memory: {advice}.") from error
    except RuntimeError as error:
        text = str(error)
        if is_out_of_memory(error):
            raise OutOfMemoryError(
                f"The {size} plane does not fit into the memory of the device {device.type}: {advice}."
            ) from error
        first_line = text.strip().splitlines()[0] if text.strip() else type(error).__name__
        raise DeviceError(f"The device {device.type} failed: {first_line}") from error
