"""Throttling: by key, by address, by failure; and who is never held up by others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from spool_live import keys, throttling
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery import mirror
from spool_live.keys import PlainKey
from spool_live.models import FailedAuthentication, Site, SiteApiKey
from tests.api.conftest import Call

pytestmark = pytest.mark.django_db
MakeKey = Callable[..., tuple[SiteApiKey, PlainKey]]
WRONG = keys.with_checksum(f"spool_{'z' * 12}_{'z' * 43}")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The moment that requests are counted at: set ``clock.now``."""

    class Clock:
        now = 1_900_000_040.0  # 20 s into a minute

        def time(self) -> float:
            return self.now

    clock = Clock()
    monkeypatch.setattr("spool_live.api.throttles.time", clock)
    return clock


def test_key_beyond_its_rate_waits_for_the_next_window(
    make_key: MakeKey, call: Call, live: Any, clock: Any
) -> None:
    live(TOKEN_RATE="2/min")
    key, plain = make_key()
    _, other = make_key(key.site)
    assert [call("post", "token/", plain).status_code for _ in range(3)] == [200, 200, 429]
    refused = call("post", "token/", plain)
    assert refused.json()["code"] == "throttled"
    assert refused["Retry-After"] == "40"
    assert call("post", "token/", other).status_code == 200, "another key of the same site"
    assert call("get", "updates/", plain).status_code == 200, "catch-up has its own rate"
    clock.now += 40
    assert call("post", "token/", plain).status_code == 200


def test_catch_ups_are_counted_by_key(make_key: MakeKey, call: Call, live: Any, clock: Any) -> None:
    live(UPDATES_RATE="2/min")
    key, plain = make_key()
    _, same_site = make_key(key.site)
    _, other_site = make_key()
    assert [call("get", "updates/", plain).status_code for _ in range(3)] == [200, 200, 429]
    assert call("get", "updates/", same_site).status_code == 200
    assert call("get", "updates/", other_site).status_code == 200


def test_new_epoch_gives_the_key_its_rate_anew_once(
    make_key: MakeKey, call: Call, live: Any, clock: Any
) -> None:
    live(TOKEN_RATE="1/min")
    key, plain = make_key()
    other, _ = make_key(key.site)
    assert call("post", "token/", plain).status_code == 200
    assert call("post", "token/", plain).status_code == 429
    keys.revoke_key(other)
    mirror.mirror_pending("default", MemoryBroadcaster())
    again = call("post", "token/", plain)
    assert (again.status_code, again.json()["epoch"]) == (200, 2)
    assert call("post", "token/", plain).status_code == 429


def test_address_beyond_its_rate_waits_whatever_its_keys(
    make_key: MakeKey, call: Call, live: Any, clock: Any
) -> None:
    live(ADDRESS_RATE="2/min")
    _, one = make_key()
    _, two = make_key(Site.objects.create(name="Herald"))
    assert call("get", "site/", one).status_code == 200
    assert call("get", "site/", two).status_code == 200
    assert call("get", "site/", one).status_code == 429
    assert call("get", "site/", one, REMOTE_ADDR="192.0.2.9").status_code == 200


def test_empty_rate_is_no_limit(make_key: MakeKey, call: Call, live: Any) -> None:
    live(UPDATES_RATE="", ADDRESS_RATE="")
    _, plain = make_key()
    assert {call("get", "site/", plain).status_code for _ in range(20)} == {200}


def test_failures_beyond_the_allowance_wait_longer_each_time(
    call: Call, live: Any, clock: Any
) -> None:
    live(FAILURE_ALLOWANCE=3)
    answers = [call("post", "token/", WRONG) for _ in range(7)]
    assert [a.status_code for a in answers] == [401, 401, 401, 401, 429, 429, 429]
    assert [a["Retry-After"] for a in answers[4:]] == ["2", "4", "8"]
    clock.now += 8.5
    assert call("post", "token/", WRONG).status_code == 401, "it waited as long as the answer asked"


def test_penalty_has_an_end(call: Call, live: Any, clock: Any) -> None:
    live(FAILURE_ALLOWANCE=0, FAILURE_PENALTY_MAX=60)
    answers = [call("post", "token/", WRONG) for _ in range(40)]
    assert answers[-1]["Retry-After"] == "60"


def test_right_key_works_under_a_flood_of_wrong_ones_from_its_own_address(
    make_key: MakeKey, call: Call, live: Any
) -> None:
    live(FAILURE_ALLOWANCE=5, ADDRESS_RATE="100/min")
    key, plain = make_key()
    wrong = keys.with_checksum(f"{key.prefix}_{'z' * 43}")
    for n in range(300):
        assert call("post", "token/", WRONG if n % 2 else wrong).status_code in (401, 429)
        if n % 30 == 0:
            assert call("post", "token/", plain).status_code == 200
    assert call("get", "updates/", plain).status_code == 200


