"""One WebSocket: read messages one after the other, route them, write what channels send."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping

from starlette.websockets import WebSocket, WebSocketDisconnect

from spool_live.local.realtime.admission import JoinRefusedError, TooManyJoinsError, admit
from spool_live.local.realtime.broadcasts import PREFIX
from spool_live.local.realtime.channel import Channel
from spool_live.local.realtime.handshake import Handshake
from spool_live.local.realtime.join import JoinRequest, MalformedJoinError, parse_join
from spool_live.local.realtime.protocol import Frame, MalformedFrameError, Message
from spool_live.local.realtime.services import Services

logger = logging.getLogger(__name__)

NORMAL, RESTART, OVERLOADED = 1000, 1012, 1013
_UNMATCHED = {"reason": "unmatched topic"}
_CLOSE_WITHIN = 10.0
_NOT_AN_OBJECT = "UnknownErrorOnChannel: no function clause matching in Access.get/3"


class RealtimeSocket:
    """One connection that may be opened, with its channels."""

    def __init__(self, services: Services, websocket: WebSocket, handshake: Handshake) -> None:
        self.serializer = handshake.serializer
        self.headers: Mapping[str, str] = handshake.headers
        self.channels: dict[str, Channel] = {}
        self._services = services
        self._websocket = websocket
        self._token = handshake.token
        self._outgoing: asyncio.Queue[Frame] = asyncio.Queue(services.options.socket_queue)
        self._closing: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    async def serve(self) -> None:
        """Run until the client leaves, is idle for too long, or ``close`` is called."""
        await self._websocket.accept()
        reader = asyncio.create_task(self._read())
        writer = asyncio.create_task(self._write())
        try:
            await asyncio.wait((reader, writer, self._closing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            try:
                await _stop(reader, writer)
            finally:
                for channel in tuple(self.channels.values()):
                    channel.close()
        if self._closing.done():
            await self._send_close(self._closing.result())

    def send(self, frame: Frame) -> None:
        """Queue a frame; if the queue is full, close the socket with 1013."""
        try:
            self._outgoing.put_nowait(frame)
        except asyncio.QueueFull:
            self.close(OVERLOADED)

    def close(self, code: int | None) -> None:
        """End the connection with this close code, or for None without a close frame (the peer sees
        1006)."""
        if not self._closing.done():
            self._closing.set_result(code)

    def forget(self, channel: Channel) -> None:
        """Remove a channel that is closed."""
        if self.channels.get(channel.topic) is channel:
            del self.channels[channel.topic]

    async def _read(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._services.options.idle_timeout):
                    received = await self._websocket.receive()
            except TimeoutError:
                self.close(NORMAL)
                return
            if received["type"] == "websocket.disconnect":
                return
            frame = received.get("text")
            await self._handle_frame(received["bytes"] if frame is None else frame)

    async def _write(self) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                frame = await self._outgoing.get()
                if isinstance(frame, str):
                    await self._websocket.send_text(frame)
                else:
                    await self._websocket.send_bytes(frame)
                self._outgoing.task_done()

    async def _handle_frame(self, frame: Frame) -> None:
        with contextlib.suppress(MalformedFrameError):  # dropped, as the real server does
            await self._handle(self.serializer.decode(frame))

    async def _handle(self, message: Message) -> None:
        channel = self.channels.get(message.topic)
        if message.topic == "phoenix" and message.event == "heartbeat":
            self._reply(message, "ok", {})
        elif message.event == "phx_join" and message.topic.startswith(PREFIX):
            await self._join(message)
        elif channel is not None:
            stale = message.join_ref not in {None, channel.join_ref}
            if message.event != "phx_leave" or not stale:  # stale: of a join that was replaced
                await self._pass_on(channel, message)
        elif message.event == "phx_leave":
            self._reply(message, "ok", {})
        else:
            self._reply(message, "error", _UNMATCHED)

    async def _pass_on(self, channel: Channel, message: Message) -> None:
        try:
            await channel.handle(message)
        except Exception:  # a bug here ends one channel, as on the real server; clients rejoin
            logger.exception("channel %s crashed", channel.topic)
            channel.close()
            ref = channel.join_ref
            self.send(self.serializer.encode(Message(channel.topic, "phx_error", {}, ref, ref)))

    async def _join(self, message: Message) -> None:
        """Handle a join. Nothing else is read meanwhile: a refused join blocks the socket, as on
        the real server."""
        former = self.channels.get(message.topic)
        if former is not None:
            former.close()
        try:
            admission = await admit(
                self._services,
                message.topic,
                _request(message),
                connection_token=self._token,
                headers=self.headers,
                open_channels=len(self.channels),
            )
        except JoinRefusedError as error:
            await asyncio.sleep(self._services.config.penalties.join_refused)
            self._reply(message, "error", {"reason": str(error)})
            if isinstance(error, TooManyJoinsError):
                await self._outgoing.join()
                self.close(NORMAL)
        else:
            channel = Channel(self._services, self, message, admission)
            self.channels[message.topic] = channel
            channel.open()
        if former is not None:
            old = former.join_ref
            self.send(self.serializer.encode(Message(message.topic, "phx_close", {}, old, old)))

    def _reply(self, message: Message, status: str, response: Mapping[str, str]) -> None:
        payload = {"status": status, "response": response}
        reply = Message(message.topic, "phx_reply", payload, message.ref, message.join_ref)
        self.send(self.serializer.encode(reply))

    async def _send_close(self, code: int | None) -> None:
        """Close the socket, even if the peer reads nothing."""
        if code is not None:
            with contextlib.suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
                async with asyncio.timeout(_CLOSE_WITHIN):
                    await self._websocket.close(code)


def _request(message: Message) -> JoinRequest:
    try:
        return parse_join(message.payload, message.topic.removeprefix(PREFIX))
    except MalformedJoinError as error:
        raise JoinRefusedError(_NOT_AN_OBJECT) from error


async def _stop(*tasks: asyncio.Task[None]) -> None:
    """Cancel the tasks that are still running; raise the first error of any task."""
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome
