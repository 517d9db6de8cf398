"""Each part of a running demo is broken on purpose: whoever asks is told the same true thing.

Within half a minute the admin, ``live_status``, ``health/status/``, the metrics and one alert
agree, and ``health/ready/`` says what it should; after the repair all is ok, and one notice says
so.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from spool_live.local.processes import free_port, wait_until
from tests.demo.running import REPOSITORY, RunningDemo, running_demo
from tests.worker.processes import find_valkey

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
WITHIN = 30.0
RECOVERS_WITHIN = 90.0
Break = Callable[["Newsroom"], Any]


class Newsroom:
    """A running demo, asked in every way that there is."""

    def __init__(self, demo: RunningDemo, cache: subprocess.Popen[bytes]) -> None:
        self.demo = demo
        self.cache = cache
        ready = demo.ready
        self.web = ready["admin_url"].removesuffix("admin/")
        self.bearer = {"Authorization": f"Bearer {ready['metrics_token']}"}
        self.browser = httpx.Client(follow_redirects=True, timeout=20, trust_env=False)
        form = {"username": ready["username"], "password": ready["password"], "next": "/admin/"}
        login = f"{ready['admin_url']}login/"
        self.browser.get(login)
        token = self.browser.cookies["csrftoken"]
        answer = self.browser.post(
            login, data={**form, "csrfmiddlewaretoken": token}, headers={"Referer": login}
        )
        assert answer.status_code == 200
        self.database = psycopg.connect(ready["database_url"], autocommit=True)

    def close(self) -> None:
        self.browser.close()
        self.database.close()

    @property
    def site(self) -> dict[str, Any]:
        return self.demo.sites[0]

    def edit(self) -> None:
        """One edit, recorded and committed."""
        self.python(
            "import uuid; from spool_live import *; "
            f"broadcast_update('{self.site['id']}', "
            "LiveUpdateData(EventType.UPDATED, 'articles', uuid.uuid4()))"
        )

    def python(self, code: str) -> str:
        return self.demo.manage("shell", "-v0", "-c", code)

    def in_admin(self) -> str:
        page = self.browser.get(f"{self.web}admin/spool_live/site/")
        return re.sub(r"<[^>]*>", " ", page.text)

    def ready(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.browser.get(f"{self.web}spool-live/health/ready/").json()
        return answer

    def status(self) -> tuple[int, str, list[str]]:
        """Status code, state and kinds of problems."""
        answer = self.browser.get(f"{self.web}spool-live/health/status/", headers=self.bearer)
        body = answer.json()
        return answer.status_code, body["state"], [p["kind"] for p in body["problems"]]

    def public_status(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.browser.get(f"{self.web}spool-live/health/status/").json()
        return answer

    def metrics(self) -> str:
        return self.browser.get(f"{self.web}spool-live/metrics/", headers=self.bearer).text

    def command(self) -> tuple[int, dict[str, Any]]:
        """Exit code and JSON of ``live_status``."""
        done = subprocess.run(
            (sys.executable, "manage.py", "live_status", "--format", "json"),
            cwd=REPOSITORY,
            env=self.demo._environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, json.loads(done.stdout)

    def notices(self) -> list[tuple[str, str]]:
        """Kind and rule of each notice that was sent, oldest first."""
        with self.database.cursor() as cursor:
            cursor.execute(
                "select n.kind, e.rule from live_alert_notices n "
                "join live_alert_episodes e on e.id = n.episode_id "
                "where n.sent_at is not null order by n.id"
            )
            return cursor.fetchall()

    def pids(self, *words: str) -> list[int]:
        """The processes of the demo whose command line holds all ``words``."""
        found = []
        for pid in self.demo.pids:
            try:
                line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if all(word in line for word in words):
                found.append(pid)
        assert found, words
        return found


@contextmanager
def frozen(newsroom: Newsroom, *words: str) -> Iterator[None]:
    pids = newsroom.pids(*words)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def no_worker(newsroom: Newsroom) -> Iterator[None]:
    with frozen(newsroom, "celery", "worker"):
        newsroom.edit()
        yield


@contextmanager
def no_sweep(newsroom: Newsroom) -> Iterator[None]:
    with frozen(newsroom, "celery", "beat"):
        yield


@contextmanager
def no_broker(newsroom: Newsroom) -> Iterator[None]:
    with frozen(newsroom, "-server 127.0.0.1"):
        yield


@contextmanager
def no_cache(newsroom: Newsroom) -> Iterator[None]:
    newsroom.cache.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        newsroom.cache.send_signal(signal.SIGCONT)


@contextmanager
def no_supabase(newsroom: Newsroom) -> Iterator[None]:
    with frozen(newsroom, "local_supabase"):
        newsroom.edit()
        yield


@contextmanager
def slow_database(newsroom: Newsroom) -> Iterator[None]:
    with psycopg.connect(newsroom.demo.ready["database_url"]) as blocker:
        blocker.execute("lock table live_delivery_circuit in access exclusive mode")
        yield
        blocker.rollback()


@contextmanager
def dead_update(newsroom: Newsroom) -> Iterator[None]:
    newsroom.edit()
    newsroom.database.execute(
        "update live_updates_outbox set state = 'dead', last_error = 'value too long' "
        "where id = (select max(id) from live_updates_outbox)"
    )
    yield
    newsroom.demo.manage("live_requeue")


@contextmanager
def blocked_cleanup(newsroom: Newsroom) -> Iterator[None]:
    rename = "alter function public.spool_live_cleanup{} rename to spool_live_cleanup{}"
    arguments = "(timestamptz, int)"
    reload = "notify pgrst, 'reload schema'"
    newsroom.database.execute(rename.format(arguments, "_gone"))
    newsroom.database.execute(reload)
    with pytest.raises(subprocess.CalledProcessError):
        newsroom.demo.manage("live_cleanup")
    yield
    newsroom.database.execute(rename.format(f"_gone{arguments}", ""))
    newsroom.database.execute(reload)
    wait_until(lambda: cleans(newsroom), within=20)


def cleans(newsroom: Newsroom) -> bool:
    try:
        newsroom.demo.manage("live_cleanup")
    except subprocess.CalledProcessError:
        return False
    return True


@contextmanager
def refused_mirror(newsroom: Newsroom) -> Iterator[None]:
    site_id = newsroom.site["id"]
    refusal = f"check (site_id <> '{site_id}') not valid"
    newsroom.database.execute(f"alter table spool_live.sites add constraint broken {refusal}")
    newsroom.python(f"from spool_live.models import Site; Site.objects.get(pk='{site_id}').save()")
    newsroom.edit()
    yield
    newsroom.database.execute("alter table spool_live.sites drop constraint broken")


@dataclass(frozen=True)
class Case:
    """What is broken, and what everybody says of it."""

    breaking: Callable[[Newsroom], Any]
    kind: str
    state: str
    words: str
    ready: str = "ok"


CASES = [
    pytest.param(
        Case(no_worker, "delivery", "stopped", "nothing has delivered since"), id="worker"
    ),
    pytest.param(Case(no_sweep, "sweep", "stopped", "sweep has not run since"), id="sweep"),
    pytest.param(
        Case(no_broker, "broker", "stopped", "broker has not answered since"), id="broker"
    ),
    pytest.param(
        Case(no_supabase, "supabase", "failing", "Supabase does not answer"), id="supabase"
    ),
    pytest.param(Case(no_cache, "cache", "failing", "cache does not answer"), id="cache"),
    pytest.param(Case(slow_database, "database", "stopped", "does not answer"), id="database"),
    pytest.param(Case(dead_update, "dead", "failing", "value too long"), id="dead"),
    pytest.param(
        Case(blocked_cleanup, "cleanup", "failing", "Cleanup has been failing"), id="cleanup"
    ),
    pytest.param(Case(refused_mirror, "mirror", "failing", "and its API keys"), id="mirror"),
]


@pytest.fixture(scope="module")
def newsroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    folder = tmp_path_factory.mktemp("truth")
    with cache_server(folder) as (cache, url), pytest.MonkeyPatch.context() as environment:
        environment.setenv("DEMO_CACHE_URL", url)
        with running_demo(folder / "demo") as demo:
            asked = Newsroom(demo, cache)
            wait_until(lambda: asked.status()[1] == "ok", within=60)
            yield asked
            asked.close()


@contextmanager
def cache_server(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A Valkey beside the broker's, and its address: the demo has one for both by itself."""
    port = free_port()
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder))
    with subprocess.Popen([find_valkey(), *options], stdout=subprocess.DEVNULL) as server:
        try:
            yield server, f"redis://127.0.0.1:{port}/0"
        finally:
            server.kill()


