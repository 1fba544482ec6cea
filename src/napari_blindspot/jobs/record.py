"""What is kept beside the pixels, typed: of one plane in the store, of one file in its output.

Both are written as JSON and read back by the same models. An output also holds a few of the values in
words, for people who look at it with other programs; nothing reads those back.
"""

from __future__ import annotations

import json
import math
import statistics
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from napari_blindspot.core.notices import Notice
from napari_blindspot.core.result import History
from napari_blindspot.core.words import sentence, sentences_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    from napari_blindspot.core.noise_model import NoiseModel
    from napari_blindspot.core.notices import Value
    from napari_blindspot.core.result import Result

__all__ = ["FileRecord", "NoiseFigures", "PlaneRecord", "kept_beside", "mean_losses", "output_size"]

_MUCH_LARGER = 3.5
"""An output of at least so many times the input's bytes is worth a word; 8 bits become 32 as 4 times."""

_LARGE = 10**6
"""Bytes below which what an output says of its run counts more than its pixels."""

LOSS_PARTS = 32
"""Parts of a run of which the mean losses are kept: enough for a curve, and few beside the pixels. A
convention."""

_KEY = "record"
"""Under which the JSON of a `FileRecord` is in an output."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NoiseFigures(_Record):
    """The three figures of measured noise that fit into a table; None where one could not be measured.

    Attributes
    ----------
    sigma : float or None
        Standard deviation at the median intensity.
    gain : float or None
        How much the variance grows per intensity.
    correlation : float or None
        Of a pixel with its next neighbour.
    """

    sigma: float | None = None
    gain: float | None = None
    correlation: float | None = None

    @classmethod
    def of(cls, noise: NoiseModel | None) -> NoiseFigures | None:
        """Take the figures of a noise model; None if nothing was measured."""
        if noise is None or not noise.measured:
            return None
        figures = (noise.sigma, noise.gain, noise.neighbour_correlation)
        sigma, gain, correlation = (float(value) if math.isfinite(value) else None for value in figures)
        return cls(sigma=sigma, gain=gain, correlation=correlation)

    @classmethod
    def median(cls, planes: Iterable[NoiseFigures | None]) -> NoiseFigures | None:
        """Return the median of each figure over some planes; None if no plane's noise was measured."""
        measured = [plane for plane in planes if plane is not None]
        if not measured:
            return None
        known = {
            name: [value for plane in measured if (value := getattr(plane, name)) is not None]
            for name in cls.model_fields
        }
        return cls(**{name: statistics.median(values) for name, values in known.items() if values})

    def in_words(self, *, short: bool = False) -> str:
        """Say the figures that are known: σ 12.1, gain 0.9, next pixels correlate 0.03."""
        correlate = "corr." if short else "next pixels correlate"
        words = (
            (self.sigma, "σ {:.3g}"),
            (self.gain, "gain {:.3g}"),
            (self.correlation, correlate + " {:.2f}"),
        )
        return ", ".join(text.format(value) for value, text in words if value is not None)


class PlaneRecord(_Record):
    """What is to be known about a finished plane.

    Attributes
    ----------
    iterations, planned_iterations : int
        How many were run, and how many there would have been without a stop; refinement included.
    passes : int
        Estimates that were averaged.
    seconds : float
        Computing time.
    phases : dict of str to float
        Seconds of each phase of the fit.
    device : str
        Name of the device.
    origin : str
        What the weights started from; see `napari_blindspot.core.result.Result`.
    resolved : dict of str to str
        The settings that the run itself decided: device and precision.
    stopped : bool
        Whether someone ended the fit early, so that a whole one would give other pixels.
    notices : tuple of Notice
        What the user ought to know.
    noise : NoiseFigures or None
        The measured noise.
    losses : dict of str to tuple of float or None
        Means over equal parts of the run, by the names of `napari_blindspot.core.result.History`; None
        where there was no value.
    """

    iterations: int
    planned_iterations: int
    passes: int
    seconds: float
    phases: dict[str, float] = {}
    device: str
    origin: str
    resolved: dict[str, str]
    stopped: bool = False
    notices: tuple[Notice, ...] = ()
    noise: NoiseFigures | None = None
    losses: dict[str, tuple[float | None, ...]] = {}

    @classmethod
    def of(cls, result: Result) -> PlaneRecord:
        """Take from a result all but its pixels."""
        return cls(
            iterations=result.iterations,
            planned_iterations=result.planned_iterations,
            passes=result.passes,
            seconds=round(result.seconds, 3),
            phases={name: round(seconds, 3) for name, seconds in result.phases.items()},
            device=result.device,
            origin=result.origin,
            resolved={"device": result.settings.device, "precision": result.settings.precision},
            stopped=result.stopped,
            notices=tuple(notice for notice in result.notices if notice.is_warning),
            noise=NoiseFigures.of(result.noise),
            losses=mean_losses(result.history.losses),
        )

    @property
    def history(self) -> History:
        """The losses that are kept, (parts,) each, with the number of iterations that they stand for."""
        values = {name: np.array(kept, np.float32) for name, kept in self.losses.items()}
        return History(values, self.iterations)


