"""The record of failed attempts to deliver."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from spool_live import outbox
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.exceptions import BroadcastUnavailable
from spool_live.models import DeliveryAttempt, OutboxEntry, Site
from spool_live.outbox import attempts
from tests.delivery.conftest import MakeSite, Recording, arrived, deliver
from tests.outbox.conftest import Clock, claimed, waiting

pytestmark = pytest.mark.django_db


def outcomes(pk: int) -> list[tuple[str, str]]:
    found = outbox.attempts_of(OutboxEntry.objects.get(pk=pk))
    return [(attempt.outcome, attempt.reason) for attempt in found]


def test_batch_that_goes_well_costs_no_row(site: Site) -> None:
    [pk] = waiting(site)
    assert deliver().delivered == 1
    assert outcomes(pk) == []
    assert not DeliveryAttempt.objects.exists()


def test_refused_entry_has_its_attempt_and_no_other_has(site: Site, clock: Clock) -> None:
    pks, broadcaster = waiting(site, 3), Recording()
    ends = OutboxEntry.objects.filter(pk__in=[pks[0], pks[2]])
    broadcaster.poison = set(ends.values_list("update_id", flat=True))
    deliver(broadcaster)
    dead = [("dead", "22P05: poison")]
    assert [outcomes(pk) for pk in pks] == [dead, [], dead], "the one between them was delivered"
    row = DeliveryAttempt.objects.get()
    assert (row.at, row.entries, row.site_id) == (clock(), [pks[0], pks[2]], site.pk)


def test_entry_that_was_taken_did_not_wait_with_its_site(site: Site) -> None:
    pks = waiting(site, 3)
    claim = claimed()
    written = outbox.Settlement(
        delivered=[pks[0]], blamed={pks[1]: "odd"}, retry={site.pk: "another was refused"}
    )
    outbox.note_attempts(claim, written, timezone.now(), timedelta(0))
    assert [outcomes(pk) for pk in pks] == [
        [],
        [("refused", "odd")],
        [("postponed", "another was refused")],
    ]


def test_outage_is_one_row_for_all_entries_of_a_site_and_shows_at_each(
    site: Site, clock: Clock
) -> None:
    pks = waiting(site, 3)
    MemoryBroadcaster.failures.append(BroadcastUnavailable("no route"))
    deliver()
    clock.advance(seconds=600)
    MemoryBroadcaster.failures.append(BroadcastUnavailable("no route"))
    deliver()
    assert DeliveryAttempt.objects.count() == 2
    for pk in pks:
        assert [outcome for outcome, _ in outcomes(pk)] == ["postponed", "postponed"]
    clock.advance(seconds=600)
    deliver()
    assert len(arrived(site)) == 3
    assert len(outcomes(pks[0])) == 2, "what it went through is kept"
    [late] = waiting(site)
    assert outcomes(late) == []


def test_row_that_cannot_be_written_costs_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: Any) -> None:
        raise ValueError("no room")

    monkeypatch.setattr(outbox, "note_attempts", fail)
    pks, broadcaster = waiting(site, 2), Recording()
    broadcaster.poison = {OutboxEntry.objects.get(pk=pks[0]).update_id}
    report = deliver(broadcaster)
    assert (report.delivered, report.dead) == (1, 1)
    assert "the outcome of an attempt could not be recorded" in caplog.text


def test_batch_writes_a_bounded_number(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "MAX_PER_BATCH", 2)
    waiting(site, 5)
    claim = outbox.claim_batch("default")
    assert claim is not None
    reasons = {entry.pk: f"reason {entry.pk}" for entry in claim.entries}
    written = outbox.Settlement(dead=reasons)
    outbox.note_attempts(claim, written, timezone.now(), timedelta(seconds=1.5))
    assert list(DeliveryAttempt.objects.values_list("milliseconds", flat=True)) == [1500, 1500]


def test_old_rows_go_and_the_newest_of_a_site_stay(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "MAX_PER_SITE", 2)
    one, two, now = make_site(), make_site(), timezone.now()
    for site, ages in ((one, [9, 3, 2, 1]), (two, [1])):
        for days in ages:
            DeliveryAttempt.objects.create(
                site_id=site.pk,
                at=now - timedelta(days=days),
                milliseconds=days,
                outcome="postponed",
                first_entry=1,
                last_entry=1,
                entries=[1],
            )
    assert outbox.purge_attempts("default", before=now - timedelta(days=7)) == 2
    kept = DeliveryAttempt.objects.order_by("id").values_list("site_id", "milliseconds")
    assert list(kept) == [(one.pk, 2), (one.pk, 1), (two.pk, 1)]
