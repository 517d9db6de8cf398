"""The same for pytest: ``pytest_plugins = ["spool_live.testing.fixtures"]``. With pytest-django."""

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
    """Deliver updates to memory: see ``in_memory``."""
    with testing.in_memory() as broadcaster:
        yield broadcaster


@pytest.fixture
def captured_updates(db: Any) -> Callable[..., AbstractContextManager[list[CapturedUpdate]]]:
    """See ``captured_updates``."""
    return testing.captured_updates


@pytest.fixture
def deliver_now(db: Any, live_broadcaster: Any) -> Callable[..., list[Update]]:
    """See ``deliver_now``."""
    return testing.deliver_now


@pytest.fixture
def live_site(db: Any) -> LiveSite:
    """Create a site with a key: see ``live_site``."""
    return testing.live_site()
