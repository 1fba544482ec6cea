"""Pictures of the Inspect dock for this documentation, taken from the real viewer with real fits.

    xvfb-run -a -s "-screen 0 1400x900x24" python docs/inspect_screenshots.py

asks all eight questions and writes what the dock says, beside each other, as
``docs/images/inspect-panels.png``, in the light theme ``inspect-panels-light.png``, and the whole window of
two questions as ``inspect-removed.png`` and ``inspect-planes.png``. With ``--every`` the window is written
for every question and image, as ``inspect-NAME-QUESTION.png``; ``--fmdd`` and ``--stack`` take images of
FMDD and a z-stack for the synthetic ones. ``--quick`` takes small images and few iterations; ``--folder``
says where to write.
"""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from qtpy.QtCore import QBuffer
from viewer import close, open_viewer, photograph, read_options, themes, wait, write_picture

from napari_blindspot import Settings, denoise_stack, read_image, samples, save
from napari_blindspot.core.events import Finished
from napari_blindspot.engine.fit_plane import fit_plane
from napari_blindspot.widgets.denoise.run_record import run_record
from napari_blindspot.widgets.inspect.questions import QUESTIONS
from napari_blindspot.widgets.shared.layer_data import METADATA_KEY

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from napari_blindspot import Result
    from napari_blindspot.core.model import Model

WORDS = ("removed", "sure", "resolve", "pixels", "line", "Why", "others")
"""Of the questions that are asked of a plane, one in each."""

STACK = "planes"
"""Of the question that is asked of a z-stack."""

WINDOWS = ("removed", STACK)
"""Questions whose whole window is shown in the documentation."""

SCENES = {
    "two-photon": "TwoPhoton_BPAE_R_fov19_1",
    "wide-field": "WideField_BPAE_R_fov19_1",
    "confocal": "Confocal_MICE_fov1",
}
"""Files of FMDD."""

ACROSS, HIGH = 4, 580
"""Docks beside each other in a picture, and pixels of their height: most have nothing further below."""


@dataclass(frozen=True)
class Shown:
    """An image with its result.

    Attributes
    ----------
    name : str
        Of the noisy layer.
    noisy, denoised : ndarray
        ([Z,] Y, X).
    voxel : tuple of float
        Its sides.
    unit : str
        Of them.
    results : mapping of tuple of int to Result
        By the index of the plane.
    model : Model or None
        Applied where a question would take fits.
    """

    name: str
    noisy: np.ndarray
    denoised: np.ndarray
    voxel: tuple[float, ...]
    unit: str
    results: Mapping[tuple[int, ...], Result]
    model: Model | None


