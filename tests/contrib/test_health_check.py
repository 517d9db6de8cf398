"""The state of spool_live on the page of django-health-check."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.test import AsyncRequestFactory
from django.utils import timezone
from health_check.exceptions import (  # type: ignore[import-untyped]
    ServiceUnavailable,
    ServiceWarning,
)
from health_check.views import HealthCheckView  # type: ignore[import-untyped]

from spool_live import LiveUpdateData, broadcast_update
from spool_live.contrib.health_check import LiveUpdates
from spool_live.models import OutboxEntry, Site
from spool_live.updates import EventType

CHECK = "spool_live.contrib.health_check.LiveUpdates"


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check closes the connections of its own thread, which here is the test's."""
    monkeypatch.setattr("spool_live.contrib.health_check.connections.close_all", lambda: None)


@pytest.mark.django_db(databases="__all__")
@pytest.mark.usefixtures("alive", "one_thread")
def test_says_nothing_while_all_is_well() -> None:
    LiveUpdates().run()


@pytest.mark.django_db(databases="__all__")
@pytest.mark.usefixtures("alive", "one_thread")
def test_warns_of_a_delay_and_names_no_site() -> None:
    site = Site.objects.create(name="Courier")
    broadcast_update(site, LiveUpdateData(EventType.UPDATED, "articles", uuid.uuid4()))
    OutboxEntry.objects.update(timestamp=timezone.now() - timedelta(seconds=90))
    with pytest.raises(ServiceWarning, match=r"live updates: delayed for 90 s$"):
        LiveUpdates().run()


@pytest.mark.django_db(databases="__all__")
@pytest.mark.usefixtures("one_thread")
def test_is_unavailable_where_nobody_delivers() -> None:
    with pytest.raises(ServiceUnavailable, match=r"live updates: stopped for 0 s$"):
        LiveUpdates().run()


@pytest.mark.django_db(databases="__all__", transaction=True)
async def test_page_takes_the_check_by_its_name() -> None:
    request = AsyncRequestFactory().get("/ht/", headers={"Accept": "application/json"})
    answer: HttpResponse = await HealthCheckView.as_view(checks=[CHECK])(request)
    assert answer.status_code == 500
    assert b"live updates: stopped" in answer.content
