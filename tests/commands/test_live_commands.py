"""``live_token``, ``live_status``, ``live_requeue``, ``live_deliver``, ``live_cleanup`` and
``live_setup``: tables, JSON, exit codes, errors."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.utils import timezone

from spool_live import broadcast_update, delivery, keys, tokens
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.exceptions import BroadcastUnavailable
from spool_live.keys import PlainKey
from spool_live.management.commands import live_deliver, live_setup, live_status
from spool_live.models import FailedAuthentication, OutboxEntry, Site, SiteApiKey, SiteDelivery
from spool_live.supabase.databases import is_supabase_database
from spool_live.supabase.steps import StepOutcome, StepResult
from spool_live.updates import EventType, LiveUpdateData
from tests.commands.conftest import Run

pytestmark = pytest.mark.django_db(databases="__all__")
MakeKey = Callable[..., tuple[SiteApiKey, PlainKey]]


def record(site: Site, number: int = 1) -> None:
    for _ in range(number):
        broadcast_update(site, LiveUpdateData(EventType.UPDATED, "articles", uuid.uuid4()))


def entries(site: Site) -> Any:
    return OutboxEntry.objects.filter(site_id=site.pk)


# live_token


def test_token_of_an_active_key(run: Run, make_key: MakeKey) -> None:
    key, _ = make_key()
    (row,) = [run("live_token", key.prefix, "--format", "json").rows]
    assert tokens.verify(row["token"]) == tokens.Claims(key.site_id, key.pk)
    assert str(key.site_id) in run("live_token", key.prefix).out


def test_no_token_without_right_or_signing_key(run: Run, make_key: MakeKey, live: Any) -> None:
    key, _ = make_key()
    live(JWT_SIGNING_KEY="")
    unset = run("live_token", key.prefix)
    assert (unset.code, "JWT_SIGNING_KEY" in unset.err) == (1, True)
    keys.revoke_key(key)
    assert run("live_token", key.prefix).code == 1
    assert "live_site list" in run("live_token", "spool_nobody").err


# live_status


@pytest.mark.usefixtures("alive")
def test_status_is_well_where_everything_flows(run: Run, make_key: MakeKey) -> None:
    key, _ = make_key()
    outcome = run("live_status", "--format", "json")
    (row,) = [r for r in outcome.rows["sites"] if r["site_id"] == str(key.site_id)]
    assert (row["pending"], row["dead"], row["keys"]) == (0, 0, "mirrored")
    assert (outcome.rows["state"], row["state"], outcome.rows["problems"]) == ("ok", "ok", [])
    assert outcome.code == 0


def test_status_fails_if_nothing_delivers(run: Run, make_key: MakeKey) -> None:
    key, _ = make_key()
    record(key.site)
    outcome = run("live_status")
    assert outcome.code == 1
    assert "1 update of Ledger has waited 0 s: nothing has ever delivered." in outcome.out
    assert "Is a Celery worker running" in outcome.out


@pytest.mark.usefixtures("alive")
def test_status_fits_a_terminal(run: Run) -> None:
    site = Site.objects.create(name="The Very Long-Winded Gazette of Upper Skerry Bay and Environs")
    record(site, 12)
    OutboxEntry.objects.update(timestamp=timezone.now() - timedelta(days=40))
    SiteDelivery.objects.update(
        last_error="x" * 80 + " y" * 300, retry_at=timezone.now() + timedelta(minutes=5)
    )
    text = run("live_status").out
    assert max(len(line) for line in text.splitlines()) <= 100
    assert "40 days" in text


def test_status_says_where_there_is_nothing_yet(run: Run) -> None:
    assert "There are no sites yet" in run("live_status").out


@pytest.mark.usefixtures("alive")
def test_status_is_watched_until_interrupted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("spool_live.management.commands.live_status.time.sleep", pause)
    monkeypatch.setattr(live_status, "close_old_connections", lambda: None)
    outcome = run("live_status", "--watch", "--interval", "0.5")
    assert (outcome.code, pauses) == (0, [0.5, 0.5, 0.5])
    assert outcome.out.count("ok: updates flow.") == 3


@pytest.mark.usefixtures("alive")
@pytest.mark.parametrize("trouble", ["dead entry", "held up"])
def test_status_fails_where_something_is_dead_or_held_up(
    run: Run, make_key: MakeKey, trouble: str
) -> None:
    key, _ = make_key()
    record(key.site, 2)
    if trouble == "dead entry":
        entries(key.site).update(state="dead")
    else:
        state = SiteDelivery.objects.filter(pk=key.site_id)
        state.update(last_error="503: away", retry_at=timezone.now() + timedelta(minutes=1))
    outcome = run("live_status")
    assert outcome.code == 1
    assert ("503: away" in " ".join(outcome.out.split())) == (trouble == "held up")


# live_requeue


def test_requeue_takes_what_is_chosen(run: Run, make_key: MakeKey) -> None:
    key, _ = make_key()
    other = Site.objects.create(name="Herald")
    record(key.site, 2)
    record(other)
    OutboxEntry.objects.update(state="dead")
    one = entries(key.site)[0].update_id
    assert run("live_requeue", "--update", one, "--format", "json").rows == {"requeued": 1}
    assert run("live_requeue", "--site", other.pk, "--format", "json").rows == {"requeued": 1}
    assert run("live_requeue", "--collection", "pages", "--format", "json").rows == {"requeued": 0}
    assert run("live_requeue", "--format", "json").rows == {"requeued": 1}
    assert not OutboxEntry.objects.filter(state="dead").exists()


def test_requeue_refuses_what_is_no_id(run: Run) -> None:
    assert run("live_requeue", "--site", "Ledger").code != 0


# live_deliver


def test_deliver_once_sends_keys_and_updates(run: Run, make_key: MakeKey) -> None:
    key, _ = make_key(ready=False)
    record(key.site, 3)
    outcome = run("live_deliver", "--format", "json")
    assert outcome.code == 0
    assert sum(row["delivered"] for row in outcome.rows) == 3
    assert [u.seq for u in MemoryBroadcaster.updates] == [1, 2, 3]
    assert str(key.site_id) in MemoryBroadcaster.sites


def test_deliver_fails_where_supabase_is_away(run: Run, make_key: MakeKey) -> None:
    key, _ = make_key(ready=False)
    record(key.site)
    MemoryBroadcaster.failures.extend(BroadcastUnavailable("away") for _ in range(9))
    outcome = run("live_deliver")
    assert outcome.code == 1
    assert "away" in outcome.out


def test_deliver_can_send_every_site_again(run: Run, make_key: MakeKey) -> None:
    key, _ = make_key()
    MemoryBroadcaster.reset()
    assert run("live_deliver").code == 0
    assert MemoryBroadcaster.sites == {}
    assert run("live_deliver", "--mirror-all").code == 0
    assert str(key.site_id) in MemoryBroadcaster.sites


def test_loop_survives_a_database_that_is_away_and_ends_with_ctrl_c(
    run: Run, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, _ = make_key()
    pauses: list[float] = []
    real = delivery.deliver_and_mirror
    broken = [False]

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        broken[0] = len(pauses) == 1
        if len(pauses) == 2:
            record(key.site, 2)
        if len(pauses) == 3:
            raise KeyboardInterrupt

    def deliver(using: str) -> Any:
        if broken[0]:
            raise OperationalError("the database is away")
        return real(using, pause=lambda seconds: None)

    monkeypatch.setattr("spool_live.management.commands.live_deliver.time.sleep", pause)
    monkeypatch.setattr(live_deliver, "close_old_connections", lambda: None)
    monkeypatch.setattr(delivery, "deliver_and_mirror", deliver)
    outcome = run("live_deliver", "--loop", "--interval", "0.5")
    assert outcome.code == 0
    assert pauses == [0.5, 0.5, 0.5]
    assert "OperationalError, trying again" in outcome.err
    assert len(MemoryBroadcaster.updates) == 2


@pytest.mark.parametrize("interval", ["0", "-1", "x", "nan"])
def test_loop_refuses_an_interval_that_is_none(run: Run, interval: str) -> None:
    assert run("live_deliver", "--loop", f"--interval={interval}").code != 0


# live_cleanup


def test_cleanup_reports_what_it_removed(run: Run, make_key: MakeKey) -> None:
    key, _ = make_key()
    record(key.site, 2)
    long_ago = timezone.now() - timedelta(days=40)
    entries(key.site).update(state="delivered", settled_at=long_ago, seq=1)
    FailedAuthentication.objects.create(
        hour=long_ago, last_at=long_ago, address="192.0.2.1", reason="unknown", count=5
    )
    outcome = run("live_cleanup", "--format", "json")
    assert outcome.code == 0
    assert (outcome.rows["outbox_entries"], outcome.rows["failed_authentications"]) == (2, 1)
    assert "outbox_entries" in run("live_cleanup", "--verbosity", "2").out


def test_cleanup_shows_its_progress_where_asked(run: Run, make_key: MakeKey) -> None:
    key, _ = make_key()
    record(key.site)
    long_ago = timezone.now() - timedelta(days=40)
    entries(key.site).update(state="delivered", settled_at=long_ago, seq=1)
    assert "1 outbox entries" in run("live_cleanup", "--verbosity", "2").err
    assert run("live_cleanup").err == ""


def test_cleanup_prints_the_sql_for_pg_cron_and_removes_nothing(
    run: Run, make_key: MakeKey
) -> None:
    key, _ = make_key()
    record(key.site)
    long_ago = timezone.now() - timedelta(days=40)
    entries(key.site).update(state="delivered", settled_at=long_ago, seq=1)
    assert "cron.schedule('spool-live-cleanup'" in run("live_cleanup", "--pg-cron-sql").out
    assert entries(key.site).count() == 1


def test_cleanup_fails_where_supabase_is_away(run: Run) -> None:
    MemoryBroadcaster.failures.append(BroadcastUnavailable("away"))
    outcome = run("live_cleanup")
    assert (outcome.code, "away" in outcome.err) == (1, True)


# live_setup


def test_setup_does_every_step_on_supabase_roles(run: Run) -> None:
    outcome = run("live_setup", "--format", "json")
    assert outcome.code == 0
    assert {row["outcome"] for row in outcome.rows} == {"done"}
    assert run("live_setup", "--check", "--format", "json").rows == []


def test_setup_fails_with_the_remedy_of_what_is_missing(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = StepResult("publication", StepOutcome.MISSING, "Enable Realtime.")
    monkeypatch.setattr(live_setup, "missing", lambda alias: [lacking])
    outcome = run("live_setup", "--check")
    assert outcome.code == 1
    assert "Enable Realtime." in outcome.out


def test_setup_refuses_a_database_that_cannot_be_supabases(run: Run, live: Any) -> None:
    live(SUPABASE_DATABASE="other")
    assert not is_supabase_database("other")
    assert connections["other"].vendor != "postgresql"
    outcome = run("live_setup")
    assert (outcome.code, "SUPABASE_DATABASE" in outcome.err) == (1, True)
