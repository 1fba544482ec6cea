"""What there is to do: an item is one file of a batch, where its result goes, and what is known of it.

Planning reads names and, on request, the headers of the files; no pixel is computed and nothing is written.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_blindspot.batch.contents import contents_of, sets_among
from napari_blindspot.batch.find import find, locate
from napari_blindspot.batch.options import OUTPUT_FORMATS, BatchOptions, Input
from napari_blindspot.batch.same_names import name_key, same_file, without_ending
from napari_blindspot.core.errors import FileError
from napari_blindspot.files.names import beside_names, stem
from napari_blindspot.files.read_options import ReadOptions
from napari_blindspot.files.write_options import WriteOptions
from napari_blindspot.jobs.file_job import FileJob
from napari_blindspot.jobs.record import FileRecord
from napari_blindspot.stack import plane_indices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from napari_blindspot.batch.contents import Contents
    from napari_blindspot.batch.find import FoundImage
    from napari_blindspot.core.notices import Notice
    from napari_blindspot.files.image_file import ImageFile
    from napari_blindspot.jobs.existing import FileOutcome, State

__all__ = [
    "OPEN",
    "Batch",
    "Item",
    "files_of",
    "kept_in_words",
    "output_name",
    "plan_batch",
]

OPEN: tuple[State, ...] = ("waiting", "running", "stopped")
"""States of an item that still has something to do."""

_OTHERS: tuple[State, ...] = ("failed", "skipped", "stopped", "running", "waiting")

SUFFIX = "_denoised"


@dataclass(frozen=True, slots=True)
class Item:
    """One file of a batch.

    Attributes
    ----------
    source, output : Path
        What is read and what is written; absolute.
    read : ReadOptions
        Which image of the file is taken, and what the user says of it.
    state : str
        ``waiting``, ``running``, ``done``, ``failed``, ``skipped`` or ``stopped``.
    reason : str
        Why it failed, was skipped or stopped; one sentence.
    setting : str or None
        What the user could say to mend a failure; see `napari_blindspot.core.errors.BlindspotError`.
    shape, axes, dtype
        Of the image, once it was looked at: () and empty before.
    plane_count : int
        How many planes it has, once it was looked at.
    record : FileRecord
        What is to be known of the planes that are finished.
    """

    source: Path
    output: Path
    read: ReadOptions = field(default_factory=ReadOptions)
    state: State = "waiting"
    reason: str = ""
    setting: str | None = None
    shape: tuple[int, ...] = ()
    axes: str = ""
    dtype: str = ""
    plane_count: int = 0
    record: FileRecord = field(default_factory=FileRecord)

    @property
    def finished(self) -> int:
        """How many planes have a result."""
        return len(self.record.planes)

    @property
    def seconds(self) -> float:
        """Computing time of the finished planes."""
        return self.record.seconds

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user ought to know, one sentence each."""
        return self.record.warnings

    def ended(self, outcome: FileOutcome) -> Item:
        """Return the item with what became of it; what the outcome does not know stays."""
        record = outcome.record or self.record
        return replace(
            self,
            output=record.place_of(self.output),
            state=outcome.state,
            reason=outcome.reason,
            setting=outcome.setting,
            record=record,
        )

    def job(self, options: BatchOptions, models: tuple[Path, ...] = ()) -> FileJob:
        """Return what is to be done with the file in a batch of these options, with models if there are."""
        return FileJob(
            source=self.source,
            outputs={"denoised": self.output},
            settings=options.settings,
            read=self.read,
            write=WriteOptions(compression=options.compression, pyramid=options.pyramid, ngff=options.ngff),
            existing=options.existing,
            models=models,
        )

    def seen(self, image: ImageFile) -> Item:
        """Return the item with what the header of its file says."""
        return replace(
            self,
            shape=image.shape,
            axes=image.axes,
            dtype=image.dtype.name,
            plane_count=len(plane_indices(image.shape)),
            record=self.record.model_copy(update={"reading": image.notices}),
        )


