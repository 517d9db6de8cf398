"""What editors do, whether the project has versions or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cms.api import add_plugin, create_page, create_page_content
from cms.models import Page, PageContent
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection

TEMPLATE = "djangocms/page.html"


def editor() -> User:
    return User.objects.get_or_create(
        username="editor", defaults={"is_staff": True, "is_superuser": True}
    )[0]


def content(page: Page, language: str = "en") -> PageContent:
    """The newest content of ``page``."""
    found = PageContent.admin_manager.filter(page=page, language=language).order_by("pk").last()
    assert found is not None
    return found


def version(page: Page, language: str = "en") -> Any:
    from djangocms_versioning.models import Version

    return Version.objects.get_for_content(content(page, language))


def create(slug: str, parent: Page | None = None) -> Page:
    """A page that is not published yet, where there are versions."""
    parent = parent and Page.objects.get(pk=parent.pk)
    return create_page(slug.title(), TEMPLATE, "en", created_by=editor(), parent=parent)


def published(slug: str, parent: Page | None = None) -> Page:
    page = create(slug, parent)
    publish(page)
    return Page.objects.get(pk=page.pk)


def translate(page: Page, slug: str) -> None:
    page = Page.objects.get(pk=page.pk)
    create_page_content("de", slug.title(), page, created_by=editor(), template=TEMPLATE)
    publish(page, "de")


def publish(page: Page, language: str = "en") -> None:
    if settings.VERSIONING:
        version(page, language).publish(editor())


def add_text(page: Page, text: str = "words") -> Any:
    owner = content(page)
    placeholder = owner.placeholders.get_or_create(slot="content")[0]
    return add_plugin(placeholder, "ParagraphPlugin", "en", text=text)


@contextmanager
def next_transaction() -> Iterator[None]:
    """Forgets what was to be called at the end of the test's transaction, as a commit does."""
    connection.run_on_commit.clear()
    yield
