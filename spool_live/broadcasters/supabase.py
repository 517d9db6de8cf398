"""The broadcaster of production: the official ``supabase`` client with the project's secret key.

The only module that imports ``supabase``.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar, cast

import httpx
import orjson
from django.utils import timezone
from postgrest.exceptions import APIError
from supabase import Client, ClientOptions, SupabaseException, create_client

from spool_live.broadcasters import network
from spool_live.broadcasters.base import Broadcaster, CleanupAnswer, MirrorAnswer
from spool_live.broadcasters.refusals import error_for
from spool_live.broadcasters.transport import Transport
from spool_live.conf import LiveSettings, live_settings
from spool_live.exceptions import (
    BroadcastError,
    BroadcastRefused,
    BroadcastUnavailable,
    UnclearRefusal,
)
from spool_live.retry_after import retry_after
from spool_live.updates import Update

TABLE = "live_updates"
IDS_PER_REQUEST = 100
"""Ids in one query: with more of them gateways may refuse the URL as too long."""
_NOT_POSTGREST = (
    'What answers at SPOOL_LIVE["SUPABASE_URL"] is not PostgREST with our functions: check the '
    "address and the proxies in between, and run manage.py live_setup."
)
_SHAPE: list[dict[str, Any]] = [dict.fromkeys(field.name for field in fields(Update))]
"""A row with all columns and no values: the official client derives the ``columns`` parameter from
it. ``Transport.body`` has the real rows."""

Answer = TypeVar("Answer", MirrorAnswer, CleanupAnswer)
Value = TypeVar("Value")

_clients: dict[tuple[int, int, str, str], Client] = {}


class SupabaseBroadcaster(Broadcaster):
    """The broadcaster that writes to ``SPOOL_LIVE["SUPABASE_URL"]``, over one kept-alive HTTP/1.1
    connection per thread.

    A client takes about 30 ms to build, so each thread of each process builds it once.
    """

    def prepare(self) -> None:
        """Build this thread's client."""
        _ = self._client

    def broadcast(self, updates: Sequence[Update]) -> None:
        if not updates:
            return
        transport = self._transport
        query = self._client.table(TABLE).upsert(
            _SHAPE, on_conflict="id", ignore_duplicates=True, returning=cast("Any", "minimal")
        )
        with self._call():
            transport.body = orjson.dumps(updates)
            with suppress_unless_refused(transport):
                query.execute()
            answer = transport.answered
            if answer is not None and is_created(answer):
                return
            if not self._are_stored(updates):
                status = answer.status_code if answer is not None else "no status"
                raise UnclearRefusal(f"HTTP {status}, and nothing is stored. {_NOT_POSTGREST}")

    def mirror(self, site: Mapping[str, Any]) -> MirrorAnswer:
        with self._call():
            answer = self._client.rpc("spool_live_mirror", {"site": dict(site)}).execute()
        return _as(MirrorAnswer, answer.data)

    def mirror_many(
        self, sites: Sequence[Mapping[str, Any]]
    ) -> list[MirrorAnswer | BroadcastError]:
        if len(sites) < 2:  # noqa: PLR2004 - a single site needs no batch
            return super().mirror_many(sites)
        try:
            with self._call():
                arguments = {"site": [dict(site) for site in sites]}
                found = self._client.rpc("spool_live_mirror", arguments).execute().data
        except (BroadcastRefused, UnclearRefusal):
            # The function is of an earlier version and takes one site, or a site is the cause.
            return super().mirror_many(sites)
        try:
            answers = {answer.pop("site_id"): answer for answer in cast("Any", found)}
            return [_mirrored(answers[site["site_id"]]) for site in sites]
        except (AttributeError, KeyError, TypeError) as error:
            raise _not_postgrest() from error

    def cleanup(self, before: datetime, max_rows: int) -> CleanupAnswer:
        arguments = {"before": before.isoformat(), "max_rows": max_rows}
        with self._call():
            answer = self._client.rpc("spool_live_cleanup", arguments).execute()
        return _as(CleanupAnswer, answer.data)

    def newest_seqs(self, site_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
        newest: dict[uuid.UUID, int] = {}
        for site_id in site_ids:
            query = self._client.table(TABLE).select("seq").eq("site_id", str(site_id))
            newest_first = query.not_.is_("seq", "null").order("seq", desc=True).limit(1)
            with self._call():
                found = newest_first.retry(enabled=False).execute()  # delivery retries by itself
            for seq in _column("seq", int, found.data):
                newest[site_id] = seq
        return newest

    def _are_stored(self, updates: Sequence[Update]) -> bool:
        """Return whether all of ``updates`` are in the table.

        Called if the answer to the INSERT does not show that it is PostgREST's.
        """
        for start in range(0, len(updates), IDS_PER_REQUEST):
            ids = [str(update.id) for update in updates[start : start + IDS_PER_REQUEST]]
            query = self._client.table(TABLE).select("id").in_("id", ids)
            found = query.retry(enabled=False).execute().data
            if not set(ids) <= set(_column("id", str, found)):
                return False
        return True

    @contextmanager
    def _call(self) -> Iterator[None]:
        """Apply the deadline to the requests of the block, and turn their errors into ours."""
        seconds = live_settings().request_timeout.total_seconds()
        transport = self._transport
        try:
            with transport.call(seconds):
                yield
        except APIError as error:
            raise refusal_of(error, transport.answered) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise network.error_of(error, seconds) from error

    @property
    def _transport(self) -> Transport:
        return cast("Transport", self._client.options.httpx_client)

    @cached_property
    def _client(self) -> Client:
        settings = live_settings()
        key = (
            os.getpid(),
            threading.get_ident(),
            settings.supabase_url,
            settings.supabase_secret_key,
        )
        if key not in _clients:
            _clients[key] = _build_client(settings)
        return _clients[key]


def _build_client(settings: LiveSettings) -> Client:
    for name in ("SUPABASE_URL", "SUPABASE_SECRET_KEY"):
        if not getattr(settings, name.lower()):
            raise BroadcastUnavailable(
                f'SPOOL_LIVE["{name}"] is not set: copy it from the Supabase project\'s settings.'
            )
    options = ClientOptions(
        httpx_client=Transport(), auto_refresh_token=False, persist_session=False
    )
    try:
        return create_client(settings.supabase_url, settings.supabase_secret_key, options)
    except (SupabaseException, ValueError) as error:
        raise BroadcastUnavailable(
            f'SPOOL_LIVE["SUPABASE_URL"] is not the address of a Supabase project ({error}): it '
            "begins with https://."
        ) from error


def is_created(answer: httpx.Response) -> bool:
    """Return whether ``answer`` is PostgREST's to our INSERT, whether or not the rows existed.

    Any other success comes from something else: a captive portal, a proxy or a mock server.
    """
    return answer.status_code == httpx.codes.CREATED and not answer.content


@contextmanager
def suppress_unless_refused(transport: Transport) -> Iterator[None]:
    """Ignore the official client's failure to parse a success: the caller checks the answer."""
    try:
        yield
    except APIError:
        if transport.answered is None or not transport.answered.is_success:
            raise


def refusal_of(error: APIError, answer: httpx.Response | None) -> BroadcastError:
    """Return our error for what the official client raised for ``answer``.

    It has the pause that the ``Retry-After`` header asks for, and the reason from the body.
    """
    status = answer.status_code if answer is not None else None
    if answer is not None and answer.is_success:
        return _not_postgrest()
    details = error.details if isinstance(error.details, str) else ""
    message = error.message or ""
    if status and error.code == str(status):  # not PostgREST's error: details is the page
        message = f"{message} {details}"
    message = message.replace(live_settings().supabase_secret_key or "\0", "[secret key]")
    refusal = error_for(error.code, message, details, status=status)
    asked = retry_after(answer.headers.get("Retry-After"), timezone.now()) if answer else None
    if asked or status == httpx.codes.TOO_MANY_REQUESTS:
        return BroadcastUnavailable(
            f"Supabase asks for a pause (HTTP {status}). {refusal}", retry_after=asked
        )
    return refusal


def _column(name: str, kind: type[Value], rows: Any) -> list[Value]:
    """Return the values of the column ``name``, all of the type ``kind``.

    Raises ``BroadcastUnavailable`` if ``rows`` cannot be PostgREST's.
    """
    if not isinstance(rows, list):
        raise _not_postgrest()
    values = [row.get(name) if isinstance(row, dict) else None for row in rows]
    if not all(type(value) is kind for value in values):
        raise _not_postgrest()
    return cast("list[Value]", values)


def _as(kind: type[Answer], data: Any) -> Answer:
    """Return what one of our functions answered, as a ``kind``.

    Raises ``BroadcastUnavailable`` for anything else: proxies and captive portals may answer any
    request with a page and HTTP 200.
    """
    expected = {field.name: field.type for field in fields(kind)}
    if not isinstance(data, dict) or expected != {k: type(v).__name__ for k, v in data.items()}:
        raise _not_postgrest()
    return kind(**data)


def _mirrored(answer: dict[str, Any]) -> MirrorAnswer | BroadcastError:
    refusal = answer.get("error")
    if refusal is None:
        return _as(MirrorAnswer, answer)
    return BroadcastError(str(error_for(refusal["code"], refusal["message"])))


def _not_postgrest() -> BroadcastUnavailable:
    return BroadcastUnavailable(_NOT_POSTGREST)
