"""The Celery tasks: in this process, and end to end with a real broker and a real worker."""

from __future__ import annotations

import http.client
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import Celery, current_app
from celery.beat import Scheduler
from celery.schedules import crontab
from django.db import connections

from spool_live import keys, tasks
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.broadcasters.supabase import SupabaseBroadcaster
from spool_live.exceptions import BroadcastUnavailable
from spool_live.local.config import LocalSupabaseConfig
from spool_live.local.processes import free_port, wait_until
from spool_live.models import LiveUpdate, OutboxEntry, Site, SiteMirror
from tests.testapp.models import Article
from tests.waiting import PATIENCE, comes_true
from tests.worker.processes import Process, Project

REAL = f"{SupabaseBroadcaster.__module__}.{SupabaseBroadcaster.__qualname__}"


class TestInThisProcess:
    @pytest.mark.django_db
    def test_deliver_brings_the_site_and_its_updates(self) -> None:
        site = Site.objects.create(name="Courier")
        Article.objects.create(site=site)
        tasks.deliver_updates("default")
        assert [update.seq for update in MemoryBroadcaster.updates] == [1]
        assert str(site.pk) in MemoryBroadcaster.sites

    @pytest.mark.django_db(databases=["default", "other"])
    @pytest.mark.parametrize(
        "task", [lambda: tasks.deliver_updates("default"), tasks.sweep], ids=["deliver", "sweep"]
    )
    def test_revocation_arrives_without_an_update_that_waits(
        self, task: Callable[[], None], make_key: Callable[..., Any]
    ) -> None:
        key, _ = make_key()
        keys.revoke_key(key)
        task()
        held = MemoryBroadcaster.sites[str(key.site_id)]
        assert held["epoch"] == SiteMirror.objects.get(pk=key.site_id).epoch > 1
        assert not [known for known in held["api_keys"] if known["revoked_at"] is None]

    @pytest.mark.django_db
    def test_mirror_brings_the_site_alone(self) -> None:
        site = Site.objects.create(name="Courier")
        tasks.mirror_changes("default")
        assert MemoryBroadcaster.sites.keys() == {str(site.pk)}

    @pytest.mark.django_db(databases=["default", "other"])
    def test_sweep_looks_at_every_content_database(self) -> None:
        for using in ("default", "other"):
            site = Site.objects.using(using).create(name=using)
            Article.objects.using(using).create(site=site)
        tasks.sweep()
        assert len(MemoryBroadcaster.updates) == 2

    @pytest.mark.django_db
    def test_supabase_away_is_a_log_line(self, caplog: pytest.LogCaptureFixture) -> None:
        site = Site.objects.create(name="Courier")
        Article.objects.create(site=site)
        MemoryBroadcaster.failures += [BroadcastUnavailable("no route")] * 2
        tasks.deliver_updates("default")
        assert MemoryBroadcaster.updates == []
        assert "no route" in caplog.text

    @pytest.mark.django_db(databases="__all__")
    def test_clean_up(self) -> None:
        tasks.clean_up()

    def test_worker_readies_the_broadcaster(self, monkeypatch: pytest.MonkeyPatch) -> None:
        prepared: list[str] = []
        monkeypatch.setattr(MemoryBroadcaster, "prepare", lambda self: prepared.append("yes"))
        tasks.prepare_broadcaster()
        assert prepared == ["yes"]

    def test_worker_without_supabase_settings_starts(
        self, monkeypatch: pytest.MonkeyPatch, settings: Any
    ) -> None:
        unset = {"BROADCASTER": REAL, "SUPABASE_URL": ""}
        settings.SPOOL_LIVE = {**settings.SPOOL_LIVE, **unset}
        tasks.prepare_broadcaster()

    def test_schedule_names_tasks_that_exist(self) -> None:
        names = {entry["task"] for entry in tasks.BEAT_SCHEDULE.values()}
        alike = {"sweep", "alerts", "verify", "cleanup"}
        assert names == {f"spool_live.{name}" for name in alike}
        assert names <= current_app.tasks.keys()
        sweep = tasks.BEAT_SCHEDULE["spool-live-sweep"]
        assert sweep == {"task": "spool_live.sweep", "schedule": tasks.SWEEP_SECONDS}
        assert tasks.BEAT_SCHEDULE["spool-live-cleanup"]["schedule"] == crontab(minute="17")

    def test_scheduled_messages_depend_on_no_clock(self) -> None:
        """Neither a queue that is minutes late nor a worker whose clock is wrong drops them."""
        queue = uuid.uuid4().hex
        with Celery(broker="memory://", set_as_current=False) as app:
            app.conf.update(task_default_queue=queue, beat_schedule=tasks.BEAT_SCHEDULE)
            scheduler = Scheduler(app, lazy=True)
            scheduler.setup_schedule()
            ours = {name: scheduler.schedule[name] for name in tasks.BEAT_SCHEDULE}
            for entry in ours.values():
                scheduler.apply_async(entry, advance=False)
            with app.connection_for_read() as connection:
                messages = connection.SimpleQueue(queue)
                for entry in ours.values():
                    headers: dict[str, Any] = messages.get(timeout=5).headers
                    assert headers["task"] == entry.task
                    assert headers["expires"] is None
                    assert headers["eta"] is None


