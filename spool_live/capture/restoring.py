"""Restored versions: django-reversion saves them with ``raw``, as fixtures are loaded, although
restoring one is an edit like any other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

_active: ContextVar[bool] = ContextVar("spool_live_restoring", default=False)
_unwrap: list[Callable[[], None]] = []


def is_active() -> bool:
    """Return whether a version is being restored, so that ``raw`` saves are to be recorded."""
    return _active.get()


@contextmanager
def restoring() -> Iterator[None]:
    """Record ``raw`` saves within the block."""
    token = _active.set(True)
    try:
        yield
    finally:
        _active.reset(token)


def wrap_versions() -> None:
    """Wrap ``Version.revert`` of django-reversion, where that is loaded."""
    models = sys.modules.get("reversion.models")
    version = getattr(models, "Version", None)
    if version is None:
        return
    revert = version.revert

    @wraps(revert)
    def recorded(self: Any) -> Any:
        with restoring():
            return revert(self)

    version.revert = recorded
    _unwrap.append(lambda: setattr(version, "revert", revert))


def unwrap_versions() -> None:
    """Remove the wrapper."""
    while _unwrap:
        _unwrap.pop()()
