"""Closes the window while a fit runs, or without one; prints when that was and when napari ended."""

from __future__ import annotations

import os
import sys
import time

os.environ["NAPARI_CONFIG"] = ""

import napari
from qtpy.QtCore import QTimer

from napari_blindspot import samples
from napari_blindspot.widgets.shared.preload import warm_up

with_a_run = sys.argv[1] == "run"
viewer = napari.Viewer(show_welcome_screen=False)
viewer.add_image(samples.confocal((64, 64)).noisy, name="cells")
_, widget = viewer.window.add_plugin_dock_widget("napari-blindspot", "Denoise")
widget.form["iterations"].value = 100_000
if with_a_run:
    widget.buttons.start.native.click()


def close_when_it_runs() -> None:
    if with_a_run:
        ready = widget.session.standing.activity.startswith("Iteration")
    else:
        ready = not warm_up().is_alive()
    if ready:
        watch.stop()
        print(time.time(), flush=True)
        viewer.close()


watch = QTimer()
watch.timeout.connect(close_when_it_runs)
watch.start(50)
napari.run()
print(time.time(), flush=True)