@dataclass(slots=True)
class Batch:
    """The items of a batch and what holds for all of them.

    Attributes
    ----------
    options : BatchOptions
        What the user wants.
    items : list of Item
        In the order in which they are worked on; replaced, not changed, as the batch goes on.
    notices : tuple of Notice
        What the user ought to know about the folder of the results.
    models : tuple of Path
        What is applied to all files, once it is there; then the settings of the options are those of it.
    """

    options: BatchOptions
    items: list[Item]
    notices: tuple[Notice, ...] = ()
    models: tuple[Path, ...] = ()

    def job(self, number: int) -> FileJob:
        """Return what is to be done with a file."""
        return self.items[number].job(self.options, self.models)

    def update(self, number: int, **changes: Any) -> Item:
        """Replace an item by one with other values, and return it."""
        self.items[number] = replace(self.items[number], **changes)
        return self.items[number]

    @property
    def counts(self) -> dict[str, int]:
        """How many items are in each state, for the states that occur."""
        return dict(Counter(item.state for item in self.items))

    @property
    def in_words(self) -> str:
        """Say how far it is: 3 of 5 files done, 1 failed, 1 waiting."""
        counts = self.counts
        files = "file" if len(self.items) == 1 else "files"
        others = [f"{counts[state]} {state}" for state in _OTHERS if state in counts]
        return ", ".join([f"{counts.get('done', 0)} of {len(self.items)} {files} done", *others])

    @property
    def findings(self) -> list[Notice]:
        """What the user ought to know about the folder, and about results that have another name."""
        moved = (notice for item in self.items for notice in item.record.written if notice.is_warning)
        return [*self.notices, *moved]

    @property
    def size(self) -> Notice | None:
        """How large the outputs are that were written now; None if there is none."""
        found = [item.record.size for item in self.items if item.record.size is not None]
        if not found:
            return None
        largest = max(found, key=lambda notice: notice.values["times"])
        total = sum(int(notice.values["size"]) for notice in found)
        return replace(largest, values={**largest.values, "count": len(found), "size": total})

    @property
    def failures(self) -> list[Item]:
        """The items that failed."""
        return [item for item in self.items if item.state == "failed"]


def plan_batch(
    inputs: Iterable[Input | str | os.PathLike[str]],
    options: BatchOptions,
    *,
    look: Callable[[Path], Contents] | None = contents_of,
) -> Batch:
    """Find the files and give each of their images an output.

    Parameters
    ----------
    inputs : iterable of Input or path-like
        Files, folders and patterns. A file that is found twice is taken once.
    options : BatchOptions
        Where the results go, and which files of a folder are taken.
    look : callable, optional
        Tells what a file holds; None to look into no file.

    Returns
    -------
    Batch
        One item an image. A file of a set whose planes are denoised with another one is skipped. What is
        already known to be impossible is an item that has failed, with its reason: a link that leads
        nowhere, a folder that cannot be read, an output that another file writes too, or that is the
        input itself.

    Raises
    ------
    FileError
        If there is not a single file, or the folder for the results is a file.
    """
    given = [entry if isinstance(entry, Input) else Input(path=Path(entry)) for entry in inputs]
    folder = locate(options.output)
    if folder.exists() and not folder.is_dir():
        raise FileError(
            f"The output {options.output} is a file; give a folder for the results.", setting="output"
        )
    found = _unique(
        (entry, image) for entry in given for image in find(entry.path, options.pattern, folder)
    )
    items = [_item(entry, image, options, folder) for entry, image in found]
    results = {name_key(without_ending(name)) for item in items for name in _result_names(item.output)}
    # Where inputs and results share a folder, the results of an earlier run are no inputs.
    kept = [
        item
        for item, (_, image) in zip(items, found, strict=True)
        if not (image.searched and name_key(without_ending(item.source)) in results)
    ]
    if not kept:
        named = ", ".join(str(entry.path) for entry in given) or "the inputs"
        what = f" that matches {options.pattern!r}" if options.pattern else ""
        raise FileError(
            f"There is no image{what} in {named}; give files, folders or another pattern.",
            setting="pattern",
        )
    batch = Batch(options, _refuse_collisions(_numbered(kept)))
    if look is None:
        return batch
    parted = _each_image(batch, look)
    if len(parted) > len(batch.items):
        return plan_batch(parted, options, look=look)
    batch.items = _without_members(batch.items, look)
    return batch


