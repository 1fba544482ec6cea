"""The command ``report``: what was removed, how sure the result is, and why, on one page with all in it.

Of a stack the plane in the middle is looked at, of each channel one. How the page looks is in the template
``report.html.jinja``, which escapes all that it is given; the numbers come from
`napari_blindspot.inspection`, the figures from `napari_blindspot.plots`.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.cli.exits import say
from napari_blindspot.cli.report_section import Extras, Section, look_at_plane
from napari_blindspot.core.errors import BlindspotError, FileError, ImageError, SettingsError
from napari_blindspot.core.words import duration
from napari_blindspot.files.door import open_image, read_record, read_settings
from napari_blindspot.files.model_file import load_model
from napari_blindspot.files.names import stem
from napari_blindspot.files.safe_write import atomic_path, check_writable
from napari_blindspot.jobs.file_job import FileJob
from napari_blindspot.jobs.record import FileRecord
from napari_blindspot.plots.ink import needs_matplotlib
from napari_blindspot.settings import Settings

if TYPE_CHECKING:
    from napari_blindspot.files.image_file import ImageFile
    from napari_blindspot.files.read_options import ReadOptions
    from napari_blindspot.jobs.record import PlaneRecord

__all__ = ["write_inspection"]

_TEMPLATE = "report.html.jinja"

BATCH_TABLE = "batch_report.csv"
"""Name of the table in the folder of a batch's results."""


@dataclass(slots=True)
class _Pair:
    """What the page says of an input and its result."""

    source: Path
    result: Path
    sections: list[Section]
    settings: str
    words: list[str]


def write_inspection(
    source: Path,
    result: Path | None,
    output: Path | None,
    read: ReadOptions,
    *,
    overwrite: bool = False,
    others: bool = False,
    resolution: bool | None = None,
    model: Path | None = None,
) -> Path:
    """Write the page of an input and its result, or of all results of a batch.

    Parameters
    ----------
    source : Path
        The noisy image, or the folder of a batch's results.
    result : Path or None
        The denoised image; None for a folder.
    output : Path or None
        The page; by default beside the result.
    read : ReadOptions
        Which pixels of the input the run took.
    overwrite : bool
        Whether a page that is there is replaced.
    others : bool
        Whether other denoisers are looked at as well; takes a fit a plane.
    resolution : bool, optional
        Whether the resolution after denoising is measured; takes two fits a plane. If not given, of an
        image and its result, and not of a folder.
    model : Path, optional
        What the run applied, to be applied again instead of the fits.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    BlindspotError
        If matplotlib is missing.
    FileError
        If a file cannot be read, or the page not be written.
    ImageError
        If the result has not the shape of the input.
    """
    needs_matplotlib()
    wanted = result is not None if resolution is None else resolution
    extras = Extras(others, wanted, None if model is None else load_model(model))
    if result is None and not (source / BATCH_TABLE).is_file():
        raise FileError(
            f"{source} is no folder of a batch's results, which holds a {BATCH_TABLE}; give an image and "
            "its result, or such a folder."
        )
    if result is None:
        page, pairs = source / "inspection.html", _pairs_of_batch(source)
    else:
        page, pairs = result.with_name(f"{stem(result.name)}_report.html"), [(source, result)]
    page = output or page
    check_writable(page)
    if page.exists() and not overwrite:
        raise FileError(f"The page {page} is there already; give --overwrite or another name.")
    looked = [_look(noisy, denoised, read, extras, alone=result is not None) for noisy, denoised in pairs]
    text = _render(looked, source if result is None else result)
    with atomic_path(page, len(text)) as temporary:
        temporary.write_bytes(text.encode())
    return page


def _render(pairs: list[_Pair], subject: Path) -> str:
    from jinja2 import Environment

    text = resources.files("napari_blindspot.cli").joinpath(_TEMPLATE).read_text(encoding="utf-8")
    template = Environment(autoescape=True, keep_trailing_newline=True).from_string(text)
    return template.render(pairs=pairs, subject=subject, version=version("napari-blindspot"))


def _pairs_of_batch(folder: Path) -> list[tuple[Path, Path]]:
    """Return input and result of every file of a batch that is done.

    Raises
    ------
    FileError
        If there is none.
    """
    with (folder / BATCH_TABLE).open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("state") == "done"]
    if not rows:
        raise FileError(f"No file of the batch in {folder} is done, so there is nothing to report.")
    return [(Path(row["file"]), Path(row["output"])) for row in rows]


def _look(source: Path, result: Path, read: ReadOptions, extras: Extras, *, alone: bool) -> _Pair:
    """Look at a pair of files; in a batch what is wrong with one is said on the page."""
    try:
        return _pair(source, result, read, extras)
    except BlindspotError as error:
        if alone:
            raise
        say(str(error))
        return _Pair(source, result, [Section(source.name, problem=str(error))], "", [])


def _pair(source: Path, result: Path, read: ReadOptions, extras: Extras) -> _Pair:
    """Look at the middle plane of every channel.

    Raises
    ------
    FileError, ImageError
        As for `write_inspection`.
    """
    try:
        settings: Settings | None = read_settings(result)
    except (FileError, SettingsError):
        settings = None
    image = FileJob(source, {"denoised": result}, settings or Settings.from_preset(), read).open()
    denoised = open_image(result).by_sample()
    if image.shape != denoised.shape:
        raise ImageError(
            f"The input {source} has the shape {image.shape}, but the result {denoised.shape}: give the "
            "options that the run was given."
        )
    record = FileRecord.read(read_record(result))
    words = list(record.warnings) if record is not None else []
    if record is not None and record.planes:
        words.insert(0, f"{duration(record.seconds)} on {', '.join(record.devices)}.")
    if settings is None:
        words.append("The result holds no settings of napari-blindspot.")
    sections = [
        look_at_plane(image, denoised, index, settings, extras, _record_of(record, index, image.shape[:-2]))
        for index in _middle_planes(image)
    ]
    shown = "" if settings is None else settings.model_dump_json(indent=2)
    return _Pair(source, result, sections, shown, words)


def _record_of(
    record: FileRecord | None, index: tuple[int, ...], leading: tuple[int, ...]
) -> PlaneRecord | None:
    """Return the record of one plane; None where the result does not hold those of all planes."""
    if record is None or len(record.planes) != math.prod(leading):
        return None
    return record.planes[int(np.ravel_multi_index(index, leading)) if leading else 0]


def _middle_planes(image: ImageFile) -> list[tuple[int, ...]]:
    """Return the index of the middle plane of every channel."""
    letters, lengths = image.axes[:-2], image.shape[:-2]
    middle = [length // 2 for length in lengths]
    at = next((k for k, letter in enumerate(letters) if letter in "CS"), None)
    if at is None:
        return [tuple(middle)]
    return [(*middle[:at], channel, *middle[at + 1 :]) for channel in range(lengths[at])]
