"""How much longer a run takes in napari, which draws meanwhile, than the same run without a window.

    xvfb-run -a python docs/benchmarks/in_napari.py

Each run is taken in turn: without a viewer, and by pressing Denoise in the dock of a real, shown viewer
with its live previews, in 2-D and, for a stack, in 3-D display. The pixels must be the same. The table has
the seconds and their ratio, medians over ``--repeat``.
"""

from __future__ import annotations

import argparse
import os
import time
from statistics import median
from typing import TYPE_CHECKING

# Nothing of the user's own settings may be seen or be changed.
os.environ["NAPARI_CONFIG"] = ""

import napari
import numpy as np
from qtpy.QtCore import QEventLoop, QTimer

from napari_blindspot import denoise, denoise_stack
from napari_blindspot.samples import confocal, z_stack
from napari_blindspot.widgets.denoise.widget import STACK

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

CASES = {
    "plane of 512²": (lambda: confocal((512, 512)).noisy, 2),
    "8 planes of 128²": (lambda: z_stack((8, 128, 128)).noisy, 2),
    "8 planes of 128², 3-D display": (lambda: z_stack((8, 128, 128)).noisy, 3),
}
"""An image, and how many dimensions napari displays."""

LOOK_EVERY = 50
"""Milliseconds between two looks at whether a run has ended."""

PATIENCE = 600.0
"""Seconds after which a run counts as hanging."""


def main() -> None:
    """Run each case so often, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--repeat", type=int, default=1)
    options = parser.parse_args()
    denoise(confocal((64, 64)).noisy, options.preset, device="cpu", iterations=2)
    print("| image | without a window | in napari | ratio |\n| --- | ---: | ---: | ---: |")
    for name, (image, displayed) in CASES.items():
        noisy = image()
        pairs = []
        for _ in range(options.repeat):
            alone, expected = without_a_window(noisy, options.preset)
            seen, shown = in_napari(noisy, options.preset, displayed)
            np.testing.assert_array_equal(shown, expected)
            pairs.append((alone, seen))
        alone, seen = (median(seconds) for seconds in zip(*pairs, strict=True))
        ratio = median(there / here for here, there in pairs)
        print(f"| {name} | {alone:.1f} s | {seen:.1f} s | {ratio:.2f} |", flush=True)


def without_a_window(noisy: npt.NDArray[np.generic], preset: str) -> tuple[float, npt.NDArray[np.generic]]:
    """Return the seconds of a run, and its image."""
    start = time.perf_counter()
    if noisy.ndim == 2:
        image = denoise(noisy, preset, device="cpu").denoised
    else:
        image = denoise_stack(noisy, preset, axes="ZYX", device="cpu").images["denoised"]
    return time.perf_counter() - start, image


def in_napari(
    noisy: npt.NDArray[np.generic], preset: str, displayed: int
) -> tuple[float, npt.NDArray[np.generic]]:
    """Return the seconds from pressing the button to the end of the run, and the image of the layer."""
    viewer = napari.Viewer(show_welcome_screen=False)
    viewer.window.resize(1280, 800)
    viewer.add_image(noisy, name="cells", axis_labels=("z", "y", "x")[-noisy.ndim :])
    viewer.dims.ndisplay = displayed
    _, widget = viewer.window.add_plugin_dock_widget("napari-blindspot", "Denoise")
    widget.preset.value = preset
    widget.form["device"].value = "cpu"
    # What the dock looks up about the image before a run is not the run's.
    until(lambda: False, 3.0)
    if noisy.ndim > 2:
        widget.scope.value = STACK
    start = time.perf_counter()
    widget.buttons.start.native.click()
    until(lambda: widget.session is None, PATIENCE)
    seconds = time.perf_counter() - start
    image = np.asarray(viewer.layers["cells denoised"].data)
    viewer.close()
    until(lambda: False, 0.5)
    return seconds, image


def until(is_so: Callable[[], bool], patience: float) -> None:
    """Leave napari to itself until something is so, or for as long as the patience lasts."""
    end, loop, timer = time.perf_counter() + patience, QEventLoop(), QTimer()
    timer.timeout.connect(lambda: loop.quit() if is_so() or time.perf_counter() > end else None)
    timer.start(LOOK_EVERY)
    loop.exec_()
    timer.stop()


if __name__ == "__main__":
    main()
