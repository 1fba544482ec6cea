"""What is kept from one session to the next: presets of one's own, and what was chosen last."""

from __future__ import annotations

import json

import numpy as np
import pytest
from small import names, noisy_image, quick
from tifffile import imwrite

from napari_blindspot import PRESETS, Settings, read_settings
from napari_blindspot.widgets.batch import BatchWidget
from napari_blindspot.widgets.denoise import DenoiseWidget
from napari_blindspot.widgets.shared.own_folder import own_folder, recall, remember
from napari_blindspot.widgets.shared.run_buttons import RunButtons


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """The folder of a user, where napari is told to store settings."""
    monkeypatch.setenv("NAPARI_CONFIG", str(tmp_path / "napari" / "settings.yaml"))
    return tmp_path / "napari" / "napari-blindspot"


@pytest.fixture
def dock(viewer, stored):
    """Make a Denoise dock, as every session does."""

    def make() -> DenoiseWidget:
        made = DenoiseWidget(viewer)
        viewer.window.add_dock_widget(made)
        return made

    return make


def test_settings_with_a_name_are_offered_beside_the_presets_and_can_be_shared(dock, stored, tmp_path):
    first = dock()
    first.preset.value = "best"
    first.form["iterations"].value = 77
    first.form["gap"].value = 2
    first.own.save("fibres: 2-photon")
    assert first.status.message.value == "Saved the preset “fibres_ 2-photon”."
    assert first.preset.value == "fibres_ 2-photon"
    first.own.share(tmp_path / "for you.json")
    second = dock()
    assert second.preset.choices == (*PRESETS, "fibres_ 2-photon")
    second.preset.value = "fibres_ 2-photon"
    expected = Settings.from_preset("best", iterations=77, gap=2)
    assert second._settings() == expected
    assert second.form["iterations"].value == 77
    second.preset.value = "auto"
    assert second._settings() == Settings.from_preset("auto")
    # What a file of settings says is a preset, also what has no field.
    values = {**json.loads((tmp_path / "for you.json").read_text()), "batch_size": 4}
    (tmp_path / "theirs.json").write_text(json.dumps(values))
    second.own.take(tmp_path / "theirs.json")
    assert second._settings() == Settings.from_preset("best", iterations=77, gap=2, batch_size=4)
    assert read_settings(stored / "presets" / "theirs.json").batch_size == 4
    assert second.own.drop.enabled
    second.own.discard()
    assert second.preset.value == "best"
    assert second.preset.choices == (*PRESETS, "fibres_ 2-photon")
    assert not second.own.drop.enabled


def test_a_preset_that_is_torn_or_has_no_name_is_said_in_a_sentence(dock, stored):
    (stored / "presets").mkdir(parents=True)
    (stored / "presets" / "torn.json").write_text('{"preset": "au')
    widget = dock()
    widget.preset.value = "torn"
    assert "holds no settings" in widget.status.message.value
    assert widget.preset.value == "auto"
    for name in ("auto", " . "):
        widget.own.save(name)
        assert "cannot be the name of a preset of your own" in widget.status.message.value


def test_where_napari_stores_nothing_nothing_is_stored(dock, monkeypatch):
    monkeypatch.setenv("NAPARI_CONFIG", "")
    assert own_folder() is None
    widget = dock()
    widget.own.save("mine")
    assert "can only be shared as a file" in widget.status.message.value
    remember("denoise", {"preset": "best"})
    assert recall("denoise") == {}


def test_the_dock_opens_with_what_was_chosen_at_the_last_run(dock, viewer, stored, widget, noisy, finish):
    viewer.add_image(noisy, name="cells")
    quick(widget, iterations=3)
    widget.previews.value = False
    widget.keep.where.value = "memory"
    finish(widget)
    again = dock()
    assert again.preset.value == "paper"
    assert again._settings() == widget._settings()
    assert (again.previews.value, again.fall_back.value) == (False, True)
    assert again.keep.where.value == "memory"
    # Preferences that were changed since hold, and what nobody can read does no harm.
    values = recall("denoise")
    remember("denoise", {**values, "preferences": {**values["preferences"], "device": "cuda"}})
    assert dock().preset.value == "auto"
    remember("denoise", {**values, "settings": {"preset": "gone"}})
    assert dock().preset.value == "auto"
    (stored / "denoise.json").write_text("{")
    assert dock().preset.value == "auto"
    assert "cells denoised" in names(viewer)


def test_a_batch_begins_with_what_its_folder_was_last_done_with(viewer, stored, tmp_path, monkeypatch):
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        imwrite(tmp_path / name / "cells.tif", np.asarray(noisy_image((32, 32))))
    first = BatchWidget(viewer)
    first.add_paths([tmp_path / "old"])
    first.preset.value = "best"
    first.form["iterations"].value = 7
    first.voxel_size.value = "0.1,0.1"
    first.format.value = "ome-zarr"
    monkeypatch.setattr(RunButtons, "adopt", lambda *_: None)
    first.run()
    first.files.frozen = False
    second = BatchWidget(viewer)
    # Another project begins with the same choices, but not with what holds for those files alone.
    assert (second.preset.value, second.format.value, second.output.value) == ("best", "ome-zarr", "")
    second.preset.value = "fast"
    second.add_paths([tmp_path / "new"])
    assert (second.preset.value, second.voxel_size.value) == ("fast", "")
    second.remove_rows([0])
    second.output.value = ""
    second.add_paths([tmp_path / "old"])
    assert second.output.value == str(tmp_path / "old" / "denoised")
    assert second.settings() == Settings.from_preset("best", iterations=7)
    assert second.voxel_size.value == "0.1,0.1"
    for made in (first, second):
        made.closed()
