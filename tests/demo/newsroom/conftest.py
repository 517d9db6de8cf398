"""A newsroom with a few articles in known states."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import call_command
from django.db import connections
from django.test import Client
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from demo_project.newsroom.models import Article, Category, Publication, SiteEditor
from demo_project.newsroom.seed import seed
from demo_project.state import Credentials

MakeArticle = Callable[..., Article]


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The one database is in memory: migrating it is all there is to do."""
    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0)
    yield
    with django_db_blocker.unblock():
        connections.close_all()


@pytest.fixture(autouse=True)
def _fresh_cache() -> Iterator[None]:
    yield
    cache.clear()


@pytest.fixture
def credentials(db: None) -> Credentials:
    """The seeded newsroom's logins and keys, where its pages find them."""
    found = Credentials()
    seed(found)
    found.save(settings.DEMO_STATE_DIR)
    return found


@pytest.fixture
def courier(credentials: Credentials) -> Publication:
    return Publication.objects.get(slug="courier")


@pytest.fixture
def parallax(credentials: Credentials) -> Publication:
    return Publication.objects.get(slug="parallax")


@pytest.fixture
def make_article(courier: Publication) -> MakeArticle:
    """An article of the Courier: published an hour ago unless said otherwise."""

    def make(**changes: Any) -> Article:
        values: dict[str, Any] = {
            "site": courier.site,
            "title": "Seals return to the skerries",
            "slug": "seals-return",
            "summary": "Eleven were counted.",
            "body": "First paragraph.\n\nSecond paragraph.",
            "status": Article.Status.PUBLISHED,
            "publish_at": timezone.now() - timedelta(hours=1),
            "category": Category.objects.get(site=courier.site_id, slug="harbour"),
            "byline": "Harbour desk",
        }
        return Article.objects.create(**{**values, **changes})

    return make


@pytest.fixture
def signed_in(credentials: Credentials) -> Callable[[str], Client]:
    """A browser in which this user has signed in with the seeded password."""

    def sign_in(username: str) -> Client:
        client = Client()
        assert client.login(username=username, password=credentials.passwords[username])
        return client

    return sign_in


@pytest.fixture
def courier_editor(courier: Publication) -> User:
    return SiteEditor.objects.get(site=courier.site_id).user
