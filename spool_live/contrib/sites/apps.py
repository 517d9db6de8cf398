"""The Django app: keeps live sites in step with the sites of ``django.contrib.sites``."""

from __future__ import annotations

from django.apps import AppConfig, apps
from django.db.models.signals import post_delete, post_migrate, post_save


class SitesConfig(AppConfig):
    """``"spool_live.contrib.sites"`` in ``INSTALLED_APPS``."""

    name = "spool_live.contrib.sites"
    label = "spool_live_sites"
    verbose_name = "Live updates for sites"

    def ready(self) -> None:
        """Connect to the sites of ``django.contrib.sites``; create live sites after ``migrate``."""
        from django.contrib.sites.models import Site  # noqa: PLC0415 - needs loaded apps

        from spool_live.contrib.sites import mapping  # noqa: PLC0415

        post_save.connect(mapping.saved, sender=Site, dispatch_uid=self.name)
        post_delete.connect(mapping.deleted, sender=Site, dispatch_uid=self.name)
        # Django sends no ``post_migrate`` for an app without models, as this one is. The last app
        # that has models is migrated after all others.
        last = [config for config in apps.get_app_configs() if config.models_module][-1]
        post_migrate.connect(mapping.migrated, sender=last, dispatch_uid=self.name)
