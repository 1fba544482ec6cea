"""What a user is told when something cannot be done.

Every message is one sentence that names the value that was wrong and what would be right. None of the
classes is a ``RuntimeError``: worker threads in napari take that for a request to abort and say nothing.
"""

from __future__ import annotations

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
    """Base of all errors that this package raises on purpose."""


class SettingsError(BlindspotError, ValueError):
    """A setting has a value that no run can have."""


class ImageError(BlindspotError, ValueError):
    """The pixels given are not something that can be denoised."""


class FileError(BlindspotError, OSError):
    """A file cannot be read, or an output cannot be written."""

    # OSError with a single argument prints it as it is; nothing to add.


class DeviceError(BlindspotError):
    """The device that was asked for is not there, or does not work."""


class DivergedError(BlindspotError):
    """A fit left the intensities of its plane behind, and what it gives is no image."""


class OutOfMemoryError(BlindspotError):
    """The device has too little memory for this plane."""


class CancelledError(BlindspotError):
    """The run was cancelled, so there is no result."""
