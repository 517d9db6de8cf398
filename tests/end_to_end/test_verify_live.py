"""``verify_live`` on the local Supabase: it passes, it catches leaks and silence, it cleans up."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.utils import timezone

from spool_live import keys, tasks
from spool_live.conf import live_settings
from spool_live.isolation.live import verify as live_verify
from spool_live.isolation.live.sites import LEFT_BEHIND, NAME, Deliverer, probe_sites
from spool_live.models import (
    ApiKeyEvent,
    Heartbeat,
    LiveUpdate,
    OutboxEntry,
    Site,
    SiteApiKey,
    SiteDelivery,
)
from spool_live.supabase import provisioning
from tests.commands.conftest import Run, run_command
from tests.end_to_end.conftest import Road

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")
QUICK = ("--no-worker", "--timeout", "8", "--format", "json")


@pytest.fixture
def run() -> Run:
    return run_command


def left_behind(road: Road) -> dict[str, int]:
    """What a run could leave, in both databases."""
    with psycopg.connect(road.supabase.conninfo("supabase_admin")) as connection:
        mirrored = connection.execute("select count(*) from spool_live.sites").fetchone()
    return {
        "sites": Site.objects.count(),
        "keys": SiteApiKey.objects.count(),
        "entries": OutboxEntry.objects.count(),
        "deliveries": SiteDelivery.objects.count(),
        "rows": LiveUpdate.objects.count(),
        "mirrored": mirrored[0] if mirrored else -1,
    }


@contextmanager
def broken(road: Road, *statements: str) -> Iterator[None]:
    """The Supabase database with its isolation broken, and as it should be afterwards."""
    with psycopg.connect(road.supabase.conninfo("supabase_admin"), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)
    try:
        yield
    finally:
        provisioning.provision(live_settings().supabase_database)


def failed(outcome: Any) -> dict[str, str]:
    return {r["subscriber"]: r["received"] for r in outcome.rows["results"] if r["ok"] != "ok"}


def test_everybody_receives_their_own_and_nothing_is_left(road: Road, run: Run) -> None:
    before = left_behind(road)
    outcome = run("verify_live", *QUICK, "--api-url", road.api_url)
    results = outcome.rows["results"]
    assert failed(outcome) == {}
    assert (outcome.code, outcome.rows["ok"], outcome.rows["troubles"]) == (0, True, [])
    assert len(results) >= 25
    own = [r for r in results if r["expected"] != "nothing" and "before" not in r["subscriber"]]
    assert {r["received"] for r in own} == {"3 of A", "3 of B"}
    assert all(r["latency_ms"] > 0 for r in own)
    assert left_behind(road) == before


@pytest.mark.parametrize("mode", ["postgres_changes"])
def test_other_mode_needs_no_private_topics(road: Road, run: Run, live: Any, mode: str) -> None:
    live(REALTIME_MODE=mode)
    outcome = run("verify_live", *QUICK)
    assert failed(outcome) == {}
    assert outcome.code == 0


def test_rows_that_leak_are_named_with_who_received_them(road: Road, run: Run) -> None:
    with broken(
        road,
        "alter policy live_updates_read_own_site on public.live_updates using (true)",
        "alter policy live_updates_fence on public.live_updates using (true)",
    ):
        outcome = run("verify_live", *QUICK)
    assert outcome.code == 1
    assert failed(outcome)["A: rows without a filter"] == "3 of A, 3 of B"
    assert failed(outcome)["A: rows of the other site"] == "3 of B"
    assert failed(outcome)["token without a key: A's rows"] == "3 of A"
    remedies = {r["remedy"] for r in outcome.rows["results"] if r["ok"] != "ok"}
    assert any("verify_rls" in remedy for remedy in remedies)


def test_topic_that_is_open_to_every_token_is_caught(road: Road, run: Run) -> None:
    with broken(
        road,
        "alter policy spool_live_join_own_site on realtime.messages using (true)",
        "drop policy if exists spool_live_fence on realtime.messages",
    ):
        outcome = run("verify_live", *QUICK)
    assert failed(outcome)["A: the other site's topic"] == "3 of B"
    assert "forged token: A's topic" not in failed(outcome)


_DROP_PARTITIONS = """do $$ declare child regclass; begin
    for child in
        select inhrelid from pg_inherits where inhparent = 'realtime.messages'::regclass
    loop
        execute format('drop table %s', child);
    end loop;
