"""When to do what: numbers and pure functions, no clock and no sockets."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

Random = Callable[[], float]


@dataclass(frozen=True)
class Timing:
    """Every duration of the client, in seconds. The defaults suit production; tests shrink them."""

    backoff_initial: float = 1.0
    backoff_factor: float = 2.0
    backoff_maximum: float = 30.0
    stable_after: float = 5.0  # live this long, and the attempts count from zero again
    request: float = 10.0  # HTTP timeout
    join: float = 15.0  # Realtime waits 5 s before it answers a bad join
    ready_broadcast: float = 5.0  # older servers never say "replication connection established"
    ready_postgres_changes: float = 30.0  # a cold tenant needs a few seconds
    close: float = 2.0
    refresh_at: float = 0.75  # part of the token's life
    born_expired: float = 5.0  # expired sooner than this: not its age, but a clock is wrong
    refused_maximum: float = 60.0  # the longest pause between joins that are refused
    epoch_jitter: float = 2.0
    catch_up_interval: float = 60.0
    catch_up_interval_changes: float = 15.0  # nothing says that postgres_changes fell silent
    catch_up_confirm: float = 0.25  # before asking again about a gap the log does not show yet
    poll_initial: float = 2.0
    poll_maximum: float = 30.0
    suspicion: float = 5.0  # the socket may be this much later than the log
    patience_maximum: float = 300.0
    tick: float = 1.0
    wake: float = 10.0  # the wall clock jumped this much past the monotonic one: we slept


def backoff(attempt: int, timing: Timing, rand: Random = random.random) -> float:
    """Seconds to wait before the attempt (from 1): exponential, capped, with full jitter.

    Full jitter (uniform between zero and the cap) spreads a crowd of clients best; see the AWS
    Architecture Blog, "Exponential Backoff And Jitter".
    """
    exponent = min(attempt - 1, 32)  # the cap is long reached; keeps the power finite
    ceiling = timing.backoff_initial * timing.backoff_factor**exponent
    return rand() * min(ceiling, timing.backoff_maximum)


def retry_delay(
    attempt: int, retry_after: float | None, timing: Timing, rand: Random = random.random
) -> float:
    """The back-off, or what the server asked for if that is longer (plus up to a tenth)."""
    delay = backoff(attempt, timing, rand)
    if retry_after is None:
        return delay
    return max(delay, retry_after * (1 + rand() / 10))


def refused_delay(refusals: int, timing: Timing, rand: Random = random.random) -> float:
    """Seconds to wait before the next join after so many (from 1) that were refused.

    A policy may be a moment later than a key, and a wrong secret is repaired by people: so the
    pauses grow to `refused_maximum` and stay there. Only the upper half is random: each refused
    join keeps a process of Realtime busy for five seconds.
    """
    exponent = min(refusals - 1, 32)
    ceiling = timing.backoff_initial * timing.backoff_factor**exponent
    return min(ceiling, timing.refused_maximum) * (1 + rand()) / 2


def poll_interval(idle_polls: int, timing: Timing, rand: Random = random.random) -> float:
    """Seconds between catch-ups while there is no socket: polite when nothing happens.

    Half of it up or down at random, as all clients begin to poll at the same moment.
    """
    interval = min(timing.poll_initial * 1.5 ** min(idle_polls, 32), timing.poll_maximum)
    return float(interval * (0.5 + rand()))


def jittered(interval: float, rand: Random = random.random) -> float:
    """The interval, give or take a fifth, so that clients do not march in step."""
    return interval * (0.8 + 0.4 * rand())


def refresh_in(lifetime: float, timing: Timing) -> float:
    """Seconds after its receipt at which a token with this lifetime is to be replaced."""
    return lifetime * timing.refresh_at
