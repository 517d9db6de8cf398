"""The Django app: imports the project's collections and connects the signals."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules

from spool_live.exceptions import SpoolLiveConfigurationError

try:
    import psycopg as _psycopg
except ImportError as error:
    # Raised before any model is loaded: there Django would only say that it cannot load psycopg.
    raise ImproperlyConfigured(
        "psycopg cannot load libpq, the client library of PostgreSQL: pip install"
        " 'spool-live[binary]', which brings one, or install the system's (libpq5 on Debian)."
    ) from error

del _psycopg


class SpoolLiveConfig(AppConfig):
    """``"spool_live"`` in ``INSTALLED_APPS``."""

    name = "spool_live"
    verbose_name = "Live updates"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import every app's ``live.py``, then connect the signals and register the checks."""
        from spool_live import capture, checks, nudge  # noqa: F401 - need loaded apps
        from spool_live.alerts import recording, tasks  # noqa: F401 - registers the task
        from spool_live.capture import scheduling, sites
        from spool_live.collections import registry_changed
        from spool_live.supabase.in_tests import spare_supabase

        autodiscover_modules("live")
        capture.connect_all()
        registry_changed.connect(_reconnect, dispatch_uid="spool_live.capture")
        sites.connect()
        with suppress(SpoolLiveConfigurationError):  # check E001 reports it
            spare_supabase()
        scheduling.connect()
        nudge.connect()
        recording.connect()
        post_migrate.connect(_provision, sender=self, dispatch_uid="spool_live.provision")
        post_migrate.connect(_install_triggers, sender=self, dispatch_uid="spool_live.triggers")


def _reconnect(**kwargs: Any) -> None:
    from spool_live import capture

    capture.connect_all()


def _provision(using: str, **kwargs: Any) -> None:
    from spool_live.supabase.databases import is_supabase_database
    from spool_live.supabase.provisioning import provision

    if is_supabase_database(using):
        provision(using)


def _install_triggers(using: str, **kwargs: Any) -> None:
    from spool_live.capture import triggers
    from spool_live.supabase.databases import content_databases

    if using in content_databases():
        triggers.install(using)
