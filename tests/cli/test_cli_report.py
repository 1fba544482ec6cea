"""The command ``report``: one page that needs nothing else, for a file or a batch."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from typer.testing import CliRunner

from napari_blindspot import Settings
from napari_blindspot.cli.app import app
from napari_blindspot.files.door import ImageFile, Spacing, write_ome_tiff
from napari_blindspot.samples import confocal


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, ["report", *words])


@pytest.fixture
def cells(tmp_path):
    """A noisy plane with a pixel size, and its truth blurred too far as the result."""
    sample = confocal((96, 96))
    spacing = {axis: Spacing(0.2, "µm") for axis in "YX"}
    write_ome_tiff(tmp_path / "cells.ome.tif", ImageFile(sample.noisy, "YX", spacing))
    result = ImageFile(gaussian_filter(sample.truth, 4.0), "YX", spacing)
    settings = Settings.from_preset("fast", seed=77)
    write_ome_tiff(tmp_path / "cells_denoised.ome.tif", result, settings=settings)
    return sample


def test_the_page_holds_pictures_plots_verdict_and_settings_and_needs_no_network(run, cells, tmp_path):
    done = run("cells.ome.tif", "cells_denoised.ome.tif")
    assert (done.exit_code, done.stdout.strip()) == (0, "cells_denoised_report.html"), done.stderr
    page = (tmp_path / "cells_denoised_report.html").read_text(encoding="utf-8")
    assert "Structure was removed with the noise" in page
    assert "The error that is to be expected has a standard deviation of" in page
    assert "&#34;seed&#34;: 77" in page
    sources = re.findall(r'(?:src|href)="([^"]{0,30})', page)
    assert len(sources) == 9 and all(source.startswith("data:image/png;base64,") for source in sources)


def test_other_denoisers_are_compared_on_request_in_pictures_and_a_table(run, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_blindspot.comparison.PACKAGES", {})
    sample = confocal((48, 48))
    write_ome_tiff(tmp_path / "c.ome.tif", ImageFile(sample.noisy, "YX"))
    settings = Settings.from_preset(
        "fast", iterations=2, symmetries=1, refine_iterations=(1,), unet_width=4, device="cpu"
    )
    write_ome_tiff(tmp_path / "d.ome.tif", ImageFile(sample.truth, "YX"), settings=settings)
    done = run("c.ome.tif", "d.ome.tif", "--compare")
    assert done.exit_code == 0, done.stderr
    page = (tmp_path / "d_report.html").read_text(encoding="utf-8")
    assert "hidden pixels this method errs by" in page
    cells = re.findall(r"<td>(.*?)</td>", page)
    assert "this method" in cells and any(cell.startswith("Gaussian") for cell in cells)
    assert re.search(r"<figcaption>Gaussian [\d.]+ px</figcaption>", page)
    assert re.findall(r"<th>(.*?)</th>", page) == ["Denoiser", "Score", "Difference"]
    done = run("c.ome.tif", "d.ome.tif", "--compare", "--model", "gone.safetensors", "--overwrite")
    assert done.exit_code == 2 and "gone.safetensors" in done.stderr


def test_a_stack_shows_its_middle_plane_of_every_channel(run, tmp_path):
    sample = confocal((48, 48))
    stack = np.broadcast_to(sample.noisy, (2, 3, 48, 48)).copy()
    write_ome_tiff(tmp_path / "s.ome.tif", ImageFile(stack, "CZYX"))
    write_ome_tiff(tmp_path / "d.ome.tif", ImageFile(stack.astype(np.float32), "CZYX"))
    assert run("s.ome.tif", "d.ome.tif", "-o", "p.html").exit_code == 0
    page = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert re.findall(r"<h3>(.*?)</h3>", page) == ["Plane C=0, Z=1", "Plane C=1, Z=1"]
    assert page.count("Noise was left in the image") == 2
    assert "holds no settings of napari-blindspot" in page


def test_a_batch_folder_has_a_section_a_file_and_says_what_could_not_be_looked_at(run, cells, tmp_path):
    done = ["cells.ome.tif,cells_denoised.ome.tif,done", "gone.tif,gone_denoised.tif,done"]
    table = "\n".join(["file,output,state", *done, "x.tif,y.tif,failed"])
    (tmp_path / "batch_report.csv").write_text(table, encoding="utf-8")
    done = run(".")
    assert (done.exit_code, done.stdout.strip()) == (0, "inspection.html"), done.stderr
    page = (tmp_path / "inspection.html").read_text(encoding="utf-8")
    assert page.count("<h2>") == 2
    assert "The input gone.tif does not exist." in page


def test_what_files_say_stands_on_the_page_as_text(run, cells, tmp_path):
    (tmp_path / "cells.ome.tif").rename(tmp_path / "<b>cells&.ome.tif")
    gone = "<img src=x onerror=alert(1)>.tif"
    done = ["<b>cells&.ome.tif,cells_denoised.ome.tif,done", f"{gone},{gone},done"]
    (tmp_path / "batch_report.csv").write_text("\n".join(["file,output,state", *done]), encoding="utf-8")
    assert run(".").exit_code == 0
    page = (tmp_path / "inspection.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;cells&amp;.ome.tif" in page and "&lt;img src=x onerror=alert(1)&gt;.tif" in page
    assert "<b>" not in page and "<img src=x" not in page and "<script" not in page


def test_what_is_wrong_is_said_in_a_sentence_and_nothing_is_replaced(run, cells, tmp_path):
    done = run("cells.ome.tif")
    assert done.exit_code == 2 and "is no folder of a batch's results" in done.stderr
    write_ome_tiff(tmp_path / "other.ome.tif", ImageFile(np.zeros((40, 40), np.float32), "YX"))
    done = run("cells.ome.tif", "other.ome.tif")
    assert done.exit_code == 2 and "has the shape (96, 96), but the result (40, 40)" in done.stderr
    (tmp_path / "mine.html").write_text("mine")
    done = run("cells.ome.tif", "cells_denoised.ome.tif", "-o", "mine.html")
    assert done.exit_code == 2 and "is there already" in done.stderr
    assert (tmp_path / "mine.html").read_text() == "mine"
