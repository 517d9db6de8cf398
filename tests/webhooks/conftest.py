"""A site, a receiver on this machine, and an endpoint that leads there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from spool_live import webhooks
from spool_live.models import Site, WebhookEndpoint
from tests.outbox.conftest import Clock, clock
from tests.webhooks.receiving import LOOPBACK, Inbox, receiving

__all__ = ["Clock", "clock"]
MakeEndpoint = Callable[..., WebhookEndpoint]


@pytest.fixture(autouse=True)
def _loopback(live: Callable[..., None]) -> None:
    """Receivers of the tests are on this machine, at whatever port is free."""
    live(**LOOPBACK)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with receiving() as found:
        yield found


@pytest.fixture
def site(db: None) -> Site:
    return Site.objects.create(name="Courier")


@pytest.fixture
def make_endpoint(db: None) -> MakeEndpoint:
    """An endpoint of ``site`` that leads to ``inbox``, which knows the secret."""

    def make(site: Site, inbox: Inbox, **options: Any) -> WebhookEndpoint:
        endpoint, secret = webhooks.create_endpoint(site, inbox.url, **options)
        inbox.secret = str(secret)
        return endpoint

    return make


@pytest.fixture
def endpoint(make_endpoint: MakeEndpoint, site: Site, inbox: Inbox) -> WebhookEndpoint:
    return make_endpoint(site, inbox)
