"""Small images, short fits, programs with a real window, and how to wait for them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_blindspot import Settings, settings
from napari_blindspot.core.knobs import UnetWidth  # noqa: TC001 (pydantic reads it at run time)

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from qtpy.QtWidgets import QWidget

    from napari_blindspot.widgets.denoise import DenoiseWidget

WAIT = 120_000
"""Milliseconds after which a run counts as hanging; a busy computer is slow."""

ENDLESS = 1_000_000
"""Iterations of a run that a test ends by itself."""


QUICKEST = Settings.from_preset(
    "fast",
    iterations=2,
    unet_width=4,
    inr_features=8,
    refine_iterations=(1,),
    symmetries=1,
    neighbours=1,
    device="cpu",
)
"""A fit with a measured preset, whose planes start from one another, that takes a moment."""


def noisy_image(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[-2], : shape[-1]]
    clean = 60 + 40 * np.sin(x / 4) * np.cos(y / 5)
    return rng.poisson(np.broadcast_to(clean, shape)).astype(np.uint16)


class NarrowPaperSettings(settings.PaperSettings):
    """Those of the paper with a U-Net of a sixth of the width."""

    unet_width: UnetWidth = 8


def narrow_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the preset "paper" have a narrow U-Net: its width is no field of the form."""
    monkeypatch.setitem(settings._PRESETS, "paper", settings._Preset(NarrowPaperSettings))


def quick(widget: DenoiseWidget, iterations: int = 6, passes: int = 2) -> None:
    """Set a widget to a fit of a moment: the preset that does only what it is told."""
    widget.preset.value = "paper"
    widget.form["iterations"].value = iterations
    widget.form["passes"].value = passes
    widget.form["device"].value = "cpu"


def wait_for_end(qtbot, widget: DenoiseWidget) -> None:
    qtbot.waitUntil(lambda: widget.session is None, timeout=WAIT)


def let_go(widget: QWidget) -> None:
    """Delete a widget that was taken out of its dock, so that it belongs to nobody."""
    from qtpy.QtCore import QCoreApplication, QEvent

    if widget.parent() is None:
        widget.deleteLater()
        QCoreApplication.sendPostedEvents(widget, QEvent.Type.DeferredDelete)


def names(viewer: Viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


def skip_if_busy() -> None:
    """Leave out a test that measures how fluid a window is where others would be measured with it."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > 1.5 * cores:
        pytest.skip(f"other programs keep this computer busy: a load of {load:.1f} on {cores} cores")


def run_program(*arguments: object, timeout: float = 280) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "QT_QPA_PLATFORM"}
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stderr
    return done
