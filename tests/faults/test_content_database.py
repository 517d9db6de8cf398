"""The content database goes away in the middle of a claim, of a settlement, of an edit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from spool_live import heartbeats, outbox, tasks
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery import deliver_pending
from spool_live.models import OutboxEntry, Site, SiteDelivery
from spool_live.outbox import batch
from spool_live.supabase import databases
from tests.faults.conftest import record
from tests.testapp.models import Note

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(settings.CONTENT != "postgresql", reason="a file does not go away"),
]


@contextmanager
def cut_at(statement: str) -> Iterator[None]:
    """Ends the server's side of our connection right before ``statement`` is sent."""
    backend = connection.cursor().connection.info.backend_pid
    done: list[str] = []

    def cut(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if statement in sql and not done:
            done.append(sql)
            with psycopg.connect(settings.LOCAL_SUPABASE.conninfo("supabase_admin")) as killer:
                killer.execute("select pg_terminate_backend(%s, 5000)", [backend])
        return execute(sql, *rest)

    with connection.execute_wrapper(cut), pytest.raises((OperationalError, InterfaceError)):
        yield
    assert done, f"nothing was sent that holds {statement!r}"
    connection.close()


def deliver() -> None:
    deliver_pending("default", pause=lambda seconds: None)


@pytest.fixture
def site() -> Site:
    return Site.objects.create(name="Courier")


@pytest.mark.parametrize(
    "statement",
    ["SET lease_token", "SET last_seq"],
    ids=["leasing", "numbering"],
)
def test_claim_that_is_cut_off_leaves_nothing_behind(site: Site, statement: str) -> None:
    record(site, 3)
    with cut_at(statement):
        deliver()
    assert not SiteDelivery.objects.exclude(lease_token=None).exists()
    assert list(OutboxEntry.objects.values_list("seq", flat=True)) == [None] * 3
    deliver()
    assert [update.seq for update in MemoryBroadcaster.updates] == [1, 2, 3]


def test_settlement_that_is_cut_off_is_done_again_and_writes_nothing_twice(site: Site) -> None:
    record(site, 3)
    with cut_at("SET state"):
        deliver()
    assert len(MemoryBroadcaster.updates) == 3
    assert set(OutboxEntry.objects.values_list("state", flat=True)) == {"pending"}
    record(site, 1)
    SiteDelivery.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    deliver()
    assert [update.seq for update in MemoryBroadcaster.updates] == [1, 2, 3, 4]
    assert set(OutboxEntry.objects.values_list("state", flat=True)) == {"delivered"}


@pytest.mark.parametrize("task", [tasks.deliver_updates, tasks.mirror_changes])
def test_task_that_is_cut_off_gives_its_connection_up(
    site: Site, task: Callable[[str], None]
) -> None:
    """Celery would keep it for the next ``CELERY_DB_REUSE_MAX`` tasks."""
    record(site)
    with cut_at("live_site_deliveries"):
        try:
            task("default")
        finally:
            assert connection.connection is None
    task("default")


def test_database_that_is_away_does_not_keep_the_others_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reached: list[str] = []

    def deliver(using: str) -> None:
        if using == "away":
            raise OperationalError
        reached.append(using)

    monkeypatch.setattr(databases, "content_databases", lambda: ["away", "default"])
    monkeypatch.setattr(heartbeats, "beat", lambda using, part: None)
    monkeypatch.setattr(outbox, "is_anything_waiting", lambda using: True)
    monkeypatch.setattr(tasks, "deliver_updates", deliver)
    with pytest.raises(OperationalError):
        tasks.sweep()
    assert reached == ["default"]


def test_edit_that_is_cut_off_leaves_neither_itself_nor_its_update(site: Site) -> None:
    with cut_at("INSERT INTO live_updates_outbox"), batch():
        Note.objects.create(site=site, text="lost")
    assert not Note.objects.exists()
    assert not OutboxEntry.objects.exists()
