"""What a batch is told once, for all of its files; validated, so that a job file can hold it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    field_serializer,
    field_validator,
    model_validator,
)

from napari_blindspot.core.errors import SettingsError
from napari_blindspot.core.quoting import shown
from napari_blindspot.files.formats.registry import Writer, writers
from napari_blindspot.files.read_options import ReadOptions, parse_voxel_size
from napari_blindspot.files.write_options import Compression, NgffVersion
from napari_blindspot.settings import Settings

__all__ = ["OUTPUT_FORMATS", "BatchOptions", "Input", "first_complaint"]

OUTPUT_FORMATS: dict[str, Writer] = {writer.name.lower(): writer for writer in writers()}
"""What results can be, by the names that a batch has for them: ome-tiff, ome-zarr."""


Split = Annotated[str | None, AfterValidator(lambda split: ReadOptions(split=split).split)]
"""As ``2:C``."""

VoxelSize = Annotated[
    tuple[float, ...] | None,
    BeforeValidator(parse_voxel_size),
    PlainSerializer(lambda size: None if size is None else list(size)),
]
"""Along Z, Y and X in µm; a text with commas is read as well."""


def _possible_path(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("a path has no character NUL")
    return path


Place = Annotated[Path, AfterValidator(_possible_path)]
"""A path that an operating system could have."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise SettingsError(first_complaint(error)) from None


class Input(_Strict):
    """A file, folder or pattern to take, and what its own metadata leave open.

    Attributes
    ----------
    path : Path
        An image, a folder to search with its subfolders, or a pattern such as ``day*/*.tif``.
    axes, split, voxel_size
        What the file does not say or says wrongly; see `napari_blindspot.files.read_options.ReadOptions`.
    series : int or None
        Which image of a file that holds several, counted from 0.
    into : Path or None
        Folder of its results below that of the batch; None for where it lies below the folder that was
        searched.
    """

    path: Place
    axes: str | None = None
    split: Split = None
    voxel_size: VoxelSize = None
    series: int | None = Field(default=None, ge=0)
    into: Place | None = None

    @field_validator("into")
    @classmethod
    def _stays_below(cls, into: Path | None) -> Path | None:
        if into is not None and (into.is_absolute() or ".." in into.parts):
            raise ValueError("it must lead into the output folder: no absolute path, and no '..'")
        return into


class BatchOptions(_Strict):
    """What holds for all files of a batch.

    Attributes
    ----------
    output : Path
        Folder of the results and the report; made if it is not there.
    pattern : str or None
        Which files of a folder to take: ``*.tif`` in all of its subfolders, ``./*.tif`` in itself,
        ``day*/raw_*`` and ``**/raw_*``; upper and lower case are the same. None takes all whose ending is
        that of an image.
    axes, split, voxel_size, series
        As in `Input`, for files that are not given their own.
    channel : int or None
        The one colour sample or channel to take, counted from 0; all channels if None.
    settings : Settings
        Of every fit; beside a model only what is said there of `BESIDE_A_MODEL`, such as the device.
    model : Path or None
        What is applied to all files instead of fitting them.
    fit_on : str or None
        The file to whose fullest plane a model is fitted, which is then applied to all files, or "first"
        for the first of them.
    format : str
        Of the results, one of `OUTPUT_FORMATS`.
    compression : {"none", "zlib", "zstd"}
        Of their pixels.
    pyramid : bool
        Whether smaller versions are stored with the pixels, which large planes need to be shown quickly.
    ngff : {"0.4", "0.5"}
        Version of OME-Zarr, for results of that format.
    existing : {"resume", "skip", "overwrite", "replace"}
        What becomes of an output that is there: with ``resume`` one of the same input and settings is
        done, and another one is left alone and reported; ``skip`` leaves alone whatever is there;
        ``overwrite`` begins anew; ``replace`` is ``resume``, but another output is replaced. Finished
        planes of an interrupted run are used by all but ``overwrite``.
    workers : int
        Processes that work at once; with more than one, as a Dask cluster on this machine.
    dask : str or None
        Address of the scheduler of a cluster that is running, which is used instead.

    Raises
    ------
    SettingsError
        If a value is out of range; one sentence says which.
    """

    output: Place
    pattern: str | None = None
    axes: str | None = None
    split: Split = None
    voxel_size: VoxelSize = None
    series: int | None = Field(default=None, ge=0)
    channel: int | None = Field(default=None, ge=0)
    settings: Settings = Field(default_factory=Settings.from_preset)
    model: Place | None = None
    fit_on: str | None = None
    format: str = "ome-tiff"
    compression: Compression = "zlib"
    pyramid: bool = False
    ngff: NgffVersion = "0.5"
    existing: Literal["resume", "skip", "overwrite", "replace"] = "resume"
    workers: int = Field(default=1, ge=1, le=1024)
    dask: str | None = None

    def __init__(self, **values: Any) -> None:
        if isinstance(values.get("settings"), Mapping):
            values["settings"] = Settings.parse(values["settings"])
        super().__init__(**values)

    @model_validator(mode="after")
    def _one_model(self) -> Self:
        if self.model is not None and self.fit_on is not None:
            raise ValueError("both a model and a file to fit one to were given; give one of them")
        return self

    @field_validator("ngff", mode="before")
    @classmethod
    def _is_text(cls, version: Any) -> Any:
        """Take a version without quotes, which YAML reads as a number."""
        return str(version) if isinstance(version, float) else version

    @field_validator("format")
    @classmethod
    def _can_be_written(cls, name: str) -> str:
        if name not in OUTPUT_FORMATS:
            raise ValueError(f"it must be one of: {', '.join(OUTPUT_FORMATS)}")
        return name

    @field_serializer("settings")
    def _only_what_differs_from_the_preset(self, settings: Settings) -> dict[str, Any]:
        """Keep job files short enough to be read and edited."""
        return settings.model_dump(mode="json", include={"preset", *settings.overrides()})


def first_complaint(error: ValidationError) -> str:
    """Say in one sentence which value was wrong and what would be right."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"There is no batch option {name!r}."
    if first["type"] == "missing":
        return f"The batch option {name!r} is missing."
    reason = first["msg"].removeprefix("Value error, ")
    if not name:
        return f"The options of the batch do not fit together: {reason}."
    return f"The batch option {name!r} is {shown(first['input'])}, but {reason[:1].lower()}{reason[1:]}."
