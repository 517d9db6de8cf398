"""A project's own tests, by Django's runner and by pytest, with an eager Celery and nudges on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.projects import SETTINGS, Project

MODELS = """
from django.db import models

class Note(models.Model):
    site = models.ForeignKey("spool_live.Site", on_delete=models.CASCADE)
    text = models.CharField(max_length=50)

class Article(models.Model):
    site = models.ForeignKey("spool_live.Site", on_delete=models.CASCADE)
    slug = models.SlugField()
"""
LIVE = """
from content.models import Article, Note
from spool_live import LiveCollection, register

@register(Note)
class NoteCollection(LiveCollection):
    metadata_fields = ("text",)

@register(Article)
class ArticleCollection(LiveCollection):
    slug_field = "slug"
"""
UNITTEST = """
import threading
from django.db import transaction
from django.test import TestCase, TransactionTestCase
from content.models import Article, Note
from spool_live.testing import CapturedUpdate, LiveUpdatesMixin

class InATransaction(LiveUpdatesMixin, TestCase):
    def test_what_is_recorded(self):
        live = self.liveSite()
        with self.capturedUpdates() as captured:
            note = Note.objects.create(site=live.site, text="x")
            try:
                with transaction.atomic():
                    note.delete()
                    raise LookupError
            except LookupError:
                pass
        self.assertEqual(
            captured, [CapturedUpdate("content.created", "notes", None, {"text": "x"})]
        )
        self.assertEqual(captured[0].site_id, live.site.pk)

    def test_what_a_save_costs(self):
        site = self.liveSite().site
        note = Note.objects.create(site=site, text="x")
        article = Article.objects.create(site=site, slug="ferry")
        with self.assertNumQueries(2):
            note.save()
        with self.assertNumQueries(3):
            article.save()

    def test_what_is_delivered(self):
        Article.objects.create(site=self.liveSite().site, slug="ferry")
        (update,) = self.deliverNow()
        self.assertEqual((update.slug, update.seq), ("ferry", 1))
        self.assertEqual(self.broadcaster.updates, [update])

class Committed(LiveUpdatesMixin, TransactionTestCase):
    def test_nothing_leaves_by_itself(self):
        Article.objects.create(site=self.liveSite().site, slug="ferry")
        names = {thread.name for thread in threading.enumerate()}
        self.assertTrue(names.isdisjoint({"spool-nudge", "spool-alerts"}), names)
        self.assertEqual(self.broadcaster.updates, [])
        self.assertEqual([update.slug for update in self.deliverNow()], ["ferry"])
"""
PYTEST = """
import pytest
from content.models import Article
from spool_live.testing import CapturedUpdate

pytest_plugins = ["spool_live.testing.fixtures"]

def test_recorded_and_delivered(live_site, captured_updates, deliver_now, live_broadcaster):
    with captured_updates() as captured:
        Article.objects.create(site=live_site.site, slug="ferry")
    assert captured == [CapturedUpdate("content.created", "articles", "ferry")]
    assert [update.slug for update in deliver_now()] == ["ferry"]
    assert len(live_broadcaster.updates) == 1

def test_token(live_site, deliver_now, client):
    deliver_now()
    answer = client.post("/spool-live/token/", headers=live_site.headers)
    assert answer.status_code == 200, answer.content
"""
URLS = """
from django.urls import include, path
urlpatterns = [path("spool-live/", include("spool_live.urls"))]
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    live: dict[str, Any] = {
        "SUPABASE_URL": "http://127.0.0.1:9",  # no server answers there
        "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_x",
        "JWT_SIGNING_KEY": "only for tests, and long enough for HS256",
    }
    project = Project(
        tmp_path,
        {"content": {"models": MODELS, "live": LIVE, "tests": UNITTEST, "urls": URLS}},
        SPOOL_LIVE=live,
        CELERY_TASK_ALWAYS_EAGER=True,
        CELERY_BROKER_URL="memory://",
        ROOT_URLCONF="content.urls",
        INSTALLED_APPS=[*SETTINGS["INSTALLED_APPS"], "rest_framework", "content"],
    )
    project.manage("makemigrations", "content")
    return project


def test_by_djangos_runner(project: Project) -> None:
    project.manage("test", "content")


ON_EVERY_ALIAS = """
from django.db import connections
from django.test import TestCase, TransactionTestCase
from content.models import Note
from spool_live.testing import LiveUpdatesMixin

class InATransaction(LiveUpdatesMixin, TestCase):
    databases = "__all__"

    def test_edit(self):
        Note.objects.create(site=self.liveSite().site, text="x")
        self.assertEqual(len(self.deliverNow()), 1)

class Committed(LiveUpdatesMixin, TransactionTestCase):
    databases = "__all__"
    serialized_rollback = True

    def test_edit(self):
        Note.objects.create(site=self.liveSite().site, text="x")
        self.assertEqual(connections["supabase"].vendor, "sqlite")
"""


@pytest.fixture
def far_supabase(project: Project) -> Project:
    """The project with a Supabase database that cannot be reached."""
    far = {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "127.0.0.1",
        "PORT": 9,
        "NAME": "postgres",
        "USER": "postgres",
    }
    project.configure(
        DATABASES={**SETTINGS["DATABASES"], "supabase": far},
        DATABASE_ROUTERS=["spool_live.routers.LiveUpdatesRouter"],
        SPOOL_LIVE={**project.settings["SPOOL_LIVE"], "SUPABASE_DATABASE": "supabase"},
    )
    project.write("content/tests.py", ON_EVERY_ALIAS)
    return project


@pytest.mark.parametrize(
    "options",
    [[], pytest.param(["--parallel", "2"], marks=pytest.mark.slow)],
    ids=["one", "parallel"],
)
def test_no_database_is_made_at_supabase(far_supabase: Project, options: list[str]) -> None:
    far_supabase.manage("test", "content", *options)


def test_no_database_is_made_at_supabase_by_pytest(far_supabase: Project) -> None:
    far_supabase.write(
        "pytest.ini",
        "[pytest]\nDJANGO_SETTINGS_MODULE = settings\npython_files = tests.py\n",
    )
    assert "2 passed" in far_supabase.pytest("-q", "content")


def test_alias_is_itself_outside_tests(far_supabase: Project) -> None:
    vendor = far_supabase.run(
        "from django.db import connections; print(connections['supabase'].vendor)"
    )
    assert vendor.strip() == "postgresql"


def test_by_pytest(project: Project) -> None:
    project.write("test_content.py", PYTEST)
    project.write("pytest.ini", "[pytest]\nDJANGO_SETTINGS_MODULE = settings\n")
    assert "2 passed" in project.pytest("-q", "test_content.py")