end $$"""


@contextmanager
def never_connected(road: Road, seconds: float) -> Iterator[None]:
    """No partition for messages until so many seconds later, as Realtime makes them then."""

    def make_partitions() -> None:
        with psycopg.connect(road.supabase.conninfo("supabase_admin")) as connection:
            connection.execute("select realtime.maintain_message_partitions()")

    with psycopg.connect(road.supabase.conninfo("supabase_admin")) as connection:
        connection.execute(_DROP_PARTITIONS)
    timer = threading.Timer(seconds, make_partitions)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        make_partitions()


def test_cold_start_of_realtime_is_waited_for(road: Road, run: Run) -> None:
    with never_connected(road, 5):
        outcome = run("verify_live", "--no-worker", "--timeout", "3", "--format", "json")
    assert failed(outcome) == {}
    assert outcome.code == 0


def test_cold_start_that_never_ends_is_named(
    road: Road, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spool_live.isolation.live.subscribers.COLD_START_WITHIN", 1.0)
    with never_connected(road, 600):
        setup = run("live_setup")
        outcome = run("verify_live", "--no-worker", "--timeout", "2", "--format", "json")
    assert "MissingPartition" in setup.err
    assert outcome.code == 1
    remedies = {r["remedy"] for r in outcome.rows["results"] if r["ok"] != "ok"}
    assert any("did not make a partition" in remedy for remedy in remedies)


def test_silence_is_caught_too(road: Road, run: Run) -> None:
    with broken(road, "alter publication supabase_realtime drop table public.live_updates"):
        outcome = run("verify_live", "--no-worker", "--timeout", "2", "--format", "json")
    assert outcome.code == 1
    assert failed(outcome)["B: own rows"] == "nothing"


def test_revocation_that_does_not_reach_the_socket_is_caught(
    road: Road,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keys, "revoke_key", lambda key: None)
    outcome = run("verify_live", *QUICK)
    assert failed(outcome)["key revoked while joined, own topic"] == "3 of A"
    assert failed(outcome)["key revoked while joined, own rows"] == "3 of A"


def test_worker_that_does_not_deliver_is_reported(road: Road, run: Run) -> None:
    outcome = run("verify_live", "--timeout", "3", "--format", "json")
    assert failed(outcome) == {}
    assert outcome.code == 1
    assert "start Celery" in outcome.rows["troubles"][0]


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_cleans_up(
    road: Road, run: Run, ending: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = left_behind(road)
    timer: list[threading.Timer] = []
    real = live_verify._write

    def write_and_be_interrupted(*args: Any) -> None:
        real(*args)
        if not timer:
            timer.append(threading.Timer(0.05, os.kill, [os.getpid(), ending]))
            timer[0].start()

    monkeypatch.setattr(live_verify, "_write", write_and_be_interrupted)
    try:
        with pytest.raises(KeyboardInterrupt):
            run("verify_live", *QUICK)
    finally:
        timer[0].join()
    assert left_behind(road) == before


def test_sites_of_a_killed_run_go_with_the_next(road: Road) -> None:
    deliverer = Deliverer("default", workers=False, timeout=30)
    old = Site.objects.create(name=NAME, is_probe=True)
    keys.create_key(old, name="left")
    Site.objects.filter(pk=old.pk).update(created_at="2020-01-01T00:00:00Z")
    young = Site.objects.create(name=NAME, is_probe=True)
    with probe_sites(deliverer, lambda stage: None):
        assert not Site.objects.filter(pk=old.pk).exists()
        assert Site.objects.filter(pk=young.pk).exists(), "it may belong to another run"


def test_api_that_does_not_answer_is_an_error_and_leaves_nothing(road: Road, run: Run) -> None:
    before = left_behind(road)
    outcome = run("verify_live", *QUICK, "--api-url", "http://127.0.0.1:9/")
    assert (outcome.code, "--api-url" in outcome.err) == (1, True)
    assert left_behind(road) == before


def test_it_ends_with_a_sentence_and_marks_what_it_did(road: Road, run: Run) -> None:
    outcome = run("verify_live", *QUICK[:-1], "table")
    assert outcome.code == 0
    last = outcome.out.strip().splitlines()[-1]
    assert re.fullmatch(
        r"Sites are isolated: (\d+) of \1 cases received what is theirs and nothing else\.", last
    )
    assert set(ApiKeyEvent.objects.values_list("origin", flat=True)) == {"probe"}
    detail = Heartbeat.objects.get(part="verify_live").detail
    assert detail["summary"] == f"{last.split()[3]} cases passed"


def test_leak_is_a_sentence_too(road: Road, run: Run) -> None:
    with broken(
        road,
        "alter policy spool_live_join_own_site on realtime.messages using (true)",
        "drop policy if exists spool_live_fence on realtime.messages",
    ):
        outcome = run("verify_live", *QUICK)
    assert re.fullmatch(r"Sites are NOT isolated: \d+ of \d+ cases failed\.", outcome.err)


def test_what_could_not_be_carried_out_refutes_nothing(
    road: Road, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Deliverer, "deliver", lambda self, sites: False)
    outcome = run("verify_live", *QUICK)
    assert (outcome.code, "Nothing is proved" in outcome.err) == (1, True)
    assert not Heartbeat.objects.filter(part="verify_live").exists()


def test_cleanup_removes_what_a_killed_run_has_left(road: Road) -> None:
    old = timezone.now() - LEFT_BEHIND - timedelta(seconds=1)
    killed = Site.objects.create(name=NAME, is_probe=True, created_at=old)
    running = Site.objects.create(name=NAME, is_probe=True)
    namesake = Site.objects.create(name=NAME, created_at=old)
    keys.create_key(killed, name="own")
    tasks.clean_up()
    assert set(Site.objects.all()) == {running, namesake}
    assert not SiteApiKey.objects.exists()
