"""What the Inspect dock looks at: one plane of a noisy layer, and the same plane of its result.

Pure functions of layers. What is asked of a plane belongs to `napari_blindspot.widgets.inspect.questions`.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_blindspot.core.errors import FileError, ImageError, SettingsError
from napari_blindspot.core.noise_model import NoiseModel
from napari_blindspot.core.plane import MIN_SIZE
from napari_blindspot.files.door import read_settings
from napari_blindspot.inspection.alignment import best_move
from napari_blindspot.inspection.residual import standardised_residual
from napari_blindspot.settings import Settings
from napari_blindspot.widgets.denoise.result_layers import look_and_place
from napari_blindspot.widgets.denoise.scope import check_layer, corners_of, current_plane
from napari_blindspot.widgets.shared.layer_data import METADATA_KEY, layer_pixels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    from napari.components import Dims
    from napari.layers import Image, Shapes

    Floats = npt.NDArray[np.float64]

FARTHEST_MEAN = 1.0
"""Mean of what was removed, in standard deviations of the noise, from which on two planes are on different
scales: denoising hardly changes the mean. A convention."""

__all__ = ["Subject", "has_result", "line_of", "record_of", "region_in_view", "subject_of"]


@dataclass(frozen=True, slots=True)
class Subject:
    """A plane and its result.

    Attributes
    ----------
    name : str
        Of the result's layer.
    noisy, denoised : ndarray
        (Y, X) float64.
    record : mapping
        Of the plane's run; empty where the layer has none.
    look : mapping
        Arguments of a layer that lies over the plane, for napari's `add_image`.
    leading : int
        Axes of the layer before Y and X.
    pixel : tuple of float
        Sides of a pixel along y and x in `unit`.
    unit : str
        Of lengths.
    """

    name: str
    noisy: Floats
    denoised: Floats
    record: Mapping[str, Any]
    look: Mapping[str, Any]
    leading: int
    pixel: tuple[float, float]
    unit: str

    @property
    def settings(self) -> Settings | None:
        """Those of the run; None where the layer does not tell them."""
        try:
            return Settings.parse(self.record["settings"])
        except (KeyError, TypeError, SettingsError):
            return None

    @property
    def saw_neighbours(self) -> bool:
        """Whether the run looked at other planes as well."""
        return any(notice.get("kind") == "neighbours-seen" for notice in self.record.get("notices", ()))

    def noise(self) -> NoiseModel:
        """Return the noise as the run has measured it, or measure it.

        Raises
        ------
        ImageError
            If nothing can be measured, or the two planes do not belong to each other as they are.
        """
        found = self.noise_if_measured()
        if found is None:
            raise ImageError("The noise of this plane could not be measured, so nothing can be said of it.")
        return found

    def noise_if_measured(self) -> NoiseModel | None:
        """Return the noise as the run has measured it, or measure it; None if nothing can be measured.

        Raises
        ------
        ImageError
            If the two planes are on different scales, or do not lie over each other.
        """
        from napari_blindspot.noise.estimate import estimate_noise

        try:
            found = NoiseModel.from_dict(self.record["noise"])
        except (KeyError, TypeError, ValueError):
            found = estimate_noise(self.noisy)
        if not found.measured:
            return None
        away = abs(float(np.nanmean(standardised_residual(self.noisy, self.denoised, found))))
        if away >= FARTHEST_MEAN:
            raise ImageError(
                f"The intensities of “{self.name}” lie {away:.3g} standard deviations of the noise from "
                "those of the noisy layer, so they are on different scales: choose the pair from before "
                "one of them was rescaled."
            )
        move = best_move(self.noisy, self.denoised)
        if move is not None:
            raise ImageError(
                f"“{self.name}” would fit the noisy layer better if it were moved by {move[0]} rows and "
                f"{move[1]} columns, so one of them was cropped or moved since, or belongs to another "
                "image: choose the pair from before."
            )
        return found


def subject_of(noisy: Image, denoised: Image, point: Sequence[float]) -> Subject:
    """Read the plane at which a viewer's sliders stand.

    Parameters
    ----------
    noisy, denoised : Image
        A layer and its result.
    point : sequence of float
        Where the sliders stand, in the world of the result.

    Raises
    ------
    ImageError
        If the layers are no images of one channel, do not have the same planes, or the plane has no
        result.
    """
    for layer in (noisy, denoised):
        if layer.rgb:
            raise ImageError(
                f"“{layer.name}” is in colour, and one colour at a time is looked at: choose “Split RGB” "
                "in the menu of both layers, and ask about one of the parts."
            )
        check_layer(layer)
    pixels, result = layer_pixels(noisy), layer_pixels(denoised)
    index = current_plane(denoised, point)
    record = record_of(denoised)
    place = index
    if result.ndim == pixels.ndim and result.shape[:-2] != pixels.shape[:-2]:
        # The result of one plane of a stack lies at that plane.
        place = tuple(record.get("plane", ())) or current_plane(
            noisy, denoised.data_to_world((*index, 0, 0))
        )
    rows, columns = _part_of(record, pixels.shape[-2:])
    if (rows.stop - rows.start, columns.stop - columns.start) != result.shape[-2:] or len(
        place
    ) != pixels.ndim - 2:
        raise ImageError(
            f"“{denoised.name}” has planes of {result.shape[-2]}×{result.shape[-1]} pixels and "
            f"“{noisy.name}” of {pixels.shape[-2]}×{pixels.shape[-1]}, so one is not the result of the "
            "other as it is: choose a pair of the same size, from before it was cropped or rescaled."
        )
    estimate = np.asarray(result[index], np.float64)
    if not has_result(estimate, record, place):
        raise ImageError(f"This plane of “{denoised.name}” has no result yet: choose one that has.")
    look = look_and_place(denoised, (*index, 0, 0))
    return Subject(
        name=denoised.name,
        noisy=np.asarray(pixels[(*place, rows, columns)], np.float64),
        denoised=estimate,
        record=_record_of(record, place),
        look=look,
        leading=result.ndim - 2,
        pixel=(abs(float(denoised.scale[-2])), abs(float(denoised.scale[-1]))),
        unit=_unit_of(denoised),
    )


def record_of(layer: Image) -> Mapping[str, Any]:
    """Return what is known of the run that made a layer: its record, else what its file tells."""
    record = layer.metadata.get(METADATA_KEY)
    if isinstance(record, dict):
        return record
    if layer.source.path is not None:
        with contextlib.suppress(FileError, SettingsError):
            return {"settings": read_settings(layer.source.path).model_dump(mode="json")}
    return {}


def _part_of(record: Mapping[str, Any], shape: tuple[int, int]) -> tuple[slice, slice]:
    """Return the rows and columns of planes that a run has denoised, all if the record tells no region."""
    try:
        top, left, bottom, right = map(int, record["region"])
    except (KeyError, TypeError, ValueError):
        return slice(0, shape[0]), slice(0, shape[1])
    return slice(top, min(bottom, shape[0])), slice(left, min(right, shape[1]))


def has_result(estimate: Floats, record: Any, place: tuple[int, ...]) -> bool:
    """Tell whether a plane of a result was denoised.

    Parameters
    ----------
    estimate : ndarray
        (Y, X) float64.
    record : Any
        What the layer holds of its run.
    place : tuple of int
        Index of the plane in the layer that was denoised.
    """
    planes = record.get("planes") if isinstance(record, dict) else None
    # Integers have no NaN: what has no result yet is 0, and the record does not name it.
    told = not isinstance(planes, list) or any(tuple(entry.get("plane", ())) == place for entry in planes)
    return bool(np.isfinite(estimate).any()) and (told or bool(estimate.any()))


def line_of(
    shapes: Shapes, layer: Image, point: Sequence[float]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the ends of the line that is drawn or selected, (y, x) in pixels of a layer.

    Parameters
    ----------
    shapes : Shapes
        With one selected line, or a single one.
    layer : Image
        What it was drawn on.
    point : sequence of float
        Where the viewer's sliders stand; fills the axes that the shapes do not have.

    Raises
    ------
    ImageError
        If it is not clear which line is meant, or it has no length.
    """
    chosen = sorted(shapes.selected_data) or range(len(shapes.data))
    lines = [n for n in chosen if shapes.shape_type[n] == "line"]
    if len(lines) != 1:
        raise ImageError(f"“{shapes.name}” has {len(lines)} lines: draw or select one line on the image.")
    start, end = ((float(y), float(x)) for y, x in corners_of(shapes, lines[0], layer, point)[:, -2:])
    if np.hypot(start[0] - end[0], start[1] - end[1]) < 1.0:
        raise ImageError("The line is shorter than a pixel: draw a longer one.")
    return start, end


