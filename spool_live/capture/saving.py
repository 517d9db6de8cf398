"""Where a save is captured: at the writing of its row, not at its signals.

In autocommit mode Django commits the row before it sends ``post_save``, so a receiver could record
the update only in a separate transaction; and a transaction around the whole save would change what
the project's own receivers may do. Therefore the ``_save_table`` of registered models is wrapped:
the row and its updates are written in one short transaction between ``pre_save`` and ``post_save``,
and both signals are sent as they would be without the app.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from django.db import connections, transaction
from django.db.models import Model

_BEGUN = "spool_live_begun_"
_NO_TRANSACTION = nullcontext()


class Save(Protocol):
    """One save of one row."""

    needs_transaction: bool
    """Whether the row and what ``after`` records must be written in one transaction."""

    def before(self) -> None:
        """Prepare for the save, in its transaction, before anything is written."""

    def after(self, *, created: bool) -> None:
        """Record the save, in its transaction, when the row is written. ``created`` says whether it
        was inserted."""


Begin = Callable[[Model, str, bool, Collection[str] | None], Save | None]
"""Function that returns the ``Save`` for an instance, an alias, ``raw`` (whether it is a fixture)
and ``update_fields``; ``None`` for a save that need not be captured."""

_wrapped: dict[tuple[type[Model], Begin], dict[str, Any]] = {}


def wrap_saves(models: Iterable[type[Model]], begin: Begin) -> None:
    """Call ``begin`` for each save of ``models`` and of the models that inherit from them."""
    chosen = set(models)
    for model in chosen:
        key = (model, begin)
        if key not in _wrapped and chosen.isdisjoint(model.__mro__[1:]):
            _wrapped[key] = {n: model.__dict__[n] for n in _WRAPPERS if n in model.__dict__}
            for name, wrapper in _WRAPPERS.items():
                setattr(model, name, wrapper(model, begin))


def unwrap_saves() -> None:
    """Unwrap every model again, the last wrapper first."""
    while _wrapped:
        (model, _), own = _wrapped.popitem()
        for name in _WRAPPERS:
            delattr(model, name)
            if name in own:
                setattr(model, name, own[name])


def one_transaction(using: str) -> AbstractContextManager[object]:
    """Return a transaction on ``using``, or an empty context manager if one is open already."""
    connection = connections[using]
    if connection.in_atomic_block or not connection.get_autocommit():
        return _NO_TRANSACTION
    return transaction.atomic(using=using)


def _save_table(model: type[Model], begin: Begin) -> Callable[..., bool]:
    key = _key(model, begin)

    def _save_table(
        self: Any,
        raw: bool = False,
        cls: type[Model] | None = None,
        force_insert: Any = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Collection[str] | None = None,
    ) -> bool:
        def write() -> bool:
            inherited = _inherited(model, begin, self, "_save_table")
            written = inherited(raw, cls, force_insert, force_update, using, update_fields)
            return bool(written)

        if cls is None or using is None or cls is not self._meta.concrete_model:
            return write()  # a parent's table: the item is written when its own is
        begun = not raw and self._state.__dict__.get(key)
        is_begun = bool(begun)
        save = begun.pop() if begun else begin(self, using, raw, update_fields)
        if save is None:
            return write()
        with one_transaction(using) if save.needs_transaction else _NO_TRANSACTION:
            if not is_begun:
                save.before()
            updated = write()
            save.after(created=not updated)
        return updated

    return _save_table


def _save_parents(model: type[Model], begin: Begin) -> Callable[..., Any]:
    """Return the wrapper of ``_save_parents``. With multi-table inheritance the parents' rows are
    written first, in Django's transaction, so the capture of the save begins there."""
    key = _key(model, begin)

    def _save_parents(
        self: Any,
        cls: type[Model],
        using: str,
        update_fields: Collection[str] | None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        write = _inherited(model, begin, self, "_save_parents")
        if not cls._meta.parents or cls is not self._meta.concrete_model:
            return write(cls, using, update_fields, *args, **kwargs)
        save = begin(self, using, False, update_fields)
        if save is not None:
            save.before()
        begun = self._state.__dict__.setdefault(key, [])
        begun.append(save)
        try:
            return write(cls, using, update_fields, *args, **kwargs)
        except BaseException:
            begun.pop()
            raise

    return _save_parents


_WRAPPERS = {"_save_table": _save_table, "_save_parents": _save_parents}


def _key(model: type[Model], begin: Begin) -> str:
    return f"{_BEGUN}{model._meta.label_lower}_{begin.__module__}"


def _inherited(model: type[Model], begin: Begin, instance: Model, name: str) -> Callable[..., Any]:
    own = _wrapped[model, begin].get(name)
    if own is None:
        return getattr(super(model, instance), name)  # type: ignore[no-any-return]
    return own.__get__(instance)  # type: ignore[no-any-return]
