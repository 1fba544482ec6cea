"""Axes, files and the records of runs, for whatever shapes, types, scales and settings there are."""

from __future__ import annotations

import json
import string
from typing import get_args, get_origin

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from napari_blindspot import denoise
from napari_blindspot.cli.options import SettingsOptions
from napari_blindspot.core.errors import BlindspotError, ImageError, SettingsError
from napari_blindspot.files.axes import check_axes, fold_channels, guess_axes, planes_last, split_axis
from napari_blindspot.files.door import Spacing, WriteOptions, open_image, write_image
from napari_blindspot.files.formats.registry import writers
from napari_blindspot.files.image_file import ImageFile
from napari_blindspot.files.lazy_array import LazyArray
from napari_blindspot.files.read_options import parse_voxel_size, spell_voxel_size
from napari_blindspot.settings import PRESETS, Settings, setting_fields

LETTERS = st.text(st.sampled_from("TZCYXSAEHLMPRVsQI?"), min_size=1, max_size=6)
STEPS = st.floats(1e-6, 1e6)
NAMES = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"),
    min_size=1,
    max_size=8,
)
COLORS = st.integers(0, 2**24 - 2).map("#{:06x}".format)

SHORT = Settings.from_preset(
    "fast", iterations=1, refine_iterations=(), symmetries=1, unet_width=4, inr_features=4, device="cpu"
)


def lazy(pixels: np.ndarray) -> LazyArray:
    return LazyArray(pixels.shape, pixels.dtype, pixels.__getitem__)


@given(st.lists(st.integers(1, 20), max_size=6).map(tuple), LETTERS | st.just(""))
def test_axes_are_named_once_each_or_refused_in_one_sentence(shape, named):
    try:
        axes, _ = guess_axes(shape, named)
    except ImageError as error:
        assert "\n" not in str(error) and error.setting == "axes"
        return
    assert len(axes) == len(shape) == len(set(axes))
    assert {"Y", "X"} <= set(axes)


@given(st.lists(st.integers(1, 20), max_size=6).map(tuple), st.text(max_size=8) | LETTERS)
def test_what_a_user_calls_the_axes_is_taken_or_refused_in_one_sentence(shape, said):
    try:
        axes = check_axes(said, shape)
    except ImageError as error:
        assert error.setting == "axes"
        return
    assert len(set(axes)) == len(shape) and axes == said.strip().upper()


@given(st.data())
def test_placing_axes_loses_no_pixel_and_is_the_same_for_what_is_read_later(data):
    kinds = st.sampled_from(["YX", "TYX", "ZCYX", "AZPYX", "TYXS"])
    axes = "".join(data.draw(st.permutations(data.draw(kinds))))
    shape = tuple(data.draw(st.integers(1, 4)) for _ in axes)
    pixels = np.arange(np.prod(shape)).reshape(shape)
    placed, letters = planes_last(pixels, axes)
    assert letters.endswith("YXS" if "S" in axes else "YX") and sorted(letters) == sorted(axes)
    assert np.array_equal(placed.transpose([letters.index(letter) for letter in axes]), pixels)
    later, again = planes_last(lazy(pixels), axes)
    assert again == letters and np.array_equal(np.asarray(later), placed)
    folded, ended, names, _ = fold_channels(placed, letters)
    as_well, *_ = fold_channels(later, letters)
    assert np.array_equal(np.asarray(as_well), folded)
    assert set(ended) <= set("TZCYXS") and len(ended) == folded.ndim
    assert sorted(folded.ravel().tolist()) == pixels.ravel().tolist()
    assert not names or len(names) == folded.shape[ended.index("C")]


@given(st.integers(1, 30), st.integers(2, 9), st.sampled_from("TZC"))
def test_images_that_stand_in_turn_are_told_apart_where_their_number_fits(length, count, letter):
    pixels = np.arange(length * 6).reshape(length, 2, 3)
    known = "Z" if letter != "Z" else "T"
    try:
        parted, axes = split_axis(pixels, f"{known}YX", f"{count}:{letter}")
    except ImageError as error:
        assert length % count and error.setting == "split"
        return
    assert axes == f"{known}{letter}YX"
    for turn in range(count):
        assert np.array_equal(parted[:, turn], pixels[turn::count])


