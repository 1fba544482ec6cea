"""What is kept beside the pixels: of a plane, of a file in its output, and what of it a table shows."""

from __future__ import annotations

import json
import math
import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from napari_blindspot.result import Result

__all__ = ["changes_of", "file_record", "plane_record", "progress_of"]

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


def progress_of(records: Collection[Record]) -> dict[str, Any]:
    """Return what the planes that are finished say of their file, as changes of its item."""
    return {"finished": len(records), "seconds": _seconds(records), "noise": _noise_in_words(records)}


def file_record(records: Collection[Record], notes: Iterable[str]) -> dict[str, str]:
    """Return what an output is to tell of its planes; `notes` are about how the input was read."""
    return {
        "iterations run": " ".join(str(record["iterations"]) for record in records),
        "passes run": " ".join(str(record["passes"]) for record in records),
        "seconds": f"{_seconds(records):.1f}",
        "device": ", ".join(sorted({record["device"] for record in records})),
        "noise": _noise_in_words(records),
        "warnings": json.dumps([*notes, *_warnings(records)], ensure_ascii=False),
    }


def changes_of(record: Mapping[str, str]) -> dict[str, Any]:
    """Return what the record in an output says of its file, as changes of its item."""
    return {
        "finished": len(record["iterations run"].split()),
        "seconds": float(record["seconds"]),
        "noise": record["noise"],
        "warnings": tuple(json.loads(record["warnings"])),
    }


def _noise_in_words(records: Iterable[Record]) -> str:
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


def _seconds(records: Iterable[Record]) -> float:
    """Return the computing time of all planes."""
    return float(sum(record.get("seconds", 0.0) for record in records))


def _warnings(records: Iterable[Record]) -> tuple[str, ...]:
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
