"""The complete record of a run: every knob that changes a pixel, validated once, at the door.

A preset is a `Settings` with all its values; `Settings.from_preset` overrides some of them. What a run was
given is saved in its output and can be loaded back to repeat it. Nothing here imports torch, and nothing
that only concerns the screen (how often to draw a preview) belongs here.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from napari_blindspot.core.errors import SettingsError

__all__ = [
    "DEFAULT_PRESET",
    "PRESETS",
    "PRETRAINED_WIDTH",
    "DeviceName",
    "PlaneStrategy",
    "Precision",
    "PresetName",
    "Settings",
]

PresetName = Literal["auto", "fast", "best", "paper"]
DeviceName = Literal["auto", "cuda", "mps", "cpu"]
Precision = Literal["auto", "float32", "bfloat16"]
Fill = Literal["inr", "convolution", "zero"]
UnetStart = Literal["pretrained", "random"]
OutputDtype = Literal["float32", "input"]
PlaneStrategy = Literal["warm", "shared", "anew"]

PRESETS: tuple[PresetName, ...] = get_args(PresetName)
DEFAULT_PRESET: PresetName = "auto"

PRETRAINED_WIDTH = 16
"""Filters at full resolution of the U-Nets whose weights are part of this package."""

_MEASURED: dict[str, Any] = {
    "visible_fraction": None,
    "dilation": None,
    "fill": "convolution",
    "iterations": 400,
    "batch_size": 2,
    "unet_start": "pretrained",
    "unet_width": PRETRAINED_WIDTH,
    "unet_learning_rate": 2e-3,
    "inr_features": 64,
    "inr_octaves": 6,
    "inr_omega": 10.0,
    "inr_learning_rate": 5e-3,
    "inr_dropout": (0.0,) * 5,
    "passes": 8,
    "mend_defects": True,
}
"""What the presets that read the noise have in common, where it differs from the paper."""

_PRESET_VALUES: dict[str, dict[str, Any]] = {
    "auto": _MEASURED,
    "fast": {**_MEASURED, "iterations": 60, "passes": 4},
    "best": {**_MEASURED, "iterations": 1500},
    "paper": {},
}

_FROM_RANDOM: dict[str, dict[str, Any]] = {
    preset: {"unet_start": "random", "iterations": iterations}
    for preset, iterations in {"auto": 1000, "fast": 250, "best": 3000}.items()
}
"""What random weights ask for instead: more steps."""


class Settings(BaseModel):
    """Everything that decides the pixels of a result.

    ``paper`` is Quan et al., "Zero-Shot Blind-spot Image Denoising via Implicit Neural Sampling" (CVPR
    2025), its open points settled as ``docs/how-it-works.md`` says. ``auto``, ``fast`` and ``best`` measure
    the noise first and set the method by it; what they leave as None is filled in then, and recorded.

    Attributes
    ----------
    preset : str
        The preset that the other values started from.
    seed : int
        Seeds initial weights, visible sets, shifts and dropout. Same settings and seed on the same device
        give the same pixels.
    device : {"auto", "cuda", "mps", "cpu"}
        Where to compute; ``auto`` takes the first of cuda, mps and cpu that is there.
    precision : {"auto", "float32", "bfloat16"}
        Arithmetic of the U-Net's convolutions; weights and losses stay in float32, as does the INR, but for
        the factors of its matrix products on a CPU that is to take bfloat16.
    iterations : int
        Steps of the joint fit. The presets that measure the noise end when they have seen every pixel 500
        times (4000 steps on 512² pixels), or as often as the plane has rows if that is less: a small plane
        would be learned by heart. From random weights it may be four times as often, but 0.3 times as many
        steps where noise is correlated.
    visible_fraction : float or None
        The paper's p0: the fraction of pixels that is visible, drawn anew in every iteration.
    dilation : int or None
        The gap in pixels between a visible pixel and one that must be predicted (0-3).
    denoising_loss, inr_loss, consistency_loss : bool
        Whether L_dn (eq. 14), L_inr (eq. 12) and L_mc (eq. 15) take part in the sum (eq. 16).
    fill : {"inr", "convolution", "zero"}
        What D_θ sees where a pixel is not visible: the INR, a normalised convolution of the visible
        pixels (not in ``paper``), or nothing, which repeats the first column of the paper's Table 4.
    train_inr : bool
        False leaves the INR at its random start, which is what the authors' published code does.
    detach_fill : bool
        True stops the gradient of L_dn at the INR's fill; by eq. 16 it reaches both networks.
    unet_start : {"pretrained", "random"}
        The weights that the U-Net starts from, where it does not start from another plane's: those of this
        package, which were fitted to synthetic images, or random ones, with which ``auto``, ``fast`` and
        ``best`` take 1000, 250 and 3000 iterations. ``paper`` and a U-Net of another width than 16 have
        random ones only.
    unet_width : int
        Filters of the U-Net at full resolution.
    unet_dilation : int
        ``paper`` only: dilation of the U-Net's convolutions (all but the last).
    unet_dropout : float
        ``paper`` only: probability to drop a feature before a decoder block.
    inr_features, inr_octaves : int
        Width of the SIREN, and L, the number of octaves of its positional encoding γ.
    inr_omega : float
        ω₀ of the SIREN's sines; the lower, the smoother the INR's image.
    inr_dropout : tuple of float
        Dropout after each sine layer; its length is the number of sine layers.
    unet_learning_rate, inr_learning_rate : float
        Step sizes. ``paper``: Adam, falling to 0 on a cosine for the U-Net, constant for the INR. Else the
        peaks of one cycle.
    passes : int
        What the final estimate is averaged over: random visible sets in ``paper``, else symmetries of the
        square (1-8).
    patch_size, batch_size : int
        Not in ``paper``: side in pixels and number of the patches that an iteration sees, at most; small
        planes are seen in fewer and smaller ones.
    refine_iterations : tuple of int or None
        Not in ``paper``: steps of each round of refinement after the blind-spot fit; () for none.
    mend_defects : bool
        Not in ``paper``: predict isolated pixels that are far brighter or darker than all around them, hot
        and dead ones, from the others, and take out offsets of whole rows or columns.
    planes : {"warm", "shared", "anew"}
        How the planes of a stack are fitted: ``warm`` starts each from the network of the plane before and
        fits it a little further, ``shared`` applies one fit to all, ``anew`` fits each by itself.
        Nothing to a single plane. ``paper`` fits each anew also when it says ``warm``.
    neighbours : int
        Not in ``paper``: how many planes of a stack on each side are shown to the network as well, never
        hidden; only right where their noise is independent, which is measured. 0 for none. Pretrained
        weights know nothing of neighbours, so that the fit takes four times as many steps then.
    output_dtype : {"float32", "input"}
        ``input`` rounds and clips the estimate to the dtype of the image that came in.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    preset: PresetName = DEFAULT_PRESET
    seed: int = Field(default=0, ge=0, lt=2**63)
    device: DeviceName = "auto"
    precision: Precision = "auto"

    iterations: int = Field(default=1200, ge=1, le=1_000_000)
    visible_fraction: float | None = Field(default=0.1, gt=0.0, lt=1.0)
    dilation: int | None = Field(default=2, ge=0, le=3)

    denoising_loss: bool = True
    inr_loss: bool = True
    consistency_loss: bool = True
    fill: Fill = "inr"
    train_inr: bool = True
    detach_fill: bool = False

    unet_start: UnetStart = "random"
    unet_width: int = Field(default=48, ge=4, le=512)
    unet_dilation: int = Field(default=2, ge=1, le=4)
    unet_dropout: float = Field(default=0.5, ge=0.0, lt=1.0)
    inr_features: int = Field(default=32, ge=4, le=1024)
    inr_octaves: int = Field(default=4, ge=0, le=12)
    inr_omega: float = Field(default=30.0, gt=0.0, le=1000.0)
    inr_dropout: tuple[float, ...] = (0.35, 0.45, 0.55, 0.65, 0.75)

    unet_learning_rate: float = Field(default=4e-4, gt=0.0, le=1.0)
    inr_learning_rate: float = Field(default=1e-4, gt=0.0, le=1.0)
    passes: int = Field(default=400, ge=1, le=100_000)
    patch_size: int = Field(default=128, ge=16, le=4096)
    batch_size: int = Field(default=8, ge=2, le=1024)
    refine_iterations: tuple[int, ...] | None = None
    mend_defects: bool = False
    planes: PlaneStrategy = "warm"
    neighbours: int = Field(default=0, ge=0, le=8)
    output_dtype: OutputDtype = "float32"

    @model_validator(mode="before")
    @classmethod
    def _start_from_the_preset(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        preset = values.get("preset", DEFAULT_PRESET)
        usual = dict(_PRESET_VALUES.get(preset, {}))
        usual_width = values.get("unet_width", PRETRAINED_WIDTH) == PRETRAINED_WIDTH
        if values.get("unet_start", "pretrained" if usual_width else "random") == "random":
            usual |= _FROM_RANDOM.get(preset, {})
        return {**usual, **values}

    @model_validator(mode="after")
    def _something_to_learn(self) -> Settings:
        if not (self.denoising_loss or self.inr_loss or self.consistency_loss):
            raise ValueError("at least one of the three losses must be on")
        if not self.inr_dropout:
            raise ValueError("inr_dropout must name at least one layer")
        if not all(0.0 <= rate < 1.0 for rate in self.inr_dropout):
            raise ValueError("every rate in inr_dropout must lie in [0, 1)")
        if self.refine_iterations is not None and min(self.refine_iterations, default=0) < 0:
            raise ValueError("refine_iterations must not be negative")
        if self.measures_noise:
            if not self.denoising_loss or self.fill != "convolution":
                raise ValueError(
                    "only the preset 'paper' can do without the denoising loss or with another fill"
                )
            if self.passes > 8:
                raise ValueError(f"passes is {self.passes}, but a square has 8 symmetries")
            if self.unet_start == "pretrained" and self.unet_width != PRETRAINED_WIDTH:
                raise ValueError(
                    f"there are pretrained weights for a U-Net width of {PRETRAINED_WIDTH} only, and it is "
                    f"{self.unet_width}"
                )
        elif self.visible_fraction is None or self.dilation is None or self.fill == "convolution":
            raise ValueError(
                "the preset 'paper' needs a visible fraction, a dilation and the fill 'inr' or 'zero'"
            )
        elif self.planes == "shared":
            raise ValueError(
                "the preset 'paper' cannot share one fit between planes, because its INR holds one plane"
            )
        elif self.neighbours:
            raise ValueError("the preset 'paper' does not look at neighbouring planes")
        elif self.unet_start != "random":
            raise ValueError("the preset 'paper' starts from random weights")
        elif self.mend_defects:
            raise ValueError("the preset 'paper' does not look for defects")
        return self

    @property
    def measures_noise(self) -> bool:
        """Whether the run reads the noise first and sets the method by it."""
        return self.preset != "paper"

    def overrides(self) -> dict[str, Any]:
        """Return what `from_preset` must be given beside the preset to build the same settings."""
        usual = Settings.from_preset(self.preset, unet_start=self.unet_start)
        changed = {name: value for name, value in self if value != getattr(usual, name)}
        if self.unet_start != Settings.from_preset(self.preset).unet_start:
            changed["unet_start"] = self.unet_start
        return changed

    @classmethod
    def from_preset(cls, preset: str = DEFAULT_PRESET, **overrides: Any) -> Settings:
        """Return a preset's settings with some of them replaced.

        Parameters
        ----------
        preset : str
            One of `PRESETS`.
        **overrides
            Any field of `Settings`; ``None`` means "as the preset has it".

        Raises
        ------
        SettingsError
            If there is no such preset or setting, or a value is out of range; one sentence says which.
        """
        if preset not in PRESETS:
            choices = ", ".join(PRESETS)
            raise SettingsError(f"There is no preset {preset!r}; choose one of: {choices}.")
        given = {name: value for name, value in overrides.items() if value is not None}
        return cls.parse({"preset": preset, **given})

    @classmethod
    def parse(cls, values: dict[str, Any] | str | bytes) -> Settings:
        """Build settings from a dict or JSON text, with one sentence for whatever is wrong.

        Raises
        ------
        SettingsError
            If the values do not validate.
        """
        try:
            if isinstance(values, dict):
                return cls.model_validate(values)
            return cls.model_validate_json(values)
        except ValidationError as error:
            raise SettingsError(_one_sentence(error)) from None


def _one_sentence(error: ValidationError) -> str:
    """Say which value was wrong and what would be right, for the first thing that failed."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"There is no setting {name!r}."
    reason = first["msg"].removeprefix("Value error, ")
    if not name:
        return f"The settings do not fit together: {reason}."
    return f"The setting {name!r} is {first['input']!r}, but {_lower_first(reason)}."


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
