"""Receivers of a model whose changes triggers record: they record the rest, and wake a worker.

On an alias that is no PostgreSQL there are no triggers: there the signals record as they always do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.db import connections as databases
from django.db import router
from django.db.models import Model
from django.db.models.signals import post_save, pre_delete, pre_save

from spool_live import outbox
from spool_live.capture import receivers, stored
from spool_live.capture.plan import Plan
from spool_live.collections import has_triggers, registry


def are_enough(model: type[Model]) -> bool:
    """Whether triggers record every change of ``model``, wherever it may be stored: then no signal
    has to be heard at all."""
    collections = registry.of_model(model)
    if not collections or any(collection.capture != "trigger" for collection in collections):
        return False
    return all(has_triggers(a) for a in databases if router.allow_migrate_model(a, model))


def connections(
    model: type[Model], everywhere: Plan, beside: Plan
) -> Iterator[tuple[Any, Callable[..., None], Any]]:
    """What to connect for ``model``: ``everywhere`` is the plan where there are no triggers,
    ``beside`` the one that leaves out what they record."""
    yield pre_save, partial(before_save, everywhere, beside), model
    yield post_save, partial(after_save, everywhere, beside), model
    yield pre_delete, wake, model


def before_save(
    everywhere: Plan, beside: Plan, /, instance: Model, raw: bool, using: str, **kwargs: Any
) -> None:
    """Remembers what a collection needs that the signals record on ``using``."""
    plan = beside if has_triggers(using) else everywhere
    if plan.collections:
        receivers.before_save(plan, instance=instance, raw=raw, using=using, **kwargs)
    else:
        stored.mark_fixture(instance, raw=raw)


def after_save(everywhere: Plan, beside: Plan, /, using: str, **kwargs: Any) -> None:
    """Records for the collections that the signals record on ``using``."""
    plan = beside if has_triggers(using) else everywhere
    if plan.collections:
        receivers.after_save(plan, using=using, **kwargs)
    wake(using)


def wake(using: str, **kwargs: Any) -> None:
    """Tells a worker, after the commit, of what the triggers record."""
    if has_triggers(using):
        outbox.announce(using=using)
