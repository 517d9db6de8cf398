"""The client's timing: durations and pure functions, without a clock and without sockets."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

Random = Callable[[], float]


@dataclass(frozen=True)
class Timing:
    """The client's durations, in seconds. The defaults suit production; tests shrink them."""

    backoff_initial: float = 1.0
    """Upper bound of the wait before the first attempt to reconnect."""
    backoff_factor: float = 2.0
    """By how much that bound grows with each further attempt; a plain number."""
    backoff_maximum: float = 30.0
    """Largest bound of the wait before an attempt to reconnect."""
    stable_after: float = 5.0
    """After this long live, attempts to reconnect are counted from zero again."""
    request: float = 10.0
    """Timeout of an HTTP request to the CMS."""
    join: float = 15.0
    """Timeout of a join. Realtime waits 5 seconds before it answers a bad one."""
    ready_broadcast: float = 5.0
    """How long to wait for "Replication connection established", which older servers never say."""
    ready_postgres_changes: float = 30.0
    """How long to wait for "Subscribed to PostgreSQL"; an idle project needs a few seconds."""
    close: float = 2.0
    """How long closing the socket may take before it is cut."""
    refresh_at: float = 0.75
    """The part of a token's life after which the next one is fetched; between 0 and 1."""
    born_expired: float = 5.0
    """A token refused as expired within this time is not old: one of the clocks is wrong."""
    refused_maximum: float = 60.0
    """Longest wait before the next join while joins are refused."""
    epoch_jitter: float = 2.0
    """After ``reauthenticate`` a token is fetched at a random moment within this time."""
    catch_up_interval: float = 60.0
    """Time between two catch-ups while the socket is live, with broadcast."""
    catch_up_interval_changes: float = 15.0
    """The same with Postgres Changes, where a subscription can fall silent without a sign."""
    catch_up_confirm: float = 0.25
    """Wait before asking again about a gap that the log does not show yet."""
    poll_initial: float = 2.0
    """Time between the first polls while there is no socket; it grows while nothing happens."""
    poll_maximum: float = 30.0
    """Longest time between two polls while there is no socket."""
    suspicion: float = 5.0
    """How much later than the log the socket may be before the phase is ``delayed``."""
    patience_maximum: float = 300.0
    """Longest time that a late socket is given before it is replaced."""
    tick: float = 1.0
    """Time between two looks at the state of the socket."""
    wake: float = 10.0
    """A jump of the wall clock that is larger than this means that the computer was asleep."""


def backoff(attempt: int, timing: Timing, rand: Random = random.random) -> float:
    """Return the seconds to wait before the attempt (from 1): exponential, capped, with full
    jitter.

    Full jitter (uniform between zero and the cap) spreads a crowd of clients best; see the AWS
    Architecture Blog, "Exponential Backoff And Jitter".
    """
    exponent = min(attempt - 1, 32)  # the cap is long reached; keeps the power finite
    ceiling = timing.backoff_initial * timing.backoff_factor**exponent
    return rand() * min(ceiling, timing.backoff_maximum)


def retry_delay(
    attempt: int, retry_after: float | None, timing: Timing, rand: Random = random.random
) -> float:
    """Return the back-off, or what the server asked for if that is longer (plus up to a tenth)."""
    delay = backoff(attempt, timing, rand)
    if retry_after is None:
        return delay
    return max(delay, retry_after * (1 + rand() / 10))


def refused_delay(refusals: int, timing: Timing, rand: Random = random.random) -> float:
    """Return the seconds to wait before the next join after so many (from 1) that were refused.

    A policy may be a moment later than a key, and a wrong secret is repaired by people: so the
    pauses grow to ``refused_maximum`` and stay there. Only the upper half is random: each refused
    join keeps a process of Realtime busy for five seconds.
    """
    exponent = min(refusals - 1, 32)
    ceiling = timing.backoff_initial * timing.backoff_factor**exponent
    return min(ceiling, timing.refused_maximum) * (1 + rand()) / 2


def poll_interval(idle_polls: int, timing: Timing, rand: Random = random.random) -> float:
    """Return the seconds between catch-ups while there is no socket: polite when nothing happens.

    Half of it up or down at random, as all clients begin to poll at the same moment.
    """
    interval = min(timing.poll_initial * 1.5 ** min(idle_polls, 32), timing.poll_maximum)
    return float(interval * (0.5 + rand()))


def jittered(interval: float, rand: Random = random.random) -> float:
    """Return the interval, give or take a fifth, so that clients do not march in step."""
    return interval * (0.8 + 0.4 * rand())


def refresh_in(lifetime: float, timing: Timing) -> float:
    """Return the seconds after its receipt at which a token with this lifetime is to be
    replaced."""
    return lifetime * timing.refresh_at
