"""The live table in the admin: to look at, and bounded."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from spool_live.admin.live_updates import LiveUpdateAdmin
from spool_live.models import LiveUpdate, Site
from tests.admin.live_rows import live_update

pytestmark = pytest.mark.django_db(databases="__all__")
LIST = "admin:spool_live_liveupdate_changelist"


@pytest.fixture
def sites() -> list[Site]:
    """Two sites with three updates each in the live table, as Supabase knows them."""
    made = [Site.objects.create(name=name) for name in ("Ledger", "Herald")]
    for site in made:
        for seq in (1, 2, 3):
            live_update(site, seq=seq)
    return made


def listed(client: Client, **query: str) -> list[Any]:
    return list(client.get(reverse(LIST), query).context["cl"].result_list)


def test_rows_are_shown_newest_first_and_nobody_changes_them(
    admin_client: Client, sites: list[Site]
) -> None:
    text = admin_client.get(reverse(LIST)).content.decode()
    assert "Ledger" in text
    assert "Of the last 10 minutes." in text
    found = listed(admin_client, site=str(sites[0].pk))
    assert [row.seq for row in found] == [3, 2, 1]
    pk = found[0].pk
    for action in ("delete", "change"):
        url = reverse(f"admin:spool_live_liveupdate_{action}", args=[pk])
        assert admin_client.post(url, {"post": "yes"}).status_code == 403
    url = reverse("admin:spool_live_liveupdate_change", args=[pk])
    assert admin_client.get(url).status_code == 200
    assert admin_client.post(reverse("admin:spool_live_liveupdate_add")).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [pk], "post": "yes"}
    admin_client.post(reverse(LIST), chosen)
    assert LiveUpdate.objects.count() == 6


def test_older_ones_are_those_of_a_site(admin_client: Client, sites: list[Site]) -> None:
    LiveUpdate.objects.update(inserted_at=timezone.now() - timedelta(minutes=11))
    assert listed(admin_client) == []
    assert len(listed(admin_client, site=str(sites[1].pk))) == 3
    assert listed(admin_client, site=str(uuid.uuid4())) == []


def test_database_that_does_not_answer_is_a_sentence(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> Any:
        raise OperationalError("no route to host\nmore")

    monkeypatch.setattr(LiveUpdateAdmin, "get_queryset", fail)
    text = admin_client.get(reverse(LIST), follow=True).content.decode()
    assert "does not answer from here: no route to host." in text
