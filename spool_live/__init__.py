"""Live content updates for multi-tenant Django CMSs through Supabase Realtime.

The public names are loaded when first used, so that importing the package (or its client, which
knows no Django) imports no Django.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spool_live.capture.bulk import LiveManager, LiveQuerySet, record_changes
    from spool_live.collections import LiveCollection, cache_tags, register, unregister
    from spool_live.outbox import batch, broadcast_update
    from spool_live.updates import EventType, LiveUpdateData

__version__ = "0.1.0"
"""The version of the distribution ``spool-live``, after Semantic Versioning."""

__all__ = [
    "EventType",
    "LiveCollection",
    "LiveManager",
    "LiveQuerySet",
    "LiveUpdateData",
    "__version__",
    "batch",
    "broadcast_update",
    "cache_tags",
    "record_changes",
    "register",
    "unregister",
]

_HOME = {
    "EventType": "spool_live.updates",
    "LiveCollection": "spool_live.collections",
    "LiveManager": "spool_live.capture.bulk",
    "LiveQuerySet": "spool_live.capture.bulk",
    "LiveUpdateData": "spool_live.updates",
    "batch": "spool_live.outbox",
    "broadcast_update": "spool_live.outbox",
    "cache_tags": "spool_live.collections",
    "record_changes": "spool_live.capture.bulk",
    "register": "spool_live.collections",
    "unregister": "spool_live.collections",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(_HOME[name]), name)
    except ModuleNotFoundError as error:
        if error.name != "django":
            raise
        raise ImportError(
            f"spool_live.{name} needs Django: pip install 'spool-live[django]'"
        ) from error


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
