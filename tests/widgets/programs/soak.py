"""Denoise again and again in one napari: memory, threads and open files after each fit, as lines of JSON.

Usage: soak.py FITS [FILE], which keeps the lines, too.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from pathlib import Path

os.environ["NAPARI_CONFIG"] = ""

import napari
import numpy as np
import psutil
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication

from napari_blindspot import Settings
from napari_blindspot.widgets.denoise import DenoiseWidget

SHORT = Settings.from_preset(
    "fast", iterations=1, unet_width=4, inr_features=4, refine_iterations=(1,), symmetries=1, device="cpu"
)


LONGEST = 600.0
"""Seconds after which a fit hangs; it takes one or two, and minutes where others keep the machine busy."""


def main(fits: int, kept: str) -> None:
    process = psutil.Process()
    viewer = napari.Viewer(show=False)
    widget = DenoiseWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Denoise")
    vars(widget.form)["settings"] = lambda: SHORT
    noisy = viewer.add_image(np.random.default_rng(0).poisson(50, (32, 40)).astype(np.uint16), name="noisy")
    for number in range(fits):
        viewer.layers.selection.active = noisy
        widget.buttons.start.native.click()
        until = time.monotonic() + LONGEST
        while widget.session is not None and time.monotonic() < until:
            QApplication.processEvents()
            time.sleep(0.002)
        assert widget.session is None, "a fit hangs"
        results = [layer for layer in viewer.layers if layer is not noisy]
        assert results, widget.status.message.value
        for layer in results:
            viewer.layers.remove(layer)
        QApplication.processEvents()
        # What is to be deleted later is, as soon as a loop of events has no more to do; here there is none.
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        gc.collect()
        line = {
            "fit": number + 1,
            "memory": process.memory_info().rss,
            "threads": process.num_threads(),
            "files": process.num_fds(),
            "widgets": len(QApplication.allWidgets()),
            "objects": len(gc.get_objects()),
        }
        print(json.dumps(line), flush=True)
        if kept:
            with Path(kept).open("a") as file:
                file.write(json.dumps(line) + "\n")
    widget.close()
    viewer.close()


main(int(sys.argv[1]), "".join(sys.argv[2:]))
