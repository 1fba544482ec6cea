"""Presets of the user's own: settings with a name, one JSON file each, which `--settings` takes as well."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtWidgets import QFileDialog

from napari_blindspot.core.errors import BlindspotError, FileError, SettingsError
from napari_blindspot.files.door import read_settings
from napari_blindspot.files.names import plain_name, stem
from napari_blindspot.files.safe_write import atomic_path
from napari_blindspot.settings import DEFAULT_PRESET, PRESETS, Settings
from napari_blindspot.widgets.shared.failures import failures_told
from napari_blindspot.widgets.shared.fields import Choice, Entry, Fields, button, row
from napari_blindspot.widgets.shared.own_folder import own_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_blindspot.widgets.shared.form import SettingsForm
    from napari_blindspot.widgets.shared.stack_start import StackStartChoice

__all__ = ["OwnPresets", "PresetChoice", "show_settings"]

_FILES = "Settings (*.json)"
_SOURCES = "Settings or results (*.json *.tif *.tiff)"


class PresetChoice(Choice):
    """Offers the presets, and after them those of the user's own.

    Parameters
    ----------
    preset : str
        What is chosen first.
    """

    def __init__(self, preset: str, **options: Any) -> None:
        super().__init__(choices=self._names, **options)
        self.value = preset

    @property
    def base(self) -> str:
        """The preset that what is chosen stands on.

        Raises
        ------
        BlindspotError
            If an own preset cannot be read.
        """
        return str(self.value) if self.value in PRESETS else _load(self.value).preset

    def show_in(self, form: SettingsForm, stack_start: StackStartChoice) -> None:
        """Let fields show what is chosen; an own preset that cannot be read leaves the usual one.

        Raises
        ------
        BlindspotError
            If it cannot be read.
        """
        if self.value in PRESETS:
            form.preset = self.value
            stack_start.offer(self.value)
            return
        try:
            settings = _load(self.value)
        except BlindspotError:
            self.value = DEFAULT_PRESET
            raise
        show_settings(settings, form, stack_start)

    def _names(self, _: object = None) -> list[str]:
        return [*PRESETS, *_own_names()]


def show_settings(settings: Settings, form: SettingsForm, stack_start: StackStartChoice) -> None:
    """Let fields show settings."""
    form.take(settings)
    stack_start.offer(settings.preset)
    stack_start.value = settings.stack_start


class OwnPresets(Fields):
    """Names the settings of the fields, and brings such presets in and out as files.

    Parameters
    ----------
    choice : PresetChoice
        Where they are offered.
    settings : callable
        Returns what the fields say.

    Attributes
    ----------
    said : Signal
        What was done.
    failed : Signal
        Why something could not be done.
    """

    said = Signal(str)
    failed = Signal(BlindspotError)

    def __init__(self, choice: PresetChoice, settings: Callable[[], Settings]) -> None:
        self._choice = choice
        self._settings = settings
        self.title = Entry(empty="name", tooltip="Of a preset of your own.")
        self.keep = button("Save", "Keep what the fields say under this name, beside the presets.")
        self.add = button("Add…", "Take a preset from a file of settings, or of an earlier result.")
        self.give = button("Share…", "Write what the fields say as a file for others.")
        self.drop = button("Remove", "Take the own preset that is chosen out of the list.")
        super().__init__(
            [
                row(self.title, self.keep, label="Own preset"),
                row(self.add, self.give, self.drop, label=""),
            ]
        )
        self.keep.changed.connect(lambda _: self.save(self.title.value))
        self.drop.changed.connect(lambda _: self.discard())
        self.add.changed.connect(lambda _: self._ask_to_add())
        self.give.changed.connect(lambda _: self._ask_to_share())
        choice.changed.connect(self._follow)
        self._follow()

    def save(self, name: str) -> None:
        """Keep what the fields say as a preset, which is chosen then."""
        with failures_told(self.failed):
            self._keep(name, self._settings())
            self.said.emit(f"Saved the preset “{self._choice.value}”.")

    def share(self, path: Path) -> None:
        """Write what the fields say as a file."""
        with failures_told(self.failed):
            _write(path, self._settings())
            self.said.emit(f"Saved {path}.")

    def take(self, path: Path) -> None:
        """Take the settings of a file as a preset, named as the file is."""
        with failures_told(self.failed):
            self._keep(stem(path.name), read_settings(path))
            self.said.emit(f"Added the preset “{self._choice.value}”.")

    def discard(self) -> None:
        """Remove the own preset that is chosen; the one that it stands on is chosen then."""
        name = self._choice.value
        path = _path_of(name)
        if name in PRESETS or path is None:
            return
        with failures_told(self.failed):
            base = self._choice.base
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise FileError(f"Cannot remove {path}: {error.strerror or error}.") from error
            self._choice.reset_choices()
            self._choice.value = base
            self.said.emit(f"Removed the preset “{name}”.")

    def _keep(self, name: str, settings: Settings) -> None:
        short = plain_name(name)
        if not short or short in PRESETS:
            raise SettingsError(f"{short or 'Nothing'} cannot be the name of a preset of your own.")
        path = _path_of(short)
        if path is None:
            raise FileError("napari is told to store nothing, so a preset can only be shared as a file.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(f"Cannot make the folder {path.parent}: {error.strerror or error}.") from error
        _write(path, settings)
        self._choice.reset_choices()
        self._choice.value = short

    def _follow(self, _: object = None) -> None:
        self.drop.enabled = self._choice.value not in PRESETS

    def _ask_to_add(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self.native, "Add a preset", "", _SOURCES)
        if path:
            self.take(Path(path))

    def _ask_to_share(self) -> None:
        start = f"{self._choice.value}.json"
        path, _ = QFileDialog.getSaveFileName(self.native, "Share the settings", start, _FILES)
        if path:
            self.share(Path(path))


def _path_of(name: str) -> Path | None:
    folder = own_folder()
    return None if folder is None else folder / "presets" / f"{name}.json"


def _own_names() -> list[str]:
    path = _path_of("")
    if path is None or not path.parent.is_dir():
        return []
    names = (file.stem for file in path.parent.glob("*.json"))
    return sorted(name for name in names if name not in PRESETS and not name.startswith("."))


def _load(name: str) -> Settings:
    path = _path_of(name)
    if path is None:
        raise FileError(f"There is no preset “{name}”.")
    return read_settings(path)


def _write(path: Path, settings: Settings) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(settings.model_dump_json(indent=1), encoding="utf-8")
