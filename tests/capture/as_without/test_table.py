"""Each line of the table, with and without the app, in autocommit mode and in a transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.conf import settings
from pytest_django.plugin import DjangoDbBlocker

from spool_live.capture.audit import audit
from spool_live.capture.transitions import ADDED
from spool_live.collections import registry
from spool_live.metadata import metadata_json
from spool_live.models import OutboxEntry
from tests.capture.as_without.cases import TABLE
from tests.capture.as_without.world import captured, clear, within, without
from tests.testapp.models import Story

SLOW = pytest.mark.slow


@pytest.fixture(scope="module", params=["signals", "trigger", pytest.param("methods", marks=SLOW)])
def capture(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[str]:
    """How the story is captured. Each case clears its tables itself: a flush empties them all."""
    if request.param == "trigger" and settings.CONTENT != "postgresql":
        pytest.skip("the content is not on PostgreSQL")
    with django_db_blocker.unblock(), captured(request.param):
        yield request.param
        clear()


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize(
    "atomic",
    [pytest.param(False, id="autocommit"), pytest.param(True, id="atomic", marks=SLOW)],
)
def test_behaves_as_without_the_app_and_is_recorded_rightly(
    name: str, atomic: bool, capture: str
) -> None:
    line = TABLE[name]
    expected = without(line.case, atomic=atomic)
    outcome, entries = within(line.case, atomic=atomic)
    assert outcome == expected
    events = line.events if line.trigger is None or capture != "trigger" else line.trigger
    found = tuple(entry.event_type.removeprefix("content.") for entry in entries)
    if events != ("?",):
        assert found == events
    if line.audited:
        assert [str(finding.problem) for finding in audit("default")] == []
        _assert_newest_entries_have_what_is_stored()


def test_table_is_long_enough() -> None:
    assert len(TABLE) >= 60


def _assert_newest_entries_have_what_is_stored() -> None:
    collection = next(c for c in registry if c.model is Story)
    for story in Story.objects.all():
        entries = OutboxEntry.objects.filter(item_id=collection.item_id_of(story)).order_by("pk")
        entry = entries.last()
        assert entry is not None
        stored = json.loads(metadata_json(collection.get_metadata(story)))
        recorded = {name: value for name, value in entry.metadata.items() if name not in ADDED}
        assert (entry.site_id, entry.slug, recorded) == (story.site_id, story.slug, stored)
