"""A real Dask cluster of two processes on this machine: the same pixels, and a worker that is killed."""

from __future__ import annotations

import os
import signal
import sys
import time

import numpy as np
import pytest

pytest.importorskip("distributed", reason="the extra cluster is not installed")

import psutil

from forked import server, start_program
from napari_blindspot.batch import BatchOptions, Input, run_batch
from napari_blindspot.batch.cluster_client import connected, worker_environment
from napari_blindspot.batch.item_events import PlaneWork
from napari_blindspot.batch.job_file import BatchJob, save_job
from napari_blindspot.core.control import Control
from napari_blindspot.core.errors import DeviceError
from napari_blindspot.engine.hardware import threads as threads_module
from napari_blindspot.engine.hardware.threads import usable_cores
from napari_blindspot.files.door import read_image

STACK = "Zellen ü.ome.tif"
ALL = {"plane.ome.tif": "done", STACK: "done", "broken.tif": "failed"}


def listening() -> set[str]:
    """The addresses at which this process and those that it has started can be reached."""
    here = psutil.Process()
    return {
        connection.laddr.ip
        for process in [here, *here.children(recursive=True)]
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }


def same_pixels(batch, other) -> None:
    outputs = {item.source.name: item.output for item in other.items}
    for item in batch.items:
        if item.state == "done":
            expected = read_image(outputs[item.source.name]).array
            assert np.array_equal(read_image(item.output).array, expected), item.source.name


@pytest.mark.slow
def test_two_workers_give_the_pixels_of_one_process_and_nobody_else_can_reach_them(
    plan, states, finished, monkeypatch
):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    batch = plan(workers=2)
    heard = []
    for event in run_batch(batch):
        assert not isinstance(event, PlaneWork)
        if event.item.state == "running":
            heard.append(listening())
    assert states(batch) == ALL
    same_pixels(batch, finished)
    assert heard
    assert set.union(*heard) == {"127.0.0.1"}
    stack = next(item for item in batch.items if item.source.name == STACK)
    assert (stack.finished, stack.plane_count) == (4, 4)
    assert stack.record.noise
    assert (batch.options.output / "batch_report.html").is_file()


@pytest.fixture(scope="module")
def cluster():
    """A cluster of two workers that is there already; one that is killed comes again."""
    import dask
    from distributed import LocalCluster

    method = "spawn"
    if sys.platform != "win32":
        server()
        method = "forkserver"
    with (
        dask.config.set({"distributed.worker.multiprocessing-method": method}),
        LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, memory_limit=0
        ) as cluster,
    ):
        yield cluster


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9")
def test_a_worker_that_is_killed_costs_nothing_but_time(plan, states, longer, cluster):
    batch = plan(dask=cluster.scheduler_address, settings=longer)
    victim = None
    for event in run_batch(batch):
        if victim is None and event.item.finished and event.item.state == "running":
            with connected(batch.options) as client:
                busy = [worker for worker, keys in client.processing().items() if keys]
                victim = client.run(os.getpid, workers=busy[:1])[busy[0]]
            os.kill(victim, signal.SIGKILL)
    assert victim is not None
    assert states(batch) == ALL
    alone = plan(output=batch.options.output.parent / "alone", settings=longer)
    for _ in run_batch(alone):
        pass
    same_pixels(batch, alone)
    assert not list(batch.options.output.rglob("*.planes"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9")
def test_what_a_killed_batch_left_with_the_workers_does_not_mix_with_the_next_one(
    plan, data, longer, cluster, finished, tmp_path
):
    source = data / "day 2" / STACK
    job = BatchJob.of([Input(path=source)], BatchOptions(output=tmp_path / "out", settings=longer))
    save_job(job, tmp_path / "job.yaml")
    words = ["batch", "--job", str(tmp_path / "job.yaml"), "--dask", cluster.scheduler_address]
    with start_program(tmp_path, *words) as process:
        while not list((tmp_path / "out").rglob("plane-*.json")):
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    # Its workers know nothing of that yet and are at work on the second planes.
    batch = plan(source, dask=cluster.scheduler_address)
    for _ in run_batch(batch):
        pass
    (item,) = batch.items
    assert (item.state, item.reason) == ("done", "")
    same_pixels(batch, finished)


@pytest.mark.slow
def test_a_stop_reaches_the_workers_and_what_is_finished_is_kept(plan, data, longer, cluster):
    control = Control()
    batch = plan(data / "day 2", dask=cluster.scheduler_address, settings=longer)
    for event in run_batch(batch, control):
        if event.item.state == "running":
            control.stop(after_plane=True)
    (item,) = batch.items
    assert item.state == "stopped"
    assert 0 <= item.finished < 4
    assert not item.output.exists()
    assert "resume to go on" in item.reason


def test_a_scheduler_that_does_not_answer_is_said_in_a_sentence(plan, data, monkeypatch):
    monkeypatch.setattr("napari_blindspot.batch.cluster_client.PATIENCE", "0.5 s")
    batch = plan(data / "plane.ome.tif", dask="tcp://127.0.0.1:9")
    with pytest.raises(DeviceError, match=r"no Dask cluster at tcp://127.0.0.1:9 that answers"):
        list(run_batch(batch))
    assert batch.items[0].state == "waiting"


def test_every_worker_gets_a_gpu_and_its_share_of_the_cores():
    environments = [worker_environment(number, 4, ["0", "GPU-b"]) for number in range(4)]
    assert [each["CUDA_VISIBLE_DEVICES"] for each in environments] == ["0", "GPU-b", "0", "GPU-b"]
    share = str(max(1, usable_cores() // 4))
    assert {each["OMP_NUM_THREADS"] for each in environments} == {share}
    assert "CUDA_VISIBLE_DEVICES" not in worker_environment(0, 2, [])


def test_the_share_of_a_worker_is_one_of_the_cores_that_a_container_may_use(monkeypatch, tmp_path):
    quota = tmp_path / "cpu.max"
    quota.write_text("200000 100000")
    monkeypatch.setattr(threads_module, "QUOTA", quota)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    for workers, threads in ((1, "2"), (2, "1"), (8, "1")):
        assert worker_environment(0, workers, [])["OMP_NUM_THREADS"] == threads
