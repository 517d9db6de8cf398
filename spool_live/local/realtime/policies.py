"""What a subscriber may do on a private topic, by the policies on ``realtime.messages``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, LiteralString

import orjson
import psycopg
from psycopg import errors

from spool_live.local.realtime.database import SessionPool
from spool_live.local.realtime.hub import Extension
from spool_live.local.realtime.tokens import TokenIdentity

logger = logging.getLogger(__name__)

_READABLE: Final = "select pg_temp.readable_extensions(%s, %s, %s, %s::jsonb, %s::jsonb)"
_WRITABLE: Final = "select pg_temp.writable_extension(%s, %s, %s, %s::jsonb, %s::jsonb)"


@dataclass
class Access:
    """What one channel may do with its token. ``writable`` is filled at the first attempt to
    send."""

    readable: frozenset[str]
    writable: dict[str, bool] = field(default_factory=dict)

    @classmethod
    def public(cls) -> Access:
        """Return full access, which every client has on a public topic."""
        everything = ("broadcast", "presence")
        return cls(frozenset(everything), dict.fromkeys(everything, True))


class ChannelPolicies:
    """Queries about policies, run with the subscriber's role and claims, and rolled back."""

    def __init__(self, sessions: SessionPool) -> None:
        self._sessions = sessions

    async def readable(
        self,
        topic: str,
        identity: TokenIdentity,
        headers: Mapping[str, str],
        extensions: tuple[Extension, ...],
    ) -> frozenset[str]:
        """Return those of ``extensions`` whose rows on ``topic`` (without prefix) may be read.

        A policy that raises counts as a refusal and is logged. Raises
        ``psycopg.OperationalError`` if the database cannot be reached, and
        ``psycopg.errors.CheckViolation`` if the day's partition is missing.
        """
        rows = await self._ask(_READABLE, topic, list(extensions), identity, headers)
        return frozenset(rows) if isinstance(rows, list) else frozenset()

    async def writable(
        self, topic: str, identity: TokenIdentity, headers: Mapping[str, str], extension: Extension
    ) -> bool:
        """Return whether a row of ``extension`` may be inserted on ``topic``. Raises the same
        errors as ``readable``."""
        return await self._ask(_WRITABLE, topic, extension, identity, headers) is True

    async def _ask(
        self,
        query: LiteralString,
        topic: str,
        what: object,
        identity: TokenIdentity,
        headers: Mapping[str, str],
    ) -> object:
        claims, sent = identity.canonical_claims, orjson.dumps(headers).decode()
        try:
            rows = await self._sessions.fetch(query, (topic, what, identity.role, claims, sent))
        except (psycopg.OperationalError, errors.CheckViolation):
            raise
        except (errors.UndefinedObject, errors.InsufficientPrivilege):
            return None  # no such role, or one that has no rights on realtime.messages
        except psycopg.Error as error:
            logger.error(  # noqa: TRY400  PostgreSQL's message suffices
                "a policy on realtime.messages raised for role %s and topic %s (%s: %s):"
                " it counts as a refusal; policies must not raise",
                identity.role,
                topic,
                error.sqlstate,
                error.diag.message_primary,
            )
            return None
        return rows[0][0]
