"""How the Batch denoise widget looks: its fields, buttons and lines. What they do is in `widgets.batch`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_blindspot.batch import BatchOptions
from napari_blindspot.settings import PRESETS, Settings
from napari_blindspot.widgets.batch.table import BatchModel, BatchTable
from napari_blindspot.widgets.shared.form import SettingsForm
from napari_blindspot.widgets.shared.lines import Message, line

__all__ = ["BatchPanel"]

_FORMATS = (("OME-TIFF", "ome-tiff"), ("OME-Zarr", "ome-zarr"))
_EXISTING = (
    ("Resume", "resume", "What an earlier run has finished is kept; another output is left alone."),
    ("Skip", "skip", "Every output that is there is left alone."),
    ("Overwrite", "overwrite", "Begin anew and replace what is there."),
    ("Resume, replace others", "replace", "As Resume, but an output of another run is replaced."),
)
_PLANES = (
    ("Warm start", "warm", "Each plane of a stack starts from the network of the plane before."),
    ("One fit for all", "shared", "One plane is fitted, its network applied to all planes of the channel."),
    ("Each anew", "anew", "Each plane is fitted by itself."),
)


class BatchPanel(QWidget):  # type: ignore[misc]
    """The parts of the widget, without what they do.

    Parameters
    ----------
    preset, device : str
        What is chosen first.
    """

    def __init__(self, preset: str, device: str) -> None:
        super().__init__()
        self.add_files = _button("Files…", "Add images, or all that a job file says.")
        self.add_folder = _button("Folder…", "Add the images of a folder and its subfolders.")
        self.add_open = _button("Layers", "Add the selected image layers, or all of them.")
        self.remove = _button("Remove", "Take the selected files out of the list.")
        self.pattern = QLineEdit()
        self.pattern.setPlaceholderText("all images")
        self.pattern.setToolTip("Which files of a folder that is added next, such as *.tif or raw_*.")
        self.model = BatchModel()
        self.table = BatchTable(self.model)
        self.output = QLineEdit()
        self.output.setPlaceholderText("folder for the results")
        self.browse = _button("…", "Choose the folder for the results.")
        self.format = _choice((*_FORMATS[0], ""), (*_FORMATS[1], ""))
        self.preset = _choice(*((name, name, "") for name in PRESETS))
        self.preset.setCurrentText(preset)
        self.planes = _choice(*_PLANES)
        self.neighbours = QSpinBox()
        self.neighbours.setRange(0, 8)
        self.neighbours.setToolTip(
            "How many planes of a stack on each side are looked at as well, if their noise is independent."
        )
        self.existing = _choice(*_EXISTING)
        self.form = SettingsForm(preset)
        self.form["device"].value = device
        self.advanced = QToolButton()
        self.advanced.setText("▸ Advanced")
        self.advanced.setCheckable(True)
        self.advanced.setStyleSheet("text-align: left; border: none; background: transparent;")
        self.start = _button("Start", "Denoise the files of the list.")
        self.pause = _button("Pause", "Hold the fit at work.")
        self.stop = _button("Stop after plane", "Finish the plane at work and begin no other.")
        self.cancel = _button("Cancel", "End at once; planes that are finished are kept.")
        self.save = _button("Save as job…", "Write all this into a file, to be run without napari.")
        self.show_report = _button("Report", "Open the report of the output folder.")
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.progress, self.activity = line(), line()
        self.message = Message()
        # What a job file says and no field shows.
        self._more_settings: dict[str, Any] = {}
        self._more_options: dict[str, Any] = {}
        self._lay_out()
        self.preset.currentTextChanged.connect(self._preset_changed)
        self.advanced.toggled.connect(self._fold)

    def settings(self) -> Settings:
        """Return the settings that the fields say.

        Raises
        ------
        SettingsError
            If they do not fit together.
        """
        stacks = {"planes": self.planes.currentData(), "neighbours": self.neighbours.value()}
        chosen = {**self._more_settings, **self.form.overrides(), **stacks}
        return Settings.from_preset(self.preset.currentData(), **chosen)

    def options(self) -> BatchOptions:
        """Return what the fields say.

        Raises
        ------
        SettingsError
            If something does not fit together.
        """
        return BatchOptions(
            **self._more_options,
            output=Path(self.output.text().strip() or "."),
            pattern=self.pattern.text().strip() or None,
            settings=self.settings(),
            format=self.format.currentData(),
            existing=self.existing.currentData(),
        )

    def take_options(self, options: BatchOptions) -> None:
        """Show the options of a job; those without a field hold until another preset or job is chosen."""
        self.output.setText(str(options.output))
        self.pattern.setText(options.pattern or "")
        for choice, value in (
            (self.format, options.format),
            (self.existing, options.existing),
            (self.preset, options.settings.preset),
            (self.planes, options.settings.planes),
        ):
            choice.setCurrentIndex(choice.findData(value))
        self.neighbours.setValue(options.settings.neighbours)
        self._more_settings = self.form.take(options.settings)
        names = ("channel", "compression", "pyramid", "workers", "dask")
        self._more_options = {name: getattr(options, name) for name in names}

    def edit(self, enabled: bool) -> None:
        """Let the fields be used or not; the table can be read at any time."""
        parts = (self.add_files, self.add_folder, self.add_open, self.remove, self.pattern, self.output)
        choices = (self.format, self.preset, self.planes, self.neighbours, self.existing)
        for part in (*parts, self.browse, *choices):
            part.setEnabled(enabled)
        self.form.enabled = enabled
        self.model.editable = enabled

    def begin(self) -> None:
        """Get ready for a run."""
        self.bar.setValue(0)
        self.progress.setText("Looking at the files")
        self.activity.setText("")
        self.say("")

    def follow(self, fraction: float, left: str, files: str, activity: str) -> None:
        """Show how far a run is."""
        self.bar.setValue(round(1000 * fraction))
        self.progress.setText(" · ".join(part for part in (left, files) if part))
        self.activity.setText(activity)

    def end(self, fraction: float | None) -> None:
        """Show that nothing runs any more; None leaves the bar where it is."""
        if fraction is not None:
            self.bar.setValue(round(1000 * fraction))
        self.progress.setText("")
        self.activity.setText("")

    def say(self, message: str, *, error: bool = False) -> None:
        """Show a sentence below the table."""
        self.message.say(message, error=error)

    def set_dark(self, dark: bool) -> None:
        """Take colours that can be read on napari's background."""
        self.model.set_dark(dark)
        self.message.set_dark(dark)

    def _lay_out(self) -> None:
        self._scroll = QScrollArea()
        self._scroll.setWidget(self.form.native)
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setMinimumHeight(200)
        self._scroll.hide()
        fields = QFormLayout()
        fields.setContentsMargins(0, 0, 0, 0)
        fields.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        fields.addRow("Output", _row(self.output, self.browse))
        fields.addRow("Format", _row(self.format, QLabel("If there"), self.existing))
        fields.addRow("Preset", self.preset)
        fields.addRow("Stacks", _row(self.planes, QLabel("Neighbours"), self.neighbours))
        layout = QVBoxLayout(self)
        add = _row(QLabel("Add"), self.add_files, self.add_folder, self.add_open, self.remove)
        layout.addLayout(add)
        layout.addLayout(_row(QLabel("Pattern"), self.pattern))
        layout.addWidget(self.table, 1)
        layout.addLayout(fields)
        layout.addWidget(self.advanced)
        layout.addWidget(self._scroll)
        layout.addLayout(_row(self.start, self.pause, self.stop, self.cancel))
        for part in (self.bar, self.progress, self.activity, self.message):
            layout.addWidget(part)
        layout.addLayout(_row(self.save, self.show_report))
        self.setMinimumWidth(390)

    def _preset_changed(self, preset: str) -> None:
        self.form.preset = preset
        self._more_settings = {}

    def _fold(self, unfolded: bool) -> None:
        self.advanced.setText("▾ Advanced" if unfolded else "▸ Advanced")
        self._scroll.setVisible(unfolded)


def _button(text: str, tooltip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tooltip)
    button.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
    return button


def _choice(*entries: tuple[str, str, str]) -> QComboBox:
    """Return a box of entries, each with its text, its value and its tooltip."""
    choice = QComboBox()
    for number, (text, value, tooltip) in enumerate(entries):
        choice.addItem(text, value)
        choice.setItemData(number, tooltip, Qt.ItemDataRole.ToolTipRole)
    choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    choice.setMinimumContentsLength(7)
    choice.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return choice


def _row(*parts: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    for part in parts:
        row.addWidget(part)
    return row