def region_in_view(layer: Image, dims: Dims) -> tuple[int, int, int, int]:
    """Return the part of a layer's plane that is on the screen.

    Parameters
    ----------
    layer : Image
        That the viewer has drawn; of a multiscale one the part may be a little larger.
    dims : Dims
        Of the viewer.

    Returns
    -------
    tuple of int
        (first row, first column, row after the last, column after the last).

    Raises
    ------
    ImageError
        If the viewer does not show the planes as such, or the layer is not in view.
    """
    if dims.ndisplay != 2 or set(dims.displayed) != {dims.ndim - 2, dims.ndim - 1}:
        raise ImageError(
            "The view does not show one plane: look at Y and X in 2-D, or choose the whole plane."
        )
    shape = layer_pixels(layer).shape[-2:]
    zoom = layer.downsample_factors[layer.data_level][-2:] if layer.multiscale else np.ones(2)
    first, last = np.asarray(layer.corner_pixels, float)[:, -2:] * zoom
    ends = np.minimum(last + zoom, shape)
    top, left, bottom, right = (int(x) for x in (*first, *ends))
    if min(bottom - top, right - left) < MIN_SIZE:
        raise ImageError(
            f"Of “{layer.name}” hardly anything is in view: move it into view, or choose the whole plane."
        )
    return top, left, bottom, right


def _record_of(record: Mapping[str, Any], place: tuple[int, ...]) -> Mapping[str, Any]:
    """Return what a layer's record says of one plane, with what it says of all."""
    planes = record.get("planes")
    if not isinstance(planes, list):
        return record
    own: Mapping[str, Any] = next((entry for entry in planes if tuple(entry.get("plane", ())) == place), {})
    return {**record, **own}


def _unit_of(layer: Image) -> str:
    unit = str(layer.units[-1])
    return {"micrometer": "µm", "pixel": "px", "nanometer": "nm", "millimeter": "mm"}.get(unit, unit)
