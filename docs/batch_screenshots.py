"""Pictures of the Batch denoise widget for this documentation, from the real viewer with real fits.

    xvfb-run -a -s "-screen 0 1400x900x24" python docs/batch_screenshots.py

writes ``docs/images/batch-{empty,running,finished,opened}.png``, and the same in napari's light theme with
``-light`` in the name. Five synthetic files are denoised, one of them is damaged. ``--quick`` takes small
images and few iterations; ``--folder`` says where to write.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

# Nothing of the user's own settings may be seen in a picture, or be changed by it.
os.environ["NAPARI_CONFIG"] = ""

import napari
from napari.settings import get_settings
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QDockWidget

from napari_blindspot import Settings, samples
from napari_blindspot.batch import BatchOptions, Input
from napari_blindspot.batch.job import Job, save_job
from napari_blindspot.io import ImageFile, Spacing, write_ome_tiff

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 600.0
"""Seconds after which a run counts as hanging."""


def main() -> None:
    """Take the pictures in both themes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent / "images")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for theme, ending in (("dark", ""), ("light", "-light")):
        with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
            take(options.folder, Path(place), theme, ending, quick=options.quick)


def take(folder: Path, place: Path, theme: str, ending: str, *, quick: bool) -> None:
    """Open a viewer, run a batch in it, and take a picture of each state."""
    get_settings().appearance.theme = theme
    viewer = napari.Viewer(show_welcome_screen=False)
    dock, widget = viewer.window.add_plugin_dock_widget("napari-blindspot", "Batch denoise")
    viewer.window.resize(1280, 800)
    window = viewer.window._qt_window
    left = [each for each in window.findChildren(QDockWidget) if each.windowTitle().startswith("layer")]
    window.resizeDocks([dock, left[0]], [640, 200], Qt.Orientation.Horizontal)

    def picture(name: str) -> None:
        wait(lambda: False, 0.6)
        viewer.screenshot(str(folder / f"batch-{name}{ending}.png"), canvas_only=False, flash=False)

    picture("empty")
    widget.add_paths([make_job(place, quick=quick)])
    # Where the files are on this computer is nobody's business.
    widget.output.setText("results")
    wait(lambda: all(item.shape or item.state == "failed" for item in widget.items))
    widget.start.click()
    second = next(row for row, item in enumerate(widget.items) if item.planes > 1)
    wait(lambda: widget.items[second].finished >= 1 and "iteration" in widget.activity.text())
    picture("running")
    wait(lambda: widget.session is None)
    picture("finished")
    widget.table.selectRow(second)
    widget.open_row(second)
    wait(lambda: False, 4.0 if not quick else 0.5)
    picture("opened")
    viewer.close()
    wait(lambda: False, 0.2)


def make_job(place: Path, *, quick: bool) -> Path:
    """Write five files, one of them damaged, and a job over them."""
    side = 48 if quick else 96
    data = place / "experiment"
    data.mkdir()
    for number in range(3):
        sample = samples.confocal((side, side), number)
        write(data / f"cells {number + 1}.ome.tif", sample.noisy, "YX", sample.voxel_size)
    stack = samples.z_stack((3, side, side))
    write(data / "embryo.ome.tif", stack.noisy, "ZYX", stack.voxel_size)
    (data / "torn.tif").write_bytes((data / "cells 1.ome.tif").read_bytes()[:300])
    more = {"unet_width": 4, "refine_iterations": (2,), "iterations": 30, "passes": 1} if quick else {}
    settings = Settings.from_preset("fast", **more)
    options = BatchOptions(output=place / "results", settings=settings)
    save_job(Job.of([Input(path=data)], options), place / "job.yaml")
    return place / "job.yaml"


def write(path: Path, array: object, axes: str, voxel: tuple[float, ...]) -> None:
    """Write one file with its voxel size."""
    spacing = {axis: Spacing(step, "µm") for axis, step in zip(axes, voxel, strict=True)}
    write_ome_tiff(path, ImageFile(array, axes, spacing))


def wait(until: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Let napari live until something holds, or for some seconds."""
    end = time.monotonic() + seconds
    while not until() and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)
    if seconds == PATIENCE and not until():
        raise TimeoutError("A run did not get where it should.")


if __name__ == "__main__":
    main()
