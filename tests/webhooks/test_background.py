"""The thread that sends beside everything else."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from spool_live.delivery import deliver_and_mirror
from spool_live.models import Site
from spool_live.webhooks import turn
from spool_live.webhooks.background import Sender
from tests.outbox.conftest import waiting
from tests.waiting import comes_true
from tests.webhooks.conftest import MakeEndpoint
from tests.webhooks.receiving import Inbox, receiving

wake = Sender.wake
"""As it is: the suite's own is silent."""


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_what_is_recorded_while_a_receiver_hangs_goes_at_once(
    site: Site,
    make_endpoint: MakeEndpoint,
    inbox: Inbox,
    live: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    live(WEBHOOK_TIMEOUT=120)
    monkeypatch.setattr(turn, "LOOK_EVERY", 60.0)
    monkeypatch.setattr(Sender, "wake", wake)
    make_endpoint(site, inbox)
    arrived, ends = threading.Event(), threading.Event()
    sender = Sender()

    def hang(body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str]]:
        arrived.set()
        ends.wait(60)
        return 204, {}

    with receiving() as silent:
        monkeypatch.setattr(silent, "take", hang)
        other = Site.objects.create(name="Silent")
        make_endpoint(other, silent)
        try:
            waiting(other)
            deliver_and_mirror("default")
            sender.wake("default")
            assert arrived.wait(30)
            waiting(site)
            deliver_and_mirror("default")
            sender.wake("default")
            assert comes_true(lambda: inbox.events, 30)
        finally:
            ends.set()
            sender.finish(30)
