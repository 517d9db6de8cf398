"""Webhooks: messages a second and processor time with one sender, and how long healthy endpoints
wait while others hang."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable

import requests
from django.conf import settings
from django.db import connection
from django.test.utils import override_settings
from django.utils import timezone

from benchmarks.figures import Figure, over_rounds, percentiles, ratio_over_rounds
from benchmarks.rig import Rig
from spool_live import delivery, outbox, webhooks
from spool_live.models import OutboxEntry, Site
from spool_live.updates import EventType, LiveUpdateData
from spool_live.webhooks import messages, signing
from spool_live.webhooks.client import Client

SITES = 20
HEALTHY = 270
HANGING = 30
PATIENCE = 3.0
"""Seconds after which a request to an endpoint that hangs is given up."""
LOOPBACK = {
    "WEBHOOK_ALLOWED_NETWORKS": ["127.0.0.0/8"],
    "WEBHOOK_PORTS": ["1024-65535"],
    "WEBHOOK_TIMEOUT": PATIENCE,
}


def run(rig: Rig) -> list[Figure]:
    """One process sends; receivers answer at once, or never."""
    with override_settings(SPOOL_LIVE={**settings.SPOOL_LIVE, **LOOPBACK}):
        count, rounds = rig.times(2_000, 100), rig.times(5, 2)
        ours, theirs, our_cpu, their_cpu = [], [], [], []
        sites = [_site(rig, f"site {n}", "hook") for n in range(SITES)]
        for _ in range(rounds):
            for rates, cpu, send in ((ours, our_cpu, _send), (theirs, their_cpu, _post_each)):
                rate, seconds = _timed(rig, sites, count, send)
                rates.append(rate)
                cpu.append(1e6 * seconds)
        alone = _waits(rig, hanging=False)
        beside = _waits(rig, hanging=True)
    p50, p95 = percentiles(beside, 0.5, 0.95, expected=HEALTHY)
    alone_p50, alone_p95 = percentiles(alone, 0.5, 0.95, expected=HEALTHY)
    peer = "requests.post a message, its Celery task not counted"
    return [
        Figure(
            "webhooks sent by one process",
            over_rounds(ours),
            "/s",
            peer=peer,
            peer_value=over_rounds(theirs),
            more_is_better=True,
        ),
        Figure("webhooks, of one requests.post each", ratio_over_rounds(ours, theirs), "x"),
        Figure(
            "processor time of a webhook",
            over_rounds(our_cpu),
            "us",
            peer=peer,
            peer_value=over_rounds(their_cpu),
        ),
        Figure(
            "healthy endpoint, 10 % hang, p50", p50, "ms", peer="none hangs", peer_value=alone_p50
        ),
        Figure(
            "healthy endpoint, 10 % hang, p95", p95, "ms", peer="none hangs", peer_value=alone_p95
        ),
    ]


def _site(rig: Rig, name: str, kind: str) -> Site:
    site = Site.objects.create(name=name)
    url = f"http://127.0.0.1:{rig.receiver_port}/{kind}/{site.pk}"
    webhooks.create_endpoint(site, url)
    return site


def _record(sites: list[Site], each: int) -> None:
    """Updates that have their number, and nothing but their webhook is left to do."""
    for site in sites:
        updates = [
            LiveUpdateData(
                EventType.UPDATED, "stories", uuid.uuid4(), "story", {"title": "s" * 200}
            )
            for _ in range(each)
        ]
        outbox.record([(site.pk, update) for update in updates], using="default")
    delivery.deliver_and_mirror("default", pause=lambda seconds: None)


def _timed(
    rig: Rig, sites: list[Site], count: int, send: Callable[[list[Site]], None]
) -> tuple[float, float]:
    """Messages a second, and seconds of this process' processor time for one."""
    _record(sites, count // len(sites))
    rig.reset_receiver()
    started, used = time.perf_counter(), time.process_time()
    send(sites)
    seconds, used = time.perf_counter() - started, time.process_time() - used
    found = rig.stats()["rows"]
    assert found == count // len(sites) * len(sites), found
    _clear()
    return found / seconds, used / found


def _clear() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE live_webhook_deliveries SET cursor_seq = 1000000000")
        cursor.execute("TRUNCATE live_updates_outbox, live_webhook_attempts, live_webhook_messages")
        cursor.execute(
            "UPDATE live_webhook_deliveries d SET cursor_seq = s.last_seq "
            "FROM live_webhook_endpoints e JOIN live_site_deliveries s USING (site_id) "
            "WHERE e.id = d.endpoint_id"
        )


def _send(sites: list[Site]) -> None:
    webhooks.send_pending("default")


def _post_each(sites: list[Site]) -> None:
    """What a site writes first: a task reads its row, signs, and posts over a new connection."""
    secret = signing.new_hmac_secret()
    urls = {site.pk: site.webhook_endpoints.get().url for site in sites}
    for pk in OutboxEntry.objects.order_by("pk").values_list("pk", flat=True):
        entry = OutboxEntry.objects.get(pk=pk)
        body = messages.body(entry.as_update())
        headers = signing.sign([secret], str(entry.update_id), timezone.now(), body)
        requests.post(urls[entry.site_id], body.encode(), headers=headers, timeout=15)


def _waits(rig: Rig, *, hanging: bool) -> list[float]:
    """Milliseconds from the start of sending to the arrival at each healthy endpoint."""
    rig.start_over()
    client = Client()
    healthy = [_site(rig, f"healthy {n}", "hook") for n in range(HEALTHY)]
    others = [_site(rig, f"other {n}", "hang" if hanging else "hook") for n in range(HANGING)]
    _record([*others, *healthy], 1)
    rig.reset_receiver()
    started = time.monotonic_ns()
    sender = threading.Thread(target=_send_and_close, args=(client,))
    sender.start()
    sender.join()
    seen = rig.stats()["seen"]
    client.close()
    paths = [f"/hook/{site.pk}" for site in healthy]
    return [(seen[path] - started) / 1e6 for path in paths if path in seen]


def _send_and_close(client: Client) -> None:
    try:
        webhooks.send_pending("default", client=client)
    finally:
        connection.close()
