from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from napari_blindspot.batch import BatchOptions, Input, plan_batch
from napari_blindspot.batch.items import files_of
from napari_blindspot.core.errors import FileError, SettingsError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def make(tmp_path):
    """Make empty files; planning opens none."""

    def files(*names: str) -> list[Path]:
        paths = [tmp_path / name for name in names]
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return paths

    return files


@pytest.fixture
def out(tmp_path) -> BatchOptions:
    return BatchOptions(output=tmp_path / "out")


def outputs(batch, folder: Path) -> list[str]:
    return [item.output.relative_to(folder).as_posix() for item in batch.items]


def test_a_folder_is_searched_with_its_subfolders_which_the_results_repeat(make, tmp_path, out):
    make("data/b.tif", "data/day 2/c.OME.TIF", "data/a.png", "data/notes.txt", "data/.hidden.tif")
    batch = plan_batch([tmp_path / "data"], out)
    assert outputs(batch, tmp_path / "out") == [
        "a_denoised.ome.tif",
        "b_denoised.ome.tif",
        "day 2/c_denoised.ome.tif",
    ]
    assert {item.state for item in batch.items} == {"waiting"}


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.tif", ["a.tif", "s/b.tif", "s/t/c.TIF"]),
        ("s/*.tif", ["s/b.tif"]),
        ("./*.tif", ["a.tif"]),
        ("**/?.tif", ["a.tif", "s/b.tif", "s/t/c.TIF"]),
        ("s/**/c.*", ["s/t/c.TIF"]),
        ("*.dat", ["raw.dat"]),
    ],
)
def test_a_pattern_says_which_files_of_a_folder_are_taken(make, tmp_path, pattern, names):
    make("a.tif", "s/b.tif", "s/t/c.TIF", "raw.dat")
    options = BatchOptions(output=tmp_path / "out", pattern=pattern)
    batch = plan_batch([tmp_path], options)
    assert sorted(item.source.relative_to(tmp_path).as_posix() for item in batch.items) == sorted(names)


def test_an_input_may_itself_be_a_pattern(make, tmp_path, out):
    make("d1/raw.tif", "d2/raw.tif", "d2/other.tif")
    batch = plan_batch([tmp_path / "d*" / "raw.tif"], out)
    assert outputs(batch, tmp_path / "out") == ["d1/raw_denoised.ome.tif", "d2/raw_denoised.ome.tif"]
    assert len(plan_batch([tmp_path / "d2" / "*.tif"], out).items) == 2
    with pytest.raises(FileError, match="There is no image"):
        plan_batch([tmp_path / "*.tif"], out)


def test_a_name_with_signs_of_a_pattern_is_a_name_where_it_exists(make, tmp_path, out):
    make("cells[1].tif", "cells1.tif")
    assert [item.source.name for item in plan_batch([tmp_path / "cells[1].tif"], out).items] == [
        "cells[1].tif"
    ]


@pytest.mark.parametrize("name", ["zwei Zellen.tif", "Bürste 細胞.tif", "a..b.tif", "..c.tif", "-d.tif"])
def test_odd_names_stay_as_they_are(make, tmp_path, out, name):
    make(name)
    (item,) = plan_batch([tmp_path / name], out).items
    assert item.source == tmp_path / name
    assert item.output == tmp_path / "out" / f"{name[:-4]}_denoised.ome.tif"


def test_dots_in_a_path_lead_no_result_out_of_the_output_folder(make, tmp_path, out, monkeypatch):
    make("data/a.tif", "work/keep")
    monkeypatch.chdir(tmp_path / "work")
    (item,) = plan_batch(["../data/../data"], out).items
    assert item.output == tmp_path / "out" / "a_denoised.ome.tif"
    (item,) = plan_batch(["../data/a.tif"], out).items
    assert item.output == tmp_path / "out" / "a_denoised.ome.tif"


def test_of_two_files_with_one_output_the_first_goes_on_and_the_other_is_marked(make, tmp_path, out):
    first, second = make("x/a.tif", "y/a.tif")
    batch = plan_batch([first, second], out)
    assert [item.state for item in batch.items] == ["waiting", "failed"]
    assert f"the name of that of {first}" in batch.items[1].reason


def test_names_that_differ_only_in_case_or_in_how_umlauts_are_written_are_one_output(make, out):
    batch = plan_batch(make("x/Bü.tif", "y/bü.tif"), out)
    assert [item.state for item in batch.items] == ["waiting", "failed"]


def test_an_output_that_is_the_input_is_refused(make, tmp_path, out):
    (source,) = make("a.tif")
    (tmp_path / "out").mkdir()
    os.link(source, tmp_path / "out" / "a_denoised.ome.tif")
    (item,) = plan_batch([source], out).items
    assert item.state == "failed"
    assert "is the input itself" in item.reason


