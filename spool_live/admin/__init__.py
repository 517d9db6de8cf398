"""The admin: sites and their keys; the outbox to look at and to requeue from."""

from __future__ import annotations

from spool_live.admin.outbox import OutboxEntryAdmin
from spool_live.admin.sites import SiteAdmin, SiteApiKeyAdmin

__all__ = ["OutboxEntryAdmin", "SiteAdmin", "SiteApiKeyAdmin"]
