import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from napari_blindspot.core.errors import SettingsError
from napari_blindspot.settings import PRESETS, MeasuredSettings, PaperSettings, Settings, setting_fields


def test_the_papers_preset_has_the_papers_numbers():
    s = Settings.from_preset("paper")
    assert (s.visible_fraction, s.dilation, s.iterations) == (0.1, 1, 1200)
    assert (s.unet_learning_rate, s.inr_learning_rate) == (4e-4, 1e-4)
    assert (s.unet_width, s.unet_dilation) == (48, 2)
    assert (s.inr_features, s.inr_dropout) == (32, (0.35, 0.45, 0.55, 0.65, 0.75))
    assert s.losses == ("denoising", "inr", "consistency")


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_round_trips_through_json(preset):
    settings = Settings.from_preset(preset, seed=9)
    assert Settings.parse(settings.model_dump_json()) == settings
    assert Settings.parse(json.loads(settings.model_dump_json())) == settings


@pytest.mark.parametrize(("preset", "iterations"), [("auto", 1000), ("fast", 250), ("best", 3000)])
def test_random_weights_bring_more_iterations_along(preset, iterations):
    settings = Settings.from_preset(preset, unet_weights="random")
    assert settings.iterations == iterations > Settings.from_preset(preset).iterations
    other = Settings.from_preset(preset, unet_width=8)
    assert (other.unet_weights, other.unet_width, other.iterations) == ("random", 8, iterations)


@pytest.mark.parametrize(
    ("preset", "changes"),
    [
        *((preset, {}) for preset in PRESETS),
        *((preset, {"unet_width": 8}) for preset in PRESETS),
        *((preset, {"iterations": 150}) for preset in PRESETS),
        *((preset, {"seed": 3, "symmetries": 2}) for preset in ("auto", "fast", "best")),
        *((preset, {"unet_weights": "random"}) for preset in ("auto", "fast", "best")),
        ("paper", {"seed": 3, "passes": 2}),
    ],
)
def test_the_overrides_of_settings_build_them_again(preset, changes):
    settings = Settings.from_preset(preset, **changes)
    # Iterations that one start has by itself must not be lost with the other.
    usual = Settings.from_preset(preset).iterations
    for same in (settings, settings.model_copy(update={"iterations": usual})):
        assert Settings.from_preset(preset, **same.overrides()) == same


def test_an_untouched_preset_has_no_overrides():
    assert [Settings.from_preset(preset).overrides() for preset in PRESETS] == [{}] * len(PRESETS)


def test_settings_cannot_be_changed_after_they_were_validated():
    with pytest.raises(ValidationError):
        Settings.from_preset().seed = 3  # type: ignore[misc]


def test_none_leaves_a_value_as_the_preset_has_it():
    assert Settings.from_preset("auto", iterations=None, seed=2) == Settings.parse(
        {"preset": "auto", "seed": 2}
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"iterations": -5}, "'iterations' is -5, but input should be greater than or equal to 1"),
        ({"visible_fraction": 1.0}, "'visible_fraction' is 1.0, but input should be less than 1"),
        ({"dilation": 4}, "'dilation' is 4"),
        ({"seed": -1}, "'seed' is -1"),
        ({"speed": 3}, "There is no setting 'speed'"),
        (
            {"inr_dropout": (0.5, 1.0)},
            r"'inr_dropout' is \(0.5, 1.0\), but every rate must lie in \[0, 1\)",
        ),
        ({"losses": ()}, "at least one of the losses must be on"),
        ({"losses": ("mse",)}, "'mse' is none of the losses: denoising, inr, consistency"),
        ({"gap": 1}, "The preset 'paper' has no setting 'gap'; it is one of: auto, fast, best"),
        ({"unet_learning_rate": float("nan")}, "'unet_learning_rate' is nan"),
    ],
)
def test_a_value_out_of_range_is_told_in_one_sentence(changes, words):
    with pytest.raises(SettingsError, match=words) as caught:
        Settings.from_preset("paper", **changes)
    assert "\n" not in str(caught.value)


def test_an_unknown_preset_is_answered_with_the_ones_there_are():
    with pytest.raises(SettingsError, match=r"no preset 'turbo'; choose one of: .*paper"):
        Settings.from_preset("turbo")


def test_broken_json_is_a_settings_error():
    with pytest.raises(SettingsError):
        Settings.parse("{not json")


def test_settings_belong_to_a_method_and_are_made_by_its_preset():
    with pytest.raises(TypeError, match=r"Settings\.from_preset"):
        Settings(seed=1)
    assert isinstance(Settings.from_preset("paper"), PaperSettings)
    assert all(
        isinstance(Settings.from_preset(name), MeasuredSettings) for name in ("auto", "fast", "best")
    )


def test_every_setting_has_a_title_and_a_sentence_of_help():
    for name, field in setting_fields().items():
        assert field.title, name
        assert field.description.endswith("."), name


def test_the_order_in_which_losses_are_named_makes_no_difference():
    one = Settings.from_preset("paper", losses=("consistency", "denoising"))
    assert one == Settings.from_preset("paper", losses=("denoising", "consistency"))


def test_the_page_of_the_settings_says_what_the_settings_say():
    script = Path(__file__).parents[1] / "docs" / "settings_reference.py"
    subprocess.run([sys.executable, str(script), "--check"], check=True)
