"""Loading torch behind the screen."""

import subprocess
import sys

PROGRAM = """
import os, sys, time
import napari_blindspot.engine.fit_plane
from napari_blindspot.widgets.shared.preload import warm_up

# Each moment in a program of its own, which has loaded what this one has.
for seconds in {moments}:
    if hasattr(os, "fork") and (child := os.fork()):
        _, status = os.waitpid(child, 0)
        assert status == 0, (seconds, status)
    else:
        warm_up()
        time.sleep(seconds)
        sys.exit()
"""


def test_a_program_that_ends_while_torch_is_warming_up_ends_well():
    # Windows forks no programs.
    for moments in ["0.0, 0.2, 0.5"] if sys.platform != "win32" else ["0.0,", "0.2,", "0.5,"]:
        program = PROGRAM.format(moments=moments)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=240)
        assert (done.returncode, done.stderr) == (0, "")
