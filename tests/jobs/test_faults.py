"""Whatever the operating system refuses, at whichever call: one sentence, nothing half, nothing lost."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest

from faults import ERRORS, Faults
from napari_blindspot.batch import BatchOptions, plan_batch, run_batch
from napari_blindspot.batch.item_events import PlaneWork
from napari_blindspot.batch.report import BatchReport
from napari_blindspot.core.errors import BlindspotError, InternalError
from napari_blindspot.core.events import Finished
from napari_blindspot.files.door import read_image, write_ome_tiff
from napari_blindspot.files.image_file import ImageFile
from napari_blindspot.jobs import file_run
from napari_blindspot.samples import z_stack
from napari_blindspot.settings import Settings
from napari_blindspot.stack import fit_stack

if TYPE_CHECKING:
    from pathlib import Path

    from napari_blindspot.batch.items import Item

SHORT = Settings.from_preset(
    "fast", iterations=1, refine_iterations=(), symmetries=1, unet_width=4, inr_features=4, device="cpu"
)
STACK = z_stack((3, 16, 16)).noisy
ENDINGS = {"ome-tiff": ".ome.tif", "ome-zarr": ".ome.zarr"}


@pytest.fixture(scope="module")
def fitted() -> list[Finished]:
    """What real fits of the planes have given."""
    return [event for event in fit_stack(STACK, SHORT, axes="ZYX") if isinstance(event, Finished)]


@pytest.fixture
def _fits_take_no_time(monkeypatch, fitted) -> None:
    """Let a run read its planes, and then give what the real fits of them have given."""

    def fit(array, settings, *, indices, **_):
        for index in indices:
            assert np.array_equal(array[index], STACK[index])
            yield fitted[index[0]]

    monkeypatch.setattr(file_run, "fit_stack", fit)
    monkeypatch.setattr("time.sleep", lambda _: None)


@dataclass
class Outcome:
    """How a run ended: the item, how many planes it has fitted, and what it said."""

    item: Item | None = None
    planes: int = 0
    said: list[str] = field(default_factory=list)


def run(folder: Path, form: str, existing: str = "resume") -> Outcome:
    """Denoise the stack as a batch does; no error may escape but one for the user."""
    ended = Outcome()
    try:
        options = BatchOptions(output=folder / "out", settings=SHORT, format=form, existing=existing)
        batch = plan_batch([folder / "in" / "s.ome.tif"], options)
        report = BatchReport(batch)
        for event in run_batch(batch, report=report):
            if isinstance(event, PlaneWork) and isinstance(event.event, Finished):
                ended.planes += 1
        ended.item = batch.items[0]
        ended.said = [ended.item.reason, report.problem]
    except BlindspotError as error:
        assert not isinstance(error, InternalError)
        ended.said = [str(error)]
    ended.said = [sentence for sentence in ended.said if sentence]
    for sentence in ended.said:
        assert "\n" not in sentence and sentence.endswith("."), sentence
        assert "napari-blindspot itself" not in sentence, sentence
    return ended


def prepare(folder: Path, form: str, start: str) -> None:
    """Leave a folder as it is before a run: with nothing, with a kept plane, or with an old output."""
    (folder / "in").mkdir(parents=True)
    write_ome_tiff(folder / "in" / "s.ome.tif", ImageFile(STACK, "ZYX"))
    if start != "nothing":
        with pytest.MonkeyPatch.context() as patch:
            if start == "a kept plane":
                fit = file_run.fit_stack
                one = lambda *a, indices, **o: fit(*a, indices=indices[:1], **o)  # noqa: E731
                patch.setattr(file_run, "fit_stack", one)
            run(folder, form)


def expected(fitted: list[Finished]) -> np.ndarray:
    return np.stack([event.result.denoised for event in fitted])


def assert_nothing_half(folder: Path, form: str, fitted: list[Finished]) -> None:
    """See that under the name of the output there is the whole, or nothing."""
    out = folder / "out" / f"s_denoised{ENDINGS[form]}"
    for path in [out, *out.parent.glob(f"s_denoised-*{ENDINGS[form]}")]:
        if path.exists():
            assert np.array_equal(read_image(path).array, expected(fitted)), path
    assert np.array_equal(read_image(folder / "in" / "s.ome.tif").array, STACK)


def assert_a_rerun_finishes(folder: Path, form: str, fitted: list[Finished], most: int) -> None:
    """See that another run needs no more fits than planes were not kept, and leaves nothing behind."""
    again = run(folder, form)
    assert again.item is not None and again.item.state == "done", again.said
    assert again.planes <= most, (again.planes, most)
    assert_nothing_half(folder, form, fitted)
    names = {path.name for path in (folder / "out").iterdir()}
    beside = {name for name in names if name.startswith("s_denoised-")}
    assert names - beside <= {f"s_denoised{ENDINGS[form]}", "batch_report.csv", "batch_report.html"}, names


def faults_at(at: int, folder: Path, kind: str) -> Faults:
    if kind == "the folder goes":
        return Faults(folder, at, 0, vanishing=folder / "out")
    if kind == "the disk is full":
        return Faults(folder, at, errno.ENOSPC, lasting=True)
    return Faults(folder, at, ERRORS[at % 3])


KINDS = ("one call is refused", "the disk is full", "the folder goes")


def try_all(folder: Path, form: str, start: str, kind: str, fitted: list[Finished], step: int = 1) -> int:
    """Let the n-th call go wrong, for every n until a run has not so many; return how many it has."""
    prepare(folder / "prepared", form, start)
    at, hit = 0, True
    while hit:
        place = folder / "work"
        shutil.copytree(folder / "prepared", place, copy_function=shutil.copy2)
        faults = faults_at(at, place, kind)
        with faults.at_work():
            ended = run(place, form, "overwrite" if start == "an old output" else "resume")
        hit = faults.was_hit
        told = f"call {at} of {len(faults.calls)}: {faults.calls[at] if hit else 'none'}; {ended.said}"
        try:
            assert_nothing_half(place, form, fitted)
            kept = start == "a kept plane" and kind != "the folder goes"
            if ended.item is not None and ended.item.state == "done":
                # A plane that goes before it is read is fitted again.
                gone_early = start == "a kept plane" and not kept and ended.planes == len(STACK)
                assert ended.planes == len(STACK) - (start == "a kept plane") + gone_early
            else:
                assert ended.said
            gone = kind == "the folder goes" or start == "an old output"
            finished = 0 if gone else ended.planes - (ended.item is None) + kept
            assert_a_rerun_finishes(place, form, fitted, len(STACK) - max(finished, 0))
        except AssertionError as error:
            raise AssertionError(f"{told}: {error}") from error
        shutil.rmtree(place)
        at += step
    return at


@pytest.mark.usefixtures("_fits_take_no_time")
@pytest.mark.parametrize(
    ("form", "start", "kind", "step"),
    [
        ("ome-tiff", "nothing", KINDS[0], 47),
        ("ome-tiff", "a kept plane", KINDS[0], 53),
        ("ome-tiff", "nothing", KINDS[1], 59),
        ("ome-tiff", "nothing", KINDS[2], 61),
        ("ome-zarr", "nothing", KINDS[0], 67),
        ("ome-zarr", "a kept plane", KINDS[2], 61),
    ],
)
def test_whatever_is_refused_the_next_run_finishes_and_nothing_is_half(
    tmp_path, fitted, form, start, kind, step
):
    if form == "ome-zarr":
        pytest.importorskip("zarr", reason="OME-Zarr needs the package zarr")
    assert try_all(tmp_path, form, start, kind, fitted, step) > 100


@pytest.mark.usefixtures("_fits_take_no_time")
def test_planes_whose_list_cannot_be_read_are_kept(tmp_path, fitted):
    prepare(tmp_path, "ome-tiff", "a kept plane")
    store = tmp_path / "out" / "s_denoised.ome.tif.planes"

    class Unread(Faults):
        def concerns(self, path):
            return str(path) == str(store / "run.json")

    with Unread(tmp_path, 0, errno.EIO).at_work():
        assert "Input/output error" in run(tmp_path, "ome-tiff").said[0]
    assert run(tmp_path, "ome-tiff").planes == len(STACK) - 1


@pytest.mark.endurance
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("_fits_take_no_time")
@pytest.mark.parametrize("form", ENDINGS)
@pytest.mark.parametrize("start", ["nothing", "a kept plane", "an old output"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_call_may_be_refused(tmp_path, fitted, form, start, kind):
    """Try every eleventh call, or every single one with BLINDSPOT_FAULTS=1."""
    step = int(os.environ.get("BLINDSPOT_FAULTS", "11"))
    calls = try_all(tmp_path, form, start, kind, fitted, step)
    print(f"{form}, {start}, {kind}: {calls} calls")
