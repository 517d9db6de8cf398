"""Pages of Django's admin: sites, API keys and their audit trail, failed authentications, the
outbox, webhooks, alerts, the dashboard, and the reports of the isolation checks."""

from __future__ import annotations

from spool_live.admin.alerts import AlertEpisodeAdmin
from spool_live.admin.api_keys import SiteApiKeyAdmin
from spool_live.admin.dashboard import DashboardAdmin
from spool_live.admin.isolation import IsolationReportAdmin
from spool_live.admin.live_updates import LiveUpdateAdmin
from spool_live.admin.outbox import OutboxEntryAdmin
from spool_live.admin.records import (
    ApiKeyEventAdmin,
    FailedAuthenticationAdmin,
    OperatorEventAdmin,
    OutboxEventAdmin,
)
from spool_live.admin.sites import SiteAdmin
from spool_live.admin.webhook_log import WebhookAttemptAdmin, WebhookMessageAdmin
from spool_live.admin.webhooks import WebhookEndpointAdmin

__all__ = [
    "AlertEpisodeAdmin",
    "ApiKeyEventAdmin",
    "DashboardAdmin",
    "FailedAuthenticationAdmin",
    "IsolationReportAdmin",
    "LiveUpdateAdmin",
    "OperatorEventAdmin",
    "OutboxEntryAdmin",
    "OutboxEventAdmin",
    "SiteAdmin",
    "SiteApiKeyAdmin",
    "WebhookAttemptAdmin",
    "WebhookEndpointAdmin",
    "WebhookMessageAdmin",
]
