from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import ANY

import pytest
from django.utils import timezone

from spool_live import LiveUpdateData, broadcast_update
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.collections import registry
from spool_live.delivery import deliver_pending
from spool_live.models import OutboxEntry, Site, SiteDelivery
from spool_live.outbox import ClaimedEntry, claim_batch, coalescing, purge_settled
from spool_live.updates import EventType

MOMENT = datetime(2026, 11, 22, 12, tzinfo=UTC)
SITE, ITEM, OTHER = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()


def entry(event: str, pk: int = 1, /, *, item: uuid.UUID = ITEM, **values: Any) -> ClaimedEntry:
    metadata = values.pop("metadata", {"title": f"as of {pk}"})
    given = {"slug": "storm", "timestamp": MOMENT + timedelta(seconds=pk), "seq": None, "merged": 0}
    return ClaimedEntry(
        pk=pk,
        update_id=uuid.uuid4(),
        site_id=SITE,
        event_type=f"content.{event}",
        collection="stories",
        item_id=item,
        metadata=json.dumps(metadata),
        **{**given, **values},
    )


class TestRules:
    @pytest.mark.parametrize(
        ("events", "left"),
        [
            ("created updated", "created"),
            ("created updated updated published", "published"),
            ("created published", "published"),
            ("created deleted", ""),
            ("created updated deleted", ""),
            ("updated updated updated", "updated"),
            ("updated published", "published"),
            ("updated deleted", "deleted"),
            ("published updated", "published"),
            ("published deleted", "published deleted"),
            ("published published", "published published"),
            ("deleted created", "deleted created"),
            ("created published deleted", "published deleted"),
            ("deleted created updated", "deleted created"),
        ],
    )
    def test_what_stays_of_the_updates_of_one_item(self, events: str, left: str) -> None:
        waiting = [entry(event, pk) for pk, event in enumerate(events.split(), start=1)]
        kept, absorbed = coalescing.merge_all(waiting)
        assert [e.event_type.removeprefix("content.") for e in kept] == left.split()
        assert len(kept) + len(absorbed) == len(waiting)
        assert sum(e.merged for e in kept) in (0, len(absorbed))

    def test_the_oldest_place_tells_of_the_newest_state(self) -> None:
        first, second = entry("updated", 1), entry("updated", 3, slug="calm")
        (kept,), (absorbed,) = coalescing.merge_all([first, second])
        assert (kept.pk, kept.update_id) == (1, first.update_id)
        assert (kept.slug, kept.timestamp) == ("calm", second.timestamp)
        assert json.loads(kept.metadata) == {"title": "as of 3"}
        assert (kept.merged, absorbed.pk) == (1, 3)

    def test_items_are_kept_apart(self) -> None:
        kept, absorbed = coalescing.merge_all(
            [entry("updated", 1), entry("updated", 2, item=OTHER)]
        )
        assert [e.pk for e in kept] == [1, 2]
        assert not absorbed

    @pytest.mark.parametrize("apart", ["site_id", "collection"])
    def test_one_item_id_is_not_one_item_everywhere(self, apart: str) -> None:
        """Two sites may show one content object, or two models have the same UUIDs."""
        waiting = [entry("updated", pk) for pk in (1, 2)]
        setattr(waiting[1], apart, OTHER if apart == "site_id" else "notes")
        kept, absorbed = coalescing.merge_all(waiting)
        assert (kept, absorbed) == (waiting, [])

    def test_slug_that_subscribers_know_survives_several_changes(self) -> None:
        changes = [
            entry("updated", 1, slug="b", metadata={"previous_slug": "a"}),
            entry("updated", 2, slug="c", metadata={"previous_slug": "b"}),
        ]
        ((kept,), _) = coalescing.merge_all(changes)
        assert json.loads(kept.metadata) == {"previous_slug": "a"}

    def test_slug_that_was_changed_back_was_never_changed(self) -> None:
        changes = [
            entry("updated", 1, slug="b", metadata={"previous_slug": "a"}),
            entry("updated", 2, slug="a", metadata={"previous_slug": "b"}),
        ]
        ((kept,), _) = coalescing.merge_all(changes)
        assert json.loads(kept.metadata) == {}

    def test_slug_that_nobody_heard_of_is_not_mentioned(self) -> None:
        changes = [
            entry("created", 1, slug="a"),
            entry("updated", 2, slug="b", metadata={"previous_slug": "a"}),
        ]
        ((kept,), _) = coalescing.merge_all(changes)
        assert (kept.slug, json.loads(kept.metadata)) == ("b", {})

    def test_unpublishing_outlives_the_updates_after_it(self) -> None:
        changes = [entry("updated", 1, metadata={"published": False}), entry("updated", 2)]
        ((kept,), _) = coalescing.merge_all(changes)
        assert json.loads(kept.metadata) == {"title": "as of 2", "published": False}

    def test_unpublishing_does_not_swallow_the_publication_before_it(self) -> None:
        changes = [entry("published", 1), entry("updated", 2, metadata={"published": False})]
        kept, absorbed = coalescing.merge_all(changes)
        assert [e.pk for e in kept] == [1, 2]
        assert not absorbed


