"""The newsroom's first content: two papers, their editors, their API keys, their articles.

Running it again completes what is missing and changes nothing that an editor has touched.
"""

from __future__ import annotations

import secrets
import tomllib
import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.utils import timezone

from demo_project.newsroom.models import Article, Category, Publication, SiteEditor, Tag
from demo_project.state import Credentials
from spool_live.keys import Identity, create_key, identify
from spool_live.models import Site

ADMINISTRATOR = "admin"
PAPERS = ("courier", "parallax")
_FOLDER = Path(__file__).parent
_UNAMBIGUOUS = "abcdefghjkmnpqrstuvwxyz23456789"


def seed(credentials: Credentials) -> None:
    """Bring the newsroom up to date and note every login and API key in ``credentials``."""
    _user(ADMINISTRATOR, credentials, is_staff=True, is_superuser=True)
    editors = _editors_group()
    for name in PAPERS:
        contents = tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
        with transaction.atomic():
            site = _paper(contents, timezone.now())
            editor = _user(contents["editor"], credentials, is_staff=True)
            editor.groups.add(editors)
            SiteEditor.objects.get_or_create(user=editor, site=site)
            _api_key(site, contents["slug"], credentials)


def editor_of(publication: Publication) -> User:
    """The (first) editor of a paper."""
    return User.objects.filter(edited_sites__site=publication.site_id).earliest("pk")


def new_password() -> str:
    """Return sixty random bits as text that is easy to read aloud and to type."""
    groups = ("".join(secrets.choice(_UNAMBIGUOUS) for _ in range(4)) for _ in range(3))
    return "-".join(groups)


def _paper(contents: dict[str, Any], now: datetime) -> Site:
    existing = Publication.objects.filter(slug=contents["slug"]).first()
    if existing is not None:
        return existing.site
    site = Site.objects.create(id=uuid.UUID(contents["id"]), name=contents["name"])
    Publication.objects.create(
        site=site, slug=contents["slug"], tagline=contents["tagline"], theme=contents["theme"]
    )
    categories = {
        slug: Category.objects.create(site=site, slug=slug, name=name)
        for slug, name in contents["categories"].items()
    }
    tags = {
        slug: Tag.objects.create(site=site, slug=slug, name=name)
        for slug, name in contents["tags"].items()
    }
    for article in contents["articles"]:
        _article(site, article, now, categories, tags)
    return site


def _article(
    site: Site,
    contents: dict[str, Any],
    now: datetime,
    categories: dict[str, Category],
    tags: dict[str, Tag],
) -> None:
    status, publish_at = _publication_of(contents, now)
    article = Article.objects.create(
        id=uuid.uuid5(site.pk, contents["slug"]),
        site=site,
        title=contents["title"],
        slug=contents["slug"],
        summary=contents["summary"],
        body=contents["body"].strip(),
        status=status,
        publish_at=publish_at,
        category=categories[contents["category"]],
        byline=contents["byline"],
    )
    article.tags.set([tags[slug] for slug in contents["tags"]])


def _publication_of(
    contents: dict[str, Any], now: datetime
) -> tuple[Article.Status, datetime | None]:
    if contents.get("draft"):
        return Article.Status.DRAFT, None
    if "scheduled_in_minutes" in contents:
        delay = timedelta(minutes=contents["scheduled_in_minutes"])
        return Article.Status.SCHEDULED, now + delay
    return Article.Status.PUBLISHED, now - timedelta(hours=contents["published_hours_ago"])


def _user(name: str, credentials: Credentials, **rights: bool) -> User:
    """Return the user, with the password in the credentials, or a new one if there is none."""
    user, _ = User.objects.update_or_create(username=name, defaults=rights)
    password = credentials.passwords.setdefault(name, new_password())
    if not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    return user


def _editors_group() -> Group:
    group, _ = Group.objects.get_or_create(name="Editors")
    models = [model._meta.model_name for model in (Article, Category, Tag)]
    group.permissions.set(
        Permission.objects.filter(
            content_type__app_label="newsroom", content_type__model__in=models
        )
    )
    return group


def _api_key(site: Site, slug: str, credentials: Credentials) -> None:
    """Return the API key of the paper's own server; a new one if it was deleted or revoked."""
    if not isinstance(identify(credentials.api_keys.get(slug, "")), Identity):
        _, credentials.api_keys[slug] = create_key(site, name=f"{site.name}: web server")
