"""``LiveCollection``: how the items of one model are reported to subscribers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Literal

from django.core.exceptions import FieldDoesNotExist
from django.db import connections
from django.db.models import Model, Q
from django.utils import translation
from django.utils.text import slugify

from spool_live.collections.belonging import Belonging
from spool_live.collections.identity import Identified
from spool_live.collections.moments import Scheduled
from spool_live.conditions import fields_of, holds, own_field
from spool_live.tags import default_tags

if TYPE_CHECKING:
    from spool_live.collections.registration import Registry

_EARLIER_NAMES = {"announces": "is_visible", "announced_when": "visible_when"}
_METHODS = (
    *("get_site", "get_slug", "is_published", "is_visible", "is_relevant", "get_metadata"),
    *("get_cache_tags", "dependents", "get_locale"),
)


@cache
def has_triggers(using: str) -> bool:
    """Return whether the database behind the alias ``using`` can capture by triggers."""
    return connections[using].vendor == "postgresql"


class LiveCollection(Belonging, Identified, Scheduled):
    """How the items of one model are reported to subscribers: subclass it and register it.

    Declare what you can with attributes; override the methods for anything that an attribute cannot
    say. Names in a declaration are checked by ``manage.py check``.
    """

    name: str = ""
    """What the front end calls the collection, at most 200 characters. The default is the model's
    ``verbose_name_plural``, untranslated and slugified, or the model's name where no letter of that
    is Latin."""
    slug_field: str | None = None
    """Name of the field that holds an item's slug; ``None`` where items have no slug."""
    m2m_fields: tuple[str, ...] | None = None
    """Names of the many-to-many fields whose change is an update of the item; ``None`` for all."""
    coalesce: bool | timedelta = False
    """``True`` delivers the waiting updates of one item as one. With a ``timedelta`` its plain
    updates also wait that long for the next ones."""
    published_when: Q | None = None
    """A ``Q`` on the item's own columns that is true of published items."""
    visible_when: Q | None = None
    """A ``Q`` on the item's own columns that is true of items that subscribers may know of."""
    announced_when: Q | None = None
    """The earlier name of ``visible_when``; it works until 1.0."""
    watched_fields: tuple[str, ...] | None = None
    """Names of columns: a change that touches none of them is not recorded, unless it publishes,
    unpublishes, renames, moves or hides the item. ``None`` watches everything."""
    metadata_fields: tuple[str, ...] | Mapping[str, str] = ()
    """Names of fields whose values are the metadata, or names in the metadata mapped to fields."""
    follows: tuple[str, ...] = ()
    """Names of foreign keys: a change of the object that one points at is a change of the item, as
    a translation follows the article that it belongs to."""
    most_moved: int = 10_000
    """Most items that are recorded when an object in ``follows`` changes, or when an object on the
    path of ``site_field`` gets another site."""
    most_descendants: int = 100
    """Most items of a tree (treebeard, mptt) that are recorded one by one when the item above them
    moves or gets another slug. Where there are more, its own update has ``descendants: true`` in
    the metadata and stands for all of them."""
    capture: Literal["signals", "trigger"] = "signals"
    """``"signals"``, or ``"trigger"`` for triggers in a PostgreSQL content database; those follow
    what attributes declare, and cannot call methods."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for earlier, name in _EARLIER_NAMES.items():
            for base in cls.__mro__[: cls.__mro__.index(LiveCollection)]:
                if earlier in base.__dict__ or name in base.__dict__:
                    given = base.__dict__.get(name, base.__dict__.get(earlier))
                    setattr(cls, name, given)
                    setattr(cls, earlier, given)
                    break

    def __init__(self, model: type[Model]) -> None:
        self.model: type[Model] = model
        """The model whose items the collection reports; set by ``register``."""
        self.registry: Registry | None = None
        """Where the collection is registered."""
        if not self.name:
            with translation.override(None):  # not in whatever language is active at the moment
                plural = slugify(str(model._meta.verbose_name_plural))
            self.name = plural or str(model._meta.model_name)

    def get_slug(self, item: Any) -> str | None:
        """Return the slug that front ends know ``item`` by, or ``None``."""
        return getattr(item, self.slug_field) if self.slug_field else None

    def is_published(self, item: Any) -> bool:
        """Return whether the public may see ``item``. The default asks ``published_when``.

        Do not compare with the current time: declare ``published_from`` and ``published_until``.
        """
        if self.published_when is None:
            if self.moment_fields:
                return True
            raise NotImplementedError
        return holds(self.published_when, item)

    def get_metadata(self, item: Any) -> Mapping[str, Any]:
        """Return a JSON object of at most 8 KiB that travels with each update of ``item``.

        The default holds the ``metadata_fields``. Every subscriber of the site can read it, even of
        drafts, unless ``is_visible`` hides them.
        """
        fields = self.metadata_columns
        return {name: getattr(item, attname) for name, attname in fields.items()} if fields else {}

    def get_locale(self, item: Any) -> str | None:
        """Return the language that ``item`` is written in (``"de"``), or ``None``. It travels as
        ``locale`` in the metadata.

        The methods for slug, states, metadata and tags are called with this language active, or
        else ``LANGUAGE_CODE``, whichever language the editor works in.
        """
        return None

    def get_cache_tags(self, item: Any) -> list[str]:
        """Return the tags of cached responses that a change of ``item`` makes stale: the
        collection, the item by id and by slug, and its ``dependents``. They travel as
        ``cache_tags`` in the metadata of its updates, with the tag of a previous slug."""
        tags = default_tags(self.name, self.item_id_of(item), self.get_slug(item))
        return [*tags, *(tag for other in self.dependents(item) for tag in self._tags_of(other))]

    def dependents(self, item: Any) -> Iterable[str | Model]:
        """Return what else shows something of ``item``: tags of other cached responses (such as a
        landing page), or items of registered collections (such as its author), which stand for
        their tags. An update has at most about fifty of these tags."""
        return ()

    def is_visible(self, item: Any) -> bool:
        """Return whether subscribers may know of ``item``. The default asks ``visible_when``.

        This is not a switch for single changes: an item that was visible and is no longer is
        reported as deleted. ``is_relevant`` decides which changes are worth an update.
        """
        return self.visible_when is None or holds(self.visible_when, item)

    def is_relevant(self, before: Any, after: Any) -> bool:
        """Return whether the change from ``before`` (the stored row) to ``after`` is worth an
        update. The default compares ``watched_fields``.

        Asked only of changes that leave the item as visible, as published, at the same slug and on
        the same site as it was.
        """
        watched = self.watched_columns
        return watched is None or any(getattr(before, c) != getattr(after, c) for c in watched)

    announces = is_visible
    """The earlier name of ``is_visible``; it works until 1.0."""

    # -- what capture reads ----------------------------------------------------------------

    @cached_property
    def has_publish_state(self) -> bool:
        """Whether the collection declares which items are published."""
        declared = self.published_when is not None or bool(self.moment_fields)
        return declared or type(self).is_published is not LiveCollection.is_published

    @cached_property
    def has_slug(self) -> bool:
        """Whether the collection declares the slug of an item."""
        return self.slug_field is not None or type(self).get_slug is not LiveCollection.get_slug

    @cached_property
    def has_locale(self) -> bool:
        """Whether the collection overrides ``get_locale``."""
        return type(self).get_locale is not LiveCollection.get_locale

    @cached_property
    def has_own_tags(self) -> bool:
        """Whether the cache tags are not just those of collection, id and slug."""
        names = ("get_cache_tags", "dependents")
        return any(getattr(type(self), name) is not getattr(LiveCollection, name) for name in names)

    @cached_property
    def compares_rows(self) -> bool:
        """Whether a change can only be determined by comparing with the stored row, which costs one
        query for each save."""
        own = type(self)
        filters = own.is_visible is not LiveCollection.is_visible or self.visible_when is not None
        remote_site = self.site_column is None and not self.is_of_one_site
        states = self.has_publish_state or self.has_slug or remote_site or filters
        return states or self.judges_relevance

    @cached_property
    def judges_relevance(self) -> bool:
        """Whether some changes are not worth an update: see ``is_relevant``."""
        overridden = type(self).is_relevant is not LiveCollection.is_relevant
        return overridden or self.watched_fields is not None

    @cached_property
    def watched_columns(self) -> tuple[str, ...] | None:
        """The attributes that hold the values of ``watched_fields``."""
        if self.watched_fields is None:
            return None
        return tuple(own_field(self.model, name).attname for name in self.watched_fields)

    @cached_property
    def columns_read(self) -> frozenset[str] | None:
        """The attributes that an update of an item depends on; ``None`` if it may depend on any,
        because a method is overridden."""
        own = type(self)
        if self.watched_fields is None and any(
            getattr(own, name) is not getattr(LiveCollection, name) for name in _METHODS
        ):
            return None
        try:
            named = (*(self.watched_columns or ()), *self.metadata_columns.values())
            read = {*named, *filter(None, (self.slug_field,))}
            read.update(() if self.is_of_one_site else self.site_path[:1])
            read.update(self.moment_fields)
            for condition in (self.published_when, self.visible_when):
                read.update(field.attname for field in fields_of(condition or Q(), self.model))
            return frozenset(own_field(self.model, name).attname for name in read)
        except (FieldDoesNotExist, TypeError):  # a property, or a mistake that the checks report
            return None

    @cached_property
    def metadata_columns(self) -> dict[str, str]:
        """Names in the metadata, with the attributes that hold the declared fields' values."""
        named = self.metadata_fields
        pairs = named if isinstance(named, Mapping) else dict(zip(named, named, strict=True))
        return {name: own_field(self.model, field).attname for name, field in pairs.items()}

    def speaks_for(self, item: Model) -> bool:
        """Return whether ``item`` belongs to the collection."""
        return isinstance(item, self.model)

    def is_left_to_trigger(self, using: str) -> bool:
        """Return whether triggers record the changes on the alias ``using``, so that receivers of
        signals must not."""
        return self.capture == "trigger" and has_triggers(using)

    def _tags_of(self, dependent: str | Model) -> list[str]:
        if not isinstance(dependent, Model):
            return [str(dependent)]
        found = self.registry.of_item(dependent) if self.registry else ()
        return [
            tag
            for other in found
            for tag in default_tags(
                other.name, other.item_id_of(dependent), other.get_slug(dependent)
            )
            if tag != other.name
        ]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} of {self.model._meta.label}>"
