"""The PyPI client, unchanged: each token receives exactly its own site's updates."""

from __future__ import annotations

import pytest

from tests.end_to_end.conftest import Road
from tests.end_to_end.listening import listening, private_topic, table_changes

REPLICATING = "Replication connection established"
SUBSCRIBED = "Subscribed to PostgreSQL"


def test_private_topic_delivers_each_site_its_own_updates(road: Road) -> None:
    (site_a, key_a), (site_b, key_b) = road.site("A"), road.site("B")
    a, b = road.token(key_a), road.token(key_b)
    url, key = a["supabase_url"], a["supabase_key"]
    topic_a, topic_b = (t["realtime"]["broadcast"]["topic"] for t in (a, b))
    with (
        listening(url, key, a["token"], private_topic(topic_a)) as on_a,
        listening(url, key, b["token"], private_topic(topic_b)) as on_b,
    ):
        on_a.until_system(REPLICATING)
        on_b.until_system(REPLICATING)
        article = road.edit(site_a, "for-a")
        road.edit(site_b, "for-b")

        got = on_a.next_update()
        assert got["item_id"] == str(article.pk)
        assert (got["slug"], got["event_type"], got["seq"]) == ("for-a", "content.published", 1)
        assert got["site_id"] == str(site_a.pk)
        # B's own update is the first thing that reaches B: A's never did.
        assert on_b.next_update()["slug"] == "for-b"
        road.edit(site_a, "second")
        assert on_a.next_update()["slug"] == "second"


@pytest.mark.parametrize("credential", ["other site's token", "anon key alone"])
def test_private_topic_refuses_whoever_has_no_right_to_it(road: Road, credential: str) -> None:
    (_, key_a), (_, key_b) = road.site("A"), road.site("B")
    a, b = road.token(key_a), road.token(key_b)
    token = b["token"] if credential == "other site's token" else None
    topic = a["realtime"]["broadcast"]["topic"]
    with listening(a["supabase_url"], a["supabase_key"], token, private_topic(topic)) as listener:
        detail = listener.until_state("CHANNEL_ERROR")
        assert "Unauthorized" in detail
        assert listener.updates.empty()


def test_postgres_changes_delivers_each_site_its_own_updates(road: Road) -> None:
    (site_a, key_a), (site_b, key_b) = road.site("A"), road.site("B")
    a, b = road.token(key_a), road.token(key_b)
    url, key, id_a = a["supabase_url"], a["supabase_key"], str(site_a.pk)
    with (
        listening(url, key, a["token"], table_changes(id_a)) as on_a,
        listening(url, key, b["token"], table_changes(id_a)) as b_on_a,
        listening(url, key, b["token"], table_changes(str(site_b.pk))) as on_b,
        listening(url, key, None, table_changes(id_a)) as anon_on_a,
    ):
        for listener in (on_a, b_on_a, on_b):
            listener.until_system(SUBSCRIBED)
        # anon may not even name the column of the filter
        assert "site_id" in anon_on_a.until_state("CHANNEL_ERROR")
        road.edit(site_a, "for-a")
        road.edit(site_b, "for-b")
        assert on_a.next_update()["slug"] == "for-a"
        assert on_b.next_update()["slug"] == "for-b"
        # One stream in commit order: whatever came of A's update would have come before B's.
        assert b_on_a.updates.empty()
        assert anon_on_a.updates.empty()


def test_postgres_changes_without_a_filter_still_keeps_to_the_own_site(road: Road) -> None:
    (site_a, _), (site_b, key_b) = road.site("A"), road.site("B")
    b = road.token(key_b)
    join = table_changes(str(site_b.pk), filter=None)
    with listening(b["supabase_url"], b["supabase_key"], b["token"], join) as on_b:
        on_b.until_system(SUBSCRIBED)
        road.edit(site_a, "for-a")
        road.edit(site_b, "for-b")
        assert on_b.next_update()["slug"] == "for-b"
        assert on_b.updates.empty()
