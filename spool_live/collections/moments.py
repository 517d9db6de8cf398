"""Publishing by the clock: stored moments from and until which an item is public."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Any

from django.utils import timezone

from spool_live.conditions import own_field


class Scheduled:
    """The part of a ``LiveCollection`` that ``published_from`` and ``published_until`` declare."""

    published_from: str | None = None
    """Name of the field that holds the moment from which an item is public, if ``is_published``
    agrees. The sweep records an update at that moment; an empty field is not a limit."""
    published_until: str | None = None
    """Name of the field that holds the moment at which an item stops being public."""
    model: Any
    """The model whose items the collection reports; set by ``register``."""

    def is_published(self, item: Any) -> bool:
        """Return whether the public may see ``item``, regardless of the moments."""
        raise NotImplementedError

    @cached_property
    def moment_fields(self) -> tuple[str, ...]:
        """The names of the fields that hold the moments."""
        return tuple(filter(None, (self.published_from, self.published_until)))

    def moments_of(self, item: Any) -> tuple[datetime, ...]:
        """Return the moments that ``item`` holds, past and future ones, as aware datetimes."""
        found = (_moment(item, name) for name in self.moment_fields)
        return tuple(moment for moment in found if moment is not None)

    def is_public(self, item: Any, at: datetime | None = None) -> bool:
        """Return whether ``item`` is published, at the moment ``at`` (default: now). An empty
        moment is not a limit."""
        if not self.is_published(item):
            return False
        if not self.moment_fields:
            return True
        at = at or timezone.now()
        begin = _moment(item, self.published_from)
        end = _moment(item, self.published_until)
        return (begin is None or begin <= at) and (end is None or at < end)


def _moment(item: Any, name: str | None) -> datetime | None:
    if name is None:
        return None
    field = own_field(type(item), name)
    moment: datetime | None = field.to_python(getattr(item, field.attname))
    if moment is not None and timezone.is_naive(moment):
        moment = timezone.make_aware(moment)
    return moment
