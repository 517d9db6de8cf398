"""Becomes another program that dies with the process that started it.

Run as a script (``python -I -S launcher.py SIGNAL PARENT_PID PROGRAM ARG...``): on Linux the
kernel then sends SIGNAL when the starting thread ends, by ``kill -9`` too (``prctl(2)``,
PR_SET_PDEATHSIG, which survives ``exec``). Elsewhere it only becomes the program.
"""

from __future__ import annotations

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main(signal_number: str, parent_pid: str, *command: str) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
        if os.getppid() != int(parent_pid):  # it died before we asked
            sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - the supervisor's own list, no shell wanted


if __name__ == "__main__":
    main(*sys.argv[1:])
