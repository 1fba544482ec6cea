"""The command ``noise`` on images whose noise is known."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image
from typer.testing import CliRunner

import napari_blindspot
from napari_blindspot.cli.app import app
from napari_blindspot.cli.noise_measurement import measure_channels
from napari_blindspot.files.image_file import ImageFile
from napari_blindspot.files.lazy_array import LazyArray
from napari_blindspot.noise.estimate import estimate_noise

GAIN, READ, MEDIAN = 2.0, 5.0, 505.0


def photographed(gain: float = GAIN, seed: int = 0, size: int = 192) -> np.ndarray:
    """Return smooth waves of 10-1000, of median 505, with shot noise of this gain and read noise."""
    y, x = np.mgrid[:size, :size] / size
    truth = 505 + 495 * np.sin(6 * x) * np.cos(5 * y)
    rng = np.random.default_rng(seed)
    return (gain * rng.poisson(truth / gain) + rng.normal(0, READ, truth.shape)).astype(np.float32)


def save(name: str, image: np.ndarray, axes: str = "YX") -> None:
    tifffile.imwrite(name, image, photometric="minisblack", metadata={"axes": axes}, ome=True)


@pytest.fixture
def noise(tmp_path, monkeypatch):
    """Run ``noise`` in the test's folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, ["noise", *arguments])


@pytest.fixture
def picture_of(noise):
    """Run ``noise --picture`` on an image and return the PNG that it drew."""

    def draw(image: np.ndarray, axes: str = "YX") -> Image.Image:
        save("cells.tif", image, axes)
        done = noise("cells.tif", "--picture", "noise.png")
        assert done.exit_code == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "noise.png"
        return Image.open("noise.png")

    return draw


def row(table: str, name: str) -> str:
    """Return what a table says after the name of a row."""
    (line,) = (line for line in table.splitlines() if line.strip().startswith(name))
    return line.strip().removeprefix(name).strip()


def test_the_table_shows_the_gain_within_5_percent_and_what_auto_would_do(noise):
    save("cells.tif", photographed())
    done = noise("cells.tif")
    assert done.exit_code == 0, done.stderr
    value, plus_minus, error, *_ = row(done.stdout, "gain").split()
    assert float(value) == pytest.approx(GAIN, rel=0.05)
    assert plus_minus == "±"
    assert 0 < float(error) < 0.1
    assert float(row(done.stdout, "sigma").split()[0]) == pytest.approx(
        np.sqrt(GAIN * MEDIAN + READ**2), rel=0.05
    )
    for axis in "xy":
        assert abs(float(row(done.stdout, f"correlation {axis}").split()[0])) < 0.03
    assert row(done.stdout, "reach").startswith("0 px")
    assert row(done.stdout, "clipped high").startswith("0 %")
    assert done.stdout.splitlines()[-1] == (
        "Noise nearly independent from pixel to pixel → 0-pixel gap, 89% visible."
    )


def test_correlations_along_x_and_y_are_not_mixed_up(noise):
    white = np.random.default_rng(0).normal(size=(192, 193))
    save("cells.tif", 100 + 10 * (white[:, 1:] + white[:, :-1]) / np.sqrt(2))
    done = noise("cells.tif")
    assert float(row(done.stdout, "correlation x").split()[0]) == pytest.approx(0.5, abs=0.03)
    assert float(row(done.stdout, "correlation y").split()[0]) == pytest.approx(0.0, abs=0.03)


def test_clipped_pixels_are_shown_in_percent(noise):
    clipped = np.minimum(photographed(), 900)
    save("cells.tif", clipped)
    share = float(row(noise("cells.tif").stdout, "clipped high").split()[0])
    assert share == pytest.approx(100 * (clipped == 900).mean(), rel=0.06)


def test_json_holds_the_model_and_the_sentence_and_nothing_else_is_printed(noise):
    image = photographed()
    save("cells.tif", image)
    done = noise("cells.tif", "--json")
    figures = json.loads(done.stdout)
    sentence = figures.pop("sentence")
    assert sentence == "Noise nearly independent from pixel to pixel → 0-pixel gap, 89% visible."
    assert figures.pop("channel") == 0
    assert figures.pop("warnings") == []
    assert figures == estimate_noise(image).as_dict()
    assert figures["gain"] == pytest.approx(GAIN, rel=0.05)


