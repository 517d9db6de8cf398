from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.models import Site
from spool_live.outbox import circuit

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("alive")]


def test_outage_is_told_with_its_reason_and_the_next_attempt() -> None:
    due = timezone.now() + timedelta(seconds=20)
    circuit.trip("default", "HTTP 503", failures=2, until=due)
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("live_status", stdout=out)
    text = " ".join(out.getvalue().split())
    assert "failing: Supabase does not answer (3 attempts failed" in text
    assert f"{due:%H:%M:%S}): HTTP 503" in text


def test_outage_that_is_over_is_not_mentioned() -> None:
    circuit.trip("default", "HTTP 503", failures=0, until=timezone.now())
    circuit.close("default")
    out = StringIO()
    call_command("live_status", stdout=out)
    assert out.getvalue().startswith("ok: updates flow.")


def test_delivery_by_hand_says_why_nothing_went() -> None:
    Site.objects.create(name="Courier")
    due = timezone.now() + timedelta(seconds=20)
    circuit.trip("default", "HTTP 503", failures=0, until=due)
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("live_deliver", format="json", stdout=out)
    assert f"next attempt at {due:%H:%M:%S}" in out.getvalue()
    assert MemoryBroadcaster.sites == {}
