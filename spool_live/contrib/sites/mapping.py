"""Live sites for the sites of ``django.contrib.sites``, and how they are kept in step."""

from __future__ import annotations

from typing import Any

from django.contrib.sites.models import Site as DjangoSite
from django.db import connections

from spool_live.collections import django_sites
from spool_live.models import Site
from spool_live.supabase.databases import content_databases


def sync(using: str) -> list[tuple[DjangoSite, Site, bool]]:
    """Create and rename live sites after Django's sites on ``using``. Return for each of those the
    Django site, its live site, and whether this was created or renamed. Other live sites are left
    alone."""
    return [(site, *_sync(site, using)) for site in DjangoSite.objects.using(using).order_by("pk")]


def saved(instance: DjangoSite, using: str, **kwargs: Any) -> None:
    """Create or rename the live site of a Django site (receiver of ``post_save``), also for
    fixtures: without a live site nothing could be recorded."""
    if _has_tables(using):
        _sync(instance, using)


def deleted(instance: DjangoSite, using: str, **kwargs: Any) -> None:
    """Delete the live site of a deleted Django site, with its API keys and waiting updates
    (receiver of ``post_delete``)."""
    Site.objects.using(using).filter(pk=django_sites.mapped(instance.pk)).delete()


def migrated(using: str, **kwargs: Any) -> None:
    """Create live sites for Django sites that are older than this app (receiver of
    ``post_migrate``)."""
    tables = _tables(using)
    if using in content_databases() and {DjangoSite._meta.db_table} <= tables:
        sync(using)


def _sync(django_site: DjangoSite, using: str) -> tuple[Site, bool]:
    name = django_site.domain or django_site.name
    live_site, is_new = Site.objects.using(using).get_or_create(
        pk=django_sites.mapped(django_site.pk), defaults={"name": name}
    )
    is_renamed = live_site.name != name
    if is_renamed:
        live_site.name = name
        live_site.save(using=using)
    return live_site, is_new or is_renamed


def _has_tables(using: str) -> bool:
    """Return whether the table of live sites exists: ``migrate`` saves the first Django site on a
    database that may not have it yet."""
    return Site._meta.db_table in _tables(using)


def _tables(using: str) -> set[str]:
    return set(connections[using].introspection.table_names())
