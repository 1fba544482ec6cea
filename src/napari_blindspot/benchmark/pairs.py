"""Which noisy images have a truth, in the layouts in which the FMD dataset is found.

Zhang et al., "A Poisson-Gaussian Denoising Dataset with Real Fluorescence Microscopy Images" (CVPR 2019).
Only finding and reading belong here; scores are in `napari_blindspot.benchmark.metrics`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from napari_blindspot.core.errors import FileError, ImageError
from napari_blindspot.core.words import first_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    Plane = npt.NDArray[np.float32]

__all__ = [
    "DEVELOPMENT",
    "MODALITIES",
    "SUFFIXES",
    "TEST_FOV",
    "FoundPairs",
    "Pair",
    "centre_crop",
    "find_pairs",
    "is_development",
    "modality",
    "natural",
    "read_plane",
]

TEST_FOV = 19
"""The field of view that FMD's authors keep for testing."""

MODALITIES = ("Confocal", "TwoPhoton", "WideField")
"""Kinds of microscopes, with which the names of FMD's scenes begin."""

DEVELOPMENT = (
    "Confocal_BPAE_B_fov1",
    "Confocal_BPAE_G_fov1",
    "Confocal_BPAE_R_fov1",
    "Confocal_MICE_fov1",
    "TwoPhoton_BPAE_R_fov19",
    "TwoPhoton_MICE_fov19",
    "WideField_BPAE_R_fov19",
)
"""Scenes on which `auto` was developed. The last three are among the twelve that FMD's authors test on."""

SUFFIXES = (".png", ".tif", ".tiff")
"""Of the files that are read."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A capture and the truth of its scene.

    Attributes
    ----------
    scene : str
        Sample and field of view, such as ``Confocal_MICE_fov1``.
    capture : int
        From 1; which of the exposures of the scene.
    raw, truth : Path
        Grayscale 8-bit images of the same size.
    """

    scene: str
    capture: int
    raw: Path
    truth: Path

    def load(self, crop: int | None = None) -> tuple[Plane, Plane]:
        """Read both images as float32 in [0, 255], (Y, X), the centre only if `crop` is given.

        Raises
        ------
        FileError, ImageError
            If one cannot be read, is not 8-bit grayscale, or their sizes differ.
        """
        noisy, truth = read_plane(self.raw), read_plane(self.truth)
        if noisy.shape != truth.shape:
            raise ImageError(
                f"The sizes differ: {self.raw.name} has {_size(noisy)} pixels and its truth "
                f"{self.truth.name} {_size(truth)}."
            )
        return centre_crop(noisy, crop), centre_crop(truth, crop)


@dataclass(slots=True)
class FoundPairs:
    """What a folder holds: the pairs, and one sentence for whatever had to be left out.

    Attributes
    ----------
    pairs : list of Pair
        By scene, then capture.
    problems : list of str
        Raw images without truth.
    """

    pairs: list[Pair] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def modality(scene: str) -> str:
    """Return the microscope of a scene by the first part of its name, or ``other``."""
    return next((name for name in MODALITIES if scene.startswith(name)), "other")


def is_development(scene: str) -> bool:
    """Tell whether a scene, with its field of view or by its name in ``test_mix``, was developed on."""
    return scene in DEVELOPMENT or f"{scene}_fov{TEST_FOV}" in DEVELOPMENT


def find_pairs(
    root: Path,
    captures: int | None = None,
    fov: int = TEST_FOV,
    scenes: Sequence[str] | None = None,
) -> FoundPairs:
    """Find raw images and their truth below a folder.

    Three layouts are understood, in `root` itself and in its direct subfolders: the official one of a
    sample (``raw/19/*.png`` with ``gt/19/avg50.png``), the official ``test_mix`` and the flat one
    (``raw/NAME_CAPTURE.png`` with ``gt/NAME.png`` or ``gt/NAME_CAPTURE.png``). A sample that is in
    ``test_mix`` is not taken again from its own folder.

    Parameters
    ----------
    root : Path
        The dataset.
    captures : int, optional
        Take only the first so many captures of each scene.
    fov : int
        Field of view to take from official sample folders; all of them where it is missing.
    scenes : sequence of str, optional
        Take only scenes whose names begin with one of these.

    Raises
    ------
    FileError
        If the folder does not exist or has no pair in it, or none of such a scene.
    """
    if not root.is_dir():
        raise FileError(f"There is no folder {root}; give the one that holds raw and gt images.")
    found = FoundPairs()
    # test_mix comes first: its captures are the ones that the literature reports.
    folders = [
        root,
        *sorted((p for p in root.iterdir() if p.is_dir()), key=lambda p: (p.name != "test_mix", p)),
    ]
    taken: set[str] = set()
    for folder in folders:
        raw, gt = folder / "raw", folder / "gt"
        if not raw.is_dir():
            continue
        here = FoundPairs()
        if _images(raw):
            _find_flat(raw, gt, here)
        else:
            _find_official(folder, raw, gt, fov, here)
        found.pairs += [pair for pair in here.pairs if pair.scene not in taken]
        found.problems += here.problems
        taken.update(pair.scene for pair in here.pairs)
    found.pairs.sort(key=lambda pair: (pair.scene, pair.capture))
    if captures is not None:
        found.pairs = _first_captures(found.pairs, captures)
    if not found.pairs:
        reason = f" {found.problems[0]}" if found.problems else ""
        raise FileError(
            f"There is no pair of a raw image and its truth in {root}; expected raw/NAME_1.png with "
            f"gt/NAME.png, or NAME/raw/{TEST_FOV}/*.png with NAME/gt/{TEST_FOV}/avg50.png.{reason}"
        )
    if scenes is not None:
        found.pairs = _of_scenes(found.pairs, scenes)
    return found


