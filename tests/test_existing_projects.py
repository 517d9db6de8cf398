"""Projects that have something of their own already: users that belong to sites, Django's sites, a
table named ``sites``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.projects import SETTINGS, Project

USERS = """
import uuid
from django.contrib.auth.models import AbstractUser
from django.db import models

def new_key():
    return uuid.uuid4().hex

class User(AbstractUser):
    {key}
    site = models.ForeignKey("spool_live.Site", null=True, on_delete=models.CASCADE)
"""
PHONE = """
    phone = models.CharField(max_length=20, default="")
"""
USE_USERS = """
from accounts.models import User
from spool_live import keys
from spool_live.models import Site, SiteApiKey

site = Site.objects.create(name="Courier")
user = User.objects.create(username="editor", site=site)
key, _ = keys.create_key(site, name="front end", created_by=user)
found = SiteApiKey.objects.select_related("created_by").get(created_by=user)
assert found.created_by == user
user.delete()
assert SiteApiKey.objects.get().created_by is None
print("used")
"""
KEYS = {
    "number": "",
    "UUID": "id = models.UUIDField(primary_key=True, default=uuid.uuid4)",
    "text": "id = models.CharField(primary_key=True, max_length=40, default=new_key)",
}


class TestUsersOfASite:
    """The user model refers to a site in the first migration of its app."""

    def project(self, folder: Path, key: str = "") -> Project:
        apps = {"accounts": {"models": USERS.format(key=key)}}
        return Project(folder, apps, AUTH_USER_MODEL="accounts.User")

    @pytest.mark.parametrize("key", KEYS)
    def test_as_django_makes_the_migrations(self, key: str, tmp_path: Path) -> None:
        project = self.project(tmp_path, KEYS[key])
        project.manage("makemigrations", "accounts")
        project.manage("migrate", "-v", "0")
        assert project.run(USE_USERS) == "used\n"
        assert "No changes detected" in project.manage("makemigrations", "--check", "--dry-run")

    def test_as_django_squashes_them(self, tmp_path: Path) -> None:
        project = self.project(tmp_path)
        project.manage("makemigrations", "accounts")
        project.write("accounts/models.py", USERS.format(key="") + PHONE)
        project.manage("makemigrations", "accounts", "-n", "phone")
        project.manage("squashmigrations", "accounts", "0002", "--no-input")
        project.manage("migrate", "-v", "0")
        assert project.run(USE_USERS) == "used\n"
        assert "2 squashed migrations" in project.manage("showmigrations", "accounts")


ARTICLE_OF_DJANGOS_SITE = """
from django.db import models

class Article(models.Model):
    site = models.ForeignKey("sites.Site", on_delete=models.CASCADE)
    title = models.CharField(max_length=50)

class Tenant(models.Model):
    site = models.OneToOneField("sites.Site", on_delete=models.CASCADE)
    live = models.OneToOneField("spool_live.Site", on_delete=models.CASCADE)
"""
LIVE = """
from content.models import Article
from spool_live import LiveCollection, register

@register(Article)
class ArticleCollection(LiveCollection):
    pass
"""
BY_TENANT = """
    def get_site(self, item):
        return item.site.tenant.live_id
"""
USE_TENANTS = """
from content.models import Article, Tenant
from django.contrib.sites.models import Site
from spool_live import models

live = models.Site.objects.create(name="Courier")
site = Site.objects.create(domain="courier.example", name="Courier")
Tenant.objects.create(site=site, live=live)
Article.objects.create(site=site, title="Ferry")
(entry,) = models.OutboxEntry.objects.all()
assert entry.site_id == live.pk
print("recorded")
"""


def test_items_of_djangos_own_sites(tmp_path: Path) -> None:
    """The check refuses them; the way out that it names records."""
    apps = ["django.contrib.sites", *SETTINGS["INSTALLED_APPS"], "content"]
    modules = {"models": ARTICLE_OF_DJANGOS_SITE, "live": LIVE}
    project = Project(tmp_path, {"content": modules}, INSTALLED_APPS=apps)
    said = project.manage("check", fails=True)
    assert "site_field: 'site' leads to django.contrib.sites' Site" in said
    assert "spool_live.E015" in said
    assert "override get_site()" in said
    project.write("content/live.py", LIVE.replace("    pass\n", BY_TENANT))
    project.manage("check")
    project.manage("makemigrations", "content")
    project.manage("migrate", "-v", "0")
    assert project.run(USE_TENANTS) == "recorded\n"


DIRECTORY = """
from django.db import models

