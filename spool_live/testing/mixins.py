"""The same for unittest."""

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
    """For a ``TestCase`` or ``TransactionTestCase``: ``class Tests(LiveUpdatesMixin, TestCase)``.

    Within each test updates are delivered to memory: see :func:`~spool_live.testing.in_memory`.
    """

    def setUp(self) -> None:
        super().setUp()
        self.broadcaster: Any = self.enterContext(in_memory())

    def capturedUpdates(  # noqa: N802 - as unittest spells it
        self, using: str = DEFAULT_DB_ALIAS
    ) -> AbstractContextManager[list[CapturedUpdate]]:
        """See :func:`~spool_live.testing.captured_updates`."""
        return captured_updates(using)

    def deliverNow(self, using: str = DEFAULT_DB_ALIAS) -> list[Update]:  # noqa: N802
        """See :func:`~spool_live.testing.deliver_now`."""
        return deliver_now(using)

    def liveSite(self, name: str = "Test site") -> LiveSite:  # noqa: N802
        """See :func:`~spool_live.testing.live_site`."""
        return live_site(name)
