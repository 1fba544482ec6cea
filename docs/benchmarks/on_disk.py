"""Memory of napari while a stack that is larger goes to disk, is interrupted by a kill, and gone on with.

    xvfb-run -a python docs/benchmarks/on_disk.py --folder /tmp/on_disk [--side 2048]

opens a stack of 4.3 GB whose planes are made when they are asked for, presses Denoise in the real dock,
kills napari when half of the planes are on disk, presses Denoise again in a new one, and prints the largest
resident memory of both. Two planes hold an image and are fitted, shortly, with a refinement and with what
lies beside them: planes of the same image in black and white, which a run leaves as they are. All others
hold one value, and are left as they are, too: how much memory a fit takes depends on its plane and its
neighbours, and not on how many planes there are. The folder takes 9 GB meanwhile; with ``--until`` a few
planes of the same stack are taken, which is quicker.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil

BYTES = 2**32
"""Of the stack."""

BESIDE = 4
"""Planes on each side of one that is fitted, which show the same."""

NAME = "movie_denoised.ome.zarr"


def main() -> None:
    """Run napari twice, and say what was seen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--planes", type=int, help="As many as make 4.3 GB if not given.")
    parser.add_argument("--until", type=int, help="Kill napari for good when so many planes are on disk.")
    parser.add_argument("--in-napari", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.planes = options.planes or BYTES // (2 * options.side**2)
    taken = options.until or options.planes
    if options.in_napari:
        # One before napari is killed, one after.
        denoise(options.folder, options.side, options.planes, fitted=(BESIDE, 3 * taken // 4))
        return
    shutil.rmtree(options.folder, ignore_errors=True)
    options.folder.mkdir(parents=True)
    first = watch(options, until=taken // 2)
    second = watch(options, until=options.until)
    size = f"{options.side}×{options.side}, {options.planes * options.side**2 * 2 / 1e9:.1f} GB"
    print(f"{options.planes} planes of {size}")
    print(f"killed after {first['planes']} planes, {first['seconds']:.0f} s: {first['peak'] / 1e9:.2f} GB")
    print(f"gone on with, {second['seconds']:.0f} s: {second['peak'] / 1e9:.2f} GB")
    print(f"written again of those before: {second['again']}")
    if options.until is not None:
        return
    state = json.loads((options.folder / "end.json").read_text())
    print(state["message"])
    print(f"planes that were seen in the layer: {state['seen']}; neighbours of the fits: {state['beside']}")


def watch(options: argparse.Namespace, until: int | None) -> dict[str, float]:
    """Run napari until so many planes are on disk, or to its end, and follow its memory."""
    command = [
        sys.executable,
        __file__,
        "--in-napari",
        f"--folder={options.folder}",
        f"--side={options.side}",
        f"--planes={options.planes}",
        *([] if options.until is None else [f"--until={options.until}"]),
    ]
    kept = {path: path.stat().st_mtime_ns for path in options.folder.glob(f"{NAME}.planes/*.json")}
    begun = time.monotonic()
    process = subprocess.Popen(command)
    watched, peak, planes = psutil.Process(process.pid), 0, 0
    while process.poll() is None:
        try:
            peak = max(peak, sum(p.memory_info().rss for p in (watched, *watched.children(recursive=True))))
        except psutil.NoSuchProcess:
            break
        planes = sum(1 for _ in options.folder.glob(f"{NAME}.planes/*.json"))
        if until is not None and planes >= until:
            process.kill()
            process.wait()
        time.sleep(0.05)
    again = sum(path.exists() and path.stat().st_mtime_ns != time_ for path, time_ in kept.items())
    return {"peak": peak, "planes": planes, "seconds": time.monotonic() - begun, "again": again}


def denoise(folder: Path, side: int, planes: int, fitted: tuple[int, int]) -> None:
    """Denoise the stack in a viewer; two planes of it hold an image."""
    os.environ["NAPARI_CONFIG"] = ""
    import dask.array as da
    import napari
    import numpy as np
    from qtpy.QtWidgets import QApplication

    from napari_blindspot import Settings
    from napari_blindspot.widgets.denoise import DenoiseWidget

    def plane(block_info: dict) -> np.ndarray:
        number = block_info[None]["chunk-location"][0]
        nearest = min(abs(number - one) for one in fitted)
        if nearest > BESIDE:
            return np.full((1, side, side), 100 + number, np.uint16)
        y, x = np.mgrid[:side, :side].astype(np.float32)
        clean = 60 + 40 * np.sin(x / 9) * np.cos(y / 11)
        counts = np.random.default_rng(number).poisson(clean).astype(np.uint16)[None]
        return counts if nearest == 0 else np.where(counts > 60, 90, 30).astype(np.uint16)

    chunks = ((1,) * planes, (side,), (side,))
    movie = da.map_blocks(plane, chunks=chunks, dtype=np.uint16, meta=np.empty((0, 0, 0), np.uint16))
    viewer = napari.Viewer(show=False)
    viewer.add_image(
        movie, name="movie", axis_labels=("t", "y", "x"), contrast_limits=(0, 700), cache=False
    )
    widget = DenoiseWidget(viewer)
    viewer.window.add_dock_widget(widget)
    widget.scope.value = "stack"
    widget.keep.folder.value = str(folder)
    widget.keep.where.value = "disk"
    settings = Settings.from_preset("fast", iterations=4, refine_iterations=(4,), device="cpu")
    vars(widget.form)["settings"] = lambda: settings
    viewer.dims.set_current_step(0, 1)
    widget.run()
    while widget.session is not None:
        QApplication.processEvents()
        time.sleep(0.01)
    layer = viewer.layers["movie denoised"]
    seen = {number: int(np.asarray(layer.data[number]).max()) for number in (1, *fitted, planes - 1)}
    kept = layer.metadata["napari_blindspot"]["planes"]
    beside = {one: [notice["kind"] for notice in kept[one]["notices"]] for one in fitted}
    said = {"message": widget.status.message.value, "seen": seen, "beside": beside}
    (folder / "end.json").write_text(json.dumps(said))
    viewer.close()


if __name__ == "__main__":
    main()