def test_a_large_image_is_spoken_of_before_it_is_measured(noise, monkeypatch):
    monkeypatch.setattr("napari_blindspot.cli.noise.QUICK", 64 * 64)
    save("large.tif", photographed(size=65))
    save("small.tif", photographed(size=64))
    assert noise("large.tif").stderr == "Measuring the noise on planes of 65×65 pixels.\n"
    assert noise("small.tif").stderr == ""


def test_every_channel_of_a_file_is_measured_on_its_own(noise):
    save("cells.tif", np.stack([photographed(), photographed(8.0)]), "CYX")
    both = json.loads(noise("cells.tif", "--json").stdout)
    assert [one["channel"] for one in both] == [0, 1]
    assert [one["gain"] for one in both] == pytest.approx([GAIN, 8.0], rel=0.05)
    second = json.loads(noise("cells.tif", "--json", "--channel", "1").stdout)
    assert second == both[1]
    tables = noise("cells.tif").stdout
    assert [line for line in tables.splitlines() if line.startswith("Channel")] == [
        "Channel 0",
        "Channel 1",
    ]


def test_the_colours_of_an_rgb_image_are_told_by_name_and_its_transparency_is_left_out(noise):
    grey = np.clip(photographed() / 5, 0, 255).astype(np.uint8)
    opaque = np.full_like(grey, 255)
    Image.fromarray(np.dstack([grey, grey, grey, opaque])).save("cells.png")
    tables = noise("cells.png").stdout
    titles = [line for line in tables.splitlines() if line.startswith("Channel")]
    assert titles == ["Channel 0 (red)", "Channel 1 (green)", "Channel 2 (blue)"]


def test_of_a_long_stack_evenly_spaced_planes_are_measured(noise):
    stack = np.stack([photographed(seed=seed, size=48) for seed in range(70)])
    save("stack.tif", stack, "ZYX")
    assert row(noise("stack.tif").stdout, "planes").startswith("24 of 70")
    figures = json.loads(noise("stack.tif", "--json").stdout)
    # Numbers 0, 3, 6, …, 69.
    expected = estimate_noise(stack[::3]).as_dict()
    assert {name: figures[name] for name in expected} == expected


def test_planes_that_are_not_measured_are_not_looked_at_either(noise):
    stack = np.stack([photographed(seed=seed, size=48) for seed in range(70)])
    stack[1, 5, 6] = np.inf
    save("stack.tif", stack, "ZYX")
    done = noise("stack.tif")
    assert done.exit_code == 0, done.stderr
    stack[3, 5, 6] = np.inf
    save("stack.tif", stack, "ZYX")
    assert "Plane Z=3: The image has 1 infinite pixel" in noise("stack.tif").stderr


def test_only_the_planes_that_are_measured_are_read():
    stack = np.stack([photographed(seed=seed, size=48) for seed in range(70)])
    read = []

    def plane(index: tuple[int, ...]) -> np.ndarray:
        read.append(index)
        return stack[index]

    (found,) = measure_channels(ImageFile(LazyArray(stack.shape, stack.dtype, plane), "ZYX"))
    assert read == [(number,) for number in range(0, 70, 3)]
    assert (found.measured, found.planes) == (24, 70)


def test_the_axes_can_be_named_where_the_file_does_not_say_them(noise):
    stack = np.stack([photographed(), photographed(8.0)])
    tifffile.imwrite("cells.tif", stack, photometric="minisblack")
    as_stack = json.loads(noise("cells.tif", "--axes", "ZYX", "--json").stdout)
    assert as_stack["channel"] == 0
    as_channels = json.loads(noise("cells.tif", "--axes", "CYX", "--json").stdout)
    assert [one["gain"] for one in as_channels] == pytest.approx([GAIN, 8.0], rel=0.05)


