"""Curves and a table of what a soak leaves behind, for `hardening.md`.

BLINDSPOT_SOAK=200 BLINDSPOT_SOAK_LINES=soak.jsonl pytest -m endurance tests/widgets/test_soak.py
python docs/benchmarks/soak.py soak.jsonl docs/images/soak.png
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("agg")
from matplotlib import pyplot as plt

MEGABYTE = 1 << 20
CURVES = {
    "memory, MB": lambda line: line["memory"] / MEGABYTE,
    "threads": lambda line: line["threads"],
    "open files": lambda line: line["files"],
    "widgets": lambda line: line["widgets"],
    "objects, thousands": lambda line: line["objects"] / 1000,
}


def main(source: Path, target: Path) -> None:
    """Draw the curves, and print the table."""
    lines = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    fits = np.array([line["fit"] for line in lines])
    figure, axes = plt.subplots(1, len(CURVES), figsize=(11, 2.2), layout="constrained")
    for panel, (name, read) in zip(axes, CURVES.items(), strict=True):
        values = [read(line) for line in lines]
        panel.plot(fits, values, color="#3060c0")
        panel.set(title=name, xlabel="fits", ylim=(0, 1.15 * max(values)), xlim=(0, fits[-1]))
        panel.grid(alpha=0.3)
    figure.savefig(target, dpi=80)
    print(f"| after fits | {' | '.join(CURVES)} |\n| ---: |{' ---: |' * len(CURVES)}")
    for at in sorted({1, len(lines) // 25, *range(len(lines) // 4, len(lines) + 1, len(lines) // 4)} - {0}):
        found = [read(lines[at - 1]) for read in CURVES.values()]
        print(f"| {at} | " + " | ".join(f"{value:,.1f}".removesuffix(".0") for value in found) + " |")
    settled = lines[len(lines) // 4 :]
    for name, key, unit in (("memory", "memory", 1024), ("objects", "objects", 1)):
        slope = np.polyfit(np.arange(len(settled)), [line[key] / unit for line in settled], 1)[0]
        print(f"{name}: {slope:.1f}{' kB' * (unit > 1)} a fit from fit {settled[0]['fit']} on")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
