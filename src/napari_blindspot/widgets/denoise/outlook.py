"""What is to be expected of a run before it begins: time, memory, how the noise looks, a quicker preset.

All of it is found behind the screen: the noise of the middle of one plane is measured, and how fast the
device is by a short fit, once in a session.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QTimer

from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.core.words import duration, size_of_memory
from napari_blindspot.settings import MeasuredSettings, Settings
from napari_blindspot.widgets.denoise.disk_run import kept_on_disk
from napari_blindspot.widgets.shared.background import Background
from napari_blindspot.widgets.shared.native import Message
from napari_blindspot.widgets.shared.preload import warm_up

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari_blindspot.settings import PlannedSettings
    from napari_blindspot.widgets.denoise.layer_file import LayerFile
    from napari_blindspot.widgets.denoise.scope import LayerJob

__all__ = ["Outlook", "Question", "expectations"]

DELAY = 400
"""Milliseconds without a change after which the question is taken for what the user wants to know."""

LONG, QUICKER = 1800.0, "fast"
"""Seconds from which on a quicker preset is named, and which. A convention."""

LOOKING = "Looking at the image…"
"""What is said until something is known."""

LOOKED_AT = 1024
"""Side of the part of a plane whose noise is measured: as much as takes a second."""


@dataclass(frozen=True, slots=True)
class Question:
    """What would be run.

    Attributes
    ----------
    job : LayerJob
        The pixels.
    settings : Settings
        Of the run.
    applies : bool
        Whether a model is applied.
    file : LayerFile or None
        Where the result would go if not into memory.
    layers : int
        How many such layers are denoised one after another.
    """

    job: LayerJob
    settings: Settings
    applies: bool = False
    file: LayerFile | None = None
    layers: int = 1


class Outlook(Message):
    """Says what is to be expected of a run.

    Parameters
    ----------
    ask : callable
        Returns what would be run by now, or None.
    """

    def __init__(self, ask: Callable[[], Question | None], **options: Any) -> None:
        super().__init__(**options)
        # A narrow dock takes three lines, and nothing moves when they come.
        self.native.setMinimumHeight(3 * self.native.fontMetrics().lineSpacing() + 4)
        self._ask = ask
        self._background: Background | None = None
        self._again = False
        self._timer = QTimer(self.native)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._look)
        self._closed = False
        # The thread may end after a window that was closed without a word to its docks.
        self.native.destroyed.connect(self._on_destroyed)

    def renew(self, _: object = None) -> None:
        """Look again, when nothing has changed for a moment."""
        if self._closed:
            return
        self._again = self._background is not None
        if DELAY >= 0:
            self._timer.start(DELAY)

    def quit(self) -> None:
        """Look no more."""
        self._timer.stop()
        self._leave()

    def _look(self) -> None:
        if self._background is not None:
            return
        self._again = False
        try:
            question = self._ask()
        except BlindspotError:
            # It is said when the run is started.
            question = None
        if question is None:
            return
        self._background = Background(
            "Looking at the noise", expectations, question, yielded=self._on_yielded, ended=self._on_ended
        )
        if not self.value:
            self.say(LOOKING)
        self._background.start()

    def _on_yielded(self, text: str) -> None:
        if text and not self._again and not self._closed:
            self.say(text)

    def _on_destroyed(self, _: object = None) -> None:
        self._closed = True
        self._leave()

    def _leave(self) -> None:
        """Let the thread at work end unheard, and begin no other."""
        self._again = False
        if self._background is not None:
            self._background.quit()

    def _on_ended(self) -> None:
        self._background = None
        if self.value == LOOKING and not self._closed:
            self.say("")
        if self._again:
            self.renew()


def expectations(question: Question) -> Generator[str, None, None]:
    """Yield what is known of a run: first how its noise looks, then also its time and memory.

    An empty text is yielded where napari may end the thread.
    """
    loading = warm_up()
    while loading.is_alive():
        loading.join(0.1)
        yield ""
    try:
        kept = "" if question.file is None else _on_disk(question.file)
        yield kept
        for text in _looks(question):
            yield f"{kept} {text}".strip()
    except BlindspotError:
        # It is said when the run is started.
        return


def _looks(question: Question) -> Generator[str, None, None]:
    from napari_blindspot.engine.hardware.memory import peak_memory
    from napari_blindspot.engine.pace import measure_pace, planned_for, seconds_of_run
    from napari_blindspot.noise.estimate import estimate_noise

    job, settings = question.job, question.settings
    shape, count = job.window.shape[-2:], len(job.planes)
    plane = _middle(job.window[job.planes[count // 2]])
    noise = estimate_noise(plane)
    seen = "The noise cannot be measured here."
    if noise.measured:
        kind = "correlated" if noise.is_correlated else "nearly independent"
        seen = (
            f"Noise: σ {noise.sigma:.3g}, {kind} (next pixels correlate {noise.neighbour_correlation:.2f})."
        )
    yield seen
    size = f"{count} planes of {shape[0]}×{shape[1]}" if count > 1 else f"{shape[0]}×{shape[1]} pixels"
    size = f"{question.layers} layers of {size}" if question.layers > 1 else size
    memory = size_of_memory(peak_memory((shape[0], shape[1]), settings))
    planned = planned_for(plane, noise, settings)
    if planned is None or not isinstance(settings, MeasuredSettings):
        instead = " The preset auto measures such noise and looks past it." if noise.is_correlated else ""
        yield f"{size}, {memory} of memory. {seen}{instead}"
        return
    pace = measure_pace(settings.device, settings.unet_width, settings.precision)

    def seconds_with(planned: PlannedSettings) -> float:
        of_one = seconds_of_run(planned, (shape[0], shape[1]), count, pace, applies=question.applies)
        return question.layers * of_one

    seconds = seconds_with(planned)
    yield f"{size}: about {duration(max(1.0, seconds))}, {memory} of memory. {seen}"
    if seconds < LONG or settings.preset == QUICKER or question.applies:
        return
    quick = Settings.from_preset(QUICKER, device=settings.device, stack_start=settings.stack_start)
    quicker = planned_for(plane, noise, quick)
    if quicker is not None:
        less = f"{duration(max(1.0, seconds_with(quicker)))} with the preset {QUICKER}"
        yield f"{size}: about {duration(seconds)} ({less}), {memory} of memory. {seen}"


def _on_disk(file: LayerFile) -> str:
    """Say that the result goes to disk, and what is there already."""
    kept = kept_on_disk(file)
    there = f" {kept} of {len(file.planes.planes)} planes are there already." if kept else ""
    return f"The result goes to {file.job.output.name} on disk.{there}"


def _middle(plane: Any) -> Any:
    """Return the middle of a plane, (Y, X), as large as is looked at."""
    rows, columns = (
        slice(max(0, (side - LOOKED_AT) // 2), max(0, (side - LOOKED_AT) // 2) + min(side, LOOKED_AT))
        for side in plane.shape
    )
    part = plane[rows, columns]
    return np.asarray(part, np.float64) if math.prod(part.shape) else part
