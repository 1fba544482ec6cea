"""What is kept of a plane's run beside its pixels, and what the planes of a file say together."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from napari_blindspot.result import Result

__all__ = ["noise_in_words", "plane_record", "seconds_of", "warnings_of"]

Record = dict[str, Any]


def plane_record(result: Result) -> Record:
    """Return what is to be known about a plane, as JSON can hold it."""
    return {
        "iterations": result.iterations,
        "passes": result.passes,
        "seconds": round(result.seconds, 3),
        "device": result.device,
        "start": result.start,
        "settings": {"device": result.settings.device, "precision": result.settings.precision},
        "warnings": list(result.warnings),
        "noise": _figures(result.noise),
    }


def _figures(noise: Mapping[str, Any] | None) -> dict[str, float] | None:
    """Take the three figures of the noise that fit into a table; None if it was not measured."""
    if noise is None or not noise.get("measured"):
        return None
    rho = noise["correlation"]
    centre = len(rho) // 2
    next_pixel = max(rho[centre][centre + 1], rho[centre + 1][centre])
    figures = {"sigma": noise["sigma"], "gain": noise["gain"], "correlation": next_pixel}
    return {name: float(value) for name, value in figures.items() if math.isfinite(value)}


def noise_in_words(records: Iterable[Mapping[str, Any]]) -> str:
    """Return the noise of a file, the median over its planes; empty if no plane's could be measured."""
    measured = [record["noise"] for record in records if record.get("noise")]
    if not measured:
        return ""
    middle = {
        name: statistics.median(noise[name] for noise in measured if name in noise)
        for name in ("sigma", "gain", "correlation")
        if any(name in noise for noise in measured)
    }
    words = {"sigma": "σ {:.3g}", "gain": "gain {:.3g}", "correlation": "next pixels correlate {:.2f}"}
    return ", ".join(words[name].format(value) for name, value in middle.items())


def seconds_of(records: Iterable[Mapping[str, Any]]) -> float:
    """Return the computing time of all planes."""
    return float(sum(record.get("seconds", 0.0) for record in records))


def warnings_of(records: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return each warning once, with the number of planes that it is about."""
    counts: dict[str, int] = {}
    planes = 0
    for record in records:
        planes += 1
        for warning in record.get("warnings", ()):
            counts[warning] = counts.get(warning, 0) + 1
    return tuple(
        text if planes == 1 else f"{text} ({count} of {planes} planes)" for text, count in counts.items()
    )
