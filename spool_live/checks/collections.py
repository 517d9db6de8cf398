"""Checks of the declarations of collections, and of the triggers that follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004

from spool_live.capture import declarations, triggers
from spool_live.collections import registry
from spool_live.exceptions import SpoolLiveConfigurationError
from spool_live.supabase.databases import content_databases
from spool_live.tags import CACHE_TAGS


@register(Tags.models)
def check_collections(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return the invalid declarations of collections, and those that a trigger cannot implement."""
    return [
        Error(f"{collection!r}: {fault.problem}.", hint=fault.remedy, id="spool_live.E015")
        for collection in registry
        for fault in triggers.faults_of(collection)
    ]


@register(Tags.models)
def check_cache_tags(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Warn of a project's own metadata under the name of the cache tags."""
    return [
        Warning(
            f"{collection!r}: metadata_fields has {CACHE_TAGS!r}, which takes the place of the "
            "tags that a change makes stale.",
            hint=f"Give it another name: metadata_fields = {{'my_tags': {CACHE_TAGS!r}}}.",
            id="spool_live.W017",
        )
        for collection in registry
        if CACHE_TAGS in collection.metadata_fields
    ]


@register(Tags.models)
def check_silent_changes(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Warn of changes of items that the database or Django makes without a signal."""
    return [
        Warning(f"{collection!r}: {fault.problem}.", hint=fault.remedy, id="spool_live.W014")
        for collection in registry
        for fault in declarations.silent_changes(collection)
    ]


@register(Tags.database)
def check_triggers(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Warn of triggers that differ from the declarations. Runs with the checks of a database."""
    return [
        Warning(
            f"The trigger {found.trigger} on {found.table!r} of {alias!r} is {found.state.value}.",
            hint=f"{found.detail or 'Changes may go unrecorded'}: run manage.py migrate, or "
            "manage.py live_triggers --install.",
            id="spool_live.W012",
        )
        for alias in databases or ()
        if alias in content_databases()
        for found in _statuses(alias)
        if found.state is not triggers.TriggerState.INSTALLED
    ]


def _statuses(alias: str) -> list[triggers.TriggerStatus]:
    try:
        return triggers.status(alias)
    except SpoolLiveConfigurationError:
        return []  # E015 reports it
