"""Which live site a Wagtail site is mapped to."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class SiteMapping(models.Model):
    """A Wagtail site, and the live site whose subscribers get the updates of its pages. Several
    Wagtail sites (hostnames of one tenant) may be one live site."""

    wagtail_site = models.OneToOneField(
        "wagtailcore.Site",
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="live_mapping",
        verbose_name=_("Wagtail site"),
    )
    site = models.ForeignKey(
        "spool_live.Site",
        on_delete=models.CASCADE,
        related_name="wagtail_mappings",
        verbose_name=_("live site"),
    )

    objects: ClassVar[models.Manager[SiteMapping]] = models.Manager()

    class Meta:
        db_table = "live_wagtail_sites"
        verbose_name = _("mapping of a Wagtail site")
        verbose_name_plural = _("mappings of Wagtail sites")

    def __str__(self) -> str:
        return f"{self.wagtail_site} → {self.site}"
