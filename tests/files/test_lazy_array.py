from __future__ import annotations

import numpy as np
import pytest

from napari_blindspot.files.lazy_array import LazyArray

PIXELS = np.random.default_rng(0).integers(0, 1000, (3, 4, 2, 5, 6)).astype(np.uint16)


@pytest.fixture
def reads() -> list[tuple[int, ...]]:
    return []


@pytest.fixture
def array(reads) -> LazyArray:
    def read(index):
        reads.append(index)
        return PIXELS[index]

    return LazyArray(PIXELS.shape, PIXELS.dtype, read)


KEYS = [
    (1, 2, 0),
    (-1, -2, -1),
    (np.int64(1), 2, 0),
    1,
    slice(1, 3),
    (slice(None), 2),
    (slice(None, None, -1), slice(0, 4, 2), 1),
    (..., slice(None), slice(None)),
    (0, ...),
    (1, 2, 0, 3),
    (1, 2, 0, slice(1, 4), slice(2, 5)),
    (..., 2, 3),
    (slice(0, 2), 1, 0, slice(1, 3), 0),
]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_it_is_indexed_like_a_numpy_array(array, key):
    found = np.asarray(array[key])
    assert found.dtype == PIXELS.dtype
    assert np.array_equal(found, PIXELS[key])


def test_nothing_is_read_before_a_plane_is_asked_for(array, reads):
    part = array[1:, 2][..., :, :]
    assert (part.shape, part.ndim, part.size, part.nbytes) == ((2, 2, 5, 6), 4, 120, 240)
    assert reads == []
    assert np.array_equal(part[1, 0], PIXELS[2, 2, 0])
    assert reads == [(2, 2, 0)]


def test_a_part_of_a_part_and_an_iteration_give_the_same_pixels(array):
    assert np.array_equal(np.asarray(array[1:][0, ::2]), PIXELS[1:][0, ::2])
    assert all(np.array_equal(np.asarray(mine), theirs) for mine, theirs in zip(array, PIXELS, strict=True))


@pytest.mark.parametrize("key", [3, (0, 0, 0, 0, 0, 0), (0, 4), (..., 0, ...)], ids=str)
def test_an_index_that_does_not_fit_is_an_index_error(array, key):
    with pytest.raises(IndexError):
        array[key]


def test_each_plane_can_be_changed_on_the_way(array):
    halves = array.map(lambda plane: plane[::2], (3, 6))
    assert np.array_equal(np.asarray(halves), PIXELS[..., ::2, :])


def test_dask_reads_single_planes_of_it(array, reads):
    dask = pytest.importorskip("dask.array", reason="napari shows large files through dask")
    lazy = dask.from_array(array, chunks=(1, 1, 1, 5, 6), name=False)
    assert np.array_equal(lazy[2, 1].compute(), PIXELS[2, 1])
    assert sorted(reads) == [(2, 1, 0), (2, 1, 1)]


def test_the_samples_of_a_plane_are_read_once_as_planes_of_their_own(array, reads):
    colours = np.random.default_rng(0).integers(0, 255, (2, 4, 5, 3)).astype(np.uint8)

    def read(index):
        reads.append(index)
        return colours[index]

    planes = LazyArray(colours.shape, colours.dtype, read, plane_ndim=3).unstacked(2)
    assert (planes.shape, planes.plane_ndim) == ((2, 3, 4, 5), 2)
    # Sample by sample, as the channels of a stack are denoised.
    for sample in range(3):
        for t in range(2):
            assert np.array_equal(planes[t, sample], colours[t, ..., sample])
    assert reads == [(0,), (1,)]


def test_an_axis_before_three_others_of_a_plane_is_unstacked_as_well():
    pixels = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    planes = LazyArray(pixels.shape, pixels.dtype, lambda index: pixels, plane_ndim=4).unstacked(1)
    assert np.array_equal(np.asarray(planes), pixels.transpose(1, 0, 2, 3))
    assert planes.plane_ndim == 3