def _each_image(batch: Batch, look: Callable[[Path], Contents]) -> list[Input]:
    """Return an input for every image of files that hold several and of which none was chosen."""
    found: list[Input] = []
    for item, entry in zip(batch.items, files_of(batch), strict=True):
        is_open = item.read.series is None and item.state == "waiting"
        count = look(item.source).images if is_open else 1
        numbers = range(count) if count > 1 else [item.read.series]
        found += [entry.model_copy(update={"series": number}) for number in numbers]
    return found


def _without_members(items: list[Item], look: Callable[[Path], Contents]) -> list[Item]:
    """Skip files whose planes are denoised with another file of their set."""
    sets = sets_among((item.source for item in items if item.state == "waiting"), look)
    kept = []
    for item in items:
        head, count = sets.get(item.source, (item.source, 1))
        if head != item.source and item.state == "waiting":
            reason = f"It is one of the {count} files of the set of {head.name}, with which it is denoised."
            item = replace(item, state="skipped", reason=reason)
        kept.append(item)
    return kept


def _numbered(items: list[Item]) -> list[Item]:
    """Tell the results of several images of a file apart by the number of each."""
    counts = Counter(item.source for item in items)
    return [
        item
        if counts[item.source] == 1 or item.read.series is None
        else replace(item, output=item.output.with_name(_with_number(item.output.name, item.read.series)))
        for item in items
    ]


def _with_number(name: str, series: int) -> str:
    start, _, end = name.rpartition(SUFFIX)
    return f"{start}_{series}{SUFFIX}{end}"


def files_of(batch: Batch) -> list[Input]:
    """Return an input for each file of a batch that leads to the same results, wherever it was found."""
    folder = locate(batch.options.output)
    return [
        Input(
            path=item.source,
            axes=item.read.axes,
            split=item.read.split,
            voxel_size=item.read.voxel_size,
            series=item.read.series,
            # "." is where a file goes anyway.
            into=item.output.parent.relative_to(folder) if item.output.parent != folder else None,
        )
        for item in batch.items
    ]


def output_name(source: Path, options: BatchOptions) -> str:
    """Return the name of a file's result."""
    return f"{stem(source.name)}{SUFFIX}{OUTPUT_FORMATS[options.format].endings[0]}"


def kept_in_words(finished: int, planes: int) -> str:
    """Say what is there of a file that was stopped."""
    if not finished:
        return "It was stopped before a plane was finished; resume to go on."
    return f"{finished} of {planes} planes are finished and kept; resume to go on."


def _unique(found: Iterable[tuple[Input, FoundImage]]) -> list[tuple[Input, FoundImage]]:
    """Leave out what was found before, by whatever name; but a file may be taken once for each series."""
    first: dict[tuple[str, int | None], tuple[Input, FoundImage]] = {}
    for entry, image in found:
        place = str(image.path) if image.problem else os.path.realpath(image.path)
        first.setdefault((place, entry.series), (entry, image))
    return list(first.values())


def _item(entry: Input, image: FoundImage, options: BatchOptions, folder: Path) -> Item:
    return Item(
        source=image.path,
        output=folder
        / (image.folder if entry.into is None else entry.into)
        / output_name(image.path, options),
        read=_read_options(entry, options),
        state="failed" if image.problem else "waiting",
        reason=image.problem,
    )


def _read_options(entry: Input, options: BatchOptions) -> ReadOptions:
    """Return what was said of a file: of itself first, then of all files."""
    return ReadOptions(
        series=options.series if entry.series is None else entry.series,
        axes=entry.axes or options.axes,
        split=entry.split or options.split,
        voxel_size=entry.voxel_size or options.voxel_size,
        channel=options.channel,
    )


def _refuse_collisions(items: list[Item]) -> list[Item]:
    """Let the first file write an output, and mark every other that would write it too."""
    writers: dict[str, Item] = {}
    checked = []
    for item in items:
        reason = item.reason
        if not reason:
            other = writers.setdefault(name_key(item.output), item)
            if other is not item:
                reason = (
                    f"Its result would have the name of that of {other.source}, {item.output}; "
                    "rename one of them or use another output folder."
                )
            elif same_file(item.source, item.output):
                reason = f"The output {item.output} is the input itself; choose another output folder."
        checked.append(replace(item, state="failed", reason=reason) if reason else item)
    return checked


def _result_names(output: Path) -> list[Path]:
    """Return the names that the result of an item may have."""
    return [output, *beside_names(output, 9)]
