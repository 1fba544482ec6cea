"""Scales, stabilisation, blind spots and losses, for whatever numbers there are."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from napari_blindspot.core.plane import cast_like
from napari_blindspot.engine.scaling import Scaling
from napari_blindspot.method.hole_geometry import hole_radius, target_spacing
from napari_blindspot.method.losses import masked_l1
from napari_blindspot.method.masks import MASKS, dilate, invisible_set, sample_visible
from napari_blindspot.method.symmetry import SYMMETRIES, turn, turn_back
from napari_blindspot.noise.anscombe import Anscombe

INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32)]
SIDES = st.tuples(st.integers(1, 9), st.integers(1, 9))


@st.composite
def planes(draw, dtypes=(*INTEGERS, "float32", "float64")):
    """Draw a plane of any dtype, whose floats may be NaN, up to 2**50."""
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    values = None
    if dtype.kind == "f":
        size = 2.0**50
        finite = st.floats(-size, size, width=32)
        values = st.one_of(st.just(np.nan), finite)
    return draw(arrays.arrays(dtype, SIDES, elements=values))


@given(planes())
def test_what_is_scaled_and_scaled_back_is_what_it_was(plane):
    values = plane[np.isfinite(plane)].astype(np.float64)
    assume(values.size and values.max() > values.min())
    scaling = Scaling.of(plane)
    back = scaling.invert(scaling.apply(plane))
    assert np.array_equal(np.isnan(back), np.isnan(plane.astype(np.float64)))
    # float32 has 24 bits of what lies between 0 and 1, and of what lies outside of it.
    reach = np.maximum(np.abs(values - scaling.low), np.abs(scaling.high - scaling.low))
    error = np.abs(back[np.isfinite(plane)] - values)
    assert (error <= 2.0**-22 * reach + 2.0**-40 * np.abs(values)).all()
    assert scaling.low >= values.min() and scaling.high <= values.max()


@given(planes(dtypes=("float64",)), st.sampled_from([*INTEGERS, "int64", "uint64"]))
def test_integers_are_the_nearest_that_there_are(plane, name):
    plane = np.nan_to_num(plane)
    dtype, limits = np.dtype(name), np.iinfo(name)
    cast = cast_like(plane, dtype)
    assert cast.dtype == dtype
    for value, whole in zip(plane.ravel().tolist(), cast.ravel().tolist(), strict=True):
        nearest = min(max(round(value), limits.min), limits.max)
        # float64 has no neighbour of the 64-bit limits that is closer than this.
        assert whole == nearest or (dtype.itemsize == 8 and abs(whole - nearest) <= 2048)


@given(
    st.floats(0.0, 1e4),
    st.floats(-1e6, 1e6),
    arrays.arrays(np.float64, st.integers(2, 20), elements=st.floats(-1e7, 1e7)),
)
@example(0.0, 0.0, np.array([-1.0, 0.0, 1.0]))
@example(1e-300, 1.0, np.array([0.0, 1.0]))
def test_stabilising_keeps_the_order_of_intensities_and_is_undone_up_to_its_bias(gain, offset, intensities):
    transform = Anscombe(gain, offset)
    ordered = np.sort(intensities)
    stable = transform.forward(ordered)
    back = transform.inverse(stable)
    assert np.isfinite(stable).all() and np.isfinite(back).all()
    assert (np.diff(stable) >= 0).all() and (np.diff(back) >= -1e-9 * np.abs(back[1:])).all()
    # Where counts are many, the unbiased inverse lies a quarter of a count above the algebraic one.
    many = gain * ordered + offset > 100 * gain**2
    size = np.abs(ordered) + abs(offset / gain if gain else 0.0)
    assert (np.abs(back - ordered)[many] <= 0.3 * gain + 1e-6 * size[many]).all()


@given(SIDES.flatmap(lambda sides: arrays.arrays(bool, (2, *sides))), st.integers(0, 3))
def test_the_invisible_set_is_what_is_valid_and_far_from_all_that_is_visible(masks, radius):
    visible, valid = masks
    seen, hidden = torch.from_numpy(visible & valid), torch.from_numpy(valid)
    invisible = invisible_set(seen, hidden, radius).numpy()
    grown = dilate(seen, radius).numpy()
    places = np.argwhere(visible & valid)
    for place in np.argwhere(np.ones_like(valid)):
        nearest = np.abs(places - place).sum(1).min() if len(places) else np.inf
        assert grown[tuple(place)] == (nearest <= radius)
        assert invisible[tuple(place)] == (valid[tuple(place)] and nearest > radius)


@given(arrays.arrays(bool, SIDES), st.floats(0.01, 0.99), st.integers(0, 2**63 - 1))
def test_only_valid_pixels_are_visible(valid, fraction, seed):
    mask = torch.from_numpy(valid)
    drawn = sample_visible(mask, fraction, torch.Generator().manual_seed(seed))
    assert drawn.shape == mask.shape and not (drawn & ~mask).any()


@given(
    st.sampled_from(sorted(MASKS)),
    st.integers(0, 3),
    st.floats(0.2, 0.95),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.integers(0, 2**32),
)
def test_every_pixel_is_a_target_once_and_sees_nothing_within_the_gap(name, gap, fraction, sides, seed):
    mask = MASKS[name](gap, fraction)
    assume(mask.covers <= 400)
    generator = torch.Generator().manual_seed(seed)
    times = torch.zeros(1, 1, *sides, dtype=torch.int)
    for targets, visible in mask.cover(*sides, generator):
        times += targets
        assert not (dilate(targets, gap) & visible).any()
    assert (times == 1).all()


@given(st.integers(0, 3), st.floats(0.01, 0.99))
def test_targets_lie_so_far_apart_that_the_asked_fraction_stays_visible(gap, fraction):
    spacing, reach = target_spacing(gap, fraction), np.arange(-gap, gap + 1)
    area = (reach[:, None] ** 2 + reach**2 <= hole_radius(gap) ** 2).sum()
    assert area / spacing**2 <= (1 - fraction) * (1 + 1e-5)
    assert spacing == 2 or area / (spacing - 1) ** 2 > (1 - fraction) * (1 - 1e-5)


@given(
    arrays.arrays(np.float32, (3, 4), elements=st.floats(-1e3, 1e3, width=32)),
    arrays.arrays(np.float32, (3, 4), elements=st.floats(-1e3, 1e3, width=32)),
    arrays.arrays(bool, (3, 4)),
)
def test_a_loss_is_the_mean_difference_over_its_set_and_nothing_outside_changes_it(a, b, mask):
    loss = masked_l1(torch.from_numpy(a), torch.from_numpy(b), torch.from_numpy(mask)).item()
    expected = np.abs(a.astype(float) - b)[mask].mean() if mask.any() else 0.0
    assert abs(loss - expected) <= 1e-4 * (1 + expected)
    shouted = np.where(mask, a, a + np.float32(1e6))
    other = masked_l1(torch.from_numpy(shouted), torch.from_numpy(b), torch.from_numpy(mask)).item()
    assert other == loss


@given(SIDES, st.integers(0, SYMMETRIES - 1))
def test_a_turned_plane_has_the_same_pixels_and_is_turned_back(sides, number):
    plane = torch.arange(sides[0] * sides[1], dtype=torch.float32).view(1, 1, *sides)
    turned = turn(plane, number)
    assert sorted(turned.flatten().tolist()) == plane.flatten().tolist()
    assert torch.equal(turn_back(turned, number), plane)
