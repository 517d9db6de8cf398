"""The papers' webhooks, which the CMS sends to each paper's own server."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse

from demo_project.newsroom.models import Publication
from demo_project.state import Credentials
from spool_live import webhooks
from spool_live.models import WebhookEndpoint


def connect_webhook(publication: Publication, credentials: Credentials) -> None:
    """Create the paper's endpoint, or change its address to that of the server in this run."""
    path = reverse("newsroom:webhook", args=[publication.slug])
    url = f"{settings.NEWSROOM_URL}{path}"
    endpoints = WebhookEndpoint.objects.filter(site=publication.site_id, description="printed page")
    if publication.slug in credentials.webhook_secrets and endpoints.update(url=url):
        return
    endpoints.delete()
    _, secret = webhooks.create_endpoint(publication.site, url, description="printed page")
    credentials.webhook_secrets[publication.slug] = str(secret)
