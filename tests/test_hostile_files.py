"""Files made to harm: loading one executes nothing, leads nowhere else, and ends soon."""

from __future__ import annotations

import csv
import json
import os
import pickle
import re
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from napari_blindspot.batch import BatchOptions, plan_batch
from napari_blindspot.batch.job_file import load_job
from napari_blindspot.batch.report import BatchReport
from napari_blindspot.cli.app import app
from napari_blindspot.cli.exits import say
from napari_blindspot.core.errors import BlindspotError, FileError, InternalError, SettingsError
from napari_blindspot.files.door import ImageFile, list_series, open_image, read_settings, write_image
from napari_blindspot.files.model_file import load_model

if TYPE_CHECKING:
    from pathlib import Path

PIXELS = np.arange(320, dtype=np.uint16).reshape(16, 20)
CLIMBING = ("../secret.zarr/0", "a/../../secret.zarr/0", "..\\secret.zarr/0", "{root}/secret.zarr/0")


class Program:
    """Makes a file when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


@pytest.fixture
def trace(tmp_path):
    """What exists after a test if something in a file was executed."""
    path = tmp_path / "executed"
    yield path
    assert not path.exists()


def refused(work, *arguments, **options) -> str:
    """Return the one sentence with which something is refused."""
    with pytest.raises(BlindspotError) as caught:
        work(*arguments, **options)
    assert not isinstance(caught.value, InternalError)
    said = str(caught.value)
    assert "\n" not in said and len(said) < 600, said
    return said


def pixels_of(path: Path) -> np.ndarray:
    return np.asarray(open_image(path).array)


def test_a_pickle_is_neither_a_model_nor_a_job_nor_settings_nor_an_image(tmp_path, trace):
    path = tmp_path / "file.safetensors"
    path.write_bytes(pickle.dumps(Program(trace)))
    for load in (load_model, load_job, read_settings, open_image):
        refused(load, path)


@pytest.mark.parametrize("codec", ["filters", "compressor"])
@pytest.mark.parametrize("dtype", ["<u2", "|O"])
def test_a_zarr_whose_chunks_are_pickles_is_not_unpickled(tmp_path, trace, codec, dtype):
    pytest.importorskip("zarr", reason="OME-Zarr needs the package zarr")
    folder = tmp_path / "a.zarr"
    folder.mkdir()
    array = {"zarr_format": 2, "shape": [16, 20], "chunks": [16, 20], "dtype": dtype, "order": "C"}
    codecs = {"filters": None, "compressor": None, codec: {"id": "pickle"}}
    codecs["filters"] = codecs["filters"] and [codecs["filters"]]
    (folder / ".zarray").write_text(json.dumps({**array, **codecs, "fill_value": 0}))
    (folder / "0.0").write_bytes(pickle.dumps(Program(trace)))
    refused(pixels_of, folder)


def test_a_job_file_names_values_and_calls_nothing(tmp_path, trace):
    path = tmp_path / "job.yaml"
    for tag in ("apply:os.mkdir [{}]", "new:os.mkdir [{}]", "name:os.mkdir"):
        path.write_text(f"inputs: !!python/object/{tag.format(trace)}\noutput: out\n")
        assert "is not YAML" in refused(load_job, path)


@pytest.mark.parametrize(
    "content",
    [
        "inputs: " + "[" * 20_000,
        "inputs: x\noutput: out\nseries: 2026-13-45\n",
        "inputs: x\noutput: out\n1: 2\n",
        "inputs: x\noutput: out\nsettings: {preset: [auto]}\n",
        'inputs: x\noutput: "out\\0"\n',
        'inputs: ["x\\0"]\noutput: out\n',
        "inputs: [{path: x, into: ../elsewhere}]\noutput: out\n",
        "inputs: [{path: x, into: /elsewhere}]\noutput: out\n",
        # Lists of lists, each named and used nine times: a few lines that are half a million values.
        "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]\n" for n in range(5))
        + "inputs: x\noutput: *a5\n",
    ],
    ids=lambda text: re.sub(r"\W+", " ", text)[:30],
)
def test_a_job_file_that_cannot_be_is_refused_in_one_sentence(tmp_path, content):
    path = tmp_path / "job.yaml"
    path.write_text(content)
    refused(load_job, path)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"preset": ' + "[" * 100_000, '{"seed": 1' + "0" * 5000 + "}"]
)
def test_settings_that_cannot_be_are_refused_in_one_sentence(tmp_path, text):
    path = tmp_path / "settings.json"
    path.write_text(text)
    refused(read_settings, path)


def model_file(path: Path, header: bytes, length: int | None = None, data: bytes = bytes(8)) -> Path:
    path.write_bytes((len(header) if length is None else length).to_bytes(8, "little") + header + data)
    return path


def test_a_model_whose_header_lies_is_refused_before_memory_is_taken_for_it(tmp_path):
    path, ours = tmp_path / "m.safetensors", {"format": "napari-blindspot model 1"}
    refused(load_model, model_file(path, b"{}", length=2**63 - 1))
    refused(load_model, model_file(path, b"{}", length=2**31))
    refused(load_model, model_file(path, b'{"__metadata__":' + b"[" * 100_000))
    for shape, dtype in (([2**40], "F32"), ([2**63, 4], "F64"), ([4], "BF16"), ([8], "F8_E4M3")):
        end = min(8, 2**40)
        weights = {"w": {"dtype": dtype, "shape": shape, "data_offsets": [0, end]}, "__metadata__": ours}
        refused(load_model, model_file(path, json.dumps(weights).encode()))
    for said in ("[" * 20_000, "1e999", '{"mean": 0}', "null"):
        header = {
            **ours,
            "standardisation": said,
            "settings": said,
            "noise": said,
            "plane": said,
            "fitted_to": said,
        }
        refused(load_model, model_file(path, json.dumps({"__metadata__": header}).encode(), data=b""))


def group(folder: Path, ome: dict, ngff: str = "0.5") -> Path:
    """Write the metadata of an OME-Zarr without an array of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if ngff == "0.4":
        (folder / ".zgroup").write_text('{"zarr_format": 2}')
        (folder / ".zattrs").write_text(json.dumps(ome))
    else:
        whole = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": ome}}
        (folder / "zarr.json").write_text(json.dumps(whole))
    return folder


