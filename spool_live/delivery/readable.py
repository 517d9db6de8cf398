"""Separates the entries of a claim that can be sent from those that cannot be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from spool_live.delivery.failures import reason_of
from spool_live.outbox import ClaimedEntry, Settlement
from spool_live.updates import Update

Sendable = tuple[ClaimedEntry, Update]
"""An entry, and the update that is broadcast for it."""


def readable(entries: Iterable[ClaimedEntry], settlement: Settlement) -> Iterator[Sendable]:
    """Yield those of ``entries`` that can be sent.

    One that cannot be read (it was written by SQL, or by another version) becomes dead in
    ``settlement``; the others are not affected.
    """
    for entry in entries:
        try:
            yield entry, entry.as_update()
        except ValueError as error:
            settlement.dead[entry.pk] = str(error)
        except Exception as error:  # noqa: BLE001 - whatever is wrong concerns this entry only
            settlement.dead[entry.pk] = reason_of(error)
