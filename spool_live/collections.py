"""Which content is announced, and how: ``LiveCollection`` and the registry.

Every app's ``live.py`` is imported at start, as ``admin.py`` is::

    @register(Article)
    class ArticleCollection(LiveCollection):
        slug_field = "slug"

        def is_published(self, item):
            return item.status == "published"
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import cache, cached_property
from hashlib import sha1
from typing import Any, Literal, TypeVar, cast

from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist
from django.db import connections
from django.db.models import ForeignKey, Model, Q
from django.dispatch import Signal
from django.utils.text import slugify

from spool_live.conditions import holds, own_field
from spool_live.exceptions import SpoolLiveConfigurationError
from spool_live.models import Site
from spool_live.updates import COLLECTION_LIMIT

ITEM_NAMESPACE = uuid.UUID("b6f3c1de-6d0f-5c0b-9d56-0e5a3c0f7f10")
"""Namespace of the UUIDv5 (RFC 9562) that names an item whose primary key is no UUID."""

registry_changed = Signal()

C = TypeVar("C", bound="LiveCollection")


@cache
def has_triggers(using: str) -> bool:
    """Whether the database behind the alias ``using`` can capture by triggers."""
    return connections[using].vendor == "postgresql"


class LiveCollection:
    """How one model's items are announced. Subclass it, and register it for a model.

    Attributes: ``name`` (what the front end calls the collection; default: the model's
    verbose_name_plural, slugified, or its class name where no letter of that is Latin),
    ``site_field`` (dotted path from an item to a ``Site`` or to a site id), ``slug_field``
    (``None`` where items have no slug), ``m2m_fields`` (names of the many-to-many fields whose
    change is an update of the item; ``None`` means all), ``coalesce`` (``True``: what waits of one
    item is delivered as one update; a ``timedelta``: its plain updates also wait that long for the
    next ones), ``published_when`` and ``announced_when`` (a ``Q`` on the item's own columns: what
    :meth:`is_published` and :meth:`announces` answer), ``metadata_fields`` (names of fields, or
    names in the metadata with the fields' names: what :meth:`get_metadata` answers), ``capture``
    (``"signals"``, or ``"trigger"`` for triggers in a PostgreSQL content database; what those are
    to know must be declared by attributes).

    Override the methods for anything that an attribute cannot say.
    """

    name: str = ""
    site_field: str = "site"
    slug_field: str | None = None
    m2m_fields: tuple[str, ...] | None = None
    coalesce: bool | timedelta = False
    published_when: Q | None = None
    announced_when: Q | None = None
    metadata_fields: tuple[str, ...] | Mapping[str, str] = ()
    capture: Literal["signals", "trigger"] = "signals"

    def __init__(self, model: type[Model]) -> None:
        self.model: type[Model] = model
        if not self.name:
            spoken = slugify(str(model._meta.verbose_name_plural))
            self.name = spoken or str(model._meta.model_name)

    def get_site(self, item: Any) -> Site | uuid.UUID | str | None:
        """The site that ``item`` belongs to, or its id; ``None`` where it belongs to none."""
        return cast("Site | uuid.UUID | str | None", _follow(item, self.site_path))

    def get_slug(self, item: Any) -> str | None:
        """The slug that front ends know ``item`` by, or ``None``."""
        return getattr(item, self.slug_field) if self.slug_field else None

    def is_published(self, item: Any) -> bool:
        """Whether the public may see ``item``: ``published_when``, or override it."""
        if self.published_when is None:
            raise NotImplementedError
        return holds(self.published_when, item)

    def get_metadata(self, item: Any) -> Mapping[str, Any]:
        """A JSON object of at most 8 KiB that travels with each update of ``item``.

        Every subscriber of the site reads it, also for drafts: see :meth:`announces`.
        """
        fields = self.metadata_columns
        return {name: getattr(item, attname) for name, attname in fields.items()} if fields else {}

    def announces(self, item: Any) -> bool:
        """Whether changes of ``item`` are recorded at all: ``announced_when``, or override it."""
        return self.announced_when is None or holds(self.announced_when, item)

    # -- what capture asks -----------------------------------------------------------------

    @cached_property
    def site_path(self) -> tuple[str, ...]:
        """``site_field`` in steps; its last one is the column, so that no site is fetched."""
        *relations, last = self.site_field.split(".")
        if not relations:
            try:
                field = self.model._meta.get_field(last)
            except FieldDoesNotExist:
                return (last,)
            if isinstance(field, ForeignKey):
                return (field.attname,)
        return (*relations, last)

    @cached_property
    def site_column(self) -> str | None:
        """The item's own column that holds the site's id; ``None`` where another row, a property or
        ``get_site`` says it."""
        if len(self.site_path) > 1 or type(self).get_site is not LiveCollection.get_site:
            return None
        columns = {field.attname for field in self.model._meta.concrete_fields}
        return self.site_path[0] if self.site_path[0] in columns else None

    @cached_property
    def has_publish_state(self) -> bool:
        """Whether the collection says what is published."""
        declared = self.published_when is not None
        return declared or type(self).is_published is not LiveCollection.is_published

    @cached_property
    def has_slug(self) -> bool:
        """Whether the collection says what an item's slug is."""
        return self.slug_field is not None or type(self).get_slug is not LiveCollection.get_slug

    @cached_property
    def compares_rows(self) -> bool:
        """Whether a change can only be told from the row as it was: costs one query a save."""
        overridden = type(self).announces is not LiveCollection.announces
        filters = overridden or self.announced_when is not None
        remote_site = self.site_column is None
        return self.has_publish_state or self.has_slug or remote_site or filters

    @cached_property
    def metadata_columns(self) -> dict[str, str]:
        """Names in the metadata, with the attributes that hold the declared fields' values."""
        named = self.metadata_fields
        pairs = named if isinstance(named, Mapping) else dict(zip(named, named, strict=True))
        return {name: own_field(self.model, field).attname for name, field in pairs.items()}

    def is_left_to_trigger(self, using: str) -> bool:
        """Whether triggers record the changes on ``using``, and the signals' receivers must not."""
        return self.capture == "trigger" and has_triggers(using)

    def site_id_of(self, item: Model) -> uuid.UUID | None:
        """The id of the item's site, or ``None``. Raises ``ValueError`` for what is no site id."""
        site = getattr(item, self.site_column) if self.site_column else self.get_site(item)
        if isinstance(site, Site):
            site = site.pk
        return site if site is None or isinstance(site, uuid.UUID) else uuid.UUID(str(site))

    def item_id_of(self, item: Model) -> uuid.UUID:
        """The item's UUID primary key as it is, any other as a stable UUIDv5."""
        key = item.pk
        if not isinstance(key, uuid.UUID):
            key = self.model._meta.pk.to_python(key)  # it may have been given as text
        if isinstance(key, uuid.UUID):
            return key
        name = self._item_prefix + str(key).encode()
        return uuid.UUID(bytes=sha1(name, usedforsecurity=False).digest()[:16], version=5)

    @cached_property
    def _item_prefix(self) -> bytes:
        label = self.model._meta.concrete_model._meta.label_lower  # type: ignore[union-attr]
        return ITEM_NAMESPACE.bytes + f"{label}:".encode()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} of {self.model._meta.label}>"


