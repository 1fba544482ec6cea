"""What a user is told when something cannot be done.

Every message is one sentence that names the value that was wrong and what would be right. None of the
classes is a ``RuntimeError``: worker threads in napari take that for a request to abort and say nothing.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "BlindspotError",
    "CancelledError",
    "DeviceError",
    "DivergedError",
    "FileError",
    "ImageError",
    "InternalError",
    "OutOfMemoryError",
    "SettingsError",
]


class BlindspotError(Exception):
    """Base of all errors that this package raises on purpose.

    Parameters
    ----------
    message : str
        One sentence that no face needs to explain: it names no option and no field.
    setting : str, optional
        What the user could say to mend it, such as ``"series"``; a face adds its own word for that.

    Attributes
    ----------
    setting : str or None
        As given.
    """

    def __init__(self, message: str, *, setting: str | None = None) -> None:
        super().__init__(message)
        self.setting = setting

    def __reduce__(self) -> tuple[Callable[..., BlindspotError], tuple[object, ...]]:
        """Let a worker's error reach another process with its setting."""
        return functools.partial(type(self), setting=self.setting), (str(self),)


class SettingsError(BlindspotError, ValueError):
    """A setting has a value that no run can have."""


class ImageError(BlindspotError, ValueError):
    """The pixels given are not something that can be denoised."""


class FileError(BlindspotError, OSError):
    """A file cannot be read, or an output cannot be written."""


class DeviceError(BlindspotError):
    """The device that was asked for is not there, or does not work."""


class DivergedError(BlindspotError):
    """A fit left the intensities of its plane behind, and what it gives is no image."""


class OutOfMemoryError(BlindspotError):
    """The device has too little memory for this plane."""


class CancelledError(BlindspotError):
    """The run was cancelled, so there is no result."""


class InternalError(BlindspotError):
    """A fault of this package itself; the sentence says so and how to report it."""
