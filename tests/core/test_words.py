"""Warnings of many planes become as few sentences as there are things to say."""

from napari_blindspot.core.words import gather_warnings


def test_the_warnings_of_a_single_plane_stay_as_they_are():
    assert gather_warnings([("8 pixels were replaced.", "Some are NaN.")]) == [
        "8 pixels were replaced.",
        "Some are NaN.",
    ]


def test_warnings_that_differ_in_their_numbers_alone_become_one_with_their_range():
    planes = [
        ("12 pixels were replaced.", "Offsets of 0.5 were taken out."),
        (),
        ("9 pixels were replaced.",),
        ("100 pixels were replaced.", "Offsets of 0.5 were taken out."),
    ]
    assert gather_warnings(planes) == [
        "9 to 100 pixels were replaced. (3 of 4 planes)",
        "Offsets of 0.5 were taken out. (2 of 4 planes)",
    ]


def test_no_planes_and_no_warnings_give_nothing():
    assert gather_warnings([]) == gather_warnings([(), ()]) == []
