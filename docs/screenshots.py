"""Pictures of the Denoise widget for this documentation, taken from the real viewer with a real fit.

    xvfb-run -a -s "-screen 0 1400x900x24" python docs/screenshots.py

writes ``docs/images/widget-{axes,idle,advanced,half-way,finished,wipe,error}.png``, and the same in
napari's light theme with ``-light`` in the name. ``--quick`` takes a small image and few iterations,
``--theme`` one of the themes; ``--folder`` says where to write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from viewer import close, open_viewer, photograph, read_options, themes, wait

from napari_blindspot import samples

if TYPE_CHECKING:
    from pathlib import Path

    from napari_blindspot.widgets.denoise import DenoiseWidget


def main() -> None:
    """Take the pictures in both themes."""
    options = read_options(__doc__.splitlines()[0])
    for ending in themes(options):
        ask(options.folder, ending)
        take(options.folder, ending, quick=options.quick)


def ask(folder: Path, ending: str) -> None:
    """Take a picture of what is asked of a stack whose axes have no names."""
    viewer = open_viewer()
    z_planes = samples.z_stack((6, 128, 128)).noisy
    layer = viewer.add_image(np.stack([z_planes, z_planes[::-1]], axis=1), name="hyperstack")
    _, widget = viewer.window.add_plugin_dock_widget("napari-blindspot", "Denoise")
    widget.layer.value = layer
    widget.scope.value = "stack"
    wait(lambda: "about" in widget.outlook.value)
    viewer.reset_view()
    photograph(viewer, folder / f"widget-axes{ending}.png")
    close(viewer)


def take(folder: Path, ending: str, *, quick: bool) -> None:
    """Open a viewer, denoise in it, and take a picture of each state."""
    viewer = open_viewer()
    sample = samples.confocal((48, 48) if quick else (192, 192))
    viewer.add_image(
        sample.noisy,
        name="confocal",
        scale=sample.voxel_size,
        units=("µm", "µm"),
        contrast_limits=(float(sample.truth.min()), 0.8 * float(sample.truth.max())),
    )
    _, widget = viewer.window.add_plugin_dock_widget("napari-blindspot", "Denoise")
    viewer.window.resize(1280, 800)

    def picture(name: str) -> None:
        photograph(viewer, folder / f"widget-{name}{ending}.png")

    wait(lambda: "about" in widget.outlook.value)
    viewer.reset_view()
    picture("idle")
    widget.advanced.button.native.click()
    picture("advanced")
    widget.advanced.button.native.click()

    # Denoised, INR and noisy beside each other, from left to right.
    grid = viewer.canvas.grid if hasattr(viewer, "canvas") else viewer.grid
    grid.stride, grid.shape, grid.enabled = -1, (1, 3), True
    denoise(widget, quick=quick)
    # A short fit on a busy computer may be over before anybody looks.
    wait(
        lambda: (
            widget.session is None or (len(viewer.layers) == 3 and widget.session.standing.fraction > 0.5)
        )
    )
    viewer.reset_view()
    picture("half-way")
    wait(lambda: widget.session is None)
    picture("finished")

    grid.enabled = False
    viewer.reset_view()
    widget.after.line.value = 50
    picture("wipe")
    widget.after.line.value = 0
    shapes = viewer.add_shapes(
        [[(2, 2), (2, 3), (3, 3), (3, 2)]],
        name="region",
        edge_width=0.04,
        edge_color="yellow",
        face_color="transparent",
        units=("µm", "µm"),
    )
    viewer.layers.selection.active = viewer.layers["confocal"]
    widget.region.value = shapes
    viewer.reset_view()
    widget.buttons.start.native.click()
    picture("error")
    close(viewer)


def denoise(widget: DenoiseWidget, *, quick: bool) -> None:
    """Choose a preset and start."""
    widget.preset.value = "fast"
    if quick:
        widget.preset.value = "paper"
        widget.form["iterations"].value = 8
        widget.form["passes"].value = 4
    widget.buttons.start.native.click()


if __name__ == "__main__":
    main()
