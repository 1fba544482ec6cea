"""Notices, errors, times and sizes as people read them, in every face that shows them as text.

The sentences are neutral: a face that has a word of its own for what could be set (an option, a field) adds
it by `BlindspotError.setting`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_blindspot.core.device_words import DEVICE_NOTICES
from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.core.model_words import MODEL_NOTICES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from napari_blindspot.core.notices import Notice, Value

__all__ = [
    "duration",
    "error_sentence",
    "first_line",
    "fitted_anew",
    "fresh_sentences",
    "sentence",
    "sentences_of",
    "size_of_file",
    "size_of_memory",
    "unforeseen",
]


class _Span:
    """The values that a notice has on several planes: one, or the least and the greatest."""

    def __init__(self, values: list[Value]) -> None:
        self.values = values

    def __format__(self, spec: str) -> str:
        written = list(dict.fromkeys(format(value, spec) for value in self.values))
        if len(written) == 1:
            return written[0]
        low, high = (format(of(self.values), spec) for of in (min, max))
        return f"{low} to {high}"

    def __bool__(self) -> bool:
        return any(self.values)

    def joined(self, other: _Span) -> _Span:
        """Return a span that also holds the values of another."""
        return _Span([*self.values, *other.values])

    def count(self, one: str, many: str) -> str:
        """Return the number with the word for one or for many."""
        return f"{self} {one if self.values == [1] * len(self.values) else many}"

    def choose(self, one: str, many: str) -> str:
        """Return the word for one or for many."""
        return one if self.values == [1] * len(self.values) else many


def _neighbours_seen(v: dict[str, _Span]) -> str:
    planes = v["count"].count("neighbouring plane", "neighbouring planes")
    moved = f", shifted by up to {v['shift'].count('pixel', 'pixels')} to fit" if v["shift"] else ""
    return f"The network sees {planes} as well, whose noise is independent{moved}."


def _gap_chosen(v: dict[str, _Span]) -> str:
    if not v["measured"]:
        seen = "Noise that could not be measured (too small, too flat or clipped), so safe settings"
    elif v["correlated"]:
        texture = " at most, mixed with texture" if v["textured"] else ""
        seen = f"Noise correlated over {v['reach'].count('pixel', 'pixels')}{texture}"
    else:
        seen = "Noise nearly independent from pixel to pixel"
    return f"{seen} → {v['gap']}-pixel gap, {v['visible_fraction']:.0%} visible."


def _memory_short(v: dict[str, _Span]) -> str:
    where = f" of the device {v['device']}" if v["device"] else ""
    needed, free = (size_of_memory(float(v[name].values[0])) for name in ("needed", "free"))
    return (
        f"This run needs about {needed} of memory, but {free}{where} are free: a smaller region is safer."
    )


def _output_size(v: dict[str, _Span]) -> str:
    size = size_of_file(float(v["size"].values[0]))
    text = f"{v['count'].choose('The output is', 'The outputs are')} {size} large"
    if not v["times"]:
        return f"{text}."
    most = v["count"].choose("", "up to ")
    return (
        f"{text}, {most}{v['times']:.3g} times the input, because {v['before']} became {v['after']}; the "
        "pixel type of the input can be kept."
    )


def _kept_beside(v: dict[str, _Span]) -> str:
    reason = f" ({v['reason']})" if v["reason"] else ""
    return f"{v['output']} could not be replaced{reason}, so the result is {v['path']}."


def _called(name: _Span) -> str:
    return f", '{name}'," if name else ""


def _pixels_repeated(v: dict[str, _Span]) -> str:
    rows, columns = (max(float(value) for value in v[name].values) for name in ("rows", "columns"))
    what = "Pixels" if rows > 1 and columns > 1 else "Rows" if rows > 1 else "Columns"
    return (
        f"{what} are stored several times ({v['rows']}×{v['columns']} equal ones in y and x), so that "
        f"noise looks like structure and is kept: bin the image by {v['rows']}×{v['columns']} first."
    )


def _structure_removed(v: dict[str, _Span]) -> str:
    return (
        f"Structure was removed with the noise: where the image is busy, the residual is "
        f"{v['structure']:.2f} times as strong as where it is flat ({v['structure_windows']:.0%} of the "
        "windows are marked)."
    )


def _noise_left(v: dict[str, _Span]) -> str:
    return (
        f"Noise was left in the image: only {v['noise']:.0%} of its fine energy was removed "
        f"({v['noise_windows']:.0%} of the windows are marked)."
    )


def _noise_alone(v: dict[str, _Span]) -> str:
    text = "What was removed looks like noise alone"
    if v["structure_windows"] or v["noise_windows"]:
        return (
            f"{text}, but structure was removed in {v['structure_windows']:.0%} of the windows and noise "
            f"left in {v['noise_windows']:.0%}."
        )
    return f"{text}, everywhere."


NOTICES: dict[str, Callable[[dict[str, _Span]], str]] = {
    **MODEL_NOTICES,
    **DEVICE_NOTICES,
    "gap-chosen": _gap_chosen,
    "memory-short": _memory_short,
    "all-equal": lambda v: "All pixels are equal, so the plane was left as it is.",
    "two-values": lambda v: (
        f"The plane holds only the values {v['low']:.9g} and {v['high']:.9g}, as a mask does, so it was "
        "left as it is."
    ),
    "no-values": lambda v: "The plane holds no value, only NaN, so it was left as it is.",
    "few-values": lambda v: (
        f"Only {v['count'].count('pixel', 'pixels')} of the plane "
        f"{v['count'].choose('has', 'have')} a value, so it was left as it is."
    ),
    "hardly-anything": lambda v: (
        f"All but {v['count'].count('pixel', 'pixels')} of the plane have the value {v['value']:.9g}, so "
        "it was left as it is."
    ),
    "blank-areas-left-out": lambda v: (
        f"Areas of exactly one value ({v['low'].joined(v['high']):.9g}; {v['share']:.0%} of the plane), as "
        "a registration or a mosaic leaves them, were left out and stay as they are."
    ),
    "pixels-left-out": lambda v: (
        f"{v['count'].count('NaN pixel was left out and stays', 'NaN pixels were left out and stay')} NaN."
    ),
    "scan-lines-evened": lambda v: (
        f"The {v['lines']} of this plane have offsets of their own, of standard deviation "
        f"{v['sigma']:.3g}, which are taken out."
    ),
    "stripes-removed": lambda v: (
        f"Stripes that repeat every {v['period']:.2g} {v['lines']}, of standard deviation {v['sigma']:.3g}"
        ", are taken out."
    ),
    "pixels-repeated": _pixels_repeated,
    "lines-repeated": lambda v: (
        f"Of the {v['lines']}, {v['share']:.0%} equal the one before, as enlarging leaves them, so that "
        "noise looks like structure and is kept: use the image as it was recorded."
    ),
    "pixels-interpolated": lambda v: (
        "Every second line lies between its neighbours, as enlarging or interpolating makes it, so that "
        "its noise is not its own: use the image as it was recorded, or bin it by 2."
    ),
    "compressed-in-blocks": lambda v: (
        "The image has edges every 8 pixels, as JPEG leaves them, which its noise no longer explains: use "
        "the image as it was recorded."
    ),
    "median-filtered": lambda v: (
        "Many pixels equal their neighbour exactly, as a median filter leaves them, which noise does not "
        "do: use the image as it was recorded."
    ),
    "sharpened": lambda v: (
        "The noise of next pixels is opposed, as sharpening or deconvolution makes it, so that some of it "
        "is kept as structure: denoise the image before it is sharpened."
    ),
    "few-levels": lambda v: (
        f"The noise is only {v['levels']:.2f} steps between two values strong, so that rounding hides it: "
        "store the image in more levels, such as 16 bits or floats, before averaging or scaling it."
    ),
    "defects-replaced": lambda v: (
        f"{v['count'].count('isolated pixel', 'isolated pixels')} far brighter or darker than all around "
        f"{v['count'].choose('was', 'were')} taken for defects and replaced."
    ),
    "neighbours-seen": _neighbours_seen,
    "noise-uneven": lambda v: (
        "In parts of the image the noise is stronger than quiet parts of it tell, up to "
        f"{v['times']:.1f} times, as in tiles of another exposure, after a flat-field correction, or where "
        "all that is bright is small; this is taken into account."
    ),
    "planes-filtered-together": lambda v: (
        f"{v['share']:.0%} of the result comes from a filter over this plane and its neighbours together, "
        "the rest from the network."
    ),
    "neighbours-no-help": lambda v: (
        "The neighbouring planes do not help to predict this one, so they were not used."
    ),
    "neighbours-sharing": lambda v: (
        f"{v['count'].count('neighbouring plane', 'neighbouring planes')} "
        f"{v['count'].choose('shares', 'share')} noise with this one (correlation "
        f"{v['correlation']:.2f}) and {v['count'].choose('was', 'were')} not used."
    ),
    "neighbours-foreign": lambda v: (
        f"{v['count'].count('neighbouring plane', 'neighbouring planes')} "
        f"{v['count'].choose('shows', 'show')} something else and "
        f"{v['count'].choose('was', 'were')} not used."
    ),
    "noise-of-the-model": lambda v: (
        "The noise of this plane could not be measured, so the model's was taken."
    ),
    "structure-removed": _structure_removed,
    "noise-left": _noise_left,
    "noise-alone": _noise_alone,
    "output-size": _output_size,
    "kept-beside": _kept_beside,
    "output-of-another": lambda v: (
        f"{v['output']} is of another source or other settings, so this result is {v['path']}."
    ),
    "without-lock": lambda v: (
        f"The file system of {v['folder']} knows no locks, so nothing keeps a second run from writing the "
        "same output."
    ),
    "axis-guessed": lambda v: (
        f"The file does not name the axis of length {v['length']}; it is taken for {v['letter']}."
    ),
    "channels-in-turn": lambda v: (
        f"ScanImage has stored the images of {v['count']} channels in turn on the axis of length "
        f"{v['length']}; the split {v['count']}:C keeps them apart."
    ),
    "axis-as-channels": lambda v: (
        f"The axis of length {v['length']} stands for the {v['meaning']}, not for depth or time; its "
        "images are taken for channels, each on its own."
    ),
    "samples-as-channels": lambda v: (
        f"The {v['count']} samples of each pixel are no colours of a photograph; they are taken for "
        "channels, each on its own."
    ),
    "palette-looked-up": lambda v: (
        "The pixels are numbers of colours, which were looked up in the palette."
    ),
    "white-is-zero": lambda v: (
        "The file says that 0 is white; the pixels were inverted, as viewers show them."
    ),
    "white-is-zero-kept": lambda v: (
        "The file says that 0 is white; its pixels are floats, which have no largest value, so they are as "
        "they are in the file."
    ),
    "turned": lambda v: (
        "The file says how its pixels are turned; they are upright here, as viewers show them."
    ),
    "set-opened": lambda v: (
        f"The file {v['name']} is one of {v['count']} of a set; the whole set is opened."
    ),
    "planes-promised": lambda v: (
        f"The file speaks of {v['promised']} planes, of which {v['there']} are there"
        + (f" (missing: {v['missing']})" if v["missing"] else "")
        + "; those are taken."
    ),
    "planes-of-other-axes": lambda v: (
        f"The planes of this image are {v['plane']}; in what is read and written, {v['names']}."
    ),
    "counted-as-channels": lambda v: f"The file's axes {v['axes']} are counted as channels.",
    "planes-missing": lambda v: (
        f"{v['count']} of the {v['planes']} planes are not in the file; they are left blank."
    ),
    "tiles-with-gaps": lambda v: (
        f"Between its tiles the image is blank ({v['fraction']:.1%} of it), and stays so."
    ),
    "chunks-missing": lambda v: (
        f"{v['count']} of the {v['chunks']} chunks of the image are not in the folder; their pixels are "
        f"{v['value']}."
    ),
    "units-assumed": lambda v: f"The file names no unit for {v['axes']}; µm and s are assumed.",
    "transparency-left-out": lambda v: "The transparency of the image was left out.",
    "first-image-used": lambda v: (
        f"The file holds {v['count']} images; the first{_called(v['name'])} is used."
    ),
}
"""What each kind of notice says, by its values."""


def sentence(notice: Notice) -> str:
    """Say a notice in one sentence."""
    return NOTICES[notice.kind]({name: _Span([value]) for name, value in notice.values.items()})


def sentences_of(planes: Collection[Iterable[Notice]]) -> list[str]:
    """Say each notice of some planes once, with the number of planes that it is about.

    Notices of one kind that differ in their numbers alone become one sentence, with the least and the
    greatest of each number.
    """
    groups: dict[tuple[object, ...], list[Notice]] = {}
    for notices in planes:
        for notice in notices:
            groups.setdefault(_topic(notice), []).append(notice)
    found = []
    for notices in groups.values():
        spans = {name: _Span([notice.values[name] for notice in notices]) for name in notices[0].values}
        text = NOTICES[notices[0].kind](spans)
        found.append(text if len(planes) == 1 else f"{text} ({len(notices)} of {len(planes)} planes)")
    return found


def fresh_sentences(notices: Iterable[Notice], said: set[object]) -> list[str]:
    """Say the notices of a plane that no plane before it had; what is said is added to `said`.

    A warning that differs from an earlier one in its numbers alone is not said again: `sentences_of` has
    the range of the numbers at the end.
    """
    fresh = []
    for notice in notices:
        text = sentence(notice)
        topic = _topic(notice) if notice.is_warning else text
        if topic not in said:
            said.add(topic)
            fresh.append(text)
    return fresh


def _topic(notice: Notice) -> tuple[object, ...]:
    """Return what notices that differ in their numbers alone have in common."""
    words = (item for item in notice.values.items() if isinstance(item[1], str | bool))
    return (notice.kind, *words)


def duration(seconds: float) -> str:
    """Write a time as people read it: 42 s, 3:05 min, 1:02:10 h."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d} min"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d} h"


