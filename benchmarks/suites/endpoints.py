"""The token endpoint beside an empty DRF view (G11), and catch-up (G12), in process."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.db import connection

from benchmarks.figures import Figure, over_rounds, ratio_over_rounds
from benchmarks.rig import Rig
from benchmarks.suites.delivery import fill_outbox
from spool_live import delivery, keys
from spool_live.delivery import mirror
from spool_live.models import OutboxEntry, Site

PAGE = 1000
ROUNDS = 5


def run(rig: Rig) -> list[Figure]:
    """Measure calls of the WSGI application."""
    rig.reset_receiver()
    site, _ = Site.objects.get_or_create(name="Site 0")
    _, plain = keys.create_key(site, name="bench")
    mirror.mirror_pending("default")
    call = _caller(get_wsgi_application(), str(plain))
    empty, token = [], []
    for _ in range(ROUNDS):
        empty.append(_timed(lambda: call("POST", "/empty/"), rig.times(140, 20)))
        token.append(_timed(lambda: call("POST", "/spool-live/token/"), rig.times(140, 20)))
    above = [1000 * (ours - bare) for ours, bare in zip(token, empty, strict=True)]
    return [
        Figure("G11 token endpoint", ratio_over_rounds(token, empty), "x empty DRF view", 2.2),
        Figure("token request above an empty DRF view", over_rounds(above), "ms", 3.0),
        *(_catch_up(site, call, count, goal) for count, goal in ((1000, 0.2), (10_000, 1.5))),
    ]


def _catch_up(site: Site, call: Callable[..., Any], count: int, goal: float) -> Figure:
    fill_outbox(count)
    OutboxEntry.objects.update(site_id=site.pk)
    delivery.deliver_pending("default", pause=lambda seconds: None)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE live_updates_outbox")
    first = OutboxEntry.objects.filter(site_id=site.pk).order_by("seq").values_list("seq")[0][0]
    started = time.perf_counter()
    assert first is not None
    after: int | None = first - 1
    seen = 0
    while after is not None:
        page = call("GET", "/spool-live/updates/", f"after={after}&limit={PAGE}")
        seen += len(page["results"])
        after = page["next"]
    assert seen == count, (seen, count)
    return Figure(f"G12 catch-up of {count} updates", time.perf_counter() - started, "s", goal)


def _caller(application: Any, key: str) -> Callable[..., Any]:
    def call(method: str, path: str, query: str = "") -> Any:
        status: list[str] = []
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "HTTP_AUTHORIZATION": f"Api-Key {key}",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.input": io.BytesIO(),
            "wsgi.url_scheme": "http",
            "wsgi.errors": io.StringIO(),
            "CONTENT_LENGTH": "0",
        }
        response = application(environ, lambda line, headers: status.append(line))
        body = b"".join(response)
        response.close()
        assert status[0].startswith("200"), (status, body)
        return json.loads(body)

    return call


def _timed(act: Callable[[], object], times: int) -> float:
    found = []
    for _ in range(times):
        started = time.perf_counter()
        act()
        found.append(time.perf_counter() - started)
    return median(found)