@pytest.mark.parametrize("path", CLIMBING)
def test_the_metadata_of_an_ome_zarr_lead_to_nothing_outside_of_its_folder(tmp_path, path):
    pytest.importorskip("zarr", reason="OME-Zarr needs the package zarr")
    write_image(tmp_path / "secret.zarr", ImageFile(PIXELS, "YX"), lambda _: PIXELS, "uint16")
    there = path.format(root=tmp_path)
    axes = [{"name": name, "type": "space"} for name in "yx"]
    image = {"multiscales": [{"axes": axes, "datasets": [{"path": there}], "version": "0.4"}]}
    for ngff in ("0.4", "0.5"):
        refused(pixels_of, group(tmp_path / "a.zarr", image, ngff))
    for ome in ({"plate": {"wells": [{"path": there}]}}, {"well": {"images": [{"path": there}]}}):
        refused(list_series, group(tmp_path / "a.zarr", ome))


def ome_tiff(
    path: Path, data: str = "<TiffData/>", frames: int = 1, start: str = "", name: str = "x"
) -> Path:
    """Write a TIFF of one plane whose OME-XML says something else."""
    xml = (
        f'<?xml version="1.0"?>{start}<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
        f'UUID="urn:uuid:1"><Image ID="Image:0" Name="{name}"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" '
        f'Type="uint16" SizeX="20" SizeY="16" SizeZ="1" SizeC="1" SizeT="{frames}">{data}</Pixels>'
        "</Image></OME>"
    )
    tifffile.imwrite(path, PIXELS, description=xml, metadata=None)
    return path


def test_a_set_of_ome_tiffs_is_looked_for_in_its_own_folder_only(tmp_path):
    tifffile.imwrite(tmp_path / "secret.tif", PIXELS + 1)
    (tmp_path / "data").mkdir()
    one = '<TiffData FirstT="{}" IFD="0"><UUID FileName="{}">urn:uuid:{}</UUID></TiffData>'
    for name in ("../secret.tif", f"{tmp_path}/secret.tif", "..\\secret.tif"):
        data = one.format(0, "a.ome.tif", 1) + one.format(1, name, 2)
        path = ome_tiff(tmp_path / "data" / "a.ome.tif", data, frames=2)
        assert np.array_equal(pixels_of(path), PIXELS[None])