class FileRecord(_Record):
    """What is to be known about the finished planes of a file.

    Attributes
    ----------
    planes : tuple of PlaneRecord
        In their order.
    reading : tuple of Notice
        What the user ought to know about how the file was read.
    run : str
        Digest of all that decides the pixels, `napari_blindspot.jobs.file_job.FileJob.digest`; empty in an
        output that is not whole.
    written : tuple of Notice
        What there is to know about the outputs once they are written: ``output-size``, and ``kept-beside``
        for each that has another name. It is in no output.
    """

    planes: tuple[PlaneRecord, ...] = ()
    reading: tuple[Notice, ...] = ()
    run: str = ""
    written: tuple[Notice, ...] = ()

    def place_of(self, output: Path) -> Path:
        """Return where an output is in fact: under its name, or beside what could not be replaced."""
        for notice in self.written:
            if notice.kind == "kept-beside" and notice.values["output"] == str(output):
                return Path(str(notice.values["path"]))
        return output

    @cached_property
    def size(self) -> Notice | None:
        """How large the outputs are; None if they were not written just now."""
        return next((notice for notice in self.written if notice.kind == "output-size"), None)

    @cached_property
    def seconds(self) -> float:
        """Computing time of all planes."""
        return sum(plane.seconds for plane in self.planes)

    @cached_property
    def devices(self) -> tuple[str, ...]:
        """Names of the devices, each once."""
        return tuple(sorted({plane.device for plane in self.planes}))

    @cached_property
    def stopped(self) -> bool:
        """Whether the fit of a plane was ended early."""
        return any(plane.stopped for plane in self.planes)

    @cached_property
    def noise(self) -> NoiseFigures | None:
        """The median over the planes; None if no plane's noise was measured."""
        return NoiseFigures.median(plane.noise for plane in self.planes)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What the user ought to know; what is about planes once, with their number."""
        planes = sentences_of([plane.notices for plane in self.planes])
        written = (notice for notice in self.written if notice.is_warning)
        return (*map(sentence, self.reading), *planes, *map(sentence, written))

    def annotation(self) -> dict[str, str]:
        """Return what an output holds: a few values in words, and all of them as JSON."""
        return {
            "iterations run": " ".join(str(plane.iterations) for plane in self.planes),
            "passes run": " ".join(str(plane.passes) for plane in self.planes),
            "seconds": f"{self.seconds:.1f}",
            "device": ", ".join(self.devices),
            "noise": "" if self.noise is None else self.noise.in_words(),
            "warnings": json.dumps(self.warnings, ensure_ascii=False),
            "run": self.run,
            _KEY: self.model_dump_json(exclude_defaults=True),
        }

    @classmethod
    def read(cls, annotation: Mapping[str, str]) -> FileRecord | None:
        """Read what `annotation` returned; None if it holds no such record."""
        try:
            return cls.model_validate_json(annotation.get(_KEY, ""))
        except ValidationError:
            return None


def mean_losses(losses: Mapping[str, npt.ArrayLike]) -> dict[str, tuple[float | None, ...]]:
    """Return the means of losses over equal parts of a run, to three digits.

    A loss without a value is left out.

    Parameters
    ----------
    losses : mapping of str to array_like
        (iterations,) each; NaN where there is no value.
    """
    kept: dict[str, tuple[float | None, ...]] = {}
    for name, values in losses.items():
        whole = np.asarray(values, np.float64)
        if np.isfinite(whole).any():
            parts = np.array_split(whole, min(len(whole), LOSS_PARTS))
            known = [part[np.isfinite(part)] for part in parts]
            kept[name] = tuple(float(f"{part.mean():.3g}") if part.size else None for part in known)
    return kept


def kept_beside(output: Path, path: Path, reason: str = "") -> Notice:
    """Say that an output is under another name, because what has its own could not be replaced."""
    return Notice("kept-beside", {"output": str(output), "path": str(path), "reason": reason})


def output_size(size: int, input_size: int, before: np.dtype[Any], after: np.dtype[Any]) -> Notice:
    """Say how large outputs are, and how many times the input where a wider type of pixels makes them so.

    Parameters
    ----------
    size, input_size : int
        Bytes of all outputs, and of the input.
    before, after : dtype
        Of the input's pixels and the outputs'.
    """
    times = size / max(1, input_size) if after.itemsize > before.itemsize else 0.0
    values: dict[str, Value] = {"count": 1, "size": size}
    values["times"] = round(times, 1) if times >= _MUCH_LARGER and size >= _LARGE else 0
    return Notice("output-size", {**values, "before": before.name, "after": after.name}, is_warning=False)