def test_a_file_that_is_found_twice_is_taken_once(make, tmp_path, out):
    make("data/a.tif")
    (tmp_path / "data" / "b.tif").symlink_to(tmp_path / "data" / "a.tif")
    batch = plan_batch([tmp_path / "data", tmp_path / "data" / "a.tif"], out)
    assert [item.source.name for item in batch.items] == ["a.tif"]


def test_a_loop_of_links_ends(make, tmp_path, out):
    make("data/s/a.tif")
    (tmp_path / "data" / "s" / "up").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "self.tif").symlink_to(tmp_path / "data" / "self.tif")
    batch = plan_batch([tmp_path / "data"], out)
    assert [(item.source.name, item.state) for item in batch.items] == [
        ("a.tif", "waiting"),
        ("self.tif", "failed"),
    ]
    assert "leads nowhere, or back to itself" in batch.items[1].reason


def test_a_file_that_is_not_there_is_marked_and_the_rest_goes_on(make, tmp_path, out):
    (source,) = make("a.tif")
    batch = plan_batch([tmp_path / "lost.tif", source], out)
    assert [item.state for item in batch.items] == ["failed", "waiting"]
    assert "lost.tif does not exist" in batch.items[0].reason


def test_a_folder_that_is_a_zarr_store_is_one_image(make, tmp_path, out):
    make("data/a.ome.zarr/.zattrs", "data/a.ome.zarr/0/.zarray", "data/store/zarr.json")
    batch = plan_batch([tmp_path / "data"], out)
    assert [item.source.name for item in batch.items] == ["a.ome.zarr"]
    (item,) = plan_batch([tmp_path / "data" / "store"], out).items
    assert item.output.name == "store_denoised.ome.tif"


def test_results_in_a_searched_folder_are_no_inputs(make, tmp_path):
    make("a.tif", "a_denoised.ome.tif", "a_denoised.ome.zarr/.zattrs", "out/b.tif", "b.tif.planes/p.tif")
    beside = plan_batch([tmp_path], BatchOptions(output=tmp_path))
    assert [item.source.name for item in beside.items] == ["a.tif", "b.tif"]
    below = plan_batch([tmp_path], BatchOptions(output=tmp_path / "out", pattern="?.tif"))
    assert [item.source.name for item in below.items] == ["a.tif"]


def test_axes_and_series_are_those_of_the_input_or_else_of_the_batch(make, tmp_path):
    a, b = make("a.tif", "b.tif")
    options = BatchOptions(output=tmp_path / "out", axes="TYX", series=1)
    first, second = plan_batch([Input(path=a, axes="ZYX", series=0), b], options).items
    assert (first.read.axes, first.read.series) == ("ZYX", 0)
    assert (second.read.axes, second.read.series) == ("TYX", 1)


def test_zarr_results_have_their_own_ending(make, tmp_path):
    options = BatchOptions(output=tmp_path / "out", format="ome-zarr")
    (item,) = plan_batch(make("a.tif"), options).items
    assert item.output.name == "a_denoised.ome.zarr"


def test_a_batch_without_files_is_refused(tmp_path, out):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError, match="There is no image in"):
        plan_batch([tmp_path / "empty"], out)
    with pytest.raises(FileError, match=r"no image that matches '\*\.lsm'"):
        plan_batch([tmp_path], BatchOptions(output=tmp_path / "out", pattern="*.lsm"))


def test_an_output_folder_that_is_a_file_is_refused(make, tmp_path):
    source, out = make("a.tif", "out")
    with pytest.raises(FileError, match="is a file; give a folder"):
        plan_batch([source], BatchOptions(output=out))


def test_options_are_checked_at_the_door(tmp_path):
    with pytest.raises(SettingsError, match="'workers' is 0"):
        BatchOptions(output=tmp_path, workers=0)
    with pytest.raises(SettingsError, match="no batch option 'colour'"):
        BatchOptions(output=tmp_path, colour="red")


def test_the_files_of_a_folder_can_be_named_one_by_one_with_the_same_results(make, tmp_path, out):
    make("data/a.tif", "data/day 2/b.tif", "data/day 2/e/c.png")
    batch = plan_batch([tmp_path / "data"], out)
    files = files_of(batch)
    assert len(files) == 3
    assert plan_batch(files, out).items == batch.items


def test_no_input_leads_its_result_out_of_the_output_folder(tmp_path):
    for into in ("../elsewhere", "/elsewhere"):
        with pytest.raises(SettingsError, match="must lead into the output folder"):
            Input(path=tmp_path, into=into)
