from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from spool_live.capture.audit import audit, repair
from spool_live.delivery import deliver_pending
from spool_live.management.commands import live_audit
from spool_live.models import Site, SiteDelivery
from spool_live.outbox import purge_settled
from tests.capture.conftest import Recording, item_id
from tests.capture.triggering import declared
from tests.testapp.models import Article, Dossier, Note, Story

pytestmark = pytest.mark.django_db(databases=["default", "other"])


def found() -> list[tuple[str, str]]:
    return [(finding.collection.name, str(finding.problem)) for finding in audit("default")]


def put_right() -> None:
    repair("default", list(audit("default")))


def article(site: Site, **values: Any) -> Article:
    return Article.objects.create(site=site, **{"title": "A", "slug": "a", **values})


def test_nothing_where_everything_was_saved(site: Site) -> None:
    item = article(site, status="published")
    item.slug = "b"
    item.save()
    item.status = "draft"
    item.save()
    Note.objects.create(site=site, text="x").delete()
    assert found() == []


def test_created_without_a_signal(site: Site, recorded: Recording) -> None:
    Article.objects.bulk_create([Article(site=site, title="A", status="published")])
    assert found() == [("articles", "never recorded")]
    put_right()
    assert [r.event for r in recorded()] == ["published"]
    assert found() == []


def test_changed_without_a_signal(site: Site, recorded: Recording) -> None:
    article(site)
    article(site, slug="other")
    recorded()
    Article.objects.filter(slug="a").update(title="B")
    assert found() == [("articles", "changed since")]
    put_right()
    assert [(r.event, r.metadata) for r in recorded()] == [("updated", {"title": "B"})]
    assert found() == []


def test_renamed_without_a_signal(site: Site, recorded: Recording) -> None:
    article(site)
    recorded()
    Article.objects.update(slug="b")
    put_right()
    ((event, _, _, _, slug, metadata),) = recorded()
    assert (event, slug, metadata["previous_slug"]) == ("updated", "b", "a")
    assert found() == []


def test_published_again_without_a_signal(site: Site, recorded: Recording) -> None:
    item = article(site, status="published")
    item.status = "draft"
    item.save()
    recorded()
    Article.objects.update(status="published", title="B")
    put_right()
    assert [r.event for r in recorded()] == ["published"]


def test_deleted_without_a_signal(site: Site, recorded: Recording) -> None:
    item = article(site)
    recorded()
    Article.objects.all()._raw_delete("default")
    assert found() == [("articles", "deleted since")]
    put_right()
    ((event, _, item_id, _, slug, _),) = recorded()
    assert (event, item_id, slug) == ("deleted", item.pk, "a")
    assert found() == []


def test_unpublished_without_a_signal(site: Site, recorded: Recording) -> None:
    article(site, status="published")
    recorded()
    Article.objects.update(status="draft")
    assert found() == [("articles", "unpublished since")]
    put_right()
    assert [(r.event, r.metadata["published"]) for r in recorded()] == [("updated", False)]
    assert found() == []


def test_expired(site: Site, recorded: Recording) -> None:
    """No save made it so: its time has come."""
    now = [timezone.now()]
    body: dict[str, Any] = {
        "is_published": lambda self, item: item.moment is not None and item.moment > now[0]
    }
    with declared(Story, **body):
        Story.objects.create(site=site, moment=now[0] + timedelta(hours=1))
        assert [r.event for r in recorded()] == ["published"]
        assert found() == []
        now[0] += timedelta(hours=2)
        assert found() == [("storys", "unpublished since")]
        put_right()
        assert found() == []


def test_published_without_a_signal(site: Site, recorded: Recording) -> None:
    article(site)
    recorded()
    Article.objects.update(status="published")
    assert found() == [("articles", "published since")]
    put_right()
    assert [r.event for r in recorded()] == ["published"]
    assert found() == []


def test_hidden_without_a_signal(site: Site, recorded: Recording) -> None:
    Dossier.objects.create(site=site, title="x", public=True)
    recorded()
    Dossier.objects.update(public=False)
    assert found() == [("dossiers", "hidden since")]
    put_right()
    assert recorded.events() == [("deleted", "dossiers")]
    assert found() == []


def test_moved_without_a_signal(site: Site, other_site: Site, recorded: Recording) -> None:
    Note.objects.create(site=site, text="x")
    recorded()
    Note.objects.update(site=other_site)
    assert found() == [
        ("notes", "never recorded"),
        ("notes", "moved to another site since"),
    ]
    put_right()
    assert [(r.event, r.site) for r in recorded()] == [("created", other_site), ("deleted", site)]
    assert found() == []


def test_moved_by_another_while_it_was_being_edited(
    site: Site, other_site: Site, recorded: Recording
) -> None:
    """A collection that compares nothing relies on the site that was loaded."""
    Note.objects.create(site=site, text="x")
    loaded = Note.objects.get()
    note = Note.objects.get()
    note.site = other_site
    note.save()
    loaded.save()
    assert found() == [("notes", "moved to another site since")]
    put_right()
    assert found() == []


def test_collection_that_fails_is_no_reason_to_delete(site: Site, recorded: Recording) -> None:
    def fail(self: Any, item: Any) -> Any:
        raise LookupError

    Note.objects.create(site=site, text="x")
    recorded()
    with declared(Note, get_site=fail):
        put_right()
    assert recorded() == []


def test_brought_back_without_a_signal(site: Site) -> None:
    item = article(site)
    pk = item.pk
    item.delete()
    Article.objects.bulk_create([Article(id=pk, site=site, title="A")])
    assert found() == [("articles", "recorded as deleted")]


def test_item_older_than_the_history_is_presumed_to_be_reported(site: Site) -> None:
    article(site)
    deliver_pending("default", pause=lambda seconds: None)
    purge_settled("default", before=timezone.now(), limit=10)
    assert SiteDelivery.objects.get(pk=site.pk).history_floor == 1
    assert found() == []


class TestCommand:
    def test_reports_and_fails(self, site: Site) -> None:
        Note.objects.bulk_create([Note(site=site, text="x")])
        out = StringIO()
        with pytest.raises(SystemExit) as ended:
            call_command("live_audit", format="json", stdout=out)
        assert ended.value.code == 1
        (row,) = json.loads(out.getvalue())
        note = Note.objects.get()
        assert row == {
            "database": "default",
            "collection": "notes",
            "model": "testapp.Note",
            "pk": str(note.pk),
            "slug": None,
            "item_id": str(item_id(note)),
            "problem": "never recorded",
            "admin_url": None,
            "repaired": "no",
        }

    def test_names_the_item_for_a_person(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(live_audit, "reverse", lambda name, args: f"/{name}/{args[0]}/")
        item = article(site)
        deleted_item = article(site, slug="gone")
        Article.objects.filter(pk=item.pk).update(title="B")
        Article.objects.filter(pk=deleted_item.pk)._raw_delete("default")
        out = StringIO()
        with pytest.raises(SystemExit):
            call_command("live_audit", stdout=out)
        changed, deleted = out.getvalue().splitlines()[2:]
        assert f"/admin:testapp_article_change/{item.pk}/" in changed
        assert str(item.pk) in changed
        assert "deleted since" in deleted
        assert "gone" in deleted

    def test_repairs(self, site: Site, recorded: Recording) -> None:
        Note.objects.bulk_create([Note(site=site, text="x")])
        call_command("live_audit", repair=True, stdout=StringIO())
        assert recorded.events() == [("created", "notes")]
        call_command("live_audit", stdout=StringIO())
