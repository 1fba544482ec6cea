"""A damaged file is read, or refused in one sentence: no traceback, no hang, no memory without end."""

from __future__ import annotations

import random
import shutil
import signal
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest
import tifffile
from damaged import MOST_BYTES, damage, make_files, read_all

from napari_blindspot.core.errors import BlindspotError, FileError, InternalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

resource = pytest.importorskip("resource", reason="Windows bounds no program's memory")

SECONDS = 10
"""For one file; a whole one takes a hundredth of a second."""


@pytest.fixture
def _little_memory() -> Iterator[None]:
    """Let what takes more memory than it may end in a MemoryError."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + MOST_BYTES, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def fuzz(folder: Path, cases: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Damage files, read them, and return how they ended, with a line for each that ended badly."""
    (folder / "whole").mkdir()
    whole, work = make_files(folder / "whole"), folder / "work"
    ends: Counter[str] = Counter()
    bad = []
    for number in range(cases):
        source = whole[number % len(whole)]
        work.mkdir()
        damage(source, work / source.name, random.Random(f"{seed}-{number}"))
        signal.alarm(SECONDS)
        try:
            read_all(work / source.name)
            ends["read"] += 1
        except InternalError as error:
            bad.append(f"{seed}-{number} {source.name}: {error}")
        except BlindspotError as error:
            ends["refused"] += 1
            if "\n" in str(error):
                bad.append(f"{seed}-{number} {source.name}: more than one line: {error}")
        except Exception as error:
            bad.append(f"{seed}-{number} {source.name}: {type(error).__name__}: {error}")
        finally:
            signal.alarm(0)
        shutil.rmtree(work)
    return ends, bad


class _TooSlowError(BaseException):
    """Passes by everything that turns errors into sentences."""


@pytest.fixture
def _no_hang() -> Iterator[None]:
    def ring(*_: object) -> None:
        raise _TooSlowError("a damaged file was not read in time")

    before = signal.signal(signal.SIGALRM, ring)
    yield
    signal.signal(signal.SIGALRM, before)


needs_alarms = pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="Windows has no alarms")


def test_files_that_are_whole_are_read(tmp_path):
    assert [read_all(path) for path in make_files(tmp_path)] == [1] * 7


@needs_alarms
def test_300_damaged_files_are_read_or_refused_in_one_sentence(tmp_path, _little_memory, _no_hang):
    ends, bad = fuzz(tmp_path, 300, seed=0)
    assert bad == []
    assert ends["read"] > 30
    assert ends["refused"] > 30


@needs_alarms
@pytest.mark.endurance
@pytest.mark.timeout(1800)
def test_5000_damaged_files_are_read_or_refused_in_one_sentence(tmp_path, _little_memory, _no_hang):
    ends, bad = fuzz(tmp_path, 5000, seed=1)
    print(dict(ends))
    assert bad == []


def test_a_tiff_whose_height_is_damaged_is_refused_before_millions_of_strips_are_filled(tmp_path):
    path = tmp_path / "tall.tif"
    pixels = np.random.default_rng(0).integers(0, 999, (64, 20), np.uint16)
    tifffile.imwrite(path, pixels, compression="zlib", rowsperstrip=16)
    with tifffile.TiffFile(path, mode="r+") as opened:
        opened.pages[0].tags["ImageLength"].overwrite(40_000_000)
    with pytest.raises(FileError, match="a plane should have 2500000 strips, and lists 4"):
        read_all(path)