def _of_scenes(pairs: list[Pair], scenes: Sequence[str]) -> list[Pair]:
    """Return the pairs whose scene begins with one of the names; each name must find one."""
    present = sorted({pair.scene for pair in pairs})
    for name in scenes:
        if not any(scene.startswith(name) for scene in present):
            raise FileError(f"No scene begins with {name!r}; there are: {', '.join(present)}.")
    return [pair for pair in pairs if pair.scene.startswith(tuple(scenes))]


def _find_flat(raw: Path, gt: Path, found: FoundPairs) -> None:
    """Add pairs of ``raw/NAME[_CAPTURE].png`` with ``gt/NAME[_CAPTURE].png``."""
    truths = {path.stem: path for path in _images(gt)}
    for path in _images(raw):
        name, capture = _split_capture(path.stem)
        truth = truths.get(path.stem) or truths.get(name)
        if truth is None:
            found.problems.append(
                f"{path.name} has no truth: neither gt/{path.name} nor gt/{name}.* exists."
            )
            continue
        found.pairs.append(Pair(name, capture, path, truth))


def _find_official(folder: Path, raw: Path, gt: Path, fov: int, found: FoundPairs) -> None:
    """Add pairs of ``raw/FOV/*.png`` with ``gt/FOV/avg50.png``; captures count in the order of names."""
    views = sorted((p for p in raw.iterdir() if p.is_dir()), key=lambda p: natural(p.name))
    chosen = [view for view in views if view.name == str(fov)] or views
    for view in chosen:
        images = _images(view)
        truths = _images(gt / view.name)
        scene = (
            folder.resolve().name
            if view.name == str(TEST_FOV)
            else f"{folder.resolve().name}_fov{view.name}"
        )
        if images and not truths:
            found.problems.append(f"{scene} has no truth: gt/{view.name}/avg50.png does not exist.")
            continue
        found.pairs += [Pair(scene, number, path, truths[0]) for number, path in enumerate(images, start=1)]


def _split_capture(stem: str) -> tuple[str, int]:
    """Take the trailing number off a name; without one the image is capture 1."""
    match = re.fullmatch(r"(.+)_(\d+)", stem)
    return (match[1], int(match[2])) if match else (stem, 1)


def _first_captures(pairs: list[Pair], captures: int) -> list[Pair]:
    kept: dict[str, list[Pair]] = {}
    for pair in pairs:
        kept.setdefault(pair.scene, []).append(pair)
    return [pair for scene in kept.values() for pair in scene[:captures]]


def _images(folder: Path) -> list[Path]:
    """Return the images of a folder in the order of people, which puts 2 before 10."""
    if not folder.is_dir():
        return []
    files = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    return sorted(files, key=lambda path: natural(path.name))


def natural(name: str) -> list[tuple[int, str]]:
    """Sort key that puts 2 before 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def read_plane(path: Path) -> Plane:
    """Read an 8-bit grayscale image as float32, (Y, X).

    Raises
    ------
    FileError
        If it cannot be read.
    ImageError
        If it is not 8-bit grayscale: the protocol's scale is [0, 255].
    """
    from skimage.io import imread

    try:
        image = np.asarray(imread(path))
    except Exception as error:  # readers raise almost anything
        raise FileError(f"{path.name} cannot be read as an image: {first_line(error)}.") from error
    if image.ndim == 3 and image.shape[-1] in (3, 4) and (image[..., :1] == image[..., :3]).all():
        image = image[..., 0]  # gray stored as RGB
    if image.ndim != 2 or image.dtype != np.uint8:
        shape = "×".join(str(n) for n in image.shape)
        raise ImageError(
            f"{path.name} is {image.dtype} {shape}, but the protocol is for 8-bit grayscale planes."
        )
    return image.astype(np.float32)


def centre_crop(image: Plane, crop: int | None) -> Plane:
    """Return the central crop×crop pixels, or the whole image if it is not larger or `crop` is None."""
    if crop is None:
        return image
    height, width = (min(crop, size) for size in image.shape)
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return np.ascontiguousarray(image[top : top + height, left : left + width])


def _size(image: Plane) -> str:
    """Return the size of a (Y, X) plane as text."""
    return f"{image.shape[0]}×{image.shape[1]}"
