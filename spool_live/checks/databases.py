"""Checks of the databases: what is missing, and what Supabase's API exposes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Tags, Warning, register  # noqa: A004
from django.db import connections

from spool_live.collections import one_site
from spool_live.conf import live_settings
from spool_live.isolation import CannotVerifyError, Finding, exposures
from spool_live.models import Site
from spool_live.supabase.databases import content_databases, is_supabase_database
from spool_live.supabase.provisioning import missing


@register(Tags.database)
def check_provisioning(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Return what a Supabase database still lacks, in one message for each.

    Runs with ``check --database`` and ``migrate``, and before tests.
    """
    found: list[CheckMessage] = []
    for alias in databases or ():
        lacking = missing(alias) if is_supabase_database(alias) else []
        if lacking:
            names = ", ".join(step.step for step in lacking)
            remedies = dict.fromkeys(step.remedy for step in lacking)
            message = f"Not done yet on {alias!r}: {names}."
            found.append(Warning(message, hint="\n\t".join(remedies), id="spool_live.W010"))
    return found


@register(Tags.database)
def check_exposure(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Return what Supabase's API serves beside the feed. Runs with the checks of a database."""
    return [
        Warning(f"{found.subject}: {found.reason}.", hint=found.sql, id="spool_live.W011")
        for alias in databases or ()
        if is_supabase_database(alias)
        for found in _exposures(alias)
    ]


@register(Tags.database)
def check_site(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Warn if ``SITE`` is set, but does not name one existing site.

    Runs with the checks of a database.
    """
    named = live_settings().site
    if not named:
        return []
    condition = {"pk": one_site.site_id("")} if one_site.is_id() else {"name": named}
    found: list[CheckMessage] = []
    for alias in databases or ():
        if alias not in content_databases() or Site._meta.db_table not in _tables(alias):
            continue
        count = Site.objects.using(alias).filter(**condition).count()
        if count != 1:
            kind = "the name of more than one site" if count else "not a site"
            message = f"SPOOL_LIVE['SITE'] = {named!r} is {kind} on {alias!r}: nothing is recorded."
            hint = "Run manage.py live_site create NAME, and set SITE to that name or its id."
            found.append(Warning(message, hint=hint, id="spool_live.W022"))
    return found


def _tables(alias: str) -> list[str]:
    return connections[alias].introspection.table_names()


def _exposures(alias: str) -> list[Finding]:
    try:
        return exposures(alias)
    except CannotVerifyError:
        return []  # nothing is migrated yet: W010 reports it
