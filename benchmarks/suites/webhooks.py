"""Webhooks: messages per second and processor time with one sender, and how long healthy endpoints
wait while others hang."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

from django.conf import settings
from django.db import connection, transaction
from django.test.utils import override_settings

from benchmarks.celery import post_webhook
from benchmarks.figures import Figure, over_rounds, percentiles, ratio_over_rounds
from benchmarks.naive_webhooks import post
from benchmarks.rig import Rig, running_worker
from spool_live import delivery, outbox, webhooks
from spool_live.local.processes import wait_until
from spool_live.models import OutboxEntry, Site
from spool_live.updates import EventType, LiveUpdateData
from spool_live.webhooks import background

SITES = 20
ENDPOINTS = 1_000
HANGING = 0.1
"""The share of endpoints that never answer."""
RATE = 20
"""Updates a second, each of another site, while some hang: few enough that none waits for the
process, which also records and numbers them, in the measurement alone."""
PATIENCE = 3.0
"""Seconds after which a request to an endpoint that hangs times out."""
LOOPBACK = {
    "WEBHOOK_ALLOWED_NETWORKS": ["127.0.0.0/8"],
    "WEBHOOK_PORTS": ["1024-65535"],
    "WEBHOOK_TIMEOUT": PATIENCE,
}


def run(rig: Rig) -> list[Figure]:
    """Measure one sending process, with receivers that answer at once or never."""
    with override_settings(SPOOL_LIVE={**settings.SPOOL_LIVE, **LOOPBACK}):
        count, rounds = rig.times(2_000, 100), rig.times(5, 2)
        sites = [_site(rig, f"site {n}", "hook") for n in range(SITES)]
        ours, theirs, our_cpu, their_cpu = [], [], [], []
        with running_worker():
            for _ in range(rounds):
                rate, seconds = _timed(rig, sites, count, _send)
                ours.append(rate)
                our_cpu.append(1e6 * seconds)
                theirs.append(_timed(rig, sites, count, _enqueue_each)[0])
                their_cpu.append(1e6 * _timed(rig, sites, count, _post_each)[1])
        alone = _waits(rig, "hook")
        beside = _waits(rig, "hang")
    expected = len(alone)
    p50, p95 = percentiles(beside, 0.5, 0.95, expected=expected)
    alone_p50, alone_p95 = percentiles(alone, 0.5, 0.95, expected=expected)
    return [
        Figure(
            "webhooks sent by one process",
            over_rounds(ours),
            "/s",
            peer="a Celery task a message, one worker",
            peer_value=over_rounds(theirs),
            more_is_better=True,
        ),
        Figure("webhooks, of one Celery task each", ratio_over_rounds(ours, theirs), "x"),
        Figure(
            "processor time of a webhook",
            over_rounds(our_cpu),
            "us",
            peer="requests.post alone, its task not counted",
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


def _record(sites: list[Site], each: int = 1) -> None:
    for site in sites:
        updates = [
            LiveUpdateData(
                EventType.UPDATED, "stories", uuid.uuid4(), "story", {"title": "s" * 200}
            )
            for _ in range(each)
        ]
        with transaction.atomic():
            outbox.record([(site.pk, update) for update in updates], using="default")


def _deliver() -> None:
    """Number the updates, so that only their webhooks are left to send."""
    delivery.deliver_and_mirror("default", pause=lambda seconds: None)


def _timed(
    rig: Rig, sites: list[Site], count: int, send: Callable[[Rig], None]
) -> tuple[float, float]:
    """Return messages per second, and seconds of processor time in this process for each."""
    _record(sites, count // len(sites))
    _deliver()
    rig.reset_receiver()
    started, used = time.perf_counter(), time.process_time()
    send(rig)
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


def _send(rig: Rig) -> None:
    webhooks.send_pending("default")


def _enqueue_each(rig: Rig) -> None:
    """Measure the naive variant: a Celery task for each message."""
    pks = list(OutboxEntry.objects.order_by("pk").values_list("pk", flat=True))
    for pk in pks:
        post_webhook.delay(pk)
    rig.wait_for_rows(len(pks), 120)


def _post_each(rig: Rig) -> None:
    """Measure the work of those tasks, without Celery."""
    for pk in OutboxEntry.objects.order_by("pk").values_list("pk", flat=True):
        post(pk)


def _waits(rig: Rig, others: str) -> list[float]:
    """Return the milliseconds from each commit to the arrival at its healthy endpoint, while the
    other endpoints get updates, too."""
    rig.start_over()
    count = rig.times(ENDPOINTS, 50)
    silent = int(count * HANGING)
    hanging = [_site(rig, f"other {n}", others) for n in range(silent)]
    healthy = [_site(rig, f"healthy {n}", "hook") for n in range(count - silent)]
    background.sender.reset()
    _record(hanging)
    _deliver()
    background.sender.wake("default")
    committed: dict[str, int] = {}
    begin = time.monotonic()
    for n, site in enumerate(healthy):
        time.sleep(max(0.0, begin + n / RATE - time.monotonic()))
        if n % 10 == 0:
            _record([hanging[n // 10 % silent]])
        _record([site])
        committed[f"/hook/{site.pk}"] = time.monotonic_ns()
        _deliver()
        background.sender.wake("default")
    wait_until(lambda: committed.keys() <= rig.stats()["seen"].keys(), 60)
    seen = rig.stats()["seen"]
    background.sender.finish(2 * PATIENCE)
    background.sender.reset()
    return [(seen[path] - at) / 1e6 for path, at in committed.items() if path in seen]
