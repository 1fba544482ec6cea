"""Errors in the words of a dock."""

from __future__ import annotations

from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.widgets.shared.terms import in_terms

FIELDS = {"axes": "column Axes"}


def test_a_dock_adds_the_field_that_could_mend_an_error():
    error = BlindspotError("The axes are wrong.", setting="axes")
    assert in_terms(error, FIELDS) == "The axes are wrong (column Axes)."


def test_fields_of_the_form_are_known_by_the_titles_of_the_settings():
    error = BlindspotError("There is no such device.", setting="device")
    assert in_terms(error, FIELDS) == "There is no such device (field Device)."
    error = BlindspotError("The gap is too wide.", setting="gap")
    assert in_terms(error, FIELDS) == "The gap is too wide (field Gap)."


def test_where_a_dock_has_no_field_the_sentence_stays_as_it_is():
    error = BlindspotError("Choose one.", setting="unet_width")
    assert in_terms(error, FIELDS) == "Choose one."
    assert in_terms(ValueError("Anything."), FIELDS) == "Anything."
