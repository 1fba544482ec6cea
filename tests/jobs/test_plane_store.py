from __future__ import annotations

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from napari_blindspot.core.errors import FileError
from napari_blindspot.jobs.plane_store import PlaneStore

RUN = {"input": "a.tif", "settings": {"seed": 0}}


def plane(value: float) -> np.ndarray:
    return np.full((16, 20), value, np.float32)


def test_planes_records_and_inr_images_come_back_after_a_new_start(tmp_path):
    output = tmp_path / "ä b.ome.tif"
    store = PlaneStore.open(output, RUN, resume=True)
    assert (store.finished, store.model()) == (set(), None)
    store.keep((0, 3), {"denoised": plane(1.5), "inr": plane(7)}, {"seconds": 2.5})
    store.keep((0, 1), {"denoised": plane(np.nan)}, {"seconds": 1})
    again = PlaneStore.open(output, RUN, resume=True)
    assert again.records == {(0, 1): {"seconds": 1}, (0, 3): {"seconds": 2.5}}
    assert np.array_equal(again.image((0, 3)), plane(1.5))
    assert np.array_equal(again.image((0, 3), "inr"), plane(7))
    assert np.isnan(again.image((0, 1))).all()
    assert again.image((0, 3)).dtype == np.float32


def test_a_single_plane_has_the_empty_index(tmp_path):
    store = PlaneStore.open(tmp_path / "a.tif", RUN, resume=False)
    store.keep((), {"denoised": plane(3)}, {})
    assert PlaneStore.open(tmp_path / "a.tif", RUN, resume=True).finished == {()}


@pytest.mark.parametrize(("fingerprint", "resume"), [({**RUN, "input": "b.tif"}, True), (RUN, False)])
def test_another_run_or_a_new_start_finds_no_planes(tmp_path, fingerprint, resume):
    PlaneStore.open(tmp_path / "a.tif", RUN, resume=True).keep((0,), {"denoised": plane(1)}, {})
    assert PlaneStore.open(tmp_path / "a.tif", fingerprint, resume=resume).finished == set()
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.tif.planes"]


def test_only_the_latest_model_of_each_chain_is_kept(tmp_path):
    store = PlaneStore.open(tmp_path / "a.tif", RUN, resume=True)
    for number in (0, 1, 5, 2):
        store.keep((number,), {"denoised": plane(number)}, {}, model=b"red %d" % number, chain="red")
    store.keep((9,), {"denoised": plane(9)}, {}, model=b"green", chain="green")
    again = PlaneStore.open(tmp_path / "a.tif", RUN, resume=True)
    assert again.model("red") == ((2,), b"red 2")
    assert again.model("green") == ((9,), b"green")
    assert again.model() is None
    assert len(list(again.folder.glob("*.model"))) == 2


def test_what_another_process_keeps_is_seen(tmp_path):
    mine = PlaneStore.open(tmp_path / "a.tif", RUN, resume=True)
    theirs = PlaneStore(tmp_path / "a.tif", mine.run)
    theirs.keep((4,), {"denoised": plane(4)}, {"worker": 2})
    assert mine.records == {(4,): {"worker": 2}}


@pytest.mark.parametrize("fingerprint", [RUN, {**RUN, "settings": {"seed": 1}}])
def test_what_an_earlier_run_left_at_work_cannot_keep_planes_any_more(tmp_path, fingerprint):
    earlier = PlaneStore.open(tmp_path / "a.tif", RUN, resume=True)
    earlier.keep((0,), {"denoised": plane(0)}, {"worker": 1})
    worker = PlaneStore(tmp_path / "a.tif", earlier.run)
    now = PlaneStore.open(tmp_path / "a.tif", fingerprint, resume=True)
    for left_over in (earlier, worker):
        with pytest.raises(FileError, match="belong to another run by now"):
            left_over.keep((1,), {"denoised": plane(1)}, {"worker": 1})
    now.keep((2,), {"denoised": plane(2)}, {"worker": 2})
    assert now.finished == ({(0,), (2,)} if fingerprint == RUN else {(2,)})
    now.discard()
    with pytest.raises(FileError, match="with the finished planes is gone"):
        worker.keep((1,), {"denoised": plane(1)}, {"worker": 1})
    assert not list(tmp_path.iterdir())


