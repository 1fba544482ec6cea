"""Pictures of the Batch denoise widget for this documentation, from the real viewer with real fits.

    xvfb-run -a -s "-screen 0 1400x900x24" python docs/batch_screenshots.py

writes ``docs/images/batch-{empty,running,finished,opened}.png``, and the same in napari's light theme with
``-light`` in the name. Five synthetic files are denoised, one of them is damaged. ``--quick`` takes small
images and few iterations, ``--theme`` one of the themes; ``--folder`` says where to write.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget
from viewer import close, open_viewer, photograph, read_options, themes, wait

from napari_blindspot import Settings, samples
from napari_blindspot.batch import BatchOptions, Input
from napari_blindspot.batch.job_file import BatchJob, save_job
from napari_blindspot.files.door import ImageFile, Spacing, write_ome_tiff


def main() -> None:
    """Take the pictures in both themes."""
    options = read_options(__doc__.splitlines()[0])
    for ending in themes(options):
        with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
            take(options.folder, Path(place), ending, quick=options.quick)


def take(folder: Path, place: Path, ending: str, *, quick: bool) -> None:
    """Open a viewer, run a batch in it, and take a picture of each state."""
    viewer = open_viewer()
    dock, widget = viewer.window.add_plugin_dock_widget("napari-blindspot", "Batch denoise")
    viewer.window.resize(1280, 800)
    window = viewer.window._qt_window
    left = [each for each in window.findChildren(QDockWidget) if each.windowTitle().startswith("layer")]
    window.resizeDocks([dock, left[0]], [640, 200], Qt.Orientation.Horizontal)

    def picture(name: str) -> None:
        photograph(viewer, folder / f"batch-{name}{ending}.png")

    picture("empty")
    widget.add_paths([make_job(place, quick=quick)])
    # Where the files are on this computer is nobody's business.
    widget.output.value = "results"
    wait(lambda: all(item.shape or item.state == "failed" for item in widget.items))
    widget.buttons.start.native.click()
    second = next(row for row, item in enumerate(widget.items) if item.plane_count > 1)

    def second_plane() -> bool:
        return widget.items[second].finished >= 1 and "iteration" in widget.status.activity.value

    # Short fits on a busy computer may be over before anybody looks.
    wait(lambda: second_plane() or widget.session is None)
    picture("running")
    wait(lambda: widget.session is None)
    picture("finished")
    widget.table.native.selectRow(second)
    widget.open_row(second)
    wait(lambda: False, 4.0 if not quick else 0.5)
    picture("opened")
    close(viewer)


def make_job(place: Path, *, quick: bool) -> Path:
    """Write five files, one of them damaged, and a job over them."""
    side = 32 if quick else 96
    data = place / "experiment"
    data.mkdir()
    for number in range(3):
        sample = samples.confocal((side, side), number)
        write(data / f"cells {number + 1}.ome.tif", sample.noisy, "YX", sample.voxel_size)
    stack = samples.z_stack((3, side, side))
    write(data / "embryo.ome.tif", stack.noisy, "ZYX", stack.voxel_size)
    (data / "torn.tif").write_bytes((data / "cells 1.ome.tif").read_bytes()[:300])
    more = {
        "iterations": 12,
        "refine_iterations": (2,),
        "symmetries": 1,
        "unet_width": 4,
        "inr_features": 8,
    }
    settings = Settings.from_preset("fast", **(more if quick else {}))
    options = BatchOptions(output=place / "results", settings=settings)
    save_job(BatchJob.of([Input(path=data)], options), place / "job.yaml")
    return place / "job.yaml"


def write(path: Path, array: object, axes: str, voxel: tuple[float, ...]) -> None:
    """Write one file with its voxel size."""
    spacing = {axis: Spacing(step, "µm") for axis, step in zip(axes, voxel, strict=True)}
    write_ome_tiff(path, ImageFile(array, axes, spacing))


if __name__ == "__main__":
    main()