def test_prefix_that_exists_is_answered_as_one_that_does_not(
    make_key: MakeKey, call: Call, live: Any, clock: Any
) -> None:
    live(FAILURE_ALLOWANCE=2)
    key, _ = make_key()
    invented = f"{key.prefix[:-4]}{'aaaa' if key.prefix[-4:] != 'aaaa' else 'bbbb'}"
    answers = []
    for number, prefix in enumerate((key.prefix, invented)):
        wrong = keys.with_checksum(f"{prefix}_{'z' * 43}")
        for _ in range(6):
            answer = call("post", "token/", wrong, REMOTE_ADDR=f"192.0.2.{number}")
            wait = answer.get("Retry-After")
            answers.append((number, answer.status_code, wait, answer.content))
    assert [rest for number, *rest in answers if number == 0] == [
        rest for number, *rest in answers if number == 1
    ]
    assert {status for _, status, *_ in answers} == {401, 429}


def test_nobody_who_knows_a_prefix_keeps_its_owner_waiting(
    make_key: MakeKey, call: Call, live: Any, clock: Any
) -> None:
    live(FAILURE_ALLOWANCE=2)
    key, _ = make_key()
    wrong = keys.with_checksum(f"{key.prefix}_{'z' * 43}")
    for number in range(50):
        call("post", "token/", wrong, REMOTE_ADDR=f"192.0.2.{number % 5}")
    mistyped = keys.with_checksum(f"{key.prefix}_{'y' * 43}")
    assert call("post", "token/", mistyped, REMOTE_ADDR="198.51.100.1").status_code == 401


def test_failures_are_kept_by_prefix_address_and_reason(
    make_key: MakeKey, call: Call, live: Any
) -> None:
    key, plain = make_key()
    wrong = keys.with_checksum(f"{key.prefix}_{'z' * 43}")
    for _ in range(3):
        call("post", "token/", wrong, REMOTE_ADDR="192.0.2.1")
    call("post", "token/", WRONG, REMOTE_ADDR="192.0.2.1")
    call("post", "token/", REMOTE_ADDR="192.0.2.2")
    call("get", "updates/", "a.b.c", bearer=True, REMOTE_ADDR="2001:db8::17")
    keys.revoke_key(key)
    call("post", "token/", plain, REMOTE_ADDR="192.0.2.3")
    assert FailedAuthentication.objects.count() == 0, "no write while the request waits"
    throttling.failure_log.write_now()
    rows = FailedAuthentication.objects.values_list("address", "prefix", "reason", "count")
    assert set(rows) == {
        ("192.0.2.1", key.prefix, "wrong_secret", 3),
        ("192.0.2.1", "", "unknown", 1),
        ("192.0.2.2", "", "missing", 1),
        ("2001:db8::/64", "", "bad_token", 1),
        ("192.0.2.3", key.prefix, "revoked", 1),
    }


def test_client_behind_proxies_is_counted_by_its_own_address(
    make_key: MakeKey, call: Call, live: Any
) -> None:
    live(ADDRESS_RATE="1/min", TRUSTED_PROXIES=1)
    _, plain = make_key()
    assert call("get", "site/", plain, HTTP_X_FORWARDED_FOR="192.0.2.1").status_code == 200
    assert call("get", "site/", plain, HTTP_X_FORWARDED_FOR="192.0.2.2").status_code == 200
    forged = "198.51.100.7, 192.0.2.1"
    assert call("get", "site/", plain, HTTP_X_FORWARDED_FOR=forged).status_code == 429


def test_forwarded_header_means_nothing_without_a_trusted_proxy(
    make_key: MakeKey, call: Call, live: Any
) -> None:
    live(ADDRESS_RATE="1/min")
    _, plain = make_key()
    assert call("get", "site/", plain, HTTP_X_FORWARDED_FOR="192.0.2.1").status_code == 200
    assert call("get", "site/", plain, HTTP_X_FORWARDED_FOR="192.0.2.2").status_code == 429


class DeadCache:
    """Raises as a client library does whose server is down."""

    def __getattr__(self, name: str) -> Any:
        raise ConnectionError("the cache is down")


def test_dead_cache_neither_stops_requests_nor_the_throttle(
    make_key: MakeKey,
    call: Call,
    live: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    live(TOKEN_RATE="3/min", FAILURE_ALLOWANCE=1)
    _, plain = make_key()
    monkeypatch.setattr("spool_live.throttling.counting.shared_cache", DeadCache)
    assert [call("post", "token/", plain).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert [call("post", "token/", WRONG).status_code for _ in range(3)] == [401, 401, 429]
    errors = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
    assert len(errors) == 1, "logged once, not with every request"
    assert "THROTTLE_CACHE" in errors[0]
