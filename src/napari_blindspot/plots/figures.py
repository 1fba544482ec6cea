"""One figure for each question that a result can be asked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.inspection.residual import autocorrelation_of_residual, standardised_residual
from napari_blindspot.method.losses import LOSSES
from napari_blindspot.plots.ink import ON_LIGHT, Ink, empty_figure, style_axes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    from matplotlib.figure import Figure

    from napari_blindspot.core.noise_model import NoiseModel
    from napari_blindspot.core.result import History
    from napari_blindspot.inspection.profile import PeakSpan
    from napari_blindspot.inspection.resolution import RingCorrelation
    from napari_blindspot.noise.risk_table import RiskTable

__all__ = [
    "plot_autocorrelation",
    "plot_losses",
    "plot_noise_line",
    "plot_profile",
    "plot_resolution",
    "plot_risk",
    "resolution_in_words",
]

LEVELS = 24
"""Ranges of intensity whose residuals are one point of the noise line."""

MOST_LAGS = 4
"""Longest lag that is drawn, in pixels."""


def plot_noise_line(
    noisy: npt.ArrayLike, denoised: npt.ArrayLike, noise: NoiseModel, ink: Ink = ON_LIGHT
) -> Figure:
    """Draw the measured variance of the noise over intensity, and that of the residual at like intensities.

    Parameters
    ----------
    noisy, denoised : array_like
        (Y, X).
    noise : NoiseModel
        Of the plane.
    ink : Ink
        The colours.
    """
    image = np.asarray(denoised, np.float64)
    residual = np.asarray(noisy, np.float64) - image
    known = np.isfinite(residual)
    order = np.argsort(image[known])
    levels = np.array_split(image[known][order], LEVELS)
    parts = np.array_split(residual[known][order], LEVELS)
    means = [float(level.mean()) for level in levels if len(level)]
    variances = [float(part.var()) for part in parts if len(part)]
    figure = empty_figure(ink)
    axes = figure.subplots()
    line = np.linspace(min(means), max(means), 50)
    axes.plot(line, noise.variance(line), color=ink.first, label=f"noise, gain {noise.gain:.3g}")
    axes.plot(means, variances, "o", markersize=4, color=ink.second, label="residual")
    axes.set(xlabel="intensity", ylabel="variance")
    axes.set_ylim(bottom=0)
    axes.legend()
    axes.set_title(f"σ {noise.sigma:.3g} at the median, {_at_zero(noise)}", loc="left")
    style_axes(axes, ink)
    return figure


def _at_zero(noise: NoiseModel) -> str:
    """Return the read noise in words, or, where the fitted line ends above intensity 0, where it does."""
    if noise.offset > 0:
        return f"read noise {math.sqrt(noise.offset):.3g}"
    return f"black level {-noise.offset / noise.gain:.3g}" if noise.gain > 0 else "read noise 0"


def _legend_above(axes: Any, columns: int, title: str = "") -> None:
    """Name the curves above the axes, where none is covered; in a dock there is room for a few words."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.02, 1),
        ncols=columns,
        title=title,
        alignment="left",
        fontsize=8,
        columnspacing=0.9,
        handlelength=1.2,
        handletextpad=0.5,
        borderaxespad=0.2,
    )


def plot_autocorrelation(
    noisy: npt.ArrayLike, denoised: npt.ArrayLike, noise: NoiseModel, ink: Ink = ON_LIGHT
) -> Figure:
    """Draw the autocorrelation of the residual beside that of the noise, along x and along y.

    The parameters are those of `plot_noise_line`.
    """
    residual = standardised_residual(noisy, denoised, noise)
    found = autocorrelation_of_residual(residual, MOST_LAGS)
    reach = len(noise.correlation) // 2
    figure = empty_figure(ink)
    for axes, name, pick in zip(figure.subplots(1, 2, sharey=True), "xy", (0, 1), strict=True):
        lags = np.arange(MOST_LAGS + 1)
        of_residual = found[MOST_LAGS, MOST_LAGS:] if pick == 0 else found[MOST_LAGS:, MOST_LAGS]
        table = noise.correlation
        of_noise = np.zeros(MOST_LAGS + 1)
        shared = (table[reach, reach:] if pick == 0 else table[reach:, reach])[: MOST_LAGS + 1]
        of_noise[: len(shared)] = shared
        axes.axhline(0, color=ink.faint, linewidth=0.8)
        axes.plot(lags, of_noise, "o-", markersize=4, color=ink.first, label="noise")
        axes.plot(lags, of_residual, "s--", markersize=4, color=ink.second, label="residual")
        axes.set(xlabel=f"lag along {name}, pixels", xticks=lags)
        if pick == 0:
            axes.set_ylabel("autocorrelation")
            axes.legend()
        style_axes(axes, ink)
    return figure


