"""``live_requeue`` and ``live_discard``: which entries, by whom, and what the status says then."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from spool_live import status
from spool_live.models import OutboxEntry, OutboxEvent, Site
from tests.commands.conftest import Run

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("alive")]


def dead(site_id: uuid.UUID, **fields: object) -> OutboxEntry:
    values = {"event_type": "content.updated", "collection": "articles", **fields}
    now = timezone.now()
    return OutboxEntry.objects.create(
        site_id=site_id, item_id=uuid.uuid4(), timestamp=now - timedelta(minutes=1),
        state="dead", last_error="value too long", settled_at=now, **values,
    )  # fmt: skip


@pytest.fixture
def site() -> Site:
    return Site.objects.create(name="Courier")


def test_status_is_ok_again_once_it_is_discarded(site: Site, run: Run) -> None:
    entry = dead(site.pk)
    assert [problem.kind for problem in status.determine().problems] == ["dead"]
    outcome = run("live_discard", "--update", entry.update_id, "--reason", "a test import",
                  "--format", "json")  # fmt: skip
    assert (outcome.code, outcome.rows) == (0, {"discarded": 1})
    assert status.determine().problems == ()
    line = OutboxEvent.objects.get()
    assert (line.origin, line.reason) == ("command", "a test import")


@pytest.mark.parametrize("command", ["live_requeue", "live_discard"])
def test_site_is_named_by_name_or_id(site: Site, run: Run, command: str) -> None:
    other = Site.objects.create(name="Ledger")
    for given in ("Courier", str(site.pk)):
        mine, others = dead(site.pk), dead(other.pk)
        outcome = run(command, "--site", given)
        assert outcome.code == 0, outcome.err
        mine.refresh_from_db()
        others.refresh_from_db()
        assert (mine.state != "dead", others.state) == (True, "dead")


def test_entries_of_a_deleted_site_are_found_by_its_id(run: Run) -> None:
    deleted = uuid.uuid4()
    dead(deleted)
    assert run("live_discard", "--site", deleted, "--format", "json").rows == {"discarded": 1}


def test_unknown_site_is_an_error_and_changes_nothing(site: Site, run: Run) -> None:
    dead(site.pk)
    outcome = run("live_discard", "--site", "Curier")
    assert (outcome.code, "no site 'Curier'" in outcome.err) == (1, True)
    assert OutboxEntry.objects.get().state == "dead"


@pytest.mark.parametrize("arguments", [[], ["--all", "--site", "Courier"]])
def test_what_to_discard_has_to_be_said(site: Site, run: Run, arguments: list[str]) -> None:
    dead(site.pk)
    outcome = run("live_discard", *arguments)
    assert outcome.code == 1
    assert "Say which dead entries" in outcome.err
    assert OutboxEntry.objects.get().state == "dead"


def test_all_is_every_dead_entry(site: Site, run: Run) -> None:
    dead(site.pk)
    dead(uuid.uuid4(), collection="pages")
    assert run("live_discard", "--all", "--format", "json").rows == {"discarded": 2}
