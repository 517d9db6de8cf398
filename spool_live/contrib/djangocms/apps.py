"""The Django app: records changes of the pages of django CMS."""

from __future__ import annotations

from django.apps import AppConfig


class DjangoCMSConfig(AppConfig):
    """``"spool_live.contrib.djangocms"`` in ``INSTALLED_APPS``."""

    name = "spool_live.contrib.djangocms"
    label = "spool_live_djangocms"
    verbose_name = "Live updates of pages"

    def ready(self) -> None:
        """Wrap the methods that change pages."""
        from spool_live.contrib.djangocms import operations  # noqa: PLC0415 - needs loaded apps

        operations.connect()
