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
    """The factor by which that bound grows with each further attempt; not a duration."""
    backoff_maximum: float = 30.0
    """The largest value of that bound."""
    stable_after: float = 5.0
    """How long the connection must be live before failed attempts are counted from zero again."""
    request: float = 10.0
    """Timeout of an HTTP request to the CMS."""
    join: float = 15.0
    """Timeout of a join. Realtime waits 5 seconds before it refuses one."""
    ready_broadcast: float = 5.0
    """How long to wait for "Replication connection established", which older servers never send."""
    ready_postgres_changes: float = 30.0
    """How long to wait for "Subscribed to PostgreSQL"; an idle project needs a few seconds."""
    close: float = 2.0
    """How long closing the socket may take before the connection is aborted."""
    refresh_at: float = 0.75
    """The part of a token's life after which the next one is fetched; between 0 and 1."""
    born_expired: float = 5.0
    """A token that Realtime refuses as expired within this time of its receipt cannot be old: the
    clock of one server is wrong."""
    refused_maximum: float = 60.0
    """Longest wait before the next join while joins are refused."""
    epoch_jitter: float = 2.0
    """After ``reauthenticate`` a token is fetched at a random moment within this time."""
    catch_up_interval: float = 60.0
    """Time between two catch-ups while the socket is live, with broadcast."""
    catch_up_interval_changes: float = 15.0
    """The same with Postgres Changes, where a subscription can stop without notice."""
    catch_up_confirm: float = 0.25
    """Wait before asking again about a gap that the log does not show yet."""
    poll_initial: float = 2.0
    """Time between the first polls while there is no socket; it grows while nothing happens."""
    poll_maximum: float = 30.0
    """Longest time between two polls while there is no socket."""
    suspicion: float = 5.0
    """How far the socket may lag behind the log before the phase is ``delayed``."""
    patience_maximum: float = 300.0
    """Longest time that a socket which lags behind is kept before it is replaced."""
    tick: float = 1.0
    """Time between two checks of the socket."""
    wake: float = 10.0
    """A jump of the wall clock that is larger than this means that the computer was asleep."""


def backoff(attempt: int, timing: Timing, rand: Random = random.random) -> float:
    """Return the seconds to wait before ``attempt`` (from 1): exponential back-off, full jitter.

    Full jitter (uniform between zero and a cap) spreads many clients best; see the AWS
    Architecture Blog, "Exponential Backoff And Jitter".
    """
    exponent = min(attempt - 1, 32)  # the cap is reached long before; this keeps the power finite
    ceiling = timing.backoff_initial * timing.backoff_factor**exponent
    return rand() * min(ceiling, timing.backoff_maximum)


def retry_delay(
    attempt: int, retry_after: float | None, timing: Timing, rand: Random = random.random
) -> float:
    """Return the back-off in seconds, or ``retry_after`` (plus up to a tenth) if that is longer."""
    delay = backoff(attempt, timing, rand)
    if retry_after is None:
        return delay
    return max(delay, retry_after * (1 + rand() / 10))


def refused_delay(refusals: int, timing: Timing, rand: Random = random.random) -> float:
    """Return the seconds to wait before the next join after ``refusals`` (from 1) refused ones.

    A policy may reach Supabase a moment after the key, but a wrong secret has to be corrected by a
    person: so the pauses grow to ``refused_maximum`` and stay there. Only the upper half is random,
    because each refused join keeps a process of Realtime busy for five seconds.
    """
    exponent = min(refusals - 1, 32)
    ceiling = timing.backoff_initial * timing.backoff_factor**exponent
    return min(ceiling, timing.refused_maximum) * (1 + rand()) / 2


def poll_interval(idle_polls: int, timing: Timing, rand: Random = random.random) -> float:
    """Return the seconds between catch-ups without a socket; the interval grows while idle.

    It varies at random by half, because all clients begin to poll at the same moment.
    """
    interval = min(timing.poll_initial * 1.5 ** min(idle_polls, 32), timing.poll_maximum)
    return float(interval * (0.5 + rand()))


def jittered(interval: float, rand: Random = random.random) -> float:
    """Return the interval, varied at random by a fifth, so that clients do not act in step."""
    return interval * (0.8 + 0.4 * rand())


def refresh_in(lifetime: float, timing: Timing) -> float:
    """Return the age in seconds at which a token with this lifetime is to be replaced."""
    return lifetime * timing.refresh_at
