"""Connects capture to the models of registered collections, and to no others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from django.apps import apps
from django.db import connections, router
from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_init, pre_delete

from spool_live.capture import (
    followed,
    imports,
    meaning,
    parents,
    plan,
    receivers,
    relations,
    restoring,
    saves,
    saving,
    sites,
    stored,
    trees,
)
from spool_live.collections import has_triggers, registry
from spool_live.models import Site

_connected: list[tuple[Any, Callable[..., None], Any]] = []
_observed: dict[saving.Begin, Callable[[], Iterable[type[Model]]]] = {}


def observe_saves(models: Callable[[], Iterable[type[Model]]], begin: saving.Begin) -> None:
    """Call ``begin`` for each save of the models that ``models()`` returns, for an app that records
    changes by rules of its own. ``models`` is called again when the registrations change."""
    _observed[begin] = models
    connect_all()


def connect_all() -> None:
    """Connect the signals of every model of every registered collection, and no others."""
    disconnect_all()
    saving.wrap_saves([Site], sites.begin)
    for begin, models in _observed.items():
        saving.wrap_saves(models(), begin)
    registered = [collection.model for collection in registry]
    others = (*parents.models_on_site_paths(), *followed.models_followed())
    saving.wrap_saves([*registered, *others], saves.begin)
    restoring.wrap_versions()
    imports.wrap_imports()
    trees.wrap_moves()
    for signal, receiver, sender in _connections():
        signal.connect(receiver, sender=sender, weak=False)
        _connected.append((signal, receiver, sender))


def disconnect_all() -> None:
    """Disconnect every signal."""
    while _connected:
        signal, receiver, sender = _connected.pop()
        signal.disconnect(receiver, sender=sender)
    saving.unwrap_saves()
    restoring.unwrap_versions()
    imports.unwrap_imports()
    trees.unwrap_moves()
    plan.forget_plans()
    followed.forget_followings()
    parents.forget_steps()
    meaning.forget_reports()


def _connections() -> Iterator[tuple[Any, Callable[..., None], Any]]:
    for model in apps.get_models():
        collections = registry.of_model(model)
        if any(collection.capture == "trigger" for collection in collections):
            yield pre_delete, receivers.notify_worker, model
        if triggers_are_enough(model):
            continue
        columns = {c.site_column for c in collections if not c.compares_rows}
        if len(columns) == 1 and (column := columns.pop()):
            yield post_init, partial(stored.remember_site, column), model
        if _is_recorded_when_deleted(model):
            yield pre_delete, receivers.before_delete, model
            yield post_delete, receivers.after_delete, model
    for collection in registry:
        for field in relations.m2m_fields_of(collection):
            receiver = partial(receivers.after_m2m_change, collection, field)
            yield m2m_changed, receiver, field.remote_field.through


def triggers_are_enough(model: type[Model]) -> bool:
    """Return whether triggers record every change of ``model``, wherever it may be stored."""
    collections = registry.of_model(model)
    if not collections or any(collection.capture != "trigger" for collection in collections):
        return False
    return all(has_triggers(a) for a in connections if router.allow_migrate_model(a, model))


def _is_recorded_when_deleted(model: type[Model]) -> bool:
    # Django signals a deletion for the model and for each of its concrete parents, so each
    # collection is connected to its own model only, and to the proxies of that.
    return any(c.model._meta.concrete_model is model._meta.concrete_model for c in registry)
