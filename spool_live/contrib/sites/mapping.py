"""Which of our sites stands for which of Django's, and how they are kept in step."""

from __future__ import annotations

from typing import Any

from django.contrib.sites.models import Site as DjangoSite
from django.db import connections

from spool_live.collections import django_sites
from spool_live.models import Site
from spool_live.supabase.databases import content_databases


def sync(using: str) -> list[tuple[DjangoSite, Site, bool]]:
    """Make and rename our sites after those of Django's on ``using``. Returns each of these, ours,
    and whether it was made or renamed. Our other sites are left alone."""
    return [
        (other, *_sync(other, using)) for other in DjangoSite.objects.using(using).order_by("pk")
    ]


def saved(instance: DjangoSite, using: str, **kwargs: Any) -> None:
    """Receiver of ``post_save``. Fixtures too: without our site nothing could be recorded."""
    if _has_tables(using):
        _sync(instance, using)


def deleted(instance: DjangoSite, using: str, **kwargs: Any) -> None:
    """Receiver of ``post_delete``: with the site go its API keys, and what waits for it."""
    Site.objects.using(using).filter(pk=django_sites.mapped(instance.pk)).delete()


def migrated(using: str, **kwargs: Any) -> None:
    """Receiver of ``post_migrate``: sites that were there before this app."""
    tables = _tables(using)
    if using in content_databases() and {DjangoSite._meta.db_table} <= tables:
        sync(using)


def _sync(other: DjangoSite, using: str) -> tuple[Site, bool]:
    name = other.domain or other.name
    ours, is_new = Site.objects.using(using).get_or_create(
        pk=django_sites.mapped(other.pk), defaults={"name": name}
    )
    is_renamed = ours.name != name
    if is_renamed:
        ours.name = name
        ours.save(using=using)
    return ours, is_new or is_renamed


def _has_tables(using: str) -> bool:
    """Return whether to wait: ``migrate`` saves the first site, on a database where ours may not be
    yet."""
    return Site._meta.db_table in _tables(using)


def _tables(using: str) -> set[str]:
    return set(connections[using].introspection.table_names())
