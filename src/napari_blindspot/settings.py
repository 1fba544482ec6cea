"""The complete record of a run: every knob that changes a pixel, validated once, at the door.

Each knob stands here once, with its title, its help and its range; the command line, the form of the
widgets and the documentation are made from them. What the paper's method has and what the measured one has
are two classes; a preset is one of them with some values of its own. Nothing here imports torch, and
nothing that only concerns the screen (how often to draw a preview) belongs here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from napari_blindspot.core.errors import SettingsError
from napari_blindspot.core.knobs import (
    MOST_NEIGHBOURS,
    Arithmetic,
    Device,
    Dilation,
    Gap,
    GapIfSet,
    InputChannels,
    InrDropout,
    InrFeatures,
    InrOctaves,
    InrOmega,
    Iterations,
    LearningRate,
    LeastIterations,
    Losses,
    Neighbours,
    OutputDtype,
    Precision,
    Preset,
    Rounds,
    RoundsIfSet,
    Seed,
    StackStart,
    Start,
    TrainInr,
    UnetWidth,
    VisibleFraction,
    VisibleFractionIfSet,
    knob,
)
from napari_blindspot.core.quoting import shown
from napari_blindspot.method.losses import LOSSES

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

__all__ = [
    "DEFAULT_PRESET",
    "MOST_NEIGHBOURS",
    "PRESETS",
    "PRETRAINED_WIDTH",
    "MeasuredSettings",
    "PaperSettings",
    "PlannedSettings",
    "Precision",
    "Settings",
    "StackStart",
    "setting_fields",
]

DEFAULT_PRESET = "auto"

PRETRAINED_WIDTH = 16
"""Filters at full resolution of the U-Nets whose weights are part of this package."""

UnetWeights = Literal["pretrained", "random"]


class Settings(BaseModel):
    """Everything that decides the pixels of a result, as far as both methods have it.

    `Settings.from_preset` and `Settings.parse` make one; what they return is a `PaperSettings` for the
    preset ``paper`` and a `MeasuredSettings` for all others. A record is frozen; the same settings and seed
    on the same device give the same pixels.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    preset: Preset = DEFAULT_PRESET
    seed: Seed = 0
    device: Device = "auto"
    precision: Arithmetic = "auto"
    output_dtype: OutputDtype = "float32"
    iterations: Iterations = 1200
    losses: Losses = tuple(LOSSES)
    stack_start: Start = "anew"
    train_inr: TrainInr = True
    unet_width: UnetWidth = 48
    unet_learning_rate: LearningRate = 4e-4
    inr_features: InrFeatures = 32
    inr_octaves: InrOctaves = 4
    inr_omega: InrOmega = 30.0
    inr_dropout: InrDropout = (0.35, 0.45, 0.55, 0.65, 0.75)
    inr_learning_rate: LearningRate = 1e-4

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """Refuse to make a record that belongs to no method."""
        if cls is Settings:
            raise TypeError("Settings are made by Settings.from_preset or Settings.parse.")
        return super().__new__(cls)

    @field_validator("losses")
    @classmethod
    def _known_losses(cls, losses: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in losses if name not in LOSSES]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is none of the losses: {', '.join(LOSSES)}")
        if not losses:
            raise ValueError("at least one of the losses must be on")
        # In one order, so that the same losses are the same settings.
        return tuple(name for name in LOSSES if name in losses)

    @field_validator("inr_dropout")
    @classmethod
    def _possible_rates(cls, rates: tuple[float, ...]) -> tuple[float, ...]:
        if not rates:
            raise ValueError("it must name at least one layer")
        if not all(0.0 <= rate < 1.0 for rate in rates):
            raise ValueError("every rate must lie in [0, 1)")
        return rates

    def overrides(self) -> dict[str, Any]:
        """Return what `from_preset` must be given beside the preset to build the same settings."""
        usual = Settings.from_preset(self.preset)
        return {name: value for name, value in self if value != getattr(usual, name)}

    @staticmethod
    def from_preset(preset: str = DEFAULT_PRESET, **overrides: Any) -> Settings:
        """Return a preset's settings with some of them replaced.

        Parameters
        ----------
        preset : str
            One of `PRESETS`.
        **overrides
            Any field of the preset's settings; ``None`` means "as the preset has it".

        Returns
        -------
        PaperSettings or MeasuredSettings
            The complete record.

        Raises
        ------
        SettingsError
            If there is no such preset or setting, or a value is out of range; one sentence says which.
        """
        given = {name: value for name, value in overrides.items() if value is not None}
        return Settings.parse({"preset": preset, **given})

    @staticmethod
    def parse(values: Mapping[str, Any] | str | bytes) -> Settings:
        """Build settings from a mapping or JSON text, with one sentence for whatever is wrong.

        Returns
        -------
        PaperSettings or MeasuredSettings
            By the preset that the values name.

        Raises
        ------
        SettingsError
            If the values do not validate.
        """
        known = dict(values) if isinstance(values, Mapping) else _from_json(values)
        preset = known.get("preset", DEFAULT_PRESET)
        if not isinstance(preset, str) or preset not in _PRESETS:
            raise SettingsError(f"There is no preset {shown(preset)}; choose one of: {', '.join(PRESETS)}.")
        try:
            return _PRESETS[preset].method.model_validate(known)
        except ValidationError as error:
            raise SettingsError(_one_sentence(error, preset)) from None


