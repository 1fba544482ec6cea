"""What a result layer says about its run: a dict of plain values that can be written as JSON.

``layer.metadata["napari_blindspot"]["settings"]`` repeats the run with `napari_blindspot.Settings.parse`. A
file that is written of the layer has the record of any other output, `napari_blindspot.jobs.record`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from napari_blindspot.core.errors import SettingsError
from napari_blindspot.core.noise_model import NoiseModel
from napari_blindspot.core.notices import Notice
from napari_blindspot.core.words import sentences_of
from napari_blindspot.jobs.record import FileRecord, NoiseFigures, PlaneRecord, mean_losses
from napari_blindspot.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_blindspot.core.result import Result

__all__ = ["PlaneEntry", "RunRecord", "record_for_file", "run_record"]


class PlaneEntry(TypedDict):
    """What belongs to one plane: its index, and the values of `napari_blindspot.core.result.Result`."""

    plane: list[int]
    iterations: int
    planned_iterations: int
    passes: int
    seconds: float
    phases: dict[str, float]
    device: str
    origin: str
    resolved: dict[str, str]
    stopped: bool
    history: dict[str, list[float | None]]
    noise: dict[str, Any] | None
    notices: list[dict[str, Any]]


class RunRecord(TypedDict, total=False):
    """What belongs to all planes; of a single plane also all that belongs to it, else ``planes``.

    ``region`` is there where a part of the planes was denoised: first row, first column, row after the
    last, column after the last.
    """

    source: str
    axes: str
    region: list[int]
    settings: dict[str, Any]
    seed: int
    device: str
    seconds: float
    stopped: bool
    warnings: list[str]
    planes: list[PlaneEntry]
    plane: list[int]
    iterations: int
    planned_iterations: int
    passes: int
    phases: dict[str, float]
    origin: str
    resolved: dict[str, str]
    history: dict[str, list[float | None]]
    noise: dict[str, Any] | None
    notices: list[dict[str, Any]]


def run_record(
    source: str,
    results: Mapping[tuple[int, ...], Result],
    planes: Sequence[tuple[int, ...]],
    *,
    axes: str,
    region: tuple[int, int, int, int] | None = None,
    problem: str = "",
    earlier: Mapping[tuple[int, ...], PlaneRecord] | None = None,
    settings: Settings | None = None,
) -> RunRecord:
    """Describe a run.

    Parameters
    ----------
    source : str
        Name of the layer that was denoised.
    results : mapping of tuple of int to Result
        By the index of the plane. Their images are not needed.
    planes : sequence of tuple of int
        What was asked for.
    axes : str
        One letter an axis of the layer.
    region : tuple of int, optional
        What was denoised of the planes, if not the whole.
    problem : str
        What went wrong after the last result, or nothing.
    earlier : mapping of tuple of int to PlaneRecord, optional
        Of the planes that another run has finished; with the results there must be at least one plane.
    settings : Settings, optional
        Of the run; needed only where all planes were finished by others.
    """
    entries = {plane: _kept_entry(plane, kept) for plane, kept in (earlier or {}).items()}
    entries |= {plane: _entry(plane, result) for plane, result in results.items()}
    of_run = next((result.settings for result in results.values()), settings)
    if of_run is None or not entries:
        raise ValueError("There is no record of a run without a plane.")
    warnings = sentences_of(
        [
            [notice for notice in map(Notice.from_dict, entry["notices"]) if notice.is_warning]
            for entry in entries.values()
        ]
    )
    record: RunRecord = {
        "source": source,
        "axes": axes,
        "settings": of_run.model_dump(mode="json"),
        "seed": of_run.seed,
        "device": list(entries.values())[-1]["device"],
        "seconds": sum(entry["seconds"] for entry in entries.values()),
        "stopped": len(entries) < len(planes) or any(entry["stopped"] for entry in entries.values()),
        "warnings": [*warnings, *([problem] if problem else [])],
    }
    if region is not None:
        record["region"] = list(region)
    if len(planes) == 1:
        # The names of an entry are names of the record too.
        return {**record, **next(iter(entries.values()))}
    return {**record, "planes": [entries[plane] for plane in sorted(entries)]}


def record_for_file(record: Any) -> tuple[Settings, dict[str, str]] | None:
    """Return what the file of a result holds of its run, as if the run had been that of a file.

    Parameters
    ----------
    record : Any
        What a layer's metadata holds, which users and other plugins can change.

    Returns
    -------
    settings : Settings
        Those of the run.
    annotation : dict of str to str
        For `napari_blindspot.files.door.write_image`.
    None
        If it is not the record of a run.
    """
    try:
        planes = tuple(_plane_record(entry) for entry in record.get("planes", [record]))
        settings = Settings.parse(record["settings"])
        named = {"input": str(record["source"]), "image": str(record["image"])}
    except (AttributeError, KeyError, TypeError, ValueError, SettingsError):
        return None
    return settings, {**named, **FileRecord(planes=planes).annotation()}


def _entry(plane: tuple[int, ...], result: Result) -> PlaneEntry:
    kept = PlaneRecord.of(result)
    return {
        "plane": list(plane),
        "iterations": kept.iterations,
        "planned_iterations": kept.planned_iterations,
        "passes": kept.passes,
        "seconds": result.seconds,
        "phases": kept.phases,
        "device": kept.device,
        "origin": kept.origin,
        "resolved": kept.resolved,
        "stopped": kept.stopped,
        "history": {name: values.tolist() for name, values in result.history.losses.items()},
        "noise": None if result.noise is None else result.noise.as_dict(),
        "notices": [notice.as_dict() for notice in result.notices],
    }


def _kept_entry(plane: tuple[int, ...], kept: PlaneRecord) -> PlaneEntry:
    """Return what is known of a plane that another run has finished, of its losses some means."""
    return {
        "plane": list(plane),
        "iterations": kept.iterations,
        "planned_iterations": kept.planned_iterations,
        "passes": kept.passes,
        "seconds": kept.seconds,
        "phases": kept.phases,
        "device": kept.device,
        "origin": kept.origin,
        "resolved": kept.resolved,
        "stopped": kept.stopped,
        "history": {name: list(values) for name, values in kept.losses.items()},
        "noise": None,
        "notices": [notice.as_dict() for notice in kept.notices],
    }


def _plane_record(entry: Any) -> PlaneRecord:
    """Return the record of a plane as a file has it."""
    notices = [Notice.from_dict(values) for values in entry["notices"]]
    noise = entry["noise"]
    fields = PlaneRecord.model_fields.keys() & entry.keys()
    return PlaneRecord.model_validate(
        {name: entry[name] for name in fields}
        | {
            "seconds": round(entry["seconds"], 3),
            "noise": None if noise is None else NoiseFigures.of(NoiseModel.from_dict(noise)),
            "notices": tuple(notice for notice in notices if notice.is_warning),
            "losses": mean_losses(entry["history"]),
        }
    )
