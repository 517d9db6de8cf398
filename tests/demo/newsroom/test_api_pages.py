"""The demo serves the API's description as a page, and its metrics."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client

pytestmark = pytest.mark.django_db


def test_page_of_the_api_needs_nothing_from_elsewhere(client: Client) -> None:
    page = client.get("/spool-live/docs/").content.decode()
    assert "/spool\\u002Dlive/schema/" in page
    addresses = re.findall(r"(?:src|href)=\"([^\"]+)\"", page)
    assert addresses
    for address in addresses:
        assert finders.find(address.removeprefix("/static/")), address


def test_schema_describes_the_api(client: Client) -> None:
    document = client.get("/spool-live/schema/").json()
    assert "/spool-live/token/" in document["paths"]


def test_metrics_are_for_whoever_has_the_token(client: Client) -> None:
    token = settings.SPOOL_LIVE["METRICS_TOKEN"]
    assert client.get("/spool-live/metrics/").status_code == 401
    answer = client.get("/spool-live/metrics/", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert "spool_live_state" in answer.content.decode()