class PaperSettings(Settings):
    """The settings of Quan et al. (CVPR 2025); the defaults are the paper's.

    Its open points are settled as ``docs/how-it-works.md`` says. Its INR holds one plane, so that each
    plane of a stack is fitted anew.
    """

    input_channels: InputChannels = 3
    visible_fraction: VisibleFraction = 0.1
    dilation: Dilation = 1
    fill: Annotated[
        Literal["inr", "zero"],
        knob("Fill", "What the U-Net sees where a pixel is hidden: the INR, or nothing (Table 4)."),
    ] = "inr"
    detach_fill: Annotated[
        bool,
        knob(
            "Detach the fill", "Whether the gradient of L_dn stops at the fill; by equation 16 it does not."
        ),
    ] = False
    unet_dilation: Annotated[
        int, knob("U-Net dilation", "Dilation of its convolutions, all but the last.", ge=1, le=4)
    ] = 2
    unet_dropout: Annotated[
        float,
        knob(
            "U-Net dropout",
            "Probability to drop a feature after a pooling or a decoder block.",
            ge=0.0,
            lt=1.0,
        ),
    ] = 0.5
    passes: Annotated[
        int,
        knob(
            "Passes",
            "Random visible sets over which the final image is averaged.",
            shown="form",
            ge=1,
            le=100_000,
        ),
    ] = 400

    @field_validator("stack_start")
    @classmethod
    def _planes_by_themselves(cls, start: StackStart) -> StackStart:
        if start != "anew":
            raise ValueError("the preset 'paper' fits each plane anew, because its INR holds one plane")
        return start


class MeasuredSettings(Settings):
    """The settings of the presets that measure the noise first and set the method by it.

    What is None is decided by the noise of each plane; the settings of a result have it filled in
    (`PlannedSettings`).
    """

    iterations: Iterations = 400
    least_iterations: LeastIterations = 60
    stack_start: Start = "warm"
    unet_width: UnetWidth = PRETRAINED_WIDTH
    unet_learning_rate: LearningRate = 2e-3
    inr_features: InrFeatures = 64
    inr_octaves: InrOctaves = 6
    inr_omega: InrOmega = 10.0
    inr_dropout: InrDropout = (0.0,) * 5
    inr_learning_rate: LearningRate = 5e-3
    visible_fraction: VisibleFractionIfSet = None
    gap: GapIfSet = None
    mask: Annotated[str, knob("Mask", "Kind of blind spot: what is hidden with a target.")] = "disc"
    refine_iterations: RoundsIfSet = None
    unet_weights: Annotated[
        UnetWeights,
        knob(
            "U-Net weights",
            "Weights that the U-Net starts from: pretrained on synthetic images, or random ones, which "
            "need more iterations.",
            shown="cli form",
        ),
    ] = "pretrained"
    symmetries: Annotated[
        int,
        knob(
            "Symmetries",
            "Turns and mirror images of the plane over which the final image is averaged.",
            shown="form",
            ge=1,
            le=8,
        ),
    ] = 8
    patch_size: Annotated[
        int, knob("Patch size", "Side in pixels of the patches of an iteration, at most.", ge=16, le=4096)
    ] = 128
    batch_size: Annotated[
        int, knob("Batch size", "Patches that an iteration sees, at most.", ge=2, le=1024)
    ] = 2
    mend_defects: Annotated[
        bool,
        knob(
            "Mend defects",
            "Whether hot and dead pixels are predicted from the others, and offsets of whole rows or "
            "columns taken out.",
            shown="cli form",
            flag="--mend-defects/--keep-defects",
        ),
    ] = True
    neighbours: Neighbours = "auto"

    @model_validator(mode="before")
    @classmethod
    def _start_from_the_preset(cls, values: Any) -> Any:
        """Take what is not said from the preset; random weights bring more iterations along."""
        if not isinstance(values, dict):
            return values
        preset = _PRESETS.get(values.get("preset", DEFAULT_PRESET), _PRESETS[DEFAULT_PRESET])
        usual_width = values.get("unet_width", PRETRAINED_WIDTH) == PRETRAINED_WIDTH
        weights = values.get("unet_weights", "pretrained" if usual_width else "random")
        more = preset.from_random if weights == "random" else {}
        return {"unet_weights": weights, **preset.values, **more, **values}

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if "denoising" not in self.losses:
            raise ValueError("only the preset 'paper' can do without the denoising loss")
        if self.unet_weights == "pretrained" and self.unet_width != PRETRAINED_WIDTH:
            raise ValueError(
                f"there are pretrained weights for a U-Net width of {PRETRAINED_WIDTH} only, and it is "
                f"{self.unet_width}"
            )
        return self

    def overrides(self) -> dict[str, Any]:
        """Return what `from_preset` must be given beside the preset to build the same settings."""
        usual = Settings.from_preset(self.preset)
        like = Settings.from_preset(self.preset, unet_weights=getattr(self, "unet_weights", None))
        return {
            name: value
            for name, value in self
            if value != getattr(usual if name == "unet_weights" else like, name)
        }


