from __future__ import annotations

import pickle

import pytest

from napari_blindspot.core import errors
from napari_blindspot.core.errors import BlindspotError, FileError, ImageError

ALL = [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize("kind", ALL)
def test_an_error_says_its_sentence_and_which_setting_would_mend_it(kind):
    error = kind("The file a.tif holds 2 images; choose one.", setting="series")
    assert str(error) == "The file a.tif holds 2 images; choose one."
    assert error.setting == "series"
    assert isinstance(error, BlindspotError)
    assert kind("The file a.tif is empty.").setting is None


@pytest.mark.parametrize("kind", ALL)
def test_an_error_of_another_process_arrives_whole(kind):
    error = pickle.loads(pickle.dumps(kind("There is no channel 3.", setting="channel")))
    assert (type(error), str(error), error.setting) == (kind, "There is no channel 3.", "channel")


def test_errors_are_also_those_that_python_programs_expect():
    assert issubclass(FileError, OSError)
    assert issubclass(ImageError, ValueError)
    assert not any(issubclass(kind, RuntimeError) for kind in ALL)
