"""The command ``report``: one page that needs nothing else, for a file or a batch."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from typer.testing import CliRunner

from napari_blindspot import Settings
from napari_blindspot.cli.app import app
from napari_blindspot.files.door import ImageFile, Spacing, read_record, write_ome_tiff
from napari_blindspot.jobs.record import FileRecord
from napari_blindspot.samples import confocal

TINY = Settings.from_preset(
    "fast", iterations=2, symmetries=1, refine_iterations=(1,), unet_width=4, inr_features=8, device="cpu"
)
"""A fit that takes a moment."""


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


@pytest.fixture
def denoised(run, tmp_path):
    """A plane, the result of a real run, and its model."""
    write_ome_tiff(tmp_path / "cells.ome.tif", ImageFile(confocal((48, 48)).noisy, "YX"))
    (tmp_path / "tiny.json").write_text(TINY.model_dump_json())
    words = (
        "cells.ome.tif",
        "-o",
        "out.ome.tif",
        "--settings",
        "tiny.json",
        "--save-model",
        "m.safetensors",
    )
    done = CliRunner().invoke(app, ["denoise", *words])
    assert done.exit_code == 0, done.stderr


def test_the_page_holds_pictures_plots_verdict_and_settings_and_needs_no_network(run, cells, tmp_path):
    done = run("cells.ome.tif", "cells_denoised.ome.tif", "--no-resolution")
    assert (done.exit_code, done.stdout.strip()) == (0, "cells_denoised_report.html"), done.stderr
    page = (tmp_path / "cells_denoised_report.html").read_text(encoding="utf-8")
    assert "Structure was removed with the noise" in page
    assert "The error that is to be expected has a standard deviation of" in page
    assert "&#34;seed&#34;: 77" in page
    assert "before denoising; after it is measured with --resolution" in page
    assert "The result holds no losses of its run." in page
    sources = re.findall(r'(?:src|href)="([^"]{0,30})', page)
    assert len(sources) == 9 and all(source.startswith("data:image/png;base64,") for source in sources)


def test_a_real_run_shows_its_losses_and_the_resolution_before_and_after(denoised, run, tmp_path):
    assert run("cells.ome.tif", "out.ome.tif").exit_code == 0
    page = (tmp_path / "out_report.html").read_text(encoding="utf-8")
    assert re.search(
        r"agree (at no length|down to [\d.]+ px) before denoising and (at|down).* after it\.", page
    )
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", page)
    assert captions[-4:] == [
        "the noise that was fitted, and the residual at like intensities",
        "resolution before and after denoising, by two halves of the noise",
        "risk of the blind spot, by which the gap is chosen",
        "losses of the run",
    ]
    record = FileRecord.read(read_record(tmp_path / "out.ome.tif")).planes[0]
    assert len(record.history) == record.iterations and 0 < record.history["denoising"][0] < 10


def test_where_a_model_was_applied_it_is_applied_to_the_halves_and_there_are_no_losses(
    denoised, run, tmp_path
):
    words = ("cells.ome.tif", "-o", "again.ome.tif", "--model", "m.safetensors")
    assert CliRunner().invoke(app, ["denoise", *words]).exit_code == 0
    assert run("cells.ome.tif", "again.ome.tif").exit_code == 0
    page = (tmp_path / "again_report.html").read_text(encoding="utf-8")
    assert "A model was applied and nothing was fitted, so that there are no losses." in page
    assert "The result came from a model, which was not given: the halves were fitted anew." in page
    assert run(*words[:1], words[2], *words[3:], "--overwrite").exit_code == 0
    page = (tmp_path / "again_report.html").read_text(encoding="utf-8")
    assert " after it." in page and "fitted anew" not in page


def test_other_denoisers_are_compared_on_request_in_pictures_and_a_table(run, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_blindspot.comparison.PACKAGES", {})
    sample = confocal((48, 48))
    write_ome_tiff(tmp_path / "c.ome.tif", ImageFile(sample.noisy, "YX"))
    write_ome_tiff(tmp_path / "d.ome.tif", ImageFile(sample.truth, "YX"), settings=TINY)
    done = run("c.ome.tif", "d.ome.tif", "--compare", "--no-resolution")
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


def test_each_file_of_a_real_batch_has_its_losses_and_on_request_its_resolution(denoised, run, tmp_path):
    words = ("cells.ome.tif", "-o", "results", "--settings", "tiny.json")
    done = CliRunner().invoke(app, ["batch", *words])
    assert done.exit_code == 0, done.stderr
    assert run("results").exit_code == 0
    page = (tmp_path / "results" / "inspection.html").read_text(encoding="utf-8")
    assert "losses of the run" in page and "after it is measured with --resolution" in page
    assert run("results", "--resolution", "--overwrite").exit_code == 0
    page = (tmp_path / "results" / "inspection.html").read_text(encoding="utf-8")
    assert "resolution before and after denoising" in page and "--resolution" not in page


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