class PlannedSettings(MeasuredSettings):
    """What a run of a measured method really used: all that the noise decides is filled in."""

    # Only a run makes one, so that a start that runs nothing need not wait until it can be validated.
    model_config = ConfigDict(defer_build=True)

    visible_fraction: VisibleFraction
    gap: Gap
    refine_iterations: Rounds


@dataclass(frozen=True, slots=True)
class _Preset:
    """A method with some values of its own, and those that random weights ask for instead."""

    method: type[Settings]
    values: Mapping[str, Any] = field(default_factory=dict)
    from_random: Mapping[str, Any] = field(default_factory=dict)


_PRESETS: dict[str, _Preset] = {
    "auto": _Preset(MeasuredSettings, {"patch_size": 96}, {"iterations": 1000, "patch_size": 128}),
    "fast": _Preset(
        MeasuredSettings,
        {"iterations": 60, "symmetries": 4, "patch_size": 64},
        {"iterations": 250, "patch_size": 128},
    ),
    "best": _Preset(MeasuredSettings, {"iterations": 1500, "least_iterations": 1500}, {"iterations": 3000}),
    "paper": _Preset(PaperSettings),
}

PRESETS: tuple[str, ...] = tuple(_PRESETS)


def setting_fields(preset: str | None = None) -> dict[str, FieldInfo]:
    """Return the fields of a preset's settings by name, or those of all presets.

    Each has ``title``, ``description``, its limits in ``metadata``, and in ``json_schema_extra`` where it
    is ``shown`` (a list of "form" and "cli") and its ``flag`` (empty where that is made from the name).
    """
    methods: list[type[Settings]] = [MeasuredSettings, PaperSettings]
    if preset is not None:
        methods = [_PRESETS[preset].method]
    return {name: field for method in reversed(methods) for name, field in method.model_fields.items()}


def _from_json(text: str | bytes) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"The settings are not JSON: {error}.") from None
    if not isinstance(values, dict):
        raise SettingsError("The settings are JSON, but not an object of names and values.")
    return values


def _one_sentence(error: ValidationError, preset: str) -> str:
    """Say which value was wrong and what would be right, for the first thing that failed."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        if name not in setting_fields():
            return f"There is no setting {name!r}."
        others = [other for other in PRESETS if name in setting_fields(other)]
        return f"The preset {preset!r} has no setting {name!r}; it is one of: {', '.join(others)}."
    reason = first["msg"].removeprefix("Value error, ")
    reason = reason[:1].lower() + reason[1:]
    if not name:
        return f"The settings do not fit together: {reason}."
    return f"The setting {name!r} is {shown(first['input'])}, but {reason}."
