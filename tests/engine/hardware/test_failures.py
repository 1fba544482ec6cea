"""What went wrong on a device is told in one sentence, which says whose fault it was."""

import numpy as np
import pytest
import torch

from napari_blindspot import denoise
from napari_blindspot.core.errors import BlindspotError, DeviceError, InternalError, OutOfMemoryError
from napari_blindspot.engine.hardware.failures import is_out_of_memory, readable_errors
from napari_blindspot.method.compact_unet import CompactUNet
from napari_blindspot.method.unet import UNet

CPU, CUDA, MPS = (torch.device(name) for name in ("cpu", "cuda", "mps"))
NOISY = np.random.default_rng(0).poisson(30, (48, 48))


def told(device: torch.device, error: Exception) -> BlindspotError:
    """Return what an error becomes that a run on a device meets."""
    with pytest.raises(BlindspotError) as caught, readable_errors(device, (512, 300)):
        raise error
    assert caught.value.__cause__ is error
    assert not isinstance(caught.value, RuntimeError)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("device", "advice"),
    [(CPU, "choose a smaller region."), (CUDA, "choose a smaller region or the device cpu.")],
)
def test_want_of_memory_names_the_plane_and_the_device_and_says_what_to_do(device, advice):
    error = told(device, RuntimeError("CUDA out of memory. Tried…"))
    assert isinstance(error, OutOfMemoryError)
    assert (
        str(error)
        == f"The 512×300 plane does not fit into the memory of the device {device.type}: {advice}"
    )
    error = told(device, MemoryError())
    assert isinstance(error, OutOfMemoryError)
    assert str(error) == f"The 512×300 plane does not fit into memory: {advice}"


@pytest.mark.parametrize(
    ("device", "text"),
    [
        (CUDA, "cuDNN error: x\nat y"),
        (CUDA, "CUDA error: an illegal memory access was encountered\nCompile with `TORCH_USE_CUDA_DSA`"),
        (CUDA, "CUDA error: no kernel image is available for execution on the device"),
        (CUDA, "CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`"),
        (CUDA, "HIP error: invalid device function"),
        (CUDA, "The NVIDIA driver on your system is too old"),
        (MPS, "MPS backend failed"),
        (MPS, "MPSGraph failed on the Metal device"),
    ],
)
def test_a_failure_of_a_gpu_or_its_libraries_is_the_devices(device, text):
    error = told(device, RuntimeError(text))
    assert isinstance(error, DeviceError)
    assert str(error) == f"The device {device.type} failed: {text.splitlines()[0]}."


@pytest.mark.parametrize("device", [CPU, CUDA, MPS])
@pytest.mark.parametrize(
    "text",
    [
        "mat1 and mat2 shapes cannot be multiplied (3x4 and 5x6)\nmore",
        "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 0",
        "element 0 of tensors does not require grad and does not have a grad_fn",
        "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!",
        "Expected all tensors to be on the same device, but found at least two devices, mps:0 and cpu!",
        "Input type (torch.cuda.FloatTensor) and weight type (torch.FloatTensor) should be the same",
        "clamps and their relationship",
    ],
)
def test_what_torch_was_asked_for_wrongly_is_a_fault_of_ours_on_every_device(device, text):
    error = told(device, RuntimeError(text))
    assert isinstance(error, InternalError)
    first = text.splitlines()[0]
    assert str(error) == (
        f"Something went wrong in napari-blindspot itself (RuntimeError: {first}). "
        "Please report it, with what `napari-blindspot doctor` prints."
    )


def test_on_a_cpu_no_failure_is_one_of_a_gpu():
    assert isinstance(told(CPU, RuntimeError("cuDNN error: x")), InternalError)


def test_an_error_of_ours_is_left_as_it_is():
    error = DeviceError("The device has gone.")
    with pytest.raises(DeviceError) as caught, readable_errors(CUDA, (16, 16)):
        raise error
    assert caught.value is error


def test_other_errors_than_torchs_are_left_as_they_are():
    with pytest.raises(KeyError), readable_errors(CPU, (16, 16)):
        raise KeyError("name")


def test_a_value_is_no_want_of_memory():
    assert not is_out_of_memory(ValueError("out of memory"))
    assert not is_out_of_memory(RuntimeError("could not create a primitive descriptor"))


@pytest.mark.parametrize(("preset", "network"), [("auto", CompactUNet), ("paper", UNet)])
def test_a_fault_of_ours_ends_a_fit_with_a_request_to_report_it(preset, network, monkeypatch):
    def wrong(*_):
        return torch.ones(3, 4) @ torch.ones(5, 6)

    monkeypatch.setattr(network, "forward", wrong)
    with pytest.raises(InternalError, match=r"napari-blindspot itself \(RuntimeError: mat1.*report it"):
        denoise(NOISY, preset, device="cpu", iterations=2, unet_width=8)
