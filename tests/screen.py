"""A virtual screen for the tests: started when they start, replaced when it has died, ended with them."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys

__all__ = ["VirtualScreen"]

# A server whose last client leaves would start anew, and turn away whoever connects meanwhile.
_OPTIONS = ("-screen", "0", "1400x900x24", "-nolisten", "tcp", "-noreset")


class VirtualScreen:
    """Xvfb, found by Qt and vispy by the variable DISPLAY.

    Attributes
    ----------
    present : bool
        Whether there is a screen: the user's own, or a virtual one that has started.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self.present = sys.platform != "linux" or "DISPLAY" in os.environ
        if not self.present:
            self._start()

    def ensure(self) -> None:
        """Start another one if the virtual screen has died, for which no test is to blame."""
        if self._process is not None and not self._answers():
            self._process.kill()
            self._process.wait()
            self._start()

    def _start(self) -> None:
        self.present = False
        program = shutil.which("Xvfb")
        if program is None:
            return
        read, write = os.pipe()
        # Of a session of its own: what is sent to the tests' group, such as Ctrl-C, is not meant for it.
        self._process = subprocess.Popen(
            [program, "-displayfd", str(write), *_OPTIONS],
            pass_fds=[write],
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
        os.close(write)
        with os.fdopen(read) as answer:
            self._number = answer.readline().strip()
        if self._number:
            os.environ["DISPLAY"] = f":{self._number}"
            self.present = True
        else:
            os.environ.pop("DISPLAY", None)

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            try:
                client.connect(f"/tmp/.X11-unix/X{self._number}")
            except OSError:
                return False
        return True


def _end_with_parent() -> None:
    """Ask the kernel to end this process when the tests' process ends.

    Ending the screen any earlier would end, with an error, the process whose Qt is still connected to it.
    """
    set_death_signal = 1
    ctypes.CDLL(None).prctl(set_death_signal, signal.SIGTERM)
