"""What the axes of a layer are: by its labels in letters or words, by an answer, else by a safe guess."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image

from napari_blindspot.core.errors import ImageError
from napari_blindspot.widgets.shared.layer_data import answer_axes, labels_of, layer_axes, long_axes


def layer(*shape: int, labels: str = "") -> Image:
    names = {"axis_labels": labels.split()} if labels else {}
    return Image(np.zeros((*shape, 16, 16), np.uint8), name="cells", contrast_limits=(0, 1), **names)


@pytest.mark.parametrize(
    ("labels", "axes"),
    [
        ("t c z y x", "TCZYX"),
        ("Time Channel Depth Y X", "TCZYX"),
        ("frame colour slice row column", "TCZYX"),
        ("position CHANNELS z-axis y x", "PCZYX"),
        ("time(s) c z[µm] y[µm] x[µm]", "TCZYX"),
    ],
)
def test_labels_are_understood_in_letters_and_in_words(labels, axes):
    assert layer_axes(layer(2, 3, 4, labels=labels)) == axes


@pytest.mark.parametrize("labels", ["", "-4 -3 -2 -1", "axis_-4 axis_-3 axis_-2 axis_-1", "foo bar y x"])
def test_axes_with_several_planes_can_be_said(labels):
    assert long_axes(layer(5, 2, labels=labels)) == (0, 1)
    assert long_axes(layer(1, 2, labels=labels)) == (1,)


@pytest.mark.parametrize(
    ("shape", "labels", "axes"),
    [
        ((5, 2), "", "ZCYX"),
        ((2, 5), "", "CZYX"),
        ((3, 2, 2), "", "TZCYX"),
        ((40, 3, 30), "", "TCZYX"),
        ((3,), "", "CYX"),
        ((30,), "", "ZYX"),
        ((30, 20), "", "TZYX"),
        ((3, 30), "c ? y x", "CZYX"),
        ((5, 30), "z ? y x", "ZTYX"),
        ((9, 8, 7, 6), "", "CPTZYX"),
        ((9, 8, 7, 6, 5), "", "ACPTZYX"),
        ((9,), "y z x", "ZYX"),
    ],
)
def test_what_is_not_known_is_guessed_so_that_channels_share_nothing(shape, labels, axes):
    assert layer_axes(layer(*shape, labels=labels)) == axes


def test_a_unit_of_time_says_that_an_axis_is_time_and_one_of_length_nothing():
    data = np.zeros((2, 3, 16, 16), np.uint8)
    units = ("s", "µm", "µm", "µm")
    assert layer_axes(Image(data, units=units, contrast_limits=(0, 1))) == "TCYX"
    assert layer_axes(Image(data, units=("µm",) * 4, contrast_limits=(0, 1))) == "CZYX"


def test_an_answer_holds_as_long_as_the_layer_and_is_stronger_than_labels():
    asked = layer(2, 5)
    answer_axes(asked, "tz")
    assert layer_axes(asked) == "TZYX"
    assert layer_axes(layer(2, 5)) == "CZYX"
    asked.axis_labels = ("z", "-3", "y", "x")
    assert layer_axes(asked) == "TZYX"
    assert labels_of(asked) == ("t", "-3", "y", "x")
    answer_axes(asked, "P ")
    assert layer_axes(asked) == "PZYX"
    assert labels_of(asked) == ("position", "-3", "y", "x")
    with pytest.raises(ImageError, match="none twice"):
        answer_axes(asked, "zz")


def test_a_plane_of_channels_is_refused_with_the_reason():
    with pytest.raises(ImageError, match="last two axes of “cells” are called x and channel"):
        layer_axes(layer(5, labels="y x channel"))
