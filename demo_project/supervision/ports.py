"""Which ports to use."""

from __future__ import annotations

import contextlib
import socket


def is_free(port: int) -> bool:
    """Whether nobody listens on ``port`` of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(*preferred: int) -> tuple[int, ...]:
    """Each preferred port if it is free, else any that is; no two alike."""
    with contextlib.ExitStack() as held:
        return tuple(_hold(held.enter_context(socket.socket()), port) for port in preferred)


def _hold(probe: socket.socket, preferred: int) -> int:
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(("127.0.0.1", preferred))
    except OSError:
        probe.bind(("127.0.0.1", 0))
    probe.listen()  # a port that is bound only would be given away twice
    port: int = probe.getsockname()[1]
    return port
