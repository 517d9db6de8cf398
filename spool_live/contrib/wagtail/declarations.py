"""What a project declares for its pages and snippets: collections, and the types they report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from django.db.models import ForeignKey, Model
from wagtail.models import DraftStateMixin, Page, TranslatableMixin
from wagtail.models import Site as WagtailSite

from spool_live.collections import LiveCollection, registry
from spool_live.contrib.wagtail.roots import Place, place_of
from spool_live.exceptions import SpoolLiveConfigurationError

C = TypeVar("C", bound="PageCollection")
S = TypeVar("S", bound="SnippetCollection")

PLACE = "spool_live_place"
"""Attribute of a page that holds its ``Place`` while an update of it is made."""

_pages: dict[type[Page], PageCollection] = {}
_snippets: dict[type[Model], SnippetCollection] = {}


class PageCollection(LiveCollection):
    """How Wagtail pages are reported. Subclass it and register it by ``register_pages``.

    ``most_descendants`` is the number of pages below a page that are reported one by one when their
    URLs or their privacy change at once. Where there are more, one update with ``descendants:
    true`` stands for them all.

    The methods get the *specific* page, whichever class Wagtail saves.
    """

    slug_field = "slug"
    drafts: bool = False
    """``True`` also reports pages that are not live, and saved drafts of live pages
    (``content.updated`` with ``draft: true``). Otherwise subscribers know of a page from its first
    publication on."""
    private: bool = False
    """``True`` reports pages behind a view restriction as if they were public. Otherwise they count
    as not published."""
    most_moved: int = 200
    """Most pages that use an image, a document or a snippet that are reported one by one when that
    changes. Where there are more, one update for each site stands for them all."""
    follows_references: bool = True
    """``False`` does not report pages when an image, a document or a snippet changes that they
    use."""

    def is_published(self, item: Any) -> bool:
        """Return whether the page is live. View restrictions are separate: see ``private``."""
        return bool(item.live)

    def get_metadata(self, item: Any) -> Mapping[str, Any]:
        """Return ``type``, ``title``, ``translation_key``, and the ``path`` and ``url`` of the page
        on the site that the update is for; then ``metadata_fields``, of which a page has those that
        its type has. The ``locale`` comes from ``get_locale``."""
        place = self.place_of(item)
        named = self.metadata_fields
        pairs = named.items() if isinstance(named, Mapping) else zip(named, named, strict=True)
        return {
            "type": item._meta.label,
            "title": item.title,
            "translation_key": str(item.translation_key),
            "path": place.path if place else None,
            "url": place.url if place else None,
            **{name: getattr(item, field) for name, field in pairs if hasattr(item, field)},
        }

    def is_relevant(self, before: Any, after: Any) -> bool:
        """Return whether a publication that leaves the page where it was is worth an update: one
        that changes a field of ``watched_fields``, where these are declared."""
        watched = self.watched_fields
        return watched is None or any(
            getattr(before, name, None) != getattr(after, name, None) for name in watched
        )

    def get_locale(self, item: Any) -> str | None:
        """Return the language code of the page's locale."""
        return str(item.locale.language_code)

    def speaks_for(self, item: Any) -> bool:
        """Return whether the page's nearest registered type belongs to this collection."""
        return isinstance(item, Page) and collection_of(item.specific_class) is self

    def place_of(self, item: Any) -> Place | None:
        """Return the site, path and URL of the page: those of the update that is being recorded, or
        else those on the first of its sites; ``None`` where no site serves it."""
        if PLACE in item.__dict__:
            place: Place | None = item.__dict__[PLACE]
            return place
        return place_of(item)

    def get_site(self, item: Any) -> Any:
        """Return the id of the live site that the page is on, or ``None``."""
        place = self.place_of(item)
        return place and place.site_id


