"""What a user is told when something cannot be done.

Every message is one sentence that names the value that was wrong and what would be right. None of the
classes is a ``RuntimeError``: worker threads in napari take that for a request to abort and say nothing.
"""

from __future__ import annotations

from typing import Self

__all__ = [
    "BlindspotError",
    "CancelledError",
    "DeviceError",
    "DivergedError",
    "FileError",
    "ImageError",
    "OutOfMemoryError",
    "SettingsError",
]


class BlindspotError(Exception):
    """Base of all errors that this package raises on purpose.

    Parameters
    ----------
    message : str
        One sentence, without the words of any face.
    setting : str, optional
        What the user could say to mend it, by its name in `Settings` or `FileJob`.
    """

    def __init__(self, message: str = "", *, setting: str | None = None) -> None:
        super().__init__(message)
        self.setting = setting


class SettingsError(BlindspotError, ValueError):
    """A setting has a value that no run can have."""


class ImageError(BlindspotError, ValueError):
    """The pixels given are not something that can be denoised."""


class FileError(BlindspotError, OSError):
    """A file cannot be read, or an output cannot be written."""

    def __new__(cls, message: str = "", *, setting: str | None = None) -> Self:
        """Leave the keyword to `__init__`, which OSError would not."""
        return super().__new__(cls, message)


class DeviceError(BlindspotError):
    """The device that was asked for is not there, or does not work."""


class DivergedError(BlindspotError):
    """A fit left the intensities of its plane behind, and what it gives is no image."""


class OutOfMemoryError(BlindspotError):
    """The device has too little memory for this plane."""


class CancelledError(BlindspotError):
    """The run was cancelled, so there is no result."""
