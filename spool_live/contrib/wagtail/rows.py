"""Rows of Wagtail's models, before and after: which of their columns the public sees."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable
from typing import Any

from wagtail.models import COMMENTS_RELATION_NAME

from spool_live.capture.reading import lock_rows

EDITORIAL = frozenset(
    {
        *("draft_title", "has_unpublished_changes", "latest_revision", "live_revision"),
        *("latest_revision_created_at", "locked", "locked_at", "locked_by", "owner"),
        *("go_live_at", "expire_at", "expired", "first_published_at", "alias_of"),
        *("path", "depth", "numchild", "url_path", "live"),
    }
)
"""Fields that the public does not see, or whose meaning is compared elsewhere (place, ``live``)."""

DATED = frozenset({"last_published_at"})
"""Fields that every publication writes."""


def is_editorial(update_fields: Iterable[str]) -> bool:
    """Return whether a save of ``update_fields`` writes nothing that the public sees."""
    names = {name.removesuffix("_id") for name in update_fields}
    return names <= (EDITORIAL | DATED | {COMMENTS_RELATION_NAME}) - {"url_path", "live"}


def is_plain(page: Any) -> bool:
    """Return whether the object holds values, and no expression that only the database can
    evaluate."""
    return not any(hasattr(value, "resolve_expression") for value in page.__dict__.values())


def content_of(page: Any) -> dict[str, Any]:
    """Return what a page holds, with its children, in a form that can be compared."""
    hidden = {*EDITORIAL, *DATED, COMMENTS_RELATION_NAME}
    return {name: value for name, value in page.serializable_data().items() if name not in hidden}


def differs(row: Any, page: Any, hidden: Collection[str] = ()) -> bool:
    """Return whether the public sees a difference between two states of a page: in its own columns,
    or in the date of its publication, which stands for what is stored elsewhere (children,
    tags)."""
    return any(
        field.get_prep_value(getattr(row, field.attname))
        != field.get_prep_value(getattr(page, field.attname))
        for field in type(row)._meta.concrete_fields
        if field.name not in EDITORIAL and field.name not in hidden and not _is_key(field)
    )


def _is_key(field: Any) -> bool:
    remote = field.remote_field
    return bool(field.primary_key or (remote and getattr(remote, "parent_link", False)))


def as_it_was(page: Any, row: Any) -> Any:
    """Return the specific page as it was before: ``row``, or a copy of ``page`` with the values of
    ``row``, if that is of its base class."""
    if isinstance(row, type(page)):
        return row
    was = copy.copy(page)
    was._state = copy.copy(page._state)
    for field in type(row)._meta.concrete_fields:
        was.__dict__[field.attname] = getattr(row, field.attname)
    return was


class RowSave:
    """One save of a row, which is read and locked before the save."""

    needs_transaction = True

    def __init__(self, instance: Any, using: str, update_fields: Collection[str] | None) -> None:
        self.instance = instance
        self.using = using
        self.update_fields = update_fields
        self.row: Any = None

    def before(self) -> None:
        """Read and lock the row."""
        if not self.instance._state.adding and self.instance.pk is not None:
            rows = type(self.instance)._base_manager.using(self.using)
            self.row = lock_rows(rows.filter(pk=self.instance.pk), self.using).first()
