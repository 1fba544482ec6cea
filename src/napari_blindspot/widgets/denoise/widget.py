"""The Denoise widget: what to denoise, how, and what is shown of the run.

It turns clicks into a session and shows what the session says. Pixels, layers and threads belong to the
modules beside it.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox, Container
from napari.layers import Image, Shapes

from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.core.model import BESIDE_A_MODEL
from napari_blindspot.core.words import sentences_of
from napari_blindspot.settings import Settings
from napari_blindspot.widgets.denoise.after_row import AfterRow
from napari_blindspot.widgets.denoise.axes_row import AxesRow
from napari_blindspot.widgets.denoise.choices import recall_choices, remember_choices
from napari_blindspot.widgets.denoise.disk_session import DiskSession
from napari_blindspot.widgets.denoise.dock_words import DOCK_FIELDS, DOCK_WORDS
from napari_blindspot.widgets.denoise.file_row import FileRow
from napari_blindspot.widgets.denoise.inspect_button import InspectButton
from napari_blindspot.widgets.denoise.keep_row import KeepRow
from napari_blindspot.widgets.denoise.others import OtherLayers
from napari_blindspot.widgets.denoise.outlook import Outlook, Question
from napari_blindspot.widgets.denoise.right_click import offer_on_right_click
from napari_blindspot.widgets.denoise.scope import (
    channels_of,
    check_layer,
    layer_job,
    region_of,
    slider_point,
)
from napari_blindspot.widgets.denoise.session import LayerSession
from napari_blindspot.widgets.shared.closing import when_undocked
from napari_blindspot.widgets.shared.curve import LossCurve
from napari_blindspot.widgets.shared.fields import Choice, Fields, Folding, Scrolling, row
from napari_blindspot.widgets.shared.form import SettingsForm
from napari_blindspot.widgets.shared.help_page import help_button
from napari_blindspot.widgets.shared.layer_data import METADATA_KEY, layer_pixels
from napari_blindspot.widgets.shared.layer_source import is_passing, list_changes
from napari_blindspot.widgets.shared.model_row import ModelRow, take_dropped_models
from napari_blindspot.widgets.shared.native import Native
from napari_blindspot.widgets.shared.own_presets import OwnPresets, PresetChoice
from napari_blindspot.widgets.shared.preferences import read_preferences
from napari_blindspot.widgets.shared.preload import warm_up_soon
from napari_blindspot.widgets.shared.run_buttons import RunButtons
from napari_blindspot.widgets.shared.stack_start import StackStartChoice
from napari_blindspot.widgets.shared.status import RunStatus
from napari_blindspot.widgets.shared.terms import in_terms
from napari_blindspot.widgets.shared.theme import is_dark, text_colour

if TYPE_CHECKING:
    from pathlib import Path

    from napari.viewer import Viewer

    from napari_blindspot.widgets.denoise.news import LayerNews
    from napari_blindspot.widgets.denoise.scope import LayerJob
    from napari_blindspot.widgets.shared.session import Outcome

__all__ = ["DenoiseWidget"]

PLANE, CHANNELS, STACK = "plane", "channels", "stack"


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
        self.preset = PresetChoice(self._preferences.preset, label="Preset")
        self.others = OtherLayers(napari_viewer)
        self.file_row = FileRow(napari_viewer)
        self.stack_start = StackStartChoice(self._preferences.preset, label="Stacks")
        self.models = ModelRow(label="Model")
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
        self.keep = KeepRow()
        self.own = OwnPresets(self.preset, self._settings)
        inside = Container[Any](
            widgets=[self.form, self.previews, self.fall_back, self.keep, self.own], labels=False
        )
        self.advanced = Folding("Advanced", inside)
        self.buttons: RunButtons[LayerSession] = RunButtons(DOCK_WORDS, start_apart=True)
        self.outlook = Outlook(self._question)
        self.curve = Native(LossCurve)
        self.status = RunStatus(self.curve)
        self.inspect = InspectButton(napari_viewer)
        self.after = AfterRow(napari_viewer)
        rows = [
            self.layer,
            self.file_row,
            self.others,
            self.scope,
            self.axes,
            self.region,
            self.preset,
            self.stack_start,
        ]
        self._fields = Fields([*rows, self.models])
        asked = Container[Any](widgets=[self._fields, self.advanced], labels=False)
        asked.margins = (0, 0, 0, 0)
        parts = [
            # What runs, and what is said of it, stays in view in a low window. Wide enough for the title
            # that napari gives the dock.
            Scrolling(asked, width=280, height=100, unfolding=self.advanced),
            self.outlook,
            self.buttons,
            self.status,
            self.after,
            row(self.inspect, help_button(self, "Denoise in napari")),
        ]
        super().__init__(widgets=parts, labels=False)
        when_undocked(self, self.closed)
        take_dropped_models(self, self._use_dropped)
        offer_on_right_click()
        self._connect()
        recall_choices(self)
        self._restyle()
        self._follow()
        self._layer_changed()
        warm_up_soon()

    @property
    def session(self) -> LayerSession | None:
        """The run that is going on, if there is one."""
        return self.buttons.session

    def run(self) -> None:
        """Start denoising what is chosen; does nothing while a run is going on."""
        layer = self.layer.value
        if self.session is not None or layer is None:
            return
        self.others.begin(layer)
        self._start(layer)

    def _start(self, layer: Image) -> None:
        """Start the run of a layer, or say why it cannot be."""
        try:
            session = self._new_session(layer)
        except BlindspotError as error:
            self.others.drop()
            self.status.end("", full=False)
            self.status.say(in_terms(error, DOCK_FIELDS), error=True)
            return
        remember_choices(self)
        self.curve.native.clear()
        self.status.begin("Starting")
        self.buttons.adopt(session)

    def _new_session(self, layer: Image) -> LayerSession:
        """Return the run that the fields say."""
        job, settings = self._job(layer), self._settings()
        options: dict[str, Any] = {
            "preview_interval": self._preferences.preview_interval if self.previews.value else None,
            "fall_back_to_cpu": self.fall_back.value,
            "model": self.models.model,
        }
        file = self.keep.file_of(layer, job, settings, self.models.path)
        if file is not None:
            return DiskSession(self._viewer, layer, file, settings, **options)
        return LayerSession(self._viewer, layer, job, settings, **options)

    def _job(self, layer: Image) -> LayerJob:
        """Return which pixels the fields say."""
        point = slider_point(self._viewer.dims, layer)
        region = None if self.region.value is None else region_of(self.region.value, layer, point)
        return layer_job(
            layer,
            point,
            whole_stack=self.scope.value == STACK,
            all_channels=self.scope.value == CHANNELS,
            region=region,
        )

    def _open_again(self, _: object = None) -> None:
        """Take all channels of a file with their voxel size in place of a layer without."""
        scope, layers = self.scope.value, self.file_row.open_again()
        if layers:
            self.layer.value = layers[0]
            self.others.value = len(layers) > 1
            self._count_others()
            if scope in self.scope.choices:
                self.scope.value = scope

    def _question(self) -> Question | None:
        """Return what would be run by now; None while something runs or nothing could."""
        layer = self.layer.value
        if self.session is not None or layer is None or self._refusal:
            return None
        job, settings = self._job(layer), self._settings()
        file = self.keep.file_of(layer, job, settings, self.models.path)
        return Question(job, settings, self.models.model is not None, file, 1 + self.others.waiting(layer))

    def _settings(self) -> Settings:
        """Return what the fields say; beside a model, only what is no part of the method."""
        model = self.models.model
        if model is None:
            settings = self.form.settings()
            if self.scope.value != STACK or self.stack_start.value == settings.stack_start:
                return settings
            return Settings.parse({**settings.model_dump(), "stack_start": self.stack_start.value})
        said = {name: value for name, value in self.form.overrides().items() if name in BESIDE_A_MODEL}
        return model.applied_settings(Settings.from_preset(model.settings.preset, **said))

    def _use_dropped(self, path: Path) -> None:
        if self.session is None:
            self.models.use(path)

    def closed(self) -> None:
        """End what is going on because the widget leaves the screen; what has been computed is kept."""
        self.outlook.quit()
        self.file_row.quit()
        session = self.buttons.let_go()
        if session is not None:
            session.stop()

    def reset_choices(self, *_: Any) -> None:
        """Offer the layers that there are now."""
        if self.session is None:
            super().reset_choices()
            self._layer_changed()

    def _connect(self) -> None:
        for event in list_changes(self._viewer):
            event.connect(self.reset_choices)
        self._viewer.layers.selection.events.active.connect(self._follow)
        self._viewer.layers.selection.events.changed.connect(self._count_others)
        self._viewer.events.theme.connect(self._restyle)
        for part in (self.region, self.form, self.axes, self.keep, self.others):
            part.changed.connect(self.outlook.renew)
        self.file_row.found.connect(lambda found: self._fields.show_row(self.file_row, found))
        self.file_row.open.changed.connect(self._open_again)
        self.file_row.failed.connect(self._on_failed)
        self.layer.changed.connect(self._layer_changed)
        self.scope.changed.connect(self._ask_for_axes)
        self.axes.said.connect(self.scope.reset_choices)
        self.preset.changed.connect(self._preset_changed)
        self.models.used.connect(self._model_changed)
        self.models.failed.connect(self._on_failed)
        for speaker in (self.after, self.own):
            speaker.failed.connect(self._on_failed)
            speaker.said.connect(self.status.say)
        self.buttons.started.connect(self.run)
        self.buttons.said.connect(self.status.say)
        self.buttons.switched.connect(self._enable)
        self.buttons.news.connect(self._on_news)
        self.buttons.ended.connect(self._on_ended)

    def _images(self, _: object = None) -> list[Image]:
        images = (layer for layer in self._viewer.layers if isinstance(layer, Image))
        return [layer for layer in images if not is_passing(layer)]

    def _regions(self, _: object = None) -> list[tuple[str, Shapes | None]]:
        shapes = [layer for layer in self._viewer.layers if isinstance(layer, Shapes)]
        return [("Whole image", None), *((f"Rectangle in {layer.name}", layer) for layer in shapes)]

    def _scopes(self, _: object = None) -> list[tuple[str, str]]:
        layer = self.layer.value
        count = 1 if layer is None else prod(layer_pixels(layer).shape[: layer.ndim - 2])
        channels = 1 if layer is None else channels_of(layer)
        several = [(f"Current plane, {channels} channels", CHANNELS)] if 1 < channels < count else []
        stack = [] if count == 1 else [(f"Whole stack ({count} planes)", STACK)]
        return [("Current plane", PLANE), *several, *stack]

    def _count_others(self, _: object = None) -> None:
        """Offer to denoise all selected layers, where there are several."""
        if self.session is None:
            first = self.others.first(self.layer.value)
            if first in self.layer.choices:
                self.layer.value = first
            self.others.count(self.layer.value)
            self.outlook.renew()

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
                self._refusal = in_terms(error, DOCK_FIELDS)
        if self._refusal or refused_before or self.status.is_error:
            self.status.say(self._refusal, error=bool(self._refusal) and layer is not None)
        self.buttons.ready = not self._refusal
        self.file_row.ask(layer)
        if self._refusal:
            self.outlook.say("")
        self._ask_for_axes()

    def _ask_for_axes(self, _: object = None) -> None:
        """Show what the axes of a stack are taken for."""
        asked = self.scope.value != PLANE and self.axes.ask(self.layer.value)
        self._fields.show_row(self.axes, asked)
        self._fields.show_row(self.stack_start, self.scope.value == STACK)
        self.outlook.renew()

    def _preset_changed(self, _: str) -> None:
        try:
            self.preset.show_in(self.form, self.stack_start)
        except BlindspotError as error:
            self._on_failed(error)
        self.outlook.renew()

    def _model_changed(self) -> None:
        """Say what a model was fitted to, and leave those fields that it does not bring along."""
        model = self.models.model
        self.status.say("" if model is None else model.in_words)
        self._enable()
        self.outlook.renew()

    def _on_failed(self, error: BlindspotError) -> None:
        self.status.say(in_terms(error, DOCK_FIELDS), error=True)

    def _restyle(self, _: object = None) -> None:
        dark = is_dark(self._viewer)
        self.curve.native.set_theme(text_colour(self._viewer), dark)
        self.status.message.set_dark(dark)

    def _enable(self) -> None:
        """Let exactly those fields be used that mean something now."""
        idle = self.session is None
        chosen = (self.layer, self.file_row, self.others, self.axes, self.region, self.models)
        for part in (*chosen, self.advanced.inside):
            part.enabled = idle
        self.preset.enabled = self.stack_start.enabled = idle and self.models.model is None
        if idle:
            for name in self.form.names:
                self.form[name].enabled = self.models.model is None or name in BESIDE_A_MODEL
        self.scope.enabled = idle and len(self.scope.choices) > 1

    def _on_news(self, news: LayerNews) -> None:
        session = self.session
        if session is not None:
            self.status.follow(news.standing, session.device)
            self.curve.native.add(news.steps)
            started = () if news.started is None else news.started.notices
            if started or news.opened is not None:
                self.status.say(" ".join([*session.opening, *sentences_of([started])]))

    def _on_ended(self, session: LayerSession, outcome: Outcome) -> None:
        self.reset_choices()
        self.inspect.follow()
        self.after.model = session.learned or self.after.model
        self.status.end(outcome.kind.capitalize(), session.device, full=outcome.kind == "finished")
        self.status.conclude(outcome, DOCK_FIELDS)
        if outcome.kind != "finished":
            self.others.drop()
        following = self.others.next()
        if following is not None:
            self.layer.value = following
            self._start(following)
        self._count_others()
