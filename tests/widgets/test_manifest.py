"""What napari is told about the plugin, and that all of it can be opened."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from npe2 import PluginManifest

from napari_blindspot.core.errors import FileError
from napari_blindspot.engine.hardware.backends import BACKENDS
from napari_blindspot.settings import DEFAULT_PRESET, PRESETS, Settings
from napari_blindspot.widgets.denoise import DenoiseWidget
from napari_blindspot.widgets.shared.preferences import Preferences, read_preferences

SAMPLES = ("confocal", "two_photon", "wide_field", "z_stack", "cell_series")


@pytest.fixture(scope="module")
def manifest() -> PluginManifest:
    return PluginManifest.from_distribution("napari-blindspot")


@pytest.fixture
def plugin(manifest, npe2pm, plugin_settings):
    npe2pm.register(manifest)
    return npe2pm


def test_denoise_is_in_the_filter_menu_and_is_a_widget(manifest):
    in_menu = [item.command for item in manifest.contributions.menus["napari/layers/filter"]]
    widgets = {widget.command: widget.display_name for widget in manifest.contributions.widgets}
    commands = ["denoise", "denoise_auto", "denoise_fast"]
    assert in_menu == [f"napari-blindspot.{command}" for command in commands]
    assert widgets["napari-blindspot.denoise"] == "Denoise"


def test_every_command_can_be_loaded(manifest):
    for command in manifest.contributions.commands:
        module, _, name = command.python_name.partition(":")
        assert hasattr(__import__(module, fromlist=[name]), name)


@pytest.mark.parametrize("key", SAMPLES)
def test_a_sample_opens_with_its_truth_beneath_it(make_napari_viewer, plugin, key):
    viewer = make_napari_viewer(show=False)
    truth, noisy = viewer.open_sample("napari-blindspot", key)
    assert list(viewer.layers) == [truth, noisy]
    assert truth.name == f"{noisy.name} truth"
    assert truth.data.shape == noisy.data.shape
    assert np.array_equal(truth.scale, noisy.scale)
    # Nobody says how large the pixels of the cell are.
    assert {str(unit) for unit in noisy.units} == {"pixel" if key == "cell_series" else "micrometer"}
    assert truth.contrast_limits == noisy.contrast_limits
    correlation = np.corrcoef(truth.data.ravel(), noisy.data.ravel())[0, 1]
    assert correlation > 0.3


def test_real_samples_are_what_scikit_image_carries_and_a_run_could_take_them(
    make_napari_viewer, plugin, monkeypatch
):
    from napari_blindspot.widgets.denoise.scope import check_layer
    from napari_blindspot.widgets.shared import samples

    viewer = make_napari_viewer(show=False)
    for key, rgb in (("cell", False), ("fundus", False), ("tissue", True)):
        (layer,) = viewer.open_sample("napari-blindspot", key)
        assert (layer.name, layer.rgb, layer.data.dtype) == (key, rgb, np.uint8)
        check_layer(layer)
    monkeypatch.setitem(sys.modules, "skimage.data", None)
    with pytest.raises(
        FileError, match=r'This sample needs the package skimage.*"napari-blindspot\[samples\]"'
    ):
        samples.cell_layers()


def test_the_preferences_offer_every_preset_and_device(manifest):
    fields = manifest.contributions.configurations["denoise"].properties
    assert tuple(fields["preset"].enum) == PRESETS, "a preset is missing in napari.yaml"
    assert fields["preset"].default == DEFAULT_PRESET
    assert fields["device"].enum == ["auto", *BACKENDS]
    assert Preferences() == Preferences(**{name: field.default for name, field in fields.items()})


def test_the_widget_starts_with_what_the_user_prefers(make_napari_viewer, plugin):
    from napari.settings import get_plugin_settings

    stored = get_plugin_settings("napari-blindspot").denoise
    stored.preset, stored.device = "paper", "cpu"
    stored.preview_interval, stored.fall_back_to_cpu = 2.0, False
    assert read_preferences() == Preferences(
        preset="paper", device="cpu", preview_interval=2.0, fall_back_to_cpu=False
    )
    viewer = make_napari_viewer(show=False)
    widget = DenoiseWidget(viewer)
    viewer.window.add_dock_widget(widget)
    assert widget.preset.value == "paper"
    assert widget.form.settings() == Settings.from_preset("paper", device="cpu")
    assert widget.fall_back.value is False


def test_the_defaults_hold_where_napari_has_no_plugin_settings(monkeypatch):
    import napari.settings

    monkeypatch.delattr(napari.settings, "get_plugin_settings", raising=False)
    assert read_preferences() == Preferences()
