"""The public state of pages at one moment: whether they are published, and at which address."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from cms.models import Page, PageContent, PageUrl
from django.apps import apps

_UNSEEN = {"changed_date", "changed_by", "creation_date", "created_by"}
_PAGE = ("is_home", "login_required", "application_urls", "navigation_extenders")
_SEEN_STATES = ("published", "unpublished")


class PageState(NamedTuple):
    """A page in one language. ``path`` is ``None`` where the page has no address; ``published``
    says that the public may read it now, ``seen`` that it could at some time; ``values`` are those
    of the columns that the public may notice."""

    page: Any
    content: Any
    slug: str | None
    path: str | None
    published: bool
    seen: bool
    values: tuple[Any, ...]


States = dict[int, dict[str, PageState]]
"""States by the page's primary key, then by language."""


def read(pages: Iterable[int], using: str) -> States:
    """Return the states of ``pages``, in the order of the tree. Four queries, five with
    versioning."""
    keys = list(pages)
    if not keys:
        return {}
    found = Page.objects.using(using).filter(pk__in=keys).order_by("path")
    urls = {
        (url.page_id, url.language): url
        for url in PageUrl.objects.using(using).filter(page__in=keys)
    }
    public = _by_language(PageContent.objects.using(using).filter(page__in=keys))
    seen = dict(public)
    if apps.is_installed("djangocms_versioning"):
        every = PageContent._original_manager.using(using).filter(page__in=keys)  # noqa: SLF001 - documented
        seen = _by_language(every.filter(versions__state__in=_SEEN_STATES)) | public
    states: States = {page.pk: {} for page in found}
    for page in found:
        for key, content in seen.items():
            if key[0] == page.pk:
                states[page.pk][key[1]] = _state(page, content, urls.get(key), key in public)
    return states


def below(page: Any, using: str, limit: int) -> list[int]:
    """Return the primary keys of the pages below ``page``, at most ``limit`` of them."""
    rows = Page.objects.using(using).filter(path__startswith=page.path, depth__gt=page.depth)
    return list(rows.order_by("path").values_list("pk", flat=True)[:limit])


def _by_language(contents: Any) -> dict[tuple[int, str], Any]:
    return {(c.page_id, c.language): c for c in contents.order_by("pk")}


def _state(page: Any, content: Any, url: Any, is_public: bool) -> PageState:
    fields = [f.attname for f in content._meta.concrete_fields if f.name not in _UNSEEN]
    path = url.path if url else None
    return PageState(
        page=page,
        content=content,
        slug=url.slug if url else getattr(content, "slug", None),
        path=path,
        published=is_public and path is not None,
        seen=True,
        values=(
            *(getattr(content, name) for name in fields),
            *(getattr(page, name) for name in _PAGE),
        ),
    )
