from __future__ import annotations

import numpy as np
import pytest

from napari_blindspot.core.errors import ImageError
from napari_blindspot.core.words import sentences_of
from napari_blindspot.files.axes import (
    check_axes,
    fold_channels,
    guess_axes,
    planes_last,
    split_axis,
    without_single_steps,
)
from napari_blindspot.files.lazy_array import LazyArray


@pytest.mark.parametrize(
    ("shape", "named", "axes"),
    [
        ((20, 30), "", "YX"),
        ((5, 20, 30), "", "ZYX"),
        ((4, 5, 20, 30), "", "ZTYX"),
        ((20, 30, 3), "", "YXS"),
        ((7, 20, 30, 4), "", "ZYXS"),
        ((4, 5, 20, 30, 3), "QQYXQ", "TZYXS"),
        ((5, 20, 30), "TYX", "TYX"),
        ((2, 5, 20, 30), "CQYX", "CZYX"),
        ((2, 5, 20, 30), "ZIYX", "ZTYX"),
        ((20, 30, 3), "QYX", "YXS"),
        ((20, 30, 3), "YXC", "YXC"),
        ((20, 30, 3), "ZYX", "ZYX"),
    ],
)
def test_axes_are_taken_from_the_names_then_from_the_shape(shape, named, axes):
    assert guess_axes(shape, named)[0] == axes


def test_every_axis_that_was_guessed_is_told():
    axes, notices = guess_axes((2, 5, 20, 30), "QIYX")
    assert axes == "ZTYX"
    assert sentences_of([notices]) == [
        "The file does not name the axis of length 2; it is taken for Z.",
        "The file does not name the axis of length 5; it is taken for T.",
    ]


def test_more_axes_than_letters_are_refused_with_what_would_be_right():
    with pytest.raises(
        ImageError, match="time, Z and channel are known: name them, such as TZCYX"
    ) as caught:
        guess_axes((2, 2, 2, 2, 20, 30), "QIJKYX")
    assert caught.value.setting == "axes"
    with pytest.raises(ImageError, match=r"has the axes QX, of shape .*, but Y and X are needed"):
        guess_axes((20, 30), "QX")


@pytest.mark.parametrize(
    ("axes", "sentence"),
    [
        ("YX", r"The axes 'YX' are 2, but the image has 3 \(5×20×30\); give one letter"),
        ("ZZX", "'Z' comes twice"),
        ("QYX", "'Q' is none of T, Z, C, Y, X and S"),
        ("TZX", "without Y or X"),
    ],
)
def test_axes_that_cannot_be_are_refused(axes, sentence):
    with pytest.raises(ImageError, match=sentence) as caught:
        check_axes(axes, (5, 20, 30))
    assert caught.value.setting == "axes"


def test_small_letters_and_spaces_do_not_matter():
    assert check_axes(" tyx ", (5, 20, 30)) == "TYX"


@pytest.mark.parametrize("axes", ["TZYX", "ZTYX", "YXTZ", "TYXZ", "TZXY", "XYZT", "TYXS", "YXST", "SYXT"])
def test_planes_come_last_whatever_the_order_was(axes):
    pixels = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    lazy = LazyArray(pixels.shape, pixels.dtype, pixels.__getitem__)
    end = "YXS" if "S" in axes else "YX"
    expected_axes = "".join(letter for letter in axes if letter not in end) + end
    expected = pixels.transpose([axes.index(letter) for letter in expected_axes])
    for array in (pixels, lazy):
        ordered, letters = planes_last(array, axes)
        assert letters == expected_axes
        assert np.array_equal(np.asarray(ordered), expected)


def test_leading_axes_are_reordered_without_reading_a_plane():
    reads = []
    pixels = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    lazy = LazyArray(pixels.shape, pixels.dtype, lambda index: reads.append(index) or pixels[index])
    ordered, _ = planes_last(lazy, "TZXY")
    assert (ordered.shape, reads) == ((2, 3, 5, 4), [])
    assert np.array_equal(ordered[1, 2], pixels[1, 2].T)
    assert reads == [(1, 2)]


