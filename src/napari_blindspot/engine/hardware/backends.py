"""The devices that a run can compute on: one record each, and the choice among them.

A device that is added here is offered, described, measured and used wherever devices are. Importing this
does not load torch, so that help and forms can name the devices; choosing one does. What went wrong on a
device is put into words in `napari_blindspot.engine.hardware.failures`.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from napari_blindspot.core.errors import DeviceError, SettingsError
from napari_blindspot.core.notices import Notice
from napari_blindspot.settings import MeasuredSettings, PaperSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from napari_blindspot.settings import Precision, Settings

__all__ = [
    "BACKENDS",
    "Backend",
    "available_devices",
    "choose_device",
    "choose_precision",
    "describe_device",
    "passed_over",
    "release_memory",
    "unet_arithmetic",
]


def _nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Backend:
    """A kind of device, best first in `BACKENDS`.

    Attributes
    ----------
    name : str
        In the settings, and torch's name of its type.
    is_present : callable
        Tells whether torch can use one here.
    describe : callable
        Names it as its owner would.
    release : callable
        Gives cached memory back to the system, so that other programs can have it.
    own_memory : callable
        Returns free and total bytes of a memory of its own; None where it has that of the machine.
    is_exact_in_bfloat16 : callable
        Tells whether it multiplies bfloat16 natively, faster than float32 and as good for the U-Net.
    replays_steps : bool
        Whether the numbers of a step are kept on it, so that steps can be recorded and replayed.
    fuses_adam : bool
        Whether torch's fused Adam runs on it.
    takes_tf32 : bool
        Whether convolutions may take TF32.
    visible : callable
        Returns the environment that shows a process the one device of this number, or nothing.
    """

    name: str
    is_present: Callable[[], bool]
    describe: Callable[[], str]
    release: Callable[[], None] = _nothing
    own_memory: Callable[[], tuple[int, int] | None] = lambda: None
    is_exact_in_bfloat16: Callable[[], bool] = lambda: False
    replays_steps: bool = False
    fuses_adam: bool = True
    takes_tf32: bool = False
    visible: Callable[[int], dict[str, str]] = lambda number: {}


def _cuda() -> Any:
    import torch

    return torch.cuda


def _cuda_memory() -> tuple[int, int]:
    """Return free and total bytes; what torch holds without need counts as free."""
    cuda = _cuda()
    free, total = cuda.mem_get_info()
    return int(free) + cuda.memory_reserved() - cuda.memory_allocated(), int(total)


def _one_cuda_device(number: int) -> dict[str, str]:
    """Deal the devices that this process may use out in turn."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is None:
        names = [str(n) for n in range(_cuda().device_count())]
    else:
        names = [name.strip() for name in given.split(",") if name.strip()]
    return {"CUDA_VISIBLE_DEVICES": names[number % len(names)]} if names else {}


def _mps_is_present() -> bool:
    import torch

    return torch.backends.mps.is_available()


def _release_mps() -> None:
    import torch

    torch.mps.empty_cache()


def _describe_cpu() -> str:
    from napari_blindspot.engine.hardware.threads import threads_of_a_run

    threads = threads_of_a_run()
    return f"CPU ({threads} thread{'s' * (threads != 1)}, {platform.machine()})"


