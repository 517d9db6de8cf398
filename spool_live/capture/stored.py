"""The row as it was before a save: fetched where a collection compares, else only its site.

The site is noted when an instance is loaded, which costs no query: so a move to another site is
seen also where nothing else is compared.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db import connections
from django.db.models import Model, QuerySet

from spool_live.capture.plan import Plan
from spool_live.updates import LiveUpdateData

_ROWS = "spool_live_rows"
_SITE = "spool_live_site"
_FIXTURE = "spool_live_fixture"
_DELETIONS = "spool_live_deletions"
Recorded = tuple[uuid.UUID, LiveUpdateData]
"""Site id and data of an update that is to be recorded."""


class KnownSite(NamedTuple):
    """All that is known of the stored row: its site, and whether this save writes the column."""

    site_id: Any
    written: bool


def remember(plan: Plan, sender: type[Model], instance: Model, using: str) -> None:
    """Fetches the stored row of ``instance`` in one query, where one may exist and is needed.

    The row is locked (as the UPDATE that follows would), so that two editors' transitions cannot
    both be told from the same past. Rows are stacked: another receiver may save the instance again
    before :func:`take` is called for the first save.
    """
    state = instance._state.__dict__
    row = None
    if (plan.compares or instance._state.adding or _SITE not in state) and _may_be_stored(instance):
        row = _fetch(plan, sender, instance.pk, using)
    if row is not None or state.get(_ROWS):
        state.setdefault(_ROWS, []).append(row)


def take(
    plan: Plan, instance: Model, update_fields: Iterable[str] | None, *, created: bool
) -> Model | KnownSite | None:
    """What :func:`remember` or the loading of ``instance`` noted; ``None`` for nothing.

    Notes the site for the next save, but not after a move: that may yet be rolled back, and then
    only the row knows.
    """
    state = instance._state.__dict__
    rows = state.get(_ROWS)
    row: Model | None = rows.pop() if rows else None
    column = plan.site_column
    if column is None or (row is None and not created and _SITE not in state):
        return row
    written = update_fields is None or column in _attnames(instance, update_fields)
    now = instance.__dict__.get(column)
    before = state.pop(_SITE, None) if row is None else getattr(row, column)
    known = KnownSite(before, written)
    if created or not written or now == before:
        state[_SITE] = now if created else before
    return known if row is None and not created else row


def as_stored(
    instance: Model, row: Model | KnownSite | None, update_fields: Iterable[str] | None
) -> Model:
    """``instance`` as the database has it after the save.

    With ``update_fields`` (Django also passes them where fields are deferred) that is the stored
    row with these fields laid over it: what else is set in memory was not saved.
    """
    if update_fields is None or not isinstance(row, Model):
        return instance
    item = copy.copy(row)
    item._state = copy.copy(row._state)
    item._state.fields_cache = dict(row._state.fields_cache)
    for attname in _attnames(instance, update_fields):
        setattr(item, attname, getattr(instance, attname))
    return item


def remember_site(plan: Plan, /, instance: Model, **kwargs: Any) -> None:
    """Receiver of ``post_init``: notes the site that ``instance`` was loaded with."""
    if plan.site_column in instance.__dict__:
        instance._state.__dict__[_SITE] = instance.__dict__[plan.site_column]


def mark_fixture(instance: Model, *, raw: bool) -> None:
    """Notes whether ``instance`` was last saved by a fixture."""
    if raw or _FIXTURE in instance._state.__dict__:
        instance._state.__dict__[_FIXTURE] = raw


def note_deletion(instance: Model, updates: list[Recorded]) -> None:
    """Keeps what the deletion of ``instance`` is to be told with, until it has happened."""
    instance._state.__dict__.setdefault(_DELETIONS, []).append(updates)


def take_deletion(instance: Model) -> list[Recorded]:
    """What :func:`note_deletion` kept last."""
    noted: list[list[Recorded]] = instance._state.__dict__.get(_DELETIONS, [])
    return noted.pop() if noted else []


def is_fixture(instance: Model) -> bool:
    """Whether the relations that are being set come from a fixture, as the row did. (Django tells
    receivers of ``m2m_changed`` by itself since 6.1.)"""
    return bool(instance._state.__dict__.get(_FIXTURE))


def site_uuid(value: Any) -> uuid.UUID | None:
    """A site column's value as a UUID."""
    return value if value is None or isinstance(value, uuid.UUID) else uuid.UUID(str(value))


def _attnames(instance: Model, names: Iterable[str]) -> set[str]:
    return {instance._meta.get_field(name).attname for name in names}  # type: ignore[union-attr]


def _may_be_stored(instance: Model) -> bool:
    # Django inserts without asking where the primary key has a default and the instance is new.
    has_default = instance._meta.pk.has_default()
    return instance.pk is not None and not (instance._state.adding and has_default)


def _fetch(plan: Plan, sender: type[Model], pk: Any, using: str) -> Model | None:
    """The row, locked. Django takes longer to build the query than the database to answer it, so
    its SQL is kept where the key is all that differs from one save to the next."""
    connection = connections[using]
    model = sender._meta.concrete_model or sender
    key = (model, using, connection.in_atomic_block)
    if key not in plan.selects:
        plan.selects[key] = _sql(plan, _locked(plan, model, using).filter(pk=pk))
    if (sql := plan.selects[key]) is None:
        return next(iter(_locked(plan, model, using).filter(pk=pk)), None)
    value = model._meta.pk.get_db_prep_value(pk, connection)
    return next(iter(model._base_manager.using(using).raw(sql, [value])), None)


def _sql(plan: Plan, rows: QuerySet[Model]) -> str | None:
    """The SELECT of ``rows`` if it has one table and one parameter, which is the key."""
    sql, params = rows.query.get_compiler(rows.db).as_sql()
    simple = len(params) == 1 and not plan.related and not rows.model._meta.parents
    return sql if simple else None


def _locked(plan: Plan, model: type[Model], using: str) -> QuerySet[Model]:
    rows: QuerySet[Model] = model._base_manager.using(using)
    if plan.related:
        rows = rows.select_related(*plan.related)
    features = connections[using].features
    if not features.has_select_for_update or not connections[using].in_atomic_block:
        return rows
    if features.has_select_for_update_of:
        return rows.select_for_update(of=("self",), no_key=features.has_select_for_no_key_update)
    return rows if plan.related else rows.select_for_update()