@pytest.mark.parametrize("lazy", [False, True])
def test_what_is_neither_depth_nor_time_becomes_channels(lazy):
    whole = np.arange(2 * 3 * 4 * 5 * 6 * 7).reshape(2, 3, 4, 5, 6, 7)
    array = LazyArray(whole.shape, whole.dtype, whole.__getitem__) if lazy else whole
    axes, notices = guess_axes(whole.shape, "TAZCYX")
    assert (axes, notices) == ("TAZCYX", ())
    folded, axes, names, said = fold_channels(array, axes, tuple("abcde"))
    assert (axes, folded.shape) == ("TCZYX", (2, 15, 4, 6, 7))
    assert np.array_equal(folded[1, 2 * 5 + 3, 1], whole[1, 2, 1, 3])
    assert (names[0], names[-1]) == ("angle 0 a", "angle 2 e")
    assert "stands for the angle" in sentences_of([said])[0]


@pytest.mark.parametrize("lazy", [False, True])
def test_channels_that_stand_in_turn_on_an_axis_are_told_apart(lazy):
    whole = np.arange(12 * 6 * 7).reshape(12, 6, 7)
    array = LazyArray(whole.shape, whole.dtype, whole.__getitem__) if lazy else whole
    parted, axes = split_axis(array, "ZYX", "2:c")
    assert (axes, parted.shape) == ("ZCYX", (6, 2, 6, 7))
    assert np.array_equal(np.asarray(parted[:, 1]), whole[1::2])


@pytest.mark.parametrize(
    ("split", "sentence"),
    [
        ("5:C", "An axis of length 12 cannot be split into turns of 5; choose a divisor of 12"),
        ("2:Z", "has an axis Z already"),
        ("C", "The split 'C' is none"),
        ("1:C", "The split '1:C' is none"),
    ],
)
def test_a_split_that_cannot_be_is_refused(split, sentence):
    with pytest.raises(ImageError, match=sentence) as caught:
        split_axis(np.zeros((12, 6, 7)), "ZYX", split)
    assert caught.value.setting == "split"


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(
    ("shape", "named", "left", "names"),
    [
        ((1, 5, 8, 9), "QZYX", (5, 8, 9), "ZYX"),
        ((1, 5, 1, 8, 9), "", (5, 8, 9), ""),
        ((1, 1, 8, 9), "TZYX", (1, 1, 8, 9), "TZYX"),
        ((1, 5, 8, 9), "CQYX", (1, 5, 8, 9), "CQYX"),
        ((2, 1, 8, 9), "QQYX", (2, 8, 9), "QYX"),
        ((8, 9), "YX", (8, 9), "YX"),
        ((1, 5, 8, 9), "ZYX", (1, 5, 8, 9), "ZYX"),
    ],
)
def test_an_axis_of_one_step_goes_if_nothing_says_what_it_is(shape, named, left, names, lazy):
    array = np.arange(np.prod(shape)).reshape(shape)
    given = LazyArray(shape, array.dtype, lambda index: array[index]) if lazy else array
    found, said = without_single_steps(given, named)
    assert (tuple(found.shape), said) == (left, names)
    assert np.array_equal(np.asarray(found), array.reshape(left))


def test_a_colour_image_with_three_further_axes_is_refused():
    with pytest.raises(
        ImageError, match="a colour image with 3 further axes, but only time and Z are known"
    ):
        guess_axes((2, 4, 5, 20, 30, 3), "QQQYXQ")


@pytest.mark.parametrize(
    ("shape", "axes", "ordered"),
    [((4, 2, 8, 9), "TCYX", "TCYX"), ((4, 8, 9, 2), "TYXC", "TCYX"), ((4, 8, 2, 9), "TYCX", "TCYX")],
)
def test_what_a_file_keeps_together_with_a_plane_comes_before_it_and_is_read_when_asked_for(
    shape, axes, ordered
):
    array, reads = np.arange(np.prod(shape)).reshape(shape), []

    def read(index: tuple[int, ...]) -> np.ndarray:
        reads.append(index)
        return array[index]

    found, said = planes_last(LazyArray(shape, array.dtype, read, plane_ndim=3), axes)
    assert (said, reads, found.plane_ndim) == (ordered, [], 2)
    wanted = array.transpose([axes.index(letter) for letter in ordered])
    assert np.array_equal(found[3, 1], wanted[3, 1])
    assert {index[0] for index in reads} == {3}
    assert np.array_equal(np.asarray(found), wanted)


def test_turns_of_the_only_axis_before_the_planes_are_split():
    array = np.arange(6 * 4 * 5).reshape(6, 4, 5)
    found, axes = split_axis(array, "TYX", "2:C")
    assert (found.shape, axes) == ((3, 2, 4, 5), "TCYX")
    with pytest.raises(ImageError, match="An axis of length 6 cannot be split into turns of 4"):
        split_axis(array, "TYX", "4:C")