@pytest.mark.timeout(20)
def test_numbers_and_entities_in_an_ome_xml_take_neither_the_memory_nor_the_time(tmp_path):
    uuid = '<UUID FileName="{}">urn:uuid:{}</UUID>'
    data = (
        f'<TiffData FirstT="0" PlaneCount="1000000000" IFD="0">{uuid.format("a.ome.tif", 1)}</TiffData>'
        f'<TiffData FirstT="1" IFD="0">{uuid.format("b.ome.tif", 2)}</TiffData>'
    )
    path = tmp_path / "a.ome.tif"
    for frames in (10**8, 10**15):
        for described in ("<TiffData/>", data):
            assert "at most 2000000" in refused(open_image, ome_tiff(path, described, frames=frames))
    ome_tiff(path, data, frames=2_000_000)
    assert np.array_equal(pixels_of(path), PIXELS[None])
    assert "does not say where" in refused(open_image, ome_tiff(path, data, frames="many"))
    entities = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))
    bomb = f'<!DOCTYPE l [<!ENTITY a0 "aaaaaaaaaa">{entities}]>'
    assert list_series(ome_tiff(path, start=bomb, name="&a9;"))[0].name == ""
    secret = tmp_path / "secret"
    secret.write_text("hidden")
    entity = f'<!DOCTYPE l [<!ENTITY s SYSTEM "{secret.as_uri()}">]>'
    assert "hidden" not in str(list_series(ome_tiff(path, start=entity, name="&s;")))


def test_results_stay_in_their_folder_whatever_the_images_in_a_file_are_called(tmp_path):
    path = tmp_path / "in" / "cells.ome.tif"
    path.parent.mkdir()
    with tifffile.TiffWriter(path, ome=True) as writer:
        for name in ("../../up", "/etc/passwd", "..\\up"):
            writer.write(
                np.stack([PIXELS] * 2),
                metadata={"Name": name, "axes": "CYX", "Channel": {"Name": [name] * 2}},
            )
    out = tmp_path / "out"
    batch = plan_batch([path], BatchOptions(output=out))
    assert list_series(path)[0].name == "../../up"
    assert [item.output for item in batch.items] == [out / f"cells_{n}_denoised.ome.tif" for n in range(3)]


def test_the_report_shows_markup_in_names_as_text_and_begins_no_cell_with_a_formula(tmp_path):
    names = ("<script>alert(1)</script>.tif", "=cmd|' !A1.tif", "a&b\"'.tif")
    for name in names:
        tifffile.imwrite(tmp_path / name.replace("/", "⁄"), PIXELS)
    batch = plan_batch(sorted(tmp_path.glob("*.tif")), BatchOptions(output=tmp_path / "out"))
    for number in range(len(names)):
        batch.update(number, state="failed", reason="<img src=x onerror=alert(1)>")
    report = BatchReport(batch)
    report.write(last=True)
    page = report.page.read_text("utf-8")
    assert "<script" not in page and "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    with report.table.open(encoding="utf-8-sig", newline="") as table:
        assert not [
            cell for row in csv.reader(table) for cell in row if cell.startswith(("=", "+", "-", "@"))
        ]


def test_what_a_file_says_does_not_steer_the_terminal(capsys):
    say("red \x1b[31m, title \x1b]0;x\x07, back \r, C1 \x9b, and\ta new\nline")
    assert capsys.readouterr().err == "red �[31m, title �]0;x�, back �, C1 �, and\ta new\nline\n"


def test_a_file_whose_name_looks_like_markup_is_denoised_like_any_other(tmp_path, monkeypatch):
    from napari_blindspot.cli import display

    monkeypatch.setattr(display, "display_of", display._Bar)
    bar = display._Bar(type("Teller", (), {"beginning": "[/x] begins"})())
    with bar:
        bar.tell("cells [/b] [red].tif")
        bar.follow(display.Status(0.5, "1 of [/2]", "cells [/b] [red].tif: fitting"))
        bar._bar.refresh()


def test_a_settings_file_that_is_hostile_ends_the_command_with_one_line(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text("[" * 100_000)
    tifffile.imwrite(tmp_path / "a.tif", PIXELS)
    done = CliRunner().invoke(app, ["denoise", str(tmp_path / "a.tif"), "--settings", str(path)])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)


def test_a_plane_that_was_kept_is_no_place_for_a_program(tmp_path, trace):
    from napari_blindspot.jobs.plane_store import PlaneStore

    store = PlaneStore.open(tmp_path / "a.ome.tif", {}, resume=True)
    store.keep((0,), {"denoised": PIXELS}, {})
    np.save(store.folder / "plane-000000.denoised.npy", np.array([Program(trace)]), allow_pickle=True)
    with pytest.raises(FileError, match="is damaged"):
        store.image((0,))


def test_a_value_that_is_wrong_is_quoted_up_to_a_length():
    from napari_blindspot.settings import Settings

    with pytest.raises(SettingsError) as caught:
        Settings.parse({"iterations": "x" * 100_000})
    assert len(str(caught.value)) < 400
