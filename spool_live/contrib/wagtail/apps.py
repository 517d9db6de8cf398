"""The Django app: connects to the models and signals of Wagtail."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class WagtailLiveConfig(AppConfig):
    """``"spool_live.contrib.wagtail"`` in ``INSTALLED_APPS``."""

    name = "spool_live.contrib.wagtail"
    label = "spool_live_wagtail"
    verbose_name = "Live updates of Wagtail"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the signals and register the checks."""
        from spool_live.contrib.wagtail import checks, connection  # noqa: F401, PLC0415

        connection.connect()
        post_migrate.connect(_close_table, sender=self, dispatch_uid="spool_live.wagtail.closed")


def _close_table(using: str, **kwargs: Any) -> None:
    """Close the app's table to the API roles, which may be younger than its migration."""
    from spool_live.contrib.wagtail.models import SiteMapping  # noqa: PLC0415
    from spool_live.supabase import provisioning  # noqa: PLC0415
    from spool_live.supabase.databases import is_supabase_database  # noqa: PLC0415

    if is_supabase_database(using):
        provisioning.close_tables(using, [SiteMapping._meta.db_table])
