"""Closes the window while a fit runs, and prints when it did; the rest is up to napari."""

from __future__ import annotations

import os
import sys
import time

os.environ["NAPARI_CONFIG"] = ""

import napari
from qtpy.QtCore import QTimer

from napari_blindspot import samples

viewer = napari.Viewer(show_welcome_screen=False)
viewer.add_image(samples.confocal((int(sys.argv[1]),) * 2).noisy, name="cells")
_, widget = viewer.window.add_plugin_dock_widget("napari-blindspot", "Denoise")
widget.form["iterations"].value = 100_000
widget.denoise.native.click()


def close_when_it_runs() -> None:
    if widget.session.estimate.activity.startswith("Iteration"):
        watch.stop()
        print(time.time(), flush=True)
        viewer.close()


watch = QTimer()
watch.timeout.connect(close_when_it_runs)
watch.start(50)
napari.run()
