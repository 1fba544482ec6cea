import csv
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from benchmark_data import save, smooth

from napari_blindspot.benchmark.methods import available_methods
from napari_blindspot.benchmark.pairs import find_pairs
from napari_blindspot.benchmark.report import ScoreReport, write_report
from napari_blindspot.benchmark.runner import BenchmarkOptions, MethodVariant, estimate_path, run_benchmark
from napari_blindspot.benchmark.table import COLUMNS, ScoreRow, ScoreTable
from napari_blindspot.core.errors import FileError


def variants(*names):
    known = available_methods()
    return [MethodVariant(name, known[name]) for name in names]


def lines(folder, name="results.csv"):
    with (folder / name).open(newline="") as file:
        return list(csv.DictReader(file))


def run_here(root, out, *names, options=None):
    options = options or BenchmarkOptions()
    said = []
    found = find_pairs(root)
    table = ScoreTable(out, options.conditions())
    run_benchmark(found.pairs, variants(*names), table, options, said.append, found.problems)
    return said


def test_every_method_is_scored_on_every_capture(flat, tmp_path):
    said = run_here(flat, tmp_path / "out", "noisy", "gaussian-oracle")
    rows = lines(tmp_path / "out")
    names = "scene capture method psnr si_psnr ssim seconds peak_mb psnr_corners ssim_corners"
    assert tuple(rows[0]) == COLUMNS == tuple(names.split())
    assert len(rows) == len(said) == 6
    psnr = {(row["scene"], row["capture"], row["method"]): float(row["psnr"]) for row in rows}
    for scene, capture in (("Confocal_A_fov1", "1"), ("WideField_B_fov19", "2")):
        assert psnr[scene, capture, "gaussian-oracle"] > psnr[scene, capture, "noisy"] + 5
    assert all(5 < float(row["peak_mb"]) < 2000 and float(row["seconds"]) >= 0 for row in rows)
    kept = np.load(estimate_path(tmp_path / "out", "Confocal_A_fov1", 1, "noisy"))
    np.testing.assert_array_equal(kept, find_pairs(flat).pairs[0].load()[0])


def test_what_is_done_is_not_computed_again(flat, tmp_path, in_this_process):
    out = tmp_path / "out"
    run_here(flat, out, "noisy")
    before = (out / "results.csv").read_bytes()
    assert run_here(flat, out, "noisy") == []
    assert (out / "results.csv").read_bytes() == before
    said = run_here(flat, out, "noisy", "gaussian-oracle")
    assert len(said) == 3
    assert all(" gaussian-oracle: " in line for line in said)
    assert [row for row in lines(out) if row["method"] == "noisy"] == lines_of(before)


def lines_of(content):
    return list(csv.DictReader(content.decode().splitlines()))


def test_a_run_that_was_killed_goes_on_where_it_was(flat, tmp_path):
    out = tmp_path / "out"
    code = (
        "import sys; from napari_blindspot.benchmark.cli import app\n"
        "options = ['--device', 'cpu', '--methods', 'noisy,gaussian-oracle']\n"
        "app(['fmdd', sys.argv[1], '--out', sys.argv[2], *options])"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(flat), str(out)], start_new_session=True)
    deadline = time.monotonic() + 60
    while not (out / "results.csv").exists() or len(lines(out)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = lines(out)
    said = run_here(flat, out, "noisy", "gaussian-oracle", options=BenchmarkOptions(device="cpu"))
    rows = lines(out)
    assert len(said) == 6 - len(before)
    assert rows[: len(before)] == before
    assert len({(row["scene"], row["capture"], row["method"]) for row in rows}) == len(rows) == 6


def test_results_of_other_conditions_are_not_mixed(flat, tmp_path, in_this_process):
    run_here(flat, tmp_path / "out", "noisy")
    with pytest.raises(FileError, match="has the results of a run with crop None, this one has 32"):
        run_here(flat, tmp_path / "out", "noisy", options=BenchmarkOptions(crop=32))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("raises", "ValueError: no patience left"),
        ("dies", "The process ended with code 3 and no result."),
        ("nans", "4096 of 4096 pixels of the estimate are not finite."),
    ],
)
def test_a_peer_that_fails_gets_one_line_and_the_rest_goes_on(flat, tmp_path, misbehaving, name, reason):
    out = tmp_path / "out"
    run_here(flat, out, name, "noisy")
    failed = [row for row in lines(out) if row["method"] == name]
    assert len(failed) == 3
    assert all(row["psnr"] == row["ssim"] == row["seconds"] == row["peak_mb"] == "" for row in failed)
    assert {row["reason"] for row in lines(out, "failures.csv")} == {reason}
    assert all(row["psnr"] for row in lines(out) if row["method"] == "noisy")


