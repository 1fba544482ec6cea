"""What is kept beside the pixels: of a plane, as JSON can hold it, and of all planes in their output."""

from __future__ import annotations

import json
import math
import statistics
from typing import TYPE_CHECKING, Any

from napari_blindspot.core.words import gather_warnings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from napari_blindspot.core.result import Result

    Record = dict[str, Any]

__all__ = ["file_record", "noise_in_words", "plane_record", "seconds_of", "warnings_of"]


def plane_record(result: Result) -> Record:
    """Return what is to be known about a plane, as JSON can hold it."""
    return {
        "iterations": result.iterations,
        "of iterations": result.settings.iterations,
        "passes": result.passes,
        "seconds": round(result.seconds, 3),
        "device": result.device,
        "start": result.start,
        "settings": {"device": result.settings.device, "precision": result.settings.precision},
        "stopped": result.stopped,
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


def file_record(records: Collection[Record], notes: Iterable[str]) -> dict[str, str]:
    """Return what an output is to tell of its planes; `notes` are about how the input was read."""
    return {
        "iterations run": " ".join(str(record["iterations"]) for record in records),
        "passes run": " ".join(str(record["passes"]) for record in records),
        "seconds": f"{seconds_of(records):.1f}",
        "device": ", ".join(sorted({record["device"] for record in records})),
        "noise": noise_in_words(records),
        "warnings": json.dumps([*notes, *warnings_of(records)], ensure_ascii=False),
    }


def noise_in_words(records: Iterable[Record]) -> str:
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


def seconds_of(records: Iterable[Record]) -> float:
    """Return the computing time of all planes."""
    return float(sum(record.get("seconds", 0.0) for record in records))


def warnings_of(records: Collection[Record]) -> list[str]:
    """Return each warning once, with the number of planes that it is about."""
    return gather_warnings([record.get("warnings", ()) for record in records])
