"""The command ``repeat``: the same run again, and whether its pixels agree."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from napari_blindspot.cli.app import app
from napari_blindspot.files.door import ImageFile, write_ome_tiff
from napari_blindspot.samples import confocal, z_stack


@pytest.fixture
def run(tiny, tmp_path, monkeypatch):
    """Run the command line in the test's folder, where settings of a moment are in tiny.json."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.json").write_text(tiny.model_dump_json())
    return lambda *words: CliRunner().invoke(app, list(words))


@pytest.fixture
def denoised(run, tmp_path):
    """A plane and its result."""
    write_ome_tiff(tmp_path / "cells.ome.tif", ImageFile(confocal((32, 40)).noisy, "YX"))
    assert run("denoise", "cells.ome.tif", "--settings", "tiny.json").exit_code == 0
    return tmp_path / "cells_denoised.ome.tif"


def test_the_pixels_of_a_run_agree_with_those_of_the_same_run_again(run, denoised):
    done = run("repeat", "cells_denoised.ome.tif")
    assert (done.exit_code, done.stdout) == (0, "The pixels agree: 1 of 1 planes are the same.\n")
    assert sorted(p.name for p in denoised.parent.glob("*.tif")) == [
        "cells.ome.tif",
        "cells_denoised.ome.tif",
    ]


def test_another_input_under_the_same_name_gives_other_pixels_and_an_exit_code(run, denoised, tmp_path):
    write_ome_tiff(tmp_path / "cells.ome.tif", ImageFile(confocal((32, 40), seed=5).noisy, "YX"))
    done = run("repeat", "cells_denoised.ome.tif")
    assert done.exit_code == 1
    assert done.stdout.startswith("The pixels differ in 1 of 1 planes, by ")


def test_every_plane_of_a_stack_is_compared_and_the_input_may_lie_elsewhere(run, tmp_path):
    (tmp_path / "away").mkdir()
    write_ome_tiff(tmp_path / "away" / "s.ome.tif", ImageFile(z_stack((2, 24, 24)).noisy, "ZYX"))
    out = ("--settings", "tiny.json", "-o", "out.ome.tif")
    assert run("denoise", "away/s.ome.tif", *out).exit_code == 0
    done = run("repeat", "out.ome.tif", "--input", "away/s.ome.tif")
    assert (done.exit_code, done.stdout) == (0, "The pixels agree: 2 of 2 planes are the same.\n")


def test_what_cannot_be_repeated_is_said_in_a_sentence(run, denoised, tmp_path):
    tifffile.imwrite(tmp_path / "foreign.tif", np.zeros((32, 40), np.float32))
    done = run("repeat", "foreign.tif")
    assert done.exit_code == 2 and "holds no settings of napari-blindspot" in done.stderr
    write_ome_tiff(tmp_path / "small.ome.tif", ImageFile(confocal((24, 24)).noisy, "YX"))
    done = run("repeat", "cells_denoised.ome.tif", "--input", "small.ome.tif")
    assert done.exit_code == 2 and "has the shape (24, 24), but the result (32, 40)" in done.stderr
    (tmp_path / "cells.ome.tif").unlink()
    done = run("repeat", "cells_denoised.ome.tif")
    assert done.exit_code == 2 and "is not beside it; give the input as well" in done.stderr
