"""Two web processes and two workers: what each of them counts is in one sum."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from spool_live import keys
from spool_live.broadcasters.supabase import SupabaseBroadcaster
from spool_live.delivery import mirror
from spool_live.local.config import LocalSupabaseConfig
from spool_live.local.processes import free_port, wait_until
from spool_live.models import OutboxEntry, Site
from tests.worker.processes import Project

pytestmark = [pytest.mark.django_db(transaction=True, databases="__all__"), pytest.mark.slow]
REAL = f"{SupabaseBroadcaster.__module__}.{SupabaseBroadcaster.__qualname__}"
METRICS_TOKEN = "m" * 32
EDITS, TOKENS, CATCH_UPS, REFUSED = 6, 7, 5, 3


def sums(url: str) -> dict[str, float]:
    """What a web process says of all of them."""
    answer = httpx.get(f"{url}metrics/", headers={"Authorization": f"Bearer {METRICS_TOKEN}"})
    answer.raise_for_status()
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            if sample.name.endswith(("_total", "_count")):
                found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found


@pytest.mark.usefixtures("nothing_counted")
def test_sums_are_right_over_web_processes_and_workers(
    suite_supabase: LocalSupabaseConfig, tmp_path: Path
) -> None:
    project = Project(tmp_path, free_port(), BROADCASTER=REAL, METRICS_TOKEN=METRICS_TOKEN)
    site = Site.objects.create(name="Courier")
    _, plain = keys.create_key(site, name="front end")
    mirror.mirror_pending("default", SupabaseBroadcaster())
    good, bad = {"Authorization": f"Api-Key {plain}"}, {"Authorization": "Api-Key nonsense"}
    with ExitStack() as stack:
        stack.enter_context(project.broker())
        for _ in range(2):
            stack.enter_context(project.worker())
        webs = [stack.enter_context(project.web()) for _ in range(2)]
        for number in range(EDITS):
            project.edit(site.pk, f"article-{number}")
        for number in range(TOKENS):
            assert httpx.post(f"{webs[number % 2]}token/", headers=good).status_code == 200
        for number in range(CATCH_UPS):
            page = httpx.get(f"{webs[number % 2]}updates/?after=0", headers=good)
            assert page.status_code == 200
        for number in range(REFUSED):
            assert httpx.post(f"{webs[number % 2]}token/", headers=bad).status_code == 401
        wait_until(lambda: OutboxEntry.objects.filter(state="delivered").count() == EDITS)
        expected = {
            "spool_live_updates_total": EDITS,
            "spool_live_delivery_seconds_count": EDITS,
            "spool_live_tokens_total": TOKENS,
            "spool_live_catch_ups_total": CATCH_UPS,
            "spool_live_failed_authentications_total": REFUSED,
        }
        wait_until(lambda: expected.items() <= sums(webs[0]).items(), within=20)
        assert {name: sums(webs[1])[name] for name in expected} == expected
