"""What a report says of one plane: pictures, the verdict, how sure it is, its resolution, why, and others.

Which planes and files are looked at belongs to `napari_blindspot.cli.report`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.api import measure_resolution
from napari_blindspot.comparison import compare
from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.core.notices import Notice
from napari_blindspot.core.words import fitted_anew, sentence
from napari_blindspot.inspection.residual import noise_sigma, standardised_residual
from napari_blindspot.inspection.uncertainty import error_sigma
from napari_blindspot.inspection.verdict import judge
from napari_blindspot.noise.estimate import estimate_noise
from napari_blindspot.noise.gap_choice import make_plan
from napari_blindspot.noise.risk_table import tabulate_risk
from napari_blindspot.plots.figures import (
    plot_autocorrelation,
    plot_losses,
    plot_noise_line,
    plot_resolution,
    plot_risk,
    resolution_in_words,
)
from napari_blindspot.plots.pictures import figure_url, flags_url, plane_url
from napari_blindspot.settings import MeasuredSettings

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_blindspot.core.model import Model
    from napari_blindspot.core.noise_model import NoiseModel
    from napari_blindspot.files.image_file import ImageFile
    from napari_blindspot.jobs.record import PlaneRecord
    from napari_blindspot.settings import Settings

    Floats = npt.NDArray[np.float64]

__all__ = ["Extras", "Section", "look_at_plane"]

STEEPEST = 3.0
"""Standard deviations of the noise that are black and white in the picture of the residual."""


@dataclass(slots=True)
class Section:
    """What the page says of one plane, or of a pair of files that could not be looked at.

    Attributes
    ----------
    title : str
        Which plane it is.
    sentences : list of str
        What was found.
    pictures, figures : list of tuple
        Words below each, and its URL.
    heads : tuple of str
        Of the columns of a table.
    rows : list of tuple of str
        Its cells.
    problem : str
        Why there is no more.
    """

    title: str
    sentences: list[str] = field(default_factory=list)
    pictures: list[tuple[str, str]] = field(default_factory=list)
    figures: list[tuple[str, str]] = field(default_factory=list)
    heads: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = field(default_factory=list)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Extras:
    """What is looked at only if somebody waits for it.

    Attributes
    ----------
    others : bool
        Other denoisers beside the result; takes a fit a plane.
    resolution : bool
        How finely the result resolves; takes two fits a plane.
    model : Model or None
        What the run applied, to be applied again instead of the fits.
    """

    others: bool = False
    resolution: bool = False
    model: Model | None = None


def look_at_plane(
    image: ImageFile,
    denoised: ImageFile,
    index: tuple[int, ...],
    settings: Settings | None,
    extras: Extras,
    record: PlaneRecord | None = None,
) -> Section:
    """Look at one plane of an input and its result.

    Parameters
    ----------
    image, denoised : ImageFile
        Of the same shape.
    index : tuple of int
        Of the plane, into the leading axes.
    settings : Settings or None
        Of the run, where the result holds them.
    extras : Extras
        What is looked at as well.
    record : PlaneRecord, optional
        Of the run, where the result holds one.
    """
    noisy = image.checked_plane(index).astype(np.float64)
    estimate = np.asarray(denoised.array[index], np.float64)
    place = ", ".join(f"{letter}={number}" for letter, number in zip(image.axes, index, strict=False))
    section = Section(f"Plane {place}" if place else "The plane")
    values = estimate[np.isfinite(estimate)]
    low, high = (float(x) for x in np.percentile(values, (0.5, 99.8))) if values.size else (0.0, 1.0)
    section.pictures += [
        ("noisy", plane_url(noisy, low, high)),
        ("denoised", plane_url(estimate, low, high)),
    ]
    noise = estimate_noise(noisy)
    if not noise.measured:
        section.problem = (
            "The noise of this plane could not be measured, so nothing more can be said of it."
        )
        return section
    _add_judgement(section, noisy, estimate, noise)
    spacing = image.spacing.get("X")
    pixel = None if spacing is None else spacing.micrometres
    lines = plot_noise_line(noisy, estimate, noise)
    section.figures += [
        ("autocorrelation of noise and residual", figure_url(plot_autocorrelation(noisy, estimate, noise))),
        ("the noise that was fitted, and the residual at like intensities", figure_url(lines)),
    ]
    _add_resolution(section, noisy, estimate, noise, settings, extras, record, pixel)
    if settings is None or isinstance(settings, MeasuredSettings):
        _add_reason(section, noisy, noise, settings)
    _add_losses(section, record)
    if extras.others:
        _add_others(section, noisy, noise, settings, extras.model, (low, high))
    return section


def _add_judgement(section: Section, noisy: Floats, estimate: Floats, noise: NoiseModel) -> None:
    """Say what was removed and how sure the estimate is, and draw it."""
    verdict = judge(noisy, estimate, noise)
    section.sentences.append(sentence(Notice(verdict.kind, verdict.values)))
    sure = error_sigma(noisy, estimate, noise)
    typical, before = float(np.nanmedian(sure)), float(np.nanmedian(noise_sigma(estimate, noise)))
    section.sentences.append(
        f"The error that is to be expected has a standard deviation of {typical:.3g} (median), that of the "
        f"noise {before:.3g}."
    )
    residual = standardised_residual(noisy, estimate, noise)
    rows, columns = estimate.shape
    section.pictures += [
        ("removed, in standard deviations of the noise", plane_url(residual, -STEEPEST, STEEPEST)),
        (
            "orange: structure removed, blue: noise left",
            flags_url(estimate, verdict.map_of_pixels((rows, columns))),
        ),
        ("expected error, from black (0) to white", plane_url(sure, 0.0)),
    ]


def _add_resolution(
    section: Section,
    noisy: Floats,
    estimate: Floats,
    noise: NoiseModel,
    settings: Settings | None,
    extras: Extras,
    record: PlaneRecord | None,
    pixel: float | None,
) -> None:
    """Say how finely the plane resolves before and, if it is wanted and can be told, after denoising."""
    lacks = ""
    if not extras.resolution:
        lacks = "after it is measured with --resolution, which takes two fits a plane"
    elif settings is None and extras.model is None:
        lacks = "after it cannot be told, because the result holds no settings and no --model was given"
    curves = None
    if not lacks:
        try:
            curves = measure_resolution(noisy, estimate, noise, settings, model=extras.model)
        except BlindspotError as error:
            lacks = f"after it could not be measured: {str(error).rstrip('.')}"
    curves = curves or measure_resolution(noisy, estimate, noise)
    words = f"{resolution_in_words(curves, pixel)}{'; ' if lacks else ''}{lacks}."
    if not lacks and extras.model is None and record is not None and record.origin == "model":
        words += f" {fitted_anew('the halves were')}"
    section.sentences.append(words)
    when = "before denoising" if lacks else "before and after denoising"
    section.figures.append(
        (f"resolution {when}, by two halves of the noise", figure_url(plot_resolution(curves, pixel)))
    )


def _add_losses(section: Section, record: PlaneRecord | None) -> None:
    """Draw the losses of the run, or say that the result does not hold them."""
    if record is not None and record.losses:
        section.figures.append(("losses of the run", figure_url(plot_losses(record.history))))
    elif record is not None and record.origin == "model":
        section.sentences.append("A model was applied and nothing was fitted, so that there are no losses.")
    else:
        section.sentences.append("The result holds no losses of its run.")


def _add_reason(
    section: Section, noisy: Floats, noise: NoiseModel, settings: MeasuredSettings | None
) -> None:
    """Draw the risk that the gap was chosen by, and say the choice in a sentence."""
    plan = make_plan(noisy, noise, settings or MeasuredSettings())
    section.sentences.append(sentence(plan.notice))
    chosen = (plan.settings.visible_fraction, plan.settings.gap)
    table = tabulate_risk(noisy, noise, chosen)
    section.figures.append(
        ("risk of the blind spot, by which the gap is chosen", figure_url(plot_risk(table)))
    )


def _add_others(
    section: Section,
    noisy: Floats,
    noise: NoiseModel,
    settings: Settings | None,
    model: Model | None,
    limits: tuple[float, float],
) -> None:
    """Show what other denoisers make of the plane, and the scores of all."""
    found = compare(noisy, noise, settings, model=model)
    section.sentences.append(found.in_words)
    section.heads, section.rows = found.columns, found.rows
    section.pictures += [
        (one.name, plane_url(one.estimate, *limits)) for one in found.others if one.estimate is not None
    ]
