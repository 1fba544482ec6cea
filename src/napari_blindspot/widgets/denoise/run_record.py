"""What a result layer says about its run: a dict of plain values that can be written as JSON.

``layer.metadata["napari_blindspot"]["settings"]`` repeats the run with `napari_blindspot.Settings.parse`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from napari_blindspot.core.words import sentences_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_blindspot.core.result import Result

__all__ = ["PlaneEntry", "RunRecord", "run_record"]


class PlaneEntry(TypedDict):
    """What belongs to one plane: its index, and the values of `napari_blindspot.core.result.Result`."""

    plane: list[int]
    iterations: int
    passes: int
    seconds: float
    history: dict[str, list[float]]
    noise: dict[str, Any] | None
    notices: list[dict[str, Any]]


class RunRecord(TypedDict, total=False):
    """What belongs to all planes; of a single plane also all that belongs to it, else ``planes``."""

    source: str
    settings: dict[str, Any]
    seed: int
    device: str
    seconds: float
    stopped: bool
    warnings: list[str]
    planes: list[PlaneEntry]
    plane: list[int]
    iterations: int
    passes: int
    history: dict[str, list[float]]
    noise: dict[str, Any] | None
    notices: list[dict[str, Any]]


def run_record(
    source: str,
    results: Mapping[tuple[int, ...], Result],
    planes: Sequence[tuple[int, ...]],
    *,
    problem: str = "",
) -> RunRecord:
    """Describe a run.

    Parameters
    ----------
    source : str
        Name of the layer that was denoised.
    results : mapping of tuple of int to Result
        By the index of the plane; at least one. Their images are not needed.
    planes : sequence of tuple of int
        What was asked for.
    problem : str
        What went wrong after the last result, or nothing.
    """
    first = next(iter(results.values()))
    warnings = sentences_of(
        [[notice for notice in result.notices if notice.is_warning] for result in results.values()]
    )
    record: RunRecord = {
        "source": source,
        "settings": first.settings.model_dump(mode="json"),
        "seed": first.settings.seed,
        "device": first.device,
        "seconds": sum(result.seconds for result in results.values()),
        "stopped": len(results) < len(planes) or any(result.stopped for result in results.values()),
        "warnings": [*warnings, *([problem] if problem else [])],
    }
    entries = [_entry(plane, result) for plane, result in results.items()]
    if len(planes) == 1:
        # The names of an entry are names of the record too.
        return {**record, **entries[0]}
    return {**record, "planes": entries}


def _entry(plane: tuple[int, ...], result: Result) -> PlaneEntry:
    return {
        "plane": list(plane),
        "iterations": result.iterations,
        "passes": result.passes,
        "seconds": result.seconds,
        "history": {name: values.tolist() for name, values in result.history.losses.items()},
        "noise": None if result.noise is None else result.noise.as_dict(),
        "notices": [notice.as_dict() for notice in result.notices],
    }
