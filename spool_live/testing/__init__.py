"""Tools for the tests of a project: see what an edit recorded, deliver it, create sites with a key.

A process that runs tests delivers nothing by itself (see ``NUDGE_IN_TESTS``). For unittest there is
``LiveUpdatesMixin``; for pytest there are the fixtures of ``spool_live.testing.fixtures``:

    pytest_plugins = ["spool_live.testing.fixtures"]
"""

from __future__ import annotations

from spool_live.testing.capturing import CapturedUpdate, captured_updates
from spool_live.testing.delivering import deliver_now, in_memory
from spool_live.testing.mixins import LiveUpdatesMixin
from spool_live.testing.sites import LiveSite, live_site

__all__ = [
    "CapturedUpdate",
    "LiveSite",
    "LiveUpdatesMixin",
    "captured_updates",
    "deliver_now",
    "in_memory",
    "live_site",
]
