"""Every method on every image, each in a process of its own, with a time limit; resumes what is there.

The caller says what an image is (`ScoredImage`) and which methods take part, so that the FMD benchmark, the
ablation, the test on artificial noise and the timings are all the same run. Reports belong to
`napari_blindspot.benchmark.contest`.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_blindspot.benchmark.metrics import score
from napari_blindspot.benchmark.table import ScoreRow, ScoreTable, write_atomically
from napari_blindspot.core.errors import BlindspotError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from napari_blindspot.benchmark.method_protocol import Method

    Plane = npt.NDArray[np.float32]

__all__ = ["BenchmarkOptions", "MethodVariant", "ScoredImage", "estimate_path", "run_benchmark"]


class ScoredImage(Protocol):
    """A noisy image with its truth."""

    @property
    def scene(self) -> str:
        """What is seen."""

    @property
    def capture(self) -> int:
        """Which exposure, from 1."""

    def load(self, crop: int | None = None) -> tuple[Plane, Plane]:
        """Return noisy image and truth, (Y, X) float32 in [0, 255]."""


@dataclass(frozen=True, slots=True)
class MethodVariant:
    """A line of the table: a method under a name, perhaps with other settings.

    Attributes
    ----------
    name : str
        In the column ``method``.
    method : Method
        Who computes it.
    overrides : dict
        Settings in place of the preset's.
    python : str
        The interpreter to run it with: a peer that cannot be installed beside the others has its own.
    busy : int
        Other processes that compute all the time meanwhile.
    """

    name: str
    method: Method
    overrides: dict[str, Any] = field(default_factory=dict)
    python: str = sys.executable
    busy: int = 0


@dataclass(frozen=True, slots=True)
class BenchmarkOptions:
    """What holds for all methods of a run.

    Attributes
    ----------
    crop : int, optional
        Central crop in pixels.
    seed : int
    device : str
    iterations : int, optional
        In place of every learning method's own number.
    timeout : float, optional
        Seconds for a method on an image, imports included.
    retry_failed : bool
        Try again what failed in an earlier run.
    """

    crop: int | None = None
    seed: int = 0
    device: str = "auto"
    iterations: int | None = None
    timeout: float | None = None
    retry_failed: bool = False

    def conditions(self) -> dict[str, Any]:
        """Return what must be the same for results to share a table."""
        return {name: getattr(self, name) for name in ("crop", "seed", "device", "iterations")}


def run_benchmark(
    images: Sequence[ScoredImage],
    variants: Sequence[MethodVariant],
    table: ScoreTable,
    options: BenchmarkOptions,
    echo: Callable[[str], object] = lambda line: None,
    problems: Sequence[str] = (),
) -> None:
    """Fill the table; what is in it already is not computed again.

    Parameters
    ----------
    images, variants : sequence
        Every variant is run on every image, image by image.
    table : ScoreTable
        Written after every result.
    options : BenchmarkOptions
        What holds for all of them.
    echo : callable
        Gets one line about every result.
    problems : sequence of str
        What was wrong with the data from the start; goes into ``failures.csv``.
    """
    problems = list(problems)
    table.note(problems)
    total, number = len(images) * len(variants), 0
    for image in images:
        todo = [variant for variant in variants if not _is_done(table, image, variant, options)]
        number += len(variants) - len(todo)
        if not todo:
            continue
        try:
            noisy, truth = image.load(options.crop)
        except BlindspotError as error:
            number += len(todo)
            problems.append(f"{image.scene}, capture {image.capture}: {error}")
            table.note(problems)
            echo(problems[-1])
            continue
        for variant in todo:
            number += 1
            row, reason = _compute(image, noisy, truth, variant, table.folder, options)
            table.add(row, reason)
            echo(
                f"[{number}/{total}] {image.scene} {image.capture} {variant.name}: {_describe(row, reason)}"
            )


def estimate_path(folder: Path, scene: str, capture: int, name: str) -> Path:
    """Return where an estimate is kept for the contact sheet."""
    return folder / "estimates" / f"{scene}_{capture}_{name}.npy"


def _is_done(
    table: ScoreTable, image: ScoredImage, variant: MethodVariant, options: BenchmarkOptions
) -> bool:
    row = table.rows.get((image.scene, image.capture, variant.name))
    return row is not None and (row.psnr is not None or not options.retry_failed)


def _compute(
    image: ScoredImage,
    noisy: Plane,
    truth: Plane,
    variant: MethodVariant,
    folder: Path,
    options: BenchmarkOptions,
) -> tuple[ScoreRow, str | None]:
    """Run one variant on one image; a failure is a row without numbers and its reason."""
    failed = ScoreRow(image.scene, image.capture, variant.name)
    with tempfile.TemporaryDirectory(prefix="napari-blindspot-") as name:
        place = Path(name)
        job = {
            "method": asdict(variant.method),
            "busy": variant.busy,
            "request": {
                "method": variant.method.name,
                "device": options.device,
                "seed": options.seed,
                "iterations": options.iterations,
                "overrides": variant.overrides,
            },
        }
        (place / "job.json").write_text(json.dumps(job), encoding="utf-8")
        np.save(place / "noisy.npy", noisy)
        if variant.method.sees_truth:
            np.save(place / "truth.npy", truth)
        outcome = _run_worker(variant.python, place, options.timeout)
        if "error" in outcome:
            return failed, outcome["error"]
        estimate = np.load(place / "estimate.npy")
    try:
        scores = score(estimate, truth)
    except BlindspotError as error:
        return failed, str(error)
    path = estimate_path(folder, image.scene, image.capture, variant.name)
    path.parent.mkdir(exist_ok=True)
    buffer = io.BytesIO()
    np.save(buffer, estimate)
    write_atomically(path, buffer.getvalue())
    return replace(failed, **asdict(scores), **outcome), None


def _run_worker(python: str, place: Path, timeout: float | None) -> dict[str, Any]:
    """Start the worker, wait, and make sure that neither it nor its children outlive the call."""
    command = [python, "-m", "napari_blindspot.benchmark.worker", str(place)]
    with (place / "log.txt").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            return {"error": f"It took longer than the limit of {timeout:g} s."}
        finally:
            if process.poll() is None:
                _kill(process)
    path = place / "outcome.json"
    if path.exists():
        outcome: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return outcome
    lines = (place / "log.txt").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    reason = f" {lines[-1]}" if lines else ""
    if code == -9:
        reason = " The system killed it, most likely for want of memory."
    return {"error": f"The process ended with code {code} and no result.{reason}"}


def _kill(process: subprocess.Popen[bytes]) -> None:
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _describe(row: ScoreRow, reason: str | None) -> str:
    if reason is not None:
        return f"failed. {reason}"
    return f"{row.psnr:.2f} dB, SSIM {row.ssim:.3f}, {row.seconds:.1f} s, {row.peak_mb:.0f} MB"
