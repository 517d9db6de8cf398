"""Unreadable entries, which something else has written into the table: the others are delivered."""

from __future__ import annotations

import json
import sys
import uuid
from unittest.mock import ANY

import pytest
from django.db import connection

from spool_live import LiveUpdateData, broadcast_update, outbox
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.models import OutboxEntry, Site
from spool_live.updates import EventType
from tests.delivery.conftest import MakeSite, arrived, deliver
from tests.outbox.conftest import states, waiting

pytestmark = pytest.mark.django_db
on_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="jsonb and timestamptz are PostgreSQL's"
)


def store(pk: int, column: str, value: str) -> None:
    """Changes a row as SQL can."""
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE live_updates_outbox SET {column} = %s WHERE id = %s", [value, pk])


UNREADABLE: dict[str, tuple[str, str]] = {
    "an array": ("metadata", "[1, 2]"),
    "null": ("metadata", "null"),
    "more digits than Python reads": ("metadata", '{"n": 1' + "0" * 4400 + "}"),
}
if connection.vendor == "postgresql" and sys.version_info < (3, 12):
    # Other databases refuse it (CHECK JSON_VALID); later Pythons can read it, and it is cut.
    deep = '{"n": ' + "[" * 3000 + "]" * 3000 + "}"
    UNREADABLE["deeper than Python reads"] = ("metadata", deep)


@pytest.mark.parametrize(("column", "value"), UNREADABLE.values(), ids=UNREADABLE)
def test_dies_alone_with_its_reason(column: str, value: str, make_site: MakeSite) -> None:
    guilty, innocent = make_site(), make_site()
    pks = waiting(guilty, 3)
    waiting(innocent, 2)
    store(pks[1], column, value)
    report = deliver()
    assert (report.delivered, report.dead) == (4, 1)
    assert states(guilty) == ["delivered", "dead", "delivered"]
    assert "cannot be read: " in OutboxEntry.objects.only("last_error").get(pk=pks[1]).last_error
    assert (arrived(guilty), arrived(innocent)) == ([1, 3], [1, 2])
    page = outbox.catch_up("default", guilty.pk, after=0, limit=10)
    assert [(u.seq, u.metadata.get("invalid")) for u in page.results] == [
        (1, None),
        (2, True),
        (3, None),
    ]


@on_postgresql
def test_page_of_rows_that_cannot_be_read_has_a_next_one(make_site: MakeSite) -> None:
    site = make_site()
    pks = waiting(site, 4)
    deliver()
    for pk in pks[:2]:
        store(pk, "timestamp", "infinity")
    seen: list[int] = []
    after: int | None = 0
    while after is not None:
        page = outbox.catch_up("default", site.pk, after=after, limit=1)
        seen += [update.seq for update in page.results]
        after = page.next
    assert seen == [3, 4]


@on_postgresql
@pytest.mark.parametrize("moment", ["infinity", "-infinity", "11111-01-01", "0044-03-15 BC"])
def test_moment_that_python_cannot_hold(moment: str, make_site: MakeSite) -> None:
    guilty, innocent = make_site(), make_site()
    pks = waiting(guilty, 3)
    waiting(innocent, 1)
    store(pks[0], "timestamp", moment)
    assert deliver().delivered == 3
    dead = OutboxEntry.objects.only("last_error").get(pk=pks[0])
    assert "timestamp is not between" in dead.last_error
    assert (arrived(guilty), arrived(innocent)) == ([2, 3], [1])
    page = outbox.catch_up("default", guilty.pk, after=0, limit=2)
    assert [u.seq for u in page.results] == [2, 3]
    assert outbox.catch_up("default", guilty.pk, after=3, limit=2).next is None


def test_number_that_receivers_would_read_differently_is_text_on_every_road(site: Site) -> None:
    (pk,) = waiting(site, 1)
    store(pk, "metadata", '{"n": 18446744073709551617, "huge": 1' + "0" * 309 + "}")
    assert deliver().delivered == 1
    expected = {"n": "18446744073709551617", "huge": str(10**309), "cache_tags": ANY}
    [sent] = MemoryBroadcaster.updates
    [served] = outbox.catch_up("default", site.pk, after=0, limit=1).results
    assert sent.metadata == served.metadata == expected


def test_number_of_310_digits_stops_nobody(make_site: MakeSite) -> None:
    guilty, innocent = make_site(), make_site()
    for site, number in ((guilty, 10**309), (innocent, 1)):
        data = LiveUpdateData(EventType.UPDATED, "keys", uuid.uuid4(), metadata={"n": number})
        broadcast_update(site, data)
    assert deliver().delivered == 2
    assert [json.loads(json.dumps(u.metadata)) for u in MemoryBroadcaster.updates]
    assert (arrived(guilty), arrived(innocent)) == ([1], [1])
