"""Several editors and several workers at once, with real threads and real commits."""

from __future__ import annotations

import threading
import uuid
from collections import defaultdict

import pytest
from django.db import transaction

from spool_live import outbox
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery import DeliveryReport, deliver_pending
from spool_live.models import OutboxEntry, Site
from tests.sessions import threads
from tests.testapp.models import Article

pytestmark = pytest.mark.django_db(transaction=True)

SITES, EDITORS, EDITS, WORKERS = 3, 3, 12, 3


def edit(site: Site, name: str) -> int:
    """Edits an article again and again; every third edit is rolled back. Returns what committed."""
    article = Article.objects.create(site=site, slug=f"{name}-0")
    committed = 1
    for number in range(1, EDITS):
        with transaction.atomic():
            article.slug = f"{name}-{number}"
            article.save()
            if number % 3 == 0:
                transaction.set_rollback(True)
            else:
                committed += 1
    return committed


def work(done: threading.Event) -> DeliveryReport:
    """Delivers until the editors are done and nothing waits any more."""
    total = DeliveryReport()
    while True:
        over = done.is_set()
        report = deliver_pending("default", pause=lambda seconds: None)
        total.delivered += report.delivered
        total.reasons |= report.reasons
        if over and not OutboxEntry.objects.filter(state=OutboxEntry.State.PENDING).exists():
            return total


def watch(site: Site, done: threading.Event) -> int:
    """Reads the history as a subscriber would. Returns how often."""
    looks = cursor = 0
    while not done.is_set():
        answer = outbox.catch_up("default", site.pk, after=cursor, limit=100)
        numbers = [update.seq for update in answer.results]
        expected = list(range(cursor + 1, cursor + 1 + len(numbers)))
        assert numbers == expected, "a number became visible after a higher one"
        cursor, looks = cursor + len(numbers), looks + 1
    return looks


def test_every_committed_edit_arrives_once_in_order_without_a_gap() -> None:
    sites = [Site.objects.create(name=f"site {n}") for n in range(SITES)]
    edited, delivered = threading.Event(), threading.Event()
    with threads(SITES * EDITORS + WORKERS + 1) as start:
        watcher = start(watch, sites[0], delivered)
        workers = [start(work, edited) for _ in range(WORKERS)]
        editors = [
            start(edit, site, f"{number}.{editor}")
            for number, site in enumerate(sites)
            for editor in range(EDITORS)
        ]
        committed = [editor.result(60) for editor in editors]
        edited.set()
        reports = [worker.result(60) for worker in workers]
        delivered.set()
        assert watcher.result(60) > 0

    assert sum(report.delivered for report in reports) == sum(committed)
    assert set().union(*(report.reasons for report in reports)) == set()
    arrived = defaultdict(list)
    for update in MemoryBroadcaster.updates:
        arrived[update.site_id].append(update)
    assert len({update.id for update in MemoryBroadcaster.updates}) == sum(committed)
    for number, site in enumerate(sites):
        mine = arrived[site.pk]
        total = sum(committed[number * EDITORS : (number + 1) * EDITORS])
        assert [update.seq for update in mine] == list(range(1, total + 1))
        for editor in range(EDITORS):
            name = f"{number}.{editor}-"
            edits = [int((u.slug or "").removeprefix(name)) for u in mine if name in (u.slug or "")]
            assert edits == [n for n in range(EDITS) if n == 0 or n % 3]


def test_workers_help_each_other_with_different_sites() -> None:
    """While one worker is at a site, another takes the next one, and neither waits."""
    slow, quick = (Site.objects.create(name=name) for name in ("slow", "quick"))
    Article.objects.create(site=slow)
    began, go_on = threading.Event(), threading.Event()

    class Slow(MemoryBroadcaster):
        def broadcast(self, updates: object) -> None:
            began.set()
            assert go_on.wait(30)
            super().broadcast(updates)  # type: ignore[arg-type]

    def deliver(broadcaster: MemoryBroadcaster) -> int:
        report = deliver_pending("default", broadcaster=broadcaster, pause=lambda seconds: None)
        return report.delivered

    with threads(2) as start:
        first = start(deliver, Slow())
        assert began.wait(30)
        Article.objects.create(site=quick)
        Article.objects.create(site=slow)
        assert start(deliver, MemoryBroadcaster()).result(30) == 1
        assert [update.site_id for update in MemoryBroadcaster.updates] == [quick.pk]
        go_on.set()
        assert first.result(30) == 2
    assert [u.seq for u in MemoryBroadcaster.updates if u.site_id == slow.pk] == [1, 2]


def test_claims_at_the_same_moment_share_the_sites_out() -> None:
    sites = [Site.objects.create(name=f"site {n}") for n in range(8)]
    for site in sites:
        Article.objects.create(site=site)
    barrier = threading.Barrier(4, timeout=30)

    def claim() -> list[uuid.UUID]:
        barrier.wait()
        mine = outbox.claim_batch("default")
        return [] if mine is None else list(mine.sites)

    with threads(4) as start:
        claims = [start(claim) for _ in range(4)]
        taken = [site_id for one in claims for site_id in one.result(60)]
    assert len(taken) == len(set(taken)) > 0
    seqs = OutboxEntry.objects.filter(site_id__in=taken).values_list("seq", flat=True)
    assert set(seqs) == {1}
