"""Loads torch behind the screen while the user still looks at the widget.

Its libraries take seconds, and Python cannot draw while a library is being loaded. Better a stutter when
the widget opens than one in the middle of the first fit.
"""

from __future__ import annotations

import contextlib
import functools
import threading

from qtpy.QtCore import QTimer

__all__ = ["warm_up", "warm_up_soon"]

AFTER_PAINT = 500
"""Milliseconds after which a dock that was opened is on the screen."""


@functools.cache
def warm_up() -> threading.Thread:
    """Begin to load the engine, once in the life of the process, and return the thread that does."""
    # Python waits for it at its end: a thread that is torn out of torch's libraries aborts the process.
    thread = threading.Thread(target=_load, name="napari-blindspot warm-up", daemon=False)
    thread.start()
    return thread


def warm_up_soon() -> None:
    """Begin to load the engine once the dock that is being opened has been drawn."""
    QTimer.singleShot(AFTER_PAINT, warm_up)


def _load() -> None:
    # What is wrong with an installation is said when the first run meets it, where it can be shown.
    with contextlib.suppress(Exception):
        import numpy as np

        from napari_blindspot.engine.fit_plane import fit_plane
        from napari_blindspot.settings import Settings

        # torch loads some of its modules only when an optimiser first steps: let one step.
        image = np.random.default_rng(0).random((16, 16), dtype=np.float32)
        little = {"iterations": 1, "symmetries": 1, "unet_width": 8, "patch_size": 16}
        settings = Settings.from_preset("auto", device="cpu", refine_iterations=(), **little)
        for _ in fit_plane(image, settings):
            pass