def size_of_memory(size: float) -> str:
    """Write a number of bytes in GiB."""
    return f"{size / 2**30:.1f} GiB"


def size_of_file(size: float) -> str:
    """Write a number of bytes as people read it: 640 bytes, 12 kB, 3.4 MB, 1.2 GB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 999.5 or unit == "GB":
            break
        size /= 1000
    return f"{size:.3g} {unit}" if size < 999.5 else f"{size:.0f} {unit}"


def first_line(problem: object) -> str:
    """Return the first line of a message, without its full stop; the type of an error that says nothing."""
    lines = str(problem).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(problem).__name__


def unforeseen(error: BaseException) -> str:
    """Say that an error is a fault of this program, and how to report it."""
    return (
        f"Something went wrong in napari-blindspot itself ({type(error).__name__}: {first_line(error)}). "
        "Please report it, with what `napari-blindspot doctor` prints."
    )


def error_sentence(error: Exception) -> str:
    """Say what an exception means to the user, in one sentence."""
    if isinstance(error, BlindspotError):
        return str(error)
    if isinstance(error, MemoryError):
        return "The image does not fit into the memory of this machine; choose a smaller region."
    if isinstance(error, OSError):
        return f"Cannot go on: {error.strerror or first_line(error)}."
    return unforeseen(error)


def fitted_anew(what: str) -> str:
    """Say that `what`, a subject with its verb, was not fitted as the run has done it."""
    return f"The result came from a model, which was not given: {what} fitted anew."
