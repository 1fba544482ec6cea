"""Knobs that several classes of settings have: type, title, help and range of each, once.

Which method has which knob, and with which value, is in `napari_blindspot.settings`; so are the knobs that
only one class has.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

__all__ = [
    "MOST_NEIGHBOURS",
    "Arithmetic",
    "Device",
    "Dilation",
    "Gap",
    "GapIfSet",
    "InputChannels",
    "InrDropout",
    "InrFeatures",
    "InrOctaves",
    "InrOmega",
    "Iterations",
    "LearningRate",
    "LeastIterations",
    "Losses",
    "Neighbours",
    "OutputDtype",
    "Precision",
    "Preset",
    "Rounds",
    "RoundsIfSet",
    "Seed",
    "StackStart",
    "Start",
    "TrainInr",
    "UnetWidth",
    "VisibleFraction",
    "VisibleFractionIfSet",
    "knob",
]

Precision = Literal["auto", "float32", "bfloat16"]
StackStart = Literal["warm", "shared", "anew"]


def knob(title: str, description: str, *, shown: str = "", flag: str = "", **limits: Any) -> Any:
    """Describe a field.

    Parameters
    ----------
    title, description : str
        Its name on a screen, and one sentence of help.
    shown : str
        ``form`` puts it into the widgets' form, ``cli`` among the options of the commands, and "cli form"
        into both; any field can be set in a script or by ``--set``.
    flag : str
        Its option, where that is not made from its name.
    **limits
        As for pydantic's Field: ge, gt, le, lt.
    """
    extra: dict[str, Any] = {"shown": shown.split(), "flag": flag}
    return Field(title=title, description=description, json_schema_extra=extra, **limits)


Preset = Annotated[str, knob("Preset", "The preset that the other values started from.")]
Seed = Annotated[
    int, knob("Seed", "Same seed, settings and device: same pixels.", shown="cli form", ge=0, lt=2**63)
]
Device = Annotated[
    str, knob("Device", "Where to compute; auto takes the GPU if there is one.", shown="cli form")
]
Arithmetic = Annotated[
    Precision,
    knob("Precision", "Arithmetic of the U-Net's convolutions; weights stay in float32.", shown="form"),
]
OutputDtype = Annotated[
    Literal["float32", "input"],
    knob(
        "Result type",
        "float32, or input: rounded and clipped to the dtype of the input.",
        shown="cli form",
        flag="--dtype",
    ),
]
Iterations = Annotated[
    int, knob("Iterations", "Steps of the fit, at most.", shown="cli form", ge=1, le=1_000_000)
]
LeastIterations = Annotated[
    int,
    knob(
        "Least iterations",
        "Iterations after which the blind fit ends if pixels that it has not learned from gain nothing "
        "more; from pretrained weights only.",
        ge=1,
        le=1_000_000,
    ),
]
Losses = Annotated[
    tuple[str, ...], knob("Losses", "Which losses the networks are fitted by (equation 16).", shown="form")
]
Start = Annotated[
    StackStart,
    knob(
        "Planes start from",
        "What the fit of a stack's plane starts from: warm (the network of the plane before, fitted "
        "further), shared (one fit for all) or anew (nothing of another plane).",
        shown="cli",
    ),
]
MOST_NEIGHBOURS = 4
"""Planes on each side of a plane that its U-Net may see at most."""

Neighbours = Annotated[
    Literal["auto", 0, 1, 2, 3, 4],
    BeforeValidator(lambda value: int(value) if isinstance(value, str) and value.isdigit() else value),
    knob(
        "Neighbours",
        "Planes of a stack on each side that are looked at as well, if their noise is independent; auto "
        "looks at as many as make its predictions better.",
        shown="cli form",
    ),
]
TrainInr = Annotated[
    bool,
    knob("Train the INR", "No leaves the INR at its random start, as the authors' published code does."),
]
UnetWidth = Annotated[int, knob("U-Net width", "Filters of the U-Net at full resolution.", ge=4, le=512)]
LearningRate = Annotated[
    float,
    knob(
        "Learning rate", "Step size of Adam; where it changes in a fit, its highest value.", gt=0.0, le=1.0
    ),
]
InrFeatures = Annotated[int, knob("INR features", "Width of the SIREN.", ge=4, le=1024)]
InrOctaves = Annotated[
    int, knob("INR octaves", "L, the octaves of the SIREN's positional encoding γ.", ge=0, le=12)
]
InrOmega = Annotated[
    float,
    knob("INR omega", "ω₀ of the SIREN's sines; the lower, the smoother its image.", gt=0.0, le=1000.0),
]
InrDropout = Annotated[
    tuple[float, ...],
    knob("INR dropout", "Dropout after each sine layer; there are as many layers as rates."),
]
_VISIBLE = knob(
    "Visible (p0)",
    "Probability of a pixel to be shown to the networks in an iteration.",
    shown="form",
    gt=0.0,
    lt=1.0,
)
VisibleFraction = Annotated[float, _VISIBLE]
VisibleFractionIfSet = Annotated[float | None, _VISIBLE]
InputChannels = Annotated[
    Literal[1, 3],
    knob(
        "Input channels",
        "Identical channels in which the networks see a gray plane, each with visible sets of its own; the "
        "final image is their mean.",
        shown="form",
    ),
]
Dilation = Annotated[
    int,
    knob("Dilation", "Pixels around each visible one where no loss is taken: k.", shown="form", ge=0, le=3),
]
_GAP = knob(
    "Gap",
    "Pixels between a hidden pixel and the nearest visible one; larger for noise that neighbouring "
    "pixels share.",
    shown="form",
    ge=0,
    le=3,
)
Gap = Annotated[int, _GAP]
GapIfSet = Annotated[int | None, _GAP]
_REFINEMENT = knob("Refinement", "Iterations of each round of refinement after the blind-spot fit.")
_Counts = tuple[Annotated[int, Field(ge=0)], ...]
Rounds = Annotated[_Counts, _REFINEMENT]
RoundsIfSet = Annotated[_Counts | None, _REFINEMENT]
