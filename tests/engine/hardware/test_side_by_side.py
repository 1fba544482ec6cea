"""Pieces of a run are computed side by side, and it cannot be seen in what they make."""

import os
import threading
import time

import numpy as np
import pytest
import torch

from napari_blindspot import denoise
from napari_blindspot.engine.hardware.side_by_side import (
    one_after_another,
    pieces_at_once,
    side_by_side,
)
from napari_blindspot.samples import confocal

CPU = torch.device("cpu")
QUICK = {
    "device": "cpu",
    "iterations": 3,
    "refine_iterations": (2,),
    "unet_width": 8,
    "patch_size": 32,
    "symmetries": 3,
}


@pytest.fixture
def three_threads(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")


def test_pieces_are_computed_at_the_same_time_and_come_back_in_their_order(three_threads):
    together = threading.Barrier(3, timeout=30)

    def piece(number: int) -> int:
        together.wait()
        return number

    assert side_by_side([lambda n=n: piece(n) for n in range(3)], CPU) == [0, 1, 2]


def test_a_piece_computes_on_one_thread_with_the_gradient_mode_of_its_caller(three_threads):
    def state() -> tuple[int, bool]:
        return torch.get_num_threads(), torch.is_grad_enabled()

    assert side_by_side([state, state], CPU) == [(1, True)] * 2
    with torch.no_grad():
        assert side_by_side([state, state], CPU) == [(1, False)] * 2


def test_an_error_comes_out_when_no_piece_computes_any_more(three_threads):
    ended = []

    def slow() -> None:
        time.sleep(0.2)
        ended.append("slow")

    def broken() -> None:
        raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        side_by_side([broken, slow], CPU)
    assert ended == ["slow"]


def test_a_gpu_and_an_observer_of_the_calling_thread_get_one_piece_after_the_other(three_threads):
    assert pieces_at_once(CPU) == 3
    assert pieces_at_once(torch.device("cuda")) == 1
    with one_after_another():
        assert pieces_at_once(CPU) == 1
        assert set(side_by_side([threading.get_ident] * 3, CPU)) == {threading.get_ident()}
    assert pieces_at_once(CPU) == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own(three_threads):
    assert side_by_side([int, int], CPU) == [0, 0]
    child = os.fork()
    if child == 0:
        os._exit(side_by_side([lambda: 3, lambda: 4], CPU)[1])
    deadline = time.monotonic() + 30
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert os.waitstatus_to_exitcode(ended[1]) == 4


@pytest.mark.parametrize("noise", ["white", "correlated"])
def test_the_pixels_are_the_same_for_any_number_of_threads(noise, monkeypatch):
    noisy = confocal((72, 80)).noisy
    results = []
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        results.append(denoise(noisy, **QUICK, gap=0 if noise == "white" else 1))
    for result in results[1:]:
        assert np.array_equal(result.denoised, results[0].denoised)
        assert np.array_equal(result.inr, results[0].inr)
