"""A fitted model as a file of the BioImage Model Zoo, which other programs run without this package.

The file is a ZIP with ``rdf.yaml`` by the specification 0.5 of the Zoo (https://bioimage.io/spec), the
U-Net as TorchScript, a noisy image with what the U-Net makes of it, and a text that says what it is. The
graph itself is in `napari_blindspot.engine.plane_graph`.
"""

from __future__ import annotations

import datetime
import hashlib
import io
import re
import zipfile
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_blindspot.core.errors import SettingsError
from napari_blindspot.engine.plane_graph import PlaneGraph, torchscript_of
from napari_blindspot.files.safe_write import atomic_path
from napari_blindspot.noise.anscombe import Anscombe
from napari_blindspot.samples import confocal

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import numpy.typing as npt

    from napari_blindspot.core.model import Model

__all__ = ["export_model"]

FORMAT_VERSION = "0.5.4"
"""Of the specification that the description is written by."""

HALO = 64
"""Pixels at each edge of a tile that the U-Net sees less of than of the others."""

LEAST_SIDE, STEP, EXAMPLE_SIDE = 2 * HALO + 16, 8, 192
"""Sides of an image in pixels: the least, what larger ones exceed it by, and that of the example."""

LONGEST_NAME = 64

PAPER = "Quan, Zheng, Ma, Ji: Zero-Shot Blind-spot Image Denoising via Implicit Neural Sampling (CVPR 2025)"
PAPER_URL = "https://openaccess.thecvf.com/CVPR2025"

README = """# {name}

{fitted_to}

## What the model is

The U-Net that napari-blindspot fitted to one noisy plane: intensities in, intensities out, one plane at a
time, as the mean of {symmetries} of its turned and mirrored views. Stabilisation of the noise (variance
{gain:.6g} for each unit of intensity and {offset:.6g} at intensity 0) and standardisation are part of
the graph, so that no pre-processing is needed. It suits planes of the same instrument, settings and sort of
structure, on the same scale of intensities.

## What it is not

It is no denoiser for any image: it has learned from a single plane. `napari-blindspot denoise --model` does
more than the graph: it measures the noise of each plane anew, leaves out missing and bad pixels, evens
scan lines, looks at neighbouring planes where there are any, gives back structure that the U-Net missed,
sets the means of the result right by those of the noisy image, and warns where an image is of another kind.
The graph does none of it, takes no NaN, and leaves the INR out.

## Validation

Subtract the result from the noisy image: what is left must look like noise, without edges or structure.
Where you have a clean image of the same field, compare the result with that. `test_input.npy` and
`test_output.npy` are an image {example}, and what the U-Net makes of it.
"""


def export_model(
    model: Model,
    path: str | os.PathLike[str],
    *,
    name: str = "",
    author: str = "",
    licence: str = "CC-BY-4.0",
) -> None:
    """Write a model for the BioImage Model Zoo.

    Parameters
    ----------
    model : Model
        What `napari_blindspot.fit` returned, or `napari_blindspot.load` read.
    path : path-like
        By convention ending in ``.zip``. A file of that name is replaced.
    name : str
        Of the model for people; by the image that it was fitted to if not given.
    author : str
        Who fitted it.
    licence : str
        Of the model, by its SPDX identifier.

    Raises
    ------
    SettingsError
        If the U-Net of the model was not refined, so that it can only predict pixels that are hidden.
    FileError
        If the operating system refuses.
    """
    name = _readable(name or f"napari-blindspot {model.fitted_to.name or 'model'}")
    graph = PlaneGraph(model)
    noisy, kind = _example(model)
    with torch.no_grad():
        denoised = graph(torch.from_numpy(noisy)).numpy()
    files = {
        "weights.pt": torchscript_of(graph),
        "test_input.npy": _npy(noisy),
        "test_output.npy": _npy(denoised),
        "README.md": README.format(
            name=name,
            fitted_to=model.in_words,
            symmetries=graph.symmetries,
            gain=graph.gain,
            offset=graph.offset,
            example=kind,
        ).encode(),
        "cover.png": _cover(noisy[0, 0], denoised[0, 0]),
    }
    files["rdf.yaml"] = _description(model, files, name, author or "unknown", licence)
    with atomic_path(path, sum(map(len, files.values()))) as temporary:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for file_name, content in files.items():
                archive.writestr(file_name, content)


