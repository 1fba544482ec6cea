"""Errors in the words of a dock: the core names a setting, a dock the field that sets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_blindspot.core.errors import BlindspotError
from napari_blindspot.settings import setting_fields
from napari_blindspot.widgets.shared.knobs import is_in_form, knob_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["in_terms"]


def in_terms(error: Exception, fields: Mapping[str, str]) -> str:
    """Say what is wrong, and which field could mend it.

    Parameters
    ----------
    error : Exception
        The `setting` of a BlindspotError names what the user could change.
    fields : mapping of str to str
        What the dock calls its fields, by setting, such as ``{"axes": "column Axes"}``; those of the form
        are known by the titles of the settings.

    Returns
    -------
    str
        Its sentence, with the field in brackets if the dock has one.
    """
    sentence = str(error)
    setting = error.setting if isinstance(error, BlindspotError) else None
    if setting is None:
        return sentence
    field = fields.get(setting) or _title(setting)
    if field is None:
        return sentence
    stop = "." if sentence.endswith(".") else ""
    return f"{sentence.removesuffix('.')} ({field}){stop}"


def _title(setting: str) -> str | None:
    """Return what the form calls a setting; None if it does not show it."""
    info, knob = setting_fields().get(setting), knob_of(setting)
    return f"field {knob.title}" if info is not None and knob is not None and is_in_form(info) else None
