"""What a run costs: parameters, FLOPs, seconds and memory against image size and iterations (Table 2).

Every timing is a process of its own (`napari_blindspot.benchmark.worker`), one after another, with the wall
time of BM3D on the same images beside it. FLOPs are counted, not measured: torch's counter sees every
convolution and matrix product of one more iteration, and of one more pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.benchmark.methods import available_methods
from napari_blindspot.benchmark.report import markdown_table
from napari_blindspot.benchmark.runner import Entry
from napari_blindspot.settings import PRESETS, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from napari_blindspot.benchmark.table import Row, Table

    Plane = npt.NDArray[np.float32]

__all__ = ["Cost", "SpeedSample", "count_cost", "growth_exponent", "speed_entries", "speed_tables"]

SIZES = (128, 256, 512)
SHARES = (0.5, 1.0)
"""Of the iterations of a preset; two, so that the growth with them is seen."""


@dataclass(frozen=True, slots=True)
class SpeedSample:
    """A synthetic confocal image of one size."""

    size: int
    seed: int
    capture: int = 1

    @property
    def scene(self) -> str:
        """The size in words, as it stands in the table."""
        return f"{self.size}x{self.size}"

    def load(self, crop: int | None = None) -> tuple[Plane, Plane]:
        """Return noisy and clean image."""
        from napari_blindspot.samples import confocal

        sample = confocal((self.size, self.size), self.seed)
        scale = 255.0 / float(sample.noisy.max())
        noisy = (sample.noisy * scale).astype(np.float32)
        return noisy, (sample.truth * scale).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one preset has to compute on one size.

    Attributes
    ----------
    parameters : int
        Trainable numbers of both networks.
    iteration, prediction : float
        FLOPs of one more iteration and one more pass; a multiply-add is two, while the paper counts MACs.
    """

    parameters: int
    iteration: float
    prediction: float


def count_cost(preset: str, size: int) -> Cost:
    """Count the FLOPs of an iteration and a pass as differences between very short runs on the CPU.

    Rounds of refinement are left out.
    """
    from torch.utils.flop_counter import FlopCounterMode

    from napari_blindspot.engine.fit import fit_plane
    from napari_blindspot.events import Started

    noisy, _ = SpeedSample(size, 0).load()
    parameters = 0

    def flops(iterations: int, passes: int) -> float:
        nonlocal parameters
        settings = Settings.from_preset(
            preset, iterations=iterations, passes=passes, refine_iterations=(), device="cpu"
        )
        with FlopCounterMode(display=False) as counter:
            for event in fit_plane(noisy, settings):
                if isinstance(event, Started):
                    parameters = event.parameters
        return float(counter.get_total_flops())

    least = flops(1, 1)
    return Cost(
        iteration=flops(2, 1) - least,
        prediction=flops(1, 2) - least,
        parameters=parameters,
    )


def speed_entries(names: Sequence[str] | None, iterations: int | None) -> list[Entry]:
    """Return every preset at two numbers of iterations, and the bm3d package.

    Parameters
    ----------
    names : sequence of str, optional
        Presets and peers; all presets and ``bm3d-vst`` if not given.
    iterations : int, optional
        In place of the presets' own numbers.
    """
    known = available_methods()
    entries = []
    for name in names if names is not None else (*PRESETS, "bm3d-vst"):
        method = known[name]
        if name not in PRESETS:
            entries.append(Entry(name, method))
            continue
        usual = iterations or Settings.from_preset(name).iterations
        for share in SHARES:
            count = max(1, round(usual * share))
            entries.append(Entry(f"{name}, {count} iterations", method, {"iterations": count}))
    return entries


def growth_exponent(sizes: Iterable[float], seconds: Iterable[float]) -> float:
    """Fit seconds = c * pixels ** exponent by least squares on logarithms; NaN for fewer than two sizes."""
    x, y = np.log(np.asarray(list(sizes)) ** 2), np.log(np.asarray(list(seconds)))
    return float(np.polyfit(x, y, 1)[0]) if len(x) > 1 else float("nan")


def speed_tables(table: Table, names: Sequence[str], costs: dict[tuple[str, int], Cost]) -> str:
    """Return the Markdown: FLOPs a size, then seconds, memory and growth."""
    rows = {(row.method, row.scene): row for row in table.rows.values() if row.seconds is not None}
    sizes = sorted({int(scene.split("x")[0]) for _, scene in rows})
    counted = [
        [
            preset,
            f"{size}²",
            f"{cost.parameters / 1e6:.3f}",
            f"{cost.iteration / 1e9:.2f}",
            f"{cost.prediction / 1e9:.2f}",
            f"{cost.prediction / 2e9:.2f}",
        ]
        for (preset, size), cost in costs.items()
    ]
    header = ["preset", "size", "M parameters", "GFLOP an iteration", "GFLOP a pass", "GMAC a pass"]
    timed = [
        [name, *(_cell(rows.get((name, f"{n}x{n}"))) for n in sizes), _growth(rows, name)] for name in names
    ]
    parts = ["## What is computed", markdown_table(header, counted)] if counted else []
    parts += [
        "## Seconds / MB for the whole run",
        markdown_table(["method", *(f"{n}²" for n in sizes), "exponent in pixels"], timed),
    ]
    return "\n\n".join(parts)


def _cell(row: Row | None) -> str:
    return "–" if row is None else f"{row.seconds:.1f} / {row.peak_mb:.0f}"


def _growth(rows: dict[tuple[str, str], Row], name: str) -> str:
    mine = [
        (int(scene.split("x")[0]), row.seconds) for (method, scene), row in rows.items() if method == name
    ]
    exponent = growth_exponent((n for n, _ in mine), (s for _, s in mine if s is not None))
    return "–" if np.isnan(exponent) else f"{exponent:.2f}"
