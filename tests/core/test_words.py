"""Notices of many planes become as few sentences as there are things to say."""

import pytest

from napari_blindspot.core.errors import FileError
from napari_blindspot.core.notices import Notice
from napari_blindspot.core.words import (
    duration,
    error_sentence,
    first_line,
    fresh_sentences,
    sentence,
    sentences_of,
    size_of_memory,
)


def replaced(count: int) -> Notice:
    return Notice("defects-replaced", {"count": count})


EVENED = Notice("scan-lines-evened", {"lines": "rows", "sigma": 0.5})


def test_the_notices_of_a_single_plane_are_said_one_by_one():
    assert sentences_of([(replaced(8), Notice("pixels-left-out", {"count": 1}))]) == [
        "8 isolated pixels far brighter or darker than all around were taken for defects and replaced.",
        "1 NaN pixel was left out and stays NaN.",
    ]


def test_notices_that_differ_in_their_numbers_alone_become_one_with_their_range():
    planes = [(replaced(12), EVENED), (), (replaced(9),), (replaced(100), EVENED)]
    assert sentences_of(planes) == [
        "9 to 100 isolated pixels far brighter or darker than all around were taken for defects and "
        "replaced. (3 of 4 planes)",
        "The rows of this plane have offsets of their own, of standard deviation 0.5, which are taken "
        "out. (2 of 4 planes)",
    ]


def test_notices_that_differ_in_a_word_stay_apart():
    columns = Notice("scan-lines-evened", {"lines": "columns", "sigma": 0.5})
    found = sentences_of([(EVENED,), (columns,)])
    assert [text.split()[1] for text in found] == ["rows", "columns"]


def test_values_that_planes_leave_as_they_are_are_told_as_a_range():
    blank = [Notice("blank-areas-left-out", {"low": n, "high": n, "share": 0.1}) for n in (0.0, 3.0)]
    two = [Notice("two-values", {"low": 0.0, "high": n}) for n in (41.0, 369.0)]
    found = sentences_of([(notice,) for notice in (*blank, *two)])
    assert [text.partition(", as a")[0] for text in found] == [
        "Areas of exactly one value (0 to 3; 10% of the plane)",
        "The plane holds only the values 0 and 41 to 369",
    ]
    assert [text[-15:] for text in found] == ["(2 of 4 planes)"] * 2


def test_while_planes_come_a_warning_is_said_once_whatever_its_numbers():
    said = set()
    gaps = [Notice("gap-chosen", news(gap), is_warning=False) for gap in (0, 2, 0)]
    found = [fresh_sentences(plane, said) for plane in zip(map(replaced, (8, 9, 10)), gaps, strict=True)]
    assert [len(texts) for texts in found] == [2, 1, 0]
    assert "2-pixel gap" in found[1][0]


def news(gap: int) -> dict[str, float]:
    values = {"measured": True, "correlated": False, "textured": False, "reach": 0}
    return {**values, "gap": gap, "visible_fraction": 0.5}


def test_one_of_a_thing_is_said_in_the_singular():
    assert sentence(replaced(1)).startswith("1 isolated pixel far brighter")
    assert "was taken" in sentence(replaced(1))


def test_no_planes_and_no_notices_give_nothing():
    assert sentences_of([]) == sentences_of([(), ()]) == []


def test_a_notice_comes_back_from_what_json_can_hold():
    notice = Notice("gap-chosen", {"gap": 2, "measured": True}, is_warning=False)
    assert Notice.from_dict(notice.as_dict()) == notice


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "0 s"), (59.4, "59 s"), (185, "3:05 min"), (3730, "1:02:10 h")]
)
def test_a_time_has_one_spelling(seconds, words):
    assert duration(seconds) == words


def test_memory_is_written_in_gibibytes():
    assert size_of_memory(1.5 * 2**30) == "1.5 GiB"


def test_of_a_long_message_the_first_line_is_said_without_its_full_stop():
    assert first_line(ValueError("broken.\nat line 3")) == "broken"
    assert first_line(ValueError()) == "ValueError"


def test_a_fault_of_ours_says_that_it_is_ours_and_how_to_report_it():
    text = error_sentence(ZeroDivisionError("division by zero"))
    assert "napari-blindspot itself (ZeroDivisionError: division by zero)" in text
    assert "report" in text and "napari-blindspot doctor" in text


def test_an_error_on_purpose_keeps_its_sentence_and_what_would_mend_it_through_a_pickle():
    import pickle

    error = pickle.loads(pickle.dumps(FileError("The file holds 3 images; choose one.", setting="series")))
    assert error_sentence(error) == "The file holds 3 images; choose one."
    assert error.setting == "series"
    assert isinstance(error, OSError)
