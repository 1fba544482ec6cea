"""Options that are made from the settings, and what of the program is loaded for its help."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import tifffile
from typer.testing import CliRunner

from napari_blindspot.batch.job_file import load_job
from napari_blindspot.cli.app import app
from napari_blindspot.files.door import read_settings
from napari_blindspot.samples import confocal
from napari_blindspot.settings import PRESETS, Settings, setting_fields

TINY = ("--preset", "paper", "--iterations", "2", "--set", "passes=2", "--set", "unet_width=4")


@pytest.fixture
def denoise(tmp_path, monkeypatch):
    """Run ``denoise`` on a small image in the test's folder."""
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("cells.tif", confocal((32, 32)).noisy)
    return lambda *arguments: CliRunner().invoke(app, ["denoise", "cells.tif", *arguments])


def help_of(command: str) -> str:
    done = CliRunner().invoke(app, [command, "--help"], terminal_width=200)
    assert done.exit_code == 0
    return " ".join(done.stdout.split())


def marked() -> list[str]:
    return [name for name, field in setting_fields().items() if "cli" in field.json_schema_extra["shown"]]


@pytest.mark.parametrize("command", ["denoise", "batch"])
@pytest.mark.parametrize("name", marked())
def test_a_setting_that_is_marked_for_it_is_an_option_with_the_help_of_its_field(command, name):
    field = setting_fields()[name]
    flags = field.json_schema_extra["flag"] or f"--{name.replace('_', '-')}"
    text = help_of(command)
    assert all(f"{flag} " in text for flag in flags.split("/"))
    assert field.description in text


def test_the_help_tells_range_choices_and_defaults_of_the_presets():
    text = help_of("denoise")
    assert f"--preset {'|'.join(PRESETS)}" in text
    assert "--neighbours auto|0|1|2|3|4" in text
    assert "[default: auto; not in paper]" in text
    assert "default: 400; 60 in fast, 1500 in best, 1200 in paper]" in text
    assert "--unet-weights pretrained|random" in text
    assert "[default: warm; anew in paper]" in text
    assert "--device auto|cuda|mps|cpu" in text


def test_any_setting_can_be_given_by_set_and_is_kept_in_the_result(denoise, tmp_path):
    done = denoise(*TINY, "--set", "inr-dropout=0.5,0.5", "--set", "losses=denoising", "--seed", "7")
    assert done.exit_code == 0, done.stderr
    kept = read_settings(tmp_path / "cells_denoised.ome.tif")
    assert (kept.iterations, kept.passes, kept.unet_width, kept.seed) == (2, 2, 4, 7)
    assert (kept.inr_dropout, kept.losses) == ((0.5, 0.5), ("denoising",))


def test_set_overrules_the_settings_of_an_earlier_run(denoise, tmp_path):
    earlier = Settings.from_preset("paper", iterations=2, passes=2, unet_width=4, seed=5)
    (tmp_path / "earlier.json").write_text(earlier.model_dump_json())
    done = denoise("--settings", "earlier.json", "--set", "passes=1", "--set", "inr_features=8")
    assert done.exit_code == 0, done.stderr
    kept = read_settings(tmp_path / "cells_denoised.ome.tif")
    assert (kept.passes, kept.inr_features, kept.unet_width, kept.seed) == (1, 8, 4, 5)


def test_the_preset_can_be_given_by_set(denoise, tmp_path):
    done = denoise("--set", "preset=paper", *TINY[2:])
    assert done.exit_code == 0, done.stderr
    assert read_settings(tmp_path / "cells_denoised.ome.tif").preset == "paper"


def test_lists_may_be_written_as_json_or_with_commas(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("cells.tif", confocal((32, 32)).noisy)
    for number, rounds in enumerate(("80,50", "[80, 50]", "80", "")):
        job = f"job{number}.yaml"
        command = ["batch", "cells.tif", "-o", "out", "--set", f"refine_iterations={rounds}"]
        done = CliRunner().invoke(app, [*command, "--save-job", job])
        assert done.exit_code == 0, done.stderr
    kept = [load_job(f"job{number}.yaml").settings.refine_iterations for number in range(4)]
    assert kept == [(80, 50), (80, 50), (80,), ()]


BAD = {
    "no name": (("--set", "5"), "There is no NAME=VALUE in --set '5', such as unet_width=32."),
    "an unknown name": (("--set", "magic=5"), "There is no setting 'magic'."),
    "a value out of range": (("--set", "unet_width=3"), "The setting 'unet_width' is 3, but"),
    "a setting of another preset": (("--set", "passes=3"), "The preset 'auto' has no setting 'passes'"),
    "a setting twice": (("--seed", "1", "--set", "seed=2"), "The setting 'seed' was given twice"),
    "the preset twice": (
        ("--preset", "fast", "--set", "preset=best"),
        "The setting 'preset' was given twice",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_setting_that_cannot_be_is_refused_in_one_sentence(case, denoise):
    arguments, sentence = BAD[case]
    done = denoise(*arguments)
    assert done.exit_code == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def modules_after(*arguments: str) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after running the program."""
    code = (
        "import json, sys\n"
        "from typer.testing import CliRunner\n"
        "from napari_blindspot.cli.app import app\n"
        f"assert CliRunner().invoke(app, {list(arguments)!r}).exit_code == 0\n"
        "print(json.dumps(list(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("arguments", [("--help",), ("denoise", "--help"), ("batch", "--help")])
def test_help_loads_neither_torch_nor_the_benchmark_nor_the_pretraining(arguments):
    loaded = modules_after(*arguments)
    assert "torch" not in loaded
    assert not {name for name in loaded if name.startswith("napari_blindspot.benchmark")}
    assert not {name for name in loaded if name.startswith("napari_blindspot.pretraining")}


def test_the_benchmark_is_there_when_it_is_named():
    done = CliRunner().invoke(app, ["benchmark", "--help"])
    assert done.exit_code == 0
    assert all(name in done.stdout for name in ("fmdd", "ablation", "awgn", "speed"))
    assert "--sigma" in CliRunner().invoke(app, ["benchmark", "awgn", "--help"]).stdout
    assert CliRunner().invoke(app, ["benchmark", "nonsense"]).exit_code == 2
