"""What is kept beside the pixels, typed: of one plane in the store, of one file in its output.

Both are written as JSON and read back by the same models. An output also holds a few of the values in
words, for people who look at it with other programs; nothing reads those back.
"""

from __future__ import annotations

import json
import math
import statistics
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from napari_blindspot.core.notices import Notice  # noqa: TC001 (pydantic reads the annotations)
from napari_blindspot.core.words import sentence, sentences_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from napari_blindspot.core.noise_model import NoiseModel
    from napari_blindspot.core.result import Result

__all__ = ["FileRecord", "NoiseFigures", "PlaneRecord"]

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
        )


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
    """

    planes: tuple[PlaneRecord, ...] = ()
    reading: tuple[Notice, ...] = ()
    run: str = ""

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
        return (*map(sentence, self.reading), *planes)

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
