"""Fetches tokens, one at a time, and schedules the next."""

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
    """The current token, and the time of the next. Times are in seconds on the monotonic clock."""

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
        """Return a fresh token, or the current valid one if the CMS is unreachable."""
        try:
            return await self.fetch()
        except (ServerUnreachableError, RateLimitedError):
            if self.current is None or self.current.expired(self._now()):
                raise
            return self.current

    async def fetch(self) -> RealtimeToken:
        """Return a new token from the CMS, and schedule the next one.

        A ``TransientError`` is raised after the next attempt has been scheduled.
        """
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
        """Return when it is time to fetch a new token."""
        while (delay := self._due_at - self._now()) > 0:
            self._changed.clear()
            try:
                async with asyncio.timeout(delay):
                    await self._changed.wait()
            except TimeoutError:
                pass

    def request(self, within: float = 0.0) -> None:
        """Schedule a new token at a random moment within this many seconds."""
        self._plan(min(self._due_at, self._now() + within * self._rand()))

    def refused_as_expired(self) -> bool:
        """Discard the current token, which Realtime refused as expired.

        If it should still be valid, Realtime's clock is ahead of the CMS's, and from now on tokens
        are refreshed earlier. Return False if the token was so new that this cannot help.
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
