"""Loading torch behind the screen."""

import subprocess
import sys

import pytest

PROGRAM = """
import time
import napari_blindspot.engine.fit_plane
from napari_blindspot.widgets.shared.preload import warm_up

warm_up()
time.sleep({seconds})
"""


@pytest.mark.parametrize("seconds", [0.0, 0.2, 0.5])
def test_a_program_that_ends_while_torch_is_warming_up_ends_well(seconds):
    program = PROGRAM.format(seconds=seconds)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
