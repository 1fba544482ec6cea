"""Preferences: declared in the manifest and nowhere else."""

from __future__ import annotations

from importlib.resources import files

import yaml

from napari_blindspot.widgets.shared.preferences import Preferences


def test_the_defaults_are_those_of_the_manifest():
    manifest = yaml.safe_load(files("napari_blindspot").joinpath("napari.yaml").read_text("utf-8"))
    fields = manifest["contributions"]["configurations"]["denoise"]["properties"]
    assert vars(Preferences()) == {name: field["default"] for name, field in fields.items()}


def test_a_stored_value_that_is_not_offered_any_more_is_the_default():
    assert Preferences(preset="gone").preset == Preferences().preset
    assert Preferences(preset="paper").preset == "paper"
    assert Preferences(gone=1) == Preferences()
