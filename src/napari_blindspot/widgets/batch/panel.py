"""How the Batch denoise dock looks: its fields, buttons and lines. What they do is in `BatchWidget`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container, Label

from napari_blindspot.batch import BatchOptions
from napari_blindspot.batch.models import FIRST
from napari_blindspot.batch.options import OUTPUT_FORMATS
from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.core.model import BESIDE_A_MODEL
from napari_blindspot.files.read_options import spell_voxel_size
from napari_blindspot.files.write_options import NGFF_VERSIONS
from napari_blindspot.settings import Settings
from napari_blindspot.widgets.batch.table import BatchTable
from napari_blindspot.widgets.shared.fields import Choice, Entry, Fields, Folding, button, row
from napari_blindspot.widgets.shared.form import SettingsForm
from napari_blindspot.widgets.shared.help_page import help_button
from napari_blindspot.widgets.shared.model_row import ModelRow
from napari_blindspot.widgets.shared.native import Native
from napari_blindspot.widgets.shared.own_presets import PresetChoice, show_settings
from napari_blindspot.widgets.shared.run_buttons import RunButtons, RunWords
from napari_blindspot.widgets.shared.stack_start import StackStartChoice
from napari_blindspot.widgets.shared.status import RunStatus

if TYPE_CHECKING:
    from napari_blindspot.widgets.batch.session import BatchSession

__all__ = ["BatchPanel"]

_EXISTING = {
    "resume": ("Resume", "What an earlier run has finished is kept; another output is left alone."),
    "skip": ("Skip", "Every output that is there is left alone."),
    "overwrite": ("Overwrite", "Begin anew and replace what is there."),
    "replace": ("Resume, replace others", "As Resume, but an output of another run is replaced."),
}
_NGFF = {
    "0.5": ("0.5", "Version 0.5 of OME-Zarr, on zarr 3."),
    "0.4": ("0.4", "Version 0.4 of OME-Zarr, on zarr 2, for older programs."),
}
_WORDS = RunWords(
    start=("Start", "Denoise the files of the list."),
    pause=("Pause", "Hold the fit at work."),
    stop=(
        "Stop after plane",
        "Finish the plane at work and begin no other.",
        "Stopping after the plane at work.",
    ),
    cancel=(
        "Cancel",
        "End at once; planes that are finished are kept.",
        "Ending; planes that are finished are kept.",
    ),
)


class BatchPanel(Container[Any]):
    """The parts of the dock, without what they do.

    Parameters
    ----------
    preset, device : str
        What is chosen first.
    """

    def __init__(self, preset: str, device: str) -> None:
        self._named_fit: str | None = None
        self.add_files = button("Files…", "Add images, or all that a job file says.")
        self.add_folder = button("Folder…", "Add the images of a folder and its subfolders.")
        self.add_open = button("Layers", "Add the selected image layers, or all of them.")
        self.remove_chosen = button("Remove", "Take the selected files out of the list.")
        self.pattern = Entry(
            empty="all images",
            label="Pattern",
            tooltip="Which files of a folder that is added next, such as *.tif or raw_*.",
        )
        self.split = Entry(
            empty="none",
            label="Split",
            tooltip="How many images stand in turn on an axis, and of which: 2:C for two channels in turn.",
        )
        self.voxel_size = Entry(
            empty="as the files say",
            label="Voxel size",
            tooltip="Along Z, Y and X in µm, such as 0.3,0.1,0.1, where files do not say it or are wrong.",
        )
        self.table = Native(BatchTable)
        self.model = self.table.native.model()
        self.output = Entry(empty="folder for the results")
        self.browse = button("…", "Choose the folder for the results.")
        self.format = Choice(
            choices=[(writer.name, name) for name, writer in OUTPUT_FORMATS.items()],
            value=BatchOptions.model_fields["format"].default,
        )
        self.ngff = _choice(_NGFF, choices=NGFF_VERSIONS[::-1], visible=False)
        self.existing = _choice(_EXISTING, choices=[(text, name) for name, (text, _) in _EXISTING.items()])
        self.preset = PresetChoice(preset, label="Preset")
        self.models = ModelRow()
        self.fit_on = Choice(choices=self._fit_ons)
        self.stack_start = StackStartChoice(preset)
        self.form = SettingsForm(preset)
        self.form["device"].value = device
        self.advanced = Folding("Advanced", self.form, height=200)
        self.buttons: RunButtons[BatchSession] = RunButtons(_WORDS, start_apart=False)
        self.status = RunStatus()
        self.save = button("Save as job…", "Write all this into a file, to be run without napari.")
        self.show_report = button("Report", "Open the report of the output folder.")
        # What a job file says and no field shows, and the file that it fits for all.
        self._more_options: dict[str, Any] = {}
        super().__init__(widgets=self._parts(), labels=False)
        self.min_width = 390
        self.models.used.connect(lambda: self.edit(self.model.editable))
        self.preset.changed.connect(self._preset_changed)
        self.format.changed.connect(self._format_changed)

    def settings(self) -> Settings:
        """Return the settings that the fields say.

        Raises
        ------
        SettingsError
            If they do not fit together.
        """
        model = self.models.model
        if model is not None:
            said = {name: value for name, value in self.form.overrides().items() if name in BESIDE_A_MODEL}
            return Settings.from_preset(model.settings.preset, **said)
        stacks = {"stack_start": self.stack_start.value}
        chosen = {**self.form.more, **self.form.overrides(), **stacks}
        return Settings.from_preset(self.form.preset, **chosen)

    def batch_options(self) -> BatchOptions:
        """Return what the fields say.

        Raises
        ------
        SettingsError
            If something does not fit together.
        """
        return BatchOptions(
            **self._more_options,
            output=Path(self.output.value.strip() or "."),
            pattern=self.pattern.value.strip() or None,
            split=self.split.value.strip() or None,
            voxel_size=self.voxel_size.value.strip() or None,
            settings=self.settings(),
            model=self.models.path,
            fit_on=None if self.models.path else self.fit_on.value,
            format=self.format.value,
            ngff=self.ngff.value,
            existing=self.existing.value,
        )

    def take_options(self, options: BatchOptions) -> None:
        """Show the options of a job; those without a field hold until another preset or job is chosen."""
        self.output.value = str(options.output)
        self.pattern.value = options.pattern or ""
        self.split.value = options.split or ""
        self.voxel_size.value = spell_voxel_size(options.voxel_size)
        self.format.value = options.format
        self.ngff.value = options.ngff
        self.existing.value = options.existing
        self.preset.value = options.settings.preset
        show_settings(options.settings, self.form, self.stack_start)
        self.models.use(options.model)
        self._named_fit = options.fit_on if options.fit_on != FIRST else None
        self.fit_on.reset_choices()
        self.fit_on.value = options.fit_on
        names = ("channel", "compression", "pyramid", "workers", "dask")
        self._more_options = {name: getattr(options, name) for name in names}

    def edit(self, enabled: bool) -> None:
        """Let the fields be used or not; the table can be read at any time."""
        buttons = (self.add_files, self.add_folder, self.add_open, self.remove_chosen)
        parts = (*buttons, self.pattern, self.split, self.voxel_size)
        choices = (self.format, self.ngff, self.existing, self.models)
        for part in (*parts, self.output, self.browse, *choices, self.form):
            part.enabled = enabled
        self.model.editable = enabled
        own = enabled and self.models.model is None
        self.preset.enabled = self.stack_start.enabled = self.fit_on.enabled = own
        for name in self.form.names:
            self.form[name].enabled = enabled and (own or name in BESIDE_A_MODEL)

    def _parts(self) -> list[Any]:
        """Put the parts below one another."""
        add = row(self.add_files, self.add_folder, self.add_open, self.remove_chosen, label="Add")
        said = row(self.voxel_size, Label(value=self.split.label), self.split, label=self.voxel_size.label)
        inputs = Fields([add, self.pattern, said])
        outputs = Fields(
            [
                row(self.output, self.browse, label="Output"),
                row(self.format, self.ngff, Label(value="If there"), self.existing, label="Format"),
                self.preset,
                row(self.models, label="Model"),
                row(self.fit_on, Label(value="Stacks"), self.stack_start, label="Fit"),
            ]
        )
        end = row(self.save, self.show_report, help_button(self, "Batch denoise"))
        return [inputs, self.table, outputs, self.advanced, self.buttons, self.status, end]

    def _fit_ons(self, _: object = None) -> list[tuple[str, str | None]]:
        """Return what can be fitted: each file, or one of them for all."""
        named = [(f"{Path(name).name} for all", name) for name in [self._named_fit] if name is not None]
        return [("each file", None), ("the first file for all", FIRST), *named]

    def _format_changed(self, name: str) -> None:
        self.ngff.visible = name == "ome-zarr"

    def _preset_changed(self, _: str) -> None:
        try:
            self.preset.show_in(self.form, self.stack_start)
        except BlindspotError as error:
            self.status.say(str(error), error=True)


def _choice(entries: dict[str, tuple[str, str]], **options: Any) -> Choice:
    """Return a choice whose entries have a tooltip each."""
    return Choice(tips=dict(entries.values()), **options)
