"""Broadcasts over HTTP: ``api/broadcast`` and ``api/broadcast/{topic}/events/{event}``."""

from __future__ import annotations

from typing import Any

import orjson
import psycopg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from spool_live.local.realtime.broadcasts import (
    PREFIX,
    TOO_MANY_MESSAGES,
    broadcast_from_client,
)
from spool_live.local.realtime.handshake import api_token
from spool_live.local.realtime.hub import Room
from spool_live.local.realtime.protocol import Binary, Broadcast, Encoded
from spool_live.local.realtime.services import Services
from spool_live.local.realtime.tokens import TokenIdentity, TokenRefusedError, verify_token


class BroadcastApi:
    """The two endpoints for broadcasts over HTTP."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def batch(self, request: Request) -> Response:
        """Send ``{"messages": [{topic, event, payload, private?}]}`` and answer 202; skip messages
        that the caller may not send to their private topic."""
        identity = self._identify(request)
        if identity is None:
            return _unauthorized()
        try:
            messages = _messages(orjson.loads(await request.body()))
        except (orjson.JSONDecodeError, ValueError) as error:
            return JSONResponse({"errors": {"messages": [str(error)]}}, 422)
        if self._services.messages.exceeded:
            return _too_many()
        for room, event, payload in messages:
            if await self._may_send(identity, room):
                await self._send(room, event, payload)
        return Response(status_code=202)

    async def single(self, request: Request) -> Response:
        """Send one broadcast, whose payload is the body (JSON or bytes), and answer 202 or 403."""
        identity = self._identify(request)
        if identity is None:
            return _unauthorized()
        private = request.query_params.get("private", "").lower() == "true"
        room = Room(request.path_params["topic"], private)
        payload: Any
        match request.headers.get("content-type", "").partition(";")[0].strip():
            case "application/json":
                try:
                    payload = orjson.loads(await request.body())
                except orjson.JSONDecodeError as error:
                    return JSONResponse({"errors": {"payload": [str(error)]}}, 422)
            case "application/octet-stream":
                payload = Binary(await request.body())
            case _:
                return JSONResponse({"message": "Unsupported Media Type"}, 415)
        if self._services.messages.exceeded:
            return _too_many()
        if not await self._may_send(identity, room):
            return JSONResponse({"message": "Forbidden"}, 403)
        await self._send(room, request.path_params["event"], payload)
        return Response(status_code=202)

    def _identify(self, request: Request) -> TokenIdentity | None:
        """Return the identity by ``Authorization: Bearer`` or else by the API key; None for
        neither."""
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        key = credentials if scheme.lower() == "bearer" else request.headers.get("apikey", "")
        services = self._services
        try:
            return verify_token(
                api_token(services, key.strip()), services.config.token_keys, services.now()
            )
        except TokenRefusedError:
            return None

    async def _may_send(self, identity: TokenIdentity, room: Room) -> bool:
        if not room.private:
            return True
        try:
            return await self._services.policies.writable(room.topic, identity, {}, "broadcast")
        except psycopg.Error:
            return False

    async def _send(self, room: Room, event: str, payload: Any) -> None:
        broadcast = Broadcast(PREFIX + room.topic, event, payload)
        services = self._services
        await broadcast_from_client(services.hub, services.messages, room, Encoded(broadcast))


def _messages(body: Any) -> list[tuple[Room, str, Any]]:
    """Return room, event and payload of each message; raise ``ValueError`` for an incomplete
    one."""
    messages = body.get("messages") if isinstance(body, dict) else None
    if not isinstance(messages, list) or not messages:
        raise ValueError("must be a list of messages")
    return [_message(number, message) for number, message in enumerate(messages)]


def _message(number: int, message: Any) -> tuple[Room, str, Any]:
    if not isinstance(message, dict) or "payload" not in message:
        raise ValueError(f"message {number} needs topic, event and payload")
    topic, event = message.get("topic"), message.get("event")
    if not isinstance(topic, str) or not topic or not isinstance(event, str) or not event:
        raise ValueError(f"message {number} needs a topic and an event")
    return Room(topic, message.get("private") is True), event, message["payload"]


def _too_many() -> Response:
    return JSONResponse({"message": TOO_MANY_MESSAGES}, 429)


def _unauthorized() -> Response:
    return JSONResponse({"message": "Unauthorized"}, 401)