def _cpu_has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 natively (AVX512_BF16 or AMX)."""
    import torch

    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    found = [getattr(torch.cpu, probe, None) for probe in probes]
    return any(probe() for probe in found if probe is not None)


BACKENDS: dict[str, Backend] = {
    backend.name: backend
    for backend in (
        Backend(
            "cuda",
            is_present=lambda: bool(_cuda().is_available()),
            describe=lambda: f"GPU ({_cuda().get_device_name()})",
            release=lambda: _cuda().empty_cache(),
            own_memory=_cuda_memory,
            replays_steps=True,
            takes_tf32=True,
            visible=_one_cuda_device,
        ),
        Backend(
            "mps",
            is_present=_mps_is_present,
            describe=lambda: "GPU (Apple, Metal)",
            release=_release_mps,
            fuses_adam=False,
        ),
        Backend(
            "cpu",
            is_present=lambda: True,
            describe=_describe_cpu,
            is_exact_in_bfloat16=_cpu_has_bfloat16,
        ),
    )
}
"""By name; ``auto`` takes the first that is there."""


def available_devices() -> list[str]:
    """Return the names of the devices that torch can use here, best first."""
    return [name for name, backend in BACKENDS.items() if backend.is_present()]


def choose_device(name: str) -> torch.device:
    """Turn the setting into a device; ``auto`` takes the first that computes as it should.

    Raises
    ------
    SettingsError
        If there is no device of that name anywhere.
    DeviceError
        If that device is not there, or fails in a small trial.
    """
    import torch

    if name != "auto" and name not in BACKENDS:
        raise SettingsError(
            f"There is no device {name!r}; choose one of: auto, {', '.join(BACKENDS)}.", setting="device"
        )
    present = available_devices()
    if name == "auto":
        return torch.device(next(device for device in present if not _trouble(device)))
    if name not in present:
        raise DeviceError(
            f"There is no {name} device here; choose one of: auto, {', '.join(present)}.", setting="device"
        )
    if wrong := _trouble(name):
        raise DeviceError(
            f"The {name} device cannot be used here ({wrong}); choose the device cpu, and see what "
            "`napari-blindspot doctor` says.",
            setting="device",
        )
    return torch.device(name)


def passed_over(name: str, taken: str) -> tuple[Notice, ...]:
    """Tell which better devices are there than the one that was taken for the setting `name`, and why."""
    if name != "auto":
        return ()
    return tuple(
        Notice(
            "device-passed-over",
            {"device": device, "taken": taken, "reason": _trouble(device)},
            is_warning=False,
        )
        for device in takewhile(lambda device: device != taken, available_devices())
    )


def _trouble(name: str) -> str:
    """Say what is wrong with a device that is there; nothing ever is with the CPU."""
    from napari_blindspot.engine.hardware.device_trial import trouble

    return "" if name == "cpu" else trouble(name)


def choose_precision(settings: Settings, device: torch.device) -> Precision:
    """Resolve ``auto``: bfloat16 where it was measured to be faster and as good, float32 elsewhere.

    That is on processors that multiply bfloat16 natively, for the presets that measure the noise. Others
    emulate it, slower than float32. On NVIDIA GPUs convolutions take TF32; bfloat16 would halve their
    traffic, but converts every weight in steps of small kernels, and was no faster on an H200.

    Raises
    ------
    SettingsError
        If the processor's convolutions cannot be trusted with these settings.
    """
    if settings.precision != "auto":
        if (
            settings.precision == "bfloat16"
            and device.type == "cpu"
            and isinstance(settings, PaperSettings)
        ):
            _check_dilated_width(settings)
        return settings.precision
    if isinstance(settings, MeasuredSettings) and BACKENDS[device.type].is_exact_in_bfloat16():
        return "bfloat16"
    return "float32"


def _check_dilated_width(settings: PaperSettings) -> None:
    # The gradient of a dilated convolution reads past its weights, in oneDNN 3.12, where the input channels
    # are no multiple of 16: it ends in NaN, or ends the process. The U-Net's last widths are thirds.
    if settings.unet_dilation > 1 and settings.unet_width % 48:
        raise SettingsError(
            "On a CPU, dilated convolutions in bfloat16 need a U-Net width that is a multiple of 48, and "
            f"it is {settings.unet_width}; choose another width, or float32."
        )


def unet_arithmetic(precision: Precision, device: torch.device) -> torch.autocast:
    """Return the context in which the U-Net computes."""
    import torch

    # Without a cache, which would hold memory of a step that is being recorded.
    return torch.autocast(
        device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16", cache_enabled=False
    )


def describe_device(device: torch.device) -> str:
    """Name the device as its owner would."""
    return BACKENDS[device.type].describe()


def release_memory(device: torch.device) -> None:
    """Give cached device memory back to the system, so that other programs can have it."""
    BACKENDS[device.type].release()
