"""The way of an edit to a site's webhook, and what delays it or does not."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable

import pytest
from django.db import connection

from spool_live import tasks, webhooks
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.collections import registry
from spool_live.delivery import deliver_and_mirror
from spool_live.exceptions import BroadcastRefused, BroadcastUnavailable, SequenceTaken
from spool_live.models import OutboxEntry, Site, WebhookAttempt, WebhookEndpoint, WebhookMessage
from tests.outbox.conftest import Clock, waiting
from tests.testapp.models import Article
from tests.webhooks.conftest import MakeEndpoint
from tests.webhooks.receiving import Inbox, receiving

pytestmark = pytest.mark.django_db(databases="__all__")


def test_edit_arrives_as_the_same_update_at_subscribers_and_at_the_webhook(
    site: Site, endpoint: WebhookEndpoint, inbox: Inbox
) -> None:
    article = Article.objects.create(site=site)
    tasks.deliver_updates("default")
    tasks.deliver_updates("default")  # the first one claims, which numbers
    [update] = MemoryBroadcaster.updates
    [event] = inbox.events
    assert (event.id, event.seq) == (str(update.id), update.seq)
    assert event.item_id == str(update.item_id)
    row = update.as_row()
    assert event.as_dict() == {"event": row.pop("event_type"), **row}
    assert article.site_id == site.pk


def test_body_and_headers_are_those_of_standard_webhooks(
    site: Site, endpoint: WebhookEndpoint, inbox: Inbox
) -> None:
    waiting(site, slug="first", metadata={"title": "Ölpreis"})
    deliver_and_mirror("default")
    webhooks.send_pending("default")
    [(headers, body)] = inbox.requests
    sent = json.loads(body)
    assert list(sent) == [
        *("event", "id", "site_id", "collection", "slug", "item_id", "timestamp"),
        *("metadata", "seq"),
    ]
    assert headers["webhook-id"] == sent["id"]
    assert headers["webhook-signature"].startswith("v1,")
    assert headers["content-type"] == "application/json"
    assert "Ölpreis" in body.decode()


def test_numbering_goes_on_while_supabase_is_away(
    site: Site, endpoint: WebhookEndpoint, inbox: Inbox
) -> None:
    MemoryBroadcaster.failures += [BroadcastUnavailable("away")] * 20
    waiting(site)
    deliver_and_mirror("default")
    waiting(site, 3)
    webhooks.send_pending("default")
    assert inbox.seqs == [1, 2, 3, 4]
    pending = OutboxEntry.objects.filter(state=OutboxEntry.State.PENDING).order_by("pk")
    assert list(pending.values_list("seq", flat=True)) == [1, 2, 3, 4]


def test_entry_that_no_claim_takes_is_numbered_after_a_moment(
    site: Site, endpoint: WebhookEndpoint, inbox: Inbox, clock: Clock
) -> None:
    waiting(site)
    webhooks.send_pending("default")
    assert inbox.seqs == [], "left to the claim that will come"
    clock.advance(seconds=1.1)
    webhooks.send_pending("default")
    assert inbox.seqs == [1]


def test_failing_message_is_tried_again_and_the_others_go_on(
    site: Site, endpoint: WebhookEndpoint, inbox: Inbox, clock: Clock
) -> None:
    waiting(site, 3)
    deliver_and_mirror("default")
    inbox.answers = [500]
    report = webhooks.send_pending("default")
    assert (report.sent, report.failed, report.reasons) == (2, 1, {"HTTP 500"})
    assert inbox.seqs == [2, 3]
    [message] = WebhookMessage.objects.all()
    assert (message.seq, message.attempts, message.state) == (1, 1, "waiting")
    clock.advance(seconds=6.1)
    webhooks.send_pending("default")
    assert inbox.seqs == [2, 3, 1]
    assert not WebhookMessage.objects.exists()
    log = WebhookAttempt.objects.order_by("pk").values_list("seq", "number", "status", "is_success")
    assert list(log) == [
        (1, 1, 500, False),
        (2, 1, 204, True),
        (3, 1, 204, True),
        (1, 2, 204, True),
    ]


def test_only_what_the_endpoint_asks_for_is_sent(
    site: Site, make_endpoint: MakeEndpoint, inbox: Inbox
) -> None:
    made = make_endpoint(site, inbox, collections=["pages"], event_types=["content.deleted"])
    waiting(site, collection="pages", event_type="content.deleted")
    waiting(site, collection="pages")
    waiting(site, 60)
    deliver_and_mirror("default")
    webhooks.send_pending("default")
    assert inbox.seqs == [1]
    made.delivery.refresh_from_db()
    assert made.delivery.cursor_seq == 62, "the rest is passed over, not looked at again"


def test_other_sites_updates_never_go_there(
    site: Site, endpoint: WebhookEndpoint, inbox: Inbox
) -> None:
    other = Site.objects.create(name="Gazette")
    waiting(other, 3)
    deliver_and_mirror("default")
    webhooks.send_pending("default")
    assert inbox.requests == []


def test_updates_before_the_endpoint_do_not_go_there(
    site: Site, make_endpoint: MakeEndpoint, inbox: Inbox
) -> None:
    waiting(site, 2)
    deliver_and_mirror("default")
    make_endpoint(site, inbox)
    waiting(site)
    deliver_and_mirror("default")
    webhooks.send_pending("default")
    assert inbox.seqs == [3]


def test_deleted_site_gets_none(site: Site, endpoint: WebhookEndpoint, inbox: Inbox) -> None:
    waiting(site, 2)
    deliver_and_mirror("default")
    site.delete()
    deliver_and_mirror("default")
    assert webhooks.send_pending("default").sent == 0
    assert inbox.requests == []


def test_disabled_endpoint_gets_none_and_begins_anew_when_enabled(
    site: Site, endpoint: WebhookEndpoint, inbox: Inbox
) -> None:
    webhooks.disable(endpoint, WebhookEndpoint.Disabled.BY_HAND, using="default")
    waiting(site, 2)
    deliver_and_mirror("default")
    webhooks.send_pending("default")
    webhooks.enable(endpoint, using="default")
    waiting(site)
    deliver_and_mirror("default")
    webhooks.send_pending("default")
    assert inbox.seqs == [3]


def test_each_endpoint_of_a_site_gets_everything(
    site: Site, make_endpoint: MakeEndpoint, live: Callable[..., None]
) -> None:
    with receiving() as one, receiving() as two:
        make_endpoint(site, one)
        make_endpoint(site, two)
        waiting(site, 120)
        deliver_and_mirror("default")
        webhooks.send_pending("default")
        assert one.seqs == two.seqs == list(range(1, 121))


def test_failing_webhooks_never_stop_delivery_to_supabase(
    site: Site, endpoint: WebhookEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(using: str) -> None:
        raise RuntimeError

    monkeypatch.setattr(webhooks, "send_pending", fail)
    waiting(site)
    tasks.deliver_updates("default")
    assert len(MemoryBroadcaster.updates) == 1


def test_coalesced_updates_are_one_webhook(
    site: Site, endpoint: WebhookEndpoint, inbox: Inbox, clock: Clock
) -> None:
    """What was merged before it had a number never had one."""
    [usual] = [c for c in registry if c.model is Article]
    item = uuid.uuid4()
    usual.coalesce = True
    try:
        waiting(site, 5, collection=usual.name, item_id=item)
        MemoryBroadcaster.failures += [BroadcastUnavailable("away")] * 20
        clock.advance(seconds=2)
        webhooks.send_pending("default")
    finally:
        del usual.coalesce
    assert inbox.seqs == [1]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="thinning needs PostgreSQL")
def test_thinned_updates_all_have_their_webhook(
    site: Site, endpoint: WebhookEndpoint, inbox: Inbox, live: Callable[..., None], clock: Clock
) -> None:
    """Realtime announces the newest state only; an endpoint, which has no catch-up, gets all."""
    live(DELIVERY_RATE=10, DELIVERY_BACKLOG=1)
    waiting(site, 30, item_id=uuid.uuid4())
    clock.advance(seconds=2)
    webhooks.send_pending("default")
    assert inbox.seqs == list(range(1, 31))
    clock.advance(seconds=10)
    deliver_and_mirror("default", pause=lambda seconds: clock.advance(seconds=seconds))
    assert [update.seq for update in MemoryBroadcaster.updates] == [30]


def test_update_that_dies_at_supabase_still_goes_out(
    site: Site, endpoint: WebhookEndpoint, inbox: Inbox
) -> None:
    MemoryBroadcaster.failures += [BroadcastRefused("bad data")] * 50
    waiting(site)
    deliver_and_mirror("default")
    webhooks.send_pending("default")
    assert inbox.seqs == [1]


def test_worker_that_numbers_ahead_and_one_that_claims_agree(
    site: Site, endpoint: WebhookEndpoint, inbox: Inbox, clock: Clock
) -> None:
    waiting(site, 3)
    clock.advance(seconds=2)
    webhooks.send_pending("default")
    waiting(site, 2)
    deliver_and_mirror("default")
    webhooks.send_pending("default")
    assert inbox.seqs == [1, 2, 3, 4, 5]
    assert [update.seq for update in MemoryBroadcaster.updates] == [1, 2, 3, 4, 5]


def test_restored_backup_renumbers_and_repeats_no_id(
    site: Site, endpoint: WebhookEndpoint, inbox: Inbox, clock: Clock
) -> None:
    """The live table has the numbers of another future: entries get new ones and are resent."""
    waiting(site, 2)
    clock.advance(seconds=2)
    webhooks.send_pending("default")
    MemoryBroadcaster.failures.append(SequenceTaken("taken"))
    deliver_and_mirror("default")
    deliver_and_mirror("default")
    webhooks.send_pending("default")
    ids = [event.id for event in inbox.events]
    assert len(ids) == len(set(ids)) == 2
    delivered = {str(update.id) for update in MemoryBroadcaster.updates}
    assert delivered == set(ids)