def test_one_of_several_images_of_a_file_is_chosen(noise):
    with tifffile.TiffWriter("two.tif", ome=True) as writer:
        for gain in (GAIN, 8.0):
            writer.write(photographed(gain), photometric="minisblack", metadata={"axes": "YX"})
    done = noise("two.tif")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--series" in done.stderr
    figures = json.loads(noise("two.tif", "--series", "1", "--json").stdout)
    assert figures["gain"] == pytest.approx(8.0, rel=0.05)


def test_a_file_without_noise_says_so_in_one_sentence_and_ends_well(noise, tmp_path):
    save("flat.tif", np.full((64, 64), 7, np.uint8))
    done = noise("flat.tif")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == "Nothing could be measured: all pixels have the same value, 7.\n"
    figures = json.loads(noise("flat.tif", "--json").stdout)
    assert figures["measured"] is False
    assert figures["sentence"] == done.stdout.strip()
    done = noise("flat.tif", "--picture", "flat.png")
    assert done.exit_code == 0
    assert done.stderr == "There is nothing to draw, so flat.png was not written.\n"
    assert not (tmp_path / "flat.png").exists()


def test_a_saturated_file_is_said_to_be_clipped(noise):
    save("mask.tif", np.where(np.random.default_rng(0).random((64, 64)) < 0.4, 0, 255).astype(np.uint8))
    assert noise("mask.tif").stdout.startswith(
        "Nothing could be measured: 40 % of the pixels are clipped at"
    )


def test_the_picture_shows_a_rising_line_a_histogram_and_the_correlation(picture_of):
    with picture_of(photographed()) as png:
        assert png.format == "PNG"
        pixels = np.asarray(png.convert("RGB")).astype(int)
    left, right = np.array_split(pixels, [850], axis=1)
    blue = np.abs(left - (33, 102, 172)).sum(-1) == 0
    # Letters above the plot are blue too; within it, the line climbs from left to right.
    blue[:86] = False
    y, x = np.nonzero(blue)
    assert np.ptp(x) > 650
    assert y[x < x.min() + 50].mean() > y[x > x.max() - 50].mean() + 200
    # White noise: of the map's 7 × 7 cells only the centre is blue.
    y, x = np.nonzero(np.abs(right - (33, 102, 172)).sum(-1) == 0)
    assert 60 <= np.ptp(y) <= 80
    assert 60 <= np.ptp(x) <= 80


def test_the_map_of_correlated_noise_is_blue_beyond_its_centre(picture_of):
    white = np.random.default_rng(0).normal(size=(192, 193))
    with picture_of(100 + 10 * (white[:, 1:] + white[:, :-1]) / np.sqrt(2)) as png:
        pixels = np.asarray(png.convert("RGB")).astype(int)[:, 850:]
    bluish = pixels[..., 2] - pixels[..., 0] > 50
    y, x = np.nonzero(bluish)
    assert np.ptp(x) > 2.5 * np.ptp(y)


def test_the_picture_has_a_row_for_each_channel(picture_of):
    with picture_of(photographed()) as one:
        height = one.height
    save("cells.tif", np.stack([photographed(), photographed(8.0)]), "CYX")
    done = CliRunner().invoke(app, ["noise", "cells.tif", "--picture", "noise.png", "--overwrite"])
    assert done.exit_code == 0, done.stderr
    with Image.open("noise.png") as two:
        assert two.height == 2 * height


def test_a_picture_without_matplotlib_is_refused_before_anything_is_measured(noise, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    save("cells.tif", photographed(size=64))
    done = noise("cells.tif", "--picture", "noise.png")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        "Error: A picture needs matplotlib, which is not installed: "
        'pip install "napari-blindspot[plots]".\n'
    )
    assert noise("cells.tif").exit_code == 0


def test_a_picture_that_is_there_is_replaced_only_when_asked(noise, tmp_path):
    save("cells.tif", photographed(size=64))
    (tmp_path / "noise.png").write_text("precious")
    done = noise("cells.tif", "--picture", "noise.png")
    assert done.exit_code == 2
    assert done.stderr == (
        "Error: The picture noise.png is there already; give --overwrite or another name.\n"
    )
    assert (tmp_path / "noise.png").read_text() == "precious"
    assert noise("cells.tif", "--picture", "noise.png", "--overwrite").exit_code == 0
    with Image.open("noise.png") as png:
        assert png.format == "PNG"


