"""The whole road on one machine: API, worker, local Supabase and subscribers, each a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.rig import Rig, child, running_worker
from spool_live.local.processes import wait_until

Arrival = tuple[int, int]
"""``metadata.n`` of an update, and its time of arrival in nanoseconds on CLOCK_MONOTONIC."""


@dataclass
class Road:
    """A running road for one fresh site."""

    rig: Rig
    site: Any
    api_url: str
    api_key: str = field(repr=False)
    environment: dict[str, str] = field(repr=False)
    """The environment of processes that use this road's Supabase."""
    _next: int = 0

    @contextmanager
    def subscribers(
        self, kind: str, count: int, mode: str = "broadcast"
    ) -> Iterator[Callable[[int], dict[str, Any]]]:
        """Run ``count`` subscribers in another process until all are live, and yield a function
        that returns a number of arrivals (see ``benchmarks.subscribers``)."""
        job = {"kind": kind, "count": count, "mode": mode, "site_id": str(self.site.pk)}
        job |= {"api_url": self.api_url, "api_key": self.api_key}
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.subscribers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin
        assert process.stdout

        def ask(line: str) -> str:
            assert process.stdin
            assert process.stdout
            process.stdin.write(f"{line}\n")
            process.stdin.flush()
            if not (answer := process.stdout.readline()):
                raise RuntimeError("the subscribers ended; their output is above")
            return answer

        try:
            ask(json.dumps(job))
            yield lambda arrivals: json.loads(ask(str(arrivals)))
        finally:
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()

    def edits(self, count: int, pause: float) -> dict[int, int]:
        """Save one story several times, as the admin does; return the times of the commits by
        ``metadata.n``."""
        from django.db import transaction

        from benchmarks.newsroom.models import LiveStory

        story = LiveStory(
            site=self.site, title="Story", slug="story", summary="s" * 200, body="b" * 1000
        )
        committed: dict[int, int] = {}
        for n in self.numbers(count):
            time.sleep(pause)
            story.views = n
            with transaction.atomic():
                story.save()
            committed[n] = time.monotonic_ns()
        return committed

    def numbers(self, count: int) -> range:
        """Return unused numbers for ``count`` updates."""
        self._next += count
        return range(self._next - count + 1, self._next + 1)


def latencies(committed: dict[int, int], arrivals: list[Arrival]) -> list[float]:
    """Return the milliseconds from commit to callback, for all subscribers and updates."""
    return [(at - committed[n]) / 1e6 for n, at in arrivals if n in committed]


@contextmanager
def running_road(rig: Rig, name: str, *, worker: bool = True) -> Iterator[Road]:
    """Start the road for a new site called ``name``; in the block, Django uses the local Supabase.
    With ``worker``, there are a Celery worker and nudges."""
    from django.conf import settings
    from django.db import connection
    from django.test.utils import override_settings

    import benchmarks.celery  # noqa: F401  # before the first nudge asks for the app
    from benchmarks.settings import supabase_settings
    from spool_live import keys
    from spool_live.delivery import mirror
    from spool_live.local.processes import free_port
    from spool_live.models import Site

    config = rig.config
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE live_updates_outbox")
    supabase = {
        "supabase_url": config.url,
        "publishable_key": config.publishable_key,
        "secret_key": config.secret_key,
        "jwt_secret": config.jwt_secret,
    }
    configuration = json.dumps({**json.loads(os.environ["SPOOL_LIVE_BENCH"]), **supabase})
    api_port = free_port()
    api = [sys.executable, "-m", "uvicorn", "django.core.asgi:get_asgi_application", "--factory"]
    api += ["--port", str(api_port), "--lifespan", "off", "--log-level", "warning"]
    changed = {**settings.SPOOL_LIVE, **supabase_settings(supabase), "NUDGE": worker}
    with (
        _running_gateway(rig),
        child([*api, "--no-access-log"], SPOOL_LIVE_BENCH=configuration),
        override_settings(SPOOL_LIVE=changed),
    ):
        site = Site.objects.create(name=name)
        _, plain = keys.create_key(site, name="bench")
        mirror.mirror_pending("default")
        api_key = str(getattr(plain, "reveal", lambda: plain)())
        api_url = f"http://127.0.0.1:{api_port}/spool-live/"
        road = Road(rig, site, api_url, api_key, {**os.environ, "SPOOL_LIVE_BENCH": configuration})
        wait_until(lambda: _answers(f"{road.api_url}site/", api_key), 30)
        if not worker:
            yield road
            return
        with running_worker(SPOOL_LIVE_BENCH=configuration):
            yield road


@contextmanager
def _running_gateway(rig: Rig) -> Iterator[None]:
    values = {name: v for name, v in vars(rig.config).items() if isinstance(v, str | int | Path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.gateway"], stdin=subprocess.PIPE, text=True
    )
    assert process.stdin
    try:
        process.stdin.write(f"{json.dumps(values, default=str)}\n")
        process.stdin.flush()
        wait_until(lambda: process.poll() is not None or _answers(rig.config.url), 60)
        yield
    finally:
        process.kill()
        process.wait()
        process.stdin.close()


def _answers(url: str, api_key: str = "") -> bool:
    headers = {"Authorization": f"Api-Key {api_key}"} if api_key else {}
    try:
        urllib.request.urlopen(urllib.request.Request(url, headers=headers)).close()
    except urllib.error.HTTPError:
        return not api_key
    except OSError:
        return False
    return True
