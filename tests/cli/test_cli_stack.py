"""The command `denoise` over a stack: strategy and neighbours reach the run and its record."""

from __future__ import annotations

from typer.testing import CliRunner

from napari_blindspot.cli.app import app
from napari_blindspot.files.door import read_settings, write_ome_tiff
from napari_blindspot.files.image_file import ImageFile
from napari_blindspot.samples import z_stack
from napari_blindspot.settings import Settings


def test_strategy_and_neighbours_can_be_chosen_and_are_recorded(tmp_path):
    source, output = tmp_path / "in.ome.tif", tmp_path / "out.ome.tif"
    write_ome_tiff(source, ImageFile(z_stack((2, 32, 32)).noisy, "ZYX"))
    quick = {
        "device": "cpu",
        "iterations": 2,
        "refine_iterations": (1,),
        "inr_features": 8,
        "unet_width": 8,
    }
    given = tmp_path / "settings.json"
    given.write_text(Settings.from_preset(**quick).model_dump_json())
    command = ["denoise", str(source), "-o", str(output), "--settings", str(given)]
    done = CliRunner().invoke(app, [*command, "--stack-start", "shared", "--neighbours", "1"])
    assert done.exit_code == 0, done.output
    settings = read_settings(output)
    assert (settings.stack_start, settings.neighbours) == ("shared", 1)


def test_a_strategy_that_there_is_not_is_refused_in_one_sentence(tmp_path):
    source = tmp_path / "in.ome.tif"
    write_ome_tiff(source, ImageFile(z_stack((2, 32, 32)).noisy, "ZYX"))
    done = CliRunner().invoke(app, ["denoise", str(source), "--stack-start", "cold"])
    assert done.exit_code == 2
    assert "'stack_start' is 'cold'" in " ".join(done.output.split())
