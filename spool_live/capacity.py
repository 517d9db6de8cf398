"""How much load a Supabase project carries, in both modes, with the arithmetic shown. Pure.

A message is a WebSocket message that is sent to or by a client. The cost of Postgres Changes was
measured on the real server: one poller per project takes 30 us for each subscription and inserted
row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, inf

from spool_live.conf import POSTGRES_CHANGES_BATCH
from spool_live.plans import SupabasePlan

UPDATES_PER_MESSAGE = 100
"""Maximum of updates in one broadcast message."""
CHECKS_PER_SECOND = 10_000
"""A third of what one poller can check, as measured: the rest is for other tables and bursts."""
CHECKS_PER_TRANSACTION = 200_000
"""Well below 15 seconds of the poller's time, after which it loses its connection and its slot."""
JITTER_SECONDS = 2.0
"""Seconds over which the subscribers of a site spread their joins after its epoch has changed."""
AVERAGED_OVER = 60
"""Realtime averages the rate of messages over so many seconds, so a short burst may exceed it."""

BOTH, BROADCAST, POSTGRES_CHANGES = "both", "broadcast", "postgres_changes"
"""The modes that a ``Quantity`` may belong to."""


@dataclass(frozen=True, slots=True)
class Load:
    """The expected load: ``subscribers`` of each site, ``edits_per_minute`` of all sites together,
    ``burst`` rows in the largest bulk edit of one site."""

    sites: int
    subscribers: int
    edits_per_minute: float
    burst: int = 1

    @property
    def connections(self) -> int:
        """The connections of all subscribers of all sites."""
        return self.sites * self.subscribers

    @property
    def edits_per_second(self) -> float:
        """The edits per second of all sites together."""
        return self.edits_per_minute / 60


@dataclass(frozen=True, slots=True)
class Quantity:
    """One quantity: how it is calculated, its value and its limit."""

    mode: str
    quantity: str
    arithmetic: str
    value: float
    limit: float

    @property
    def fits(self) -> bool:
        """Whether the value is within the limit."""
        return self.value <= self.limit


def reckon(load: Load, plan: SupabasePlan) -> Iterator[Quantity]:
    """Yield every quantity that ``plan`` or Realtime limits, for ``load``."""
    each, rate, burst = load.subscribers, load.edits_per_second, load.burst
    yield Quantity(
        BOTH, "connections", f"{load.sites} sites x {each}", load.connections, plan.connections
    )
    yield Quantity(
        BOTH,
        "messages/s",
        f"{load.edits_per_minute:g}/60 edits x {each} subscribers of a site",
        rate * each,
        plan.messages_per_second,
    )
    parts = ceil(burst / UPDATES_PER_MESSAGE)
    batch = min(burst, POSTGRES_CHANGES_BATCH)
    yield Quantity(
        BROADCAST,
        "messages/s of a bulk edit",
        f"{burst}/{UPDATES_PER_MESSAGE} = {parts} messages x {each} / {AVERAGED_OVER} s",
        parts * each / AVERAGED_OVER,
        plan.messages_per_second,
    )
    yield Quantity(
        BROADCAST,
        "joins/s after a key is revoked",
        f"{each} subscribers / {JITTER_SECONDS:g} s",
        each / JITTER_SECONDS,
        plan.joins_per_second,
    )
    yield Quantity(
        POSTGRES_CHANGES,
        "messages/s of a bulk edit",
        f"{burst} rows x {each} / {AVERAGED_OVER} s",
        burst * each / AVERAGED_OVER,
        plan.messages_per_second,
    )
    yield Quantity(
        POSTGRES_CHANGES,
        "checks/s",
        f"{load.edits_per_minute:g}/60 edits x {load.connections} subscriptions",
        rate * load.connections,
        CHECKS_PER_SECOND,
    )
    yield Quantity(
        POSTGRES_CHANGES,
        "checks of a bulk edit",
        f"{batch} rows at a time x {load.connections} subscriptions",
        batch * load.connections,
        CHECKS_PER_TRANSACTION,
    )


def suffices(mode: str, lines: list[Quantity]) -> bool:
    """Return whether every one of ``lines`` that concerns ``mode`` is within its limit."""
    return all(line.fits for line in lines if line.mode in (BOTH, mode))


def ends_at(mode: str, load: Load, plan: SupabasePlan) -> float:
    """Return the highest number of edits a minute that ``mode`` carries, with the rest of ``load``
    unchanged; 0 if a limit that does not depend on the edits is exceeded."""
    others = [
        line for line in reckon(load, plan) if line.quantity not in ("messages/s", "checks/s")
    ]
    if not suffices(mode, others):
        return 0.0
    by_messages = 60 * plan.messages_per_second / load.subscribers if load.subscribers else inf
    by_checks = 60 * CHECKS_PER_SECOND / load.connections if load.connections else inf
    return min(by_messages, by_checks) if mode == POSTGRES_CHANGES else by_messages
