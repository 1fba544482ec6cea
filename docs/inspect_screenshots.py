"""Pictures of the Inspect dock for this documentation, taken from the real viewer with a real fit.

    xvfb-run -a -s "-screen 0 1400x900x24" python docs/inspect_screenshots.py

writes ``docs/images/inspect-{removed,sure,resolve,pixels,line,why,others,planes}.png``, and the same in the
light theme with ``-light`` in the name. ``--quick`` takes a small image and few iterations; ``--folder``
says where to write.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from viewer import close, open_viewer, photograph, read_options, themes, wait

from napari_blindspot import Settings, denoise_stack, samples, save
from napari_blindspot.core.events import Finished
from napari_blindspot.engine.fit_plane import fit_plane
from napari_blindspot.widgets.denoise.run_record import run_record
from napari_blindspot.widgets.inspect.questions import QUESTIONS
from napari_blindspot.widgets.shared.layer_data import METADATA_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_blindspot import Result

WORDS = ("removed", "sure", "resolve", "pixels", "line", "Why", "others")
"""Of the questions that are asked of a plane, one in each."""


def main() -> None:
    """Take the pictures in both themes."""
    options = read_options(__doc__.splitlines()[0])
    plane = samples.confocal((64, 64) if options.quick else (128, 128))
    stack = samples.z_stack((4, 48, 48) if options.quick else (6, 64, 96))
    settings = Settings.from_preset(
        "fast", device="cpu", iterations=10 if options.quick else 80, symmetries=1
    )
    done = next(x for x in fit_plane(plane.noisy, settings) if isinstance(x, Finished))
    result = done.result
    planes = denoise_stack(stack.noisy, settings=settings, axes="ZYX")
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "confocal.safetensors"
        save(done.model, model)
        for ending in themes(options):
            ask(options.folder, ending, "confocal", plane, result.denoised, {(): result}, WORDS, model)
            ask(options.folder, ending, "z-stack", stack, planes.denoised, planes.planes, ("planes",))


def ask(
    folder: Path,
    ending: str,
    name: str,
    sample: Any,
    denoised: np.ndarray,
    results: Mapping[tuple[int, ...], Result],
    words: tuple[str, ...],
    model: Path | None = None,
) -> None:
    """Open a viewer, ask questions, and take a picture of each answer.

    Parameters
    ----------
    folder : Path
        Of the pictures.
    ending : str
        Of their names.
    name : str
        Of the noisy layer.
    sample : object
        With ``noisy``, ([Z,] Y, X), and ``voxel_size`` in µm.
    denoised : ndarray
        Its result.
    results : mapping of tuple of int to Result
        By the index of the plane.
    words : tuple of str
        A word of each question.
    model : Path, optional
        Applied where a question would take fits.
    """
    viewer = open_viewer()
    axes = "ZYX"[-denoised.ndim :]
    place = {"scale": sample.voxel_size, "units": ("µm",) * denoised.ndim, "axis_labels": tuple(axes)}
    limits = tuple(float(x) for x in np.percentile(denoised, (0.5, 99.8)))
    viewer.add_image(sample.noisy, name=name, contrast_limits=limits, **place)
    record = run_record(name, results, tuple(results), axes=axes)
    viewer.add_image(
        denoised,
        name=f"{name} denoised",
        contrast_limits=limits,
        metadata={METADATA_KEY: {**record, "image": "denoised"}},
        **place,
    )
    height, width = (
        side * size for side, size in zip(denoised.shape[-2:], sample.voxel_size[-2:], strict=True)
    )
    shapes = viewer.add_shapes(
        name="line", units=("µm", "µm"), edge_width=0.006 * width, edge_color="yellow"
    )
    shapes.add_lines([[(0.2 * height, 0.3 * width), (0.7 * height, 0.8 * width)]])
    shapes.visible = False
    _, widget = viewer.window.add_plugin_dock_widget("napari-blindspot", "Inspect")
    viewer.window.resize(1280, 800)
    viewer.layers.selection.active = viewer.layers[f"{name} denoised"]
    viewer.reset_view()
    own = list(viewer.layers)
    for word in words:
        for layer in [layer for layer in viewer.layers if layer not in own]:
            viewer.layers.remove(layer)
        shapes.visible = word == "line"
        widget.question.value = next(question for question in QUESTIONS if word in question)
        widget.shapes.value = shapes if word == "line" else None
        if model is not None and word == "resolve":
            widget.models.use(model)
        widget.ask.native.click()
        wait(lambda: not widget.working)
        if word == "planes":
            # From the side, where equal voxels make a difference.
            viewer.dims.order = (1, 0, 2)
            viewer.dims.set_point(1, 0.5 * height)
            viewer.reset_view()
        photograph(viewer, folder / f"inspect-{word.lower()}{ending}.png")
    close(viewer)


if __name__ == "__main__":
    main()
