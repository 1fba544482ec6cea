"""The Advanced part of the widget: fields that are made from `Settings`, so that they never disagree.

A field shows what the preset has, and only what the user changes is passed on as an override.
"""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt
from magicgui.widgets import CheckBox, ComboBox, Container, FloatSpinBox, SpinBox

from napari_blindspot.settings import Settings

__all__ = ["SettingsForm"]

MEASURED = "measured"
"""Shown where a preset sets a value by the noise that it measures."""

LABELS = {
    "iterations": ("Iterations", "Steps of the fit."),
    "passes": ("Passes", "Random visible sets over which the final image is averaged."),
    "visible_fraction": (
        "Visible (p0)",
        "Probability of a pixel to be shown to the networks in an iteration.",
    ),
    "dilation": (
        "Dilation",
        "Radius in pixels around each visible pixel where no loss is taken; larger for noise that "
        "neighbouring pixels share.",
    ),
    "denoising_loss": ("Denoising loss", "The U-Net predicts pixels that it did not see."),
    "inr_loss": ("INR loss", "The coordinate network reproduces the visible pixels."),
    "consistency_loss": ("Consistency loss", "Both networks agree between the pixels."),
    "mend_defects": (
        "Mend defects",
        "Predict hot and dead pixels from the others, and take out offsets of rows or columns.",
    ),
    "unet_start": (
        "U-Net starts",
        "From weights that were fitted to synthetic images, or from random ones, which need more "
        "iterations.",
    ),
    "seed": ("Seed", "Same settings, seed and device: same pixels."),
    "device": ("Device", "Where to compute; auto takes the GPU if there is one."),
    "precision": ("Precision", "Arithmetic of the U-Net's convolutions."),
    "output_dtype": (
        "Result type",
        "float32, or rounded and clipped to the data type of the input.",
    ),
}
"""Label and tooltip of every field that is shown, in this order."""

START, ITERATIONS = "unet_start", "iterations"
"""The field that changes what another one shows, and that one."""

KEPT = ("seed", "device", "output_dtype")
"""Fields that are not part of a method: another preset leaves them as the user set them."""


class SettingsForm(Container[Any]):
    """Fields for the settings that a user may want to change.

    Parameters
    ----------
    preset : str
        Whose values to show first.
    """

    def __init__(self, preset: str) -> None:
        self._hints = get_type_hints(Settings)
        self._preset = preset
        self._shown: dict[str, Any] = {}
        self._measured: set[str] = set()
        super().__init__(widgets=[self._field(name) for name in LABELS], labels=True)
        self._fill(tuple(LABELS))
        self[START].changed.connect(self._follow_start)

    @property
    def preset(self) -> str:
        """The preset whose values the fields start from; setting it fills the fields."""
        return self._preset

    @preset.setter
    def preset(self, preset: str) -> None:
        self._preset = preset
        changed = self.overrides()
        self._fill(tuple(name for name in LABELS if not (name in KEPT and name in changed)))

    def overrides(self) -> dict[str, Any]:
        """Return the fields that differ from what the preset had filled in."""
        return {name: self._value(name) for name in LABELS if self[name].value != self._shown[name]}

    def settings(self) -> Settings:
        """Return the preset with the user's changes.

        Raises
        ------
        SettingsError
            If they do not fit together.
        """
        return Settings.from_preset(self._preset, **self.overrides())

    def take(self, settings: Settings) -> dict[str, Any]:
        """Show what other settings have, and return those that differ from their preset without a field."""
        self._preset = settings.preset
        self._fill(tuple(LABELS))
        changed = settings.overrides()
        # The start first, since it brings other values along.
        for name in sorted(LABELS, key=lambda name: name != START):
            if changed.get(name) is not None:
                self[name].value = changed[name]
        return {name: value for name, value in changed.items() if name not in LABELS}

    def _value(self, name: str) -> Any:
        """Return what a field says; None where it stands for what the preset measures."""
        field = self[name]
        unset = isinstance(field, FloatSpinBox) and name in self._measured and field.value == field.min
        return None if unset else field.value

    def _follow_start(self, start: str) -> None:
        """Show how many iterations this start asks for, unless the user has said how many."""
        if not Settings(preset=self._preset).measures_noise:
            return
        said = self._value(ITERATIONS) if ITERATIONS in self.overrides() else None
        self._fill((ITERATIONS,), unet_start=start)
        if said is not None:
            self[ITERATIONS].value = said

    def _fill(self, names: tuple[str, ...], **changes: Any) -> None:
        values = Settings.from_preset(self._preset, **changes)
        for name in names:
            value = getattr(values, name)
            if type(None) in get_args(self._hints[name]):
                self._offer_measured(name, value is None)
            field = self[name]
            field.value = field.min if value is None and isinstance(field, FloatSpinBox) else value
            # What the field makes of the value: a spin box rounds to its last digit.
            self._shown[name] = self[name].value

    def _offer_measured(self, name: str, offer: bool) -> None:
        """Add or take away the choice "measured", which only some presets can follow."""
        (self._measured.add if offer else self._measured.discard)(name)
        field = self[name]
        if isinstance(field, ComboBox):
            field.reset_choices()
            return
        # A spin box shows its special text instead of its least value.
        low, step = _range(name, self._step(name))[0], self._step(name)
        field.min = low - step if offer else low
        field.native.setSpecialValueText(MEASURED if offer else "")

    def _choices(self, name: str) -> list[tuple[str, int | None]]:
        low, high = _range(name, 1)
        given: list[tuple[str, int | None]] = [(str(n), n) for n in range(int(low), int(high) + 1)]
        return [(MEASURED, None), *given] if name in self._measured else given

    def _field(self, name: str) -> Any:
        label, tooltip = LABELS[name]
        options: dict[str, Any] = {"name": name, "label": label, "tooltip": tooltip}
        hint = self._hints[name]
        if get_origin(hint) is Literal:
            return ComboBox(choices=get_args(hint), **options)
        if hint is bool:
            return CheckBox(**options)
        low, high = _range(name, self._step(name))
        if hint is int:
            # A spin box of Qt holds 32 bits.
            return SpinBox(min=int(low), max=int(min(high, 2**31 - 1)), **options)
        if int in get_args(hint):
            # magicgui asks again whenever the field moves to another parent.
            return ComboBox(choices=lambda _: self._choices(name), **options)
        return FloatSpinBox(min=low, max=high, step=self._step(name), **options)

    def _step(self, name: str) -> float:
        hint = self._hints[name]
        return 1 if int in (hint, *get_args(hint)) else 0.01


def _range(name: str, step: float) -> tuple[float, float]:
    """Return the least and greatest value that `Settings` accepts, in multiples of a step."""
    low, high = 0.0, 1e9
    for bound in Settings.model_fields[name].metadata:
        if isinstance(bound, Ge):
            low = bound.ge  # type: ignore[assignment]
        elif isinstance(bound, Gt):
            low = bound.gt + step  # type: ignore[operator]
        elif isinstance(bound, Le):
            high = bound.le  # type: ignore[assignment]
        elif isinstance(bound, Lt):
            high = bound.lt - step  # type: ignore[operator]
    return low, high
