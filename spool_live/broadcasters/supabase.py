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

from spool_live.broadcasters.base import Broadcaster, CleanupAnswer, MirrorAnswer
from spool_live.broadcasters.refusals import error_for
from spool_live.conf import LiveSettings, live_settings
from spool_live.exceptions import BroadcastUnavailable
from spool_live.retry_after import retry_after
from spool_live.updates import Update

TABLE = "live_updates"
TOO_MANY_REQUESTS = 429
_SHAPE: list[dict[str, Any]] = [dict.fromkeys(field.name for field in fields(Update))]
"""Tells the official client which columns the rows have."""

Answer = TypeVar("Answer", MirrorAnswer, CleanupAnswer)

_clients: dict[tuple[int, int, str, str], Client] = {}


class SupabaseBroadcaster(Broadcaster):
    """Writes to ``SPOOL_LIVE["SUPABASE_URL"]`` over one kept-alive HTTP/1.1 connection per thread.

    A client takes some 30 ms to build, so each thread of each process builds it once.
    """

    def prepare(self) -> None:
        """Builds this thread's client."""
        _ = self._client

    def broadcast(self, updates: Sequence[Update]) -> None:
        if not updates:
            return
        client = self._client
        query = client.table(TABLE).upsert(
            _SHAPE, on_conflict="id", ignore_duplicates=True, returning=cast("Any", "minimal")
        )
        cast("_Transport", client.options.httpx_client).body = orjson.dumps(updates)
        with _translated():
            answer = query.execute().data
        if answer:  # we asked for an empty one
            raise _not_postgrest()

    def mirror(self, site: Mapping[str, Any]) -> MirrorAnswer:
        with _translated():
            answer = self._client.rpc("spool_live_mirror", {"site": dict(site)}).execute()
        return _as(MirrorAnswer, answer.data)

    def cleanup(self, before: datetime, max_rows: int) -> CleanupAnswer:
        arguments = {"before": before.isoformat(), "max_rows": max_rows}
        with _translated():
            answer = self._client.rpc("spool_live_cleanup", arguments).execute()
        return _as(CleanupAnswer, answer.data)

    def newest_seqs(self, site_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
        newest: dict[uuid.UUID, int] = {}
        for site_id in site_ids:
            query = self._client.table(TABLE).select("seq").eq("site_id", str(site_id))
            newest_first = query.not_.is_("seq", "null").order("seq", desc=True).limit(1)
            with _translated():
                found = newest_first.retry(enabled=False).execute()  # we retry, with our delays
            if not isinstance(found.data, list):
                raise _not_postgrest()
            for row in cast("list[dict[str, int]]", found.data):
                newest[site_id] = row["seq"]
        return newest

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


class _Transport(httpx.Client):
    """The official client's transport, which sends a ``body`` that is set before a request in place
    of the client's own: that takes five times as long to encode rows."""

    body: bytes | None = None

    def build_request(self, *args: Any, **options: Any) -> httpx.Request:
        if self.body is not None:
            options["content"], self.body = self.body, None
        return super().build_request(*args, **options)


def _build_client(settings: LiveSettings) -> Client:
    for name in ("SUPABASE_URL", "SUPABASE_SECRET_KEY"):
        if not getattr(settings, name.lower()):
            raise BroadcastUnavailable(f'SPOOL_LIVE["{name}"] is not set.')
    # HTTP/1.1: for big requests one after the other HTTP/2 is the slower one.
    transport = _Transport(
        timeout=settings.request_timeout.total_seconds(),
        limits=httpx.Limits(keepalive_expiry=60),
        http2=False,
        event_hooks={"response": [_heed_retry_after]},
    )
    options = ClientOptions(httpx_client=transport, auto_refresh_token=False, persist_session=False)
    try:
        return create_client(settings.supabase_url, settings.supabase_secret_key, options)
    except (SupabaseException, ValueError) as error:
        raise BroadcastUnavailable(
            f'SPOOL_LIVE["SUPABASE_URL"] is no address of a Supabase project ({error}): it begins '
            "with https://."
        ) from error


def _heed_retry_after(response: httpx.Response) -> None:
    """Hears what the official client does not pass on: how long we are asked to stay away."""
    asked = retry_after(response.headers.get("Retry-After"), timezone.now())
    if response.is_error and (response.status_code == TOO_MANY_REQUESTS or asked is not None):
        raise BroadcastUnavailable(
            f"Supabase asks to be left alone (HTTP {response.status_code}).", retry_after=asked
        )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except APIError as error:
        raise error_for(error.code, error.message or "", error.details or "") from error
    except httpx.HTTPError as error:
        raise BroadcastUnavailable(
            f"Supabase cannot be reached ({type(error).__name__}): check "
            'SPOOL_LIVE["SUPABASE_URL"] and the network.'
        ) from error


def _as(kind: type[Answer], data: Any) -> Answer:
    """What one of our functions answered; proxies and portals answer 200 with pages, too."""
    try:
        return kind(**data)
    except TypeError as error:
        raise _not_postgrest() from error


def _not_postgrest() -> BroadcastUnavailable:
    return BroadcastUnavailable(
        'What answers at SPOOL_LIVE["SUPABASE_URL"] is no PostgREST with our functions: check the '
        "address and the proxies in between, and run manage.py live_setup."
    )
