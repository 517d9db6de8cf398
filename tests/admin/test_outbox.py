"""The outbox in the admin."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from spool_live import broadcast_update
from spool_live.admin import read_only
from spool_live.admin.advice import advice
from spool_live.models import DeliveryAttempt, OutboxEntry, OutboxEvent, Site, SiteDelivery
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


def test_list_says_state_reason_age_and_attempts(admin_client: Client, dead: OutboxEntry) -> None:
    hour = timezone.now() - timedelta(hours=5)
    OutboxEntry.objects.filter(pk=dead.pk).update(timestamp=hour, attempts=3)
    text = admin_client.get(reverse(LIST)).content.decode()
    for cell in ("dead", "23514", "5 h", "3"):
        assert re.search(rf'<td class="field-\w+">{cell}</td>', text), cell
    link = reverse("admin:spool_live_site_change", args=[dead.site_id])
    assert f'<a href="{link}">Ledger</a>' in text


def test_site_is_a_link_for_those_who_may_see_it(
    staff: Callable[..., Client], dead: OutboxEntry
) -> None:
    text = staff("view_outboxentry").get(reverse(LIST)).content.decode()
    assert "Ledger" in text
    assert reverse("admin:spool_live_site_change", args=[dead.site_id]) not in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("ledger", True),
        ("LEDGER first", True),
        ("ledger second", False),
        ("23514", True),
        ("'led'", True),
        ("herald", False),
        (str(uuid.UUID(int=5)), False),
    ],
)
def test_search_knows_the_names_of_sites(
    admin_client: Client, dead: OutboxEntry, query: str, found: bool
) -> None:
    assert rows(admin_client, q=query) == ([dead] if found else [])


@pytest.mark.parametrize("field", ["site_id", "item_id", "update_id"])
def test_search_finds_whole_ids(admin_client: Client, dead: OutboxEntry, field: str) -> None:
    assert rows(admin_client, q=str(getattr(dead, field))) == [dead]


def test_filters_by_site_and_collection(admin_client: Client, dead: OutboxEntry) -> None:
    other = Site.objects.create(name="Herald")
    broadcast_update(other, LiveUpdateData(EventType.UPDATED, "pages", uuid.uuid4()))
    text = admin_client.get(reverse(LIST)).content.decode()
    assert f"?site={dead.site_id}" in text
    assert f"?site={other.pk}" in text
    assert rows(admin_client, site=str(dead.site_id)) == [dead]
    assert rows(admin_client, collection="articles") == [dead]
    assert rows(admin_client, site=str(other.pk), state__exact="dead") == []
    assert admin_client.get(reverse(LIST), {"site": "Ledger"}).status_code == 302


def rows(client: Client, **query: str) -> list[OutboxEntry]:
    return list(client.get(reverse(LIST), query).context["cl"].result_list)


def test_no_query_counts_a_table(
    admin_client: Client, dead: OutboxEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with CaptureQueriesContext(connection) as seen:
        admin_client.get(reverse(LIST))
        admin_client.get(reverse(LIST), {"q": "ledger", "state__exact": "dead"})
    counts = [q["sql"] for q in seen.captured_queries if "COUNT(*)" in q["sql"]]
    counts = [sql for sql in counts if "live_updates_outbox" in sql]
    assert counts
    for sql in counts:
        assert "LIMIT 10000" in sql
    assert not [q for q in seen.captured_queries if "DISTINCT" in q["sql"]]


def test_list_says_where_it_stops_counting(
    admin_client: Client, dead: OutboxEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_only, "MAX_COUNTED", 2)
    for number in range(3):
        update = LiveUpdateData(EventType.UPDATED, "articles", uuid.uuid4(), slug=f"n{number}")
        broadcast_update(Site.objects.get(), update)
    text = admin_client.get(reverse(LIST)).content.decode()
    assert "There may be more: 2 are counted and shown." in text
    assert "There may be more" not in admin_client.get(reverse(LIST), {"q": "n1"}).content.decode()


def test_entry_says_what_to_do_and_what_was_tried(admin_client: Client, dead: OutboxEntry) -> None:
    DeliveryAttempt.objects.create(
        site_id=dead.site_id,
        at=datetime(2030, 5, 1, 10, 12, 5, tzinfo=UTC),
        milliseconds=1730,
        outcome="dead",
        reason="23514: <b>",
        first_entry=dead.pk,
        last_entry=dead.pk,
        entries=[dead.pk],
    )
    url = reverse("admin:spool_live_outboxentry_change", args=[dead.pk])
    text = admin_client.get(url).content.decode()
    assert "Supabase does not accept one of its values." in text
    assert "Subscribers get it by catch-up meanwhile." in text
    assert "<td>refused permanently</td><td>1730 ms</td><td>23514: &lt;b&gt;</td>" in text
    OutboxEntry.objects.filter(pk=dead.pk).update(state="pending")
    again = admin_client.get(url).content.decode()
    assert "it goes with the next delivery" in again


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("there is no site 5: correct it", "No site has this id."),
        ("the row cannot be read: x", "It was written by SQL"),
        ("22P05: unsupported Unicode", "a character that PostgreSQL cannot store"),
        ("413: too large", "It is too large."),
        ("22001: too long", "does not accept one of its values"),
        ("something else", "See the reason below."),
    ],
)
def test_advice_for_dead_entries(error: str, words: str) -> None:
    assert words in advice(OutboxEntry(state="dead", last_error=error), None, NOW)


@pytest.mark.parametrize("state", ["dropped", "merged", "left", "discarded"])
def test_nothing_is_to_be_done_about_what_is_over(state: str) -> None:
    assert advice(OutboxEntry(state=state), None, NOW).startswith("Nothing: ")


def test_advice_for_entries_that_wait() -> None:
    entry = OutboxEntry(state="pending")
    later = NOW + timedelta(seconds=30)
    waits = advice(entry, SiteDelivery(retry_at=later, last_error="503: away"), NOW)
    assert "tried again by itself at" in waits
    assert "503: away" in waits
    past = SiteDelivery(retry_at=NOW - timedelta(seconds=1), last_error="503: away")
    assert "next delivery" in advice(entry, past, NOW)
    refused = advice(entry, SiteDelivery(mirror_error="42501: no"), NOW)
    assert "live_setup" in refused
    assert "42501: no" in refused
    done = OutboxEntry(state="delivered", timestamp=NOW, settled_at=NOW + timedelta(seconds=4))
    assert "delivered 4 s after it was recorded" in advice(done, None, NOW)


NOW = datetime(2030, 5, 10, 12, tzinfo=UTC)


def test_requeue_reports_how_many_and_what_becomes_of_them(
    admin_client: Client, dead: OutboxEntry
) -> None:
    chosen = {"action": "requeue", "_selected_action": [dead.pk]}
    text = admin_client.post(reverse(LIST), chosen, follow=True).content.decode()
    url = reverse("admin:spool_live_outboxevent_change", args=[OutboxEvent.objects.get().pk])
    assert f'1 entry was requeued. <a href="{url}">' in text
    waits = admin_client.get(url).content.decode()
    assert "1 pending" in waits
    assert "follow.js" in waits
    OutboxEntry.objects.filter(pk=dead.pk).update(state="dead", last_error="23514: <i>")
    ended = admin_client.get(url).content.decode()
    assert "1 dead" in ended
    assert f"<li>{dead.pk}: 23514: &lt;i&gt;</li>" in ended
    assert "follow.js" not in ended
    OutboxEntry.objects.all().delete()
    assert "They are no longer in the history." in admin_client.get(url).content.decode()


def test_requeue_of_nothing_says_so(admin_client: Client, dead: OutboxEntry) -> None:
    OutboxEntry.objects.update(state="delivered")
    chosen = {"action": "requeue", "_selected_action": [dead.pk]}
    text = admin_client.post(reverse(LIST), chosen, follow=True).content.decode()
    assert "0 entries were requeued." in text
    assert 'class="warning"' in text
