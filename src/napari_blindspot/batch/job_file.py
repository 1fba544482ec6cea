"""A whole batch as a YAML file, to be looked at, edited and run without a screen, here or elsewhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator

from napari_blindspot.batch.find import locate
from napari_blindspot.batch.items import Batch, plan_batch
from napari_blindspot.batch.options import BatchOptions, Input
from napari_blindspot.core.errors import FileError, SettingsError
from napari_blindspot.files.safe_write import atomic_path

__all__ = ["BatchJob", "load_job", "save_job"]

_HEAD = """\
# A batch of napari-blindspot. Run it with: napari-blindspot batch --job {name}
# Relative paths begin at the folder of this file. What is not said here is as usual.
"""


class BatchJob(BatchOptions):
    """The options of a batch with its inputs.

    Attributes
    ----------
    version : int
        Of the kind of file; 1.
    inputs : tuple of Input
        Files, folders and patterns; in YAML each is a path, or a mapping with ``path``, ``axes``,
        ``split``, ``voxel_size``, ``series`` and ``into``.
    """

    version: Literal[1] = 1
    inputs: tuple[Input, ...]

    @field_validator("inputs", mode="before")
    @classmethod
    def _paths_are_inputs(cls, value: Any) -> Any:
        if isinstance(value, str | os.PathLike):
            value = [value]
        if not isinstance(value, list | tuple) or not value:
            raise ValueError("a list of files, folders or patterns is needed")
        return [{"path": entry} if isinstance(entry, str | os.PathLike) else entry for entry in value]

    @property
    def options(self) -> BatchOptions:
        """What holds for all files."""
        return BatchOptions(**{name: getattr(self, name) for name in BatchOptions.model_fields})

    def plan(self) -> Batch:
        """Find the files; see `plan_batch`."""
        return plan_batch(self.inputs, self.options)

    @classmethod
    def of(cls, inputs: list[Input], options: BatchOptions) -> BatchJob:
        """Put inputs and options together."""
        return cls(
            inputs=tuple(inputs), **{name: getattr(options, name) for name in type(options).model_fields}
        )


def load_job(path: str | os.PathLike[str]) -> BatchJob:
    """Read a job file.

    Parameters
    ----------
    path : path-like
        YAML. Relative paths in it begin at its own folder, wherever the program is started.

    Raises
    ------
    FileError
        If it cannot be read or is not YAML.
    SettingsError
        If something in it is unknown, missing or out of range.
    """
    import yaml

    source = Path(path)
    try:
        values = yaml.safe_load(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"Cannot read the job file {source}: {error.strerror or error}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" in line {where.line + 1}" if where is not None else ""
        raise FileError(f"The job file {source} is not YAML: there is a mistake{line}.") from error
    if not isinstance(values, dict):
        raise SettingsError(f"The job file {source} holds no job: it needs at least 'inputs' and 'output'.")
    try:
        job = BatchJob(**{str(name): value for name, value in values.items()})
    except SettingsError as error:
        raise SettingsError(f"In the job file {source}: {error}") from None
    folder = source.resolve().parent
    inputs = tuple(entry.model_copy(update={"path": folder / entry.path}) for entry in job.inputs)
    model = None if job.model is None else folder / job.model
    return job.model_copy(update={"inputs": inputs, "output": folder / job.output, "model": model})


def save_job(job: BatchJob, path: str | os.PathLike[str]) -> None:
    """Write a job file; complete or not at all.

    Paths below the folder of the file are written relative to it, so that folder and file can be moved or
    copied to a cluster together.

    Raises
    ------
    FileError
        If it cannot be written.
    """
    import yaml

    target = Path(path)
    folder = target.resolve().parent
    usual = BatchOptions(output=job.output).model_dump(mode="json")
    values = job.model_dump(mode="json", exclude={"inputs", "output", "model"})
    changed = {
        name: value for name, value in values.items() if name == "settings" or usual.get(name) != value
    }
    text = yaml.safe_dump(
        {
            "version": job.version,
            "inputs": [_short(entry, folder) for entry in job.inputs],
            "output": _relative(job.output, folder),
            **({} if job.model is None else {"model": _relative(job.model, folder)}),
            **{name: value for name, value in changed.items() if name != "version"},
        },
        sort_keys=False,
        allow_unicode=True,
    )
    with atomic_path(target) as temporary:
        temporary.write_text(_HEAD.format(name=target.name) + text, encoding="utf-8")


def _short(entry: Input, folder: Path) -> str | dict[str, Any]:
    more: dict[str, Any] = {
        name: value
        for name, value in entry.model_dump(mode="json", exclude={"path", "into"}).items()
        if value is not None
    }
    if entry.into is not None:
        more["into"] = entry.into.as_posix()
    path = _relative(entry.path, folder)
    return {"path": path, **more} if more else path


def _relative(path: Path, folder: Path) -> str:
    whole = locate(path)
    return whole.relative_to(folder).as_posix() if whole.is_relative_to(folder) else str(whole)
