"""The Advanced fields: they show the preset, and pass on only what the user changed."""

from __future__ import annotations

import pytest

from napari_blindspot import PRESETS, Settings
from napari_blindspot.engine.hardware.backends import BACKENDS
from napari_blindspot.method.losses import LOSSES
from napari_blindspot.settings import DEFAULT_PRESET, setting_fields
from napari_blindspot.widgets.denoise import DenoiseWidget
from napari_blindspot.widgets.shared.form import SettingsForm


@pytest.fixture
def form(qtbot) -> SettingsForm:
    return SettingsForm(DEFAULT_PRESET)


@pytest.mark.parametrize("preset", PRESETS)
def test_untouched_fields_give_exactly_the_preset(form, preset):
    form.preset = preset
    assert form.overrides() == {}
    assert form.settings() == Settings.from_preset(preset)


def test_the_fields_show_the_values_of_the_preset(form):
    form.preset = "paper"
    paper = Settings.from_preset("paper")
    shown = {name: form[name].value for name in form.names}
    assert shown == {name: getattr(paper, name) for name in form.names}


def test_moving_the_form_into_a_dock_changes_nothing(make_napari_viewer):
    viewer = make_napari_viewer(show=False)
    widget = DenoiseWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Denoise")
    assert widget.form.overrides() == {}
    widget.form["gap"].value = 1
    viewer.add_shapes()
    assert widget.form.overrides() == {"gap": 1}


def test_a_changed_field_is_the_only_override(form):
    form["iterations"].value = 77
    assert form.overrides() == {"iterations": 77}
    assert form.settings() == Settings.from_preset(DEFAULT_PRESET, iterations=77)


def test_a_field_set_back_is_no_override(form):
    before = form["iterations"].value
    form["iterations"].value = 77
    form["iterations"].value = before
    assert form.overrides() == {}


def test_random_weights_show_the_iterations_that_they_ask_for_unless_the_user_has_said_how_many(form):
    usual = form["iterations"].value
    form["unet_weights"].value = "random"
    assert form["iterations"].value == form.settings().iterations == 1000
    assert form.overrides() == {"unet_weights": "random"}
    form["unet_weights"].value = "pretrained"
    assert form["iterations"].value == usual
    assert form.overrides() == {}
    form["iterations"].value = 77
    form["unet_weights"].value = "random"
    assert form.settings() == Settings.from_preset(DEFAULT_PRESET, unet_weights="random", iterations=77)
    form["iterations"].value = usual
    assert form.settings() == Settings.from_preset(DEFAULT_PRESET, unet_weights="random", iterations=usual)


def test_settings_from_random_weights_are_shown_as_they_are(form):
    settings = Settings.from_preset("auto", unet_weights="random", iterations=30, unet_width=8)
    left = form.take(settings)
    assert form["iterations"].value == 30
    assert left == {"unet_width": 8}
    assert Settings.from_preset("auto", **left, **form.overrides()) == settings


def test_what_a_preset_measures_is_shown_as_measured_and_can_be_set(form):
    form.preset = "auto"
    assert form["gap"].current_choice == "measured"
    assert form["visible_fraction"].native.text() == "measured"
    form["gap"].value = 0
    form["visible_fraction"].value = 0.25
    assert form.settings().gap == 0
    assert form.settings().visible_fraction == 0.25


def test_a_preset_that_measures_nothing_does_not_offer_it(form):
    form.preset = "paper"
    assert form["dilation"].choices == (0, 1, 2, 3)
    form["visible_fraction"].value = form["visible_fraction"].min
    assert form.settings().visible_fraction == 0.01


def test_another_preset_resets_the_method_but_neither_seed_nor_device(form):
    form["iterations"].value = 77
    form["seed"].value = 5
    form["device"].value = "cpu"
    form.preset = "paper"
    assert form.settings() == Settings.from_preset("paper", seed=5, device="cpu")


def test_the_fields_accept_nothing_that_the_settings_refuse(form):
    form.preset = "paper"
    for name in ("iterations", "seed", "visible_fraction"):
        for value in (form[name].max, form[name].min):
            form[name].value = value
            assert form.settings().preset == "paper"


def test_the_fields_are_those_of_the_preset_with_the_titles_of_the_settings(form):
    form.preset = "auto"
    assert {"gap", "symmetries", "mend_defects"} < set(form.names)
    form.preset = "paper"
    assert {"dilation", "passes"} < set(form.names)
    assert not {"gap", "symmetries", "mend_defects"} & set(form.names)
    for name in form.names:
        field = setting_fields("paper")[name]
        assert (form[name].label, form[name].tooltip) == (field.title, field.description)


def test_devices_and_losses_are_those_of_their_lists(form):
    assert form["device"].choices == ("auto", *BACKENDS)
    form.preset = "paper"
    assert form["losses"].value == tuple(LOSSES)
    form["losses"].value = ("inr",)
    assert form.overrides() == {"losses": ("inr",)}
    assert form.settings() == Settings.from_preset("paper", losses=("inr",))
