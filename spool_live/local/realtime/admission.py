"""Admit or refuse a ``phx_join``: check token, limits, policies and replay, in Realtime's order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import psycopg
from psycopg import errors

from spool_live.local.realtime.broadcasts import PREFIX, replayed
from spool_live.local.realtime.hub import Extension
from spool_live.local.realtime.join import JoinRequest
from spool_live.local.realtime.policies import Access
from spool_live.local.realtime.protocol import Broadcast
from spool_live.local.realtime.services import Services
from spool_live.local.realtime.tokens import TokenIdentity, TokenRefusedError, verify_token

NO_DATABASE = "Realtime was unable to connect to the project database"
_NO_PARTITION = "Realtime was unable to find the expected messages partition"
_NO_REPLAY = "UnableToReplayMessages: "


class JoinRefusedError(Exception):
    """A refused join. The message is the ``reason`` in the reply."""


class TooManyJoinsError(JoinRefusedError):
    """A join beyond the rate limit: its socket is closed after the reply."""

    def __init__(self) -> None:
        super().__init__("ClientJoinRateLimitReached: Too many joins per second")


class AccessDeniedError(Exception):
    """A refusal because the policies do not let this identity read the topic."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"You do not have permissions to read from this Channel topic: {topic}")


@dataclass(frozen=True)
class Admission:
    """A join that is allowed: the identity, what it may do, and the broadcasts to replay."""

    topic: str
    """The topic, without prefix."""
    request: JoinRequest
    token: str
    identity: TokenIdentity
    access: Access
    missed: tuple[tuple[str, Broadcast], ...] = ()


async def admit(
    services: Services,
    wire_topic: str,
    request: JoinRequest,
    *,
    connection_token: str,
    headers: Mapping[str, str],
    open_channels: int,
) -> Admission:
    """Check a join of ``wire_topic`` (with prefix). Raises ``JoinRefusedError``."""
    topic = wire_topic.removeprefix(PREFIX)
    if not topic:
        raise JoinRefusedError("TopicNameRequired: You must provide a topic name")
    if services.joins.exceeded:
        raise TooManyJoinsError
    services.joins.count()
    if open_channels >= services.options.max_channels_per_socket:
        raise JoinRefusedError("ChannelRateLimitReached: Too many channels")
    token = request.access_token or connection_token
    try:
        identity = verify_token(token, services.config.token_keys, services.now())
        access = await authorize(services, topic, request, identity, headers)
        missed = await _missed(services, topic, request, access)
    except TokenRefusedError as error:
        raise JoinRefusedError(error.join_reason) from error
    except AccessDeniedError as error:
        raise JoinRefusedError(f"Unauthorized: {error}") from error
    except psycopg.OperationalError as error:
        raise JoinRefusedError(f"UnableToConnectToProject: {NO_DATABASE}") from error
    except errors.CheckViolation as error:
        raise JoinRefusedError(f"MissingPartition: {_NO_PARTITION}") from error
    return Admission(topic, request, token, identity, access, missed)


async def authorize(
    services: Services,
    topic: str,
    request: JoinRequest,
    identity: TokenIdentity,
    headers: Mapping[str, str],
) -> Access:
    """Return what ``identity`` may do on a topic. The right to read presence alone suffices to
    join.

    Raises ``AccessDeniedError``, and the errors of ``ChannelPolicies.readable``.
    """
    if not request.private:
        return Access.public()
    wanted: tuple[Extension, ...] = ("broadcast",)
    if request.presence_enabled:
        wanted = ("broadcast", "presence")
    readable = await services.policies.readable(topic, identity, headers, wanted)
    if not readable:
        raise AccessDeniedError(topic)
    return Access(readable)


async def _missed(
    services: Services, topic: str, request: JoinRequest, access: Access
) -> tuple[tuple[str, Broadcast], ...]:
    replay = request.replay
    if replay is None:
        return ()
    if not request.private:
        raise JoinRefusedError(f"{_NO_REPLAY}Replay is not allowed for public channels")
    if "broadcast" not in access.readable:
        raise AccessDeniedError(topic)
    if not replay.valid:
        raise JoinRefusedError(f"{_NO_REPLAY}Replay params are not valid")
    try:
        return tuple(await replayed(services.sessions, topic, replay))
    except psycopg.Error as error:
        raise JoinRefusedError(f"{_NO_REPLAY}Realtime was unable to replay messages") from error
