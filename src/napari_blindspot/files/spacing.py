"""Distance between neighbouring pixels, planes or frames along an axis, with its unit.

The names of units in the metadata of a particular format belong to that format's module.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["LENGTH_AXES", "Spacing", "make_spacing"]

LENGTH_AXES = "XYZ"

_MICROMETRES = {
    "pm": 1e-6,
    "Å": 1e-4,
    "nm": 1e-3,
    "µm": 1.0,
    "mm": 1e3,
    "cm": 1e4,
    "m": 1e6,
    "in": 25400.0,
}
_SECONDS = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}

_SYNONYMS = {
    "um": "µm",
    "micron": "µm",
    "microns": "µm",
    "micrometer": "µm",
    "micrometers": "µm",
    "micrometre": "µm",
    "\\u00b5m": "µm",
    "picometer": "pm",
    "angstrom": "Å",
    "nanometer": "nm",
    "millimeter": "mm",
    "centimeter": "cm",
    "meter": "m",
    "inch": "in",
    "sec": "s",
    "second": "s",
    "seconds": "s",
    "msec": "ms",
    "millisecond": "ms",
    "us": "µs",
    "microsecond": "µs",
    "nanosecond": "ns",
    "minute": "min",
    "hour": "h",
}
"""What ImageJ, OME-Zarr and others write, in lower case, for the symbols of OME."""


@dataclass(frozen=True, slots=True)
class Spacing:
    """Distance between two neighbours along an axis.

    Attributes
    ----------
    step : float
        The distance, in `unit`.
    unit : str
        A symbol of OME: µm, nm, … for lengths, s, ms, … for time.
    """

    step: float
    unit: str

    @property
    def micrometres(self) -> float:
        """The distance in µm; only for lengths."""
        return self.step * _MICROMETRES[self.unit]

    @property
    def seconds(self) -> float:
        """The distance in s; only for times."""
        return self.step * _SECONDS[self.unit]

    def convert(self, value: float, unit: str) -> float | None:
        """Return a value that is given in `unit` in this spacing's unit; None if it cannot be."""
        table = _MICROMETRES if self.unit in _MICROMETRES else _SECONDS
        symbol = _symbol(unit)
        return value * table[symbol] / table[self.unit] if symbol in table else None


def make_spacing(axis: str, step: object, unit: str) -> Spacing | None:
    """Return a spacing along T, Z, Y or X if it is a positive number in a unit that is known, else None."""
    try:
        value = float(step)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    symbol = _symbol(unit)
    known = _MICROMETRES if axis in LENGTH_AXES else _SECONDS
    return Spacing(value, symbol) if symbol in known and value > 0 and math.isfinite(value) else None


def _symbol(unit: str) -> str:
    # Greek mu and the micro sign look the same; OME uses the micro sign.
    symbol = unit.strip().replace("μ", "µ")
    return _SYNONYMS.get(symbol.lower(), symbol)
