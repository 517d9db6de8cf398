"""The tools of ``spool_live.testing`` for unittest."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.test import SimpleTestCase

from spool_live.testing.capturing import CapturedUpdate, captured_updates
from spool_live.testing.delivering import deliver_now, in_memory
from spool_live.testing.sites import LiveSite, live_site
from spool_live.updates import Update


class LiveUpdatesMixin(SimpleTestCase):
    """Test helpers for a ``TestCase`` or ``TransactionTestCase``: ``class Tests(LiveUpdatesMixin,
    TestCase)``.

    Within each test updates are delivered to memory, as by ``in_memory``, whose broadcaster is
    ``self.broadcaster``.
    """

    def setUp(self) -> None:
        super().setUp()
        self.broadcaster: Any = self.enterContext(in_memory())
        """The ``MemoryBroadcaster`` that updates are delivered to."""

    def capturedUpdates(  # noqa: N802 - as unittest spells it
        self, using: str = DEFAULT_DB_ALIAS
    ) -> AbstractContextManager[list[CapturedUpdate]]:
        """Return a context manager whose list holds, after the block, what was recorded within
        it, as ``captured_updates`` does."""
        return captured_updates(using)

    def deliverNow(self, using: str = DEFAULT_DB_ALIAS) -> list[Update]:  # noqa: N802
        """Deliver the updates that wait on ``using`` and return them, as ``deliver_now`` does."""
        return deliver_now(using)

    def liveSite(self, name: str = "Test site") -> LiveSite:  # noqa: N802
        """Create a site named ``name`` with one API key, as ``live_site`` does."""
        return live_site(name)
