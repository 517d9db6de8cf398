"""Fixtures for pytest-django: ``pytest_plugins = ["spool_live.testing.fixtures"]``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from spool_live import testing
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.testing import CapturedUpdate, LiveSite
from spool_live.updates import Update


@pytest.fixture
def live_broadcaster() -> Iterator[type[MemoryBroadcaster]]:
    """Deliver updates to memory, as ``in_memory`` does, and return its broadcaster."""
    with testing.in_memory() as broadcaster:
        yield broadcaster


@pytest.fixture
def captured_updates(db: Any) -> Callable[..., AbstractContextManager[list[CapturedUpdate]]]:
    """Return ``spool_live.testing.captured_updates``, for a test that uses the database."""
    return testing.captured_updates


@pytest.fixture
def deliver_now(db: Any, live_broadcaster: Any) -> Callable[..., list[Update]]:
    """Return ``spool_live.testing.deliver_now``; updates are delivered to memory only."""
    return testing.deliver_now


@pytest.fixture
def live_site(db: Any) -> LiveSite:
    """Create a site with an API key, as ``spool_live.testing.live_site`` does."""
    return testing.live_site()
