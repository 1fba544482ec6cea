"""In a window that is really drawn, in a program of its own: fluidity, and leaving."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from small import run_program, skip_if_busy

PROGRAMS = Path(__file__).parents[1] / "programs"

pytestmark = [pytest.mark.display, pytest.mark.slow, pytest.mark.alone, pytest.mark.endurance]


@pytest.mark.parametrize("kind", ["plane", "stack", "stack-3d"])
def test_the_window_stays_fluid_during_a_fit(kind):
    skip_if_busy()
    figures = json.loads(run_program(PROGRAMS / "heartbeat.py", 16, kind).stdout.splitlines()[-1])
    idle, fit = figures["idle"], figures["fit"]
    print(f"\nidle: {idle}\nfit:  {fit}\na layer alone: {figures['layer']} ms")
    if idle["p99"] > 60 or idle["max"] > 150:
        pytest.skip(f"this computer is too busy to measure: without a fit, beats were late by {idle}")
    assert fit["layers"] == 2
    assert fit["beats"] > 200
    assert fit["within_100_ms"] >= 0.99
    # The longest beats are those in which napari makes a layer, beside a fit that has its cores as well.
    assert fit["max"] <= max(300, 2 * figures["layer"])


def time_to_leave(state: str) -> tuple[float, float]:
    """Seconds from closing the window until napari has ended, and until its process has."""
    done = run_program(PROGRAMS / "close_during_a_run.py", state)
    now = time.time()
    assert "Traceback" not in done.stderr
    closed, ended = (float(line) for line in done.stdout.splitlines()[-2:])
    return ended - closed, now - closed


def test_napari_leaves_within_two_seconds_when_its_window_is_closed_during_a_run():
    _, process_without = time_to_leave("idle")
    napari_ended, process_ended = time_to_leave("run")
    print(
        f"\nnapari: {napari_ended:.2f} s, process: {process_ended:.2f} s ({process_without:.2f} s without)"
    )
    assert napari_ended < 2.0
    # What Python takes to unload napari and torch is not the run's.
    assert process_ended < 2.0 + process_without
