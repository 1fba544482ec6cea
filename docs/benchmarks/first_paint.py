"""Seconds from the click in the menu until the Denoise dock stands, in a napari of its own each time.

    xvfb-run -a python docs/benchmarks/first_paint.py [--repeat 5]

Python keeps the modules compiled, as `pip` does when it installs: the first run is only there for that.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

SETTLING = 3.0
"""Seconds in which napari paints its window and image before the click."""


def main() -> None:
    """Open the dock in several processes, and print the seconds of each and their median."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--in-napari", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.in_napari:
        print(seconds_to_open())
        return
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command, seconds = [sys.executable, __file__, "--in-napari"], []
    for _ in range(1 + options.repeat):
        output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        seconds.append(float(output.split()[-1]))
    print("first, which compiles:", f"{seconds[0]:.2f} s")
    print("then:", ", ".join(f"{each:.2f}" for each in seconds[1:]))
    print("median:", f"{statistics.median(seconds[1:]):.2f} s")


def seconds_to_open() -> float:
    """Open napari with an image, wait until it rests, and return the seconds that the dock takes."""
    import napari
    import numpy as np
    from qtpy.QtWidgets import QApplication

    viewer = napari.Viewer()
    viewer.add_image(np.random.default_rng(0).poisson(50, (512, 512)).astype(np.uint16))
    settled = time.perf_counter() + SETTLING
    while time.perf_counter() < settled:
        QApplication.processEvents()
        time.sleep(0.01)
    clicked = time.perf_counter()
    viewer.window.add_plugin_dock_widget("napari-blindspot", "Denoise")
    QApplication.processEvents()
    opened = time.perf_counter() - clicked
    viewer.close()
    return opened


if __name__ == "__main__":
    main()