@given(st.lists(STEPS, min_size=2, max_size=3))
def test_a_voxel_size_is_read_as_it_was_spelled(size):
    assert parse_voxel_size(spell_voxel_size(size)) == tuple(size)


@st.composite
def images(draw, dtypes):
    """Draw an image with whatever a file can hold beside its pixels."""
    axes = draw(st.sampled_from(["YX", "ZYX", "TYX", "CYX", "TCYX", "CZYX", "TCZYX"]))
    # An OME-TIFF has no axes of length 1.
    shape = tuple(draw(st.integers(2, 3)) for _ in axes[:-2]) + tuple(
        draw(st.integers(1, 40)) for _ in "YX"
    )
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    seeds = st.integers(0, 2**32)
    values = np.random.default_rng(draw(seeds)).integers(0, 2**63, shape, np.uint64)
    pixels = values.view(np.float64).astype(dtype) if dtype.kind == "f" else values.astype(dtype)
    if dtype.kind == "f":
        pixels = np.where(np.isinf(pixels), np.nan, pixels)
    spacing = {
        letter: Spacing(draw(STEPS), "s" if letter == "T" else "µm") for letter in axes if letter != "C"
    }
    spacing = draw(st.sampled_from([{}, spacing]))
    # OME-XML has a place for planes, and none for times.
    origin = {letter: draw(st.floats(-1e6, 1e6)) for letter in spacing if letter != "T"}
    channels = shape[axes.index("C")] if "C" in axes else 0
    names = tuple(draw(NAMES) for _ in range(channels))
    colors = tuple(draw(COLORS) for _ in range(channels))
    return ImageFile(pixels, axes, spacing, names, (), colors, origin)


@pytest.mark.parametrize("writer", writers(), ids=lambda writer: writer.name)
@settings(max_examples=max(1, settings().max_examples // 2))
@given(data=st.data())
def test_what_is_written_is_read_with_the_same_pixels_axes_and_scale(tmp_path_factory, writer, data):
    image = data.draw(images(writer.dtypes))
    options = WriteOptions(
        compression=data.draw(st.sampled_from(["none", "zlib", "zstd"])),
        tile=16,
        pyramid=data.draw(st.booleans()),
        ngff=data.draw(st.sampled_from(["0.4", "0.5"])),
    )
    path = tmp_path_factory.mktemp("out") / f"a{writer.endings[0]}"
    write_image(path, image, image.array.__getitem__, image.dtype, options=options)
    again = open_image(path)
    assert (again.axes, again.shape, again.dtype) == (image.axes, image.shape, image.dtype)
    assert np.array_equal(np.asarray(again.array), image.array, equal_nan=image.dtype.kind == "f")
    assert again.spacing.keys() == image.spacing.keys()
    for letter, spacing in image.spacing.items():
        found = again.spacing[letter]
        assert found.convert(spacing.step, spacing.unit) == pytest.approx(found.step, rel=1e-12)
    for letter, start in image.origin.items():
        # A place of 0 is where an image is that has none.
        assert again.origin.get(letter, 0.0) == pytest.approx(start, rel=1e-12)
    assert (again.channel_names, again.channel_colors) == (image.channel_names, image.channel_colors)


def possible(name: str, field) -> st.SearchStrategy:
    """Return values that a knob may have, by its own description."""
    kinds = [kind for kind in (get_args(field.annotation) or [field.annotation]) if kind is not type(None)]
    limits = {
        key: getattr(one, key)
        for one in field.metadata
        for key in ("ge", "gt", "le", "lt")
        if hasattr(one, key)
    }
    if name == "losses":
        return st.just(("denoising",)) | st.just(("denoising", "inr", "consistency"))
    if name in ("inr_dropout", "refine_iterations"):
        number = st.floats(0, 0.9) if name == "inr_dropout" else st.integers(0, 99)
        return st.lists(number, min_size=1, max_size=4).map(tuple)
    if name in ("device", "mask"):
        return st.sampled_from({"device": ["auto", "cpu"], "mask": ["disc"]}[name])
    if get_origin(field.annotation) is not None and not {int, float, bool} & set(kinds):
        return st.sampled_from(list(get_args(field.annotation)))
    if bool in kinds:
        return st.booleans()
    low, high = limits.get("ge", limits.get("gt", 0)), limits.get("le", limits.get("lt", 2**62))
    if int in kinds:
        return st.integers(int(low), int(high) - ("lt" in limits))
    return st.floats(low, high, exclude_min="gt" in limits, exclude_max="lt" in limits)


@given(st.data())
def test_settings_come_back_from_json_from_their_overrides_and_from_the_command_line(data):
    preset = data.draw(st.sampled_from(PRESETS))
    fields = {name: one for name, one in setting_fields(preset).items() if name != "preset"}
    chosen = data.draw(st.lists(st.sampled_from(sorted(fields)), unique=True, max_size=6))
    values = {name: data.draw(possible(name, fields[name])) for name in chosen}
    try:
        given_ = Settings.from_preset(preset, **values)
    except SettingsError as error:
        # Values that are possible one by one need not fit together.
        assert "\n" not in str(error)
        assume(False)
    assert Settings.parse(given_.model_dump_json()) == given_
    assert Settings.parse(given_.model_dump(mode="json")) == given_
    assert Settings.from_preset(preset, **given_.overrides()) == given_
    spelled = [f"{name}={spelling_of(given_, name)}" for name in given_.overrides()]
    nothing = {one.name: None for one in SettingsOptions.parameters()}
    said = SettingsOptions.gather({**nothing, "preset": preset, "set": spelled})
    assert Settings.from_preset(said.preset, **said.overrides) == given_


def spelling_of(made: Settings, name: str) -> str:
    return json.dumps(made.model_dump(mode="json")[name])


SAID = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=3),
)