def contradictions(newsroom: Newsroom, case: Case) -> Iterator[str]:
    """Who does not say what ``case`` is about, the cheapest to ask first."""
    code, state, kinds = newsroom.status()
    if (code, state, kinds[:1]) != (503, case.state, [case.kind]):
        yield f"health/status/: {code} {state} {kinds}"
    if newsroom.public_status().keys() != {"state", "age_seconds"}:
        yield "health/status/ says more than a word and an age"
    if case.words not in (text := newsroom.in_admin()) or f"{case.state}:" not in text:
        yield f"admin: {' '.join(text.split())[-900:]}"
    metrics = newsroom.metrics()
    for line in (f'spool_live_state{{state="{case.state}"}} 1', f'{{kind="{case.kind}"}} 1'):
        if line not in metrics:
            yield f"metrics: no {line}"
    if ("firing", case.kind) not in newsroom.notices():
        yield f"alerts: {newsroom.notices()}"
    exit_code, document = newsroom.command()
    if (exit_code, document["state"]) != (1, case.state):
        yield f"live_status: {exit_code} {document['state']}"
    if case.words not in document["problems"][0]["reason"]:
        yield f"live_status: {document['problems']}"


def complaints(newsroom: Newsroom) -> Iterator[str]:
    """Who does not say that all is well again."""
    code, state, kinds = newsroom.status()
    if (code, state) != (200, "ok"):
        yield f"health/status/: {code} {state} {kinds}"
    sent = [kind for kind, _ in newsroom.notices()]
    if sent.count("firing") != sent.count("recovered"):
        yield f"alerts: {newsroom.notices()}"
    if "ok:" not in newsroom.in_admin():
        yield "admin"
    exit_code, document = newsroom.command()
    if (exit_code, document["state"]) != (0, "ok"):
        yield f"live_status: {document}"


def settle(ask: Callable[[], Iterator[str]], within: float) -> float:
    """Seconds until nobody objects any more."""
    began = time.monotonic()
    while objection := next(ask(), ""):
        assert time.monotonic() - began < within, objection
        time.sleep(0.5)
    return time.monotonic() - began


@pytest.mark.parametrize("case", CASES)
def test_everybody_says_the_same_and_it_is_true(newsroom: Newsroom, case: Case) -> None:
    before = len(newsroom.notices())
    with case.breaking(newsroom):
        took = settle(lambda: contradictions(newsroom, case), WITHIN)
        assert newsroom.ready()["status"] == case.ready
    recovered = settle(lambda: complaints(newsroom), RECOVERS_WITHIN)
    assert newsroom.notices()[before:] == [("firing", case.kind), ("recovered", case.kind)]
    sys.stdout.write(f"{case.kind}: said after {took:.1f} s, over after {recovered:.1f} s\n")
