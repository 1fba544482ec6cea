"""Pictures of the five-minute tour: a z-stack of two channels until it is saved, then a batch by its model.

    xvfb-run -a -s "-screen 0 1400x900x24" python docs/tour_screenshots.py

writes ``docs/images/tour-{1…8}-*.png``, in napari's dark theme. What is clicked is what a user clicks, but
for the dialogs of files, whose answer is given to the dock. ``--quick`` and ``--folder`` as in the others.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget
from viewer import close, open_viewer, photograph, read_options, themes, wait

from napari_blindspot import read_image, samples
from napari_blindspot.files.door import ImageFile, Spacing, write_ome_tiff

CHANNELS, COLORS = ("tubulin", "actin"), ("#00ffff", "#ff00ff")


def main() -> None:
    """Take the tour in the dark theme, or in those that are named."""
    options = read_options(__doc__.splitlines()[0])
    options.theme = options.theme or ["dark"]
    for ending in themes(options):
        with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
            denoise(options.folder, ending, quick=options.quick)
            batch(options.folder, ending, quick=options.quick)


def denoise(folder: Path, ending: str, *, quick: bool) -> None:
    """Open a z-stack of two channels, denoise both, look at them, save both and the model."""
    side = 48 if quick else 128
    stacks = [samples.z_stack((4, side, side), seed) for seed in (0, 1)]
    write("cells.ome.tif", np.stack([stack.noisy for stack in stacks]), "CZYX", stacks[0].voxel_size)
    viewer = open_viewer()

    def picture(name: str) -> None:
        photograph(viewer, folder / f"tour-{name}{ending}.png")

    # What napari does with a file that is dropped on it.
    viewer.open("cells.ome.tif", plugin="napari")
    _, widget = viewer.window.add_plugin_dock_widget("napari-blindspot", "Denoise")
    wait(lambda: widget.file_row.visible)
    viewer.reset_view()
    picture("1-open")
    widget.file_row.open.native.click()
    for layer in viewer.layers:
        layer.contrast_limits = (0, float(np.percentile(layer.data, 99.8)))
    viewer.dims.set_current_step(0, 2)
    widget.scope.value = "stack"
    widget.preset.value = "fast"
    wait(lambda: "2 layers of 4 planes" in widget.outlook.value)
    viewer.reset_view()
    picture("2-before")
    widget.buttons.start.native.click()
    wait(
        lambda: (
            widget.session is None or (len(viewer.layers) >= 5 and widget.session.standing.fraction > 0.4)
        )
    )
    picture("3-meanwhile")
    wait(lambda: widget.session is None)
    viewer.dims.set_current_step(0, 2)
    widget.after.line.value = 50
    viewer.reset_view()
    picture("4-before-after")
    widget.after.line.value = 0
    widget.after.write_result(Path("cells_denoised.ome.tif"))
    wait(lambda: widget.after.save.enabled)
    picture("5-saved")
    saved = read_image("cells_denoised.ome.tif")
    print(saved.axes, saved.shape, saved.channel_names, saved.spacing)
    widget.after.write_model(Path("cells.safetensors"))
    picture("6-model")
    close(viewer)


def batch(folder: Path, ending: str, *, quick: bool) -> None:
    """Apply the model to three files."""
    side = 48 if quick else 128
    for number in range(3):
        stack = samples.z_stack((4, side, side), 5 + number)
        write(f"day {number + 1}.ome.tif", stack.noisy, "ZYX", stack.voxel_size)
    viewer = open_viewer()
    dock, widget = viewer.window.add_plugin_dock_widget("napari-blindspot", "Batch denoise")
    window = viewer.window._qt_window
    left = [each for each in window.findChildren(QDockWidget) if each.windowTitle().startswith("layer")]
    window.resizeDocks([dock, left[0]], [560, 200], Qt.Orientation.Horizontal)
    widget.add_paths([Path(f"day {number + 1}.ome.tif") for number in range(3)])
    widget.add_paths([Path("cells.safetensors")])
    widget.output.value = "results"
    wait(lambda: all(item.shape or item.state == "failed" for item in widget.items))
    photograph(viewer, folder / f"tour-7-batch{ending}.png")
    widget.buttons.start.native.click()
    wait(lambda: widget.session is None)
    widget.open_row(1)
    wait(lambda: False, 3.0)
    photograph(viewer, folder / f"tour-8-done{ending}.png")
    print([item.state for item in widget.items])
    close(viewer)


def write(name: str, array: np.ndarray, axes: str, voxel: tuple[float, ...]) -> None:
    """Write one file with its voxel size, and the names and colours of its channels."""
    letters = axes.replace("C", "")
    spacing = {axis: Spacing(step, "µm") for axis, step in zip(letters, voxel, strict=True)}
    named = (CHANNELS, (), COLORS) if "C" in axes else ()
    write_ome_tiff(Path(name), ImageFile(array, axes, spacing, *named))


if __name__ == "__main__":
    main()
