"""Bulk imports: with ``use_bulk`` django-import-export writes by ``bulk_create`` and
``bulk_update``, which send no signals. (A ``LiveManager`` records them by itself.)"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

from django.apps import apps
from django.db import connections, transaction
from django.db.models import Q

from spool_live.capture.bulk import LiveQuerySet, record_compared
from spool_live.capture.reading import chunks, rows_of
from spool_live.collections import registry

_unwrap: list[Callable[[], None]] = []


def wrap_imports() -> None:
    """Wrap ``bulk_create`` and ``bulk_update`` of import-export's resources, where it is
    installed."""
    if apps.is_installed("import_export"):
        resource = import_module("import_export.resources").Resource
        _wrap(resource, "bulk_create", "create_instances")
        _wrap(resource, "bulk_update", "update_instances")


def unwrap_imports() -> None:
    """Remove the wrappers."""
    while _unwrap:
        _unwrap.pop()()


def _wrap(resource: Any, name: str, instances: str) -> None:
    write = getattr(resource, name)

    @wraps(write)
    def recorded(self: Any, *args: Any, **kwargs: Any) -> Any:
        model = self._meta.model
        using = self.get_db_connection_name()
        chosen = list(getattr(self, instances))
        if (
            not chosen
            or not registry.recorded_by_signals(model, using)
            or isinstance(model.objects.all(), LiveQuerySet)
        ):
            return write(self, *args, **kwargs)
        with transaction.atomic(using=using):
            before = _stored(model, using, chosen, lock=True) if name == "bulk_update" else {}
            written = write(self, *args, **kwargs)
            if not connections[using].needs_rollback:  # else the import reports the error
                _record(model, using, chosen, before)
        return written

    setattr(resource, name, recorded)
    _unwrap.append(lambda: setattr(resource, name, write))


def _stored(model: Any, using: str, instances: list[Any], *, lock: bool = False) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for chunk in chunks(item.pk for item in instances if item.pk is not None):
        found.update({row.pk: row for row in rows_of(model, using, Q(pk__in=chunk), lock=lock)})
    return found


def _record(model: Any, using: str, instances: list[Any], before: dict[Any, Any]) -> None:
    after = _stored(model, using, instances)
    changed = (row for pk, row in after.items() if pk not in before or _differs(before[pk], row))
    for chunk in chunks(changed):
        record_compared(using, chunk, before)


def _differs(before: Any, after: Any) -> bool:
    columns = [field.attname for field in after._meta.concrete_fields]
    return any(getattr(before, name) != getattr(after, name) for name in columns)
