"""An example app with articles, for a project without content. It consists of new files."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator

from spool_live.starting import environment
from spool_live.starting.additions import Addition
from spool_live.starting.project import Project

APP = "blog"
USER = ("DJANGO_SUPERUSER_USERNAME", "DJANGO_SUPERUSER_PASSWORD", "DJANGO_SUPERUSER_EMAIL")
"""What Django's ``createsuperuser --noinput`` reads."""

_MODELS = """\
from django.db import models


class Article(models.Model):
    title = models.CharField(max_length=200)
    slug = models.SlugField(unique=True)
    is_published = models.BooleanField(default=False)

    def __str__(self):
        return self.title
"""
_ADMIN = """\
from django.contrib import admin

from .models import Article


@admin.register(Article)
class ArticleAdmin(admin.ModelAdmin):
    list_display = ["title", "is_published"]
    prepopulated_fields = {"slug": ["title"]}
"""
_LIVE = """\
from django.db.models import Q

from spool_live import LiveCollection, register

from .models import Article


@register(Article)
class ArticleCollection(LiveCollection):
    slug_field = "slug"
    published_when = Q(is_published=True)
    metadata_fields = ("title",)
"""
_APPS = f"""\
from django.apps import AppConfig


class BlogConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "{APP}"
"""
_MIGRATION = """\
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Article",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("title", models.CharField(max_length=200)),
                ("slug", models.SlugField(unique=True)),
                ("is_published", models.BooleanField(default=False)),
            ],
        ),
    ]
"""
FILES = {
    "__init__.py": "",
    "apps.py": _APPS,
    "models.py": _MODELS,
    "admin.py": _ADMIN,
    "live.py": _LIVE,
    "migrations/__init__.py": "",
    "migrations/0001_initial.py": _MIGRATION,
}


def missing(project: Project) -> Iterator[Addition]:
    """Yield the files of the app ``blog``, unless there is a folder of that name."""
    folder = project.folder / APP
    if folder.exists():
        return
    why = "An app with articles, as an example."
    yield Addition(
        "example", why, f'INSTALLED_APPS = [*INSTALLED_APPS, "{APP}"]\n', project.settings_file
    )
    for name, text in FILES.items():
        yield Addition("example", why, text, folder / name)


def login(project: Project) -> Iterator[Addition]:
    """Yield lines of ``.env`` with a new editor's login, for ``createsuperuser --noinput``."""
    path = project.env_file
    if environment.tracked_by_git(path) or any(name in os.environ for name in USER):
        return
    values = ("editor", secrets.token_urlsafe(12), "editor@example.org")
    text = "".join(f"{name}={value}\n" for name, value in zip(USER, values, strict=True))
    yield Addition("environment", "A login for the admin.", text, path)
