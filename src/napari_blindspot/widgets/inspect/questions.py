"""The questions of the Inspect dock: what each shows, as layers, a figure and a sentence.

They run in a worker thread and touch no layer and no Qt object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.api import measure_resolution
from napari_blindspot.core.errors import ImageError
from napari_blindspot.core.model import check_region
from napari_blindspot.core.notices import Notice
from napari_blindspot.core.words import fitted_anew, sentence
from napari_blindspot.inspection.profile import find_peak, line_points, read_line
from napari_blindspot.inspection.residual import noise_sigma, standardised_residual
from napari_blindspot.inspection.uncertainty import error_sigma
from napari_blindspot.inspection.verdict import judge
from napari_blindspot.jobs.record import NoiseFigures
from napari_blindspot.plots.figures import (
    plot_autocorrelation,
    plot_losses,
    plot_noise_line,
    plot_profile,
    plot_resolution,
    plot_risk,
    resolution_in_words,
)
from napari_blindspot.settings import MeasuredSettings
from napari_blindspot.widgets.inspect.asked import Finding, NewLayer, ResultQuestion

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_blindspot.method.inr_field import InrField
    from napari_blindspot.widgets.inspect.asked import Asked

__all__ = ["QUESTIONS"]

SAMPLES_A_PIXEL = 8
"""Of a profile of the INR."""

LEAST_PEAK = 6.0
"""Height of a peak, in standard deviations of the error that is to be expected, below which it is none: the
error alone spans about five of them over some dozens of pixels. A convention."""


def removed(asked: Asked) -> Finding:
    """Show the residual, its standardised form, the map of the verdict and the autocorrelation."""
    subject = asked.subject
    noise = subject.noise()
    verdict = judge(subject.noisy, subject.denoised, noise)
    residual = subject.noisy - subject.denoised
    spread = 3 * float(np.nanstd(residual)) or 1.0
    rows, columns = subject.denoised.shape
    flags = verdict.map_of_pixels((rows, columns)).astype(np.float32)
    words = sentence(Notice(verdict.kind, verdict.values))
    if flags.any():
        words += " In its layer, structure that was removed is green and noise that was left purple."
    return Finding(
        words,
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
    return Finding(
        words, [NewLayer("uncertainty", sigma, (0.0, float(np.nanmax(sigma))), "magma", has_bar=True)]
    )


def resolution(asked: Asked) -> Finding:
    """Measure the resolution before and after, by fits of two halves of the noise."""
    subject = asked.subject
    noise, settings = subject.noise(), subject.settings
    curves = measure_resolution(
        subject.noisy, subject.denoised, noise, settings, model=asked.model, control=asked.control
    )
    pixel = subject.pixel[1] if subject.unit == "µm" and np.isclose(*subject.pixel) else None
    words = resolution_in_words(curves, pixel)
    words += "." if "after" in curves else "; the layer has no settings."
    if "after" in curves:
        words += _what_differs(asked, "the halves were")
    return Finding(words, figures=[plot_resolution(curves, pixel, asked.ink)])


def between(asked: Asked) -> Finding:
    """Sample an INR of the result between its pixels, with its gradient and its inconsistency."""
    subject = asked.subject
    rows, columns = subject.denoised.shape
    region = check_region((rows, columns), asked.region, asked.zoom)
    inr = _inr(asked)
    sampled = inr.sample(asked.zoom, region)
    steep, towards = inr.sample_gradient(asked.zoom, region)
    away = inr.inconsistency(subject.denoised)
    origin, step = sampled.origin, (sampled.step, sampled.step)
    return Finding(
        f"The INR was sampled {asked.zoom} times a pixel; within a pixel INR and U-Net differ in intensity "
        f"by {float(np.nanmedian(away)):.3g} (median).",
        [
            NewLayer("inconsistency", away, (0.0, float(np.nanmax(away)) or 1.0), "magma"),
            NewLayer("gradient", steep.values, (0.0, float(steep.values.max())), "magma", origin, step),
            NewLayer("gradient direction", towards.values, (-180.0, 180.0), "hsv", origin, step),
            NewLayer(f"INR {asked.zoom}×", sampled.values, origin=origin, step=step),
        ],
    )


def profile(asked: Asked) -> Finding:
    """Draw input, U-Net and INR along a line, with the width of the peak."""
    if asked.line is None:
        raise ImageError("There is no line: draw one in a Shapes layer and choose that layer.")
    subject = asked.subject
    start, end = asked.line
    along = np.subtract(end, start)
    length, true_length = (float(np.hypot(*(along * side))) for side in (1.0, np.array(subject.pixel)))
    coarse = line_points(start, end, int(length) + 2)
    fine = line_points(start, end, int(length * SAMPLES_A_PIXEL) + 2)
    _check_line(coarse, subject.denoised.shape)
    read = [
        ("input", coarse, read_line(subject.noisy, coarse)),
        ("U-Net", coarse, read_line(subject.denoised, coarse)),
        ("INR", fine, _inr(asked).at(fine).astype(np.float64)),
    ]
    profiles = []
    for name, points, values in read:
        distance = np.linspace(0.0, true_length, len(points))
        # The noise has peaks of its own.
        profiles.append((name, distance, values, None if name == "input" else find_peak(distance, values)))
    peak, least = profiles[-1][3], _least_height(asked, coarse)
    words = "The INR has no peak that falls to its half on both sides."
    if float(np.ptp(profiles[-1][2])) < least:
        words = "Along this line the INR has no peak that stands out from its error."
        profiles = [(*one[:3], None) for one in profiles]
    elif peak is not None:
        words = f"The highest peak of the INR is {peak.width:.3g} {subject.unit} wide (FWHM)."
    return Finding(words, figures=[plot_profile(profiles, subject.unit, asked.ink)])


def why(asked: Asked) -> Finding:
    """Show the noise, the risk that the gap was chosen by, the losses, and what the run said."""
    from napari_blindspot.core.result import History
    from napari_blindspot.noise.gap_choice import make_plan
    from napari_blindspot.noise.risk_table import tabulate_risk

    subject = asked.subject
    noise, settings = subject.noise(), subject.settings
    figures = [plot_noise_line(subject.noisy, subject.denoised, noise, asked.ink)]
    measured = NoiseFigures.of(noise)
    words = [] if measured is None else [f"Measured noise: {measured.in_words()}."]
    if settings is None or isinstance(settings, MeasuredSettings):
        plan = make_plan(subject.noisy, noise, settings or MeasuredSettings())
        words.append(sentence(plan.notice))
        chosen = (plan.settings.visible_fraction, plan.settings.gap)
        figures.append(plot_risk(tabulate_risk(subject.noisy, noise, chosen), asked.ink))
    figures.append(plot_autocorrelation(subject.noisy, subject.denoised, noise, asked.ink))
    losses = subject.record.get("history")
    if losses:
        history = History(
            {name: np.asarray(values, np.float32) for name, values in losses.items()},
            int(subject.record.get("iterations", 0)),
        )
        figures.append(plot_losses(history, asked.ink))
    else:
        words.append("The layer holds no losses of its run.")
    notices = [Notice.from_dict(values) for values in subject.record.get("notices", [])]
    words += [sentence(notice) for notice in notices if notice.is_warning or "neighbours" in notice.kind]
    return Finding(" ".join(words), figures=figures)


def equal_voxels(asked: Asked) -> Finding:
    """Sample one INR of the whole stack between its planes, so that its voxels have equal sides."""
    from napari_blindspot.engine.inr_of_image import fit_volume

    depth = asked.depth
    assert depth is not None
    planes = depth.planes()
    sampled = fit_volume(planes).sample(depth.zoom)
    count, height, width = sampled.values.shape
    # A layer is placed from the plane in view.
    z, y, x = sampled.origin
    origin = depth.of_layer((z - depth.index[depth.axis], y, x), 0.0)
    return Finding(
        f"One INR of the {len(planes)} planes was sampled {depth.zoom[0]:.3g} times a plane: "
        f"{count}×{height}×{width} voxels of equal sides, to be looked at from the side or in 3-D.",
        [
            NewLayer(
                "equal voxels",
                sampled.values.reshape([round(n) for n in depth.of_layer(sampled.values.shape, 1)]),
                origin=origin,
                step=depth.of_layer(sampled.step, 1.0),
            )
        ],
    )


def others(asked: Asked) -> Finding:
    """Show what other denoisers make of the plane, and how all did on pixels that were hidden from them."""
    from napari_blindspot.comparison import compare

    subject = asked.subject
    settings = subject.settings
    found = compare(subject.noisy, subject.noise(), settings, model=asked.model, control=asked.control)
    words = found.in_words
    if found.own is not None:
        words += _what_differs(asked, "the plane was")
    layers = [
        NewLayer(one.name, one.estimate.astype(np.float32))
        for one in reversed(found.others)
        if one.estimate is not None
    ]
    return Finding(words, layers, heads=found.columns, rows=found.rows)


def _what_differs(asked: Asked, were: str) -> str:
    """Say in which way what was fitted for an answer is not what the run has done; nothing if it is."""
    words = ""
    if asked.model is None and asked.subject.record.get("origin") == "model":
        words += f" {fitted_anew(were)}"
    if asked.subject.saw_neighbours:
        words += " Here the neighbours of the plane were not looked at."
    return words


def _inr(asked: Asked) -> InrField:
    """Return the INR of the model that was given, or one that is fitted to the result.

    Raises
    ------
    ImageError
        If the model was fitted to an image of another size, or holds no INR.
    """
    from napari_blindspot.engine.inr_of_image import fit_inr, with_inr

    rows, columns = asked.subject.denoised.shape
    if asked.model is None:
        return fit_inr(asked.subject.denoised)
    inr = with_inr(asked.model).inr
    if inr.shape != (rows, columns):
        raise ImageError(
            f"The model was fitted to a plane of {inr.shape[0]}×{inr.shape[1]} pixels, but those of "
            f"“{asked.subject.name}” have {rows}×{columns}: choose the model of this result, or none."
        )
    return inr


def _least_height(asked: Asked, points: npt.NDArray[np.float64]) -> float:
    """Return how high a peak along a line, (N, 2), must be to be one; 0 where the noise is not known."""
    subject = asked.subject
    noise = subject.noise_if_measured()
    if noise is None:
        return 0.0
    sigma = error_sigma(subject.noisy, subject.denoised, noise)
    return LEAST_PEAK * float(np.median(read_line(np.nan_to_num(sigma), points)))


def _check_line(points: npt.NDArray[np.float64], shape: tuple[int, ...]) -> None:
    """Refuse a line that leaves the plane.

    Raises
    ------
    ImageError
        If it does.
    """
    if (points < -0.5).any() or (points > np.array(shape) - 0.5).any():
        raise ImageError("The line leaves the image: draw one that lies within it.")


QUESTIONS: dict[str, ResultQuestion] = {
    "What was removed?": ResultQuestion("Residual, verdict and autocorrelation.", removed),
    "How sure is it?": ResultQuestion(
        "The standard deviation of the error that is to be expected.", certainty
    ),
    "How finely does it resolve?": ResultQuestion(
        "Fourier ring correlation before and after; takes two fits, or applies a model twice.",
        resolution,
        frozenset({"model"}),
    ),
    "What is between the pixels?": ResultQuestion(
        "The INR at a higher resolution, and its gradient.",
        between,
        frozenset({"zoom", "region", "model"}),
    ),
    "What is between the planes?": ResultQuestion(
        "Equal voxels: one INR of a whole z-stack, sampled between its planes.",
        equal_voxels,
        frozenset({"depth"}),
    ),
    "What is along the line?": ResultQuestion(
        "Input, U-Net and INR along a line of a Shapes layer.", profile, frozenset({"line", "model"})
    ),
    "Why these settings?": ResultQuestion(
        "The noise, the risk, the losses, and the neighbours that were used.", why
    ),
    "What do others make of it?": ResultQuestion(
        "A Gaussian filter, non-local means and BM3D beside this method, with a score on hidden pixels; "
        "takes a fit.",
        others,
        frozenset({"model"}),
    ),
}
"""What can be asked, in words."""
