"""Nikon's ND2, by a file of a real microscope: no library writes them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_blindspot.core.words import sentences_of
from napari_blindspot.files.door import list_series, open_image

structures = pytest.importorskip("nd2.structures", reason="ND2 needs nd2, of the extra formats")


def loop(kind: str, count: int, parameters: dict | None = None):
    return getattr(structures, kind)(count=count, nestingLevel=0, parameters=parameters)


def test_positions_are_images_and_their_frames_are_found_among_those_of_the_others():
    from napari_blindspot.files.formats.nd2_reader import Nd2Loops

    point = {"stagePositionUm": (0, 0, 0)}
    loops = Nd2Loops.of(
        [
            loop("XYPosLoop", 2, {"isSettingZ": False, "points": [{**point, "name": "A1"}, point]}),
            loop("TimeLoop", 3, {"startMs": 0, "periodMs": 500, "durationMs": 0}),
            loop("ZStackLoop", 4, {"homeIndex": 0, "stepUm": -0.3, "bottomToTop": False}),
        ]
    )
    assert loops.positions == ("A1", "position 1")
    assert loops.of_a_position == {"T": 3, "Z": 4}
    assert (loops.seconds, loops.micrometres) == (0.5, 0.3)
    assert loops.frames(1) == list(range(12, 24))
    assert loops.frame({"T": 2, "Z": 1}, position=1) == 21


def test_time_outside_positions_is_taken_apart():
    from napari_blindspot.files.formats.nd2_reader import Nd2Loops

    points = [{"stagePositionUm": (0, 0, 0)}] * 2
    loops = Nd2Loops.of(
        [
            loop("TimeLoop", 3, {"startMs": 0, "periodMs": 0, "durationMs": 0}),
            loop("XYPosLoop", 2, {"isSettingZ": False, "points": points}),
        ]
    )
    assert (loops.frames(0), loops.frames(1), loops.seconds) == ([0, 2, 4], [1, 3, 5], None)


def test_a_real_file_gives_every_plane_its_voxel_size_and_odd_names_of_channels(real_files):
    path = real_files / "nd2_cluster.nd2"
    image = open_image(path)
    assert (image.axes, image.shape, image.dtype) == ("TZCYX", (3, 10, 2, 31, 38), np.uint16)
    assert {axis: one.micrometres for axis, one in image.spacing.items()} == pytest.approx(
        {"Z": 0.5, "Y": 0.16781, "X": 0.16781}, rel=1e-4
    )
    assert image.channel_names == ("5-FAM/pH 9.0", "FM 4-64/2% CHAPS")
    assert (image.array[0, 0, 0].min(), image.array[0, 0, 0].max()) == (0, 73)
    assert np.asarray(image.array).shape == image.shape
    assert [(one.name, one.axes) for one in list_series(path)] == [("", "TZCYX")]


def test_frames_that_are_not_in_the_file_are_blank_and_counted(real_files, tmp_path):
    path = tmp_path / "aborted.nd2"
    whole = (real_files / "nd2_cluster.nd2").read_bytes()
    place = whole.rindex(b"ImageDataSeq|7!")
    path.write_bytes(whole[:place] + b"ImageDataGone7!" + whole[place + 15 :])
    image = open_image(path)
    assert sentences_of([image.notices]) == ["2 of the 60 planes are not in the file; they are left blank."]
    before = open_image(real_files / "nd2_cluster.nd2").array
    assert not np.asarray(image.array[0, 7]).any()
    assert np.array_equal(np.asarray(image.array[0, 6]), np.asarray(before[0, 6]))
