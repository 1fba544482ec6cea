"""The questions of the Inspect dock: what each shows, as layers, a figure and a sentence.

They run in a worker thread and touch no layer and no Qt object.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.api import measure_resolution
from napari_blindspot.core.errors import ImageError
from napari_blindspot.core.model import check_region
from napari_blindspot.core.notices import Notice
from napari_blindspot.core.words import sentence
from napari_blindspot.inspection.profile import line_points, peak_width, read_line
from napari_blindspot.inspection.residual import noise_sigma, standardised_residual
from napari_blindspot.inspection.uncertainty import error_sigma
from napari_blindspot.inspection.verdict import judge
from napari_blindspot.plots.figures import (
    length_in_words,
    plot_autocorrelation,
    plot_losses,
    plot_noise_line,
    plot_profile,
    plot_resolution,
    plot_risk,
)
from napari_blindspot.settings import MeasuredSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from matplotlib.figure import Figure

    from napari_blindspot.plots.ink import Ink
    from napari_blindspot.widgets.inspect.subject import Subject

    Line = tuple[tuple[float, float], tuple[float, float]]
    Region = tuple[int, int, int, int]

__all__ = ["QUESTIONS", "Asked", "Finding", "NewLayer"]

SAMPLES_A_PIXEL = 8
"""Of a profile of the INR."""


@dataclass(frozen=True, slots=True)
class NewLayer:
    """A layer to be shown over the plane.

    Attributes
    ----------
    label : str
        In its name, after that of the result.
    values : ndarray
        (rows, columns).
    limits : tuple of float, optional
        Intensities of black and white; those of the result if not given.
    colormap : str
        As napari calls it; empty for that of the result.
    origin : tuple of float
        (y, x) of its first pixel, in pixels of the plane.
    step : float
        Distance of its pixels, in pixels of the plane.
    blending : str
        As napari calls it; empty for that of the result.
    """

    label: str
    values: npt.NDArray[Any]
    limits: tuple[float, float] | None = None
    colormap: str = ""
    origin: tuple[float, float] = (0.0, 0.0)
    step: float = 1.0
    blending: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to a question.

    Attributes
    ----------
    words : str
        In sentences.
    layers : list of NewLayer
        To be shown.
    figures : list of Figure
        To be drawn below one another.
    """

    words: str
    layers: list[NewLayer] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a plane, beside the question.

    Attributes
    ----------
    subject : Subject
        The plane.
    ink : Ink
        Colours of the figures.
    zoom : int
        Samples of the INR a pixel.
    region : tuple of int, optional
        Rows and columns to sample; the whole plane if not given.
    line : tuple, optional
        Ends of a line.
    """

    subject: Subject
    ink: Ink
    zoom: int = 4
    region: Region | None = None
    line: Line | None = None


def removed(asked: Asked) -> Finding:
    """Show the residual, its standardised form, the map of the verdict and the autocorrelation."""
    subject = asked.subject
    noise = subject.noise()
    verdict = judge(subject.noisy, subject.denoised, noise)
    residual = subject.noisy - subject.denoised
    spread = 3 * float(np.nanstd(residual)) or 1.0
    rows, columns = subject.denoised.shape
    flags = verdict.map_of_pixels((rows, columns)).astype(np.float32)
    return Finding(
        sentence(Notice(verdict.kind, verdict.values)),
        [
            NewLayer("residual", residual.astype(np.float32), (-spread, spread), "gray"),
            NewLayer(
                "residual in σ",
                standardised_residual(subject.noisy, subject.denoised, noise).astype(np.float32),
                (-3.0, 3.0),
                "gray",
            ),
            NewLayer("verdict", flags, (-1.0, 1.0), "PiYG", blending="multiplicative"),
        ],
        [plot_autocorrelation(subject.noisy, subject.denoised, noise, asked.ink)],
    )


def certainty(asked: Asked) -> Finding:
    """Show the standard deviation of the error that is to be expected."""
    subject = asked.subject
    noise = subject.noise()
    sigma = error_sigma(subject.noisy, subject.denoised, noise)
    typical, before = float(np.nanmedian(sigma)), float(np.nanmedian(noise_sigma(subject.denoised, noise)))
    words = (
        f"The error that is to be expected has a standard deviation of {typical:.3g} (median), that of the "
        f"noise {before:.3g}; the error of about 19 of 20 pixels lies within two of its own."
    )
    return Finding(words, [NewLayer("uncertainty", sigma, (0.0, float(np.nanmax(sigma))), "magma")])


def resolution(asked: Asked) -> Finding:
    """Measure the resolution before and after, by fits of two halves of the noise."""
    subject = asked.subject
    noise, settings = subject.noise(), subject.settings
    curves = measure_resolution(subject.noisy, subject.denoised, noise, settings)
    pixel = subject.pixel if subject.unit == "µm" else None
    lengths = {name: length_in_words(curve.resolution, pixel) for name, curve in curves.items()}
    words = f"Two halves of the noise agree down to {lengths['before']} before denoising"
    words += f" and {lengths['after']} after it." if "after" in lengths else "; the layer has no settings."
    return Finding(words, figures=[plot_resolution(curves, pixel, asked.ink)])


def between(asked: Asked) -> Finding:
    """Sample an INR of the result between its pixels, with its gradient and its inconsistency."""
    from napari_blindspot.engine.inr_of_image import fit_inr

    subject = asked.subject
    rows, columns = subject.denoised.shape
    region = check_region((rows, columns), asked.region, asked.zoom)
    inr = fit_inr(subject.denoised)
    sampled = inr.sample(asked.zoom, region)
    steep, towards = inr.sample_gradient(asked.zoom, region)
    away = inr.inconsistency(subject.denoised)
    origin, step = sampled.origin, sampled.step
    return Finding(
        f"The INR was sampled {asked.zoom} times a pixel; INR and U-Net differ by "
        f"{float(np.nanmedian(away)):.3g} (median).",
        [
            NewLayer("inconsistency", away, (0.0, float(np.nanmax(away)) or 1.0), "magma"),
            NewLayer("gradient", steep.values, (0.0, float(steep.values.max())), "magma", origin, step),
            NewLayer("gradient direction", towards.values, (-180.0, 180.0), "hsv", origin, step),
            NewLayer(f"INR {asked.zoom}×", sampled.values, origin=origin, step=step),
        ],
    )


def profile(asked: Asked) -> Finding:
    """Draw input, U-Net and INR along a line, with the width of the peak."""
    from napari_blindspot.engine.inr_of_image import fit_inr

    if asked.line is None:
        raise ImageError("There is no line: draw one in a Shapes layer and choose that layer.")
    subject = asked.subject
    start, end = asked.line
    length = float(np.hypot(end[0] - start[0], end[1] - start[1]))
    coarse = line_points(start, end, int(length) + 2)
    fine = line_points(start, end, int(length * SAMPLES_A_PIXEL) + 2)
    _check_line(coarse, subject.denoised.shape)
    read = [
        ("input", coarse, read_line(subject.noisy, coarse)),
        ("U-Net", coarse, read_line(subject.denoised, coarse)),
        ("INR", fine, fit_inr(subject.denoised).at(fine).astype(np.float64)),
    ]
    profiles = []
    for name, points, values in read:
        distance = np.linspace(0.0, length * subject.pixel, len(points))
        width = float("nan") if name == "input" else peak_width(distance, values)
        profiles.append((name, distance, values, width))
    width = profiles[-1][3]
    said = "has no peak that falls to its half on both sides" if np.isnan(width) else ""
    words = (
        f"The INR {said}." if said else f"The peak of the INR is {width:.3g} {subject.unit} wide (FWHM)."
    )
    return Finding(words, figures=[plot_profile(profiles, subject.unit, asked.ink)])


def why(asked: Asked) -> Finding:
    """Show the noise, the risk that the gap was chosen by, the losses, and what the run said."""
    from napari_blindspot.core.result import History
    from napari_blindspot.noise.gap_choice import make_plan
    from napari_blindspot.noise.risk_table import tabulate_risk

    subject = asked.subject
    noise, settings = subject.noise(), subject.settings
    figures = [plot_noise_line(subject.noisy, subject.denoised, noise, asked.ink)]
    words = []
    if settings is None or isinstance(settings, MeasuredSettings):
        plan = make_plan(subject.noisy, noise, settings or MeasuredSettings())
        words.append(sentence(plan.notice))
        chosen = (plan.settings.visible_fraction, plan.settings.gap)
        figures.append(plot_risk(tabulate_risk(subject.noisy, noise, chosen), asked.ink))
    losses = subject.record.get("history")
    if losses:
        history = History({name: np.asarray(values, np.float32) for name, values in losses.items()})
        figures.append(plot_losses(history, asked.ink))
    notices = [Notice.from_dict(values) for values in subject.record.get("notices", [])]
    words += [sentence(notice) for notice in notices if notice.is_warning or "neighbours" in notice.kind]
    return Finding(" ".join(words), figures=figures)


def compare(asked: Asked) -> Finding:
    """Show what a Gaussian filter, non-local means and BM3D, where installed, make of the plane."""
    from napari_blindspot.widgets.inspect.rivals import rivals

    subject = asked.subject
    noise = subject.noise()
    lines, layers = [], []
    for name, estimate, score in rivals(subject.noisy, noise):
        lines.append(f"{name} {score:.3f}")
        layers.append(NewLayer(name, estimate.astype(np.float32)))
    words = "Squared error on hidden pixels, in variances of the noise (1 is the noise itself): "
    return Finding(f"{words}{', '.join(lines)}. {_own_score(subject)}", layers)


def _own_score(subject: Subject) -> str:
    """Say the blind loss with which the result's fit ended, in variances of the noise."""
    losses = [x for x in subject.record.get("history", {}).get("denoising", []) if np.isfinite(x)]
    settings = subject.settings
    if not losses or not isinstance(settings, MeasuredSettings):
        return "The result has no such score."
    from napari_blindspot.noise.anscombe import Anscombe

    refined = sum(settings.refine_iterations or ())
    blind = losses[: len(losses) - refined] or losses
    power = float(np.nanvar(Anscombe.of(subject.noise()).forward(subject.noisy)))
    score = float(np.mean(blind[-max(1, len(blind) // 4) :])) * power
    return (
        f"The result's own fit ended at {score:.3f}, on pixels that it was fitted to: no fair comparison."
    )


def _check_line(points: npt.NDArray[np.float64], shape: tuple[int, ...]) -> None:
    """Refuse a line that leaves the plane.

    Raises
    ------
    ImageError
        If it does.
    """
    if (points < -0.5).any() or (points > np.array(shape) - 0.5).any():
        raise ImageError("The line leaves the image: draw one that lies within it.")


QUESTIONS: dict[str, tuple[str, Callable[[Asked], Finding]]] = {
    "What was removed?": ("Residual, verdict and autocorrelation.", removed),
    "How sure is it?": ("The standard deviation of the error that is to be expected.", certainty),
    "How finely does it resolve?": (
        "Fourier ring correlation before and after; takes two fits.",
        resolution,
    ),
    "What is between the pixels?": ("The INR at a higher resolution, and its gradient.", between),
    "What is along the line?": ("Input, U-Net and INR along a line of a Shapes layer.", profile),
    "Why these settings?": ("The noise, the risk, the losses.", why),
    "What do others make of it?": ("A Gaussian filter, non-local means and BM3D, with a score.", compare),
}
"""What can be asked: in words, with a tip and the function that answers."""
