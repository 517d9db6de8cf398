"""The dashboard: who may see it, and that it says what the status says."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from spool_live import counts, heartbeats, samples
from spool_live.admin import dashboard
from spool_live.alerts.evaluation import evaluate
from spool_live.isolation.live.ping import Hop, Ping
from spool_live.models import CounterSample, Dashboard, DeliveryCircuit, OutboxEntry, Site
from spool_live.status import Kind, Problem, State, Status
from spool_live.status.snapshot import kept
from tests.outbox.conftest import waiting

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("alive")]
PAGE, NOW, PING = (
    f"admin:spool_live_dashboard_{name}" for name in ("changelist", "now", "ping")
)  # fmt: skip
MAY_SEE, MAY_PING = "view_dashboard", "ping_dashboard"


@pytest.fixture
def pinged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The aliases that somebody pinged from. What arrives has taken two hops."""
    asked: list[str] = []

    def send(using: str, *views: Any) -> Ping:
        asked.append(using)
        return Ping([Hop("recorded", 3.0), Hop("stored", None, "It hangs.", "Wake it.")])

    monkeypatch.setattr(dashboard, "send_ping", send)
    return asked


def read(client: Client, page: str = NOW, **query: str) -> str:
    kept.forget()
    answer = client.get(reverse(page), query)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    return answer.content.decode()


def tile(text: str, label: str) -> tuple[str, ...]:
    """Value, detail and mark of a tile."""
    pattern = rf'live-tile( live-\w+)?">\s*<dt>{label}</dt>\s*<dd[^>]*>(.*?)</dd>\s*<dd[^>]*>(.*?)<'
    [found] = re.findall(pattern, text, re.DOTALL)
    return re.sub("<.*?>", "", found[1]), found[2], found[0].strip()


class TestPermissions:
    def test_page_has_its_own_permission(self, staff: Callable[..., Client]) -> None:
        client = staff("view_site", "view_outboxentry", "change_outboxentry", MAY_PING)
        for page in (PAGE, NOW):
            assert client.get(reverse(page)).status_code == 403
        assert client.post(reverse(PING)).status_code == 403
        assert reverse(PAGE) not in client.get(reverse("admin:index")).content.decode()

    def test_who_may_see_it_may_not_ping(
        self, staff: Callable[..., Client], pinged: list[str]
    ) -> None:
        client = staff(MAY_SEE)
        assert reverse(PAGE) in client.get(reverse("admin:index")).content.decode()
        assert "data-live-ping" not in read(client, PAGE)
        assert client.post(reverse(PING)).status_code == 403
        assert pinged == []

    def test_ping_is_a_post(self, admin_client: Client, pinged: list[str]) -> None:
        assert admin_client.get(reverse(PING)).status_code == 405
        assert pinged == []

    def test_strangers_are_asked_to_log_in(self, client: Client) -> None:
        for page in (PAGE, NOW, PING):
            assert client.get(reverse(page)).status_code == 302


