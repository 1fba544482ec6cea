import numpy as np
import pytest

from napari_blindspot.core.plane import cast_like
from napari_blindspot.engine.scaling import Scaling


def test_scaling_is_undone_exactly_enough_for_every_16_bit_value():
    plane = np.arange(2**16, dtype=np.uint16).reshape(256, 256)
    scaling = Scaling.of(plane)
    back = cast_like(scaling.invert(scaling.apply(plane)), plane.dtype)
    assert np.array_equal(back, plane)


def test_a_hot_pixel_does_not_set_the_scale():
    plane = np.random.default_rng(0).normal(100, 5, (64, 64))
    with_hot = plane.copy()
    with_hot[3, 3] = 1e9
    assert Scaling.of(with_hot).high < 130


def test_an_almost_black_plane_is_scaled_by_its_few_bright_pixels():
    plane = np.zeros((100, 100))
    plane[5, 5] = 10
    scaling = Scaling.of(plane)
    assert (scaling.low, scaling.high) == (0, 10)


def test_nan_pixels_do_not_disturb_the_scale():
    plane = np.linspace(0, 1, 400).reshape(20, 20)
    holed = plane.copy()
    holed[0, 0] = np.nan
    assert Scaling.of(holed).high == pytest.approx(Scaling.of(plane).high, abs=1e-2)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int64", "uint64"])
def test_integers_are_rounded_and_clipped_never_wrapped(dtype):
    limits = np.iinfo(dtype)
    values = np.array([-1e30, limits.min, 1.4, 1.6, 1e30])
    out = cast_like(values, np.dtype(dtype))
    assert out.dtype == dtype
    assert out[0] == out[1] == limits.min
    assert out[2:4].tolist() == [1, 2]
    assert out[4] >= limits.max - 2048  # float64 has no closer neighbour to a 64-bit limit


def test_floats_outside_the_range_of_the_dtype_are_clipped_and_nan_stays():
    out = cast_like(np.array([1e30, -1e30, np.nan, 0.5]), np.dtype(np.float16))
    assert out[0] == np.finfo(np.float16).max
    assert out[1] == -np.finfo(np.float16).max
    assert np.isnan(out[2])
    assert out[3] == 0.5


def test_a_thousandth_of_the_pixels_lies_beyond_each_end_of_the_scale():
    plane = np.arange(100_000, dtype=np.float64).reshape(250, 400)
    scaled = Scaling.of(plane).apply(plane)
    assert (scaled < 0).mean() == pytest.approx(0.001, abs=1e-4)
    assert (scaled > 1).mean() == pytest.approx(0.001, abs=1e-4)
