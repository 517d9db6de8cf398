"""What every channel of a server works with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from spool_live.local.config import LocalSupabaseConfig
from spool_live.local.realtime.database import SessionPool
from spool_live.local.realtime.dormancy import Dormancy
from spool_live.local.realtime.hub import Hub
from spool_live.local.realtime.options import RealtimeOptions
from spool_live.local.realtime.policies import ChannelPolicies
from spool_live.local.realtime.presence import PresenceBook
from spool_live.local.realtime.rates import Rate
from spool_live.local.realtime.subscriptions import Subscriptions


@dataclass(frozen=True)
class Services:
    """The shared parts. ``now`` gives seconds since the epoch."""

    config: LocalSupabaseConfig
    options: RealtimeOptions
    now: Callable[[], float]
    sessions: SessionPool
    policies: ChannelPolicies
    subscriptions: Subscriptions
    dormancy: Dormancy
    joins: Rate
    messages: Rate
    """Broadcasts, as they come and as they go to each receiver."""
    rows: Rate
    """``postgres_changes``, per receiver."""
    hub: Hub = field(default_factory=Hub)
    presences: PresenceBook = field(default_factory=PresenceBook)
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once somebody has opened a socket."""
    streaming: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while changes come in from PostgreSQL."""
