"""Becomes another program: takes an identity, binds its life to its parent's, then ``exec``.

Run as a script (``python -I -S launcher.py IDENTITY SIGNAL PARENT_PID PROGRAM ARG...``), because
doing the same between ``fork`` and ``exec`` of a threaded process may deadlock. On Linux the kernel
then sends SIGNAL when the starting thread ends, by ``kill -9`` too (``prctl(2)``, PR_SET_PDEATHSIG,
which survives ``exec``). Standard library only. Exit code 125: the identity is not to be had on
this machine.
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
    """PostgreSQL refuses uid 0, so look like somebody else while files stay owned by root."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWUSER)")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{_ID_INSIDE} 0 1")
    Path("/proc/self/gid_map").write_text(f"{_ID_INSIDE} 0 1")


def become_nobody() -> None:
    """Where containers forbid user namespaces."""
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def stop_when_parent_dies(signal_number: int, parent_pid: int) -> None:
    """Ask Linux for a signal when the starting thread ends.

    Must follow every change of identity, which would clear it.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent_pid:  # it died before we asked
        sys.exit(1)


def main(identity: str, signal_number: str, parent_pid: str, *command: str) -> None:
    """Replace this process by ``command``; ``identity`` is an ``ProcessIdentity`` value."""
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
