"""The stage: everything that runs, and the handles by which the faults take hold of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import django

from spool_live.local.config import AT_ONCE, LocalSupabaseConfig
from spool_live.local.instance import LocalDatabase
from spool_live.local.postgres import EmbeddedPostgres
from spool_live.local.processes import free_port, wait_until
from tests.end_to_end.client.gateway_process import Gateway
from tests.faults.chaos import BATCH_SIZE, ROLE, STAGE, SUPABASE
from tests.faults.chaos.part import Part
from tests.faults.chaos.proxy import Proxy
from tests.worker.processes import find_valkey

LEASE = 4.0
LIVE: dict[str, Any] = {
    "REQUEST_TIMEOUT": 1.5,
    "DELIVERY_LEASE": LEASE,
    "RETRY_BASE": 0.05,
    "RETRY_MAX": 0.5,
    "SUPABASE_DATABASE": "supabase",
    "TOKEN_RATE": "100000/min",
    "UPDATES_RATE": "100000/min",
    "ADDRESS_RATE": "100000/min",
}
BATCH_SIZES = (500, 40, 7)
"""Of one release after the other: two deployments at once do not agree on it."""
PATIENCE = 60.0


class Stage:
    """Content and Supabase databases, gateway, proxy, broker, web, beat, workers, subscribers."""

    def __init__(self, folder: Path, seed: int, sites: int, editors: int, rate: float) -> None:
        self.folder = folder
        self.seed = seed
        self.rate = rate / editors
        self.site_count = sites
        self.editor_count = editors
        self.tally = folder / "tally"
        self.seen_folder = folder / "seen"
        self.seen_folder.mkdir()
        self.config = LocalSupabaseConfig.generate(
            folder / "supabase", port=free_port(), database_port=free_port(), pace=AT_ONCE
        )
        self.live = LocalDatabase(self.config)
        password = self.config.database_password
        self.content = EmbeddedPostgres(
            folder / "content", port=free_port(), password=password, superuser="postgres"
        )
        self.gateway = Gateway(self.config)
        self.proxy = Proxy(self.config.port)
        self.broker_port, self.web_port = free_port(), free_port()
        self.workers: list[Part] = []
        self.retired: list[Part] = []
        self.editors: list[Part] = []
        self._releases = self._hired = 0

        if sys.dont_write_bytecode:  # processes are started by the hundred
            os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
            os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Starts everything but the editors, in order, and ends it in reverse."""
        with ExitStack() as stack:
            stack.enter_context(self.content)
            stack.enter_context(self.live)
            self._set_up_django()
            stack.callback(self.gateway.kill)
            self.gateway.start()
            self.proxy.start()
            stack.callback(self.proxy.stop)
            self._make_sites()
            stack.callback(self._end_processes)
            self._start_processes()
            yield

    def new_worker(self) -> Part:
        """A worker of the next release, started."""
        size = BATCH_SIZES[self._releases % len(BATCH_SIZES)]
        self._releases += 1
        name = f"worker-{self._releases}"
        celery = (sys.executable, "-m", "celery", "-A", "tests.faults.chaos.celery", "worker")
        options = ("-c", "2", "-n", name, "--without-gossip", "--without-mingle", "-l", "WARNING")
        worker = self._part(
            name, *celery, *options, **{SUPABASE: self.proxy.url, BATCH_SIZE: str(size)}
        )
        worker.start()
        return worker

    def new_beat(self, name: str) -> Part:
        """A beat, started."""
        celery = (sys.executable, "-m", "celery", "-A", "tests.faults.chaos.celery", "beat")
        beat = self._part(
            name, *celery, "-s", str(self.folder / name), "-l", "WARNING", "--pidfile="
        )
        beat.start()
        return beat

    def hire(self) -> Part:
        """An editor, started."""
        self._hired += 1
        name, seed = f"editor-{self._hired}", str(self.seed * 1000 + self._hired)
        module = (sys.executable, "-m", "tests.faults.chaos.editors")
        editor = self._part(name, *module, name, seed, str(self.rate), str(self.tally))
        editor.start()
        return editor

    def new_broker(self) -> Part:
        """The broker, not started; it keeps its data over a restart."""
        data = self.folder / "broker-data"
        data.mkdir(exist_ok=True)
        options = ("--port", str(self.broker_port), "--bind", "127.0.0.1", "--save", "")
        return self._part(
            "broker", find_valkey(), *options, "--appendonly", "yes", "--dir", str(data)
        )

    def start_broker(self) -> None:
        self.broker.start()
        wait_until(lambda: _listens(self.broker_port), PATIENCE, "the broker")

    def forget_broker_data(self) -> None:
        shutil.rmtree(self.folder / "broker-data")
        (self.folder / "broker-data").mkdir()

    def start_editors(self) -> None:
        self.editors = [self.hire() for _ in range(self.editor_count)]

    def stop_editors(self) -> None:
        """Lets each finish its transaction."""
        for editor in self.editors:
            editor.signal(signal.SIGTERM)
        for editor in self.editors:
            editor.stop()

    def supervise(self) -> list[str]:
        """Starts again what has ended by itself, as a service manager does; its kinds."""
        parts = [self.broker, self.web, self.beat, self.subscribers, *self.workers]
        gone = [part for part in parts if not part.running]
        for part in gone:
            part.start()
        return [part.name.partition("-")[0] for part in gone]

    def _part(self, name: str, *command: str, **environment: str) -> Part:
        return Part(self.folder, name, *command, **{ROLE: name, **environment})

    def _set_up_django(self) -> None:
        stage = {
            "content": {
                "PORT": self.content.port,
                "USER": "postgres",
                "PASSWORD": self.config.database_password,
            },
            "supabase": {
                "PORT": self.config.database_port,
                "USER": "postgres",
                "PASSWORD": self.config.database_password,
            },
            "broker_url": f"redis://127.0.0.1:{self.broker_port}/0",
            "live": {
                **LIVE,
                "SUPABASE_URL": self.config.url,
                "SUPABASE_PUBLISHABLE_KEY": self.config.publishable_key,
                "SUPABASE_SECRET_KEY": self.config.secret_key,
                "JWT_SIGNING_KEY": self.config.jwt_secret,
            },
        }
        file = self.folder / "stage.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(stage))
        os.environ.update(
            {STAGE: str(file), "DJANGO_SETTINGS_MODULE": "tests.faults.chaos.settings"}
        )
        django.setup()
        from django.core.management import call_command

        from tests.faults.chaos import celery  # noqa: F401 - as a project's own __init__ would

        call_command("migrate", database="default", verbosity=0)
        call_command("migrate", database="default", run_syncdb=True, verbosity=0)  # refers to it
        call_command("migrate", database="supabase", verbosity=0)

    def _make_sites(self) -> None:
        from spool_live import keys
        from spool_live.delivery import mirror
        from spool_live.models import Site

        sites = []
        for n in range(self.site_count):
            site = Site.objects.create(name=f"site {n}")
            _, plain = keys.create_key(site, name="front end")
            url = f"http://127.0.0.1:{self.web_port}/spool-live/"
            sites.append({"site_id": str(site.pk), "api_key": plain, "api_url": url})
        mirror.mirror_pending("default")
        file = self.seen_folder / "sites.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(sites, default=str))

    def _start_processes(self) -> None:
        python = (sys.executable, "-m")
        port = str(self.web_port)
        self.broker = self.new_broker()
        self.start_broker()
        self.web = self._part(
            "web", *python, "uvicorn", "--factory", "django.core.asgi:get_asgi_application",
            "--port", port, "--log-level", "warning", "--no-access-log", "--lifespan", "off",
        )  # fmt: skip
        self.web.start()
        self.workers = [self.new_worker(), self.new_worker()]
        self.beat = self.new_beat("beat")
        wait_until(lambda: _listens(self.web_port), PATIENCE, "the web process")
        module = "tests.faults.chaos.subscribers"
        self.subscribers = self._part("subscribers", *python, module, str(self.seen_folder))
        self.subscribers.start()

    def _end_processes(self) -> None:
        parts = [*self.editors, *self.workers, *self.retired]
        parts += [getattr(self, name) for name in _SINGLE if hasattr(self, name)]
        for part in parts:
            part.kill()


_SINGLE = ("beat", "subscribers", "web", "broker")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
