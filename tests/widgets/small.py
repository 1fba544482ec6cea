"""Small images, short fits and how to wait for them, for the tests of the widget."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_blindspot.widgets.denoise import DenoiseWidget

WAIT = 120_000
"""Milliseconds after which a run counts as hanging; a busy computer is slow."""

ENDLESS = 1_000_000
"""Iterations of a run that a test ends by itself."""


def noisy_image(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[-2], : shape[-1]]
    clean = 60 + 40 * np.sin(x / 4) * np.cos(y / 5)
    return rng.poisson(np.broadcast_to(clean, shape)).astype(np.uint16)


def quick(widget: DenoiseWidget, iterations: int = 6, passes: int = 2) -> None:
    """Set a widget to a fit of a moment: the preset that does only what it is told."""
    widget.preset.value = "paper"
    widget.form["iterations"].value = iterations
    widget.form["passes"].value = passes
    widget.form["device"].value = "cpu"


def wait_for_end(qtbot, widget: DenoiseWidget) -> None:
    qtbot.waitUntil(lambda: widget.session is None, timeout=WAIT)


def names(viewer: Viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]
