"""Connects the receivers to exactly the models that a registered collection speaks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.apps import apps
from django.db.models import Model
from django.db.models.signals import (
    m2m_changed,
    post_delete,
    post_init,
    post_save,
    pre_delete,
    pre_save,
)

from spool_live.capture import receivers, relations, stored, trigger_receivers
from spool_live.capture.plan import plan_of
from spool_live.capture.transactions import (
    call_after_save,
    save_in_transaction,
    stop_saving_in_transaction,
)
from spool_live.collections import registry
from spool_live.models import Site

_connected: list[tuple[Any, Callable[..., None], Any]] = []


def connect_all() -> None:
    """Hears every model of every registered collection, and nothing that was heard before."""
    disconnect_all()
    save_in_transaction(Site)
    for collection in registry:
        if trigger_receivers.are_enough(collection.model):
            call_after_save(collection.model, trigger_receivers.wake)
        else:
            save_in_transaction(collection.model, registry.recorded_by_signals)
    for signal, receiver, sender in _connections():
        signal.connect(receiver, sender=sender, weak=False)
        _connected.append((signal, receiver, sender))


def disconnect_all() -> None:
    """Hears nothing any more."""
    while _connected:
        signal, receiver, sender = _connected.pop()
        signal.disconnect(receiver, sender=sender)
    stop_saving_in_transaction()


def _connections() -> Iterator[tuple[Any, Callable[..., None], Any]]:
    for model in apps.get_models():
        everywhere, plan = plan_of(model), plan_of(model, signals_only=True)
        if trigger_receivers.are_enough(model):
            yield pre_delete, trigger_receivers.wake, model
            continue
        if everywhere != plan:
            yield from trigger_receivers.connections(model, everywhere, plan)
        elif plan.collections:
            yield pre_save, partial(receivers.before_save, plan), model
            yield post_save, partial(receivers.after_save, plan), model
        if any(not collection.compares_rows for collection in plan.collections):
            yield post_init, partial(stored.remember_site, plan), model
        if _is_announced_when_deleted(model):
            yield pre_delete, receivers.before_delete, model
            yield post_delete, receivers.after_delete, model
    for collection in registry:
        for field in relations.m2m_fields_of(collection):
            receiver = partial(receivers.after_m2m_change, collection, field)
            yield m2m_changed, receiver, field.remote_field.through


def _is_announced_when_deleted(model: type[Model]) -> bool:
    # A deletion is signalled for the model and for each of its concrete parents: each collection
    # hears its own model, and its proxies.
    return any(c.model._meta.concrete_model is model._meta.concrete_model for c in registry)
