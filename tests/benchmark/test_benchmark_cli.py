import csv
import functools
import importlib.util
import re
import subprocess
import sys

import numpy as np
import psutil
import pytest
from benchmark_data import save, smooth
from skimage.io import imread
from torch.utils.flop_counter import FlopCounterMode
from typer.testing import CliRunner

from napari_blindspot import Settings, denoise, samples
from napari_blindspot.benchmark.cli import app
from napari_blindspot.benchmark.cost import count_cost
from napari_blindspot.benchmark.planes_alike import planes_alike
from napari_blindspot.benchmark.profile import time_phases
from napari_blindspot.benchmark.published import FMDD
from napari_blindspot.benchmark.speed import SpeedImage, SpeedOptions, measure_speed
from napari_blindspot.benchmark.speed_tables import speed_tables
from napari_blindspot.benchmark.table import ScoreRow, ScoreTable
from napari_blindspot.engine import networks, schedule
from napari_blindspot.noise import gap_choice
from napari_blindspot.noise.beside import likeness
from napari_blindspot.noise.shared_noise import shared_noise
from napari_blindspot.settings import _PRESETS, MeasuredSettings, _Preset


@pytest.fixture
def call(tmp_path):
    def call(*arguments):
        return CliRunner().invoke(app, [*map(str, arguments), "--out", str(tmp_path / "out")])

    return call


def rows(tmp_path):
    with (tmp_path / "out" / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_fmdd_writes_table_report_and_contact_sheet(call, flat, tmp_path):
    result = call("fmdd", flat, "--methods", "noisy,gaussian-oracle", "--captures", 1, "--crop", 48)
    assert result.exit_code == 0, result.output
    assert len(rows(tmp_path)) == 4
    report = (tmp_path / "out" / "results.md").read_text()
    assert "**central 48×48 crop**" in report
    means = re.findall(
        r"\| (noisy|gaussian-oracle) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|.*\| 2 \|", report
    )
    measured = [float(row["psnr"]) for row in rows(tmp_path) if row["method"] == "noisy"]
    assert float({m[0]: m[1] for m in means}["noisy"]) == pytest.approx(np.mean(measured), abs=0.006)
    before, published = report.split("## Published, not measured here")
    assert all(row.method in published for row in FMDD)
    assert "Quan et al." not in before
    sheet = imread(tmp_path / "out" / "contact_sheet.png")
    # noisy, one method, truth; two scenes of two rows
    assert sheet.shape[1] > 3 * 48 and sheet.shape[0] > 4 * 48
    assert sheet.std() > 10


def test_means_are_over_captures_first_and_then_over_scenes(call, flat, tmp_path, in_this_process):
    assert call("fmdd", flat, "--methods", "noisy").exit_code == 0
    psnr = {(row["scene"], row["capture"]): float(row["psnr"]) for row in rows(tmp_path)}
    wide = np.mean([psnr["WideField_B_fov19", "1"], psnr["WideField_B_fov19", "2"]])
    mean = np.mean([psnr["Confocal_A_fov1", "1"], wide])
    report = (tmp_path / "out" / "results.md").read_text()
    assert f"| noisy | {mean:.2f} |" in report
    assert re.search(rf"\| method \| Confocal \| WideField \|\n.*\n\| noisy \| .* \| {wide:.2f} /", report)


def test_other_methods_join_the_rows_that_are_there(call, flat, tmp_path, in_this_process):
    call("fmdd", flat, "--methods", "noisy")
    call("fmdd", flat, "--methods", "gaussian-oracle")
    assert {row["method"] for row in rows(tmp_path)} == {"noisy", "gaussian-oracle"}
    report = (tmp_path / "out" / "results.md").read_text()
    assert "| noisy |" in report and "| gaussian-oracle |" in report


def test_what_is_missing_stands_in_the_report(call, flat, tmp_path, misbehaving, monkeypatch):
    save(flat / "raw" / "Lonely.png", smooth())
    result = call("fmdd", flat, "--methods", "noisy,raises", "--captures", 1)
    assert result.exit_code == 0
    report = (tmp_path / "out" / "results.md").read_text()
    assert "- Lonely.png has no truth" in report
    assert "- raises on Confocal_A_fov1, capture 1: ValueError: no patience left" in report
    assert "| raises | – | – | – | – | – | **0 of 2** |" in report


def test_without_scikit_image_the_benchmark_names_the_extra_that_brings_it(call, flat, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "skimage" else find(name, *rest)
    )
    result = call("fmdd", flat, "--methods", "noisy")
    assert result.exit_code == 2
    assert "needs the package scikit-image" in result.output
    assert "napari-blindspot[bench]" in result.output


def test_a_peer_that_is_not_installed_is_skipped_with_one_line(
    call, flat, tmp_path, monkeypatch, in_this_process
):
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "bm3d" else found(name))
    result = call("fmdd", flat, "--methods", "noisy,bm3d", "--captures", 1)
    assert result.exit_code == 0
    line = "bm3d is skipped: bm3d is not installed (pip install 'napari-blindspot[bench]')."
    assert line in result.output
    assert f"- {line}" in (tmp_path / "out" / "results.md").read_text()
    assert {row["method"] for row in rows(tmp_path)} == {"noisy"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--methods", "magic"), "There is no method 'magic'; choose from: noisy, gaussian-oracle"),
        (("--methods", ","), "--methods names nothing"),
        (("--device", "tpu"), "There is no device 'tpu'; choose one of: auto, cuda, mps, cpu."),
    ],
)
def test_bad_options_are_answered_with_one_sentence(call, flat, arguments, sentence):
    result = call("fmdd", flat, *arguments)
    assert result.exit_code == 2
    assert result.output.startswith(sentence)
    assert len(result.output.splitlines()) == 1


