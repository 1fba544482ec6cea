"""Fluidity in a moment, in a window that is not drawn; test_window measures a real one for longer."""

from __future__ import annotations

import time

import numpy as np
import pytest
from qtpy.QtCore import Qt, QTimer
from small import skip_if_busy


@pytest.mark.alone
def test_a_fit_leaves_the_thread_of_the_window_free(viewer, widget, noisy, start, qtbot):
    skip_if_busy()
    viewer.add_image(noisy, name="cells")
    start(widget)
    beats: list[float] = []
    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(lambda: beats.append(time.perf_counter()))
    timer.start(20)
    qtbot.wait(2000)
    timer.stop()
    late = 1000 * np.diff(beats)
    assert len(late) > 50
    assert np.mean(late <= 100.0) >= 0.95
    assert widget.session is not None