def _follow(item: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        if item is None:
            return None
        try:
            item = getattr(item, step)
        except ObjectDoesNotExist:
            return None
    return item


class Registry:
    """Which collection announces which model. One model has at most one collection."""

    def __init__(self) -> None:
        self._collections: dict[type[Model], LiveCollection] = {}
        self._of_model: dict[type[Model], list[LiveCollection]] = {}

    def register(self, model: type[Model], collection: type[LiveCollection]) -> LiveCollection:
        """Announces ``model`` by ``collection``.

        Raises :class:`SpoolLiveConfigurationError` for a proxy or abstract model, one that is
        registered already, or a collection name that is taken or too long.
        """
        if model._meta.abstract or model._meta.proxy:
            raise SpoolLiveConfigurationError(
                f"{model._meta.label} is abstract or a proxy: register the concrete model."
            )
        if model in self._collections:
            raise SpoolLiveConfigurationError(f"{model._meta.label} is registered already.")
        made = collection(model)
        if len(made.name) > COLLECTION_LIMIT:
            raise SpoolLiveConfigurationError(
                f"{made!r}: `name` must have at most {COLLECTION_LIMIT} characters."
            )
        for other in self:
            if other.name == made.name:
                raise SpoolLiveConfigurationError(
                    f"{made!r} and {other!r} have the same name: set `name` on one of them."
                )
        self._collections[model] = made
        self._of_model.clear()
        registry_changed.send(sender=type(self), model=model)
        return made

    def unregister(self, model: type[Model]) -> None:
        """Stops announcing ``model``. Raises ``KeyError`` where it is not registered."""
        del self._collections[model]
        self._of_model.clear()
        registry_changed.send(sender=type(self), model=model)

    def __iter__(self) -> Iterator[LiveCollection]:
        return iter(tuple(self._collections.values()))

    def __contains__(self, model: type[Model]) -> bool:
        return model in self._collections

    def recorded_by_signals(self, model: type[Model], using: str) -> list[LiveCollection]:
        """The collections of ``model`` that no trigger on ``using`` records."""
        return [c for c in self.of_model(model) if not c.is_left_to_trigger(using)]

    def of_model(self, model: type[Model]) -> list[LiveCollection]:
        """The collections an item of ``model`` belongs to: its own and its concrete parents'."""
        found = self._of_model.get(model)
        if found is None:
            found = self._of_model[model] = [c for c in self if issubclass(model, c.model)]
        return found


registry = Registry()


def register(model: type[Model]) -> Callable[[type[C]], type[C]]:
    """Class decorator: announces the items of ``model`` by the decorated collection."""

    def decorate(collection: type[C]) -> type[C]:
        registry.register(model, collection)
        return collection

    return decorate


def unregister(model: type[Model]) -> None:
    """Stops announcing the items of ``model``."""
    registry.unregister(model)
