"""Health and metrics."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError
from django.utils import timezone
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.parser import text_string_to_metric_families

from spool_live import broadcast_update, counts, keys, metrics
from spool_live.api import monitoring
from spool_live.delivery import deliver_pending
from spool_live.keys import PlainKey
from spool_live.models import OutboxEntry, SiteApiKey, SiteDelivery
from spool_live.status import snapshot
from spool_live.status.snapshot import kept
from spool_live.throttling.failures import write_failures
from spool_live.updates import EventType, LiveUpdateData
from tests.api.conftest import Call

pytestmark = pytest.mark.django_db(databases="__all__")
MakeKey = Callable[..., tuple[SiteApiKey, PlainKey]]
TOKEN = "m" * 32


def numbers(text: str) -> dict[str, float]:
    """Samples of the default database as ``name{label=value}``."""
    return {
        sample.name + "".join(f" {v}" for k, v in sorted(sample.labels.items()) if k != "database"):
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.labels.get("database", "default") == "default"
    }  # fmt: skip


def test_liveness_asks_nobody(call: Call, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = call("get", "health/")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_ready_when_tokens_can_be_served(call: Call) -> None:
    answer = call("get", "health/ready/")
    assert answer.status_code == 200
    checks = {"database": "ok", "signing_key": "ok", "throttle_cache": "ok"}
    assert answer.json() == {"status": "ok", "checks": checks}


def test_not_ready_without_database(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise DatabaseError("password=hunter2")

    monkeypatch.setattr(SiteDelivery.objects, "using", fail)
    answer = call("get", "health/ready/")
    assert (answer.status_code, answer.json()["checks"]["database"]) == (503, "failing")
    assert "hunter2" not in answer.content.decode()


def test_not_ready_without_signing_key(call: Call, live: Any) -> None:
    live(JWT_SIGNING_KEY="")
    answer = call("get", "health/ready/")
    assert (answer.status_code, answer.json()["checks"]["signing_key"]) == (503, "failing")


@pytest.mark.usefixtures("alive")
def test_status_is_one_word_and_an_age(make_key: MakeKey, call: Call) -> None:
    key, _ = make_key()
    answer = call("get", "health/status/")
    assert (answer.status_code, answer.json()) == (200, {"state": "ok", "age_seconds": None})
    broadcast_update(key.site, LiveUpdateData(EventType.UPDATED, "articles", uuid.uuid4()))
    OutboxEntry.objects.update(timestamp=timezone.now() - timedelta(seconds=90))
    kept.forget()
    answer = call("get", "health/status/")
    assert (answer.status_code, answer.json().keys()) == (503, {"state", "age_seconds"})
    assert answer.json()["state"] == "delayed"
    assert 89 < answer.json()["age_seconds"] < 120


def test_status_says_everything_to_whoever_has_the_token(call: Call, live: Any) -> None:
    assert call("get", "health/status/", TOKEN, bearer=True).json().keys() == {
        "state", "age_seconds",
    }  # fmt: skip
    live(METRICS_TOKEN=TOKEN)
    assert call("get", "health/status/", "wrong", bearer=True).status_code == 401
    answer = call("get", "health/status/", TOKEN, bearer=True)
    assert (answer.status_code, answer.json()["state"]) == (503, "stopped")
    assert "Is a Celery worker running" in answer.json()["problems"][0]["remedy"]
    assert call("get", "health/ready/").status_code == 200, "this process can serve"


def test_status_costs_nothing_while_it_is_kept(call: Call, django_assert_num_queries: Any) -> None:
    call("get", "health/status/")
    with django_assert_num_queries(0):
        call("get", "health/status/")


def test_metrics_do_not_exist_without_their_token(call: Call, live: Any) -> None:
    assert call("get", "metrics/").status_code == 404
    assert call("get", "metrics/", "", bearer=True).status_code == 404
    live(METRICS_TOKEN=TOKEN)
    for given in (None, "", "wrong", TOKEN[:-1]):
        assert call("get", "metrics/", given, bearer=True).status_code == 401
    assert call("get", "metrics/", TOKEN, bearer=True).status_code == 200


def test_api_key_does_not_open_the_metrics(make_key: MakeKey, call: Call, live: Any) -> None:
    live(METRICS_TOKEN=TOKEN)
    _, plain = make_key()
    assert call("get", "metrics/", plain).status_code == 401


def test_metrics_say_what_is_in_the_databases(make_key: MakeKey, call: Call, live: Any) -> None:
    live(METRICS_TOKEN=TOKEN)
    before = numbers(call("get", "metrics/", TOKEN, bearer=True).content.decode())
    key, _ = make_key()
    revoked, _ = make_key(key.site)
    make_key(key.site, expires_at=timezone.now() - timedelta(days=1))
    keys.revoke_key(revoked)
    for _ in range(3):
        broadcast_update(key.site, LiveUpdateData(EventType.UPDATED, "articles", uuid.uuid4()))
    entries = OutboxEntry.objects.filter(site_id=key.site_id)
    entries.update(timestamp=timezone.now() - timedelta(seconds=90))
    OutboxEntry.objects.filter(pk=entries[0].pk).update(state="dead")
    SiteDelivery.objects.filter(pk=key.site_id).update(retry_at=timezone.now())
    write_failures({("192.0.2.1", "", "unknown"): 7})
    answer = call("get", "metrics/", TOKEN, bearer=True)
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    after = numbers(answer.content.decode())
    grown = {name: after[name] - before.get(name, 0) for name in after}
    grown = {name: number for name, number in grown.items() if number and "_total" not in name}
    assert grown.pop("spool_live_outbox_oldest_pending_seconds") >= 89
    assert grown == {
        "spool_live_outbox_entries dead": 1,
        "spool_live_outbox_entries pending": 2,
        "spool_live_sites_held_up": 1,
        "spool_live_sites_mirror_pending": 1,
        "spool_live_api_keys active": 1,
        "spool_live_api_keys expired": 1,
        "spool_live_api_keys revoked": 1,
        "spool_live_failed_authentications_last_hour unknown": 7,
    }


@pytest.mark.usefixtures("nothing_counted")
def test_counts_are_of_all_processes(make_key: MakeKey, call: Call, live: Any) -> None:
    live(METRICS_TOKEN=TOKEN)
    key, plain = make_key()
    broadcast_update(key.site, LiveUpdateData(EventType.UPDATED, "articles", uuid.uuid4()))
    deliver_pending("default")
    assert call("post", "token/", plain).status_code == 200
    assert call("get", "updates/?after=0", plain).status_code == 200
    assert call("post", "token/", "spool_wrong").status_code == 401
    counts.write_now()
    counts.count(counts.TOKENS, 41)  # what another process counted
    counts.write_now()
    found = numbers(call("get", "metrics/", TOKEN, bearer=True).content.decode())
    assert found["spool_live_updates_total delivered"] == 1
    assert found["spool_live_tokens_total"] == 42
    assert found["spool_live_catch_ups_total recovered"] == 1
    assert found["spool_live_failed_authentications_total unknown"] == 1
    assert found["spool_live_supabase_requests_total broadcast ok"] == 1
    assert found["spool_live_delivery_seconds_count"] == 1
    assert found["spool_live_delivery_seconds_bucket +Inf"] == 1
    assert 0 < found["spool_live_delivery_seconds_sum"] < 60
    assert found["spool_live_batch_updates_bucket 1"] == 1


def test_collector_goes_with_a_projects_own_registry(alive: None) -> None:
    registry = CollectorRegistry()
    own = Gauge("own", "The project's.", registry=registry)
    own.set(3)
    registry.register(metrics.LiveCollector())
    assert registry.get_sample_value("own") == 3
    assert registry.get_sample_value("spool_live_state", {"state": "ok"}) == 1


def test_metrics_without_the_library_name_what_brings_it(
    call: Call, live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(METRICS_TOKEN=TOKEN)
    monkeypatch.setattr(monitoring, "find_spec", lambda name: None)
    answer = call("get", "metrics/", TOKEN, bearer=True)
    assert (answer.status_code, b"spool-live[metrics]" in answer.content) == (501, True)


def test_metrics_of_a_database_that_is_away_are_its_state(
    call: Call, live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(using: str, now: Any) -> None:
        raise OperationalError("away")

    live(METRICS_TOKEN=TOKEN)
    monkeypatch.setattr(snapshot, "observe", broken)
    answer = call("get", "metrics/", TOKEN, bearer=True)
    assert answer.status_code == 200
    assert numbers(answer.content.decode())["spool_live_problems database"] == 2
