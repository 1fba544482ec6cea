"""The command ``demo``: a synthetic image of known truth, denoised and compared, without a download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.cli.display import display_of
from napari_blindspot.cli.exits import say
from napari_blindspot.cli.interrupt import interrupts
from napari_blindspot.cli.picture import save_side_by_side
from napari_blindspot.cli.progress import FitTeller
from napari_blindspot.core.control import Control
from napari_blindspot.core.errors import CancelledError, FileError
from napari_blindspot.core.events import Finished
from napari_blindspot.files.door import ImageFile, Spacing, write_ome_tiff
from napari_blindspot.files.safe_write import check_writable
from napari_blindspot.samples import confocal
from napari_blindspot.settings import Settings
from napari_blindspot.stack import fit_stack

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from napari_blindspot.core.result import Result
    from napari_blindspot.samples import Sample

__all__ = ["demo_settings", "run_demo"]

SIDE = 128
"""Pixels along each side of the demo's image: small, so that two CPU cores need less than two minutes."""


def demo_settings(seed: int = 0) -> Settings:
    """Return the preset with the fewest iterations."""
    return Settings.from_preset("fast", seed=seed)


def run_demo(folder: Path, seed: int = 0) -> Path:
    """Denoise a synthetic confocal image and write all images and a picture of them.

    Parameters
    ----------
    folder : Path
        Where the files go; made if it is not there. Files of an earlier demo are replaced.
    seed : int
        Of the image, its noise and the fit.

    Returns
    -------
    Path
        The PNG with noisy, denoised, INR and truth side by side.

    Raises
    ------
    FileError
        If the folder cannot be written to.
    CancelledError
        After a second Ctrl-C.
    """
    picture = folder / "before_after.png"
    _make(folder)
    check_writable(picture, 10 * 4 * SIDE * SIDE)
    settings = demo_settings(seed)
    _announce(settings)
    sample = confocal((SIDE, SIDE), seed)
    result = _fit(sample, settings)

    images = {"noisy": sample.noisy, "denoised": result.denoised, "inr": result.inr, "truth": sample.truth}
    spacing = {axis: Spacing(size, "µm") for axis, size in zip("YX", sample.voxel_size, strict=True)}
    for name, array in images.items():
        of_a_run = result.settings if name in ("denoised", "inr") else None
        write_ome_tiff(folder / f"{name}.ome.tif", ImageFile(array, "YX", spacing), settings=of_a_run)
    scores = {name: _psnr(array, sample.truth) for name, array in images.items() if name != "truth"}
    panels = [
        (f"{_LABELS[name]}  {scores[name]:.1f} dB" if name in scores else _LABELS[name], array)
        for name, array in images.items()
    ]
    low, high = np.percentile(sample.truth, (0.1, 99.9))
    save_side_by_side(picture, panels, (float(low), float(high)))

    print(f"{'':10}{'PSNR':>10}")
    for name, psnr in scores.items():
        print(f"{_LABELS[name]:10}{psnr:>7.2f} dB")
    print(f"Took {result.seconds:.0f} s on {result.device}.")
    print(f"Look at {picture}; the images themselves are beside it as OME-TIFF.")
    return picture


_LABELS = {"noisy": "noisy", "denoised": "denoised", "inr": "INR", "truth": "truth"}


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"Cannot make the folder {folder}: {error.strerror or error}.") from error


def _announce(settings: Settings) -> None:
    say(f"A synthetic confocal image of {SIDE}×{SIDE} pixels: small, to take less than two minutes.")
    say(f"The preset {settings.preset}, with {settings.iterations} iterations.")


def _fit(sample: Sample, settings: Settings) -> Result:
    control = Control()
    with display_of(FitTeller(1)) as display, interrupts(control, display.tell):
        for event in fit_stack(sample.noisy, settings, control=control):
            display.show(event)
            if isinstance(event, Finished):
                return event.result
    raise CancelledError("Cancelled; nothing was written.")


def _psnr(image: npt.NDArray[Any], truth: npt.NDArray[np.float32]) -> float:
    """Return the peak signal-to-noise ratio of an image in dB, over the range of the truth; both (Y, X)."""
    error = np.mean((image.astype(np.float64) - truth) ** 2)
    return float(20 * np.log10(np.ptp(truth)) - 10 * np.log10(error))
