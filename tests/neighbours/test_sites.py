"""Sites of django.contrib.sites as tenants."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.sites.models import Site as DjangoSite
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from spool_live import checks
from spool_live.collections.django_sites import mapped
from spool_live.models import OutboxEntry, Site
from tests.neighbours.models import Attachment, Bulletin

pytestmark = pytest.mark.django_db(databases="__all__")


def recorded() -> list[tuple[str, str]]:
    """Event and site of each update."""
    names = dict(Site.objects.values_list("pk", "name"))
    entries = OutboxEntry.objects.order_by("pk")
    return [(e.event_type.removeprefix("content."), names[e.site_id]) for e in entries]


def test_site_that_migrate_makes_is_there() -> None:
    assert Site.objects.get(pk=mapped(1)).name == DjangoSite.objects.get(pk=1).domain


def test_kept_in_step() -> None:
    other = DjangoSite.objects.create(domain="courier.example", name="Courier")
    ours = Site.objects.get(pk=mapped(other.pk))
    assert ours.name == "courier.example"
    other.domain = "herald.example"
    other.save()
    ours.refresh_from_db()
    assert ours.name == "herald.example"
    DjangoSite.objects.all().delete()
    assert not Site.objects.filter(pk=ours.pk).exists()


def test_edits_are_recorded_for_it() -> None:
    one, two = (DjangoSite.objects.create(domain=f"{n}.example") for n in ("one", "two"))
    bulletin = Bulletin.objects.create(site=one, title="News")
    with CaptureQueriesContext(connection) as queries:
        bulletin.save()
    assert len(queries) == 3  # SELECT of the site that attachments follow to, UPDATE, INSERT
    attachment = Attachment.objects.create(bulletin=bulletin)
    Bulletin.objects.get().save()
    bulletin.site = two
    bulletin.save()
    attachment.delete()
    assert recorded() == [
        ("created", "one.example"),
        ("updated", "one.example"),
        ("created", "one.example"),
        ("updated", "one.example"),
        ("deleted", "one.example"),
        ("created", "two.example"),
        ("deleted", "one.example"),
        ("created", "two.example"),
        ("deleted", "two.example"),
    ]
    assert checks.check_collections(None) == []


def test_command_puts_it_right_and_lists(capsys: Any) -> None:
    site = DjangoSite.objects.create(domain="courier.example")
    Site.objects.filter(pk=mapped(site.pk)).update(name="other")
    call_command("live_django_sites", "--format", "json")
    rows = json.loads(capsys.readouterr().out)
    (row,) = [row for row in rows if row["django_site"] == site.pk]
    assert (row["site"], row["changed"]) == (str(mapped(site.pk)), "yes")
    assert Site.objects.get(pk=mapped(site.pk)).name == "courier.example"