def test_a_plane_whose_file_is_too_short_counts_as_not_finished(tmp_path):
    store = PlaneStore.open(tmp_path / "a.tif", RUN, resume=True)
    store.keep((0,), {"denoised": plane(1)}, {})
    store.keep((1,), {"denoised": plane(2)}, {})
    path = store.folder / "plane-000001.denoised.npy"
    path.write_bytes(path.read_bytes()[:-10])
    again = PlaneStore.open(tmp_path / "a.tif", RUN, resume=True)
    assert again.finished == {(0,)}
    with pytest.raises(FileError, match="is damaged; start anew without it"):
        again.image((1,))


def test_a_plane_that_is_not_there_is_named(tmp_path):
    store = PlaneStore.open(tmp_path / "a.tif", RUN, resume=True)
    with pytest.raises(FileError, match=r"Plane \(2, 1\) is not among the finished planes"):
        store.image((2, 1))


def test_discarding_leaves_nothing_of_a_killed_run_and_nothing_else_is_touched(tmp_path):
    store = PlaneStore.open(tmp_path / "a.ome.tif", RUN, resume=True)
    store.keep((0,), {"denoised": plane(1)}, {})
    (tmp_path / ".a.ome.tif.0011aabb.part").write_bytes(b"half a file")
    (tmp_path / ".b.ome.tif.0011aabb.part").write_bytes(b"of somebody else")
    (tmp_path / "a.ome.tif").write_bytes(b"the output")
    store.discard()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".b.ome.tif.0011aabb.part", "a.ome.tif"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match=r"Cannot keep finished planes in .*; choose an output in a folder"):
        PlaneStore.open(tmp_path / "file" / "a.tif", RUN, resume=True)


def test_a_full_disk_keeps_what_was_finished(small_disk):
    store = PlaneStore.open(small_disk / "a.tif", RUN, resume=True)
    with pytest.raises(FileError, match="the disk is full"):
        for number in range(100):
            store.keep((number,), {"denoised": np.zeros((100, 100), np.float32)}, {"number": number})
    kept = PlaneStore.open(small_disk / "a.tif", RUN, resume=True)
    assert kept.finished == {(n,) for n in range(len(kept.finished))}
    assert len(kept.finished) in range(3, 7)
    assert all((kept.image(index) == 0).all() for index in kept.finished)


KEEPER = """
import sys, numpy as np
from napari_blindspot.jobs.plane_store import PlaneStore
store = PlaneStore.open(sys.argv[1], {"run": 1}, resume=True)
for number in range(len(store.finished), 100000):
    images = {"denoised": np.full((64, 64), number, np.float32)}
    store.keep((number,), images, {"n": number}, model=b"%d" % number)
    print(number, flush=True)
"""


def test_killed_at_any_moment_every_plane_it_spoke_of_is_there_whole(tmp_path):
    output = tmp_path / "a.ome.tif"
    rng = np.random.default_rng(0)
    told = -1
    for _ in range(6):
        keeper = subprocess.Popen(
            [sys.executable, "-c", KEEPER, str(output)], stdout=subprocess.PIPE, text=True
        )
        first = keeper.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.05))
        keeper.send_signal(signal.SIGKILL)
        lines = [first, *keeper.communicate()[0].splitlines()]
        told = int(lines[-1])
        store = PlaneStore.open(output, {"run": 1}, resume=True)
        finished = store.finished
        assert finished == {(n,) for n in range(len(finished))}
        assert told < len(finished) <= told + 2
        last = max(finished)
        assert (store.image(last) == last[0]).all()
        assert store.model() == (last, b"%d" % last[0])
    assert told >= 6
