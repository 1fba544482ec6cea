"""Every command and every block of Python of the documentation runs, on small images."""

from __future__ import annotations

import re
import shlex

import numpy as np
import pytest
from pages import PAGES, ROOT, SIDE, blocks_of
from typer.testing import CliRunner

from napari_blindspot import Settings, denoise, samples, write_image
from napari_blindspot.cli.app import app
from napari_blindspot.files.image_file import ImageFile

ALL_PAGES = ["README.md", *PAGES]

NOT_RUN = 6
"""Blocks that say why they are not run; a new one is counted here, so that it is not forgotten."""

WITH_A_VIEWER = "docs/napari.md"

VIEWER_OPTIONS = (ROOT / "docs" / "viewer.py").read_text(encoding="utf-8")
"""Scripts that take pictures share their options."""

_DONE: set[str] = set()
"""Commands that read no file of the desk, which need to run only once."""


def run(command: str, *, parse_only: bool = False) -> None:
    """Run a command as the page has it; or only look whether all of its options are known."""
    arguments = shlex.split(command)[1:]
    if arguments[0] in ("doctor", "demo"):
        if command in _DONE:
            return
        _DONE.add(command)
    done = CliRunner().invoke(app, [*arguments, *(["--help"] if parse_only else [])])
    assert done.exit_code == 0, f"{command}\n{done.stderr}"


def image_of(seed: int) -> np.ndarray:
    return samples.confocal((SIDE, SIDE), seed).noisy


@pytest.mark.parametrize(
    "page", [page for page in ALL_PAGES if any(block.language == "sh" for block in blocks_of(page))]
)
def test_the_commands_of_a_page_work_one_after_another(page, desk, quick_presets):
    for block in blocks_of(page):
        if block.language in ("sh", "console"):
            for command in block.commands:
                run(command, parse_only=block.language == "console" or block.reason is not None)


@pytest.mark.parametrize(
    "page",
    [
        page
        for page in ALL_PAGES
        if page != WITH_A_VIEWER
        and any(block.language == "python" and block.reason is None for block in blocks_of(page))
    ],
)
def test_the_python_of_a_page_runs_from_top_to_bottom(page, desk, quick_presets):
    array = np.stack([image_of(0)] * 2)
    names = {"image": image_of(0), "noisy": image_of(0), "other_image": image_of(1), "array": array}
    if page == "docs/python-api.md":
        write_image(
            "stack_denoised.ome.tif",
            ImageFile(array, "ZYX"),
            lambda index: array[index],
            "float32",
            settings=Settings.from_preset("fast"),
        )
    if page == "docs/tutorials/segment.md":
        run("napari-blindspot denoise cells.tif -o clean.ome.tif")
    for block in blocks_of(page):
        if block.language == "python" and block.reason is None:
            # Numbered as in the page, so that an error names its line.
            exec(compile("\n" * (block.line - 1) + block.text, ROOT / page, "exec"), names)


def test_the_python_of_the_page_on_napari_runs_in_a_viewer(desk, quick_presets, make_napari_viewer, qtbot):
    import napari_blindspot

    viewer = make_napari_viewer()
    noisy = np.stack([image_of(0)] * 2)
    settings = denoise(noisy[0], "fast").settings.model_dump(mode="json")
    viewer.add_image(noisy, name="cells")
    viewer.add_image(noisy, name="cells denoised", metadata={"napari_blindspot": {"settings": settings}})
    viewer.layers.selection.active = viewer.layers["cells"]
    names = {"viewer": viewer, "noisy": noisy[0], "napari_blindspot": napari_blindspot}
    for block in blocks_of(WITH_A_VIEWER):
        if block.language == "python":
            exec(compile("\n" * (block.line - 1) + block.text, ROOT / WITH_A_VIEWER, "exec"), names)
    qtbot.waitUntil(lambda: names["widget"].session is None, timeout=60_000)
    assert names["again"].denoised.shape == noisy[0].shape


def test_blocks_that_are_not_run_say_why_and_are_counted():
    reasons = [
        f"{page}:{block.line} {block.reason}"
        for page in ALL_PAGES
        for block in blocks_of(page)
        if block.reason is not None
    ]
    assert len(reasons) == NOT_RUN, "\n".join(reasons)


def test_commands_of_the_benchmarks_have_options_that_are_known():
    for page in ALL_PAGES:
        for block in blocks_of(page):
            if block.language == "console":
                for command in block.commands:
                    run(command.replace("[FOLDER]", "FOLDER"), parse_only=True)


def test_scripts_that_the_pages_name_are_there_and_know_their_options():
    called = 0
    for page in [*ALL_PAGES, "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]:
        text = (ROOT / page).read_text(encoding="utf-8")
        for script, rest in re.findall(r"(?<![\w./])((?:docs|tests)/[\w/]+\.py|ci/\w+)([^\n`]*)", text):
            assert (ROOT / script).is_file(), f"{page}: {script}"
            # Other options are those of pytest.
            if script.startswith("docs/"):
                called += 1
                source = (ROOT / script).read_text(encoding="utf-8") + VIEWER_OPTIONS
                unknown = [option for option in re.findall(r"--[a-z-]+", rest) if option not in source]
                assert unknown == [], f"{page}: {script}"
    assert called > 20
