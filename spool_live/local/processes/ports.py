"""Which ports to use."""

from __future__ import annotations

import contextlib
import socket

_BACKLOG = 512


class PortTakenError(Exception):
    """Somebody listens on the port that was asked for."""


def listen(port: int) -> socket.socket:
    """Return a socket that listens on ``port`` of 127.0.0.1, or on any free one if ``port`` is 0.

    To be handed to a server process: nobody can take the port while that is starting, and early
    connections wait for it. Raises ``PortTakenError``.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise PortTakenError(str(port)) from error
    return listener


def listen_near(port: int) -> socket.socket:
    """Return a socket that listens on ``port``, or on any free one where that is taken."""
    try:
        return listen(port)
    except PortTakenError:
        return listen(0)


def port_of(listener: socket.socket) -> int:
    """Return the port it listens on."""
    port: int = listener.getsockname()[1]
    return port


def free_ports(count: int) -> tuple[int, ...]:
    """So many different ports that nobody listens on, for programs that open their own."""
    with contextlib.ExitStack() as held:
        return tuple(port_of(held.enter_context(listen(0))) for _ in range(count))


def free_port() -> int:
    """Return a port that is free just now."""
    return free_ports(1)[0]