Declare = Callable[[bool | timedelta], None]


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Declare:
    """Declares how the collection of notes is coalesced."""
    (notes,) = (collection for collection in registry if collection.name == "notes")
    return lambda value: monkeypatch.setattr(notes, "coalesce", value, raising=False)


@pytest.fixture
def site(db: None) -> Site:
    return Site.objects.create(name="Courier")


def record(site: Site, event: EventType, item: uuid.UUID = ITEM, **data: Any) -> None:
    update = LiveUpdateData(event_type=event, collection="notes", item_id=item, **data)
    broadcast_update(site, update)


def delivered() -> list[tuple[str, uuid.UUID, int]]:
    return [(u.event_type, u.item_id, u.seq) for u in MemoryBroadcaster.updates]


class TestClaim:
    def test_storm_becomes_one_update_with_one_number(self, site: Site, declare: Declare) -> None:
        declare(True)
        for n in range(20):
            record(site, EventType.UPDATED, metadata={"n": n})
        record(site, EventType.UPDATED, OTHER)
        report = deliver_pending("default", pause=lambda seconds: None)
        assert report.delivered == 2
        assert delivered() == [(EventType.UPDATED, ITEM, 1), (EventType.UPDATED, OTHER, 2)]
        assert MemoryBroadcaster.updates[0].metadata == {"n": 19, "cache_tags": ANY}

    def test_two_sites_that_record_one_item_id_both_get_their_update(
        self, site: Site, declare: Declare
    ) -> None:
        declare(True)
        other = Site.objects.create(name="Parallax")
        for n, of in enumerate((site, other, other, site)):
            record(of, EventType.UPDATED, metadata={"n": n})
        deliver_pending("default", pause=lambda seconds: None)
        arrived = {
            u.site_id: (u.item_id, u.seq, u.metadata["n"]) for u in MemoryBroadcaster.updates
        }
        assert len(MemoryBroadcaster.updates) == 2
        assert arrived == {site.pk: (ITEM, 1, 3), other.pk: (ITEM, 1, 2)}

    def test_what_comes_next_is_merged_first(
        self, site: Site, declare: Declare, live: Callable[..., None]
    ) -> None:
        declare(True)
        live(DELIVERY_BATCH_SIZE=2)
        for item in (ITEM, ITEM, OTHER, OTHER):
            record(site, EventType.UPDATED, item)
        claim = claim_batch("default")
        assert claim is not None
        assert [(entry.item_id, entry.merged) for entry in claim.entries] == [(ITEM, 1), (OTHER, 0)]

    def test_newest_state_wins_whatever_the_clocks_say(self, site: Site, declare: Declare) -> None:
        declare(True)
        for n in range(3):
            record(site, EventType.UPDATED, metadata={"n": n})
        for n, entry in enumerate(OutboxEntry.objects.order_by("-pk")):
            OutboxEntry.objects.filter(pk=entry.pk).update(
                timestamp=timezone.now() - timedelta(minutes=5 - n)
            )
        deliver_pending("default", pause=lambda seconds: None)
        assert [update.metadata for update in MemoryBroadcaster.updates] == [
            {"n": 2, "cache_tags": ANY}
        ]

    def test_what_was_merged_is_counted(self, site: Site, declare: Declare) -> None:
        declare(True)
        for _ in range(4):
            record(site, EventType.UPDATED)
        deliver_pending("default", pause=lambda seconds: None)
        assert SiteDelivery.objects.get(pk=site.pk).merged == 3
        states = list(OutboxEntry.objects.order_by("pk").values_list("state", "merged", "seq"))
        assert states == [("delivered", 3, 1), *[("merged", 0, None)] * 3]

    def test_created_and_deleted_leave_nothing_to_deliver(
        self, site: Site, declare: Declare
    ) -> None:
        declare(True)
        record(site, EventType.CREATED)
        record(site, EventType.DELETED)
        report = deliver_pending("default", pause=lambda seconds: None)
        assert (report.delivered, delivered()) == (0, [])
        assert not OutboxEntry.objects.filter(state="pending").exists()
        assert SiteDelivery.objects.get(pk=site.pk).last_seq == 0

    def test_what_has_its_number_is_not_merged_any_more(self, site: Site, declare: Declare) -> None:
        declare(True)
        record(site, EventType.UPDATED)
        claim = claim_batch("default")
        assert claim is not None
        SiteDelivery.objects.update(leased_until=None)
        record(site, EventType.UPDATED)
        deliver_pending("default", pause=lambda seconds: None)
        assert [seq for *_, seq in delivered()] == [1, 2]

    def test_other_collections_are_left_alone(self, site: Site) -> None:
        for _ in range(3):
            record(site, EventType.UPDATED)
        deliver_pending("default", pause=lambda seconds: None)
        assert len(delivered()) == 3