@given(
    st.dictionaries(
        st.text(string.ascii_lowercase, max_size=9) | st.sampled_from(list(setting_fields())),
        SAID,
        max_size=4,
    )
)
def test_whatever_is_said_of_settings_is_taken_or_refused_in_one_sentence(values):
    try:
        made = Settings.parse(values)
    except SettingsError as error:
        assert "\n" not in str(error)
        return
    assert Settings.parse(made.model_dump_json()) == made


@settings(max_examples=max(1, settings().max_examples // 2))
@given(
    st.sampled_from(["uint8", "int16", "uint16", "int32", "float32", "float64"]),
    st.tuples(st.integers(16, 24), st.integers(16, 24)),
    st.sampled_from([1e-20, 1.0, 1e20]),
    st.floats(0, 1),
    st.sampled_from(["input", "float32"]),
    st.integers(0, 2**32),
)
def test_any_plane_comes_back_with_its_shape_its_gaps_and_no_others(dtype, shape, size, gaps, output, seed):
    rng = np.random.default_rng(seed)
    noisy = rng.normal(100, 20, shape)
    plane = (noisy * size if np.dtype(dtype).kind == "f" else noisy).astype(dtype)
    if np.dtype(dtype).kind == "f":
        plane[rng.random(shape) < gaps] = np.nan
    short = SHORT.model_copy(update={"output_dtype": output, "mend_defects": bool(seed % 2)})
    try:
        result = denoise(plane, settings=short)
    except BlindspotError as error:
        assert "\n" not in str(error)
        return
    assert result.denoised.shape == plane.shape
    assert result.denoised.dtype == (plane.dtype if output == "input" else np.float32)
    assert np.array_equal(np.isnan(result.denoised), np.isnan(plane))
    assert not np.isinf(result.denoised).any()


@given(arrays.arrays(np.uint8, st.integers(0, 60)))
def test_bytes_that_are_no_image_are_refused_in_one_sentence(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("bytes") / "a.tif"
    path.write_bytes(content.tobytes())
    with pytest.raises(BlindspotError) as caught:
        open_image(path)
    assert "\n" not in str(caught.value)
