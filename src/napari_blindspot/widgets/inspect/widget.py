"""The Inspect widget: a noisy layer, its result, a question, and the answer as layers, figures and words.

It turns clicks into a question for a worker thread. The answers belong to
`napari_blindspot.widgets.inspect.questions`.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import Container, SpinBox
from napari.layers import Image, Shapes
from napari.utils.transforms import Affine

from napari_blindspot.core.control import Control
from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.core.words import error_sentence
from napari_blindspot.plots.ink import ON_DARK, ON_LIGHT, needs_matplotlib
from napari_blindspot.widgets.denoise.scope import region_of, slider_point
from napari_blindspot.widgets.inspect.answer import AnswerTable, FigureList
from napari_blindspot.widgets.inspect.asked import Asked
from napari_blindspot.widgets.inspect.depth import depth_of
from napari_blindspot.widgets.inspect.questions import QUESTIONS
from napari_blindspot.widgets.inspect.subject import line_of, region_in_view, subject_of
from napari_blindspot.widgets.shared.background import Background
from napari_blindspot.widgets.shared.closing import when_undocked
from napari_blindspot.widgets.shared.fields import Choice, Fields, button
from napari_blindspot.widgets.shared.layer_data import METADATA_KEY
from napari_blindspot.widgets.shared.layer_source import (
    is_made_here,
    is_passing,
    is_result,
    list_changes,
    remember_source,
    source_of,
)
from napari_blindspot.widgets.shared.model_row import ModelRow, take_dropped_models
from napari_blindspot.widgets.shared.native import Message, Native
from napari_blindspot.widgets.shared.theme import background_colour, is_dark

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from napari.viewer import Viewer

    from napari_blindspot.plots.ink import Ink
    from napari_blindspot.widgets.inspect.asked import Finding, NewLayer, Region

__all__ = ["InspectWidget"]

VIEW = "in view"
"""Stands among the Shapes layers for what is on the screen."""

ASK = ("Ask", "Answer the question for the plane in view.")
"""Text and tooltip of the button while nothing is being answered."""

DPI, HEIGHT = 100, 0.8
"""Dots an inch of the figures, and how high they are beside their width."""


class InspectWidget(Container[Any]):
    """Ask what a result is worth.

    Parameters
    ----------
    napari_viewer : Viewer
        Whose layers are offered, and where the answers appear.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        self._viewer = napari_viewer
        self._work: Background | None = None
        self._control = Control()
        self._leaving = False
        self.result = Choice(label="Result", choices=self._results, nullable=False)
        self.noisy = Choice(label="Noisy", choices=self._images, nullable=False)
        self.question = Choice(
            label="Question",
            choices=list(QUESTIONS),
            tips={text: question.tip for text, question in QUESTIONS.items()},
        )
        self.zoom = SpinBox(
            label="Zoom", value=4, min=1, max=16, tooltip="Samples of the INR along each side of a pixel."
        )
        self.shapes = Choice(
            label="Where",
            choices=self._shapes,
            tooltip="What is sampled: the whole plane, what is in view, or the rectangle of a Shapes "
            "layer; of a profile the Shapes layer with its line.",
        )
        self.ask = button(*ASK)
        self.models = ModelRow(label="Model", none="none")
        self.message = Message()
        self.table = Native(AnswerTable)
        self.figures = Native(FigureList)
        self._fields = Fields([self.result, self.noisy, self.question, self.zoom, self.shapes, self.models])
        super().__init__(
            widgets=[self._fields, self.ask, self.message, self.table, self.figures], labels=False
        )
        self.min_width = 330
        when_undocked(self, self.closed)
        self._connect()
        self._restyle()
        self._result_changed()
        self._question_changed()

    @property
    def working(self) -> bool:
        """Whether a question is being answered."""
        return self._work is not None

    def show_result(self, result: Image) -> None:
        """Choose a result, and the layer that it came from."""
        if result in self.result.choices:
            self.result.value = result

    def run(self) -> None:
        """Answer the question, or give up the one that is being answered."""
        if self.working:
            self._control.cancel()
            self.ask.enabled = False
            return
        try:
            asked = self._asked()
        except BlindspotError as error:
            self._fail(str(error))
            return
        width, behind = self.figures.native.room / DPI, background_colour(self._viewer)
        answer, noisy = QUESTIONS[self.question.value].answer, self.noisy.value

        def work() -> Generator[tuple[Finding, list[bytes]], None, None]:
            try:
                found = answer(asked)
                pictures = [_png(figure, width, behind) for figure in found.figures]
            except BlindspotError:
                raise
            except Exception as error:
                # Never a RuntimeError: napari's worker would take it for an abort, and tell nobody.
                raise BlindspotError(error_sentence(error)) from error
            yield found, pictures

        self.message.say("Looking…")
        self.ask.text, self.ask.tooltip = "Cancel", "Give this question up; the layers stay as they are."
        self._control = asked.control
        self._work = Background(
            f"Inspecting “{asked.subject.name}”",
            work,
            yielded=lambda answer: self._show(answer[0], answer[1], asked, noisy),
            ended=self._ended,
        )
        self._work.start()

    def closed(self) -> None:
        """Let go of what is being answered because the widget leaves the screen."""
        self._leaving = True
        if self._work is not None:
            self._control.cancel()
            self._work.quit()

    def reset_choices(self, *_: Any) -> None:
        """Offer the layers that there are now."""
        super().reset_choices()

    def _asked(self) -> Asked:
        """Read what the question is about.

        Raises
        ------
        BlindspotError
            If it cannot be answered.
        """
        needs_matplotlib()
        result, noisy, shapes = self.result.value, self.noisy.value, self.shapes.value
        if result is None or noisy is None:
            raise BlindspotError("Choose a result and the noisy layer that it came from.")
        if result is noisy:
            raise BlindspotError("The result and the noisy layer are the same: choose two.")
        point = slider_point(self._viewer.dims, result)
        subject = subject_of(noisy, result, point)
        needs = QUESTIONS[self.question.value].needs
        line = region = depth = None
        if shapes is not None and "line" in needs:
            line = line_of(shapes, result, point)
        elif shapes is not None and "region" in needs:
            region = self._region(shapes, result, point)
        if "depth" in needs:
            depth = depth_of(result, point)
        model = self.models.model if "model" in needs else None
        return Asked(subject, self._ink, self.zoom.value, region, line, depth, model)

    def _region(self, shapes: Shapes | str, result: Image, point: tuple[float, ...]) -> Region:
        """Return the part of the plane that is chosen."""
        if shapes == VIEW:
            return region_in_view(result, self._viewer.dims)
        rows, columns = region_of(shapes, result, point)
        return rows.start, columns.start, rows.stop, columns.stop

    @property
    def _ink(self) -> Ink:
        return ON_DARK if is_dark(self._viewer) else ON_LIGHT

    def _show(self, found: Finding, pictures: list[bytes], asked: Asked, noisy: Image) -> None:
        """Show an answer, unless it was given up."""
        if asked.control.cancelled:
            return
        active = self._viewer.layers.selection.active
        for layer in found.layers:
            self._add(layer, asked, noisy)
        if active is not None and active in self._viewer.layers:
            self._viewer.layers.selection.active = active
        if not self._leaving:
            self.message.say(found.words)
            self.table.native.show_rows(found.heads, found.rows)
            self.figures.native.show_pictures(pictures)

    def _add(self, new: NewLayer, asked: Asked, noisy: Image) -> None:
        """Add a layer that lies over the plane, or replace the one of an earlier answer."""
        subject, look = asked.subject, dict(asked.subject.look)
        name = f"{subject.name} {new.label}"
        scale = np.array(look["scale"], float)
        place = Affine(scale=scale, translate=look["translate"], rotate=look["rotate"], shear=look["shear"])
        first = np.zeros(subject.leading + 2)
        first[-len(new.origin) :] = new.origin
        look["translate"] = np.asarray(place(first))
        scale[-len(new.step) :] *= new.step
        look["scale"] = scale
        if new.limits is not None:
            low, high = new.limits
            look["contrast_limits"] = [low, high if high > low else low + 1.0]
        if new.colormap:
            look["colormap"], look["gamma"] = new.colormap, 1.0
        if new.blending:
            look["blending"] = new.blending
        values = new.values.reshape((1,) * (len(scale) - new.values.ndim) + new.values.shape)
        if name in self._viewer.layers:
            self._viewer.layers.remove(self._viewer.layers[name])
        # No image of a result, and none to be denoised by itself.
        look["metadata"] = {METADATA_KEY: {"source": noisy.name, "image": new.label}}
        layer = self._viewer.add_image(values, name=name, **look)
        remember_source([layer], noisy)
        # Not in all versions of napari.
        if new.has_bar and hasattr(layer, "colorbar"):
            layer.colorbar.visible = True

    def _ended(self) -> None:
        work, self._work = self._work, None
        if self._leaving or work is None:
            return
        self.ask.enabled = True
        self.ask.text, self.ask.tooltip = ASK
        if self._control.cancelled:
            self._fail("Cancelled; the layers are as they were before.", error=False)
        elif work.error is not None:
            self._fail(str(work.error))

    def _fail(self, words: str, *, error: bool = True) -> None:
        """Say why there is no answer; table and figures of the question before go."""
        self.message.say(words, error=error)
        self.table.native.show_rows((), ())
        self.figures.native.show_pictures([])

    def _connect(self) -> None:
        for event in list_changes(self._viewer):
            event.connect(self.reset_choices)
        self._viewer.events.theme.connect(self._restyle)
        self.result.changed.connect(self._result_changed)
        self.question.changed.connect(self._question_changed)
        self.ask.changed.connect(self.run)
        self.models.failed.connect(lambda error: self._fail(str(error)))
        take_dropped_models(self, self._use_dropped)

    def _use_dropped(self, path: Path) -> None:
        """Take a model that was dropped where a question that looks at one is chosen."""
        if "model" in QUESTIONS[self.question.value].needs:
            self.models.use(path)

    def _images(self, _: object = None) -> list[Image]:
        return [layer for layer in self._viewer.layers if isinstance(layer, Image)]

    def _results(self, _: object = None) -> list[Image]:
        """Return the image layers, results of this plugin first."""
        images = [layer for layer in self._images() if not is_passing(layer)]
        return sorted(images, key=lambda layer: not is_result(layer))

    def _shapes(self, _: object = None) -> list[tuple[str, Shapes | str | None]]:
        """Return where the question can be asked, by name."""
        shapes = [layer for layer in self._viewer.layers if isinstance(layer, Shapes)]
        named = [(layer.name, layer) for layer in shapes]
        if "line" in QUESTIONS[self.question.value].needs:
            return [("None", None), *named]
        return [("Whole plane", None), ("What is in view", VIEW), *named]

    def _result_changed(self, _: object = None) -> None:
        """Choose the layer that the result came from, as far as that is known."""
        result = self.result.value
        if result is None:
            return
        if is_made_here(result):
            source = source_of(self._viewer, result)
        else:
            others = (layer for layer in self._images() if layer is not result)
            source = next((layer for layer in others if not is_made_here(layer)), None)
        if source is not None:
            self.noisy.value = source

    def _question_changed(self, _: object = None) -> None:
        """Show the fields that belong to the question."""
        needs = QUESTIONS[self.question.value].needs
        self.shapes.reset_choices()
        self._fields.show_row(self.zoom, "zoom" in needs)
        self._fields.show_row(self.shapes, bool(needs & {"region", "line"}))
        self._fields.show_row(self.models, "model" in needs)

    def _restyle(self, _: object = None) -> None:
        self.message.set_dark(is_dark(self._viewer))


def _png(figure: Any, width: float, behind: str) -> bytes:
    """Return a figure as PNG, drawn for a width in inches, so that its words are not scaled.

    What is behind it is drawn as well: it must be readable when the theme has changed.
    """
    stream = io.BytesIO()
    figure.set_facecolor(behind)
    figure.set_size_inches(width, HEIGHT * width)
    figure.savefig(stream, format="png", dpi=DPI)
    return stream.getvalue()
