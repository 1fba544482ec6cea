"""How long the import, the command line and the docks take to be there, for `speed.md`.

python docs/benchmarks/start.py --repeat 5

Each start is a process of its own. The docks are opened in a napari that is there already and is not shown.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time

COMMAND = "from napari_blindspot.cli.app import app; app({})"
PROGRAMS = {
    "Python alone": ("-c", "pass"),
    "`import napari_blindspot`": ("-c", "import napari_blindspot"),
    "`napari-blindspot --help`": ("-c", COMMAND.format(["--help"])),
    "`napari-blindspot denoise --help`": ("-c", COMMAND.format(["denoise", "--help"])),
}
DOCKS = ("Denoise", "Batch denoise", "Inspect")


def used_by(arguments: tuple[str, ...]) -> tuple[float, float]:
    """Return the seconds that a program of Python lasts, and those of one core that it uses."""
    begin, before = time.perf_counter(), os.times()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    busy = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - begin, busy


def open_docks() -> None:
    """Print the seconds, and those of one core, that napari and each dock need, as JSON."""
    spent: dict[str, tuple[float, float]] = {}
    last = (time.perf_counter(), time.process_time())

    def lap(name: str) -> None:
        nonlocal last
        now = (time.perf_counter(), time.process_time())
        spent[name] = (now[0] - last[0], now[1] - last[1])
        last = now

    os.environ["NAPARI_CONFIG"] = ""
    import napari
    from qtpy.QtWidgets import QApplication

    viewer = napari.Viewer(show=False)
    QApplication.processEvents()
    lap("an empty napari")
    for name in DOCKS:
        viewer.window.add_plugin_dock_widget("napari-blindspot", name)
        QApplication.processEvents()
        lap(f"the dock {name} in it")
    print(json.dumps(spent))
    # Nothing is to be closed in order; the process ends.
    sys.stdout.flush()
    os._exit(0)


def main() -> None:
    """Start everything again and again, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--docks", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.docks:
        open_docks()
    seen: dict[str, list[tuple[float, float]]] = {}
    for _ in range(options.repeat):
        for name, arguments in PROGRAMS.items():
            seen.setdefault(name, []).append(used_by(arguments))
        again = [sys.executable, __file__, "--docks"]
        docks = subprocess.run(again, check=True, capture_output=True, text=True)
        for name, spent in json.loads(docks.stdout.splitlines()[-1]).items():
            seen.setdefault(name, []).append(spent)
    print("| start of | seconds | of one core |\n| --- | ---: | ---: |")
    for name, times in seen.items():
        # The least of several: whatever else the machine does can only add to it.
        print(f"| {name} | {min(wall for wall, _ in times):.2f} | {min(busy for _, busy in times):.2f} |")


if __name__ == "__main__":
    main()
