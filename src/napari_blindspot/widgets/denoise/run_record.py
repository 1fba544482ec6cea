"""What a result layer says about its run: a dict of plain values that can be written as JSON.

``layer.metadata["napari_blindspot"]["settings"]`` repeats the run with `napari_blindspot.Settings.parse`.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from napari_blindspot.core.words import gather_warnings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_blindspot.core.result import Result

__all__ = ["run_record"]


def run_record(
    source: str,
    results: Mapping[tuple[int, ...], Result],
    planes: Sequence[tuple[int, ...]],
    *,
    stopped: bool,
    problem: str = "",
) -> dict[str, Any]:
    """Describe a run.

    Parameters
    ----------
    source : str
        Name of the layer that was denoised.
    results : mapping of tuple of int to Result
        By the index of the plane; at least one. Their images are not needed.
    planes : sequence of tuple of int
        What was asked for.
    stopped : bool
        Whether the run ended early.
    problem : str
        What went wrong after the last result, or nothing.

    Returns
    -------
    dict
        For one plane: source, settings, seed, device, seconds, iterations, passes, history, stopped,
        warnings and noise. For a stack the entries of a single plane are in the list ``planes`` instead,
        one dict for each plane that has a result.
    """
    first = next(iter(results.values()))
    warnings = gather_warnings([result.warnings for result in results.values()])
    if problem:
        warnings.append(problem)
    record = {
        "source": source,
        "settings": first.settings.model_dump(mode="json"),
        "seed": first.settings.seed,
        "device": first.device,
        "seconds": sum(result.seconds for result in results.values()),
        "stopped": stopped,
        "warnings": warnings,
    }
    if len(planes) == 1:
        return record | _of_plane(planes[0], first)
    entries = [_of_plane(plane, result) | {"seconds": result.seconds} for plane, result in results.items()]
    return record | {"planes": entries}


def _of_plane(plane: tuple[int, ...], result: Result) -> dict[str, Any]:
    history = result.history
    losses = ("denoising", "inr", "consistency")
    return {
        "plane": list(plane),
        "iterations": result.iterations,
        "passes": result.passes,
        "history": {name: getattr(history, name).tolist() for name in losses},
        "noise": _plain(getattr(result, "noise", None)),
    }


def _plain(value: Any) -> Any:
    """Turn a record of numbers into plain values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value
