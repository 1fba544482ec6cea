"""LIF files for tests, as small as they can be: what Leica's programs write of the images in them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

_DIMENSIONS = {"X": 1, "Y": 2, "Z": 3, "T": 4, "λ": 5, "A": 6, "M": 10}


@dataclass
class Scan:
    """An image of a LIF.

    Attributes
    ----------
    name : str
        Of the image.
    pixels : ndarray
        In the order of `axes`.
    axes : str
        One letter a dimension; C for the channels.
    steps : dict
        Distance between neighbours, in metres or seconds, by the letter.
    luts : tuple of str
        One lookup table a channel.
    """

    name: str
    pixels: np.ndarray
    axes: str
    steps: dict[str, float]
    luts: tuple[str, ...] = ("Gray",)


def write_lif(path: Path, *scans: Scan, flim: str = "") -> None:
    """Write images, and in the end one of photon arrival times if it is given a name."""
    elements = [_element(scan, number) for number, scan in enumerate(scans)]
    if flim:
        elements.append(_FLIM.format(name=quoteattr(flim), block=len(scans)))
    xml = (
        '<LMSDataContainerHeader Version="2"><Element Name="experiment"><Children>'
        f"{''.join(elements)}</Children></Element></LMSDataContainerHeader>"
    )
    pixels = [np.ascontiguousarray(scan.pixels).tobytes() for scan in scans]
    with path.open("wb") as file:
        text = xml.encode("utf-16-le")
        file.write(struct.pack("<IIBI", 0x70, len(text) + 5, 0x2A, len(xml)) + text)
        for number, data in enumerate(pixels):
            name = f"MemBlock_{number}"
            label = name.encode("utf-16-le")
            head = struct.pack("<IIBQBI", 0x70, len(label) + 14, 0x2A, len(data), 0x2A, len(name))
            file.write(head + label + data)


def _element(scan: Scan, number: int) -> str:
    strides = dict(zip(scan.axes, np.ascontiguousarray(scan.pixels).strides, strict=True))
    lengths = dict(zip(scan.axes, scan.pixels.shape, strict=True))
    bits = 8 * scan.pixels.itemsize
    kind = int(scan.pixels.dtype.kind == "f")
    channels = "".join(
        f'<ChannelDescription DataType="{kind}" ChannelTag="0" Resolution="{bits}" Min="0" Max="255" '
        f'Unit="" NameOfMeasuredQuantity="" LUTName="{lut}" IsLUTInverted="0" BitInc="0" '
        f'BytesInc="{k * strides.get("C", 0)}"/>'
        for k, lut in enumerate(scan.luts)
    )
    dimensions = "".join(
        f'<DimensionDescription DimID="{_DIMENSIONS[axis]}" NumberOfElements="{lengths[axis]}" Origin="0" '
        f'Length="{scan.steps.get(axis, 0) * (lengths[axis] - 1)}" Unit="{"s" if axis == "T" else "m"}" '
        f'BitInc="0" BytesInc="{strides[axis]}"/>'
        for axis in reversed(scan.axes)
        if axis != "C"
    )
    return (
        f"<Element Name={quoteattr(scan.name)}><Data><Image><ImageDescription>"
        f"<Channels>{channels}</Channels><Dimensions>{dimensions}</Dimensions></ImageDescription></Image></Data>"
        f'<Memory Size="{scan.pixels.nbytes}" MemoryBlockID="MemBlock_{number}"/></Element>'
    )


_FLIM = (
    '<Element Name={name}><Data><SingleMoleculeDetection IsImage="true"><Dataset><RawData>'
    "<LaserPulseFrequency>40000000</LaserPulseFrequency><ClockPeriod>1e-10</ClockPeriod><Dimensions>"
    "<Dimension><DimensionIdentifier>X</DimensionIdentifier><Size>32</Size></Dimension>"
    "<Dimension><DimensionIdentifier>Y</DimensionIdentifier><Size>32</Size></Dimension>"
    "</Dimensions></RawData></Dataset></SingleMoleculeDetection></Data>"
    '<Memory Size="0" MemoryBlockID="MemBlock_{block}"/></Element>'
)
