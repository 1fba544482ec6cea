"""Pictures of the Inspect dock for this documentation, taken from the real viewer with a real fit.

    xvfb-run -a -s "-screen 0 1400x900x24" python docs/inspect_screenshots.py

writes ``docs/images/inspect-{removed,sure,between,line,why,others}.png``, and the same in the light
theme with ``-light`` in the name. ``--quick`` takes a small image and few iterations; ``--folder`` says
where to write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer import close, open_viewer, photograph, read_options, themes, wait

from napari_blindspot import Result, denoise, samples
from napari_blindspot.widgets.inspect.questions import QUESTIONS
from napari_blindspot.widgets.shared.layer_data import METADATA_KEY

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ("removed", "sure", "between", "line", "Why", "others")
"""Of the questions that are asked, one in each."""


def main() -> None:
    """Take the pictures in both themes."""
    options = read_options(__doc__.splitlines()[0])
    sample = samples.confocal((64, 64) if options.quick else (192, 192))
    more = {"iterations": 10, "symmetries": 1} if options.quick else {}
    result = denoise(sample.noisy, "fast", device="cpu", **more)
    for ending in themes(options):
        take(options.folder, ending, sample, result)


def take(folder: Path, ending: str, sample: samples.Sample, result: Result) -> None:
    """Open a viewer, ask every question, and take a picture of each answer."""
    viewer = open_viewer()
    place = {"scale": sample.voxel_size, "units": ("µm", "µm")}
    limits = (float(sample.truth.min()), 0.8 * float(sample.truth.max()))
    viewer.add_image(sample.noisy, name="confocal", contrast_limits=limits, **place)
    record = {
        "source": "confocal",
        "settings": result.settings.model_dump(mode="json"),
        "noise": result.noise.as_dict(),
        "notices": [notice.as_dict() for notice in result.notices],
        "history": {name: values.tolist() for name, values in result.history.losses.items()},
    }
    viewer.add_image(
        result.denoised,
        name="confocal denoised",
        contrast_limits=limits,
        metadata={METADATA_KEY: record},
        **place,
    )
    side = len(sample.truth) * sample.voxel_size[0]
    shapes = viewer.add_shapes(name="line", units=("µm", "µm"), edge_width=0.1, edge_color="yellow")
    shapes.add_lines([[(0.2 * side, 0.3 * side), (0.7 * side, 0.8 * side)]])
    _, widget = viewer.window.add_plugin_dock_widget("napari-blindspot", "Inspect")
    viewer.window.resize(1280, 800)
    viewer.layers.selection.active = viewer.layers["confocal denoised"]
    viewer.reset_view()
    own = list(viewer.layers)
    for word in WORDS:
        for layer in [layer for layer in viewer.layers if layer not in own]:
            viewer.layers.remove(layer)
        widget.question.value = next(question for question in QUESTIONS if word in question)
        widget.shapes.value = shapes if word == "line" else None
        widget.ask.native.click()
        wait(lambda: not widget.working)
        photograph(viewer, folder / f"inspect-{word.lower()}{ending}.png")
    close(viewer)


if __name__ == "__main__":
    main()