def test_an_unknown_scene_or_table_is_answered_with_what_there_is(call, flat):
    result = call("fmdd", flat, "--scenes", "Confocal,Electron")
    assert result.exit_code == 2
    assert (
        "No scene begins with 'Electron'; there are: Confocal_A_fov1, WideField_B_fov19." in result.output
    )
    result = call("paper", flat, "--tables", "7")
    assert result.exit_code == 2
    assert "There is no table '7'; choose from: 1, 2, 3, 4, 5, 6, readings." in result.output


def test_the_papers_first_table_has_the_published_row_beside_the_presets(call, flat, tmp_path, quick_paper):
    arguments = ("paper", flat, "--scenes", "Confocal", "--crop", 32, "--iterations", 1, "--device", "cpu")
    result = call(*arguments)
    assert result.exit_code == 0, result.output
    folder = tmp_path / "out" / "table1"
    with (folder / "results.csv").open(newline="") as file:
        scored = {(row["scene"], row["method"]) for row in csv.DictReader(file)}
    assert scored == {("Confocal_A_fov1", "noisy"), ("Confocal_A_fov1", "paper")}
    report = (folder / "results.md").read_text()
    assert "| implicit neural sampling (this method) | 33.95 | 0.885 |" in report
    # Once more computes nothing.
    assert "[" not in call(*arguments).output


def test_a_folder_without_pairs_is_answered_with_one_sentence(call, tmp_path):
    (tmp_path / "empty").mkdir()
    result = call("fmdd", tmp_path / "empty")
    assert result.exit_code == 2
    assert result.output.startswith("There is no pair of a raw image and its truth in")


def test_awgn_adds_noise_of_the_asked_strength(call, tmp_path, in_this_process):
    save(tmp_path / "clean" / "field.png", smooth((96, 96)))
    result = call("awgn", tmp_path / "clean", "--methods", "noisy,gaussian-oracle", "--sigma", 25)
    assert result.exit_code == 0, result.output
    psnr = {row["method"]: float(row["psnr"]) for row in rows(tmp_path)}
    assert psnr["noisy"] == pytest.approx(20 * np.log10(255 / 25), abs=0.3)
    assert psnr["gaussian-oracle"] > psnr["noisy"] + 5


def test_awgn_has_images_of_its_own():
    from napari_blindspot.benchmark.awgn import find_images

    images = find_images(None, 25.0, 0)
    assert len(images) == 7
    noisy, clean = images[0].load(64)
    again, _ = images[0].load(64)
    assert noisy.shape == clean.shape == (64, 64)
    np.testing.assert_array_equal(noisy, again)
    assert float((noisy - clean).std()) == pytest.approx(25, abs=2)