def test_a_peer_that_takes_too_long_is_ended(flat, tmp_path, misbehaving):
    out = tmp_path / "out"
    for capture in (flat / "raw").glob("WideField*"):
        capture.unlink()
    start = time.monotonic()
    run_here(flat, out, "sleeps", "noisy", options=BenchmarkOptions(timeout=6.0))
    assert time.monotonic() - start < 60
    assert {row["reason"] for row in lines(out, "failures.csv")} == {
        "It took longer than the limit of 6 s."
    }
    assert sum(row["psnr"] != "" for row in lines(out)) == 1


def test_failures_stay_until_they_are_asked_for_again(flat, tmp_path, misbehaving):
    out = tmp_path / "out"
    run_here(flat, out, "dies")
    assert run_here(flat, out, "dies") == []
    assert len(run_here(flat, out, "dies", options=BenchmarkOptions(retry_failed=True))) == 3


def test_a_pair_that_cannot_be_loaded_gets_one_line_and_the_rest_goes_on(flat, tmp_path, in_this_process):
    out = tmp_path / "out"
    save(flat / "gt" / "Confocal_A_fov1.png", smooth((64, 60)))
    save(flat / "raw" / "Lonely.png", smooth())
    run_here(flat, out, "noisy")
    assert len(lines(out)) == 2
    reasons = [row["reason"] for row in lines(out, "failures.csv")]
    assert reasons[0].startswith("Lonely.png has no truth")
    assert reasons[1].startswith("Confocal_A_fov1, capture 1: The sizes differ")


def test_a_report_says_which_scenes_were_developed_on_and_how_sure_its_means_are(tmp_path):
    table = ScoreTable(tmp_path, {})
    scenes = {
        "WideField_BPAE_R": 30.0,
        "WideField_BPAE_G": 34.0,
        "Confocal_FISH": 38.0,
        "Confocal_MICE_fov1": 42.0,
    }
    for scene, psnr in scenes.items():
        table.add(ScoreRow(scene, 1, "noisy", psnr, psnr + 1, 0.9, 1.0, 50.0, psnr + 0.1, 0.8))
    write_report(table, ScoreReport("FMDD", ["noisy"], BenchmarkOptions(), names_development=True))
    said = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert "developed on these scenes: Confocal_MICE_fov1, WideField_BPAE_R." in said
    line = next(line for line in said.splitlines() if line.startswith("| noisy") and " to " in line)
    _, psnr, _, others, corners = (cell.strip() for cell in line.strip("|").split("|"))
    low, high = (float(end) for end in psnr.split(" to "))
    assert 30.0 < low < 33.0 < 39.0 < high < 42.0
    assert others == "36.00 / 37.00 / 0.900"
    assert corners == "36.10 / 0.800"


def test_a_table_of_an_earlier_version_has_no_corners(tmp_path):
    (tmp_path / "results.csv").write_text(
        "scene,capture,method,psnr,si_psnr,ssim,seconds,peak_mb\nA,1,noisy,30.0,31.0,0.9,1.0,50.0\n"
    )
    (row,) = ScoreTable(tmp_path, {}).rows.values()
    assert (row.psnr, row.psnr_corners) == (30.0, None)
