"""Memory that was given back goes to the system, not only to the C library."""

import sys

import psutil
import pytest

from napari_blindspot.engine.hardware.heap import trim_heap

SMALL = 100_000
"""Bytes of a block that the C library takes from its heap, and does not ask the system for."""


@pytest.mark.skipif(sys.platform != "linux", reason="Only glibc can be asked for the memory that it keeps.")
def test_blocks_that_nobody_uses_go_to_the_system_although_a_later_one_is_in_use():
    blocks = [bytearray(SMALL) for _ in range(1000)]
    last = bytearray(SMALL)
    process = psutil.Process()
    blocks.clear()
    held = process.memory_info().rss
    trim_heap()
    assert held - process.memory_info().rss > 0.8 * 1000 * SMALL
    assert len(last) == SMALL
