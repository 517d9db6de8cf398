"""Whatever is recorded, stored or answered: nobody else pays, and what arrives is equal everywhere.

Each property has a short run with fixed examples, and a long one with new examples each time.
"""

from __future__ import annotations

import json
import logging
import math
import shutil
import subprocess
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from rest_framework.renderers import JSONRenderer

from spool_live import LiveUpdateData, batch, broadcast_update, outbox
from spool_live.api.serializers import catch_up_response
from spool_live.conf import live_settings
from spool_live.delivery import deliver_pending, portions
from spool_live.metadata import (
    DEPTH_LIMIT,
    EXACT,
    METADATA_LIMIT,
    TRUNCATED,
    metadata_json,
    read_metadata,
)
from spool_live.models import DeliveryCircuit, LiveUpdate, OutboxEntry, Site, SiteDelivery
from spool_live.tags import CACHE_TAGS
from spool_live.updates import EventType
from tests.faults.anything import ANSWERS, METADATA, ROWS, comes_to_an_end, may_be_about_content
from tests.faults.conftest import Clock, record
from tests.faults.receiver import Fault, FaultyReceiver

on_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="reads jsonb, or is the same elsewhere"
)
LONG = [pytest.mark.slow, pytest.mark.timeout(1800)]
RUNS = [pytest.param(1, id="short"), pytest.param(20, id="long", marks=LONG)]
"""How many times the number of examples."""


