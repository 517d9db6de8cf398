"""Subscriptions to tables: ``postgres_changes`` bindings, resolved by PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
import psycopg
from psycopg import errors

from spool_live.local.realtime.database import SessionPool
from spool_live.local.realtime.filters import BindingError, Selection, parse_binding
from spool_live.local.realtime.protocol import Encoded
from spool_live.local.realtime.tokens import TokenIdentity

_RESOLVE = "select * from pg_temp.resolve_tables(%s, %s, %s::jsonb, %s, %s)"
_PUBLISHED = "select * from pg_temp.published_tables('*', '*')"
_UNABLE = "Unable to subscribe to changes with given parameters."


class SubscribeError(Exception):
    """A refusal of a channel's bindings; the message goes to the client."""


class ChangesSubscriber(Hashable, Protocol):
    """A channel, seen from its subscriptions."""

    @property
    def topic(self) -> str:
        """The topic, as on the wire."""
        ...

    def send_encoded(self, encoded: Encoded) -> None:
        """Send one frame. Does not wait."""
        ...

    async def resubscribe(self) -> None:
        """Resolve the bindings again, because the published tables have changed."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Subscription:
    """One binding of one channel, with the role and claims whose rights decide."""

    subscriber: ChangesSubscriber
    binding_id: int
    selection: Selection
    role: str
    claims: str
    tables: frozenset[int]


class Subscriptions:
    """All subscriptions of the server, by table."""

    def __init__(self, sessions: SessionPool) -> None:
        self._sessions = sessions
        self._by_subscriber: dict[ChangesSubscriber, tuple[Subscription, ...]] = {}
        self._by_table: dict[int, dict[Subscription, None]] = {}
        self._published: frozenset[int] = frozenset()

    def on_table(self, oid: int) -> tuple[Subscription, ...]:
        """Return the subscriptions to the table, in the order in which they were made."""
        return tuple(self._by_table.get(oid, ()))

    async def subscribe(
        self,
        subscriber: ChangesSubscriber,
        bindings: Sequence[Mapping[str, Any]],
        identity: TokenIdentity,
    ) -> None:
        """Replace the bindings of ``subscriber``: by all of the new ones or, on error, not at all.

        Raises ``SubscribeError``, or ``psycopg.OperationalError`` if the database cannot be
        reached.
        """
        fresh = [await self._resolve(subscriber, params, identity) for params in bindings]
        self.unsubscribe(subscriber)
        self._by_subscriber[subscriber] = tuple(fresh)
        for subscription in fresh:
            for table in subscription.tables:
                self._by_table.setdefault(table, {})[subscription] = None

    def unsubscribe(self, subscriber: ChangesSubscriber) -> None:
        """Remove all subscriptions of ``subscriber``."""
        for subscription in self._by_subscriber.pop(subscriber, ()):
            for table in subscription.tables:
                interested = self._by_table[table]
                del interested[subscription]
                if not interested:
                    del self._by_table[table]

    async def follow_publication(self) -> None:
        """Resolve every subscription again if the published tables differ from those at the last
        call (none before the first).

        A table that was dropped and created again is another table. Raises
        ``psycopg.OperationalError``.
        """
        rows = await self._sessions.fetch(_PUBLISHED, ())
        published = frozenset(oid for (oid,) in rows)
        former, self._published = self._published, published
        if former != published:
            for subscriber in tuple(self._by_subscriber):
                await subscriber.resubscribe()

    async def _resolve(
        self, subscriber: ChangesSubscriber, params: Mapping[str, Any], identity: TokenIdentity
    ) -> Subscription:
        try:
            selection = parse_binding(params)
        except BindingError as error:
            raise SubscribeError(str(error)) from error
        tables = await self._tables(selection, identity.role)
        return Subscription(
            subscriber,
            params["id"],
            selection,
            identity.role,
            identity.canonical_claims,
            frozenset(tables),
        )

    async def _tables(self, selection: Selection, role: str) -> Iterable[int]:
        filters = orjson.dumps([condition.as_json() for condition in selection.conditions])
        columns = None if selection.columns is None else list(selection.columns)
        parameters = (selection.schema, selection.table, filters.decode(), columns, role)
        try:
            rows = await self._sessions.fetch(_RESOLVE, parameters)
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            raise SubscribeError(
                f"{_UNABLE} An exception happened so please check your connect parameters:"
                f" [{selection.describe()}]. Exception: {_exception_text(error)}"
            ) from error
        if not rows:
            raise SubscribeError(
                f"{_UNABLE} Please check Realtime is enabled for the given connect parameters:"
                f" [{selection.describe()}]"
            )
        return [oid for (oid,) in rows]


def _exception_text(error: psycopg.Error) -> str:
    """Return ``ERROR 22P02 (invalid_text_representation) invalid input syntax ...``."""
    state = error.sqlstate or "XX000"
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", errors.lookup(state).__name__).lower()
    return f"ERROR {state} ({name}) {error.diag.message_primary}"
