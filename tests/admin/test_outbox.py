"""The outbox in the admin."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from spool_live import broadcast_update
from spool_live.models import OutboxEntry, OutboxEvent, Site
from spool_live.updates import EventType, LiveUpdateData

pytestmark = pytest.mark.django_db
LIST = "admin:spool_live_outboxentry_changelist"


@pytest.fixture
def dead() -> OutboxEntry:
    site = Site.objects.create(name="Ledger")
    update = LiveUpdateData(EventType.UPDATED, "articles", uuid.uuid4(), slug="first")
    broadcast_update(site, update)
    OutboxEntry.objects.filter(site_id=site.pk).update(state="dead", seq=1, last_error="23514")
    return OutboxEntry.objects.get(site_id=site.pk)


def requeue(client: Client, entry: OutboxEntry) -> str:
    chosen = {"action": "requeue", "_selected_action": [entry.pk]}
    client.post(reverse(LIST), chosen)
    entry.refresh_from_db()
    return entry.state


def test_dead_entry_is_requeued(admin_client: Client, dead: OutboxEntry) -> None:
    assert "first" in admin_client.get(reverse(LIST), {"q": "first"}).content.decode()
    assert requeue(admin_client, dead) == "pending"
    assert dead.seq == 1


def test_entry_names_its_site_or_what_is_left_of_it(
    admin_client: Client, dead: OutboxEntry
) -> None:
    assert "Ledger" in admin_client.get(reverse(LIST)).content.decode()
    Site.objects.all().delete()
    page = admin_client.get(reverse(LIST)).content.decode()
    assert "Ledger" not in page
    assert str(dead.site_id) in page


def test_who_may_only_look_requeues_nothing(
    staff: Callable[..., Client], dead: OutboxEntry
) -> None:
    client = staff("view_outboxentry")
    assert client.get(reverse(LIST)).status_code == 200
    assert requeue(client, dead) == "dead"


def test_permission_to_change_is_permission_to_requeue(
    staff: Callable[..., Client], dead: OutboxEntry
) -> None:
    assert requeue(staff("view_outboxentry", "change_outboxentry"), dead) == "pending"


def test_nothing_else_can_be_done_to_entries(admin_client: Client, dead: OutboxEntry) -> None:
    for action in ("delete", "change"):
        url = reverse(f"admin:spool_live_outboxentry_{action}", args=[dead.pk])
        assert admin_client.post(url, {"post": "yes"}).status_code == 403
    assert admin_client.post(reverse("admin:spool_live_outboxentry_add")).status_code == 403


def test_dead_entry_is_discarded_and_the_trail_says_who(
    staff: Callable[..., Client], dead: OutboxEntry
) -> None:
    chosen = {"action": "discard", "_selected_action": [dead.pk]}
    client = staff("view_outboxentry", "change_outboxentry", "view_outboxevent")
    client.post(reverse(LIST), chosen)
    dead.refresh_from_db()
    assert dead.state == "discarded"
    line = OutboxEvent.objects.get()
    assert (line.action, line.origin, line.actor_name) == ("discarded", "admin", "grace")
    page = client.get(reverse("admin:spool_live_outboxevent_changelist")).content.decode()
    assert "grace" in page
    change = reverse("admin:spool_live_outboxevent_change", args=[line.pk])
    assert client.post(change, {"reason": "x"}).status_code == 403


def test_who_may_only_look_discards_nothing(
    staff: Callable[..., Client], dead: OutboxEntry
) -> None:
    chosen = {"action": "discard", "_selected_action": [dead.pk]}
    staff("view_outboxentry").post(reverse(LIST), chosen)
    dead.refresh_from_db()
    assert dead.state == "dead"