class Place(models.Model):
    name = models.CharField(max_length=50)

    class Meta:
        db_table = {table!r}
"""
ARTICLE = """
from django.db import models

class Article(models.Model):
    site = models.ForeignKey("spool_live.Site", on_delete=models.CASCADE)
    title = models.CharField(max_length=50)
"""
ROUTER = """
class DirectoryRouter:
    def db_for_read(self, model, **hints):
        return "directory" if model._meta.app_label == "directory" else None

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, **hints):
        if app_label == "directory" or db == "directory":
            return app_label == "directory" and db == "directory"
        return None
"""
USE_BOTH = """
from content.models import Article
from directory.models import Place
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery import deliver_pending
from spool_live.models import Site

Article.objects.create(site=Site.objects.create(name="Courier"), title="Ferry")
Place.objects.create(name="here since")
assert deliver_pending("default").delivered == 1
print([p.name for p in Place.objects.all()], [u.collection for u in MemoryBroadcaster.updates])
"""
FILL = """
from directory.models import Place
Place.objects.create(name="from before")
"""


BEFORE = ["django.contrib.auth", "django.contrib.contenttypes"]


class TestTableNamedSites:
    """The project has a table ``sites`` with rows, and then adds spool_live."""

    @pytest.fixture
    def project(self, tmp_path: Path) -> Project:
        apps = {
            "directory": {"models": DIRECTORY.format(table="sites")},
            "content": {"models": ARTICLE, "live": LIVE},
        }
        project = Project(tmp_path, apps, INSTALLED_APPS=[*BEFORE, "directory"])
        project.manage("makemigrations", "directory")
        project.manage("migrate", "-v", "0")
        project.run(FILL)
        return project

    def add_spool_live(self, project: Project, *others: str) -> None:
        project.configure(INSTALLED_APPS=[*BEFORE, *others, "spool_live", "content"])
        project.manage("makemigrations", "content")

    def test_of_another_program_is_found_before_anything_is_changed(self, project: Project) -> None:
        self.add_spool_live(project)
        said = project.manage("migrate", fails=True)
        assert "The database 'default' has a table of its own named sites" in said
        assert "Meta.db_table" in said
        assert "[ ] 0001_tables" in project.manage("showmigrations", "spool_live")

    def test_renamed(self, project: Project) -> None:
        project.write("directory/models.py", DIRECTORY.format(table="directory_places"))
        project.manage("makemigrations", "directory")
        project.manage("migrate", "-v", "0")
        self.add_spool_live(project, "directory")
        project.manage("migrate", "-v", "0")
        assert project.run(USE_BOTH) == "['from before', 'here since'] ['articles']\n"

    def test_in_a_database_of_its_own(self, project: Project) -> None:
        """What has the table stays where it is; content begins in another database."""
        old = SETTINGS["DATABASES"]["default"]
        project.write("routing.py", ROUTER)
        project.configure(
            DATABASES={"default": {**old, "NAME": "new.sqlite3"}, "directory": old},
            DATABASE_ROUTERS=["routing.DirectoryRouter"],
        )
        self.add_spool_live(project, "directory")
        project.manage("migrate", "-v", "0")
        project.manage("migrate", "--database", "directory", "-v", "0")
        assert project.run(USE_BOTH) == "['from before', 'here since'] ['articles']\n"