def _description(model: Model, files: Mapping[str, bytes], name: str, author: str, licence: str) -> bytes:
    """Return the description of the model, rdf.yaml.

    Raises
    ------
    SettingsError
        If the licence is no identifier.
    """
    import yaml

    if not re.fullmatch(r"[A-Za-z0-9.+-]+", licence):
        raise SettingsError(
            f"The licence {licence!r} is no SPDX identifier, such as CC-BY-4.0 or MIT.", setting="licence"
        )
    with_sums = {
        file_name: {"source": file_name, "sha256": hashlib.sha256(content).hexdigest()}
        for file_name, content in files.items()
    }
    described = {
        "type": "model",
        "format_version": FORMAT_VERSION,
        "name": name,
        "description": f"Denoises planes of the kind that it was fitted to. {model.in_words}"[:1024],
        "authors": [{"name": author}],
        "cite": [{"text": PAPER, "url": PAPER_URL}],
        "license": licence,
        "documentation": with_sums["README.md"],
        "covers": ["cover.png"],
        "tags": ["denoising", "2d", "unet", "pytorch", "zero-shot", "fluorescence-light-microscopy"],
        "timestamp": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "inputs": [
            _tensor("noisy", {"min": LEAST_SIDE, "step": STEP}, with_sums["test_input.npy"]),
        ],
        "outputs": [_tensor("denoised", None, with_sums["test_output.npy"])],
        "weights": {
            "torchscript": with_sums["weights.pt"] | {"pytorch_version": torch.__version__.split("+")[0]}
        },
        "config": {
            "napari_blindspot": {
                "version": model.fitted_to.version or version("napari-blindspot"),
                "fitted_to": model.in_words,
                "settings": model.settings.model_dump(mode="json"),
            }
        },
    }
    text: str = yaml.safe_dump(described, sort_keys=False, allow_unicode=True)
    return text.encode()


def _tensor(name: str, sides: Mapping[str, int] | None, test_tensor: Mapping[str, str]) -> dict[str, Any]:
    """Describe the input, whose `sides` may be chosen, or the output, which is as large."""
    axes: list[dict[str, Any]] = [
        {"type": "batch"},
        {"type": "channel", "channel_names": ["intensity"]},
    ]
    for axis in "yx":
        if sides is not None:
            axes.append({"type": "space", "id": axis, "size": dict(sides), "concatenable": True})
        else:
            size = {"tensor_id": "noisy", "axis_id": axis}
            axes.append({"type": "space", "id": axis, "size": size, "halo": HALO})
    return {
        "id": name,
        "description": f"Intensities of a {name} plane, on the scale of the image that was fitted.",
        "axes": axes,
        "data": {"type": "float32"},
        "test_tensor": dict(test_tensor),
    }


def _example(model: Model) -> tuple[npt.NDArray[np.float32], str]:
    """Return a noisy image, (1, 1, Y, X), of the kind that a model was fitted to, and what it is."""
    base = model.inr_base
    if base is None:
        clean = confocal((EXAMPLE_SIDE, EXAMPLE_SIDE), 0).truth.astype(np.float64)
        stabiliser, kind = Anscombe.of(model.noise), "of synthetic structure with noise as was measured"
        low, high = (stabiliser.inverse(model.mean + k * model.scale) for k in (-1, 3))
        clean = low + (high - low) * (clean - clean.min()) / np.ptp(clean)
    else:
        stabiliser = Anscombe(base.gain, base.offset)
        kind = "of the denoised plane that the model was fitted to with new noise as was measured"
        rows, columns = (slice(0, min(side, EXAMPLE_SIDE)) for side in base.values.shape)
        part = base.values[rows, columns].astype(np.float64)
        clean = stabiliser.inverse(part * model.scale + model.mean)
        missing = [max(0, EXAMPLE_SIDE - side) for side in clean.shape]
        clean = np.pad(clean, [(0, pixels) for pixels in missing], mode="symmetric")
    variance = np.maximum(stabiliser.gain * clean + stabiliser.offset, 0.0)
    drawn = np.random.default_rng(0).standard_normal(clean.shape)
    return (clean + np.sqrt(variance) * drawn).astype(np.float32)[None, None], kind


def _cover(noisy: npt.NDArray[Any], denoised: npt.NDArray[Any]) -> bytes:
    """Return a picture, a PNG, of both images beside each other in the same contrast."""
    from PIL import Image

    low, high = np.percentile(noisy, (0.5, 99.5))
    both = np.concatenate([noisy, denoised], axis=1)
    gray = np.clip(255 * (both - low) / max(high - low, 1e-9), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(gray).save(file, format="PNG", optimize=True)
    return file.getvalue()


def _npy(array: npt.NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _readable(name: str) -> str:
    """Return a name of the letters and the length that the Zoo takes."""
    return re.sub(r"[^\w\-() ]", "_", name, flags=re.ASCII)[:LONGEST_NAME]
