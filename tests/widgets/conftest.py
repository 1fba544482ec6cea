"""A real viewer without a screen, small images, and ways to wait for a run."""

from __future__ import annotations

import gc
import os

# Before anything imports napari: none of the user's own settings.
os.environ["NAPARI_CONFIG"] = ""
# A window or dialog that outlives the viewer of its test is a failure.
os.environ["NAPARI_STRICT_QT"] = "raise"

from typing import TYPE_CHECKING

import pytest
from napari.components import ViewerModel
from npe2 import PluginManager
from small import ENDLESS, QUICKEST, WAIT, narrow_paper, noisy_image, quick, wait_for_end

from napari_blindspot.widgets.denoise import DenoiseWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from napari.viewer import Viewer

    Run = Callable[..., None]


@pytest.fixture(scope="session", autouse=True)
def _what_stays_is_looked_at_once() -> Iterator[None]:
    """Let napari read the manifests of all packages once, not for every viewer, and keep imports out of gc.

    napari searches for garbage before and after each viewer; what was imported is none.
    """

    import napari_blindspot.engine.fit_plane  # noqa: F401

    gc.collect()
    gc.freeze()
    discover, known = PluginManager.discover, set()

    def discover_once(manager: PluginManager, *arguments: object, **options: object) -> int:
        if manager in known:
            return 0
        known.add(manager)
        return discover(manager, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PluginManager, "discover", discover_once)
        yield


@pytest.fixture(autouse=True)
def _nobody_looks_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare every widget the measurement of what is to be expected; tests of it call it themselves."""
    monkeypatch.setattr("napari_blindspot.widgets.denoise.outlook.DELAY", -1)


@pytest.fixture
def noisy() -> np.ndarray:
    """(32, 40) uint16 with structure and shot noise; not square, so that swapped axes show."""
    return noisy_image((32, 40))


@pytest.fixture
def viewer(make_napari_viewer: Callable[..., Viewer]) -> Viewer:
    # What outlived the viewers before is searched for garbage no more.
    gc.freeze()
    return make_napari_viewer(show=False)


@pytest.fixture
def widget(viewer: Viewer, qtbot, monkeypatch: pytest.MonkeyPatch):
    """The docked widget, set to a fit of a moment; whatever still runs afterwards is cancelled."""
    narrow_paper(monkeypatch)
    made = DenoiseWidget(viewer)
    viewer.window.add_dock_widget(made, name="Denoise")
    quick(made)
    yield made
    session = made.session
    if session is not None:
        session.control.cancel()
        qtbot.waitUntil(lambda: not session.running, timeout=WAIT)


@pytest.fixture
def quickest(widget: DenoiseWidget) -> DenoiseWidget:
    """The widget with the settings `QUICKEST` and without previews."""
    # Whose planes can start from one another.
    widget.preset.value = QUICKEST.preset
    # A monkeypatch would hold the widget, and with it the viewer, longer than the viewer may last.
    vars(widget.form)["settings"] = lambda: QUICKEST
    widget.previews.value = False
    return widget


@pytest.fixture
def bare_viewer() -> ViewerModel:
    """A viewer without a window, which opens and saves with all plugins that are installed."""
    manager = PluginManager.instance()
    if "napari" not in manager:
        manager.discover()
    return ViewerModel()


@pytest.fixture
def finish(qtbot) -> Run:
    """Click Denoise and wait for the end of the run."""

    def run(widget: DenoiseWidget) -> None:
        widget.buttons.start.native.click()
        assert widget.session is not None, widget.status.message.value
        wait_for_end(qtbot, widget)

    return run


@pytest.fixture
def start(qtbot) -> Run:
    """Click Denoise and wait until both previews are there."""

    def run(widget: DenoiseWidget, iterations: int = ENDLESS) -> None:
        widget.form["iterations"].value = iterations
        before = len(widget._viewer.layers)
        widget.buttons.start.native.click()
        assert widget.session is not None, widget.status.message.value
        qtbot.waitUntil(lambda: len(widget._viewer.layers) == before + 2, timeout=WAIT)

    return run
