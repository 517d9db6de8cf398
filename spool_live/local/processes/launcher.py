"""Run a program under another user that ends with its parent: prepare both, then ``exec`` it.

Run as a script (``python -I -S launcher.py IDENTITY SIGNAL PARENT_PID PROGRAM ARG...``), because
doing the same between ``fork`` and ``exec`` of a threaded process may deadlock. On Linux the kernel
then sends SIGNAL when the starting thread ends, also after ``kill -9`` (``prctl(2)``,
PR_SET_PDEATHSIG, which survives ``exec``). Standard library only. Exit code 125: this machine does
not allow the identity.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

IDENTITY_REFUSED = 125
NOBODY = 65534
_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
_ID_INSIDE = 1000


def enter_user_namespace() -> None:
    """Enter a user namespace with a uid that is not 0 inside, while files stay owned by root."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWUSER)")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{_ID_INSIDE} 0 1")
    Path("/proc/self/gid_map").write_text(f"{_ID_INSIDE} 0 1")


def become_nobody() -> None:
    """Change to uid 65534, for containers that forbid user namespaces."""
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def stop_when_parent_dies(signal_number: int, parent_pid: int) -> None:
    """Request a signal from Linux for the moment when the starting thread ends.

    Call this after every change of identity, because a change would cancel the request.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent_pid:  # the parent ended before the request
        sys.exit(1)


def main(identity: str, signal_number: str, parent_pid: str, *command: str) -> None:
    """Replace this process by ``command``; ``identity`` is a ``ProcessIdentity`` value."""
    try:
        if identity == "namespace":
            enter_user_namespace()
        elif identity == "nobody":
            become_nobody()
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(IDENTITY_REFUSED)
    os.umask(0o077)
    stop_when_parent_dies(int(signal_number), int(parent_pid))
    os.execvp(command[0], command)  # noqa: S606  the command is our own list, no shell wanted


if __name__ == "__main__":
    main(*sys.argv[1:])
