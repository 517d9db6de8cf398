"""The log of updates, read from the CMS, or in part from Supabase while the CMS does not answer."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

from spool_live.client.engine.api import ContentApi, ssl_context
from spool_live.client.engine.sequencer import Page
from spool_live.client.engine.tokens import RealtimeToken
from spool_live.client.exceptions import (
    LiveUpdatesError,
    RateLimitedError,
    ServerUnreachableError,
    TransientError,
)
from spool_live.client.policy import Timing
from spool_live.client.state import LogSource
from spool_live.client.updates import LiveUpdate

PAGE_SIZE = 500
_COLUMNS = "id,site_id,event_type,collection,slug,item_id,timestamp,metadata,seq"


class UpdateLog:
    """Answers "what came after N?": from the CMS, or else from PostgREST with an unexpired token.

    ``source`` is where the last answer came from, ``trouble`` the error if that was not the CMS.
    """

    def __init__(
        self, api: ContentApi, token: Callable[[], RealtimeToken | None], timing: Timing
    ) -> None:
        self._api = api
        self._token = token
        self._timing = timing
        self.source = LogSource.NONE
        self.trouble: LiveUpdatesError | None = None

    async def read(self, after: int, limit: int = PAGE_SIZE) -> Page:
        """Return the page after this sequence number, with at most ``limit`` updates.

        Raises the CMS's error if neither the CMS nor Supabase can be read.
        """
        try:
            page = await self._api.updates(after, limit)
        except RateLimitedError as error:
            self._note(LogSource.NONE, error)
            raise
        except ServerUnreachableError as error:
            try:
                page = await self._read_supabase(after, limit, error)
            except TransientError:
                self._note(LogSource.NONE, error)
                raise
            self._note(LogSource.POSTGREST, error)
        else:
            self._note(LogSource.CMS, None)
        return page

    def _note(self, source: LogSource, trouble: LiveUpdatesError | None) -> None:
        self.source, self.trouble = source, trouble

    async def _read_supabase(self, after: int, limit: int, cause: ServerUnreachableError) -> Page:
        token = self._token()
        if token is None or token.expired(time.monotonic()):
            raise cause
        try:
            rows = await self._select(token, after, limit)
            updates = [LiveUpdate.from_wire(row) for row in rows]
        except (httpx.HTTPError, KeyError, TypeError, ValueError) as error:
            raise cause from error
        return contiguous_page(updates, after, cause)

    async def _select(
        self, token: RealtimeToken, after: int, limit: int
    ) -> list[dict[str, object]]:
        async with httpx.AsyncClient(timeout=self._timing.request, verify=ssl_context()) as http:
            response = await http.get(
                f"{token.supabase_url}/rest/v1/live_updates",
                params={
                    "select": _COLUMNS,
                    "site_id": f"eq.{token.site_id}",
                    "seq": f"gt.{after}",
                    "order": "seq.asc",
                    "limit": limit,
                },
                headers={"apikey": token.supabase_key, "Authorization": f"Bearer {token.jwt}"},
            )
            response.raise_for_status()
            rows: list[dict[str, object]] = response.json()
            return rows


def contiguous_page(updates: list[LiveUpdate], after: int, cause: TransientError) -> Page:
    """Return a page of the updates that follow ``after`` without a gap.

    Supabase's table lacks updates that it refused and those older than an hour, so a gap in it
    proves nothing: only the CMS can close it. Raises ``cause`` if the very next update is missing.
    """
    run: list[LiveUpdate] = []
    for update in updates:
        if update.seq != after + len(run) + 1:
            break
        run.append(update)
    if updates and not run:
        raise cause
    last = after + len(run)
    return Page(updates=run, seq=last, next=last if run and len(run) == len(updates) else None)
