"""The Denoise widget: what to denoise, how, and what is shown of the run.

It turns clicks into a session and shows what the session says. Pixels, layers and threads belong to the
modules beside it.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox, Container
from napari.layers import Image, Shapes
from napari.utils.theme import get_theme

from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.core.words import sentences_of
from napari_blindspot.settings import PRESETS
from napari_blindspot.widgets.denoise.axes_row import AxesRow
from napari_blindspot.widgets.denoise.inspect_button import InspectButton
from napari_blindspot.widgets.denoise.scope import check_layer, layer_job, region_of, slider_point
from napari_blindspot.widgets.denoise.session import LayerSession
from napari_blindspot.widgets.shared.closing import when_undocked
from napari_blindspot.widgets.shared.curve import LossCurve
from napari_blindspot.widgets.shared.fields import Choice, Fields, Folding
from napari_blindspot.widgets.shared.form import SettingsForm
from napari_blindspot.widgets.shared.layer_data import METADATA_KEY, layer_pixels
from napari_blindspot.widgets.shared.native import Native
from napari_blindspot.widgets.shared.preferences import read_preferences
from napari_blindspot.widgets.shared.preload import warm_up
from napari_blindspot.widgets.shared.run_buttons import RunButtons, RunWords
from napari_blindspot.widgets.shared.status import RunStatus
from napari_blindspot.widgets.shared.terms import in_terms

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_blindspot.widgets.denoise.news import LayerNews
    from napari_blindspot.widgets.shared.session import Outcome

__all__ = ["DenoiseWidget"]

PLANE, STACK = "plane", "stack"

_WORDS = RunWords(
    start=("Denoise", "Denoise what is chosen above."),
    pause=("Pause", "Hold the fit."),
    stop=(
        "Stop and keep",
        "End now and keep the image as it is by now.",
        "Stopping: the last average is taken.",
    ),
    cancel=("Cancel", "End now and leave the layers as they were before.", "Cancelling."),
)

_FIELDS = {"axes": "field Axes", "region": "field Region"}
"""What the user could change, in the words of this dock, where it is not a field of the form."""


class DenoiseWidget(Container[Any]):
    """Denoise a layer while watching it come clean.

    Parameters
    ----------
    napari_viewer : Viewer
        Whose layers are offered, and where the results appear.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        self._viewer = napari_viewer
        self._preferences = read_preferences()
        self._refusal = ""
        self.layer = Choice(label="Image", choices=self._images, nullable=False)
        self.scope = Choice(label="Planes", choices=self._scopes)
        self.axes = AxesRow()
        self.region = Choice(
            label="Region",
            choices=self._regions,
            tooltip="A part of the image: draw a rectangle in a Shapes layer and choose that layer here.",
        )
        self.preset = Choice(label="Preset", choices=PRESETS, value=self._preferences.preset)
        self.form = SettingsForm(self._preferences.preset)
        self.form["device"].value = self._preferences.device
        self.previews = CheckBox(
            text="Live previews", value=True, tooltip="Show the images while the fit goes on."
        )
        self.fall_back = CheckBox(
            text="Fall back to CPU",
            value=self._preferences.fall_back_to_cpu,
            tooltip="Start anew on the CPU when the GPU has too little memory.",
        )
        inside = Container[Any](widgets=[self.form, self.previews, self.fall_back], labels=False)
        self.advanced = Folding("Advanced", inside, height=230)
        self.buttons: RunButtons[LayerSession] = RunButtons(_WORDS, start_apart=True)
        self.curve = Native(LossCurve)
        self.status = RunStatus(self.curve)
        self.inspect = InspectButton(napari_viewer)
        self._fields = Fields([self.layer, self.scope, self.axes, self.region, self.preset])
        parts = [self._fields, self.advanced, self.buttons, self.status, self.inspect]
        super().__init__(widgets=parts, labels=False)
        # Wide enough for the title that napari gives the dock.
        self.min_width = 285
        when_undocked(self, self.closed)
        self._connect()
        self._restyle()
        self._follow()
        self._layer_changed()
        warm_up()

    @property
    def session(self) -> LayerSession | None:
        """The run that is going on, if there is one."""
        return self.buttons.session

    def run(self) -> None:
        """Start denoising what is chosen; does nothing while a run is going on."""
        layer = self.layer.value
        if self.session is not None or layer is None:
            return
        try:
            point = slider_point(self._viewer.dims, layer)
            region = None if self.region.value is None else region_of(self.region.value, layer, point)
            session = LayerSession(
                self._viewer,
                layer,
                layer_job(layer, point, whole_stack=self.scope.value == STACK, region=region),
                self.form.settings(),
                preview_interval=self._preferences.preview_interval if self.previews.value else None,
                fall_back_to_cpu=self.fall_back.value,
            )
        except BlindspotError as error:
            self.status.end("", full=False)
            self.status.say(in_terms(error, _FIELDS), error=True)
            return
        self.curve.native.clear()
        self.status.begin("Starting")
        self.buttons.adopt(session)

    def closed(self) -> None:
        """End what is going on because the widget leaves the screen; what has been computed is kept."""
        session = self.buttons.let_go()
        if session is not None:
            session.stop()

    def reset_choices(self, *_: Any) -> None:
        """Offer the layers that there are now."""
        if self.session is None:
            super().reset_choices()
            self._layer_changed()

    def _connect(self) -> None:
        events = self._viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered, events.renamed):
            event.connect(self.reset_choices)
        self._viewer.layers.selection.events.active.connect(self._follow)
        self._viewer.events.theme.connect(self._restyle)
        self.layer.changed.connect(self._layer_changed)
        self.scope.changed.connect(self._ask_for_axes)
        self.preset.changed.connect(self._preset_changed)
        self.buttons.started.connect(self.run)
        self.buttons.said.connect(self.status.say)
        self.buttons.switched.connect(self._enable)
        self.buttons.news.connect(self._on_news)
        self.buttons.ended.connect(self._on_ended)

    def _images(self, _: object = None) -> list[Image]:
        return [layer for layer in self._viewer.layers if isinstance(layer, Image)]

    def _regions(self, _: object = None) -> list[tuple[str, Shapes | None]]:
        shapes = [layer for layer in self._viewer.layers if isinstance(layer, Shapes)]
        return [("Whole image", None), *((f"Rectangle in {layer.name}", layer) for layer in shapes)]

    def _scopes(self, _: object = None) -> list[tuple[str, str]]:
        layer = self.layer.value
        count = 1 if layer is None or layer.rgb else prod(layer_pixels(layer).shape[:-2])
        stack = [] if count == 1 else [(f"Whole stack ({count} planes)", STACK)]
        return [("Current plane", PLANE), *stack]

    def _follow(self, _: object = None) -> None:
        """Choose the layer that the user has selected, unless it is a result."""
        active = self._viewer.layers.selection.active
        if self.session is None and isinstance(active, Image) and METADATA_KEY not in active.metadata:
            if active in self.layer.choices:
                self.layer.value = active

    def _layer_changed(self, _: object = None) -> None:
        """Say early what cannot be denoised."""
        self.scope.reset_choices()
        layer = self.layer.value
        refused_before = bool(self._refusal)
        self._refusal = "Open an image to denoise." if layer is None else ""
        if layer is not None:
            try:
                check_layer(layer)
            except BlindspotError as error:
                self._refusal = in_terms(error, _FIELDS)
        if self._refusal or refused_before or self.status.is_error:
            self.status.say(self._refusal, error=bool(self._refusal) and layer is not None)
        self.buttons.ready = not self._refusal
        self._ask_for_axes()

    def _ask_for_axes(self, _: object = None) -> None:
        """Ask what the axes of a stack are, where the layer does not say it."""
        asked = self.scope.value == STACK and self.axes.ask(self.layer.value)
        self._fields.show_row(self.axes, asked)

    def _preset_changed(self, preset: str) -> None:
        self.form.preset = preset

    def _restyle(self, _: object = None) -> None:
        theme = get_theme(self._viewer.theme)
        self.curve.native.set_theme(theme.text.as_hex(), theme.type == "dark")
        self.status.message.set_dark(theme.type == "dark")

    def _enable(self) -> None:
        """Let exactly those fields be used that mean something now."""
        idle = self.session is None
        for part in (self.layer, self.axes, self.region, self.preset, self.advanced.inside):
            part.enabled = idle
        self.scope.enabled = idle and len(self.scope.choices) > 1

    def _on_news(self, news: LayerNews) -> None:
        session = self.session
        if session is not None:
            self.status.follow(news.standing, session.device)
            self.curve.native.add(news.steps)
            if news.started is not None and news.started.notices:
                self.status.say(" ".join(sentences_of([news.started.notices])))

    def _on_ended(self, session: LayerSession, outcome: Outcome) -> None:
        self.reset_choices()
        self.inspect.follow()
        self.status.end(outcome.kind.capitalize(), session.device, full=outcome.kind == "finished")
        self.status.conclude(outcome, _FIELDS)
