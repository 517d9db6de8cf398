"""What a trigger can know of an item: its columns, and nothing that only Python can determine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import Field, ForeignKey, JSONField, Model

from spool_live.capture import declarations
from spool_live.capture.declarations import Fault
from spool_live.collections import LiveCollection, one_site
from spool_live.conditions import own_field

MAX_FIELDS = 50
"""Most fields in the metadata: a PostgreSQL function takes a hundred arguments, two for each."""
INTEGERS = {
    "AutoField",
    "BigAutoField",
    "BigIntegerField",
    "IntegerField",
    "PositiveBigIntegerField",
    "PositiveIntegerField",
    "PositiveSmallIntegerField",
    "SmallAutoField",
    "SmallIntegerField",
}
TEXTS = {"CharField", "SlugField", "TextField"}
KEYS = INTEGERS | TEXTS | {"UUIDField"}
METADATA = KEYS | {"BooleanField", "DateField", "DateTimeField", "DecimalField", "FloatField"}
_ODD = {"BigAutoField", "BigIntegerField", "FloatField", "JSONField", "PositiveBigIntegerField"}
"""Types whose values receivers may read differently, see ``spool_live.metadata``."""
_KEEP_SIGNALS = 'or leave capture at "signals"'
_REPLACED_BY = {
    "get_site": "site_field",
    "get_slug": "slug_field",
    "is_published": "published_when",
    "is_visible": "visible_when",
    "is_relevant": "watched_fields",
    "get_metadata": "metadata_fields",
    "get_locale": "metadata_fields = {'locale': ...}",
}
"""Methods of a collection, each with the attribute that a trigger can follow instead."""


def faults_of(collection: LiveCollection) -> Iterator[Fault]:
    """Yield the mistakes in the declaration of ``collection``; where there are none, and its
    capture is by trigger, what triggers cannot do."""
    found = list(declarations.faults_of(collection))
    yield from found
    if collection.capture == "trigger" and not found:
        yield from _trigger_faults(collection, metadata_of(collection))


def _trigger_faults(
    collection: LiveCollection, fields: dict[str, Field[Any, Any]]
) -> Iterator[Fault]:
    model, own = collection.model, type(collection)
    for method, attribute in _REPLACED_BY.items():
        if getattr(own, method) is not getattr(LiveCollection, method):
            yield Fault(
                f"{method}() is Python, which a trigger cannot call",
                f"Declare {attribute} instead, {_KEEP_SIGNALS}.",
            )
    if collection.has_own_tags:
        problem = "get_cache_tags() and dependents() are Python, which a trigger cannot call"
        yield Fault(problem, f"Leave them out, {_KEEP_SIGNALS}.")
    yield from _other_rows(collection)
    if model._meta.parents:
        problem = f"{model._meta.label} lies in two tables (multi-table inheritance)"
        yield Fault(problem, f"Register the parent model, {_KEEP_SIGNALS}.")
        return
    if key_type(model) not in KEYS:
        problem = "the primary key is neither a UUID nor a number nor a text"
        yield Fault(problem, f"Give the model such a key, {_KEEP_SIGNALS}.")
    yield from _path_faults(collection)
    for field in fields.values():
        if not _is_plain(field):
            kind = type(field).__name__
            problem = f"metadata_fields: a trigger cannot write {field.name} ({kind}) as JSON"
            yield Fault(problem, f"Leave it out, {_KEEP_SIGNALS}.")
    if len(fields) > MAX_FIELDS:
        problem = f"metadata_fields: {len(fields)} fields are too many for a trigger"
        yield Fault(problem, f"Name at most {MAX_FIELDS}, {_KEEP_SIGNALS}.")


def _other_rows(collection: LiveCollection) -> Iterator[Fault]:
    if collection.is_of_one_site and not one_site.is_id():
        problem = "SPOOL_LIVE['SITE'] is a name, which a trigger does not look up"
        yield Fault(problem, f"Set it to the site's id, {_KEEP_SIGNALS}.")
    if collection.moment_fields:
        problem = "published_from and published_until: a trigger is not fired by the clock"
        yield Fault(problem, f"Leave them out, {_KEEP_SIGNALS}.")
    if collection.follows:
        problem = "follows: a trigger sees changes of the item's own row only"
        yield Fault(problem, f"Leave it out, {_KEEP_SIGNALS}.")


def _path_faults(collection: LiveCollection) -> Iterator[Fault]:
    try:
        site_path_of(collection)
    except FieldDoesNotExist as error:
        remedy = f"Name foreign keys that lead to a site, {_KEEP_SIGNALS}."
        yield Fault(f"site_field: {error}", remedy)
    if not collection.slug_field:
        return
    try:
        slug = own_field(collection.model, collection.slug_field)
    except FieldDoesNotExist as error:
        yield Fault(f"slug_field: {error}", f"Name a column of the item, {_KEEP_SIGNALS}.")
    else:
        if slug.get_internal_type() not in TEXTS:
            reason = f"slug_field: {slug.name} is not a text column"
            yield Fault(reason, f"Name a text column, {_KEEP_SIGNALS}.")


def metadata_of(collection: LiveCollection) -> dict[str, Field[Any, Any]]:
    """Return the columns of ``metadata_fields`` by name. Raises ``FieldDoesNotExist``."""
    columns = collection.metadata_columns.items()
    return {name: own_field(collection.model, attname) for name, attname in columns}


def may_need_rewriting(collection: LiveCollection) -> bool:
    """Return whether the metadata may hold what receivers would read differently: numbers beyond 53
    bits, infinities or deep nesting."""
    return any(_value_type(field) in _ODD for field in metadata_of(collection).values())


def site_path_of(collection: LiveCollection) -> list[Field[Any, Any]]:
    """Return the columns on the path from the item to the site's id; each but the last is a foreign
    key.

    Raises ``FieldDoesNotExist`` for a path through anything else, or one that does not end at a
    UUID.
    """
    if collection.is_of_one_site:
        return []
    model = collection.model
    path: list[Field[Any, Any]] = []
    for step in collection.site_field.split("."):
        if path:
            model = target_of(path[-1]).model
        field = own_field(model, step)
        if field not in (model._meta.concrete_model or model)._meta.local_concrete_fields:
            raise FieldDoesNotExist(f"{step!r} lies in the table of a parent of {model.__name__}")
        if path and _may_outlive(path[-1]):
            raise FieldDoesNotExist(
                f"a cascade may delete what {path[-1].name!r} points at before the item, and then "
                "the site of the item is not known"
            )
        path.append(field)
    if _value_type(path[-1]) != "UUIDField":
        raise FieldDoesNotExist(f"{collection.site_field!r} does not end at the UUID of a site")
    return path


def _may_outlive(foreign_key: Field[Any, Any]) -> bool:
    """Return whether the row that ``foreign_key`` points at may be deleted before the row that has
    it.

    Django deletes in the order of foreign keys that are not null; PostgreSQL's own cascade begins
    with the row that is pointed at.
    """
    on_delete = getattr(foreign_key.remote_field, "on_delete", None)
    by_database = on_delete is not None and on_delete is getattr(models, "DB_CASCADE", None)
    return by_database or (on_delete is models.CASCADE and foreign_key.null)


def key_type(model: type[Model]) -> str:
    """Return the internal type of the primary key's values, following foreign keys."""
    pk = model._meta.pk
    return _value_type(pk) if getattr(pk, "column", None) else type(pk).__name__


def target_of(field: Field[Any, Any]) -> Field[Any, Any]:
    """Return the field that a foreign key points at; raise ``FieldDoesNotExist`` for others."""
    if not isinstance(field, ForeignKey):
        raise FieldDoesNotExist(f"{field.name!r} is not a foreign key")
    return field.target_field


def _value_type(field: Field[Any, Any]) -> str:
    while isinstance(field, ForeignKey):
        field = field.target_field
    return field.get_internal_type()


def _is_plain(field: Field[Any, Any]) -> bool:
    if isinstance(field, JSONField):
        return field.encoder is None and field.decoder is None
    while isinstance(field, ForeignKey):
        field = field.target_field
    return field.get_internal_type() in METADATA and not hasattr(field, "from_db_value")