class TestState:
    def test_all_is_well(self, admin_client: Client, make_key: Callable[..., Any]) -> None:
        key, _ = make_key()
        text = read(admin_client)
        assert "An edit made now would arrive." in text
        assert key.site.name in text
        assert tile(text, "Updates waiting") == ("0", "everything is delivered", "")
        assert tile(text, "Dead entries") == ("0", "none", "live-ok")
        assert tile(text, "Breaker") == ("closed", "Supabase answers", "live-ok")

    def test_backlog_dead_entries_and_breaker(
        self, admin_client: Client, make_key: Callable[..., Any]
    ) -> None:
        key, _ = make_key()
        waiting(key.site, 3, slug="harbour")
        rows = OutboxEntry.objects.all()
        rows.update(timestamp=timezone.now() - timedelta(minutes=3, seconds=1))
        rows.filter(pk=rows[0].pk).update(state="dead", seq=1)
        DeliveryCircuit.objects.create(failures=2, open_until=timezone.now(), last_error="503")
        text = read(admin_client)
        assert tile(text, "Updates waiting")[:2] == ("2", "the oldest for 3 min")
        assert tile(text, "Dead entries")[::2] == ("1", "live-bad")
        assert tile(text, "Breaker")[::2] == ("open", "live-bad")
        assert "2 attempts failed" in tile(text, "Breaker")[1]
        assert re.search(r'live-failing">\s*<span class="live-word">failing', text)

    def test_upkeep(self, admin_client: Client) -> None:
        part = heartbeats.Part
        heartbeats.succeeded("default", part.CLEANUP)
        heartbeats.failed("default", part.VERIFY_RLS, "2 errors")
        text = read(admin_client)
        assert tile(text, "Cleanup") == ("ok", "0 s ago", "live-ok")
        assert tile(text, "Isolation in the database")[::2] == ("failing", "live-bad")
        assert "2 errors" in tile(text, "Isolation in the database")[1]
        assert tile(text, "Isolation end to end")[:2] == ("-", "has not run yet")

    def test_database_that_does_not_answer_has_no_numbers(
        self, admin_client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = timezone.now()
        problem = Problem(Kind.DATABASE, State.STOPPED, now, "It is away.", "Start it.", "default")
        monkeypatch.setattr(kept, "get", lambda: Status(now, (problem,)))
        text = read(admin_client)
        assert "It is away." in text
        assert "live-tile" not in text

    def test_sites_in_trouble_come_first_and_the_list_is_bounded(
        self, admin_client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("spool_live.admin.tiles.MAX_SITES", 3)
        for name in ("Argus", "Beacon", "Clarion", "Dispatch", "Zenith"):
            site = Site.objects.create(name=name)
        waiting(site, slug="harbour")
        OutboxEntry.objects.update(state="dead", seq=1)
        Site.objects.create(name="a probe", is_probe=True)
        text = read(admin_client)
        assert re.findall(r">(\w+)</a></th>", text) == ["Zenith", "Argus", "Beacon"]
        assert "2 more sites" in text
        assert "a probe" not in text


class TestNumbers:
    @pytest.fixture(autouse=True)
    def _samples(self, nothing_counted: None) -> None:
        now = timezone.now()
        samples.note("default", now - timedelta(minutes=10), {})
        samples.note("default", now - timedelta(minutes=9), {"pending": 9})
        counts.count(counts.UPDATES, 200, outcome="delivered")
        counts.observe(counts.DELIVERY, [0.2] * 100)
        counts.count(counts.UNAUTHORIZED, 4, reason="wrong_secret")
        counts.count(counts.UNAUTHORIZED, 1, reason="revoked")
        counts.count(counts.THROTTLED, 3, limit="token")
        counts.write_now()

    def test_tiles_count_since_a_while_ago(self, admin_client: Client) -> None:
        text = read(admin_client)
        assert tile(text, "Delivered")[:2] == ("20", "a minute, over 10 min")
        assert tile(text, "Edit to Supabase, p95")[:2] == ("0.24 s", "p50 0.17 s, p99 0.25 s")
        assert tile(text, "401 in the last hour") == (
            "5", "most of them: wrong secret", "live-warning",
        )  # fmt: skip
        assert tile(text, "429 in the last hour")[:2] == ("3", "most of them: token")

    def test_evaluation_writes_what_the_charts_show(self, admin_client: Client) -> None:
        site = Site.objects.create(name="Ledger")
        waiting(site, 2, slug="harbour")
        assert "No samples yet" in read(admin_client)
        evaluate()
        newest = CounterSample.objects.latest("at").values
        assert (newest["pending"], newest["dead"]) == (2, 0)
        assert newest["oldest"] >= 0
        text = read(admin_client, hours="1")
        assert text.count("<svg") == 4
        assert 'aria-label="Updates that wait, now: waiting 2, dead 0; maximum: 9."' in text

    @pytest.mark.parametrize("hours", ["", "0", "7", "24; drop", "٦"])
    def test_other_ranges_are_not_known(self, admin_client: Client, hours: str) -> None:
        assert '?hours=6" aria-current' in read(admin_client, hours=hours)

    def test_nothing_needs_an_inline_script_or_style(self, admin_client: Client) -> None:
        evaluate()
        text = read(admin_client, PAGE)
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", text)
        assert not re.search(r'(?:src|href)="(?:https?:)?//', text)

    def test_who_is_limited_sees_no_numbers_of_all(
        self, staff: Callable[..., Client], live: Callable[..., None]
    ) -> None:
        own, other = Site.objects.create(name="Avocet"), Site.objects.create(name="Bittern")
        waiting(other, 7, slug="harbour")
        evaluate()
        live(SITES_FOR_USER=lambda user: [own])
        text = read(staff(MAY_SEE))
        assert "Avocet" in text
        assert not re.search("Bittern|live-tile|<svg|live-chart|>7<", text)


class TestPing:
    def test_hops_are_shown_on_the_page(self, admin_client: Client, pinged: list[str]) -> None:
        answer = admin_client.post(reverse(PING))
        text = answer.content.decode()
        assert pinged == ["default"]
        assert "data-live-now" in text
        assert "The test update did not get this far: stored." in text
        assert "It hangs. Wake it." in text
        assert "3 ms" in text

    def test_script_gets_the_hops_alone(self, admin_client: Client, pinged: list[str]) -> None:
        text = admin_client.post(reverse(PING), {"fragment": "1"}).content.decode()
        assert text.lstrip().startswith('<section class="live-ping live-failing"')
        assert "<html" not in text

    def test_it_is_not_inside_a_transaction_of_the_request(self, settings: LazySettings) -> None:
        from django.contrib import admin

        page = admin.site._registry[Dashboard]
        [route] = [r for r in page.get_urls() if r.name == "spool_live_dashboard_ping"]
        assert vars(route.callback)["_non_atomic_requests"] == {"default"}
