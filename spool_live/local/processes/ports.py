"""Find and reserve free ports."""

from __future__ import annotations

import contextlib
import socket

_BACKLOG = 512


class PortTakenError(Exception):
    """Another program listens on the requested port."""


def listen(port: int) -> socket.socket:
    """Return a socket that listens on ``port`` of 127.0.0.1, or on any free one if ``port`` is 0.

    Pass it to a server process: while that is starting, no other program can take the port, and
    early connections wait. Raises ``PortTakenError``.
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
    """Return a socket that listens on ``port``, or on any free one if that is taken."""
    try:
        return listen(port)
    except PortTakenError:
        return listen(0)


def port_of(listener: socket.socket) -> int:
    """Return the port that a socket listens on."""
    port: int = listener.getsockname()[1]
    return port


def free_ports(count: int) -> tuple[int, ...]:
    """Return ``count`` different free ports, for programs that open their own sockets."""
    with contextlib.ExitStack() as held:
        return tuple(port_of(held.enter_context(listen(0))) for _ in range(count))


def free_port() -> int:
    """Return a port that is free just now."""
    return free_ports(1)[0]
