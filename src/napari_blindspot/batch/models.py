"""One model for all files of a batch: read, or fitted to one of them and kept beside the results.

How a model is applied to a file belongs to `napari_blindspot.jobs`.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_blindspot.api import save
from napari_blindspot.batch.find import locate
from napari_blindspot.batch.item_events import ModelWork
from napari_blindspot.batch.items import OPEN
from napari_blindspot.core.errors import FileError, ImageError, SettingsError
from napari_blindspot.core.events import Finished
from napari_blindspot.core.model import check_keeps_model
from napari_blindspot.files.model_file import ENDING, load_model
from napari_blindspot.files.safe_write import remove_leftovers
from napari_blindspot.stack import chains, fit_stack, plane_indices

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from napari_blindspot.batch.items import Batch
    from napari_blindspot.core.control import Control
    from napari_blindspot.core.model import Model
    from napari_blindspot.files.image_file import ImageFile

__all__ = ["FIRST", "prepare_models"]

FIRST = "first"
"""Stands for the first file, where a file to fit a model to is named."""


def prepare_models(batch: Batch, control: Control) -> Iterator[ModelWork]:
    """Read the model of a batch, or fit it; afterwards the batch has it, and its settings.

    A model that an earlier run of the same batch has fitted is used again.

    Yields
    ------
    ModelWork
        Of the fit.

    Raises
    ------
    FileError
        If the model cannot be read or written.
    SettingsError
        If the settings leave no model or say something else than the model's, or no file of the batch has
        the name that was given.
    ImageError
        If nothing in the file can be fitted.
    BlindspotError
        As the fit of a plane.
    """
    options = batch.options
    if options.model is not None:
        _take(batch, [options.model])
    elif options.fit_on is not None:
        number = _number_of(batch, options.fit_on)
        job = batch.items[number].job(options)
        image = job.open()
        check_keeps_model(options.settings)
        run = job.digest(image)
        groups = chains(plane_indices(image.shape), image.axes)
        paths = _paths(batch, len(groups))
        if not all(_is_of(path, run) for path in paths):
            for chain, path in zip(groups, paths, strict=True):
                model = yield from _fitted(batch, number, image, chain, control)
                if model is None:
                    return
                fitted = replace(model.fitted_to, name=job.source.name, run=run)
                remove_leftovers(path)
                save(replace(model, fitted_to=fitted), path)
        _take(batch, paths)


def _take(batch: Batch, paths: list[Path]) -> None:
    """Let a batch apply models."""
    settings = load_model(paths[0]).applied_settings(batch.options.settings)
    batch.options = batch.options.model_copy(update={"settings": settings})
    batch.models = tuple(path.absolute() for path in paths)


def _number_of(batch: Batch, name: str) -> int:
    """Return the number of the item that a model is fitted to."""
    if name == FIRST:
        found = next((n for n, item in enumerate(batch.items) if item.state in OPEN), None)
        if found is None:
            raise FileError("There is no file that a model could be fitted to.", setting="fit_on")
        return found
    wanted = Path(name)
    for number, item in enumerate(batch.items):
        if item.source == locate(wanted) or item.source.name == name:
            if item.state not in OPEN:
                raise FileError(f"No model can be fitted to {item.source}: {item.reason}", setting="fit_on")
            return number
    raise SettingsError(
        f"A model is to be fitted to {name}, which is none of the files of the batch.", setting="fit_on"
    )


def _paths(batch: Batch, count: int) -> list[Path]:
    """Return where the models are kept: one, or one a channel."""
    folder = locate(batch.options.output)
    names = ["batch_model"] if count == 1 else [f"batch_model_{number}" for number in range(count)]
    return [folder / f"{name}{ENDING}" for name in names]


def _is_of(path: Path, run: str) -> bool:
    """Tell whether a model of an earlier run is there that would be fitted alike."""
    if not os.path.lexists(path):
        return False
    with contextlib.suppress(FileError):
        return load_model(path).fitted_to.run == run
    return False


def _fitted(
    batch: Batch, number: int, image: ImageFile, chain: list[tuple[int, ...]], control: Control
) -> Generator[ModelWork, None, Model | None]:
    """Fit the plane of a channel that has most structure, and return its model; None if it was ended."""
    settings = batch.options.settings.model_copy(update={"stack_start": "shared"})
    events: Any = fit_stack(image.array, settings, axes=image.axes, indices=chain, control=control)
    with contextlib.closing(events):
        for event in events:
            yield ModelWork(number, event)
            if isinstance(event, Finished):
                if control.ending:
                    return None
                if event.model is None:
                    raise ImageError(
                        f"There is no model to apply, because nothing in the plane of "
                        f"{batch.items[number].source.name} could be fitted.",
                        setting="fit_on",
                    )
                return event.model
    return None
