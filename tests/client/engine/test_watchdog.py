"""The watchdog compares what a socket brings with what the log has."""

from __future__ import annotations

import pytest

from spool_live.client.engine.watchdog import Verdict, Watchdog
from spool_live.client.policy import Timing


@pytest.fixture
def watchdog() -> Watchdog:
    return Watchdog(Timing(suspicion=5, patience_maximum=20))


def test_socket_that_is_a_little_later_than_the_log_is_well(watchdog: Watchdog) -> None:
    watchdog.found(1, now=0)
    assert watchdog.verdict(4.9) is Verdict.HEALTHY
    watchdog.received(1)
    assert watchdog.verdict(100) is Verdict.HEALTHY


def test_log_that_has_only_what_was_heard_raises_no_suspicion(watchdog: Watchdog) -> None:
    watchdog.received(7)
    watchdog.found(7, now=0)
    assert not watchdog.suspicious


def test_silent_socket_gets_a_new_token_then_is_replaced(watchdog: Watchdog) -> None:
    watchdog.found(1, now=0)
    assert watchdog.verdict(5) is Verdict.RENEW_TOKEN
    assert watchdog.verdict(5) is Verdict.HEALTHY, "once"
    assert watchdog.verdict(14) is Verdict.HEALTHY, "the patience has doubled"
    assert watchdog.verdict(15) is Verdict.RECONNECT
    watchdog.joined()
    assert watchdog.suspicious, "nothing has proved that the new socket lives"
    assert watchdog.verdict(1000) is Verdict.HEALTHY


def test_socket_is_late_before_a_remedy_is_due_again(watchdog: Watchdog) -> None:
    watchdog.found(1, now=0)
    assert not watchdog.late(4.9)
    assert watchdog.late(5)
    watchdog.verdict(5)
    watchdog.verdict(15)
    watchdog.joined()
    assert not watchdog.late(15)
    watchdog.found(2, now=20)
    assert watchdog.verdict(25) is Verdict.HEALTHY, "the patience is 20 s by now"
    assert watchdog.late(25)
    watchdog.received(2)
    assert not watchdog.late(1000)


def test_socket_that_wakes_after_the_kick_is_well_again(watchdog: Watchdog) -> None:
    watchdog.found(1, now=0)
    watchdog.verdict(5)
    watchdog.received(2)
    assert not watchdog.suspicious
    watchdog.found(3, now=10)
    assert watchdog.verdict(15) is Verdict.RENEW_TOKEN


def test_useless_remedies_become_rare(watchdog: Watchdog) -> None:
    """Supabase may be unreachable for hours while the log grows."""
    now, verdicts = 0.0, []
    for seq in range(1, 7):
        watchdog.found(seq, now)
        start = now
        while (verdict := watchdog.verdict(now)) is Verdict.HEALTHY:
            now += 1
        verdicts.append((verdict, now - start))
        if verdict is Verdict.RECONNECT:
            watchdog.joined()
    assert [round(waited) for _, waited in verdicts] == [5, 10, 20, 20, 20, 20]
    assert [verdict for verdict, _ in verdicts] == [Verdict.RENEW_TOKEN, Verdict.RECONNECT] * 3