def sharpened(plane: np.ndarray) -> np.ndarray:
    for _ in range(2):
        beside = sum(np.roll(plane, step, axis) for step in (1, -1) for axis in (0, 1)) / 4
        plane = plane + 0.7 * (plane - beside)
    return plane


PROCESSED = {
    "pixels doubled": (lambda y: np.kron(y[::2, ::2], np.ones((2, 2))), "bin the image by 2×2 first."),
    "sharpened": (sharpened, "denoise the image before it is sharpened."),
    "few levels": (lambda y: np.floor(y / 60), "store the image in more levels"),
    "stripes": (
        lambda y: y + 40 * np.sin(2 * np.pi * np.arange(len(y))[:, None] / 7.3),
        "Stripes that repeat every 7.3 rows",
    ),
}


@pytest.mark.parametrize("kind", PROCESSED)
def test_what_was_done_to_the_pixels_is_said_as_a_fit_says_it(kind, noise):
    process, words = PROCESSED[kind]
    save("cells.tif", process(photographed(size=96)).astype(np.float32))
    done = noise("cells.tif")
    assert done.exit_code == 0, done.stderr
    assert words in done.stdout.splitlines()[-1]


def test_json_holds_what_was_done_to_the_pixels(noise):
    save("cells.tif", np.repeat(photographed(size=64)[::2], 2, axis=0))
    (warning,) = json.loads(noise("cells.tif", "--json").stdout)["warnings"]
    assert warning.startswith("Rows are stored several times (2×1 equal ones in y and x)")


BAD = {
    "a file that is not there": (("none.tif",), "Cannot read none.tif: No such file"),
    "a folder": (("folder",), "Cannot read folder: "),
    "a text file": (("notes.txt",), "The file notes.txt is no image that can be read"),
    "a mask": (("mask.tif",), "The image is boolean (a mask), but intensities are needed"),
    "a small plane": (("small.tif",), "The plane is 9×9 pixels, but at least 16×16 are needed."),
    "an infinite pixel in a stack": (("infinite.tif",), "Plane Z=1: The image has 1 infinite pixel"),
    "a channel that is not there": (
        ("good.tif", "--channel", "1"),
        "There is no channel 1; the only one is 0 (--channel NUMBER).",
    ),
    "a picture that is no PNG": (("good.tif", "--picture", "a.jpg"), "so its name must end in .png."),
    "a picture in no folder": (("good.tif", "--picture", "no/a.png"), "no does not exist; create it"),
    "the input as picture": (("good.png", "--picture", "good.png", "--overwrite"), "is the input itself"),
    "an unknown option": (("good.tif", "--nonsense"), "No such option: --nonsense"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_ends_in_one_sentence_and_nothing_is_written(case, noise, tmp_path):
    good = photographed(size=32)
    save("good.tif", good)
    Image.fromarray(good.astype(np.uint8)).save("good.png")
    tifffile.imwrite("mask.tif", good > 50)
    save("small.tif", good[:9, :9])
    infinite = np.stack([good, good])
    infinite[1, 3, 4] = np.inf
    save("infinite.tif", infinite, "ZYX")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "folder").mkdir()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    arguments, sentence = BAD[case]
    done = noise(*arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert [line.startswith("Error: ") for line in done.stderr.splitlines()].count(True) == 1
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_measuring_loads_no_torch(tmp_path):
    path = tmp_path / "cells.tif"
    save(str(path), photographed(size=64))
    code = (
        "import sys; from napari_blindspot import estimate_noise\n"
        "from napari_blindspot.cli.app import app\n"
        f"app(['noise', {str(path)!r}, '--picture', {str(tmp_path / 'a.png')!r}], standalone_mode=False)\n"
        "assert not {'torch', 'qtpy', 'napari'} & set(sys.modules), 'loaded too much'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "gain" in done.stdout


def test_estimate_noise_is_a_public_name_of_the_package():
    assert napari_blindspot.estimate_noise is estimate_noise
    assert "estimate_noise" in dir(napari_blindspot)
