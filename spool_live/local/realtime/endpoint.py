"""The ASGI application of ``/realtime/v1/websocket``."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from spool_live.local.realtime.handshake import HandshakeRefusedError, shake_hands
from spool_live.local.realtime.services import Services
from spool_live.local.realtime.socket import RealtimeSocket

_CLOSED_WITHIN = 2.0


class WebSocketEndpoint:
    """The application that serves every admitted connection, and keeps a set of the open ones."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._open: set[RealtimeSocket] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        try:
            handshake = shake_hands(self._services, websocket)
            self._check_limits()
        except HandshakeRefusedError as error:
            await asyncio.sleep(self._services.config.penalties.handshake_refused)
            await _refuse(error, scope, receive, send)
            return
        socket = RealtimeSocket(self._services, websocket, handshake)
        self._open.add(socket)
        self._services.connected.set()
        try:
            await socket.serve()
        finally:
            self._open.discard(socket)

    @property
    def connected(self) -> int:
        """The number of open sockets."""
        return len(self._open)

    def _check_limits(self) -> None:
        """Raise ``HandshakeRefusedError`` if a limit of the project is exceeded."""
        connections = self._services.config.limits.connections
        if connections is not None and len(self._open) >= connections:
            raise HandshakeRefusedError(429, "Too many connected users")
        if self._services.joins.exceeded:
            raise HandshakeRefusedError(429, "Too many joins per second")

    def close_all(self, code: int) -> None:
        """Close every socket with this close code."""
        for socket in tuple(self._open):
            socket.close(code)

    async def cut_off_channelless(self) -> None:
        """End every socket without a channel, without a close frame."""
        for socket in tuple(self._open):
            if not socket.channels:
                socket.close(None)


async def _refuse(error: HandshakeRefusedError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer the upgrade with an HTTP response (ASGI's websocket denial response)."""
    response = JSONResponse({"error": str(error)}, status_code=error.status)
    await response(scope, receive, send)
    # uvicorn logs an error about applications that return before the connection is gone
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_CLOSED_WITHIN):
            for _event in ("connect", "end of the response", "end of the connection"):
                await receive()
