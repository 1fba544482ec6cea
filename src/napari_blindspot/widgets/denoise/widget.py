"""The Denoise widget: what to denoise, how, and the buttons of the run.

It turns clicks into a `Session` and shows what the session says. Pixels, layers and threads belong to the
modules beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox, ComboBox, Container, PushButton
from napari.layers import Image, Shapes
from napari.utils.theme import get_theme
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QLabel, QScrollArea, QSizePolicy

from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.settings import PRESETS
from napari_blindspot.widgets.denoise.layers import check_layer, plan, region_of, slider_point
from napari_blindspot.widgets.denoise.outputs import METADATA_KEY
from napari_blindspot.widgets.denoise.panel import RunPanel
from napari_blindspot.widgets.denoise.session import Outcome, Session
from napari_blindspot.widgets.shared.closing import CloseWatcher
from napari_blindspot.widgets.shared.form import SettingsForm
from napari_blindspot.widgets.shared.owner import SessionOwner
from napari_blindspot.widgets.shared.preferences import read_preferences
from napari_blindspot.widgets.shared.preload import warm_up

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_blindspot.widgets.denoise.work import Post

__all__ = ["DenoiseWidget"]

PLANE, STACK = "plane", "stack"


class DenoiseWidget(SessionOwner[Session], Container[Any]):
    """Denoise a layer while watching it come clean.

    Parameters
    ----------
    napari_viewer : Viewer
        Whose layers are offered, and where the results appear.
    """

    _STOPPING = "Stopping: the last average is taken."
    _CANCELLING = "Cancelling."

    def __init__(self, napari_viewer: Viewer) -> None:
        self._viewer = napari_viewer
        self._preferences = read_preferences()
        self.layer = ComboBox(label="Image", choices=self._images, nullable=False)
        self.planes = ComboBox(label="Planes", choices=self._plane_choices)
        self.region = ComboBox(
            label="Region",
            choices=self._regions,
            tooltip="A part of the image: draw a rectangle in a Shapes layer and choose that layer here.",
        )
        self.preset = ComboBox(label="Preset", choices=PRESETS, value=self._preferences.preset)
        self.advanced = PushButton(text="▸ Advanced")
        self.denoise = PushButton(text="Denoise", enabled=False)
        self.pause = PushButton(text="Pause", enabled=False)
        self.stop = PushButton(
            text="Stop and keep", enabled=False, tooltip="End now and keep the image as it is by now."
        )
        self.cancel = PushButton(
            text="Cancel", enabled=False, tooltip="End now and leave the layers as they were before."
        )
        self.form = SettingsForm(self._preferences.preset)
        self.form["device"].value = self._preferences.device
        self.previews = CheckBox(
            label="Live previews", value=True, tooltip="Show both images while the fit goes on."
        )
        self.fall_back = CheckBox(
            label="Fall back to CPU",
            value=self._preferences.fall_back_to_cpu,
            tooltip="Start anew on the CPU when the GPU has too little memory.",
        )
        self.form.extend([self.previews, self.fall_back])
        self._controls = Container[Any](
            widgets=[self.pause, self.stop, self.cancel], layout="horizontal", labels=False
        )
        super().__init__(
            widgets=[
                *(self.layer, self.planes, self.region, self.preset),
                *(self.advanced, self.denoise),
            ],
            labels=True,
        )
        self._lay_out()
        self._connect()
        self._restyle()
        self._follow()
        self._layer_changed()
        warm_up()

    def run(self) -> None:
        """Start denoising what is chosen; does nothing while a run is going on."""
        if self._session is not None:
            return
        layer = self.layer.value
        if layer is None:
            return
        try:
            point = slider_point(self._viewer.dims, layer)
            region = None if self.region.value is None else region_of(self.region.value, layer, point)
            session = Session(
                self._viewer,
                layer,
                plan(layer, point, whole_stack=self.planes.value == STACK, region=region),
                self.form.settings(),
                preview_interval=self._preferences.preview_interval if self.previews.value else None,
                fall_back_to_cpu=self.fall_back.value,
            )
        except BlindspotError as error:
            self.panel.end("")
            self.panel.say(str(error), error=True)
            return
        self._adopt(session)
        self.panel.begin()
        session.start()
        self._enable()

    def closed(self) -> None:
        """End what is going on because the widget leaves the screen; what has been computed is kept."""
        session = self._let_go()
        if session is not None:
            session.control.stop()
            self._enable()

    def reset_choices(self, *_: Any) -> None:
        """Offer the layers that there are now."""
        if self._session is None:
            super().reset_choices()
            self._layer_changed()

    def _lay_out(self) -> None:
        """Add what magicgui has no widget for, and let everything shrink to a narrow dock."""
        self.panel = RunPanel()
        self._scroll = QScrollArea()
        self._scroll.setWidget(self.form.native)
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setMinimumHeight(230)
        self._scroll.hide()
        layout = self.native.layout()
        layout.insertWidget(5, self._scroll)
        layout.addWidget(self._controls.native)
        layout.addWidget(self.panel)
        layout.addStretch(1)
        self.advanced.native.setCheckable(True)
        self.advanced.native.setStyleSheet("text-align: left; border: none; background: transparent;")
        self._controls.margins = (0, 0, 0, 0)
        for choice in (self.layer, self.planes, self.region, self.preset):
            # A long layer name must not decide how wide the dock is.
            adjust = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            choice.native.setSizeAdjustPolicy(adjust)
            choice.native.setMinimumContentsLength(6)
            choice.native.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            # Labels of one width, so that the fields begin at one line.
            label = choice.native.parentWidget().findChild(QLabel)
            label.setFixedWidth(label.fontMetrics().horizontalAdvance("Region") + 16)
        # Wide enough for the title that napari gives the dock.
        self.native.setMinimumWidth(285)
        self._watcher = CloseWatcher(self.native, self.closed)

    def _connect(self) -> None:
        events = self._viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered, events.renamed):
            event.connect(self.reset_choices)
        self._viewer.layers.selection.events.active.connect(self._follow)
        self._viewer.events.theme.connect(self._restyle)
        self.layer.changed.connect(self._layer_changed)
        self.preset.changed.connect(self._preset_changed)
        self.advanced.changed.connect(self._fold)
        self.denoise.changed.connect(self.run)
        self.pause.changed.connect(self._pause_or_resume)
        self.stop.changed.connect(self._stop)
        self.cancel.changed.connect(self._cancel)

    def _images(self, _: object = None) -> list[Image]:
        return [layer for layer in self._viewer.layers if isinstance(layer, Image)]

    def _regions(self, _: object = None) -> list[tuple[str, Shapes | None]]:
        shapes = [layer for layer in self._viewer.layers if isinstance(layer, Shapes)]
        return [("Whole image", None), *((f"Rectangle in {layer.name}", layer) for layer in shapes)]

    def _plane_choices(self, _: object = None) -> list[tuple[str, str]]:
        layer = self.layer.value
        count = 1
        if layer is not None and not layer.rgb:
            for size in (layer.data[0] if layer.multiscale else layer.data).shape[:-2]:
                count *= size
        stack = [] if count == 1 else [(f"Whole stack ({count} planes)", STACK)]
        return [("Current plane", PLANE), *stack]

    def _follow(self, _: object = None) -> None:
        """Choose the layer that the user has selected, unless it is a result."""
        active = self._viewer.layers.selection.active
        if self._session is None and isinstance(active, Image) and METADATA_KEY not in active.metadata:
            if active in self.layer.choices:
                self.layer.value = active

    def _layer_changed(self, _: object = None) -> None:
        """Say early what cannot be denoised."""
        self.planes.reset_choices()
        self.planes.enabled = len(self.planes.choices) > 1
        layer = self.layer.value
        self._refusal = "Open an image to denoise." if layer is None else ""
        if layer is not None:
            try:
                check_layer(layer)
            except BlindspotError as error:
                self._refusal = str(error)
        if self._refusal or self.panel.is_error:
            self.panel.say(self._refusal, error=bool(self._refusal) and layer is not None)
        self._enable()

    def _preset_changed(self, preset: str) -> None:
        self.form.preset = preset

    def _fold(self, unfolded: bool) -> None:
        self.advanced.text = "▾ Advanced" if unfolded else "▸ Advanced"
        self._scroll.setVisible(unfolded)

    def _restyle(self, _: object = None) -> None:
        theme = get_theme(self._viewer.theme)
        self.panel.set_theme(theme.text.as_hex(), theme.type == "dark")

    def _enable(self) -> None:
        running = self._session is not None
        for part in (self.layer, self.region, self.preset, self.form):
            part.enabled = not running
        self.planes.enabled = not running and len(self.planes.choices) > 1
        self.denoise.enabled = not running and not self._refusal
        self.pause.enabled = self.stop.enabled = self._stoppable
        self.cancel.enabled = self._cancellable
        self.pause.text = "Resume" if self._paused else "Pause"

    def _tell(self, message: str) -> None:
        self.panel.say(message)

    def _on_changed(self, post: Post) -> None:
        session = self._session
        if session is not None:
            self.panel.follow(session.estimate, session.device, post)
            if post.note:
                self.panel.say(post.note)

    def _on_ended(self, session: Session, outcome: Outcome) -> None:
        self.reset_choices()
        self.panel.end(outcome.kind, session.device)
        self.panel.say(outcome.message, error=outcome.kind == "failed")
