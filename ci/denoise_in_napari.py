"""Find the plugin in napari, denoise a sample of it in the dock, and compare that with the truth."""

from __future__ import annotations

import os
import time

os.environ.setdefault("NAPARI_CONFIG", "")

import napari
import numpy as np
from npe2 import PluginManager
from qtpy.QtWidgets import QApplication

LONGEST = 600.0
"""Seconds until the fit counts as hung."""


def error(image: np.ndarray, truth: np.ndarray) -> float:
    """Return the root mean square of the difference."""
    return float(np.sqrt(np.mean((image.astype(float) - truth) ** 2)))


def main() -> None:
    """Do it, and say what was found."""
    viewer = napari.Viewer()
    manifest = PluginManager.instance().get_manifest("napari-blindspot")
    print("napari", napari.__version__, "finds", manifest.name, manifest.package_version)
    docks = [widget.display_name for widget in manifest.contributions.widgets]
    print("docks:", ", ".join(docks))
    for name in reversed(docks[:3]):
        _, dock = viewer.window.add_plugin_dock_widget("napari-blindspot", name)
    noisy, truth = sorted(
        viewer.open_sample("napari-blindspot", "confocal"), key=lambda layer: "truth" in layer.name
    )
    dock.layer.value = noisy
    dock.preset.value = "fast"
    before = len(viewer.layers)
    dock.buttons.start.native.click()
    begin = time.monotonic()
    while dock.session is not None and time.monotonic() - begin < LONGEST:
        QApplication.processEvents()
        time.sleep(0.01)
    assert dock.session is None, "the fit hangs"
    made = [layer.name for layer in viewer.layers if layer not in (noisy, truth)]
    assert len(viewer.layers) > before, dock.status.message.value
    (denoised,) = [layer for layer in viewer.layers if "denoised" in layer.name]
    was, became = (error(layer.data, truth.data) for layer in (noisy, denoised))
    print(f"layers: {', '.join(made)}; error to the truth {was:.1f}, then {became:.1f}")
    assert became < 0.6 * was, "the result is hardly closer to the truth"
    viewer.close()


if __name__ == "__main__":
    main()
