"""The broadcaster of production: the official ``supabase`` client with the project's secret key.

The only module that imports ``supabase``.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any, cast

import httpx
from django.utils import timezone
from postgrest.exceptions import APIError
from supabase import Client, ClientOptions, create_client

from spool_live.backoff import retry_after
from spool_live.broadcasters.base import Broadcaster, CleanupAnswer, MirrorAnswer
from spool_live.broadcasters.refusals import error_for
from spool_live.conf import LiveSettings, live_settings
from spool_live.exceptions import BroadcastUnavailable
from spool_live.updates import Update

TABLE = "live_updates"
TOO_MANY_REQUESTS = 429

_clients: dict[tuple[int, int, str, str], Client] = {}


class SupabaseBroadcaster(Broadcaster):
    """Writes to ``SPOOL_LIVE["SUPABASE_URL"]`` over one kept-alive HTTP/1.1 connection per thread.

    A client takes some 30 ms to build, so each thread of each process builds it once.
    """

    def broadcast(self, updates: Sequence[Update]) -> None:
        rows = [update.as_row() for update in updates]
        query = self._client.table(TABLE).upsert(
            rows,
            on_conflict="id",
            ignore_duplicates=True,
            returning=cast("Any", "minimal"),
        )
        with _translated():
            query.execute()

    def mirror(self, site: Mapping[str, Any]) -> MirrorAnswer:
        answer = self._call("spool_live_mirror", {"site": dict(site)})
        return MirrorAnswer(**answer)

    def cleanup(self, before: datetime, max_rows: int) -> CleanupAnswer:
        answer = self._call(
            "spool_live_cleanup", {"before": before.isoformat(), "max_rows": max_rows}
        )
        return CleanupAnswer(**answer)

    def newest_seqs(self, site_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
        newest: dict[uuid.UUID, int] = {}
        for site_id in site_ids:
            query = self._client.table(TABLE).select("seq").eq("site_id", str(site_id))
            newest_first = query.not_.is_("seq", "null").order("seq", desc=True).limit(1)
            with _translated():
                found = newest_first.retry(enabled=False).execute()  # we retry, with our delays
            for row in cast("list[dict[str, int]]", found.data):
                newest[site_id] = row["seq"]
        return newest

    def _call(self, function: str, arguments: dict[str, Any]) -> dict[str, Any]:
        with _translated():
            answer = self._client.rpc(function, arguments).execute()
        return cast("dict[str, Any]", answer.data)

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
            raise BroadcastUnavailable(f'SPOOL_LIVE["{name}"] is not set.')
    # HTTP/1.1: for big requests one after the other HTTP/2 is the slower one.
    transport = httpx.Client(
        timeout=settings.request_timeout.total_seconds(),
        limits=httpx.Limits(keepalive_expiry=60),
        http2=False,
        event_hooks={"response": [_heed_retry_after]},
    )
    options = ClientOptions(httpx_client=transport, auto_refresh_token=False, persist_session=False)
    return create_client(settings.supabase_url, settings.supabase_secret_key, options)


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