def examples(number: int, times: int) -> settings:
    return settings(
        max_examples=number * times,
        derandomize=times == 1,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def check_i_json(value: Any, depth: int = 1) -> None:
    """RFC 7493, and nothing that a receiver of ours reads in its own way."""
    if isinstance(value, dict | list):
        assert depth <= DEPTH_LIMIT
        for name in value if isinstance(value, dict) else ():
            check_i_json(name)
        for item in value.values() if isinstance(value, dict) else value:
            check_i_json(item, depth + 1)
    elif isinstance(value, str):
        assert "\x00" not in value
        value.encode()
    elif isinstance(value, int | float):
        assert math.isfinite(value)
        assert abs(value) < EXACT


@on_postgresql
@pytest.mark.parametrize("times", RUNS)
def test_what_is_recorded_is_i_json(times: int) -> None:
    @examples(150, times)
    @given(METADATA)
    def check(metadata: dict[Any, Any]) -> None:
        text = metadata_json(metadata)
        assert len(text.encode()) <= METADATA_LIMIT
        value = json.loads(text, object_pairs_hook=_unique)
        check_i_json(value)
        assert orjson.loads(text) == value
        assert read_metadata(text) == value
        assert json.loads(metadata_json(value)) == value

    check()


def check_tagged(recorded: dict[str, Any], arrived: dict[str, Any]) -> None:
    """That the cache tags were added, and nothing else was changed that fits beside them. What was
    left out for them is flagged."""
    if CACHE_TAGS in recorded:
        assert arrived == recorded
        return
    own = {name: value for name, value in arrived.items() if name != CACHE_TAGS}
    assert arrived[CACHE_TAGS][0] == "stories"
    both = (recorded, {CACHE_TAGS: arrived[CACHE_TAGS]})
    if sum(len(metadata_json(part).encode()) for part in both) <= METADATA_LIMIT:
        assert own == recorded
    else:
        left_out = recorded.keys() - own.keys()
        assert own.keys() <= {*recorded, TRUNCATED}
        assert not left_out or own[TRUNCATED] is True


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    assert len(made) == len(pairs), "a name twice"
    return made


def in_outbox(pk: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT metadata::text FROM live_updates_outbox WHERE id = %s", [pk])
        return str(cursor.fetchone()[0])


def in_table(update_id: uuid.UUID) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT metadata::text FROM live_updates WHERE id = %s", [update_id])
        return str(cursor.fetchone()[0])


def over_rest(site_id: uuid.UUID) -> str:
    """As PostgREST serves the table."""
    answer = httpx.get(
        f"{live_settings().supabase_url}/rest/v1/live_updates",
        params={"site_id": f"eq.{site_id}", "select": "metadata", "order": "seq"},
        headers={"apikey": live_settings().supabase_secret_key},
    )
    return answer.text


def over_realtime(site_id: uuid.UUID) -> str | None:
    """As Realtime is given it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('realtime.messages')")
        if cursor.fetchone() == (None,):
            return None
        cursor.execute(
            "SELECT coalesce(jsonb_agg(change -> 'metadata' ORDER BY (change ->> 'seq')::bigint),"
            " '[]')::text FROM realtime.messages,"
            " jsonb_array_elements(payload -> 'changes') AS change WHERE topic LIKE %s",
            [f"site:{site_id}:%"],
        )
        return str(cursor.fetchone()[0])


def in_catch_up(site_id: uuid.UUID) -> str:
    """As the API writes it."""
    page = catch_up_response(outbox.catch_up("default", site_id, after=0, limit=1000))
    return JSONRenderer().render([row["metadata"] for row in page["results"]]).decode()


READ_BY_JAVASCRIPT = """
const texts = JSON.parse(require('fs').readFileSync(0, 'utf8'))
console.log(JSON.stringify(texts.map((text) => JSON.stringify(JSON.parse(text)))))
"""


def check_javascript(texts: list[str]) -> None:
    """That ``JSON.parse`` reads each as Python does."""
    node = shutil.which("node")
    assert node, "node is not on the PATH"
    made = subprocess.run(
        [node, "-e", READ_BY_JAVASCRIPT],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
    )
    for given_text, read in zip(texts, json.loads(made.stdout), strict=True):
        assert json.loads(read) == json.loads(given_text)


@on_postgresql
@pytest.mark.django_db(transaction=True)
class TestOnTheRealRoad:
    """Through PostgREST's rules into the live table."""

    @pytest.fixture(autouse=True)
    def _road(
        self,
        suite_supabase: object,
        live: Callable[..., None],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        live(BROADCASTER="spool_live.broadcasters.supabase.SupabaseBroadcaster")
        caplog.set_level(logging.ERROR)
        portions._limits.clear()

    @pytest.mark.parametrize("times", RUNS)
    def test_what_arrives_is_equal_at_every_receiver(self, times: int) -> None:
        texts = self.run_equal(times)
        assert len(texts) > 50

    @pytest.mark.node
    @pytest.mark.parametrize("times", RUNS)
    def test_what_arrives_is_equal_in_javascript(self, times: int) -> None:
        check_javascript(self.run_equal(times))

    def run_equal(self, times: int) -> list[str]:
        texts: list[str] = []

        @examples(20, times)
        @given(st.lists(METADATA, min_size=1, max_size=8), st.booleans())
        def check(given_metadata: list[dict[Any, Any]], together: bool) -> None:
            site = Site.objects.create(name="Courier")
            with batch() if together else transaction.atomic():
                for metadata in given_metadata:
                    record(site, metadata=metadata)
            deliver_pending("default", pause=lambda seconds: None)
            entries = list(OutboxEntry.objects.filter(site_id=site.pk).order_by("seq"))
            assert [e.state for e in entries] == ["delivered"] * len(given_metadata)
            stored = [in_outbox(entry.pk) for entry in entries]
            expected = [json.loads(metadata_json(metadata)) for metadata in given_metadata]
            assert [json.loads(text) for text in stored] == expected
            sent = [in_table(entry.update_id) for entry in entries]
            arrived = [json.loads(text) for text in sent]
            for whole, one in zip(expected, arrived, strict=True):
                check_tagged(whole, one)
            roads = [over_rest(site.pk), in_catch_up(site.pk)]
            assert [row["metadata"] for row in json.loads(roads[0])] == arrived
            assert json.loads(roads[1]) == arrived
            if (pushed := over_realtime(site.pk)) is not None:
                roads.append(pushed)
                assert json.loads(pushed) == arrived
            texts.extend([*stored, *sent, *roads])

        check()
        return texts

    @pytest.mark.parametrize("times", RUNS)
    def test_row_that_somebody_wrote_costs_nobody_else(self, times: int) -> None:
        @examples(25, times)
        @given(st.lists(ROWS, min_size=1, max_size=4))
        def check(rows: list[dict[str, Any]]) -> None:
            guilty, innocent = Site.objects.create(name="A"), Site.objects.create(name="B")
            record(guilty)
            for row in rows:
                store(guilty.pk, row)
            record(guilty)
            record(innocent, 3)
            for _ in range(8):
                SiteDelivery.objects.update(retry_at=None)
                DeliveryCircuit.objects.update(open_until="2020-01-01T00:00Z")
                deliver_pending("default", pause=lambda seconds: None)
            columns = ("state", "last_error", "update_id", "seq")
            entries = OutboxEntry.objects.order_by("id").values_list(*columns)
            assert {state for state, *_ in entries.filter(site_id=innocent.pk)} == {"delivered"}
            first, *odd, last = entries.filter(site_id=guilty.pk)
            assert (first[0], last[0]) == ("delivered", "delivered")
            served = {
                update.id: update.metadata
                for update in outbox.catch_up("default", guilty.pk, after=0, limit=99).results
            }
            for state, reason, update_id, _ in odd:
                assert state == "delivered" or (state == "dead" and reason)
                if state == "delivered":
                    arrived = LiveUpdate.objects.get(pk=update_id).metadata
                    check_i_json(arrived)
                    assert served[update_id] == arrived

        check()


def store(site_id: uuid.UUID, row: dict[str, Any]) -> None:
    columns = {"update_id": uuid.uuid4(), "site_id": site_id, "item_id": uuid.uuid4(), **row}
    names = ", ".join(columns)
    places = ", ".join(["%s"] * len(columns))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO live_updates_outbox ({names}) VALUES ({places})", list(columns.values())
        )


@on_postgresql
@pytest.mark.django_db
class TestAnswers:
    """Of a server that says whatever it likes, whenever it likes.

    The short run has no answers that hang or drip: each costs its timeout, and a timeout that is
    short enough for many of them is too short for an innocent answer on a busy machine.
    """

    @pytest.fixture(autouse=True)
    def _road(
        self,
        receiver: FaultyReceiver,
        clock: Clock,
        live: Callable[..., None],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        self.receiver, self.clock = receiver, clock
        self.live = live
        caplog.set_level(logging.ERROR)  # else the log of so many requests is most of the time

    def answers(self, times: int) -> st.SearchStrategy[Fault]:
        is_short = times == 1
        self.live(REQUEST_TIMEOUT=5 if is_short else 0.5, DELIVERY_LEASE=3600)
        return ANSWERS.filter(comes_to_an_end) if is_short else ANSWERS

    def start(self) -> list[Site]:
        portions._limits.clear()
        OutboxEntry.objects.all().delete()
        SiteDelivery.objects.all().delete()
        DeliveryCircuit.objects.all().delete()
        Site.objects.all().delete()
        self.receiver.rows.clear()
        self.receiver.guilty.clear()
        self.receiver.faults = []
        sites = [Site.objects.create(name=name) for name in "ABC"]
        for site in sites:
            record(site, 4)
        return sites

    def deliver_for_long(self, rounds: int) -> None:
        for _ in range(rounds):
            deliver_pending("default", pause=lambda seconds: None)
            if not OutboxEntry.objects.filter(state="pending").exists():
                return
            self.clock.advance(minutes=16)

    @pytest.mark.parametrize("times", RUNS)
    def test_of_some_requests(self, times: int) -> None:
        @examples(14, times)
        @given(st.lists(self.answers(times), min_size=1, max_size=4))
        def check(answers: list[Fault]) -> None:
            self.start()
            self.receiver.faults = list(answers)
            self.deliver_for_long(40)
            self.check_each_entry()
            assert OutboxEntry.objects.filter(state="dead").count() <= len(answers)

        check()

    @pytest.mark.parametrize("times", RUNS)
    def test_of_every_request_that_holds_one_entry(self, times: int) -> None:
        @examples(12, times)
        @given(self.answers(times).filter(may_be_about_content), st.integers(0, 11))
        def check(answer: Fault, place: int) -> None:
            self.start()
            one = list(OutboxEntry.objects.order_by("site_id", "id"))[place]
            self.receiver.guilty = {str(one.update_id): answer}
            self.deliver_for_long(25)
            others = OutboxEntry.objects.exclude(site_id=one.site_id)
            assert set(others.values_list("state", flat=True)) == {"delivered"}
            one.refresh_from_db()
            waits = SiteDelivery.objects.get(pk=one.site_id).last_error
            note(f"{one.state}: {one.last_error or waits}")
            assert one.state == "delivered" or one.last_error or waits
            if one.state != "pending":
                self.check_each_entry()

        check()

    def check_each_entry(self) -> None:
        rows = self.receiver.rows
        for entry in OutboxEntry.objects.all():
            note(f"{entry.seq} {entry.state} {entry.last_error}")
            assert entry.state in ("delivered", "dead")
            if entry.state == "delivered":
                sent = rows[str(entry.update_id)]["metadata"]
                assert sent == entry.as_update().metadata
                assert "truncated" in sent or sent.items() >= entry.metadata.items()
            else:
                assert entry.last_error
        numbers = [(row["site_id"], row["seq"]) for row in rows.values()]
        assert len(set(numbers)) == len(numbers)


@pytest.mark.django_db
@pytest.mark.parametrize("times", RUNS)
def test_recording_never_raises_for_content(site: Site, times: int) -> None:
    @examples(100, times)
    @given(METADATA, st.text(min_size=1, max_size=20).filter(lambda t: t.replace("\x00", "")))
    def check(metadata: dict[Any, Any], text: str) -> None:
        data = LiveUpdateData(EventType.UPDATED, text, uuid.uuid4(), text + "\ud800", metadata)
        broadcast_update(site, data)
        entry = OutboxEntry.objects.latest("pk")
        assert entry.metadata == json.loads(metadata_json(metadata))
        assert entry.slug == text.replace("\x00", "") + "?"

    check()