class TestWindow:
    def test_plain_update_waits_for_the_next_ones(self, site: Site, declare: Declare) -> None:
        declare(timedelta(minutes=1))
        record(site, EventType.UPDATED)
        assert claim_batch("default") is None
        record(site, EventType.UPDATED)
        OutboxEntry.objects.filter(pk=OutboxEntry.objects.earliest("pk").pk).update(
            timestamp=timezone.now() - timedelta(minutes=2)
        )
        deliver_pending("default", pause=lambda seconds: None)
        assert delivered() == [(EventType.UPDATED, ITEM, 1)]
        assert SiteDelivery.objects.get(pk=site.pk).merged == 1

    def test_publication_goes_at_once_and_takes_what_waits_along(
        self, site: Site, declare: Declare
    ) -> None:
        declare(timedelta(minutes=1))
        record(site, EventType.UPDATED, metadata={"title": "draft"})
        record(site, EventType.UPDATED, OTHER)
        record(site, EventType.PUBLISHED, metadata={"title": "final"})
        deliver_pending("default", pause=lambda seconds: None)
        assert delivered() == [(EventType.PUBLISHED, ITEM, 1)]
        assert MemoryBroadcaster.updates[0].metadata == {"title": "final", "cache_tags": ANY}
        assert OutboxEntry.objects.filter(state="pending", item_id=OTHER).exists()

    def test_only_what_waits_of_the_same_item_and_site_goes_along(
        self, site: Site, declare: Declare
    ) -> None:
        declare(timedelta(minutes=1))
        leased = Site.objects.create(name="Parallax")
        for _ in range(2):
            record(leased, EventType.UPDATED)
        SiteDelivery.objects.update_or_create(
            site_id=leased.pk, defaults={"leased_until": timezone.now() + timedelta(seconds=30)}
        )
        for _ in range(2):
            record(site, EventType.UPDATED, OTHER)
        record(site, EventType.UPDATED)
        record(site, EventType.PUBLISHED)
        deliver_pending("default", pause=lambda seconds: None)
        assert delivered() == [(EventType.PUBLISHED, ITEM, 1)]
        waiting = OutboxEntry.objects.filter(state="pending").order_by("pk")
        assert [(e.site_id, e.item_id, e.merged) for e in waiting] == [
            *[(leased.pk, ITEM, 0)] * 2,
            *[(site.pk, OTHER, 0)] * 2,
        ]

    def test_what_waits_of_the_same_id_in_another_collection_is_left_alone(
        self, site: Site, declare: Declare
    ) -> None:
        declare(timedelta(minutes=1))
        for n in range(2):
            data: dict[str, Any] = {"collection": "articles", "item_id": ITEM, "metadata": {"n": n}}
            broadcast_update(site, LiveUpdateData(event_type=EventType.UPDATED, **data))
        record(site, EventType.UPDATED)
        record(site, EventType.PUBLISHED)
        deliver_pending("default", pause=lambda seconds: None)
        assert [u.collection for u in MemoryBroadcaster.updates] == ["articles"] * 2 + ["notes"]

    def test_clock_that_was_set_back_holds_nothing(self, site: Site, declare: Declare) -> None:
        declare(timedelta(minutes=1))
        record(site, EventType.UPDATED)
        OutboxEntry.objects.update(timestamp=timezone.now() + timedelta(hours=1))
        deliver_pending("default", pause=lambda seconds: None)
        assert len(delivered()) == 1


def test_merged_entries_are_purged_with_the_history(site: Site, declare: Declare) -> None:
    declare(True)
    for _ in range(3):
        record(site, EventType.UPDATED)
    deliver_pending("default", pause=lambda seconds: None)
    later = timezone.now() + timedelta(minutes=1)
    assert purge_settled("default", before=later, limit=100) == 3
    assert SiteDelivery.objects.get(pk=site.pk).history_floor == 1
