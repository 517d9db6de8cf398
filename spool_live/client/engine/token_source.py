"""Fetches tokens, one at a time, and knows when the next one is due."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

from spool_live.client.engine.api import ContentApi
from spool_live.client.engine.tokens import RealtimeToken
from spool_live.client.exceptions import RateLimitedError, ServerUnreachableError, TransientError
from spool_live.client.policy import Random, Timing, refresh_in, retry_delay


class TokenSource:
    """Holds the current token. Times are of the monotonic clock and counted from its receipt."""

    def __init__(
        self,
        api: ContentApi,
        timing: Timing,
        *,
        now: Callable[[], float] = time.monotonic,
        rand: Random = random.random,
    ) -> None:
        self.current: RealtimeToken | None = None
        self._api = api
        self._timing = timing
        self._now = now
        self._rand = rand
        self._life: float | None = None
        self._failures = 0
        self._due_at = now()
        self._changed = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    async def for_join(self) -> RealtimeToken:
        """Return a fresh token; the one we have, where the CMS is away and it still lives."""
        try:
            return await self.fetch()
        except (ServerUnreachableError, RateLimitedError):
            if self.current is None or self.current.expired(self._now()):
                raise
            return self.current

    async def fetch(self) -> RealtimeToken:
        """Return whether to ask for a new one. After a failure the next is due when it makes sense
        to ask again."""
        async with self._one_at_a_time:
            try:
                token = await self._api.token()
            except TransientError as error:
                self._failures += 1
                delay = retry_delay(self._failures, error.retry_after, self._timing, self._rand)
                self._plan(self._now() + delay)
                raise
            self._failures = 0
            self.current = token
            life = min(token.lifetime, self._life or token.lifetime)
            self._plan(token.received_at + refresh_in(life, self._timing))
            return token

    async def due(self) -> None:
        """Return when it is time to fetch a new one."""
        while (delay := self._due_at - self._now()) > 0:
            self._changed.clear()
            try:
                async with asyncio.timeout(delay):
                    await self._changed.wait()
            except TimeoutError:
                pass

    def request(self, within: float = 0.0) -> None:
        """Somebody needs a new one, at a random moment within so many seconds."""
        self._plan(min(self._due_at, self._now() + within * self._rand()))

    def refused_as_expired(self) -> bool:
        """Realtime says that the token has expired.

        If that was before its time, Realtime's clock is ahead of the CMS's, and from now on tokens
        are refreshed earlier. Returns False for a token so young that this cannot help.
        """
        if self.current is None:
            return True
        age = self._now() - self.current.received_at
        if self._timing.born_expired < age < self.current.lifetime:
            self._life = age
        self.current = None
        return age >= self._timing.born_expired

    def _plan(self, due_at: float) -> None:
        self._due_at = due_at
        self._changed.set()