def test_the_ablation_runs_each_variant_once_and_groups_them(call, flat, tmp_path, quick_paper):
    for capture in (1, 2):
        (flat / "raw" / f"WideField_B_fov19_{capture}.png").unlink()
    arguments = ("ablation", flat, "--crop", 32, "--iterations", 2, "--device", "cpu")
    result = call(*arguments, "--studies", "losses,dilation")
    assert result.exit_code == 0, result.output
    done = [row["method"] for row in rows(tmp_path)]
    assert sorted(done) == sorted(
        ["paper", "L_dn", "L_dn+L_inr", "L_dn+L_mc", "dilation=0", "dilation=2", "dilation=3"]
    )
    assert all(row["psnr"] for row in rows(tmp_path))
    report = (tmp_path / "out" / "results.md").read_text()
    assert "## Loss terms (Table 4)" in report and "## Dilation (Table 5)" in report


@pytest.mark.slow
def test_speed_measures_growth_and_counts_flops(call, tmp_path, in_this_process, few_passes):
    result = call(
        *("speed", "--methods", "paper,bm3d", "--sizes", "32,64", "--iterations", 2, "--device", "cpu"),
        "--profile",
    )
    assert result.exit_code == 0, result.output
    report = (tmp_path / "out" / "results.md").read_text()
    counted = re.findall(r"\| paper \| (\d+)² \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|", report)
    (_, parameters, step, one_pass, macs), (_, _, larger_step, *_) = counted
    assert 0.98 < float(parameters) < 1.01
    assert float(larger_step) == pytest.approx(4 * float(step), rel=0.15)
    assert float(step) == pytest.approx(3 * float(one_pass), rel=0.15)
    assert float(macs) == pytest.approx(float(one_pass) / 2, abs=0.02)
    assert re.search(r"\| paper \| [\d.]+ / \d+ \| [\d.]+ / \d+ \| -?[\d.]+ \|", report)
    # The ratio to a package that is not installed is left out.
    ratio = re.search(r"Times the seconds of bm3d, .*\n.*\n.*\n.*\n\| paper \| [\d.]+ \| [\d.]+ \|", report)
    assert bool(ratio) == bool(importlib.util.find_spec("bm3d"))
    phases = dict(re.findall(r"\| ([a-z ]+) \| ([\d.]+) s, \d+% \|", report))
    assert list(phases) == ["joint fit", "prediction", "the rest", "whole"]
    fit, prediction, rest, whole = (float(seconds) for seconds in phases.values())
    assert fit > 0 and prediction > 0
    # The parts add up to the whole however badly they are counted; what none of them counts must be little.
    assert rest < 0.3 * whole


def test_the_profile_of_a_measured_run_has_all_of_its_phases():
    image, _ = SpeedImage(64, 0).load()
    settings = Settings.from_preset("fast", device="cpu", iterations=12, refine_iterations=(4,))
    seconds = time_phases(image, settings)
    whole = seconds.pop("whole")
    assert list(seconds) == [
        "measuring the noise",
        "blind fit",
        "blind prediction",
        "refinement",
        "prediction",
        "intensities given back",
        "the rest",
    ]
    assert all(phase > 0 for phase in seconds.values())
    assert seconds["the rest"] < 0.3 * whole


ROUNDS, EVERY = {"WHITE_ROUNDS": (6,), "CORRELATED_ROUNDS": (4, 2)}, 3
FAST = {"iterations": 20, "symmetries": 2}
SIDE = 64


