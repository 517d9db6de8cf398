"""What every broadcaster does: the public fake and the real one pass the same tests."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from django.db import connections
from django.utils import timezone

from spool_live.broadcasters import Broadcaster, MirrorAnswer
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.broadcasters.supabase import SupabaseBroadcaster
from spool_live.conf import live_settings
from spool_live.exceptions import BroadcastError, BroadcastRefused, SequenceTaken, UnknownSite
from spool_live.local.config import LocalSupabaseConfig
from spool_live.models import LiveUpdate, Site
from spool_live.sql import read_sql
from spool_live.supabase.databases import is_supabase_database
from spool_live.updates import Update

KINDS = [
    pytest.param(MemoryBroadcaster, marks=pytest.mark.django_db(databases="__all__")),
    pytest.param(
        SupabaseBroadcaster,
        marks=pytest.mark.django_db(transaction=True, databases="__all__"),
    ),
]
Stored = Callable[[uuid.UUID], Sequence[tuple[uuid.UUID, int | None]]]


@pytest.fixture(params=KINDS)
def broadcaster(request: pytest.FixtureRequest) -> Broadcaster:
    """One of each kind; the real one against the local Supabase."""
    if request.param is SupabaseBroadcaster:
        request.getfixturevalue("suite_supabase")
    made: Broadcaster = request.param()
    return made


@pytest.fixture
def stored(broadcaster: Broadcaster) -> Stored:
    """What subscribers of a site could get: ids and numbers, in order."""

    def read(site_id: uuid.UUID) -> Sequence[tuple[uuid.UUID, int | None]]:
        if isinstance(broadcaster, MemoryBroadcaster):
            kept = [u for u in broadcaster.updates if u.site_id == site_id]
            return sorted(((u.id, u.seq) for u in kept), key=lambda pair: pair[1])
        rows = LiveUpdate.objects.filter(site_id=site_id).order_by("seq")
        return list(rows.values_list("id", "seq"))

    return read


def payload(site_id: uuid.UUID, **changes: Any) -> dict[str, Any]:
    """A whole site, as it is sent to ``mirror``."""
    return {
        "site_id": str(site_id),
        "version": 1,
        "epoch": 1,
        "deleted": False,
        "name": None if is_supabase_database("default") else "Courier",
        "api_keys": [],
        **changes,
    }


@pytest.fixture
def site_id(broadcaster: Broadcaster) -> uuid.UUID:
    """A site that the receiving side knows."""
    return known_site(broadcaster)


def known_site(broadcaster: Broadcaster) -> uuid.UUID:
    site_id = uuid.uuid4()
    Site.objects.bulk_create([Site(id=site_id, name="Courier")])
    broadcaster.mirror(payload(site_id))
    return site_id


def update(site_id: uuid.UUID, seq: int, **fields: Any) -> Update:
    given = {
        "id": uuid.uuid4(),
        "event_type": "content.updated",
        "collection": "articles",
        "item_id": uuid.uuid4(),
        "slug": None,
        "timestamp": timezone.now(),
        "metadata": {},
        **fields,
    }
    return Update(site_id=site_id, seq=seq, **given)


def pairs(updates: list[Update]) -> list[tuple[uuid.UUID, int]]:
    return [(u.id, u.seq) for u in updates]


class TestBroadcast:
    def test_keeps_every_update(
        self, broadcaster: Broadcaster, stored: Stored, site_id: uuid.UUID
    ) -> None:
        updates = [update(site_id, seq) for seq in (1, 2, 3)]
        broadcaster.broadcast(updates)
        assert stored(site_id) == pairs(updates)

    def test_of_several_sites(self, broadcaster: Broadcaster, stored: Stored) -> None:
        sites = [known_site(broadcaster) for _ in range(3)]
        updates = [update(site_id, seq) for seq in (1, 2) for site_id in sites]
        broadcaster.broadcast(updates)
        assert [len(stored(site_id)) for site_id in sites] == [2, 2, 2]

    def test_of_nothing(self, broadcaster: Broadcaster) -> None:
        broadcaster.broadcast([])

    def test_keeps_every_value(self, broadcaster: Broadcaster, site_id: uuid.UUID) -> None:
        given = update(
            site_id,
            1,
            event_type="content.published",
            slug="füße-🚢",
            metadata={"title": 'a "b" \\ c', "n": [1, 2.5, None, True, {"x": 10**15}]},
        )
        broadcaster.broadcast([given])
        if isinstance(broadcaster, MemoryBroadcaster):
            [kept] = broadcaster.updates
            assert kept == given
        else:
            row = LiveUpdate.objects.get()
            names = [name for name in Update.__slots__ if name != "inserted_at"]
            assert {name: getattr(row, name) for name in names} == {
                name: getattr(given, name) for name in names
            }

    def test_twice_is_once(
        self, broadcaster: Broadcaster, stored: Stored, site_id: uuid.UUID
    ) -> None:
        updates = [update(site_id, seq) for seq in (1, 2)]
        broadcaster.broadcast(updates)
        updates.append(update(site_id, 3))
        broadcaster.broadcast(updates)
        assert stored(site_id) == pairs(updates)

    def test_same_update_under_another_number_stays_as_it_is(
        self, broadcaster: Broadcaster, stored: Stored, site_id: uuid.UUID
    ) -> None:
        first = update(site_id, 1)
        broadcaster.broadcast([first])
        broadcaster.broadcast([replace(first, seq=2)])
        assert stored(site_id) == pairs([first])

    def test_twice_in_one_batch_is_once(
        self, broadcaster: Broadcaster, stored: Stored, site_id: uuid.UUID
    ) -> None:
        one = update(site_id, 1)
        broadcaster.broadcast([one, one])
        assert stored(site_id) == pairs([one])

    @pytest.mark.parametrize("size", [1, 500])
    def test_any_number_at_once(
        self, size: int, broadcaster: Broadcaster, stored: Stored, site_id: uuid.UUID
    ) -> None:
        broadcaster.broadcast([update(site_id, seq) for seq in range(1, size + 1)])
        assert [seq for _, seq in stored(site_id)] == list(range(1, size + 1))


class TestRefusal:
    """It concerns the batch as a whole, of which nothing is stored."""

    def test_site_that_was_never_mirrored(
        self, broadcaster: Broadcaster, stored: Stored, site_id: uuid.UUID
    ) -> None:
        with pytest.raises(UnknownSite):
            broadcaster.broadcast([update(site_id, 1), update(uuid.uuid4(), 1)])
        assert stored(site_id) == []

    def test_site_that_is_deleted(
        self, broadcaster: Broadcaster, stored: Stored, site_id: uuid.UUID
    ) -> None:
        Site.objects.filter(pk=site_id)._raw_delete("default")
        broadcaster.mirror(payload(site_id, version=2, deleted=True))
        with pytest.raises(UnknownSite):
            broadcaster.broadcast([update(site_id, 1)])
        assert stored(site_id) == []

    def test_number_that_is_taken(
        self, broadcaster: Broadcaster, stored: Stored, site_id: uuid.UUID
    ) -> None:
        first = update(site_id, 1)
        broadcaster.broadcast([first])
        with pytest.raises(SequenceTaken):
            broadcaster.broadcast([update(site_id, 2), update(site_id, 1)])
        assert stored(site_id) == pairs([first])

    def test_number_that_is_taken_within_the_batch(
        self, broadcaster: Broadcaster, stored: Stored, site_id: uuid.UUID
    ) -> None:
        with pytest.raises(SequenceTaken):
            broadcaster.broadcast([update(site_id, 1), update(site_id, 1)])
        assert stored(site_id) == []

    def test_number_that_another_site_has(
        self, broadcaster: Broadcaster, stored: Stored, site_id: uuid.UUID
    ) -> None:
        other = known_site(broadcaster)
        broadcaster.broadcast([update(site_id, 1)])
        broadcaster.broadcast([update(other, 1)])
        assert len(stored(other)) == 1

    def test_update_that_will_never_do(
        self, broadcaster: Broadcaster, stored: Stored, site_id: uuid.UUID
    ) -> None:
        poison = update(site_id, 2, event_type="content.moved")
        with pytest.raises(BroadcastRefused):
            broadcaster.broadcast([update(site_id, 1), poison])
        assert stored(site_id) == []


class TestMirror:
    def test_newer_version_is_taken(self, broadcaster: Broadcaster, site_id: uuid.UUID) -> None:
        answer = broadcaster.mirror(payload(site_id, version=5, epoch=3))
        assert answer == MirrorAnswer(version=5, epoch=3, deleted=False, applied=True)

    def test_same_version_is_taken_again(
        self, broadcaster: Broadcaster, site_id: uuid.UUID
    ) -> None:
        assert broadcaster.mirror(payload(site_id)).applied is True

    @pytest.mark.parametrize("older", [{"version": 4, "epoch": 3}, {"version": 9, "epoch": 2}])
    def test_older_one_is_not(
        self, older: dict[str, int], broadcaster: Broadcaster, site_id: uuid.UUID
    ) -> None:
        broadcaster.mirror(payload(site_id, version=5, epoch=3))
        answer = broadcaster.mirror(payload(site_id, **older))
        assert answer == MirrorAnswer(version=5, epoch=3, deleted=False, applied=False)

    def test_tombstone_is_final(self, broadcaster: Broadcaster, site_id: uuid.UUID) -> None:
        tombstone = broadcaster.mirror(payload(site_id, version=2, deleted=True))
        assert tombstone == MirrorAnswer(version=2, epoch=1, deleted=True, applied=True)
        answer = broadcaster.mirror(payload(site_id, version=9, epoch=9))
        assert (answer.deleted, answer.applied) == (True, False)
        assert broadcaster.mirror(payload(site_id, version=9, deleted=True)).applied is True

    def test_many_at_once_are_answered_in_their_order(
        self, broadcaster: Broadcaster, site_id: uuid.UUID
    ) -> None:
        broadcaster.mirror(payload(site_id, version=5, epoch=3))
        strangers = [uuid.uuid4() for _ in range(3)]
        deleted = [payload(one, deleted=True) for one in strangers]
        answers = broadcaster.mirror_many([deleted[0], payload(site_id, version=4), *deleted[1:]])
        dead = MirrorAnswer(version=1, epoch=1, deleted=True, applied=True)
        assert answers == [dead, MirrorAnswer(5, 3, deleted=False, applied=False), dead, dead]
        assert broadcaster.mirror_many([]) == []


@pytest.mark.django_db(transaction=True, databases="__all__")
class TestManySitesAtSupabase:
    def test_refusal_of_one_is_its_own(
        self, suite_supabase: LocalSupabaseConfig, site_id: uuid.UUID
    ) -> None:
        first, last = uuid.uuid4(), uuid.uuid4()
        answers = SupabaseBroadcaster().mirror_many(
            [
                payload(first, deleted=True),
                payload(site_id, api_keys=[{"id": "seven"}]),
                payload(last, deleted=True),
            ]
        )
        assert [isinstance(answer, MirrorAnswer) for answer in answers] == [True, False, True]
        assert isinstance(answers[1], BroadcastError)
        assert "22P02" in str(answers[1])

    def test_function_of_before_gets_them_one_by_one(
        self, suite_supabase: LocalSupabaseConfig, site_id: uuid.UUID
    ) -> None:
        alias = live_settings().supabase_database
        with connections[alias].cursor() as cursor:
            cursor.execute(read_sql("0003_mirror.reverse"))
        try:
            strangers = [payload(uuid.uuid4(), deleted=True) for _ in range(2)]
            answers = SupabaseBroadcaster().mirror_many(strangers)
            assert [cast("MirrorAnswer", answer).applied for answer in answers] == [True, True]
        finally:
            with connections[alias].cursor() as cursor:
                cursor.execute(read_sql("0003_mirror"))
                cursor.execute("notify pgrst, 'reload schema'")


class TestCleanup:
    def test_removes_what_was_inserted_before(
        self, broadcaster: Broadcaster, stored: Stored, site_id: uuid.UUID
    ) -> None:
        broadcaster.broadcast([update(site_id, 1)])
        hour = timedelta(hours=1)
        assert broadcaster.cleanup(timezone.now() - hour, 10).deleted == 0
        answer = broadcaster.cleanup(timezone.now() + hour, 10)
        assert (answer.deleted, answer.busy) == (1, False)
        assert stored(site_id) == []

    def test_removes_at_most_what_is_asked_for(
        self, broadcaster: Broadcaster, stored: Stored, site_id: uuid.UUID
    ) -> None:
        broadcaster.broadcast([update(site_id, seq) for seq in (1, 2, 3)])
        later = timezone.now() + timedelta(hours=1)
        assert [broadcaster.cleanup(later, 2).deleted for _ in range(3)] == [2, 1, 0]


class TestNewestSeqs:
    def test_of_sites_with_and_without_updates(
        self, broadcaster: Broadcaster, site_id: uuid.UUID
    ) -> None:
        other, quiet = known_site(broadcaster), known_site(broadcaster)
        broadcaster.broadcast([update(site_id, seq) for seq in (3, 70, 7)])
        broadcaster.broadcast([update(other, 2)])
        assert broadcaster.newest_seqs([site_id, quiet]) == {site_id: 70}
        assert broadcaster.newest_seqs([]) == {}
