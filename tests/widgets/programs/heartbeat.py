"""Beats in a real window before and during a fit; prints how late the beats were, as JSON.

    xvfb-run -a python tests/widgets/programs/heartbeat.py SECONDS [plane|stack|stack-3d]

A stack has eight planes of 512×512, of which the one at the slider, or in 3-D all, are drawn.
"""

from __future__ import annotations

import json
import os
import sys
import time

os.environ["NAPARI_CONFIG"] = ""

import napari
import numpy as np
from qtpy.QtCore import Qt, QTimer

from napari_blindspot import samples
from napari_blindspot.widgets.shared.preload import warm_up

INTERVAL, SECONDS = 20, float(sys.argv[1])
KIND = sys.argv[2] if len(sys.argv) > 2 else "plane"
SHAPE = (512, 512) if KIND == "plane" else (8, 512, 512)

viewer = napari.Viewer(show_welcome_screen=False)
viewer.window.resize(1200, 800)
cells = samples.confocal((512, 512)).noisy
viewer.add_image(np.ascontiguousarray(np.broadcast_to(cells, SHAPE)), name="cells")
viewer.dims.ndisplay = 3 if KIND == "stack-3d" else 2
_, widget = viewer.window.add_plugin_dock_widget("napari-blindspot", "Denoise")
# Others end by themselves as soon as more would gain nothing.
widget.preset.value = "best"
if KIND != "plane":
    widget.scope.value = "stack"
    # Of copies of one plane, each neighbour would have its noise.
    widget.form["neighbours"].value = 0

beats: list[float] = []
timer = QTimer()
timer.setTimerType(Qt.TimerType.PreciseTimer)
timer.timeout.connect(lambda: beats.append(time.perf_counter()))


def report() -> dict[str, float]:
    late = 1000 * np.diff(beats)
    beats.clear()
    return {
        "beats": len(late),
        "p99": float(np.percentile(late, 99)),
        "max": float(late.max()),
        "within_100_ms": float(np.mean(late <= 100.0)),
    }


def live(until, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not until() and time.monotonic() < end:
        napari.qt.get_qapp().processEvents()
        time.sleep(0.001)


def layer_made() -> float:
    """Let napari make a layer, as a preview does, and return the milliseconds that it takes on its own."""
    start = time.perf_counter()
    layer = viewer.add_image(np.full(SHAPE, np.nan, np.float32), name="layer")
    napari.qt.get_qapp().processEvents()
    took = 1000 * (time.perf_counter() - start)
    viewer.layers.remove(layer)
    return took


live(lambda: not warm_up().is_alive())
live(lambda: False, 2.0)
made = max(layer_made() for _ in range(2))
live(lambda: False, 1.0)
timer.start(INTERVAL)
live(lambda: False, 4.0)
idle = report()
widget.buttons.start.native.click()
live(lambda: False, SECONDS)
fit = report()
fit["layers"] = len(viewer.layers) - 1
fit["activity"] = widget.session.standing.activity
timer.stop()
widget.session.control.cancel()
live(lambda: widget.session is None)
print(json.dumps({"idle": idle, "fit": fit, "layer": made}))
viewer.close()
