"""What the program says and returns when something goes wrong: whose fault it is, and what mends it."""

from __future__ import annotations

import errno

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from napari_blindspot.cli import noise_measurement
from napari_blindspot.cli.app import app
from napari_blindspot.cli.exits import notice_with_flag, with_flag
from napari_blindspot.core.errors import BlindspotError, DeviceError, InternalError
from napari_blindspot.jobs.record import output_size
from napari_blindspot.samples import confocal


@pytest.fixture
def fails(tmp_path, monkeypatch):
    """Run ``noise`` on an image while measuring it raises an error."""
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("cells.tif", confocal((32, 32)).noisy)

    def run(error: BaseException, *before: str, **environment: str):
        def measure(planes: object) -> None:
            raise error

        monkeypatch.setattr(noise_measurement, "estimate_noise", measure)
        return CliRunner().invoke(app, [*before, "noise", "cells.tif"], env=environment)

    return run


def test_a_fault_of_the_program_is_said_to_be_its_own_and_how_to_report_it(fails):
    done = fails(ZeroDivisionError("division by zero"))
    assert (done.exit_code, done.stdout) == (70, "")
    assert done.stderr == (
        "Error: Something went wrong in napari-blindspot itself (ZeroDivisionError: division by zero). "
        "Please report it, with what `napari-blindspot doctor` prints. The traceback is shown after "
        "BLINDSPOT_TRACEBACK=1.\n"
    )


def test_an_error_that_says_itself_that_it_is_ours_has_the_same_exit_code(fails):
    assert fails(InternalError("The numbers do not add up.")).exit_code == 70


@pytest.mark.parametrize(
    ("before", "environment"), [(("--traceback",), {}), ((), {"BLINDSPOT_TRACEBACK": "1"})]
)
def test_the_traceback_is_shown_when_it_is_asked_for_and_the_sentence_still_ends_it(
    fails, before, environment
):
    done = fails(ZeroDivisionError("division by zero"), *before, **environment)
    assert done.exit_code == 70
    assert done.stderr.startswith("Traceback (most recent call last):")
    assert "in measure\n" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: Something went wrong in napari-blindspot itself")
    assert "Traceback" not in fails(ZeroDivisionError("division by zero")).stderr


def test_what_the_system_refuses_is_no_fault_of_the_program(fails):
    done = fails(OSError(errno.EACCES, "Permission denied"))
    assert done.exit_code == 2
    assert "Permission denied" in done.stderr
    assert "napari-blindspot itself" not in done.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BlindspotError("The image is upside down."), 2),
        (DeviceError("The device has melted."), 1),
        (MemoryError(), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_the_exit_code_tells_what_kind_of_error_it_was(fails, error, code):
    done = fails(error)
    assert done.exit_code == code
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("series", "Choose one (--series NUMBER)."),
        ("axes", "Choose one (--axes LETTERS)."),
        ("overwrite", "Choose one (--overwrite)."),
        ("output_dtype", "Choose one (--dtype float32|input)."),
        ("stack_start", "Choose one (--stack-start warm|shared|anew)."),
        ("unet_width", "Choose one (--set unet_width=VALUE)."),
        ("something else", "Choose one."),
        (None, "Choose one."),
    ],
)
def test_the_option_that_would_mend_an_error_stands_behind_its_sentence(setting, sentence):
    assert with_flag(BlindspotError("Choose one.", setting=setting)) == sentence


def test_an_option_that_the_sentence_names_is_not_named_again():
    error = BlindspotError("Choose one with --series 1.", setting="series")
    assert with_flag(error) == "Choose one with --series 1."


@pytest.mark.parametrize(
    ("sizes", "before", "text"),
    [
        (
            (3_900_000, 1_000_000),
            "uint8",
            "The output is 3.9 MB large, 3.9 times the input, because uint8 became float32; the pixel type "
            "of the input can be kept (--dtype input).",
        ),
        ((1_900_000, 1_000_000), "uint16", "The output is 1.9 MB large."),
        ((9_000_000_000, 1_000), "float32", "The output is 9 GB large."),
        ((640, 100), "uint8", "The output is 640 bytes large."),
    ],
)
def test_how_large_an_output_is_is_said_with_the_option_that_keeps_it_small(sizes, before, text):
    notice = output_size(*sizes, np.dtype(before), np.dtype(np.float32))
    assert notice_with_flag(notice) == text