def delivered(site: Site) -> list[tuple[int | None, str | None]]:
    """What subscribers of a site can read: numbers and slugs."""
    rows = LiveUpdate.objects.filter(site_id=site.pk).order_by("seq")
    return list(rows.values_list("seq", "slug"))


@pytest.mark.django_db(transaction=True, databases="__all__")
class TestEndToEnd:
    @pytest.fixture
    def project(self, tmp_path: Path, suite_supabase: LocalSupabaseConfig) -> Project:
        return Project(tmp_path, free_port(), BROADCASTER=REAL)

    @pytest.fixture
    def site(self, transactional_db: None) -> Site:
        return Site.objects.create(name="Courier")

    def sweep_until(self, project: Project, condition: Callable[[], bool]) -> None:
        """What beat does every few seconds, until it has helped."""
        with Celery(broker=project.broker_url, set_as_current=False) as app:
            for _ in range(int(PATIENCE)):
                app.send_task("spool_live.sweep")
                if comes_true(condition, within=1.0):
                    return
        raise AssertionError("the sweep did not help")

    def test_edit_is_delivered_and_a_stopped_broker_costs_only_time(
        self, project: Project, site: Site
    ) -> None:
        with project.broker() as broker, project.worker():
            # The editor's process ends at once: its nudge leaves before it does.
            project.edit(site.pk, "one")
            wait_until(lambda: delivered(site) == [(1, "one")])

            broker.end()
            editor = project.edit(site.pk, "two")
            assert float(editor.stdout) < 1.0
            assert "broker cannot be reached" in editor.stderr
            assert OutboxEntry.objects.get(slug="two").state == "pending"

            with project.broker():
                both = [(1, "one"), (2, "two")]
                self.sweep_until(project, lambda: delivered(site) == both and self.settled())

    def test_worker_killed_in_mid_batch_is_made_up_for_once(
        self, project: Project, site: Site, suite_supabase: LocalSupabaseConfig
    ) -> None:
        short = {"DELIVERY_LEASE": 3, "REQUEST_TIMEOUT": 2}
        with project.broker(), stalling(suite_supabase) as supabase:
            project.configure(BROADCASTER=REAL, SUPABASE_URL=supabase.url, **short)
            with project.worker() as worker:
                project.edit(site.pk, "one")
                wait_until(lambda: delivered(site) == [(1, "one")])
                # The row is there, and the worker will never hear of it.
                assert OutboxEntry.objects.get().state == "pending"
                kill(worker)
            supabase.answers.set()
            with project.worker():
                self.sweep_until(project, self.settled)
        assert delivered(site) == [(1, "one")]
        assert broadcasts(site.pk) == 1

    def test_broker_without_memory_ends_the_worker_and_loses_nothing(
        self, project: Project, site: Site
    ) -> None:
        """Redis at ``maxmemory`` lets a worker take a task off its queue, and refuses to note that
        it did: kombu raises, and Celery ends. What restarts it finds everything in the outbox."""
        with project.broker(), redis.Redis(port=project.port) as memory:
            with project.worker() as worker:
                project.edit(site.pk, "one")
                wait_until(lambda: delivered(site) == [(1, "one")])
                worker.send_signal(signal.SIGSTOP)
                project.edit(site.pk, "two")
                memory.config_set("maxmemory", 1)
                worker.send_signal(signal.SIGCONT)
                wait_until(lambda: not worker.running, PATIENCE)
                assert "command not allowed when used memory > 'maxmemory'" in worker.output
            assert memory.llen("celery") == 0, "the broker has lost the task"
            editor = project.edit(site.pk, "three")
            assert float(editor.stdout) < 1.0
            assert "broker cannot be reached" in editor.stderr
            assert delivered(site) == [(1, "one")]

            memory.config_set("maxmemory", 0)
            with project.worker():
                every = [(1, "one"), (2, "two"), (3, "three")]
                self.sweep_until(project, lambda: delivered(site) == every and self.settled())

    def settled(self) -> bool:
        return set(OutboxEntry.objects.values_list("state", flat=True)) == {"delivered"}


def kill(worker: Process) -> None:
    worker.end(signal.SIGKILL)


def broadcasts(site_id: uuid.UUID) -> int:
    """How many messages went to subscribers of a site."""
    alias = LiveUpdate.objects.db
    with connections[alias].cursor() as cursor:
        query = "select count(*) from realtime.messages where topic like %s"
        cursor.execute(query, [f"site:{site_id}:%"])
        return int(cursor.fetchone()[0])


class Stalling(ThreadingHTTPServer):
    """Passes requests on, and keeps the answers about updates until it is told to give them."""

    daemon_threads = True

    def __init__(self, config: LocalSupabaseConfig) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = f"{config.host}:{config.port}"
        self.answers = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Stalling)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        behind = http.client.HTTPConnection(self.server.behind)
        behind.request("POST", self.path, body, dict(self.headers))
        response = behind.getresponse()
        answer = response.read()
        behind.close()
        if "live_updates" in self.path:
            self.server.answers.wait()
        self.send_response(response.status)
        self.send_header("Content-Type", response.headers.get("Content-Type", ""))
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments: Any) -> None:
        """Quiet."""


@contextmanager
def stalling(config: LocalSupabaseConfig) -> Iterator[Stalling]:
    """A Supabase that takes updates but does not say so."""
    with Stalling(config) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield server
        finally:
            server.answers.set()
            server.shutdown()
            thread.join()