@pytest.fixture(scope="module")
def short_phases():
    """Fewer iterations in every phase, and more of the INR among the few that are counted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(_PRESETS, "fast", _Preset(MeasuredSettings, FAST))
        for name, rounds in ROUNDS.items():
            patch.setattr(gap_choice, name, rounds)
        for module in (networks, schedule):
            patch.setattr(module, "INR_EVERY", EVERY)
        yield


@pytest.fixture(scope="module")
def cost_of(short_phases):
    """The counted cost of a run of the preset "fast", counted once for each image."""
    return functools.cache(lambda make: count_cost("fast", make((SIDE, SIDE)).noisy))


@pytest.mark.slow
def test_speed_counts_the_refinement_and_the_inr_of_a_measured_run(cost_of):
    cost = cost_of(samples.confocal)
    # Two patches once; against one of them twice with noise and once blindly, and many more lessons.
    assert 1.5 < cost.refinement / cost.iteration < 5
    refined = sum(ROUNDS["WHITE_ROUNDS"])
    fit = Settings.from_preset("fast").iterations * cost.iteration + refined * cost.refinement
    assert fit < cost.whole < 1.2 * fit
    assert 0.03 < cost.inr / cost.whole < 0.9


@pytest.mark.slow
@pytest.mark.parametrize("make", [samples.confocal, samples.wide_field])
def test_the_counted_cost_of_a_run_is_what_a_whole_run_computes(make, cost_of):
    image = make((SIDE, SIDE)).noisy
    with FlopCounterMode(display=False) as counter:
        denoise(image, "fast", device="cpu")
    assert cost_of(make).whole == pytest.approx(counter.get_total_flops(), rel=0.02)


NAMES = ["bm3d", "auto", "auto, 4 planes", "bm4d, 4 planes"]


def test_the_tables_of_speed_hold_medians_ratios_and_growth(tmp_path):
    table = ScoreTable(tmp_path, {})
    for size, factor in ((128, 1), (256, 4)):
        for capture, jitter in ((1, 1.0), (2, 1.1), (3, 50.0)):
            for name, seconds in zip(NAMES, (10.0, 20.0, 40.0, 80.0), strict=True):
                row = ScoreRow(
                    f"{size}x{size}", capture, name, 30.0, 30.0, 0.9, seconds * factor * jitter, 500
                )
                table.add(row)
    text = speed_tables(table, NAMES, {})
    assert "| auto | 22.0 / 500 | 88.0 / 500 | 1.00 |" in text
    assert "| auto | 2.00 | 2.00 |" in text
    assert "| auto | 128² | 1: 22.00 s, 500 MB, 4: 11.00 s, 500 MB | 4: 0.50 |" in text
    assert "| bm4d | 128² | 4: 22.00 s, 500 MB | – |" in text


def test_planes_alike_share_what_they_show_and_not_their_noise():
    image, _ = SpeedImage(96, 0).load()
    planes = planes_alike(image, 3)
    assert planes.shape == (3, 96, 96)
    back = np.stack([np.roll(plane, -at, axis=1) for at, plane in enumerate(planes)])
    assert likeness(back[0].astype(float), back[2].astype(float)) > 0.8
    assert abs(shared_noise(np.sqrt(back[0].astype(float)), np.sqrt(back[1:].astype(float)))) < 0.1


def test_the_options_of_speed_are_checked_and_explained(call):
    for arguments in (("--sizes", "16"), ("--planes", "1"), ("--planes", "many")):
        result = call("speed", *arguments)
        assert result.exit_code == 2
        assert f"{arguments[0]} is '{arguments[1]}', but must be numbers of" in result.output
    words = " ".join(call("speed", "--help").output.split())
    for option in ("--sizes", "--planes", "--repeat", "--profile", "--count-flops", "--methods"):
        assert option in words


def test_the_commands_load_no_torch_and_no_peer_before_they_run():
    code = (
        "import sys, napari_blindspot.benchmark.cli\n"
        "from napari_blindspot.benchmark.methods import available_methods\n"
        "assert len(available_methods()) > 10\n"
        "assert not {'torch', 'bm3d', 'skimage', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_busy_processes_compute_while_a_method_is_timed_and_end_with_it(tmp_path):
    options = SpeedOptions(["gaussian-oracle"], [32], busy=[2], count_flops=False)
    before = set(psutil.Process().children(recursive=True))
    measure_speed(options, tmp_path, lambda line: None)
    text = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert "| gaussian-oracle, 2 busy |" in text
    assert "## How much longer beside busy processes" in text
    assert set(psutil.Process().children(recursive=True)) <= before
