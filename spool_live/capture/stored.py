"""The row as the database stores it: before a save, and after it where the instance may differ.

The site of an instance is noted when it is loaded, which costs no query, so that a move to another
site is noticed even for collections that do not compare rows.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable
from typing import Any

from django.db import connections
from django.db.models import Model, QuerySet

from spool_live.capture.plan import CapturePlan

_SITE = "spool_live_site"
_FIXTURE = "spool_live_fixture"
_UNKNOWN = object()


def before_save(plan: CapturePlan, instance: Model, using: str) -> Model | None:
    """Return the stored row of ``instance``, in one query, where one may exist and is needed.

    The row is locked, as the UPDATE that follows would lock it, so that two concurrent saves are
    not both compared with the same earlier state.
    """
    unknown = instance._state.adding or _SITE not in instance._state.__dict__
    if (plan.compares or (unknown and plan.site_column is not None)) and _may_be_stored(instance):
        return fetch(plan, instance, using, lock=True)
    return None


def after_save(
    plan: CapturePlan,
    instance: Model,
    row: Model | None,
    using: str,
    update_fields: Collection[str] | None,
    *,
    created: bool,
) -> Model:
    """Return ``instance`` as the database has it after the save.

    That is ``instance`` itself, where it holds what is stored; with ``update_fields`` (which Django
    also passes where fields are deferred) a copy of ``row`` with these fields of the instance; else
    the row as it is now, read in one query.
    """
    saved = None if update_fields is None else _attnames(instance, update_fields)
    if (plan.computed and not created) or not _holds(plan, instance, saved, row):
        return fetch(plan, instance, using) or instance
    if saved is None or row is None:
        return instance
    item = copy.copy(row)
    item._state = copy.copy(row._state)
    item._state.fields_cache = dict(row._state.fields_cache)
    for attname in saved.intersection(instance.__dict__):  # Django 5.2 names generated fields, too
        setattr(item, attname, instance.__dict__[attname])
    return item


def as_stored(plan: CapturePlan, instance: Model, using: str) -> Model:
    """Return ``instance``, or its stored row where the instance may differ from it."""
    if _holds(plan, instance, None, None):
        return instance
    return fetch(plan, instance, using) or instance


def _holds(plan: CapturePlan, instance: Model, saved: set[str] | None, row: Model | None) -> bool:
    """Return whether ``instance`` holds the stored value of each column that an update depends on.
    Columns that were not ``saved`` come from ``row``; without it they are unknown, except for the
    site's, which was noted when the instance was loaded."""
    held = instance.__dict__
    for attname, (exact, accepts) in plan.checks.items():
        if saved is not None and attname not in saved:
            if row is None and attname != plan.site_column:
                return False
            continue
        value = held.get(attname, _UNKNOWN)
        if type(value) is exact or value is None:
            continue
        if value is _UNKNOWN or not accepts(value):
            return False
    return True


def sites(
    plan: CapturePlan,
    instance: Model,
    item: Model,
    update_fields: Collection[str] | None,
    *,
    created: bool,
) -> tuple[Any, Any]:
    """Return the site column's value before and after a save whose row was not read.

    The value before is the one that was noted for ``instance``; ``item`` is the result of
    ``after_save``. The site is noted again for the next save, but not after a move: that may be
    rolled back, so the next save reads the row.
    """
    column = plan.site_column
    if column is None:
        return None, None
    state = instance._state.__dict__
    before = state.pop(_SITE, _UNKNOWN)
    written = update_fields is None or column in _attnames(instance, update_fields)
    after = getattr(item, column) if item is not instance or written else before
    if created or before is _UNKNOWN:
        before = after
    if before == after:
        state[_SITE] = after
    return before, after


def remember_site(column: str, /, instance: Model, **kwargs: Any) -> None:
    """Note the site that ``instance`` was loaded with (receiver of ``post_init``)."""
    if column in instance.__dict__:
        instance._state.__dict__[_SITE] = instance.__dict__[column]


def is_moved_in_memory(plan: CapturePlan, instance: Model) -> bool:
    """Return whether ``instance`` names another site than it was loaded with."""
    noted = instance._state.__dict__.get(_SITE, _UNKNOWN)
    column = plan.site_column
    return column is not None and noted is not _UNKNOWN and noted != instance.__dict__.get(column)


def mark_fixture(instance: Model, *, raw: bool) -> None:
    """Note whether ``instance`` was last saved by a fixture."""
    if raw or _FIXTURE in instance._state.__dict__:
        instance._state.__dict__[_FIXTURE] = raw


def is_fixture(instance: Model) -> bool:
    """Return whether the relations that are being set come from a fixture, as the row did. (Django
    passes ``raw`` to receivers of ``m2m_changed`` since 6.1.)"""
    return bool(instance._state.__dict__.get(_FIXTURE))


def fetch(plan: CapturePlan, instance: Model, using: str, *, lock: bool = False) -> Model | None:
    """Return the row of ``instance`` as it is now; ``None`` where there is none. With ``lock``
    no other transaction can change it before this one ends.

    Django takes longer to build the query than the database to answer it, so the SQL is cached
    where only the key differs from one save to the next.
    """
    connection = connections[using]
    model = type(instance)._meta.concrete_model or type(instance)
    lock = lock and not connection.get_autocommit()
    key = (model, using, lock)
    if key not in plan.selects:
        plan.selects[key] = _sql(plan, _rows(plan, model, using, lock).filter(pk=instance.pk))
    if (sql := plan.selects[key]) is None:
        return next(iter(_rows(plan, model, using, lock).filter(pk=instance.pk)), None)
    value = model._meta.pk.get_db_prep_value(instance.pk, connection)
    return next(iter(model._base_manager.using(using).raw(sql, [value])), None)


def _attnames(instance: Model, names: Iterable[str]) -> set[str]:
    return {instance._meta.get_field(name).attname for name in names}  # type: ignore[union-attr]


def _may_be_stored(instance: Model) -> bool:
    # Django tries no UPDATE first where the primary key has a default and the instance is new.
    pk = instance._meta.pk
    has_default = pk.has_default() or pk.has_db_default()
    return instance.pk is not None and not (instance._state.adding and has_default)


def _sql(plan: CapturePlan, rows: QuerySet[Model]) -> str | None:
    """Return the SELECT of ``rows`` if it has one table and one parameter, which is the key."""
    sql, params = rows.query.get_compiler(rows.db).as_sql()
    simple = len(params) == 1 and not plan.related and not rows.model._meta.parents
    return sql if simple else None


def _rows(plan: CapturePlan, model: type[Model], using: str, lock: bool) -> QuerySet[Model]:
    rows: QuerySet[Model] = model._base_manager.using(using)
    if plan.related:
        rows = rows.select_related(*plan.related)
    features = connections[using].features
    if not lock or not features.has_select_for_update:
        return rows
    if features.has_select_for_update_of:
        return rows.select_for_update(of=("self",), no_key=features.has_select_for_no_key_update)
    return rows if plan.related else rows.select_for_update()
