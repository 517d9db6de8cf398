"""``dumpdata``, ``loaddata`` and ``flush``, with the live tables in the content database and in one
of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

from spool_live import keys
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.capture.audit import audit
from spool_live.delivery import deliver_and_mirror
from spool_live.models import LiveUpdate, OutboxEntry, Site, SiteApiKey
from tests.scratch import fresh_project
from tests.testapp.models import Article

LEFT_OUT = ["contenttypes", "auth.permission"]
"""What ``migrate`` makes: Django's own fixtures cannot bring it back."""
OF_THE_INSTALLATION = ["liveupdate", "heartbeat", "counter", "alertepisode", "alertnotice"]


@pytest.fixture
def project(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path: Path
) -> Iterator[str]:
    """A migrated project; the alias of the Supabase database."""
    with django_db_blocker.unblock(), fresh_project("grant-all", tmp_path) as alias:
        for name in dict.fromkeys(["default", alias]):
            call_command("migrate", database=name, verbosity=0)
        yield alias


def deliver() -> int:
    report = deliver_and_mirror("default", pause=lambda seconds: None)
    return report.delivered


def rows() -> dict[str, Any]:
    """What a dump has to bring back."""
    return {
        "sites": list(Site.objects.values("pk", "name")),
        "keys": list(SiteApiKey.objects.values("pk", "prefix", "key_hash", "revoked_at")),
        "articles": list(Article.objects.values().order_by("pk")),
        "history": list(OutboxEntry.objects.values("update_id", "state", "seq").order_by("pk")),
    }


@pytest.fixture
def site(project: str) -> Site:
    """A site with a key, an article that was delivered and one that waits."""
    site = Site.objects.create(name="Courier")
    keys.create_key(site, name="front end")
    Article.objects.create(site=site, title="Ferry", slug="ferry")
    assert deliver() == 1
    Article.objects.create(site=site, title="Harbour", slug="harbour")
    return site


@pytest.mark.parametrize(
    "more", [[], [f"spool_live.{name}" for name in OF_THE_INSTALLATION]], ids=["all", "lean"]
)
def test_content_comes_back(more: list[str], project: str, site: Site, tmp_path: Path) -> None:
    """Into an empty installation that shows another Supabase: it goes on where the old one was."""
    dump = str(tmp_path / "all.json")
    call_command("dumpdata", exclude=[*LEFT_OUT, *more], output=dump, verbosity=0)
    before = rows()
    call_command("flush", interactive=False, verbosity=0)
    assert not any(rows().values())
    MemoryBroadcaster.reset()
    call_command("loaddata", dump, verbosity=0)
    assert rows() == before
    assert list(audit("default")) == []
    assert deliver() == 1
    assert MemoryBroadcaster.sites[str(site.pk)]["api_keys"]
    assert [(u.slug, u.seq) for u in MemoryBroadcaster.updates] == [("harbour", 2)]
    article = Article.objects.get(slug="ferry")
    article.title = "Ferries"
    article.save()
    assert deliver() == 1


def test_site_without_the_rest_is_enough_for_its_content(site: Site, tmp_path: Path) -> None:
    dump = str(tmp_path / "content.json")
    call_command("dumpdata", "testapp", "spool_live.site", output=dump, verbosity=0)
    call_command("flush", interactive=False, verbosity=0)
    call_command("loaddata", dump, verbosity=0)
    assert Article.objects.count() == 2
    assert not OutboxEntry.objects.exists()
    assert {str(found.problem) for found in audit("default")} == {"never recorded"}


def test_feed(project: str, site: Site, tmp_path: Path) -> None:
    """It can be dumped and loaded, by its own alias; a flush empties it where it is."""
    if project != "default":
        with connections[project].cursor() as cursor:
            cursor.execute("insert into sites (id, name) values (%s, 'x')", [site.pk])
    LiveUpdate.objects.create(
        site_id=site.pk, event_type="content.created", collection="x", item_id=site.pk, seq=1
    )
    dump = str(tmp_path / "feed.json")
    call_command("dumpdata", "spool_live.liveupdate", database=project, output=dump, verbosity=0)
    LiveUpdate.objects.all().delete()
    call_command("loaddata", dump, database=project, verbosity=0)
    assert LiveUpdate.objects.get().item_id == site.pk
    call_command("flush", interactive=False, verbosity=0)
    assert LiveUpdate.objects.exists() is (project != "default")
    call_command("flush", database=project, interactive=False, verbosity=0)
    assert not LiveUpdate.objects.exists()
    with connections[project].cursor() as cursor:
        cursor.execute("select count(*) from sites")
        assert cursor.fetchone() == (int(project != "default"),)
