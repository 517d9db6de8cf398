"""The objects that all channels of a server share."""

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
    """The shared objects. ``now`` returns seconds since the epoch."""

    config: LocalSupabaseConfig
    options: RealtimeOptions
    now: Callable[[], float]
    sessions: SessionPool
    policies: ChannelPolicies
    subscriptions: Subscriptions
    dormancy: Dormancy
    joins: Rate
    messages: Rate
    """The rate of broadcasts, each counted once and once per receiver."""
    rows: Rate
    """The rate of ``postgres_changes``, counted per receiver."""
    hub: Hub = field(default_factory=Hub)
    presences: PresenceBook = field(default_factory=PresenceBook)
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a client has opened a socket."""
    streaming: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while changes are received from PostgreSQL."""
