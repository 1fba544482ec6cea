from __future__ import annotations

import numpy as np
import pytest

from napari_blindspot.files.chunk_cache import planes_of_chunks

PIXELS = np.random.default_rng(0).integers(0, 1000, (4, 7, 5, 6)).astype(np.uint16)
PLANE = 5 * 6 * 2


def reader(chunk: tuple[int, ...], memory: int = 10**6):
    """Return what reads planes, and the parts that it has asked for."""
    reads = []

    def read(part):
        reads.append(part)
        return PIXELS[part]

    return planes_of_chunks(PIXELS.shape, chunk, 2, read, memory), reads


@pytest.mark.parametrize("chunk", [(1, 1, 5, 6), (1, 3, 5, 6), (2, 7, 2, 3), (9, 9, 9, 9)], ids=str)
def test_every_plane_is_the_one_that_is_asked_for(chunk):
    plane, _ = reader(chunk)
    for index in np.ndindex(4, 7):
        assert np.array_equal(plane(index), PIXELS[index])


def test_each_chunk_is_read_once_in_any_order_while_there_is_room():
    plane, reads = reader((2, 3, 5, 3))
    for index in reversed(list(np.ndindex(4, 7))):
        plane(index)
    assert len(reads) == 2 * 3


def test_the_chunk_that_was_used_longest_ago_makes_room_for_another():
    plane, reads = reader((1, 7, 5, 6), memory=2 * 7 * PLANE)
    for t in (0, 1, 0, 2, 0, 1):
        plane((t, 3))
    assert [part[0].start for part in reads] == [0, 1, 2, 1]


def test_chunks_that_are_too_large_together_are_not_held():
    plane, reads = reader((2, 7, 5, 3), memory=PLANE)
    plane((0, 0))
    plane((0, 1))
    assert reads == [(0, 0), (0, 1)]


def test_who_changes_a_plane_does_not_change_what_is_held():
    plane, _ = reader((1, 7, 5, 6))
    plane((0, 0))[:] = 0
    assert np.array_equal(plane((0, 0)), PIXELS[0, 0])
