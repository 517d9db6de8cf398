"""Realtime makes the partition of the day while a client is connected: an idle project lacks it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import psycopg
import pytest

from spool_live import LiveUpdateData, broadcast_update, outbox
from spool_live.broadcasters.supabase import SupabaseBroadcaster
from spool_live.delivery import deliver_pending
from spool_live.models import LiveUpdate, Site
from spool_live.updates import EventType
from tests.commands.conftest import run_command
from tests.settings import LOCAL_SUPABASE

pytestmark = [
    pytest.mark.django_db(transaction=True, databases="__all__"),
    pytest.mark.usefixtures("suite_supabase"),
]
_DROP = """do $$ begin execute format('drop table realtime.%I',
to_char(now() at time zone 'utc', '"messages_"YYYY_MM_DD')); end $$"""


@pytest.fixture
def idle_project() -> Iterator[None]:
    """Drop today's partition."""
    with psycopg.connect(LOCAL_SUPABASE.conninfo("supabase_admin")) as server:
        server.execute(_DROP)
        server.commit()
        yield
        server.execute("select realtime.maintain_message_partitions()")


@pytest.mark.usefixtures("idle_project", "alive")
def test_missing_partition_keeps_the_row_is_told_and_costs_no_subscriber_anything() -> None:
    site = Site.objects.create(name="Courier")
    data = LiveUpdateData(event_type=EventType.UPDATED, collection="stories", item_id=uuid.uuid4())
    broadcast_update(site, data)
    assert deliver_pending("default", broadcaster=SupabaseBroadcaster()).delivered == 1
    assert LiveUpdate.objects.filter(site_id=site.pk).count() == 1

    outcome = run_command("live_status")
    assert outcome.code == 0, "no client was connected, so none missed it"
    text = " ".join(outcome.out.split())
    assert "no partition for today's messages" in text
    assert "Connect a client" in text

    page = outbox.catch_up("default", site.pk, after=0, limit=10)
    assert [update.item_id for update in page.results] == [data.item_id]


def test_partition_that_is_there_is_not_mentioned() -> None:
    assert "partition" not in run_command("live_status").out


@pytest.mark.usefixtures("idle_project")
def test_other_road_needs_no_partition(live: Callable[..., None]) -> None:
    live(REALTIME_MODE="postgres_changes")
    assert "partition" not in run_command("live_status").out