def plot_risk(table: RiskTable, ink: Ink = ON_LIGHT) -> Figure:
    """Draw the risk over the gap, a curve for each visible fraction, and what was chosen.

    Parameters
    ----------
    table : RiskTable
        What `napari_blindspot.noise.risk_table.tabulate_risk` returns.
    ink : Ink
        The colours.
    """
    figure = empty_figure(ink)
    axes = figure.subplots()
    strengths = np.linspace(0.35, 1.0, len(table.fractions))
    for fraction, risks, alpha in zip(table.fractions, table.risk, strengths, strict=True):
        axes.plot(
            table.gaps,
            risks,
            "o-",
            markersize=4,
            color=ink.first,
            alpha=alpha,
            label=f"{fraction:.0%}",
        )
    if table.chosen is not None:
        _, gap, risk = table.chosen
        axes.plot(gap, risk, "*", markersize=13, color=ink.second, label="chosen")
    axes.set(xlabel="gap, pixels", ylabel="risk, in variances of the noise", xticks=list(table.gaps))
    axes.set_ylim(bottom=0)
    _legend_above(axes, 4, "visible")
    style_axes(axes, ink)
    return figure


def plot_losses(history: History, ink: Ink = ON_LIGHT) -> Figure:
    """Draw the losses on a logarithmic axis.

    Parameters
    ----------
    history : History
        Of all iterations, or the means over equal parts of them.
    ink : Ink
        The colours.
    """
    figure = empty_figure(ink)
    axes = figure.subplots()
    for loss in LOSSES.values():
        values = history.losses.get(loss.name)
        if values is not None and np.isfinite(values).any():
            colour = loss.colours[1] if ink is ON_LIGHT else loss.colours[0]
            share = (np.arange(len(values)) + 0.5) / len(values)
            iterations = 0.5 + share * (history.iterations or len(values))
            axes.semilogy(iterations, values, color=colour, label=loss.label)
    axes.set(xlabel="iteration", ylabel="loss")
    _legend_above(axes, 3)
    style_axes(axes, ink)
    return figure


def plot_resolution(
    curves: Mapping[str, RingCorrelation], pixel: float | None = None, ink: Ink = ON_LIGHT
) -> Figure:
    """Draw Fourier ring correlations with their threshold.

    Parameters
    ----------
    curves : mapping of str to RingCorrelation
        By what they are of, such as ``"before"``; three at most.
    pixel : float, optional
        Side of a pixel in µm; without it lengths are in pixels.
    ink : Ink
        The colours.
    """
    figure = empty_figure(ink)
    axes = figure.subplots()
    axes.axhline(1 / 7, color=ink.faint, linewidth=0.8)
    colours = (ink.second, ink.first, ink.third)
    for (name, curve), colour in zip(curves.items(), colours, strict=False):
        label = f"{name}: {length_in_words(curve.resolution, pixel)}"
        axes.plot(curve.frequency, curve.correlation, color=colour, label=label)
    axes.set(
        xlabel="frequency, cycles a pixel", ylabel="ring correlation", ylim=(-0.2, 1.02), xlim=(0, 0.5)
    )
    axes.legend()
    style_axes(axes, ink)
    return figure


def length_in_words(pixels: float, pixel: float | None) -> str:
    """Write a length in µm if the side of a pixel is known, else in pixels."""
    if not math.isfinite(pixels):
        return "not resolved"
    return f"{pixels:.3g} px" if pixel is None else f"{pixels * pixel:.3g} µm"


def resolution_in_words(curves: Mapping[str, RingCorrelation], pixel: float | None) -> str:
    """Say down to which length two halves of the noise agree, before and, where it was measured, after.

    Parameters
    ----------
    curves : mapping of str to RingCorrelation
        What `napari_blindspot.measure_resolution` returns.
    pixel : float or None
        Side of a pixel in µm; without it lengths are in pixels.

    Returns
    -------
    str
        A sentence without its full stop.
    """
    before = _down_to(curves["before"].resolution, pixel)
    words = f"Two halves of the noise agree {before} before denoising"
    if "after" not in curves:
        return words
    return f"{words} and {_down_to(curves['after'].resolution, pixel)} after it"


def _down_to(pixels: float, pixel: float | None) -> str:
    return f"down to {length_in_words(pixels, pixel)}" if math.isfinite(pixels) else "at no length"


def plot_profile(
    profiles: Sequence[tuple[str, npt.NDArray[Any], npt.NDArray[Any], PeakSpan | None]],
    unit: str,
    ink: Ink = ON_LIGHT,
) -> Figure:
    """Draw profiles along one line.

    Parameters
    ----------
    profiles : sequence of tuple
        Name, distance (N,), values (N,) and where the peak is at its half, if that is to be told and there
        is one; three at most.
    unit : str
        Of the distances.
    ink : Ink
        The colours.
    """
    figure = empty_figure(ink)
    axes = figure.subplots()
    colours = (ink.faint, ink.second, ink.first)
    for (name, distance, values, peak), colour in zip(profiles, colours, strict=False):
        # A curve would hide the one below it where they agree; few points are shown as points.
        few = len(values) < max(len(other[2]) for other in profiles) and name != profiles[0][0]
        fwhm = "" if peak is None else f", FWHM {peak.width:.3g} {unit}"
        points = {"marker": "o", "markersize": 3, "linestyle": ""}
        look: dict[str, Any] = points if few else {}
        axes.plot(distance, values, color=colour, label=f"{name}{fwhm}", **look)
        if peak is not None and not few:
            axes.plot([peak.start, peak.end], [peak.half] * 2, "|-", color=ink.text, linewidth=1, zorder=4)
    axes.set(xlabel=f"distance, {unit}", ylabel="intensity")
    _legend_above(axes, 1)
    style_axes(axes, ink)
    return figure