def main() -> None:
    """Take the pictures in both themes."""
    options = read_options(__doc__.splitlines()[0], add_options)
    images = list(fitted(options))
    for ending in themes(options):
        docks: dict[str, Image.Image] = {}
        for shown in images:
            docks |= ask(shown, options, ending)
        order = [docks[word] for word in (*WORDS, STACK) if word in docks]
        write_picture(beside_each_other(order), options.folder / f"inspect-panels{ending}.png")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Let other images be named, and more pictures be asked for."""
    parser.add_argument("--every", action="store_true", help="The window of every question and image.")
    parser.add_argument("--fmdd", type=Path, help="Folder with raw/ of FMDD.")
    parser.add_argument("--stack", type=Path, help="A z-stack.")


def fitted(options: argparse.Namespace) -> Iterator[Shown]:
    """Yield images with their results; the confocal one last, so that the docks are of it."""
    quick = {"iterations": 10, "symmetries": 1} if options.quick else {}
    settings = Settings.from_preset("fast", device="cpu", **quick)
    for name, noisy, voxel, unit in planes(options):
        done = next(event for event in fit_plane(noisy, settings) if isinstance(event, Finished))
        yield Shown(name, noisy, done.result.denoised, voxel, unit, {(): done.result}, done.model)
    if options.stack is None:
        sample = samples.z_stack((4, 48, 48) if options.quick else (6, 64, 64))
        noisy, voxel = sample.noisy, sample.voxel_size
    else:
        # Twice as far apart as wide: what a file does not tell a user says in napari.
        noisy, voxel = np.asarray(read_image(options.stack).array[:12]), (0.4, 0.2, 0.2)
    stack = denoise_stack(noisy, settings=settings, axes="ZYX")
    yield Shown("z-stack", noisy, stack.denoised, voxel, "µm", stack.planes, None)


def planes(options: argparse.Namespace) -> Iterator[tuple[str, np.ndarray, tuple[float, ...], str]]:
    """Yield planes with their names and the sides of their pixels."""
    if options.fmdd is None:
        sample = samples.confocal((64, 64) if options.quick else (128, 128))
        yield "confocal", sample.noisy, sample.voxel_size, "µm"
        return
    for name, file in SCENES.items():
        noisy = np.asarray(Image.open(options.fmdd / "raw" / f"{file}.png"))
        yield name, noisy[180:340, 180:340], (1.0, 1.0), "pixel"


def ask(shown: Shown, options: argparse.Namespace, ending: str) -> dict[str, Image.Image]:
    """Open a viewer, ask questions, take pictures, and return those of the dock by question."""
    viewer = open_viewer()
    axes = "ZYX"[-shown.noisy.ndim :]
    place: dict[str, Any] = {
        "scale": shown.voxel,
        "units": (shown.unit,) * len(axes),
        "axis_labels": tuple(axes.lower()),
        "contrast_limits": tuple(float(x) for x in np.percentile(shown.denoised, (0.5, 99.5))),
    }
    viewer.add_image(shown.noisy, name=shown.name, **place)
    record = run_record(shown.name, shown.results, tuple(shown.results), axes=axes)
    viewer.add_image(
        shown.denoised,
        name=f"{shown.name} denoised",
        metadata={METADATA_KEY: {**record, "image": "denoised"}},
        **place,
    )
    height, width = np.multiply(shown.noisy.shape[-2:], shown.voxel[-2:])
    shapes = viewer.add_shapes(
        [[(0.2 * height, 0.3 * width), (0.7 * height, 0.8 * width)]],
        shape_type="line",
        name="line",
        units=(shown.unit,) * 2,
        edge_width=0.006 * width,
        edge_color="yellow",
    )
    _, widget = viewer.window.add_plugin_dock_widget("napari-blindspot", "Inspect")
    viewer.window.resize(1280, 800)
    result = viewer.layers[f"{shown.name} denoised"]
    viewer.layers.selection.active = result
    viewer.reset_view()
    own, docks = list(viewer.layers), {}
    with tempfile.TemporaryDirectory() as folder:
        if shown.model is not None:
            save(shown.model, Path(folder) / f"{shown.name}.safetensors")
        for word in WORDS if shown.noisy.ndim == 2 else (STACK,):
            for layer in [layer for layer in viewer.layers if layer not in own]:
                viewer.layers.remove(layer)
            shapes.visible = word == "line"
            widget.question.value = next(question for question in QUESTIONS if word in question)
            widget.shapes.value = shapes if word == "line" else None
            if word == "resolve":
                widget.models.use(Path(folder) / f"{shown.name}.safetensors")
            widget.ask.native.click()
            wait(lambda: not widget.working)
            if word == STACK:
                # From the side, where equal voxels make a difference; the row with the brightest structure.
                row = int(np.argmax(shown.denoised.mean(0).max(1)))
                viewer.dims.order = (1, 0, 2)
                viewer.dims.set_point(1, row * shown.voxel[1])
                seen = viewer.layers[f"{result.name} equal voxels"]
                seen.contrast_limits = tuple(np.percentile(shown.denoised[:, row], (0.5, 99.8)))
                viewer.reset_view()
            if options.every:
                photograph(viewer, options.folder / f"inspect-{shown.name}-{word.lower()}{ending}.png")
            if not options.every and not ending and word in WINDOWS:
                photograph(viewer, options.folder / f"inspect-{word}.png")
            wait(lambda: False, 0.6)
            docks[word] = picture_of(widget)
    close(viewer)
    return docks


def picture_of(widget: Any) -> Image.Image:
    """Return a picture of the dock."""
    stream = QBuffer()
    widget.native.grab().save(stream, "PNG")
    return Image.open(io.BytesIO(stream.data().data())).convert("RGB")


def beside_each_other(docks: list[Image.Image]) -> Image.Image:
    """Return pictures in rows, as wide as the widest."""
    width, height = max(dock.width for dock in docks), HIGH
    rows = -(-len(docks) // ACROSS)
    whole = Image.new("RGB", (ACROSS * width, rows * height), docks[0].getpixel((1, 1)))
    for at, dock in enumerate(docks):
        whole.paste(dock.crop((0, 0, dock.width, HIGH)), (at % ACROSS * width, at // ACROSS * height))
    return whole


if __name__ == "__main__":
    main()
