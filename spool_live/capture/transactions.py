"""One transaction for a save and its update, also where the caller opened none.

In autocommit mode Django sends ``post_save`` after the row is committed; an update recorded then
would be a second transaction. So the saves of registered models run inside one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, router, transaction
from django.db.models import Model

SaveBase = Callable[..., None]
_wrapped: dict[type[Model], Callable[..., None] | None] = {}


def save_in_transaction(
    model: type[Model], needs_one: Callable[[type[Model], str], object] = lambda model, using: True
) -> None:
    """Wraps ``model.save_base``: it opens a transaction unless one is open, or ``needs_one`` (given
    the item's model and the alias) says that it can do without."""

    def made_of(original: SaveBase) -> SaveBase:
        def save_base(self: Model, *args: Any, **kwargs: Any) -> None:
            using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
            if connections[using].in_atomic_block or not needs_one(type(self), using):
                original(self, *args, **kwargs)
            else:
                with transaction.atomic(using=using):
                    original(self, *args, **kwargs)

        return save_base

    _wrap(model, made_of)


def call_after_save(model: type[Model], then: Callable[[str], None]) -> None:
    """Wraps ``model.save_base``: ``then`` is called with the alias when it is done, in autocommit
    mode after the commit. That is cheaper than a signal."""

    def made_of(original: SaveBase) -> SaveBase:
        def save_base(self: Model, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            then(self._state.db or DEFAULT_DB_ALIAS)

        return save_base

    _wrap(model, made_of)


def _wrap(model: type[Model], made_of: Callable[[SaveBase], SaveBase]) -> None:
    if model not in _wrapped:
        original = model.save_base
        _wrapped[model] = model.__dict__.get("save_base")
        model.save_base = wraps(original)(made_of(original))  # type: ignore[method-assign]


def stop_saving_in_transaction() -> None:
    """Unwraps every model again."""
    while _wrapped:
        model, own = _wrapped.popitem()
        if own is None:
            del model.save_base
        else:
            model.save_base = own  # type: ignore[method-assign]
