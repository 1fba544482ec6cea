"""PNG of all depths and colours, written by imagecodecs and by Pillow."""

from __future__ import annotations

import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from napari_blindspot.core.errors import FileError, ImageError
from napari_blindspot.core.words import sentences_of
from napari_blindspot.files.door import list_series, open_image

LEFT_OUT = "The transparency of the image was left out."


def pixels(*shape: int, dtype: str = "uint8") -> np.ndarray:
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_header(width: int, height: int, depth: int = 8, colour: int = 0, data: bytes = b"\0") -> bytes:
    """Return a PNG with that header, whatever its pixels are."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("samples", [1, 2, 3, 4])
def test_every_depth_and_colour_keeps_its_full_depth(tmp_path, dtype, samples):
    written = pixels(20, 30, samples, dtype=dtype)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(written[..., 0] if samples == 1 else written))
    read = open_image(tmp_path / "a.png")
    assert read.dtype == np.dtype(dtype)
    if samples < 3:
        assert read.axes == "YX"
        assert np.array_equal(read.array, written[..., 0])
    elif dtype == "uint8":
        assert read.axes == "YXS"
        assert np.array_equal(read.array, written[..., :3])
    else:
        assert read.axes == "CYX"
        assert np.array_equal(read.array, np.moveaxis(written[..., :3], -1, 0))
    assert (LEFT_OUT in sentences_of([read.notices])) == (samples in (2, 4))


def test_a_channel_of_a_colour_image_of_16_bits_is_one_of_its_samples(tmp_path):
    written = pixels(20, 30, 3, dtype="uint16")
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(written))
    green = open_image(tmp_path / "a.png").channel(1)
    assert (green.axes, green.dtype) == ("YX", np.uint16)
    assert np.array_equal(green.array, written[..., 1])


@pytest.mark.parametrize("colours", [2, 4, 16, 256])
def test_a_palette_becomes_the_colours_that_it_stands_for(tmp_path, colours):
    picture = Image.fromarray(pixels(20, 30, 3)).quantize(colours)
    picture.save(tmp_path / "a.png")
    read = open_image(tmp_path / "a.png")
    assert (read.axes, read.notices) == ("YXS", ())
    assert np.array_equal(read.array, np.asarray(picture.convert("RGB")))


@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_a_single_transparent_colour_is_left_out_and_that_is_said(tmp_path, mode):
    picture = Image.fromarray(pixels(20, 30, 3)).convert(mode)
    picture.save(tmp_path / "a.png", transparency=(1, 2, 3) if mode == "RGB" else 3)
    read = open_image(tmp_path / "a.png")
    assert np.array_equal(read.array, np.asarray(picture.convert("RGB") if mode == "P" else picture))
    assert sentences_of([read.notices]) == [LEFT_OUT]


def test_black_and_white_stays_a_mask(tmp_path):
    mask = pixels(20, 30) > 99
    Image.fromarray(mask).save(tmp_path / "a.png")
    read = open_image(tmp_path / "a.png")
    assert (read.axes, read.dtype) == ("YX", np.bool_)
    assert np.array_equal(read.array, mask)


CASES = {
    "gray": Image.fromarray(pixels(20, 30)),
    "mask": Image.fromarray(pixels(20, 30) > 99),
    "palette": Image.fromarray(pixels(20, 30, 3)).quantize(16),
    "colour": Image.fromarray(pixels(20, 30, 3)),
    "gray with transparency": Image.fromarray(pixels(20, 30, 2)),
    "colour with transparency": Image.fromarray(pixels(20, 30, 4)),
    "gray of 16 bits": Image.fromarray(pixels(20, 30, dtype="uint16")),
}


@pytest.mark.parametrize("case", CASES)
def test_what_the_header_promises_is_what_is_opened(tmp_path, case):
    CASES[case].save(tmp_path / "a.png")
    read = open_image(tmp_path / "a.png")
    (series,) = list_series(tmp_path / "a.png")
    assert (series.shape, series.axes, series.dtype) == (read.shape, read.axes, str(read.dtype))


def test_the_axes_that_a_user_names_count(tmp_path):
    CASES["colour"].save(tmp_path / "a.png")
    turned = open_image(tmp_path / "a.png", axes="XYS")
    assert (turned.axes, turned.shape) == ("YXS", (30, 20, 3))
    with pytest.raises(ImageError, match="are 2, but the image has 3") as caught:
        open_image(tmp_path / "a.png", axes="YX")
    assert caught.value.setting == "axes"


def test_there_is_no_second_image(tmp_path):
    CASES["gray"].save(tmp_path / "a.png")
    assert open_image(tmp_path / "a.png", series=0).shape == (20, 30)
    with pytest.raises(FileError, match=r"has no image 1; those that it has: 0 \(20×30 YX\)") as caught:
        open_image(tmp_path / "a.png", series=1)
    assert caught.value.setting == "series"


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("size", [8, 20, 40, 0.5, -20])
def test_one_that_was_cut_off_is_refused(tmp_path, case, size):
    CASES[case].save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "b.png").write_bytes(whole[: int(size * len(whole)) if size == 0.5 else size])
    with pytest.raises(FileError, match=r"The PNG file .*b\.png is damaged or cut off: "):
        open_image(tmp_path / "b.png")


@pytest.mark.parametrize(
    "data",
    [
        with_header(20, 30, colour=5),
        with_header(0, 30),
        with_header(20, 30, depth=7),
        with_header(20, 30).replace(b"IHDR", b"IHDX"),
        with_header(20, 30, data=b"\0" * 100),
    ],
    ids=["colour type", "no width", "depth", "no header", "too few pixels"],
)
def test_one_with_a_wrong_header_is_refused(tmp_path, data):
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(FileError, match=r"The PNG file .*a\.png is damaged or cut off: "):
        open_image(tmp_path / "a.png")


def test_a_header_that_promises_more_than_the_file_can_hold_takes_no_memory(tmp_path):
    (tmp_path / "a.png").write_bytes(with_header(900_000, 900_000, depth=16, colour=6))
    with pytest.raises(FileError, match=r"its \d+ bytes cannot hold the 900000×900000 pixels"):
        open_image(tmp_path / "a.png")


def test_a_large_plane_of_zeros_which_takes_next_to_no_room_is_read(tmp_path):
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(np.zeros((4000, 5000), "uint16")))
    assert open_image(tmp_path / "a.png").shape == (4000, 5000)