class SnippetCollection(LiveCollection):
    """How the snippets of one model are reported. Register it by ``register_snippets``.

    A snippet belongs to one site where it has a foreign key to Wagtail's or our ``Site``
    (``site_field``; found by itself where there is just one to Wagtail's). Others belong to every
    mapped site if ``every_site`` is ``True``, or if there is only one.
    """

    site_field = ""
    every_site: bool = False
    """``True`` reports snippets without a site of their own to every mapped site."""
    drafts: bool = False
    """``True`` also reports snippets that are not live, and saved drafts of live ones."""

    def __init__(self, model: type[Model]) -> None:
        super().__init__(model)
        if not self.site_field:
            found = [
                field.name
                for field in model._meta.concrete_fields
                if isinstance(field, ForeignKey) and issubclass(field.related_model, WagtailSite)
            ]
            self.site_field = found[0] if len(found) == 1 else ""

    def is_published(self, item: Any) -> bool:
        """Return whether the snippet is live; snippets without drafts always are."""
        return bool(item.live) if isinstance(item, DraftStateMixin) else True

    def get_metadata(self, item: Any) -> Mapping[str, Any]:
        """Return ``type`` and ``title`` (the snippet as text), and the ``translation_key`` of
        translatable ones."""
        found = {"type": item._meta.label, "title": str(item)}
        if isinstance(item, TranslatableMixin):
            found["translation_key"] = str(item.translation_key)
        return found

    def get_locale(self, item: Any) -> str | None:
        """Return the language code of a translatable snippet's locale."""
        return str(item.locale.language_code) if isinstance(item, TranslatableMixin) else None


def register_pages(*types: type[Page]) -> Callable[[type[C]], type[C]]:
    """Return a class decorator that registers a ``PageCollection`` for the pages of ``types``;
    without types, for all pages. A page belongs to the collection of its nearest registered type.

    Raises ``SpoolLiveConfigurationError`` for a type that is not a page type, or is registered
    already.
    """

    def decorate(declared: type[C]) -> type[C]:
        given = types or (Page,)
        for model in given:
            if not issubclass(model, Page):
                raise SpoolLiveConfigurationError(f"{model!r} is not a page type of Wagtail.")
            if model in _pages:
                raise SpoolLiveConfigurationError(
                    f"{model._meta.label} is already registered: remove one of the registrations."
                )
        instance = declared(given[0] if len(given) == 1 else Page)
        instance.model = Page  # so that a page has the same id in every collection
        registry.attach(instance)
        _pages.update(dict.fromkeys(given, instance))
        return declared

    return decorate


def register_snippets(model: type[Model]) -> Callable[[type[S]], type[S]]:
    """Return a class decorator that registers a ``SnippetCollection`` for ``model``.

    Raises ``SpoolLiveConfigurationError`` for a page type, or a model that is registered already.
    """

    def decorate(declared: type[S]) -> type[S]:
        if issubclass(model, Page) or model in _snippets:
            reason = (
                "is a page type: use register_pages"
                if issubclass(model, Page)
                else "is already registered: remove one of the registrations"
            )
            raise SpoolLiveConfigurationError(f"{model._meta.label} {reason}.")
        instance = declared(model)
        registry.attach(instance)
        _snippets[model] = instance
        return declared

    return decorate


def forget(declared: type[LiveCollection]) -> None:
    """Undo the registrations of the collection class ``declared``."""
    for known in (_pages, _snippets):
        for model, instance in list(known.items()):
            if type(instance) is declared:
                del known[model]
                if instance in registry.declared() and instance not in known.values():
                    registry.detach(instance)


def collection_of(page_type: type[Page] | None) -> PageCollection | None:
    """Return the collection of the pages of ``page_type``: that of the nearest registered type."""
    for model in page_type.__mro__ if page_type else ():
        if model in _pages:
            return _pages[model]
    return None


def page_collections() -> list[PageCollection]:
    """Return the collections of pages, each once."""
    return list(dict.fromkeys(_pages.values()))


def snippet_collections() -> Iterator[SnippetCollection]:
    """Yield the collections of snippets."""
    yield from _snippets.values()


def snippet_collection_of(model: type[Model]) -> SnippetCollection | None:
    """Return the collection of the snippets of ``model``, or ``None``."""
    return next((_snippets[m] for m in model.__mro__ if m in _snippets), None)
