"""The results of a run on disk: ``results.csv``, ``failures.csv`` and ``run.json``, whole at any moment."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from napari_blindspot.core.errors import FileError
from napari_blindspot.files.safe_write import atomic_path

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["COLUMNS", "Failure", "ScoreRow", "ScoreTable", "write_atomically"]

COLUMNS = (
    *("scene", "capture", "method", "psnr", "si_psnr", "ssim", "seconds", "peak_mb"),
    *("psnr_corners", "ssim_corners"),
)
"""Of ``results.csv``; scripts rely on them."""

_DIGITS = {
    "psnr": 4,
    "si_psnr": 4,
    "ssim": 5,
    "seconds": 3,
    "peak_mb": 1,
    "psnr_corners": 4,
    "ssim_corners": 5,
}


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """A line of ``results.csv``; the numbers of a method that failed are None.

    Attributes
    ----------
    scene : str
    capture : int
    method : str
    psnr, si_psnr, ssim, psnr_corners, ssim_corners : float or None
        See `napari_blindspot.benchmark.metrics.Scores`.
    seconds : float or None
        Wall time of the method on the image, without the start of the process and the imports.
    peak_mb : float or None
        MiB: of the GPU where the method used one, else the process's peak resident memory.
    """

    scene: str
    capture: int
    method: str
    psnr: float | None = None
    si_psnr: float | None = None
    ssim: float | None = None
    seconds: float | None = None
    peak_mb: float | None = None
    psnr_corners: float | None = None
    ssim_corners: float | None = None

    @property
    def key(self) -> tuple[str, int, str]:
        """What identifies the row."""
        return self.scene, self.capture, self.method


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a row has no numbers, in one sentence; an empty method stands for a capture without a pair."""

    scene: str
    capture: str
    method: str
    reason: str


class ScoreTable:
    """The rows of a run, kept in a folder.

    Parameters
    ----------
    folder : Path
        Made if it does not exist.
    conditions : dict
        What must be equal for two runs to share a table: crop, seed and the like.

    Raises
    ------
    FileError
        If the folder has a table of other conditions, or cannot be read or written.
    """

    def __init__(self, folder: Path, conditions: dict[str, Any]) -> None:
        self.folder = folder
        self.rows: dict[tuple[str, int, str], ScoreRow] = {}
        self.failures: dict[tuple[str, str, str], Failure] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._check_conditions(conditions)
            self._read()
        except (OSError, ValueError, KeyError) as error:
            if isinstance(error, FileError):
                raise
            raise FileError(f"The results in {folder} cannot be read or written: {error}") from error

    def add(self, row: ScoreRow, reason: str | None = None) -> None:
        """Add or replace a row, with the reason if it has no numbers, and write the files."""
        self.rows[row.key] = row
        key = (row.scene, str(row.capture), row.method)
        self.failures.pop(key, None)
        if reason is not None:
            self.failures[key] = Failure(*key, reason)
        self._write()

    def note(self, problems: Iterable[str]) -> None:
        """Replace the problems that concern no method: raw images without truth and unreadable pairs."""
        self.failures = {key: failure for key, failure in self.failures.items() if failure.method}
        for number, problem in enumerate(problems):
            self.failures["", str(number), ""] = Failure("", "", "", problem)
        self._write()

    def _check_conditions(self, conditions: dict[str, Any]) -> None:
        path = self.folder / "run.json"
        if not path.exists():
            write_atomically(path, json.dumps(conditions, indent=2) + "\n")
            return
        before = json.loads(path.read_text(encoding="utf-8"))
        for name in {**before, **conditions}:
            if before.get(name) != conditions.get(name):
                raise FileError(
                    f"{self.folder} has the results of a run with {name} {before.get(name)}, this one has "
                    f"{conditions.get(name)}; give another --out or repeat those options."
                )

    def _read(self) -> None:
        path = self.folder / "results.csv"
        if path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                for line in csv.DictReader(file):
                    numbers = {name: float(line[name]) if line.get(name) else None for name in COLUMNS[3:]}
                    row = ScoreRow(line["scene"], int(line["capture"]), line["method"], **numbers)
                    self.rows[row.key] = row
        path = self.folder / "failures.csv"
        if path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                for number, line in enumerate(csv.DictReader(file)):
                    failure = Failure(**line)
                    capture = failure.capture if failure.method else str(number)
                    self.failures[failure.scene, capture, failure.method] = failure

    def _write(self) -> None:
        rows = [
            {name: _number(name, value) for name, value in asdict(row).items()}
            for row in self.rows.values()
        ]
        write_atomically(self.folder / "results.csv", _csv(COLUMNS, rows))
        path = self.folder / "failures.csv"
        if self.failures or path.exists():
            fields = ("scene", "capture", "method", "reason")
            write_atomically(path, _csv(fields, [asdict(failure) for failure in self.failures.values()]))


def _number(name: str, value: object) -> object:
    if value is None:
        return ""
    return f"{value:.{_DIGITS[name]}f}" if name in _DIGITS else value


def _csv(fields: tuple[str, ...], rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, fields, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader, or a crash, never sees half of it."""
    data = content.encode() if isinstance(content, str) else content
    with atomic_path(path, len(data)) as temporary:
        temporary.write_bytes(data)
